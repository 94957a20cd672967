//! What the users of AI configs used, as LaunchDarkly's REST interface sums it up: tokens, generations,
//! feedback, durations and judges' scores by variation.
//!
//! Guarantees: what is kept is bounded: sums by minute, and by day where there are many.
//!
//! Does not know: HTTP, or which configs there are. Events do not tell their environment.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::flags::events::Recorded;
use crate::flags::mock::{ConfigMetricsOf, VariationCosts};

/// Most sums that are kept by the minute; further ones are kept by the day.
const MAX_MINUTES: usize = 100_000;
/// Most sums in all.
const MAX_SUMS: usize = 2 * MAX_MINUTES;
const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 1440 * MINUTE_MS;

/// Sums of events.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sums {
    input_tokens: f64,
    output_tokens: f64,
    total_tokens: f64,
    successes: u64,
    errors: u64,
    thumbs_up: u64,
    thumbs_down: u64,
    duration_ms: f64,
    /// Sum and count of times to the first token.
    first_token_ms: (f64, u64),
    /// Sum and count of the scores for accuracy, relevance and toxicity.
    judged: [(f64, u64); 3],
}

/// The judges whose scores have fields of their own, in the order of [`Sums::judged`].
const JUDGED: [(&str, &str); 3] = [
    ("$ld:ai:judge:accuracy", "judgeAccuracy"),
    ("$ld:ai:judge:relevance", "judgeRelevance"),
    ("$ld:ai:judge:toxicity", "judgeToxicity"),
];

impl Sums {
    /// Adds an event; whether it is one that counts here.
    fn add(&mut self, event: &str, value: f64) -> bool {
        let mean = |(sum, count): &mut (f64, u64)| {
            *sum += value;
            *count += 1;
        };
        match event {
            "$ld:ai:tokens:input" => self.input_tokens += value,
            "$ld:ai:tokens:output" => self.output_tokens += value,
            "$ld:ai:tokens:total" => self.total_tokens += value,
            "$ld:ai:tokens:ttf" => mean(&mut self.first_token_ms),
            "$ld:ai:duration:total" => self.duration_ms += value,
            "$ld:ai:generation:success" => self.successes += 1,
            "$ld:ai:generation:error" => self.errors += 1,
            "$ld:ai:feedback:user:positive" => self.thumbs_up += 1,
            "$ld:ai:feedback:user:negative" => self.thumbs_down += 1,
            judged => {
                let place = JUDGED.iter().position(|(key, _)| *key == judged);
                let Some(own) = place.and_then(|at| self.judged.get_mut(at)) else { return false };
                mean(own);
            }
        }
        true
    }

    fn and(self, other: &Self) -> Self {
        let both = |one: (f64, u64), other: (f64, u64)| (one.0 + other.0, one.1 + other.1);
        let [accuracy, relevance, toxicity] = self.judged;
        let [more_accuracy, more_relevance, more_toxicity] = other.judged;
        Self {
            input_tokens: self.input_tokens + other.input_tokens,
            output_tokens: self.output_tokens + other.output_tokens,
            total_tokens: self.total_tokens + other.total_tokens,
            successes: self.successes + other.successes,
            errors: self.errors + other.errors,
            thumbs_up: self.thumbs_up + other.thumbs_up,
            thumbs_down: self.thumbs_down + other.thumbs_down,
            duration_ms: self.duration_ms + other.duration_ms,
            first_token_ms: both(self.first_token_ms, other.first_token_ms),
            judged: [
                both(accuracy, more_accuracy),
                both(relevance, more_relevance),
                both(toxicity, more_toxicity),
            ],
        }
    }

    /// As the interface shows it, with these costs. What nobody measured is left out.
    fn shown(&self, (input_cost, output_cost): (Option<f64>, Option<f64>)) -> Value {
        let mut json = json!({
            "inputTokens": self.input_tokens as u64,
            "outputTokens": self.output_tokens as u64,
            "totalTokens": self.total_tokens as u64,
            "generationCount": self.successes + self.errors,
            "generationSuccessCount": self.successes,
            "generationErrorCount": self.errors,
            "thumbsUp": self.thumbs_up,
            "thumbsDown": self.thumbs_down,
            "durationMs": self.duration_ms as u64,
        });
        let mean = |(sum, count): (f64, u64)| (count > 0).then(|| sum / count as f64);
        let rated = self.thumbs_up + self.thumbs_down;
        let rating = (rated > 0).then(|| self.thumbs_up as f64 / rated as f64);
        let judged = JUDGED.iter().zip(self.judged);
        let fields: Map<String, Value> = [
            ("timeToFirstTokenMs", mean(self.first_token_ms).map(|ms| Value::from(ms as u64))),
            ("satisfactionRating", rating.map(Value::from)),
            ("inputCost", input_cost.map(Value::from)),
            ("outputCost", output_cost.map(Value::from)),
        ]
        .into_iter()
        .chain(judged.map(|((_, name), scores)| (*name, mean(scores).map(Value::from))))
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
        if let Some(all) = json.as_object_mut() {
            all.extend(fields);
        }
        json
    }
}

/// What the input and the output of these variations cost; each is known where every price is that
/// matters.
fn cost(all: &[(&VariationCosts, Sums)]) -> (Option<f64>, Option<f64>) {
    let (mut input, mut output) = (Some(0.0), Some(0.0));
    for (one, sums) in all {
        for (total, tokens, price) in [
            (&mut input, sums.input_tokens, one.per_input_token),
            (&mut output, sums.output_tokens, one.per_output_token),
        ] {
            if tokens > 0.0 || all.len() == 1 {
                *total = total.zip(price).map(|(total, price)| total + price * tokens);
            }
        }
    }
    (input, output)
}

/// The use of all AI configs.
#[derive(Clone, Debug, Default)]
pub struct ConfigUsage {
    /// By config and variation, then by the start of the time: Unix time in milliseconds.
    sums: BTreeMap<(String, String), BTreeMap<u64, Sums>>,
    count: usize,
}

impl ConfigUsage {
    /// Takes an event.
    pub fn take(&mut self, recorded: &Recorded<'_>) {
        let Recorded::Metric { at_ms, event, value, data, .. } = recorded else { return };
        let text = |name: &str| data.get(name).and_then(Value::as_str);
        let (Some(config), Some(variation)) = (text("configKey"), text("variationKey")) else {
            return;
        };
        let mut added = Sums::default();
        if !added.add(event, value.unwrap_or_default()) {
            return;
        }
        let own = self.sums.entry((config.to_owned(), variation.to_owned())).or_default();
        let span = if self.count < MAX_MINUTES { MINUTE_MS } else { DAY_MS };
        let start = at_ms / span * span;
        // Whoever sends events of every day since 1970 is not counted to the end.
        if self.count >= MAX_SUMS && !own.contains_key(&start) {
            return;
        }
        self.count += usize::from(!own.contains_key(&start));
        let sums = own.entry(start).or_default();
        *sums = sums.and(&added);
    }

    /// What the interface answers.
    #[must_use]
    pub fn answer(&self, of: &ConfigMetricsOf) -> Value {
        let sums = |variation: &str| {
            let own = self.sums.get(&(of.config.clone(), variation.to_owned()));
            let own = own.into_iter().flat_map(|own| own.range(of.from_ms..of.to_ms));
            own.fold(Sums::default(), |all, (_, one)| all.and(one))
        };
        let by_variation: Vec<(&VariationCosts, Sums)> =
            of.variations.iter().map(|one| (one, sums(&one.key))).collect();
        if of.by_variation {
            let shown = by_variation.iter().map(|(one, sums)| {
                json!({ "variationKey": one.key, "metrics": sums.shown(cost(&[(one, *sums)])) })
            });
            return shown.collect::<Vec<_>>().into();
        }
        let all = by_variation.iter().fold(Sums::default(), |all, (_, sums)| all.and(sums));
        all.shown(cost(&by_variation))
    }
}
