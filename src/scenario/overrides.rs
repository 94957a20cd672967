//! What a file changes of the catalog, field by field.
//!
//! Promises: an entry changes the catalog's entry of its key; a new key needs `like` to start from another one; an entry
//! given twice is a fault.
//!
//! Does not know: what the numbers cause.

use std::ops::Range;

use super::catalog::{self, DraftConfig, DraftVariation};
use super::resolve::{Faults, clause};
use super::source;
use super::spanned::{Entries, Spanned};
use crate::agents::AtBudget;
use crate::experiment::Metric;
use crate::flags::spec::SegmentSpec;
use crate::llm::profile::ModelProfile;
use crate::llm::setup::{Causes, JudgeTraits, ToolKind, ToolSpec};

/// Sets a field where the file says something.
macro_rules! set {
    ($($to:expr => $from:expr),* $(,)?) => {
        $(if let Some(value) = &$from { $to = value.clone(); })*
    };
}

/// Sets a field from a number with its place, within a range.
macro_rules! within {
    ($faults:expr, $($to:expr => $from:expr, $what:literal, $least:literal, $most:literal);* $(;)?) => {
        $(if let Some(number) = &$from { $to = $faults.range($what, number, $least, $most); })*
    };
}

/// Finds the entry that `key` changes, making it from `like` if it is new; tells its index.
fn entry<T: Clone>(
    what: &str,
    all: &mut Vec<T>,
    key: &Spanned<String>,
    like: Option<&Spanned<String>>,
    key_of: impl Fn(&T) -> &str,
    rename: impl Fn(&mut T, &str),
    faults: &mut Faults<'_>,
) -> Option<usize> {
    if let Some(at) = all.iter().position(|item| key_of(item) == key.value) {
        if let Some(like) = like {
            let from = faults.look_up(what, like, all.iter().map(&key_of))?;
            all[at] = all[from].clone();
            rename(&mut all[at], &key.value);
        }
        return Some(at);
    }
    let Some(like) = like else {
        let near = crate::diagnostic::nearest(&key.value, all.iter().map(&key_of));
        let help = near.map_or_else(
            || {
                format!(
                    "known: {}; write `like: \"…\"` to make a new one from one of these",
                    all.iter().map(&key_of).collect::<Vec<_>>().join(", ")
                )
            },
            |near| format!("did you mean `{near}`? write `like: \"…\"` to make a new one from a known one"),
        );
        faults.add(format!("{what} `{}` is not in the catalog", key.value), &key.span, format!("no {what} has this key"), Some(help));
        return None;
    };
    let from = faults.look_up(what, like, all.iter().map(&key_of))?;
    let mut item = all[from].clone();
    rename(&mut item, &key.value);
    all.push(item);
    Some(all.len() - 1)
}

/// An entry that is given twice.
fn twice<V>(what: &str, entries: &Entries<V>, faults: &mut Faults<'_>) {
    for (nth, (key, _)) in entries.0.iter().enumerate() {
        if entries.0[..nth].iter().any(|(other, _)| other.value == key.value) {
            faults.add(format!("{what} `{}` is defined twice", key.value), &key.span, "the second time", None);
        }
    }
}

/// The models of a scenario.
pub fn models(written: &Entries<source::Model>, faults: &mut Faults<'_>) -> Vec<ModelProfile> {
    twice("model", written, faults);
    let mut models = catalog::models();
    for (key, file) in &written.0 {
        let at = entry("model", &mut models, key, file.like.as_ref(), |m| &m.id, |m, id| id.clone_into(&mut m.id), faults);
        let Some(at) = at else { continue };
        let model = &mut models[at];
        set! {
            model.provider => file.provider,
            model.quality => file.quality,
            model.weakness => file.weakness,
            model.personal_data_recall => file.personal_data_recall,
            model.false_alarm => file.false_alarm,
            model.max_output_tokens => file.max_output_tokens,
            model.latency.base => file.latency.base,
            model.latency.per_token => file.latency.per_token,
            model.latency.stall_chance => file.latency.stall_chance,
            model.latency.stall => file.latency.stall,
            model.failures.error => file.failures.error,
            model.failures.rate_limit => file.failures.rate_limit,
            model.failures.refusal => file.failures.refusal,
            model.failures.malformed => file.failures.malformed,
        }
        within! { faults,
            model.latency.sigma => file.latency.sigma, "sigma", 0.0, 3.0;
            model.latency.stall_sigma => file.latency.stall_sigma, "stall_sigma", 0.0, 3.0;
            model.answer_tokens => file.answer_tokens, "answer_tokens", 12.0, 100_000.0;
            model.answer_sigma => file.answer_sigma, "answer_sigma", 0.0, 3.0;
            model.tool_appetite => file.tool_appetite, "tool_appetite", 0.0, 50.0;
        }
        if file.no_price {
            (model.input_price, model.output_price) = (None, None);
        }
        model.input_price = file.input_price.or(model.input_price);
        model.output_price = file.output_price.or(model.output_price);
        let failures = [model.failures.error, model.failures.rate_limit, model.failures.refusal, model.failures.malformed];
        if failures.iter().map(|p| p.get()).sum::<f64>() > 1.0 {
            faults.add(format!("the failures of model `{}` sum to more than 1", key.value), &key.span, "here", None);
        }
    }
    models
}

/// The tools of a scenario.
pub fn tools(written: &Entries<source::Tool>, faults: &mut Faults<'_>) -> Vec<ToolSpec> {
    twice("tool", written, faults);
    let mut tools = catalog::tools();
    for (key, file) in &written.0 {
        let at = entry("tool", &mut tools, key, file.like.as_ref(), |t| &t.key, |t, key| key.clone_into(&mut t.key), faults);
        let Some(at) = at else { continue };
        let tool = &mut tools[at];
        set! { tool.description => file.description, tool.latency => file.latency }
        within! { faults, tool.appeal => file.appeal, "appeal", 0.0, 1000.0; }
        if let Some(top_k) = &file.top_k {
            if !(1..=20).contains(&top_k.value) {
                faults.add("top_k is out of range", &top_k.span, "expected 1 to 20", None);
            }
            tool.top_k = top_k.value;
        }
        match &mut tool.kind {
            ToolKind::SemanticSearch { threshold } => within! { faults, *threshold => file.threshold, "threshold", 0.0, 1.0; },
            ToolKind::Remote(remote) => {
                set! { remote.latency => file.latency, remote.retry_after => file.retry_after }
                within! { faults, remote.tokens => file.tokens, "tokens", 20.0, 20_000.0; }
                remote.one_request_per = if file.unlimited { None } else { file.one_request_per.or(remote.one_request_per) };
                if let Some(attempts) = &file.attempts {
                    if !(1..=1000).contains(&attempts.value) {
                        faults.add("attempts is out of range", &attempts.span, "expected 1 to 1000", None);
                    }
                    remote.attempts = attempts.value;
                }
            }
            ToolKind::KeywordSearch | ToolKind::Rerank => {}
        }
    }
    tools
}

/// The metrics of a scenario.
pub fn metrics(written: &Entries<source::Metric>, faults: &mut Faults<'_>) -> Vec<Metric> {
    twice("metric", written, faults);
    let mut metrics = catalog::metrics();
    for (key, file) in &written.0 {
        let at = metrics.iter().position(|metric| metric.key == key.value).unwrap_or_else(|| {
            if file.event.is_none() {
                let help = format!(
                    "give it an `event`; known events: {}",
                    crate::event::AppEvent::ALL.map(crate::event::AppEvent::key).join(", ")
                );
                faults.add(format!("metric `{}` counts no event", key.value), &key.span, "a new metric", Some(help));
            }
            metrics.push(Metric { key: key.value.clone(), name: catalog::title(&key.value), unit: String::new(), ..metrics[3].clone() });
            metrics.len() - 1
        });
        let metric = &mut metrics[at];
        set! {
            metric.name => file.name,
            metric.aggregation => file.aggregation,
            metric.statistic => file.statistic,
            metric.missing => file.missing,
            metric.better => file.better,
            metric.unit => file.unit,
        }
        if let Some(event) = &file.event {
            metric.event.clone_from(&event.value);
        }
        if let Some(variance) = &file.prior_variance {
            metric.prior_variance = Some(faults.range("prior_variance", variance, 1e-9, 1e9));
        }
        if let crate::experiment::Statistic::Percentile(p) = metric.statistic
            && !(0.0 < p.get() && p.get() < 1.0)
        {
            faults.add(
                format!("the percentile of metric `{}` is out of range", key.value),
                &key.span,
                "expected more than 0 and less than 1, such as 0.95",
                None,
            );
        }
    }
    metrics
}

/// The causes of a scenario.
pub fn causes(file: &source::Causes, faults: &mut Faults<'_>) -> Causes {
    let mut causes = catalog::CAUSES;
    let [name, email, phone, address, company, title] = &mut causes.context_of_item;
    within! { faults,
        *name => file.context_of.name, "name", 0.0, 10.0;
        *email => file.context_of.email, "email", 0.0, 10.0;
        *phone => file.context_of.phone, "phone", 0.0, 10.0;
        *address => file.context_of.address, "address", 0.0, 10.0;
        *company => file.context_of.company, "company", 0.0, 10.0;
        *title => file.context_of.title, "title", 0.0, 10.0;
        causes.loss_to_tools => file.loss_to_tools, "loss_to_tools", 0.0, 100.0;
        causes.loss_to_loops => file.loss_to_loops, "loss_to_loops", 0.0, 10.0;
        causes.loss_to_words => file.loss_to_words, "loss_to_words", 0.0, 100.0;
        causes.loss_to_quality => file.loss_to_quality, "loss_to_quality", 0.0, 100.0;
        causes.difficulty_sigma => file.difficulty_sigma, "difficulty_sigma", 0.0, 5.0;
        causes.cites_to_weakness => file.cites_to_weakness, "cites_to_weakness", 0.0, 100.0;
        causes.concise_to_words => file.concise_to_words, "concise_to_words", 0.0, 100.0;
        causes.stepwise_to_weakness => file.stepwise_to_weakness, "stepwise_to_weakness", 0.0, 100.0;
        causes.temperature_to_spread => file.temperature_to_spread, "temperature_to_spread", 0.0, 10.0;
    }
    causes
}

/// How the judge of a scenario behaves.
pub fn judge(file: &source::Judge, faults: &mut Faults<'_>) -> JudgeTraits {
    let mut traits = catalog::judge_traits();
    set! {
        traits.rates_personal => file.rates_personal,
        traits.rates_impersonal => file.rates_impersonal,
        traits.sensitivity => file.sensitivity,
        traits.specificity => file.specificity,
        traits.leniency => file.leniency,
        traits.positive_on_tool_output => file.positive_on_tool_output,
    }
    within! { faults,
        traits.length_bias => file.length_bias, "length_bias", -10.0, 10.0;
        traits.position_bias => file.position_bias, "position_bias", -10.0, 10.0;
    }
    traits
}

/// The segments of a scenario: the tutorial's four, and what the file adds or replaces.
pub fn segments(written: &Entries<Vec<source::Clause>>, faults: &mut Faults<'_>) -> Vec<SegmentSpec> {
    use source::Clause::{In, NotIn};
    twice("segment", written, faults);
    let eu = || catalog::EU.map(str::to_owned).to_vec();
    let segment = |key: &str, country: source::Clause, plan: &str| SegmentSpec {
        key: key.to_owned(),
        name: catalog::title(key),
        clauses: vec![clause(&country), clause(&In("plan".to_owned(), vec![plan.to_owned()]))],
    };
    let country = || "country".to_owned();
    let mut segments = vec![
        segment("eu-free", In(country(), eu()), "free"),
        segment("eu-paid", In(country(), eu()), "paid"),
        segment("other-free", NotIn(country(), eu()), "free"),
        segment("other-paid", NotIn(country(), eu()), "paid"),
    ];
    for (key, clauses) in &written.0 {
        if clauses.is_empty() {
            faults.add(
                format!("segment `{}` has no condition", key.value),
                &key.span,
                "it would hold everybody",
                Some("write at least one, such as In(\"plan\", [\"paid\"])".to_owned()),
            );
        }
        let new = SegmentSpec { key: key.value.clone(), name: catalog::title(&key.value), clauses: clauses.iter().map(clause).collect() };
        match segments.iter_mut().find(|segment| segment.key == key.value) {
            Some(segment) => *segment = new,
            None => segments.push(new),
        }
    }
    segments
}

/// The AI configs of a scenario.
pub fn configs(written: &Entries<source::Config>, faults: &mut Faults<'_>) -> Vec<DraftConfig> {
    twice("AI config", written, faults);
    let mut drafts = catalog::configs();
    for (key, file) in &written.0 {
        let Some(at) = faults.look_up("AI config", key, drafts.iter().map(|config| config.key)) else { continue };
        let config = &mut drafts[at];
        twice("variation", &file.variations, faults);
        for (key, file) in &file.variations.0 {
            let rename = |variation: &mut DraftVariation, key: &str| {
                key.clone_into(&mut variation.key);
                variation.name = catalog::title(key);
            };
            let at = entry("variation", &mut config.variations, key, file.like.as_ref(), |v| &v.key, rename, faults);
            if let Some(at) = at {
                change_variation(&mut config.variations[at], file, faults);
            }
        }
        let variations: Vec<String> = config.variations.iter().map(|variation| variation.key.clone()).collect();
        let known = || variations.iter().map(String::as_str);
        if let Some(rules) = &file.rules {
            config.rules = rules
                .iter()
                .filter(|rule| faults.look_up("variation", &rule.serve, known()).is_some())
                .map(|rule| (rule.segment.value.clone(), rule.serve.value.clone()))
                .collect();
        }
        if let Some(default) = &file.default
            && faults.look_up("variation", default, known()).is_some()
        {
            config.default.clone_from(&default.value);
        }
    }
    drafts
}

fn change_variation(draft: &mut DraftVariation, file: &source::Variation, faults: &mut Faults<'_>) {
    set! {
        draft.name => file.name,
        draft.instructions => file.instructions,
        draft.max_tool_calls => file.max_tool_calls,
    }
    if let Some(model) = &file.model {
        draft.model.clone_from(&model.value);
    }
    if let Some(tools) = &file.tools {
        draft.tools = tools.iter().map(|tool| tool.value.clone()).collect();
    }
    if let Some(most) = &file.max_tokens {
        if !(1..=1_000_000).contains(&most.value) {
            faults.add("max_tokens is out of range", &most.span, "expected 1 to 1000000", None);
        }
        draft.max_tokens = Some(most.value);
    }
    if let Some(temperature) = &file.temperature {
        draft.temperature = Some(faults.range("temperature", temperature, 0.0, 2.0));
    }
    draft.session_budget = file.session_budget.or(draft.session_budget);
    if file.deny_at_budget {
        draft.at_budget = AtBudget::Deny;
    }
    if let Some(fallback) = &file.fallback {
        draft.fallback = Some(fallback.value.clone());
    }
}

/// Where a variation's references were written, if they were.
#[derive(Debug, Default)]
pub struct Names {
    /// The model.
    pub model: Option<Range<usize>>,
    /// The tools, in order.
    pub tools: Vec<Range<usize>>,
    /// The fallback.
    pub fallback: Option<Range<usize>>,
}

/// Where the references of this variation were written.
pub fn names(written: &Entries<source::Config>, config: &str, variation: &str) -> Names {
    let config = written.0.iter().find(|(key, _)| key.value == config);
    let file = config.and_then(|(_, config)| config.variations.0.iter().find(|(key, _)| key.value == variation));
    file.map_or_else(Names::default, |(_, file)| Names {
        model: file.model.as_ref().map(|name| name.span.clone()),
        tools: file.tools.iter().flatten().map(|tool| tool.span.clone()).collect(),
        fallback: file.fallback.as_ref().map(|name| name.span.clone()),
    })
}
