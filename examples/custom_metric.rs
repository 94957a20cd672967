//! A metric of your own, in an experiment of your own: `cargo run --example custom_metric`.
//!
//! The treatment is the same model at a provider that fails 15% of the calls. The metric
//! `request_failed` is the share of users whose request failed.

use simlab::{RunOptions, Scenario, run};

const SCENARIO: &str = r#"(
    title: "Another provider",
    seed: 1,
    traffic: ( queries: 2000 ),
    models: { "gpt-4o-elsewhere": ( like: "gpt-4o", failures: ( error: 0.15 ) ) },
    metrics: {
        "request_failed": (
            event: "request_failed", aggregation: Occurrence, statistic: Mean, missing: Zero, better: Lower,
        ),
    },
    configs: { "support-agent": ( variations: {
        "other-paid": ( model: "gpt-4o" ),
        "new": ( like: "other-paid", model: "gpt-4o-elsewhere" ),
    } ) },
    experiments: [ (
        key: "other-provider",
        config: "support-agent",
        segment: "other-paid",
        control: "other-paid",
        split: { "other-paid": "50%", "new": "50%" },
        metrics: ["request_failed"],
        decision: (
            ship: "new",
            when: NonInferior(metric: "request_failed", margin: 0.1, probability: 0.9),
            otherwise: Keep,
        ),
    ) ],
)"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scenario = Scenario::parse("other-provider", SCENARIO)?;
    let report = run(&scenario, RunOptions::default())?.report;
    for variation in
        report.experiments.iter().flat_map(|own| &own.metrics).flat_map(|own| &own.variations)
    {
        let share = variation.data_mean.ok_or("no user was in this variation")?;
        println!("{}: {:.1}% of requests failed", variation.key, 100.0 * share.get());
    }
    print!("{}", report.to_text());
    Ok(())
}
