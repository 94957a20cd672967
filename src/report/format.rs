//! Words for the report's data: names, units, readings and decisions, the same in every section.

use super::data::{ReportedExperiment, ReportedMetric, ReportedVariation, ReportedVerdict};
use super::number::Number;
use super::table::Tone;
use crate::experiment::{Better, MetricKind};
use crate::figure::{self, Unit};
use crate::verdict::Decision;

impl ReportedExperiment {
    /// The name of a variation for people.
    pub(super) fn name_of<'a>(&'a self, key: &'a str) -> &'a str {
        self.names.get(key).map_or(key, String::as_str)
    }

    /// The mass of every interval: `90%`.
    pub(crate) fn mass(&self) -> String {
        figure::written_percent(self.threshold)
    }

    /// Keys of the treatments, without the control.
    pub(crate) fn treatments(&self) -> impl Iterator<Item = &str> {
        self.exposures.0.iter().map(|(key, _)| key.as_str()).filter(|key| *key != self.control)
    }
}

impl ReportedMetric {
    /// Its name for people: the scenario's, or its key as words.
    pub(super) fn title(&self) -> String {
        self.name.clone().unwrap_or_else(|| readable(&self.key))
    }

    pub(super) fn measure(&self) -> Unit<'_> {
        Unit::new(self.kind, &self.unit).bare()
    }

    /// What a reader needs to know of it: `primary · conversion rate · higher is better`.
    pub(super) fn remark(&self) -> String {
        let of_kind = match self.kind {
            MetricKind::Conversion => "share of users",
            MetricKind::Percentile => "percentile over users",
            MetricKind::Numeric => "mean over users",
        };
        let what = self.statistic.as_deref().unwrap_or(of_kind);
        let what = match self.kind {
            MetricKind::Conversion => what.to_owned(),
            kind => match Unit::new(kind, &self.unit) {
                Unit::Named(name) if !name.is_empty() => format!("{what}, {name}"),
                _ => what.to_owned(),
            },
        };
        let better = match self.better {
            Better::Higher => "higher is better",
            Better::Lower => "lower is better",
        };
        let primary = if self.primary { "primary · " } else { "" };
        format!("{primary}{what} · {better}")
    }

    pub(super) fn variation(&self, key: &str) -> Option<&ReportedVariation> {
        self.variations.iter().find(|variation| variation.key == key)
    }
}

/// A key as words: `p95_total_user_latency` as `P95 total user latency`.
pub(crate) fn readable(key: &str) -> String {
    const CAPITALS: [&str; 8] = ["ai", "api", "id", "llm", "pii", "ttft", "url", "usd"];
    let word = |word: &str| {
        let percentile = word.len() > 1
            && word.starts_with('p')
            && word.bytes().skip(1).all(|byte| byte.is_ascii_digit());
        if percentile || CAPITALS.contains(&word) { word.to_uppercase() } else { word.to_owned() }
    };
    let words = key.split(['_', '-']).filter(|word| !word.is_empty());
    let words = words.map(word).collect::<Vec<_>>().join(" ");
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    first + letters.as_str()
}

/// What a probability to beat the control says, and whether it is good news.
pub(super) fn reading(beats: Option<Number>, threshold: f64) -> (&'static str, Tone) {
    // The thresholds of the result screens: green from the threshold on, red from its complement
    // down.
    match beats.map(Number::get) {
        None => ("no data", Tone::Dim),
        Some(p) if p >= threshold => ("better", Tone::Good),
        Some(p) if p <= 1.0 - threshold + 1e-12 => ("worse", Tone::Bad),
        Some(_) => ("unclear", Tone::Plain),
    }
}

/// A verdict in capitals, and its meaning: a failed health check outranks the decision.
pub(super) fn verdict(verdict: &ReportedVerdict) -> (&'static str, Tone) {
    if verdict.trusted { decision(verdict.decision) } else { ("DO NOT TRUST", Tone::Bad) }
}

/// A decision in capitals, and its meaning.
pub(super) fn decision(decision: Decision) -> (&'static str, Tone) {
    match decision {
        Decision::Ship => ("SHIP", Tone::Good),
        Decision::Keep => ("KEEP", Tone::Bad),
        Decision::NeedMoreData => ("NEED MORE DATA", Tone::Warn),
    }
}

/// What a diamond in a chart stands for, where there are any.
pub(super) fn diamonds(experiment: &ReportedExperiment) -> &'static str {
    let mut variations = experiment.metrics.iter().flat_map(|metric| &metric.variations);
    if variations.any(|own| own.truth.is_some()) {
        " A diamond is the effect on users: every user in that variation."
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_key_reads_as_words() {
        for (key, words) in [
            ("positive_feedback_rate", "Positive feedback rate"),
            ("p95_total_user_latency", "P95 total user latency"),
            ("ai_cost_per_request", "AI cost per request"),
            ("paid-plan__users", "Paid plan users"),
            ("p_value", "P value"),
            ("__", ""),
        ] {
            assert_eq!(super::readable(key), words);
        }
    }
}
