//! What a file changes of the catalog, field by field.
//!
//! Guarantees: an entry changes the catalog's entry of its key; a new key needs `like` to start
//! from another one; an entry given twice is a fault.
//!
//! Does not know: what the numbers cause.

use std::ops::Range;

use super::catalog;
use super::compatible;
use super::faults::Faults;
use super::outcomes;
use super::source::{self, WrittenClause};
use super::spanned::{Entries, Spanned};
use crate::diagnostic::nearest;
use crate::event::AppEvent;
use crate::experiment::{
    Aggregation, Better, Denominator, JudgeAccuracy, Metric, MetricKind, Missing, Statistic,
};
use crate::flags::spec::{ClauseSpec, SegmentSpec};
use crate::llm::profile::{CachePrices, LongPrompts, ModelProfile};
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

/// Finds the entry that `key` changes, making it from `like` if it is new. `owner` is whose entries
/// they are, empty for the scenario's own.
#[expect(
    clippy::too_many_arguments,
    reason = "one helper for models, tools and variations, which share no trait"
)]
pub fn entry<'a, T: Clone>(
    what: &'static str,
    owner: &str,
    all: &'a mut Vec<T>,
    key: &Spanned<String>,
    like: Option<&Spanned<String>>,
    key_of: impl Fn(&T) -> &str,
    rename: impl Fn(&mut T, &str),
    faults: &mut Faults<'_>,
) -> Option<&'a mut T> {
    let known = all.iter().position(|item| key_of(item) == key.value);
    let Some(like) = like else {
        if let Some(at) = known {
            return all.get_mut(at);
        }
        let near = crate::diagnostic::nearest(&key.value, all.iter().map(&key_of));
        let help = near.map_or_else(
            || {
                format!(
                    "known: {}; write `like: \"…\"` to make a new one from one of these",
                    all.iter().map(&key_of).collect::<Vec<_>>().join(", ")
                )
            },
            |near| {
                format!(
                    "did you mean `{near}`? write `like: \"…\"` to make a new one from a known one"
                )
            },
        );
        faults.add(
            format!("{what} `{}` is not in the catalog", key.value),
            &key.span,
            format!("no {what} has this key"),
            Some(help),
        );
        return None;
    };
    let from = faults.look_up_in(what, owner, like, all.iter().map(&key_of))?;
    let mut item = all.get(from)?.clone();
    rename(&mut item, &key.value);
    match known {
        Some(at) => {
            let own = all.get_mut(at)?;
            *own = item;
            Some(own)
        }
        None => {
            all.push(item);
            all.last_mut()
        }
    }
}

/// The models of a scenario.
pub fn models(written: &Entries<source::Model>, faults: &mut Faults<'_>) -> Vec<ModelProfile> {
    faults.keys("model", "", written);
    let mut models = catalog::models();
    let mut addressed = Vec::new();
    for (key, file) in &written.0 {
        let own = entry(
            "model",
            "",
            &mut models,
            key,
            file.like.as_ref(),
            |m| &m.id,
            |m, id| id.clone_into(&mut m.id),
            faults,
        );
        let Some(model) = own else { continue };
        set! {
            model.provider => file.provider,
            model.quality => file.quality,
            model.weakness => file.weakness,
            model.personal_data_recall => file.personal_data_recall,
            model.false_alarm => file.false_alarm,
            model.routing_accuracy => file.routing_accuracy,
            model.takes_temperature => file.takes_temperature,
            model.latency.base => file.latency.base,
            model.latency.per_token => file.latency.per_token,
            model.latency.stall_chance => file.latency.stall_chance,
            model.latency.stall => file.latency.stall,
            model.failures.error => file.failures.error,
            model.failures.rate_limit => file.failures.rate_limit,
            model.failures.refusal => file.failures.refusal,
            model.failures.malformed => file.failures.malformed,
        }
        if let Some(compatible) = &file.compatible {
            if file.provider.is_some() {
                faults.add(
                    format!("model `{}` has a `provider` and a `compatible`", key.value),
                    &compatible.name.span,
                    "a second provider",
                    Some("leave one of them out".to_owned()),
                );
            }
            if let Some(provider) = compatible::provider(compatible, &mut addressed, faults) {
                model.provider = provider;
            }
        }
        within! { faults,
            model.latency.sigma => file.latency.sigma, "sigma", 0.0, 3.0;
            model.latency.stall_sigma => file.latency.stall_sigma, "stall_sigma", 0.0, 3.0;
            model.answer_tokens => file.answer_tokens, "answer_tokens", 12.0, 100_000.0;
            model.answer_sigma => file.answer_sigma, "answer_sigma", 0.0, 3.0;
            model.tool_appetite => file.tool_appetite, "tool_appetite", 0.0, 50.0;
            model.reasoning_tokens => file.reasoning_tokens, "reasoning_tokens", 0.0, 100_000.0;
            model.reasoning_sigma => file.reasoning_sigma, "reasoning_sigma", 0.0, 3.0;
        }
        if let Some(most) = &file.max_output_tokens {
            model.max_output_tokens = faults.whole("max_output_tokens", most, 1..=1_000_000);
        }
        if file.no_price {
            (model.input_price, model.output_price) = (None, None);
        }
        model.input_price = file.input_price.or(model.input_price);
        model.output_price = file.output_price.or(model.output_price);
        if file.input_price.is_some() && file.output_price.is_some() {
            model.prices_of = None;
        }
        cache_prices(model, file, key, faults);
        if let Some(factor) = &file.batch {
            let factor = faults.range("batch", factor, 0.0, 1.0);
            model.batch_percent = Some(libm::round(factor * 100.0) as u32);
        }
        model.charged =
            [file.input_price.or(model.charged[0]), file.output_price.or(model.charged[1])];
        if model.quality.get() + model.weakness.get() > 1.0 {
            faults.add(
                format!("`quality` and `weakness` of model `{}` sum to more than 1", key.value),
                &key.span,
                "an answer is strong, fair or weak",
                None,
            );
        }
        let failures = [
            model.failures.error,
            model.failures.rate_limit,
            model.failures.refusal,
            model.failures.malformed,
        ];
        if failures.iter().map(|p| p.get()).sum::<f64>() > 1.0 {
            faults.add(
                format!("the failures of model `{}` sum to more than 1", key.value),
                &key.span,
                "here",
                None,
            );
        }
    }
    models
}

/// Prices of cached input and of long prompts.
fn cache_prices(
    model: &mut ModelProfile,
    file: &source::Model,
    key: &Spanned<String>,
    faults: &mut Faults<'_>,
) {
    if let Some(long) = &file.long_prompts {
        let percent = |name: &str, factor: &Spanned<f64>, faults: &mut Faults<'_>| {
            libm::round(faults.range(name, factor, 0.0, 100.0) * 100.0) as u32
        };
        model.long_prompts = Some(LongPrompts {
            above: faults.whole("above", &long.above, 1..=100_000_000),
            input_percent: percent("input", &long.input, faults),
            output_percent: percent("output", &long.output, faults),
        });
    }
    let known = model.cache.filter(|_| file.input_price.is_none());
    let read = file.cache_read_price.or(known.map(|cache| cache.read));
    let write = file.cache_write_price.or(known.map(|cache| cache.write)).or(model.input_price);
    let least = match &file.min_cached_tokens {
        Some(least) => Some(faults.whole("min_cached_tokens", least, 1..=1_000_000)),
        None => model.cache.map(|cache| cache.least),
    };
    model.cache = match (read, write) {
        (Some(read), Some(write)) => {
            Some(CachePrices { read, write, least: least.unwrap_or(USUAL_LEAST_CACHED) })
        }
        _ => None,
    };
    let alone = file.cache_write_price.is_some() || file.min_cached_tokens.is_some();
    if alone && read.is_none() {
        faults.add(
            format!("model `{}` has no price for input that is read from the cache", key.value),
            &key.span,
            "this model",
            Some("give `cache_read_price` too, such as \"$0.10\"".to_owned()),
        );
    }
}

/// Fewest tokens of a prompt that is cached, where neither catalog nor file says: OpenAI's.
const USUAL_LEAST_CACHED: u32 = 1024;

/// The tools of a scenario.
pub fn tools(written: &Entries<source::WrittenTool>, faults: &mut Faults<'_>) -> Vec<ToolSpec> {
    faults.keys("tool", "", written);
    let mut tools = catalog::tools();
    for (key, file) in &written.0 {
        let own = entry(
            "tool",
            "",
            &mut tools,
            key,
            file.like.as_ref(),
            |t| &t.key,
            |t, key| key.clone_into(&mut t.key),
            faults,
        );
        let Some(tool) = own else { continue };
        set! { tool.description => file.description, tool.latency => file.latency }
        within! { faults, tool.appeal => file.appeal, "appeal", 0.0, 1000.0; }
        if let Some(top_k) = &file.top_k {
            tool.top_k = faults.whole("top_k", top_k, 1..=20);
        }
        match &mut tool.kind {
            ToolKind::SemanticSearch { threshold } => {
                within! { faults, *threshold => file.threshold, "threshold", 0.0, 1.0; }
            }
            ToolKind::Remote(remote) => {
                set! { remote.latency => file.latency, remote.retry_after => file.retry_after }
                within! { faults, remote.tokens => file.tokens, "tokens", 1.0, 20_000.0; }
                remote.one_request_per = if file.unlimited {
                    None
                } else {
                    file.one_request_per.or(remote.one_request_per)
                };
                if let Some(attempts) = &file.attempts {
                    remote.attempts = faults.whole("attempts", attempts, 1..=1000);
                }
            }
            ToolKind::KeywordSearch | ToolKind::Rerank => {}
        }
    }
    tools
}

/// What a metric that is not in the catalog starts from: a sum of tokens, of which less is better.
fn new_metric(key: &str) -> Metric {
    Metric {
        key: key.to_owned(),
        name: catalog::title(key),
        event: AppEvent::TokensTotal.key().to_owned(),
        aggregation: Aggregation::Sum,
        statistic: Statistic::Mean,
        missing: Missing::Zero,
        better: Better::Lower,
        unit: String::new(),
        prior_variance: None,
        prior: None,
        judge: None,
        smallest_effect: 0.0,
        per: None,
    }
}

/// The metrics of a scenario.
pub fn metrics(
    written: &Entries<source::WrittenMetric>,
    outcomes: &Entries<source::WrittenOutcome>,
    faults: &mut Faults<'_>,
) -> Vec<Metric> {
    faults.keys("metric", "", written);
    let mut metrics = catalog::metrics();
    metrics.extend(outcomes::metrics(outcomes));
    for (key, file) in &written.0 {
        let known = metrics.iter().position(|metric| metric.key == key.value);
        if known.is_none() && file.event.is_none() {
            let keys: Vec<&str> = metrics.iter().map(|metric| metric.key.as_str()).collect();
            let help = match nearest(&key.value, keys) {
                Some(near) => format!(
                    "did you mean `{near}`? a new metric needs an `event`, one of: {}",
                    events(outcomes).join(", ")
                ),
                None => {
                    format!(
                        "a new metric needs an `event`, one of: {}",
                        events(outcomes).join(", ")
                    )
                }
            };
            faults.add(
                format!("metric `{}` counts no event", key.value),
                &key.span,
                "a new metric",
                Some(help),
            );
            continue;
        }
        let own = match known {
            Some(at) => metrics.get_mut(at),
            None => {
                metrics.push(new_metric(&key.value));
                metrics.last_mut()
            }
        };
        let Some(metric) = own else { continue };
        set! {
            metric.name => file.name,
            metric.aggregation => file.aggregation,
            metric.missing => file.missing,
            metric.better => file.better,
            metric.unit => file.unit,
        }
        if let Some(event) = &file.event {
            emitted(key, event, outcomes, faults);
            metric.event.clone_from(&event.value);
        }
        if let Some(per) = &file.per {
            let (source::WrittenDenominator::Events(event)
            | source::WrittenDenominator::Values(event)) = &per.value;
            emitted(key, event, outcomes, faults);
            metric.per = Some(match &per.value {
                source::WrittenDenominator::Events(_) => Denominator::Events(event.value.clone()),
                source::WrittenDenominator::Values(_) => Denominator::Values(event.value.clone()),
            });
        }
        if let Some(smallest) = &file.smallest_effect {
            metric.smallest_effect = faults.range("smallest_effect", smallest, 0.0, 10.0);
        }
        if let Some(variance) = &file.prior_variance {
            metric.prior_variance = Some(faults.range("prior_variance", variance, 1e-9, 1e9));
        }
        metric.prior = file.prior.or(metric.prior);
        if let Some(judge) = &file.judge {
            metric.judge = accuracy(judge, faults);
        }
        if let Some(statistic) = &file.statistic {
            metric.statistic = statistic.value;
            if let Err([message, label]) = statistic.value.check() {
                faults.add(message, &statistic.span, label, None);
            }
        }
        if let Some(per) = &file.per {
            ratio(metric, key, &per.span, faults);
        }
        if let Statistic::Percentile(_) = metric.statistic
            && metric.aggregation == Aggregation::Occurrence
        {
            let place = file.statistic.as_ref().map_or(&key.span, |statistic| &statistic.span);
            faults.add(
                format!("metric `{}` has a percentile of yes and no", key.value),
                place,
                "`aggregation: Occurrence` says only whether a user has the event",
                Some(
                    "write `aggregation: Average` or `Sum` for a percentile of values, or `statistic: Mean` for the share of users"
                        .to_owned(),
                ),
            );
        }
        if metric.kind() != MetricKind::Conversion && metric.unit.is_empty() {
            let help = "write `unit: \"ms\"`, \"$\" or \"tokens\"; a share of users is `aggregation: Occurrence`".to_owned();
            faults.add(
                format!("metric `{}` has no unit", key.value),
                &key.span,
                "its values are numbers",
                Some(help),
            );
        }
    }
    metrics
}

/// A ratio divides sums, and nothing else.
fn ratio(metric: &Metric, key: &Spanned<String>, place: &Range<usize>, faults: &mut Faults<'_>) {
    let why = if metric.aggregation != Aggregation::Sum {
        "a ratio divides sums: write `aggregation: Sum`"
    } else if metric.statistic != Statistic::Mean {
        "a ratio has no other statistic: write `statistic: Mean`"
    } else if metric.judge.is_some() {
        "only a rate can be corrected for its judge: leave `judge` out"
    } else {
        return;
    };
    let message = format!("metric `{}` cannot be a ratio", key.value);
    faults.add(message, place, "it is divided by this", Some(why.to_owned()));
}

/// How often a judge is right; `None` after a fault.
pub(crate) fn accuracy(
    written: &Spanned<source::Accuracy>,
    faults: &mut Faults<'_>,
) -> Option<JudgeAccuracy> {
    let source::Accuracy { sensitivity, sensitivity_labels, specificity, specificity_labels } =
        written.value;
    let accuracy =
        JudgeAccuracy { sensitivity, sensitivity_labels, specificity, specificity_labels };
    match accuracy.informedness() {
        Ok(_) => Some(accuracy),
        Err(reason) => {
            let help = "both are shares from 0 to 1, and together more than 1".to_owned();
            faults.add("this judge cannot be corrected for", &written.span, reason, Some(help));
            None
        }
    }
}

/// The keys of events that LaunchDarkly is told of: those that agents send, and the scenario's own.
fn events(own: &Entries<source::WrittenOutcome>) -> Vec<&str> {
    let own = own.0.iter().map(|(key, _)| key.value.as_str());
    let sent: Vec<&str> = AppEvent::countable().map(AppEvent::key).collect();
    sent.into_iter().chain(own).collect()
}

/// A metric on an event that nothing emits is a fault.
fn emitted(
    metric: &Spanned<String>,
    event: &Spanned<String>,
    own: &Entries<source::WrittenOutcome>,
    faults: &mut Faults<'_>,
) {
    let known = events(own);
    if !known.contains(&event.value.as_str()) {
        let near = nearest(&event.value, known.iter().copied());
        let help = near.map_or_else(
            || format!("events: {}", known.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("metric `{}` counts an event that nothing emits", metric.value);
        faults.add(message, &event.span, "no agent sends this event", Some(help));
    }
}

/// The causes of a scenario.
pub fn causes(file: &source::WrittenCauses, faults: &mut Faults<'_>) -> Causes {
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
        causes.grounding_to_quality => file.grounding_to_quality, "grounding_to_quality", 0.0, 1.0;
        causes.wrong_route_to_quality => file.wrong_route_to_quality, "wrong_route_to_quality", 0.0, 10.0;
        causes.missing_to_quality => file.missing_to_quality, "missing_to_quality", 0.0, 10.0;
        causes.memory_to_quality => file.memory_to_quality, "memory_to_quality", 0.0, 10.0;
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
pub fn segments(
    written: &Entries<Vec<source::WrittenClause>>,
    faults: &mut Faults<'_>,
) -> Vec<SegmentSpec> {
    faults.keys("segment", "", written);
    let mut segments = catalog::segments();
    for (key, clauses) in &written.0 {
        if clauses.is_empty() {
            faults.add(
                format!("segment `{}` has no condition", key.value),
                &key.span,
                "it would hold everybody",
                Some("write at least one, such as In(\"plan\", [\"paid\"])".to_owned()),
            );
        }
        let new = SegmentSpec {
            key: key.value.clone(),
            name: catalog::title(&key.value),
            clauses: clauses.iter().map(clause).collect(),
        };
        match segments.iter_mut().find(|segment| segment.key == key.value) {
            Some(segment) => *segment = new,
            None => segments.push(new),
        }
    }
    segments
}

/// The clauses of a segment, as flags have them.
fn clause(clause: &WrittenClause) -> ClauseSpec {
    match clause {
        WrittenClause::In(attribute, values) => catalog::clause(attribute, values, false),
        WrittenClause::NotIn(attribute, values) => catalog::clause(attribute, values, true),
    }
}
