//! The traces of a known application, calibrated: its scenario has the power of the original.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use simlab::journal::{Caller, Entry, Event};
use simlab::random::Seed;
use simlab::scenario::Scenario;

use super::lab::{Lab, journal};
use super::program::{folder, simlab_in};

/// An application with tools and users who come back, of which the traces tell everything that the
/// cost of a request follows from.
const ORIGINAL: &str = r#"(
    title: "An application with a known profile",
    seed: 11,
    traffic: (queries: 2000, pii_percentage: 0, complexity: (basic: "0%", intermediate: "100%", advanced: "0%")),
    users: (visits: Geometric(2.5), gap: "1d", persistence: 0.6),
    graph: (
        root: "triage",
        nodes: {
            "triage": (role: Research, model: "gpt-6-luna"),
            "docs": (role: Answer, model: "gpt-6.1-terra", tools: ["TOOL"], max_tool_calls: 20),
            "billing": (role: Answer, model: "gpt-6-luna"),
        },
        edges: [
            (from: "triage", to: "billing", when: Share("30%")),
            (from: "triage", to: "docs"),
        ],
    ),
    models: {
        "gpt-6-luna": (
            answer_tokens: 40,
            answer_sigma: 0.3,
            latency: (base: "60ms", per_token: "1ms", sigma: 0.2, stall_chance: 0),
            failures: (error: 0, rate_limit: 0, refusal: 0, malformed: 0),
        ),
        "gpt-6.1-terra": (
            answer_tokens: 150,
            answer_sigma: 0.5,
            tool_appetite: 1.2,
            latency: (base: "100ms", per_token: "1ms", sigma: 0.2, stall_chance: 0),
            failures: (error: 0.01, rate_limit: 0, refusal: 0, malformed: 0),
        ),
    },
    tools: {
        "papers": (like: "arxiv_search", description: "Find papers.", latency: "200ms", tokens: 250),
    },
    causes: (difficulty_sigma: 0.5),
    configs: { "docs": (variations: { "candidate": (like: "default") }) },
"#;

/// The experiment, the same for both.
const EXPERIMENT: &str = r#"    experiments: [
        (
            key: "limits",
            config: "docs",
            control: "default",
            split: { "default": "50%", "candidate": "50%" },
            metrics: ["ai_cost_per_request", "p95_total_user_latency"],
            decision: (ship: "candidate", when: Beats(metric: "METRIC", probability: 0.95)),
        ),
    ],
)
"#;

const METRICS: [&str; 2] = ["ai_cost_per_request", "p95_total_user_latency"];

/// An OTLP span.
fn span(trace: u64, (id, parent): (u64, u64), (start, end): (u64, u64), own: &Value) -> Value {
    let attributes: Vec<Value> = own
        .as_object()
        .unwrap()
        .iter()
        .filter(|(key, _)| *key != "failed")
        .map(|(key, value)| match value {
            Value::Number(number) => json!({"key": key, "value": {"intValue": number.to_string()}}),
            other => json!({"key": key, "value": {"stringValue": other}}),
        })
        .collect();
    let parent = if parent == 0 { String::new() } else { format!("{parent:016x}") };
    let status = if own.get("failed").is_some() { json!({"code": 2}) } else { json!({}) };
    let at = |us: u64| (1_760_000_000_000_000_000 + us * 1000).to_string();
    json!({
        "traceId": format!("{trace:032x}"), "spanId": format!("{id:016x}"), "parentSpanId": parent,
        "name": "a span", "startTimeUnixNano": at(start), "endTimeUnixNano": at(end),
        "attributes": attributes, "status": status,
    })
}

/// A request that goes on.
#[derive(Default)]
struct Open {
    trace: u64,
    ids: u64,
    /// What the agent that works did, without a parent yet.
    inside: Vec<((u64, u64), Value)>,
    spans: Vec<Value>,
}

/// What happened as an instrumented application writes it: a line for each request.
fn otlp(scenario: &Scenario, entries: &[Entry]) -> String {
    let mut open: BTreeMap<u32, Open> = BTreeMap::new();
    let (mut traces, mut text) = (0, String::new());
    for entry in entries {
        let at = entry.at.us();
        if let Event::Arrived { .. } = entry.event {
            traces += 1;
            open.insert(entry.user, Open { trace: traces, ..Open::default() });
        }
        let Some(own) = open.get_mut(&entry.user) else { continue };
        let name = |caller: Caller| match caller {
            Caller::Agent(agent) => Some(scenario.graph.node(agent).name.clone()),
            _ => None,
        };
        let model = |model: u16| scenario.models[usize::from(model)].id.clone();
        match entry.event {
            Event::Completed { caller: Caller::Agent(_), model: asked, latency, .. }
            | Event::CallFailed { caller: Caller::Agent(_), model: asked, latency, .. } => {
                let mut call =
                    json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": model(asked)});
                match entry.event {
                    Event::Completed { input_tokens, output_tokens, .. } => {
                        call["gen_ai.usage.input_tokens"] = json!(input_tokens);
                        call["gen_ai.usage.output_tokens"] = json!(output_tokens);
                    }
                    _ => {
                        call["failed"] = json!(1);
                        call["error.type"] = json!("500");
                    }
                }
                own.inside.push(((at - latency.us(), at), call));
            }
            Event::ToolUsed { tool, latency, .. } => {
                let tool = scenario.tools[usize::from(tool)].key.clone();
                let used =
                    json!({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool});
                own.inside.push(((at - latency.us(), at), used));
            }
            Event::AgentFinished { caller, duration, .. } => {
                let Some(name) = name(caller) else { continue };
                let agent = json!({
                    "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name,
                    "user.id": format!("user-{}", entry.user),
                });
                own.ids += 1;
                let id = own.ids;
                let spent = (at - duration.us(), at);
                own.spans.push(span(own.trace, (id, 0), spent, &agent));
                for (times, inner) in std::mem::take(&mut own.inside) {
                    own.ids += 1;
                    own.spans.push(span(own.trace, (own.ids, id), times, &inner));
                }
            }
            Event::Finished { .. } => {
                let Some(own) = open.remove(&entry.user) else { continue };
                let line = json!({"resourceSpans": [{"scopeSpans": [{"spans": own.spans}]}]});
                writeln!(text, "{line}").unwrap();
            }
            _ => {}
        }
    }
    text
}

/// What a power analysis says of the candidate: its true change, with its standard error, and how often
/// it ships at each size.
struct Found {
    change: [f64; 2],
    ships: Vec<f64>,
}

/// The sizes.
const SIZES: [&str; 2] = ["150", "300"];

impl Found {
    fn of(text: &str, place: &Path, metric: usize, replications: u32) -> Self {
        fs::write(place.join("design.ron"), text).unwrap();
        let replications = replications.to_string();
        let sizes = SIZES.join(",");
        let asked = ["power", "design.ron", "--users", &sizes, "--replications", &replications];
        let other = ["--truth-users", "2000", "--quiet", "--format", "json"];
        let found = simlab_in(place, &[&asked[..], &other].concat()).json();
        let study = &found["experiments"][0];
        let truth = &study["truth"][metric];
        let ships = study["sizes"].as_array().unwrap().iter();
        Self {
            change: ["relative_difference", "relative_error"]
                .map(|key| truth[key].as_f64().unwrap()),
            ships: ships.map(|size| size["decisions"]["ship"]["value"].as_f64().unwrap()).collect(),
        }
    }
}

/// A variation that is tried, and what decides.
struct Design {
    /// The tool of the application. The answers of the built-in search are longer in visits with many
    /// calls, which no scenario can say; those of `papers` are alike.
    tool: &'static str,
    candidate: &'static str,
    metric: usize,
}

/// Calibrates a scenario from traces of the original, and compares the power of both under the same
/// designs. Prints the rows of the table in docs/data.md.
fn recovered(test: &str, users: u32, designs: &[Design], replications: u32) {
    let place = folder(test);
    println!(
        "| tool | candidate | decides | users | original ships | calibrated ships | true change |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut wrong = Vec::new();
    for Design { tool, candidate, metric } in designs {
        let original = ORIGINAL.replace("TOOL", tool);
        let traced = calibrated(&place, &original, users);
        let [own, other] = [&original, &traced].map(|text| {
            let like = format!("(like: \"default\", {candidate})");
            assert_eq!(text.matches("(like: \"default\")").count(), 1);
            let text = text.replace("(like: \"default\")", &like);
            let text = format!("{text}{EXPERIMENT}").replace("METRIC", METRICS[*metric]);
            Found::of(&text, &place, *metric, replications)
        });
        let name = format!("{tool}, {candidate}, {}", METRICS[*metric]);
        // The traces are a sample, too: three standard errors of the tool calls that 3,000 users save are
        // a tenth of the change.
        let ([change, error], [found, its_error]) = (own.change, other.change);
        let apart = (change - found).abs();
        if apart > 3.0 * error.hypot(its_error) + 0.1 * change.abs() {
            wrong.push(format!("{name}: a true change of {found}, not {change}"));
        }
        for (users, (p, q)) in SIZES.iter().zip(own.ships.iter().zip(&other.ships)) {
            println!(
                "| `{tool}` | `{candidate}` | `{}` | {users} | {:.1}% | {:.1}% | {:.1}%, {:.1}% |",
                METRICS[*metric],
                100.0 * p,
                100.0 * q,
                100.0 * change,
                100.0 * found
            );
            let pooled = f64::midpoint(*p, *q).clamp(0.02, 0.98);
            let error = (2.0 * pooled * (1.0 - pooled) / f64::from(replications)).sqrt();
            if (p - q).abs() > 3.0 * error {
                wrong.push(format!("{name}, {users} users: {q}, not {p}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The scenario that comes of the original's traces, without its experiment.
fn calibrated(place: &Path, original: &str, users: u32) -> String {
    let whole = format!("{original}{EXPERIMENT}").replace("METRIC", METRICS[0]);
    let scenario = Lab::text(whole).scenario();
    let entries = journal(&scenario, Seed(5), users);
    fs::write(place.join("spans.jsonl"), otlp(&scenario, &entries)).unwrap();
    let out = place.join("traced.ron");
    let _ = fs::remove_file(&out);
    simlab_in(place, &["calibrate", "spans.jsonl", "--out", "traced.ron", "--format", "json"])
        .json();
    let traced = fs::read_to_string(out).unwrap();
    // What users keep is not itself in the traces: that their lengths correlate is.
    let (_, kept) = traced.split_once("persistence: ").unwrap();
    let kept: f64 = kept.split(',').next().unwrap().parse().unwrap();
    assert!((kept - 0.6).abs() < 0.15, "{kept}");
    traced.split_once("    experiments: [").unwrap().0.to_owned()
}

#[test]
fn a_calibrated_scenario_has_the_power_of_the_original() {
    let design = Design { tool: "papers", candidate: "max_tool_calls: 1", metric: 0 };
    recovered("traces-power", 3_000, &[design], 40);
}

#[test]
#[ignore = "some minutes: the table of docs/data.md"]
fn calibrated_scenarios_have_the_power_of_the_original() {
    let designs = [
        Design { tool: "papers", candidate: "max_tool_calls: 1", metric: 0 },
        Design { tool: "papers", candidate: "max_tokens: 200", metric: 0 },
        Design { tool: "papers", candidate: "max_tokens: 200", metric: 1 },
        Design { tool: "search_v2", candidate: "max_tool_calls: 1", metric: 0 },
    ];
    recovered("traces-power-study", 6_000, &designs, 300);
}
