//! A draft as a scenario's text.
//!
//! Guarantees: nothing of the traces but names, numbers and counts is in it.
//!
//! Does not know: how anything was measured.

use super::draft::{Drafted, TraceDraft};
use super::estimates::TraceEstimate;
use super::ways::DraftWhen;
use crate::figure::count;
use crate::knowledge::tokens;

/// What stands for instructions; none of its words changes what a mock model does.
const FILLER: &str = "This text stands for instructions of your agent that traces do not hold. ";
/// Most tokens of it.
const MOST_FILLER: f64 = 20_000.0;

/// The scenario.
pub(super) fn scenario_text(draft: &TraceDraft, sources: &str) -> String {
    let mut text = format!(
        "// Written by simlab calibrate from {} traces ({sources}).\n//\n// Numbers with an interval are measured (90%); the others are assumed. What the traces do not tell:\n",
        count(draft.traces)
    );
    for assumed in &draft.assumed {
        text += &comment(assumed);
    }
    if !draft.left_out.is_empty() {
        text += "//\n// What the traces have and this scenario does not:\n";
        for left_out in &draft.left_out {
            text += &comment(left_out);
        }
    }
    text += "//\n// Prices:\n";
    for price in &draft.prices {
        text += &comment(price);
    }
    text += &format!("(\n    title: \"Calibrated from {} traces\",\n", count(draft.traces));
    if !draft.costs_known {
        text += "    prices_unknown: true,\n";
    }
    text += "    traffic: (\n        queries: 2000,\n        pii_percentage: 0,\n        // Questions are alike in depth, so that lengths are the measured ones.\n        complexity: (basic: \"0%\", intermediate: \"100%\", advanced: \"0%\"),\n    ),\n";
    text += &users(draft);
    text += &models(draft);
    text += &tools(draft);
    text += &graph(draft);
    text += &outcomes(draft);
    if let Some(sigma) = draft.difficulty {
        text += &format!(
            "    // How much the number of tool calls differs between questions.\n    causes: (difficulty_sigma: {sigma:.3}),\n"
        );
    }
    text += &experiment(draft);
    text + ")\n"
}

fn comment(line: &str) -> String {
    let options = textwrap::Options::new(110).initial_indent("// - ").subsequent_indent("//   ");
    textwrap::wrap(line, options).join("\n") + "\n"
}

/// A line with what stands behind its number.
fn line(
    indent: usize,
    code: &str,
    shown: impl Fn(f64) -> String,
    drafted: (TraceEstimate, u64, &str),
) -> String {
    let ((value, [low, high]), n, of) = drafted;
    let code = format!("{:indent$}{code}", "");
    if n == 0 {
        return format!("{code:<52} // taken as {}: there are no {of}\n", shown(value));
    }
    if low == high {
        return format!("{code:<52} // from {} {of}\n", count(n));
    }
    format!("{code:<52} // {} to {}, from {} {of}\n", shown(low), shown(high), count(n))
}

fn duration(seconds: f64) -> String {
    format!("\"{}us\"", libm::round(seconds.clamp(0.0, 2_500_000.0) * 1e6) as u64)
}

fn short(seconds: f64) -> String {
    if seconds < 0.1 { format!("{:.3} ms", seconds * 1e3) } else { format!("{seconds:.3} s") }
}

fn users(draft: &TraceDraft) -> String {
    let own = &draft.visitors;
    let mut text = String::new();
    if draft.has_users
        && let Some((visits, interval)) = own.visits_per_user.filter(|(visits, _)| *visits > 1.005)
    {
        let users = own.users as u64;
        let most = visits.min(100.0);
        text += "    users: (\n";
        let code = format!("visits: Geometric({most:.3}),");
        text += &line(8, &code, |x| format!("{x:.3}"), ((visits, interval), users, "users"));
        let gap = own.gap_seconds.unwrap_or((86_400.0, [86_400.0; 2]));
        let code = format!("gap: {},", duration(gap.0.clamp(0.001, 2_500_000.0)));
        text += &line(8, &code, |x| format!("{x:.0} s"), (gap, own.gaps as u64, "gaps"));
        if let (Some(alike), Some(kept)) = (own.alike, draft.persistence) {
            text += &format!(
                "        // Matched by simulation: the output tokens of a user's visits to the same agents correlate by {alike:.3}, from {} users.\n        persistence: {kept:.3},\n",
                count(own.returning as u64)
            );
        }
        text += "    ),\n";
    }
    if draft.has_sessions
        && let Some((turns, interval)) = own.turns_per_session.filter(|(turns, _)| *turns > 1.005)
    {
        text += "    conversation: (\n";
        let code = format!("turns: Geometric({:.3}),", turns.min(20.0));
        text +=
            &line(8, &code, |x| format!("{x:.3}"), ((turns, interval), own.users as u64, "users"));
        let pause = own.pause_seconds.unwrap_or((30.0, [30.0; 2]));
        let code = format!("pause: {},", duration(pause.0.max(0.001)));
        text += &line(8, &code, |x| format!("{x:.1} s"), (pause, own.pauses as u64, "pauses"));
        text += "        // Nobody stops because of an answer: the number of questions is the measured one.\n        stops: (strong: 0, fair: 0, weak: 0),\n    ),\n";
    }
    text
}

fn models(draft: &TraceDraft) -> String {
    let mut text = "    models: {\n".to_owned();
    for model in &draft.models {
        text += &format!("        \"{}\": (\n", model.id.escape_default());
        if let Some(like) = &model.like {
            text += &format!("            like: \"{}\",\n", like.escape_default());
        }
        if let Some([input, output]) = model.prices {
            let price = |dollars: f64| format!("\"${:.6}\"", dollars.clamp(0.0, 1_000_000.0));
            text += &format!(
                "            // From the log's costs.\n            input_price: {},\n            output_price: {},\n",
                price(input),
                price(output)
            );
        } else if model.no_price {
            text += "            no_price: true,\n";
        }
        for group in ["latency", "failures", ""] {
            let inside: Vec<_> = model
                .fields
                .iter()
                .filter(|(field, ..)| field.split_once('.').map_or("", |(group, _)| group) == group)
                .collect();
            if inside.is_empty() {
                continue;
            }
            let indent = if group.is_empty() { 12 } else { 16 };
            if !group.is_empty() {
                text += &format!("            {group}: (\n");
            }
            for (field, estimate, n, of) in inside {
                text += &model_line(indent, field, *estimate, *n, of);
            }
            if group == "latency"
                && !model.fields.iter().any(|(field, ..)| *field == "latency.stall")
            {
                text += "                stall: \"0s\",\n";
            }
            if !group.is_empty() {
                text += "            ),\n";
            }
        }
        if let Some(appetite) = model.appetite {
            let code = format!("{:12}tool_appetite: {:.4},", "", appetite.clamp(0.0, 50.0));
            text += &format!(
                "{code:<52} // matched by simulation, to {} visits\n",
                count(model.appetite_of)
            );
        }
        text += "        ),\n";
    }
    text + "    },\n"
}

fn model_line(indent: usize, field: &str, estimate: TraceEstimate, n: u64, of: &str) -> String {
    let name = field.rsplit('.').next().unwrap_or_default();
    match field {
        "latency.base" | "latency.per_token" | "latency.stall" => {
            let code = format!("{name}: {},", duration(estimate.0));
            line(indent, &code, short, (estimate, n, of))
        }
        "answer_tokens" => {
            let code = format!("{name}: {:.1},", estimate.0.clamp(12.0, 100_000.0));
            line(indent, &code, |x| format!("{x:.0}"), (estimate, n, of))
        }
        "latency.sigma" | "answer_sigma" | "reasoning_sigma" => {
            let code = format!("{name}: {:.4},", estimate.0.min(3.0));
            line(indent, &code, |x| format!("{x:.4}"), (estimate, n, of))
        }
        _ => {
            let code = format!("{name}: {:.6},", estimate.0);
            line(indent, &code, |x| format!("{x:.4}"), (estimate, n, of))
        }
    }
}

fn tools(draft: &TraceDraft) -> String {
    if draft.tools.is_empty() {
        return String::new();
    }
    let all: f64 = draft.tools.iter().map(|tool| tool.appeal).sum();
    let mut text = "    tools: {\n".to_owned();
    for tool in &draft.tools {
        text += &format!(
            "        \"{}\": (\n            like: \"arxiv_search\",\n            description: \"A tool of the traced application.\",\n",
            tool.key
        );
        match tool.latency {
            Some((estimate, n, of)) => {
                let code = format!("latency: {},", duration(estimate.0));
                text += &line(12, &code, short, (estimate, n, of));
            }
            None => text += "            latency: \"200ms\", // assumed\n",
        }
        match tool.tokens {
            Some((estimate, n, of)) => {
                let code = format!("tokens: {:.0},", estimate.0);
                text += &line(12, &code, |x| format!("{x:.0}"), (estimate, n, of));
            }
            None => text += "            tokens: 200, // assumed\n",
        }
        text += &format!(
            "            appeal: {:.4}, // its share of the tool calls, in percent\n        ),\n",
            (tool.appeal / all.max(1.0) * 100.0).max(0.0001)
        );
    }
    text + "    },\n"
}

fn graph(draft: &TraceDraft) -> String {
    let root = draft.agents.first().map_or("", |agent| agent.key.as_str());
    let mut text = format!(
        "    graph: (\n        key: \"traced-graph\",\n        root: \"{root}\",\n        nodes: {{\n"
    );
    for agent in &draft.agents {
        text += &format!("            \"{}\": (\n", agent.key);
        text += &match (agent.plan, agent.answers) {
            (Some((low, high)), _) => {
                format!("                role: Plan(subtasks: ({low}, {high})),\n")
            }
            (None, true) => "                role: Answer,\n".to_owned(),
            (None, false) => "                role: Research,\n".to_owned(),
        };
        text += &format!("                model: \"{}\",\n", agent.model.escape_default());
        text += &format!("                instructions: \"{}\",\n", filler(agent.padding));
        if !agent.tools.is_empty() {
            let tools: Vec<String> = agent.tools.iter().map(|tool| format!("\"{tool}\"")).collect();
            text += &format!(
                "                tools: [{}],\n                max_tool_calls: {}, // the most that a visit has\n",
                tools.join(", "),
                agent.max_tool_calls
            );
        }
        let tokens = |text: &mut String, name: &str, least: f64, drafted: &Drafted| {
            if let Some((estimate, n, of)) = drafted {
                let code = format!("{name}: {:.1},", estimate.0.clamp(least, 100_000.0));
                *text += &line(16, &code, |x| format!("{x:.0}"), (*estimate, *n, of));
            }
        };
        if agent.plan.is_none() {
            tokens(&mut text, "answer_tokens", 12.0, &agent.answer_tokens);
        }
        tokens(&mut text, "reasoning_tokens", 0.0, &agent.reasoning_tokens);
        if let Some(caching) = agent.caching {
            text += &format!("                prompt_caching: {caching},\n");
        }
        text += "            ),\n";
    }
    text += "        },\n";
    if !draft.edges.is_empty() {
        text += "        edges: [\n";
        for (edge, from, to) in &draft.edges {
            let when = match edge.when {
                DraftWhen::Always => String::new(),
                DraftWhen::Share(share) => {
                    format!(", when: Share(\"{:.3}%\")", (share * 1e5).floor() / 1e3)
                }
                DraftWhen::Parallel => ", when: Parallel".to_owned(),
                DraftWhen::Subtask => ", when: Subtask".to_owned(),
            };
            let most = edge.at_most.map(|most| format!(", at_most: {most}")).unwrap_or_default();
            let join = if edge.join { ", join: true" } else { "" };
            let text_only = draft.agents.iter().any(|agent| agent.key == *to && agent.text_only);
            let hands_over = if text_only { ", hands_over: Text" } else { "" };
            let (_, [low, high]) = edge.share;
            text += &format!(
                "            // {:.1}% to {:.1}% of {} visits\n            (from: \"{from}\", to: \"{to}\"{when}{most}{join}{hands_over}),\n",
                low * 100.0,
                high * 100.0,
                count(edge.of)
            );
        }
        text += "        ],\n";
    }
    let tried = tried(draft);
    text + &format!(
        "    ),\n    // What you want to try stands here, such as another model or `max_tokens`.\n    configs: {{ \"{tried}\": (variations: {{ \"candidate\": (like: \"default\") }}) }},\n"
    )
}

/// The agent that the experiment is about: of those that answer, the one with most visits.
fn tried(draft: &TraceDraft) -> &str {
    let answering = draft.agents.iter().filter(|agent| agent.answers);
    let most = answering.max_by_key(|agent| agent.visits).or(draft.agents.first());
    most.map_or("", |agent| agent.key.as_str())
}

/// Instructions of this many tokens.
fn filler(tokens_wanted: f64) -> String {
    let each = f64::from(tokens::count(&FILLER.repeat(20))) / 20.0;
    let words: Vec<&str> = FILLER.split_whitespace().collect();
    let wanted = tokens_wanted.clamp(1.0, MOST_FILLER) / each * words.len() as f64;
    let wanted = (libm::round(wanted) as usize).max(2);
    words.iter().cycle().take(wanted).copied().collect::<Vec<_>>().join(" ")
}

fn outcomes(draft: &TraceDraft) -> String {
    if draft.outcomes.is_empty() {
        return String::new();
    }
    let mut text = "    outcomes: {\n".to_owned();
    for own in &draft.outcomes {
        if let Some((chance, interval)) = own.chance {
            let code = format!("\"{}\": (baseline: {chance:.5}),", own.key);
            text += &line(8, &code, |x| format!("{x:.4}"), ((chance, interval), own.n, "scores"));
        } else if let Some((mean, sd)) = own.score {
            let (mean, sd) = (mean.clamp(0.0, 1.0), sd.clamp(0.0, 1.0));
            text += &format!(
                "        // From {} scores.\n        \"{}\": (score: (strong: {mean:.5}, fair: {mean:.5}, weak: {mean:.5}, sd: {sd:.5})),\n",
                count(own.n),
                own.key
            );
        }
    }
    text + "    },\n"
}

fn experiment(draft: &TraceDraft) -> String {
    let tried = tried(draft);
    let mut metrics = vec!["positive_feedback_rate".to_owned()];
    if draft.costs_known {
        metrics.push("ai_cost_per_request".to_owned());
    }
    metrics.push("p95_total_user_latency".to_owned());
    metrics.extend(draft.outcomes.iter().take(5).map(|own| own.key.clone()));
    let metrics: Vec<String> = metrics.iter().map(|metric| format!("\"{metric}\"")).collect();
    let beats = if draft.costs_known { "ai_cost_per_request" } else { "p95_total_user_latency" };
    format!(
        "    experiments: [
        (
            key: \"candidate-against-default\",
            hypothesis: \"The candidate is better\",
            config: \"{tried}\",
            control: \"default\",
            split: {{ \"default\": \"50%\", \"candidate\": \"50%\" }},
            metrics: [{}],
            decision: (
                ship: \"candidate\",
                when: All([
                    Beats(metric: \"{beats}\", probability: 0.95),
                    NonInferior(metric: \"positive_feedback_rate\", margin: 0.05, probability: 0.9),
                ]),
            ),
        ),
    ],
",
        metrics.join(", ")
    )
}
