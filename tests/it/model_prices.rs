//! What calls cost beside plain tokens: reasoning, and calls in batches. Every expected number is
//! worked out here from tokens and the prices in the file.

use simlab::journal::{Caller, Entry, Event};
use simlab::report::{Palette, Report, to_text};
use simlab::run::{PreparedScenario, RunOptions, run};
use simlab::time::Duration;

use crate::lab::{Lab, journal};

/// One agent with tools whose speed has no luck: 10 ms a token and half a second.
const DESK: &str = r#"(
    seed: 5, traffic: (queries: 300, pii_percentage: 0),
    models: { "own": (
        like: "claude-sonnet-5-5", input_price: "$2.00", output_price: "$10.00",
        latency: (base: "500ms", per_token: "10ms", sigma: 0, stall_chance: 0),
    ) },
    graph: (root: "assistant", nodes: {
        "assistant": (model: "own", tools: ["search_v2"]),
    }),
    configs: { "assistant": (variations: { "other": (name: "Other") }) },
    judge: (model: "gpt-6-luna"),
    experiments: [(
        key: "x", config: "assistant", control: "default",
        split: { "default": "50%", "other": "50%" }, metrics: ["positive_feedback_rate"],
    )],
)"#;

/// Input tokens, output tokens, nano-dollars and time of each call of the agent.
fn calls(lab: Lab) -> Vec<(u64, u64, u64, Duration)> {
    let scenario = lab.scenario();
    let call = |entry: &Entry| match entry.event {
        Event::Completed {
            served: Some(_), input_tokens, output_tokens, latency, cost, ..
        } => Some((input_tokens.into(), output_tokens.into(), cost?.nano_dollars(), latency)),
        _ => None,
    };
    // User by user: those who wait longer are overtaken by others.
    let mut entries = journal(&scenario, scenario.seed, 300);
    entries.sort_by_key(|entry| entry.user);
    entries.iter().filter_map(call).collect()
}

#[test]
fn reasoning_is_charged_and_waited_for_as_output_and_not_sent_again() {
    let plain = calls(Lab::text(DESK));
    let reasons = r#"model: "own", reasoning_tokens: 400"#;
    let own = calls(
        Lab::text(DESK)
            .changes(&[(r#"model: "own""#, reasons), ("like:", "reasoning_sigma: 0, like:")]),
    );
    assert!(plain.len() > 400 && plain.len() == own.len(), "{} {}", plain.len(), own.len());
    for (plain, own) in plain.iter().zip(&own) {
        assert_eq!(own.0, plain.0, "what is sent stays the same, after a tool call too");
        assert_eq!(own.1, plain.1 + 400);
        assert_eq!(own.2, own.0 * 2_000 + own.1 * 10_000);
        assert_eq!(own.3, plain.3 + Duration::from_us(400 * 10_000));
    }
}

#[test]
fn reasoning_varies_around_its_median_and_leaves_room_for_the_reply() {
    let plain = calls(Lab::text(DESK));
    let sizes = |changes: &[(&str, &str)]| -> Vec<u64> {
        let own = calls(Lab::text(DESK).changes(changes));
        assert_eq!(own.len(), plain.len());
        let mut sizes: Vec<u64> =
            own.iter().zip(&plain).map(|(own, plain)| own.1 - plain.1).collect();
        sizes.sort_unstable();
        sizes
    };
    // Of the model, for all of its variations: a log-normal number with the median 400, half of which
    // lies between 400 / 1.404 and 400 * 1.404 (the quartile of the normal distribution is 0.6745,
    // and 0.6745 * 0.5 = ln 1.401).
    let wide = sizes(&[("like:", "reasoning_tokens: 400, reasoning_sigma: 0.5, like:")]);
    let (half, quarter) = (wide.len() / 2, wide.len() / 4);
    assert!((370..=430).contains(&wide[half]), "{}", wide[half]);
    assert!((265..=305).contains(&wide[quarter]), "{}", wide[quarter]);
    assert!((525..=600).contains(&wide[3 * quarter]), "{}", wide[3 * quarter]);
    // A cap on output holds for both together.
    let capped = calls(
        Lab::text(DESK)
            .changes(&[("like:", "max_output_tokens: 3000, reasoning_tokens: 90000, like:")]),
    );
    assert!(capped.iter().all(|own| own.1 <= 3000));
    assert!(capped.iter().zip(&plain).all(|(own, plain)| own.1 == 3000 || plain.1 >= 3000));
}

#[test]
fn a_judge_that_reasons_is_charged_for_it() {
    let judged = |lab: Lab| -> Vec<u32> {
        let scenario = lab.scenario();
        let call = |entry: &Entry| match entry.event {
            Event::Completed { caller: Caller::Judge, output_tokens, .. } => Some(output_tokens),
            _ => None,
        };
        journal(&scenario, scenario.seed, 50).iter().filter_map(call).collect()
    };
    let models =
        ("models: {", r#"models: { "gpt-6-luna": (reasoning_tokens: 200, reasoning_sigma: 0),"#);
    let (plain, own) = (judged(Lab::text(DESK)), judged(Lab::text(DESK).changes(&[models])));
    assert!(plain.len() > 40 && plain.len() == own.len());
    assert!(plain.iter().zip(&own).all(|(plain, own)| *own == plain + 200));
}

/// Nano-dollars of each call of an agent or the judge in an offline evaluation, and its tokens.
fn evaluated(lab: &Lab) -> Vec<(u16, u64, u64, u64)> {
    let scenario = lab.scenario();
    let stage = PreparedScenario::new(&scenario, scenario.seed).unwrap();
    let entries = stage.population(scenario.seed, 40).designed().visit(Vec::new());
    let call = |entry: &Entry| match entry.event {
        Event::Completed { model, input_tokens, output_tokens, cost, .. } => {
            Some((model, input_tokens.into(), output_tokens.into(), cost?.nano_dollars()))
        }
        _ => None,
    };
    entries.iter().filter_map(call).collect()
}

fn paired(batch: &str) -> Lab {
    let design =
        format!(r#"key: "x", design: Paired(repeats: 2, judgings: 1{batch}), config: "assistant""#);
    Lab::text(DESK).changes(&[
        (r#"key: "x", config: "assistant""#, design.as_str()),
        (r#"metrics: ["positive_feedback_rate"]"#, r#"metrics: ["average_total_user_tokens"]"#),
    ])
}

#[test]
fn an_evaluation_in_batches_costs_what_batches_cost() {
    let single = evaluated(&paired(""));
    let batched = evaluated(&paired(", batch: true"));
    // Prices of Claude and GPT in batches are half of the others (their price lists).
    assert!(single.len() > 200 && single.len() == batched.len(), "{}", single.len());
    for (single, batched) in single.iter().zip(&batched) {
        assert_eq!((single.0, single.1, single.2), (batched.0, batched.1, batched.2));
        // Rounded once for input and once for output.
        assert!((batched.3 * 2).abs_diff(single.3) <= 2, "{single:?} {batched:?}");
    }
    let third = paired(", batch: true").change("like:", "batch: 0.3, like:");
    for (model, input, output, cost) in evaluated(&third) {
        if batched.iter().any(|own| own.0 == model && own.3 == input * 1_000 + output * 5_000) {
            assert_eq!(cost, input * 600 + output * 3_000);
        }
    }
}

#[test]
fn a_batch_needs_a_price_of_every_model_that_is_called() {
    let mistakes = paired(", batch: true")
        .change(r#"judge: (model: "gpt-6-luna")"#, r#"judge: (model: "mistral-small-2603")"#)
        .mistakes();
    assert!(
        mistakes.contains("model `mistral-small-2603` has no price for calls in a batch"),
        "{mistakes}"
    );
    assert!(mistakes.contains("(batch: 0.5)"), "{mistakes}");
    assert!(!mistakes.contains("sonnet"), "{mistakes}");
    let mistakes = paired(", batch: true").change("like:", "batch: 1.5, like:").mistakes();
    assert!(
        mistakes.contains("batch is out of range") && mistakes.contains("expected 0 to 1"),
        "{mistakes}"
    );
}

/// The report on 300 users.
fn report(lab: Lab) -> Report {
    let options = RunOptions { users: Some(300), ..RunOptions::default() };
    run(&lab.scenario(), options).unwrap().report
}

fn shown(report: &Report) -> String {
    to_text(report, 80, &Palette::plain())
}

#[test]
fn a_report_tells_cached_and_reasoning_tokens_by_agent() {
    let own = Lab::text(DESK).changes(&[
        (
            r#"model: "own", tools"#,
            r#"model: "own", prompt_caching: Conversation, reasoning_tokens: 150, tools"#,
        ),
        // What is written to the cache costs what it would without one: only what is read is cheaper.
        (
            "like:",
            r#"reasoning_sigma: 0, min_cached_tokens: 1, cache_write_price: "$2.00",
               cache_read_price: "$0.20", like:"#,
        ),
    ]);
    let told = report(own);
    let agents = &told.experiments[0].agents;
    assert_eq!(agents.len(), 2);
    for own in agents {
        let users = *told.experiments[0].exposures.get(&own.variation).unwrap() as f64;
        let number = |number: Option<simlab::report::Number>| number.unwrap().get() * users;
        let reasoned = number(own.reasoning_tokens_per_user);
        assert!((reasoned - 150.0 * own.calls as f64).abs() < 1e-3, "{reasoned}");
        // $2.00 and $10.00 per million tokens, less $1.80 for each token that was read.
        let (read, written) =
            (number(own.input_tokens_per_user), number(own.output_tokens_per_user));
        let saved = read * 2e-6 + written * 1e-5 - number(own.cost_per_user_usd);
        let cached = number(own.cached_tokens_per_user);
        assert!(cached > 0.1 * read, "{cached} of {read}");
        assert!((saved - cached * 1.8e-6).abs() < 1e-6, "{saved} for {cached}");
    }
    let text = shown(&told);
    assert!(text.contains("Cached and reasoning tokens by agent"), "{text}");
    let plain = shown(&report(Lab::text(DESK)));
    assert!(!plain.contains("Cached and reasoning"), "{plain}");
}

#[test]
fn every_chat_model_with_a_shutdown_date_in_a_public_list_is_known_with_its_date() {
    use simlab::llm::wire::PROVIDERS;
    let known = |provider: &str, id: &str| {
        let own = PROVIDERS.iter().find(|own| own.key == provider).unwrap();
        own.retired.iter().find(|retired| retired.id == id).map(|retired| retired.on)
    };
    let mut rows = 0;
    for line in include_str!("tables/retirements.tsv").lines().filter(|line| !line.starts_with('#'))
    {
        let [provider, id, on] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let provider = if provider == "gemini" { "google" } else { provider };
        assert_eq!(known(provider, id), Some(on), "{line}");
        rows += 1;
    }
    assert!(rows > 60);
}
