//! What scenarios come to: the defaults against the tutorial's inventory, one change at a time, and
//! whatever bytes.

use proptest::prelude::*;

use super::spanned::{Misread, read};
use super::*;
use crate::diagnostic::{SourceText, render};
use crate::experiment::{Aggregation, Better, Missing, Statistic};
use crate::flags::spec::{Condition, RuleChoice, ServeSpec};
use crate::llm::chat::Usage;
use crate::quantity::Money;

/// The shortest scenario; `BLOCK` is where more goes.
const SHORT: &str = r#"(BLOCK
    experiments: [(
        key: "security-level", config: "security-agent", segment: "other-paid", control: "basic-security",
        split: { "basic-security": "50%", "strict-security": "50%" }, metrics: ["positive_feedback_rate"],
    )],
)"#;

/// A small knowledge base, quickly read.
fn documents(_: &str) -> Documents {
    Ok((0..20)
        .map(|n| {
            (
                format!("{n}.md"),
                format!("# Topic number {n}\n\nSome words about topic {n} and its uses.\n"),
            )
        })
        .collect())
}

fn scenario(block: &str) -> Scenario {
    let text = SHORT.replace("BLOCK", &format!("knowledge: \"k\", {block}"));
    match parse("my", SourceText::new("my.ron", text), &documents) {
        Ok(loaded) => loaded.scenario,
        Err(faults) => panic!("{}", render(&faults, false)),
    }
}

/// The fields of a block, as RON lists them when it does not know one.
fn fields<T: for<'de> serde::Deserialize<'de> + std::fmt::Debug>() -> Vec<&'static str> {
    match read::<T>("(no_such_field: 1)") {
        Err(Misread { code: ron::Error::NoSuchStructField { expected, .. }, .. }) => {
            expected.to_vec()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_defaults_are_the_tutorials_inventory() {
    let scenario = scenario("");
    let project = &scenario.project;
    assert_eq!(
        (project.key.as_str(), project.environment.as_str()),
        ("multi-agent-chatbot", "production")
    );
    let segments: Vec<&str> = project.segments.iter().map(|segment| segment.key.as_str()).collect();
    assert_eq!(segments, ["eu-free", "eu-paid", "other-free", "other-paid"]);
    let tools: Vec<&str> = project.tools.iter().map(|tool| tool.key.as_str()).collect();
    assert_eq!(tools, ["search_v1", "search_v2", "reranking", "arxiv_search", "semantic_scholar"]);
    // Facts of the wire formats, 5.6; the supervisor's model is that of the published cost table.
    let variations: Vec<String> = project
        .configs
        .iter()
        .flat_map(|config| {
            config
                .variations
                .iter()
                .map(|v| format!("{}/{} {} {}", config.key, v.key, v.model_config, v.tools.len()))
        })
        .collect();
    assert_eq!(
        variations,
        [
            "supervisor-agent/supervisor-basic OpenAI.gpt-4o-mini-2024-07-18 0",
            "security-agent/pii-detector Anthropic.claude-3-7-sonnet-latest 0",
            "security-agent/basic-security Anthropic.claude-3-5-haiku-20241022 0",
            "security-agent/strict-security Mistral.mistral-small-latest 0",
            "support-agent/rag-search-enhanced Anthropic.claude-3-7-sonnet-latest 2",
            "support-agent/eu-free Anthropic.claude-3-5-haiku-20241022 1",
            "support-agent/eu-paid Anthropic.claude-3-7-sonnet-latest 5",
            "support-agent/other-free OpenAI.gpt-4o-mini-2024-07-18 1",
            "support-agent/other-paid OpenAI.gpt-4o 5",
            "support-agent/international-standard Anthropic.claude-3-5-haiku-20241022 3",
            "support-agent/claude-opus-treatment Anthropic.claude-opus-4-20250514 5",
        ]
    );
    let security = &project.configs[1];
    let served: Vec<String> =
        security.rules.iter().map(|rule| format!("{:?} {:?}", rule.when, rule.serve)).collect();
    let expected = ["eu-free strict", "eu-paid strict", "other-free basic", "other-paid basic"]
        .map(|pair| {
            let (segment, level) = pair.split_once(' ').unwrap();
            let serve = ServeSpec::Variation(format!("{level}-security"));
            format!("{:?} {serve:?}", Condition::Segment(segment.to_owned()))
        });
    assert_eq!(served, expected);
    assert_eq!(project.experiments[0].rule, RuleChoice::Segment("other-paid".to_owned()), "Rule 4");
    let metrics: Vec<String> = scenario
        .metrics
        .iter()
        .map(|m| format!("{} {} {:?} {:?}", m.key, m.event, m.kind(), m.better))
        .collect();
    assert_eq!(
        metrics,
        [
            "positive_feedback_rate $ld:ai:feedback:user:positive Conversion Higher",
            "negative_feedback_rate $ld:ai:feedback:user:negative Conversion Lower",
            "p95_total_user_latency $ld:ai:duration:total Percentile Lower",
            "average_total_user_tokens $ld:ai:tokens:total Numeric Lower",
            "ai_cost_per_request ai_cost_per_request Numeric Lower",
        ]
    );
    assert_eq!((scenario.traffic.queries, scenario.traffic.timeout.seconds()), (200, 2000.0));
    assert_eq!(scenario.traffic.audience.len(), 1);
}

#[test]
fn prices_are_those_of_october_2025() {
    let scenario = scenario("");
    // Input and output, dollars per million tokens: the tutorial's page and its price table.
    let prices = [
        ("gpt-4o", 2.5, 10.0),
        ("gpt-4o-mini-2024-07-18", 0.15, 0.6),
        ("claude-3-7-sonnet-latest", 3.0, 15.0),
        ("claude-3-5-haiku-20241022", 0.25, 1.25),
        ("claude-3-haiku-20240307", 0.25, 1.25),
        ("claude-opus-4-20250514", 15.0, 75.0),
        ("mistral-small-latest", 0.0, 0.0),
    ];
    for (id, input, output) in prices {
        let model = scenario.models.iter().find(|model| model.id == id).unwrap();
        let nano = |dollars: f64| (dollars * 1e9) as u64;
        let cost = |input, output| model.cost(Usage::uncached(input, output));
        assert_eq!(cost(1_000_000, 0).map(Money::nano_dollars), Some(nano(input)), "{id}");
        assert_eq!(cost(0, 1_000_000).map(Money::nano_dollars), Some(nano(output)), "{id}");
    }
}

#[test]
fn one_line_changes_one_number_and_nothing_else() {
    let plain = scenario("");
    let changed = scenario(r#"models: {"gpt-4o": (quality: 0.5)},"#);
    let mut expected = plain.models.clone();
    expected.iter_mut().find(|model| model.id == "gpt-4o").unwrap().quality =
        crate::quantity::Probability::new(0.5).unwrap();
    assert_eq!(changed.models, expected);
    assert_eq!(
        (changed.tools, changed.configs, changed.metrics),
        (plain.tools, plain.configs, plain.metrics)
    );

    let changed = scenario(
        r#"configs: {"support-agent": (variations: {"other-paid": (temperature: 1.5)})},"#,
    );
    let before = scenario("").configs;
    let differ: Vec<&str> = changed.configs[2]
        .variations
        .iter()
        .zip(&before[2].variations)
        .filter(|(new, old)| new != old)
        .map(|(new, _)| new.variation.as_str())
        .collect();
    assert_eq!(differ, ["other-paid"]);
    assert_eq!(changed.configs[2].variations[4].setup.temperature, Some(1.5));
}

#[test]
fn a_new_entry_is_like_another_one_but_for_what_it_says() {
    let scenario = scenario(
        r#"models: {"gpt-4o-eu": (like: "gpt-4o", input_price: "$3.00")},
           configs: {"support-agent": (variations: {"eu-model": (like: "other-paid", model: "gpt-4o-eu")})},"#,
    );
    let find = |id: &str| scenario.models.iter().find(|model| model.id == id).unwrap().clone();
    let (new, old) = (find("gpt-4o-eu"), find("gpt-4o"));
    let renamed = crate::llm::profile::ModelProfile {
        id: new.id.clone(),
        cache: None,
        input_price: new.input_price,
        charged: new.charged,
        ..old.clone()
    };
    assert_eq!(new, renamed);
    assert_ne!(new.input_price, old.input_price);
    let variations = &scenario.configs[2].variations;
    let (new, old) = (variations.last().unwrap(), &variations[4]);
    assert_eq!(
        (new.name.as_str(), &new.setup.instructions, &new.setup.tools),
        ("Eu Model", &old.setup.instructions, &old.setup.tools)
    );
    assert_eq!(scenario.models[usize::from(new.setup.model)].id, "gpt-4o-eu");
}

#[test]
fn a_new_metric_starts_as_documented_whatever_the_file_says_of_others() {
    let scenario = scenario(
        r#"metrics: {
            "average_total_user_tokens": (aggregation: Occurrence, missing: Exclude, better: Higher, smallest_effect: 0.1),
            "output": (event: "$ld:ai:tokens:output", unit: "tokens"),
        },"#,
    );
    let new = scenario.metrics.iter().find(|metric| metric.key == "output").unwrap();
    let start = (new.aggregation, new.statistic, new.missing, new.better, new.smallest_effect);
    assert_eq!(start, (Aggregation::Sum, Statistic::Mean, Missing::Zero, Better::Lower, 0.0));
}

/// What is said of a scenario with this block.
fn refusal(block: &str) -> String {
    shown(&SHORT.replace("BLOCK", &format!("knowledge: \"k\", {block}"))).unwrap()
}

#[test]
fn more_variations_than_a_byte_counts_are_refused() {
    let variations =
        |n: usize| (0..n).map(|n| format!("\"v{n}\": (like: \"eu-free\"), ")).collect::<String>();
    let configs = |n: usize| {
        format!("configs: {{ \"support-agent\": (variations: {{ {} }}) }},", variations(n))
    };
    let own = scenario("").configs[2].variations.len();
    assert_eq!(scenario(&configs(256 - own)).configs[2].variations.len(), 256);
    assert!(
        refusal(&configs(256 - own + 1)).contains("more than 256 variations of `support-agent`")
    );
}

#[test]
fn a_list_that_is_too_long_is_refused_rather_than_cut_off() {
    let new: String = (0..256)
        .map(|n| format!("\"m{n}\": (event: \"$ld:ai:tokens:output\", unit: \"tokens\"), "))
        .collect();
    let text = |listed: usize| {
        let names: String = (0..listed).map(|n| format!("\"m{n}\", ")).collect();
        let text = SHORT.replace("BLOCK", &format!("knowledge: \"k\", metrics: {{ {new} }},"));
        text.replace("metrics: [", &format!("metrics: [{names}"))
    };
    assert_eq!(shown(&text(255)), None);
    assert!(shown(&text(256)).unwrap().contains("more than 256 metrics"));
}

#[test]
fn a_stated_redaction_gives_instructions_that_a_model_reads_so() {
    let reading =
        |scenario: &Scenario, at: usize| scenario.configs[1].variations[at].setup.reading.strict;
    let plain = scenario("");
    assert_eq!([reading(&plain, 1), reading(&plain, 2)], [false, true]);
    let swapped = scenario(
        r#"configs: {"security-agent": (variations: {
            "basic-security": (redaction: Strict), "strict-security": (redaction: Basic),
        })},"#,
    );
    assert_eq!([reading(&swapped, 1), reading(&swapped, 2)], [true, false]);
    let own = r#"configs: {"security-agent": (variations: {"strict-security": (redaction: Strict, instructions: "Redact every job title.")})},"#;
    assert_eq!(
        scenario(own).configs[1].variations[2].setup.instructions,
        "Redact every job title."
    );
}

#[test]
fn a_model_may_go_without_a_price_when_the_scenario_says_that_it_wants_so() {
    let scenario = scenario(r#"prices_unknown: true, models: {"gpt-4o": (no_price: true)},"#);
    let model = scenario.models.iter().find(|model| model.id == "gpt-4o").unwrap();
    assert_eq!(model.cost(Usage::uncached(1000, 1000)), None);
}

#[test]
fn an_audience_is_spread_over_all_combinations() {
    let scenario = scenario(
        r#"audience: [
            (share: "75%", attributes: {"country": ["US", "CA", "BR"], "plan": ["paid"]}),
            (share: "25%", attributes: {"country": ["DE"], "plan": ["free"]}),
        ],"#,
    );
    let weights: Vec<f64> = scenario.traffic.audience.iter().map(|group| group.weight).collect();
    assert_eq!(weights, [0.25; 4]);
}

#[test]
fn the_digest_follows_the_text() {
    let (one, again, other) =
        (scenario("seed: 1,").digest, scenario("seed: 1,").digest, scenario("seed: 2,").digest);
    assert_eq!(one, again);
    assert_ne!(one, other);
    assert_eq!(one.len(), 32);
}

#[test]
fn every_built_in_scenario_is_sound_and_in_the_folder_and_has_a_title() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| {
            entry.unwrap().file_name().to_str()?.strip_suffix(".ron").map(str::to_owned)
        })
        .collect();
    files.sort();
    let mut names: Vec<&str> = LIBRARY.iter().map(|built_in| built_in.name).collect();
    names.sort_unstable();
    assert_eq!(files, names);
    for built_in in LIBRARY {
        let loaded =
            load(built_in.name).unwrap_or_else(|faults| panic!("{}", render(&faults, false)));
        assert_eq!(loaded.scenario.title, built_in.title());
        assert!((1..=100).contains(&built_in.title().chars().count()), "{}", built_in.title());
        let file = load(&format!("{folder}/{}.ron", built_in.name))
            .unwrap_or_else(|faults| panic!("{}", render(&faults, false)));
        assert_eq!(
            (file.scenario.digest, file.scenario.name),
            (loaded.scenario.digest, loaded.scenario.name)
        );
    }
}

#[test]
fn every_default_says_where_it_comes_from() {
    let blocks: [(&str, Vec<&str>, &[&str]); 8] = [
        ("traffic", fields::<source::WrittenTraffic>(), &[]),
        (
            "models",
            fields::<source::Model>(),
            &["like", "no_price", "latency", "failures", "compatible"],
        ),
        ("models.latency", fields::<source::WrittenLatency>(), &[]),
        ("models.failures", fields::<source::Failures>(), &[]),
        ("tools", fields::<source::WrittenTool>(), &["like", "unlimited"]),
        ("causes", fields::<source::WrittenCauses>(), &["context_of"]),
        ("causes.context_of", fields::<source::ContextOf>(), &[]),
        ("judge", fields::<source::Judge>(), &[]),
    ];
    for (block, fields, without) in blocks {
        let mut written: Vec<&str> =
            fields.into_iter().filter(|field| !without.contains(field)).collect();
        let mut listed: Vec<&str> =
            ORIGINS.iter().filter(|line| line.block == block).map(|line| line.field).collect();
        written.sort_unstable();
        listed.sort_unstable();
        assert_eq!(written, listed, "{block}");
    }
}

/// What is shown of any text, or that it is sound; never a panic.
fn shown(text: &str) -> Option<String> {
    match parse("my", SourceText::new("my.ron", text), &documents) {
        Ok(loaded) => {
            // What is let through has no dangling index.
            let Scenario { models, tools, configs, metrics, studies, .. } = &loaded.scenario;
            for setup in configs
                .iter()
                .flat_map(|config| &config.variations)
                .map(|variation| &variation.setup)
            {
                assert!(
                    usize::from(setup.model) < models.len()
                        && setup.tools.iter().all(|&tool| usize::from(tool) < tools.len())
                );
            }
            for experiment in studies.iter().map(|study| &study.experiment) {
                assert!(
                    experiment.control < experiment.treatments.len()
                        && experiment.treatments.len() > 1
                );
                assert!(
                    !experiment.metrics.is_empty()
                        && experiment.metrics.iter().all(|&metric| metric < metrics.len())
                );
            }
            None
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            Some(render(&faults, false))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}|[(){}\\[\\]\",:a-z0-9 /*\n\\\\#]{0,200}") {
        shown(&text);
    }

    #[test]
    fn a_real_scenario_that_is_damaged_is_read_or_refused(
        which in 0..LIBRARY.len(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..40, "\\PC{0,3}|[(){}\\[\\]\",:0-9.\n-]{0,4}"), 1..4),
    ) {
        let mut text = LIBRARY[which].text.to_owned();
        for (at, length, instead) in cuts {
            let start = text.floor_char_boundary(at.index(text.len().max(1)));
            let end = text.floor_char_boundary((start + length).min(text.len()));
            text.replace_range(start..end, &instead);
        }
        shown(&text);
    }

    #[test]
    fn a_number_that_is_exchanged_is_read_or_refused(
        which in 0..LIBRARY.len(),
        at in any::<prop::sample::Index>(),
        number in prop_oneof![
            Just("NaN".to_owned()), Just("inf".to_owned()), Just("-0".to_owned()), Just("1e400".to_owned()),
            any::<i64>().prop_map(|n| n.to_string()), any::<f64>().prop_map(|x| format!("{x:?}")),
        ],
    ) {
        let text = LIBRARY[which].text;
        let digits: Vec<usize> = text.match_indices(|c: char| c.is_ascii_digit()).map(|(at, _)| at).collect();
        let start = digits[at.index(digits.len())];
        let end = start + text[start..].find(|c: char| !c.is_ascii_digit()).unwrap_or(1);
        shown(&format!("{}{number}{}", &text[..start], &text[end..]));
    }
}

#[test]
fn many_faults_are_shown_in_part_and_in_time() {
    let entries: String = (0..5_000).map(|n| format!("\"m{n}\": (quality: 0.5), ")).collect();
    let text = SHORT.replace("BLOCK", &format!("models: {{{entries}}},"));
    let Err(faults) = parse("my", SourceText::new("my.ron", text), &documents) else {
        panic!("it is sound")
    };
    assert_eq!(faults.len(), 51);
    assert!(
        faults[50].message.starts_with("and ") && faults[50].message.ends_with(" more"),
        "{}",
        faults[50].message
    );
}

#[test]
fn wherever_a_real_scenario_is_cut_off_it_is_refused() {
    let text = LIBRARY[0].text;
    for (at, _) in text.trim_end().char_indices().step_by(7) {
        assert!(shown(&text[..at]).is_some(), "{at}");
    }
}

#[test]
fn what_the_account_says_of_started_experiments_is_what_the_scenario_says() {
    let mut compared = 0;
    for built_in in LIBRARY.iter().chain(LESSONS) {
        let scenario = load(built_in.name).unwrap().scenario;
        if !scenario.rollouts.is_empty() {
            continue;
        }
        let account = crate::flags::bootstrap::mock_account(
            &scenario.project,
            scenario.seed,
            1_760_000_000_000,
        );
        let started = account.unwrap().0.started();
        for own in scenario.experiments() {
            let found = started.iter().find(|one| one.design.key == own.key).unwrap();
            assert_eq!(found.unit, "user");
            let plain = |metric: &crate::experiment::Metric| crate::experiment::Metric {
                prior: None,
                prior_variance: None,
                judge: None,
                smallest_effect: 0.0,
                per: None,
                unit: if metric.kind() == crate::experiment::MetricKind::Conversion {
                    String::new()
                } else {
                    metric.unit.clone()
                },
                ..metric.clone()
            };
            let metrics: Vec<_> =
                own.metrics.iter().map(|&at| plain(&scenario.metrics[at])).collect();
            assert_eq!(found.metrics, metrics, "{}", built_in.name);
            let design = &found.design;
            assert_eq!(
                (design.threshold, design.method, design.correction),
                (own.threshold, own.method, own.correction),
                "{}",
                built_in.name
            );
            assert_eq!(
                (&design.treatments, design.control),
                (&own.treatments, own.control),
                "{}",
                built_in.name
            );
            compared += 1;
        }
    }
    assert!(compared > 30, "{compared}");
}
