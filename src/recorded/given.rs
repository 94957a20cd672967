//! From summary statistics as written to their meaning: names, ranges and sums.
//!
//! Guarantees: all faults of the file, each with its place; what it lets through can be analyzed,
//! or the analysis says why not (a standard error that nobody knows).
//!
//! Does not know: files, or what the numbers say.

use super::written::{self, RecordedFile, VariationStatistics};
use crate::analysis::{MetricInput, Summary, Tally};
use crate::diagnostic::{Diagnostic, SourceText};
use crate::experiment::{
    Aggregation, Experiment, Metric, MetricKind, Missing, Statistic, Treatment,
};
use crate::figure::count;
use crate::quantity::{Probability, Share};
use crate::report::{Assumption, Expect};
use crate::scenario::{
    DecisionScope, Entries, Faults, MAX_ENTRIES, Misread, Spanned, accuracy, read_dialect,
    shape_fault,
};
use crate::verdict::Rule;

/// Most users exposed to one variation: sums of them stay exact as floating-point numbers.
const MAX_USERS: u64 = 1_000_000_000_000;

/// Given summary statistics, resolved.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// The file's title, one line; may be empty.
    pub title: String,
    /// What is assumed about the data.
    pub assumptions: Vec<Assumption>,
    /// The experiments, at least one.
    pub studies: Vec<GivenStudy>,
    /// Digest of the file's text, in hexadecimal.
    pub fingerprint: String,
}

/// One experiment with its data.
#[derive(Clone, Debug)]
pub struct GivenStudy {
    /// The experiment; its metrics are those of `data`, in the same order.
    pub experiment: Experiment,
    /// The sufficient statistics.
    pub data: Summary,
    /// The decision rule, if there is one.
    pub rule: Option<Rule>,
    /// What the file expects of the outcome.
    pub expect: Option<Expect>,
}

/// Reads summary statistics.
///
/// # Errors
/// All faults of the text.
pub fn statistics(source: &SourceText) -> Result<Statistics, Vec<Diagnostic>> {
    if source.text.trim().is_empty() {
        return Err(vec![
            Diagnostic::new(format!("`{}` is empty", source.name))
                .help("scenarios/published/security.ron is an example"),
        ]);
    }
    let written: RecordedFile =
        read_dialect(&source.text).map_err(|misread| vec![misread_as(&misread, source)])?;
    let mut faults = Faults::new(source);
    let experiments = &written.experiments.value;
    if experiments.is_empty() {
        faults.add(
            "there is no experiment in it",
            &written.experiments.span,
            "nothing to analyze",
            None,
        );
    }
    faults.too_many(
        "experiments",
        experiments.get(MAX_ENTRIES).map(|experiment| &experiment.key.span),
    );
    let mut studies = Vec::new();
    for experiment in experiments.iter().take(MAX_ENTRIES) {
        faults.key("experiment", &experiment.key);
        faults.define("experiment", "", &experiment.key);
        studies.extend(study(experiment, &mut faults));
    }
    let found = faults.finish();
    if !found.is_empty() {
        return Err(found);
    }
    let assumptions = written
        .assumptions
        .into_iter()
        .map(|own| Assumption { what: own.what, source: own.source });
    Ok(Statistics {
        title: written.title,
        assumptions: assumptions.collect(),
        studies,
        fingerprint: format!("{:032x}", xxhash_rust::xxh3::xxh3_128(source.text.as_bytes())),
    })
}

/// The fault of a text that has not the shape of summary statistics; a scenario is a likely
/// mistake.
fn misread_as(misread: &Misread, source: &SourceText) -> Diagnostic {
    let fault = shape_fault(misread, source);
    match &misread.code {
        ron::Error::NoSuchStructField { found, .. }
            if ["seed", "knowledge", "traffic", "audience", "models", "tools", "segments", "configs", "config", "segment"]
                .contains(&found.as_str()) =>
        {
            fault.help(
                "this looks like a scenario: run it with `simlab run`, or analyze recorded events with it: `simlab analyze EVENTS --scenario FILE`",
            )
        }
        _ => fault,
    }
}

fn study(written: &written::RecordedExperiment, faults: &mut Faults<'_>) -> Option<GivenStudy> {
    let before = faults.count();
    let key = &written.key.value;
    let entries = &written.metrics.value;
    faults.keys("metric", key, entries);
    let Some((_, first)) = entries.0.first() else {
        let help = "give `metrics`, the primary one first".to_owned();
        faults.add(
            format!("experiment `{key}` has no metric"),
            &written.metrics.span,
            "nothing to analyze",
            Some(help),
        );
        return None;
    };
    let rows = &first.variations.value.0;
    for (variation, _) in rows.iter().take(MAX_ENTRIES) {
        faults.define("variation", key, variation);
    }
    let keys: Vec<&str> = rows.iter().map(|(variation, _)| variation.value.as_str()).collect();
    if keys.len() < 2 {
        faults.add(
            format!("experiment `{key}` compares nothing"),
            &first.variations.span,
            "a control and a treatment are needed",
            None,
        );
    }
    let control = faults.look_up_in("variation", key, &written.control, keys.iter().copied());
    for (variation, _) in &written.names.0 {
        faults.look_up_in("variation", key, variation, keys.iter().copied());
    }
    let threshold = written.threshold.as_ref().map_or(0.9, |threshold| {
        if !(threshold.value > 0.5 && threshold.value < 1.0) {
            let label =
                format!("expected more than 0.5 and less than 1, found {}", threshold.value);
            faults.add(
                "the threshold is out of range",
                &threshold.span,
                label,
                Some("the tutorial has 0.9".to_owned()),
            );
        }
        threshold.value
    });
    let shares = shares(written, &keys, faults);
    let exposures: Vec<&Spanned<u64>> = rows.iter().map(|(_, row)| &row.exposures).collect();
    for exposed in exposures.iter().filter(|exposed| exposed.value > MAX_USERS) {
        let label = format!("expected at most {}", count(MAX_USERS));
        faults.add("the number of exposed users is out of range", &exposed.span, label, None);
    }
    let metrics: Vec<MetricInput> = entries
        .0
        .iter()
        .map(|(name, metric)| input(key, name, metric, &keys, &exposures, faults))
        .collect();
    let scope = DecisionScope {
        experiment: key,
        control: &written.control.value,
        treatments: keys.clone(),
        variations_of: key,
        metrics: metrics.iter().map(|input| &input.metric).collect(),
        metrics_of: key,
        elsewhere: Vec::new(),
        segments: Vec::new(),
    };
    let rule = written.decision.as_ref().and_then(|decision| scope.rule(&decision.value, faults));
    let decided = (rule.as_ref(), written.decision.is_some());
    let expect = written.expect.as_ref().map(|expect| scope.expect(expect, decided, faults));
    faults.tolerated(&written.tolerate);
    if faults.count() > before {
        return None;
    }
    // Without a planned split no treatment has a share.
    let planned = shares.clone().unwrap_or_else(|| vec![Share::default(); keys.len()]);
    let treatment = |(variation, share): (&&str, Share)| Treatment {
        variation: (*variation).to_owned(),
        name: written.names.get(variation).cloned().unwrap_or_default(),
        share,
    };
    let experiment = Experiment {
        key: key.clone(),
        name: written.name.clone().unwrap_or_else(|| key.clone()),
        hypothesis: written.hypothesis.clone(),
        config: String::new(),
        treatments: keys.iter().zip(planned).map(treatment).collect(),
        control: control?,
        metrics: (0..metrics.len()).collect(),
        threshold: Probability::clamped(threshold),
        method: written.method,
        correction: written.correction,
        tolerate: written.tolerate.iter().map(|check| check.value.clone()).collect(),
    };
    let data = Summary {
        exposures: exposures.iter().map(|exposed| exposed.value).collect(),
        shares: shares.map(|shares| shares.iter().map(|share| share.fraction()).collect()),
        metrics,
    };
    Some(GivenStudy { experiment, data, rule, expect })
}

/// The planned split, in the order of the variations.
fn shares(
    written: &written::RecordedExperiment,
    keys: &[&str],
    faults: &mut Faults<'_>,
) -> Option<Vec<Share>> {
    let split = written.split.as_ref()?;
    for (variation, _) in &split.value.0 {
        faults.look_up_in("variation", &written.key.value, variation, keys.iter().copied());
    }
    let sum: u64 = split.value.0.iter().map(|(_, share)| u64::from(share.weight())).sum();
    if sum != u64::from(Share::WHOLE.weight()) {
        let label = format!("these sum to {}%", sum as f64 / 1e3);
        faults.add(
            format!("the split of experiment `{}` does not sum to 100%", written.key.value),
            &split.span,
            label,
            None,
        );
    }
    Some(keys.iter().map(|key| split.value.get(key).copied().unwrap_or_default()).collect())
}

fn input(
    experiment: &str,
    key: &Spanned<String>,
    written: &written::RecordedMetric,
    keys: &[&str],
    exposures: &[&Spanned<u64>],
    faults: &mut Faults<'_>,
) -> MetricInput {
    let percentile = written
        .percentile
        .as_ref()
        .map_or(0.95, |percentile| faults.range("the percentile", percentile, 0.01, 0.999));
    if let Some(place) =
        written.percentile.as_ref().filter(|_| written.kind != MetricKind::Percentile)
    {
        faults.add(
            "only a percentile metric has a `percentile`",
            &place.span,
            "write `kind: Percentile`, or leave this out",
            None,
        );
    }
    let smallest_effect = written
        .smallest_effect
        .as_ref()
        .map_or(0.0, |smallest| faults.range("smallest_effect", smallest, 0.0, 10.0));
    let prior_variance = written
        .prior_variance
        .as_ref()
        .map(|variance| faults.range("the prior variance", variance, 1e-6, 1e6));
    let tallies = keys.iter().zip(exposures).map(|(variation, exposed)| {
        let row = written.variations.value.get(variation)?;
        if row.exposures.value != exposed.value {
            let places = [(&exposed.span, "here"), (&row.exposures.span, "and here")];
            let help = "users are exposed once, whatever is measured; where fewer have a value, say so with `users`".to_owned();
            faults.add_pair(format!("two numbers of users exposed to `{variation}`"), places, Some(help));
        }
        tally(written.kind, row, faults)
    });
    let tallies = tallies.collect();
    strangers(experiment, key, &written.variations.value, keys, faults);
    MetricInput {
        metric: Metric {
            key: key.value.clone(),
            name: written.name.clone().unwrap_or_default(),
            // Statistics name no event: the key says what was counted.
            event: key.value.clone(),
            aggregation: if written.kind == MetricKind::Conversion {
                Aggregation::Occurrence
            } else {
                Aggregation::Sum
            },
            statistic: match written.kind {
                MetricKind::Percentile => Statistic::Percentile(Probability::clamped(percentile)),
                MetricKind::Conversion | MetricKind::Numeric => Statistic::Mean,
            },
            missing: Missing::Exclude,
            better: written.better,
            unit: written.unit.clone(),
            prior_variance,
            smallest_effect,
            per: None,
            prior: written.prior,
            judge: written.judge.as_ref().and_then(|judge| accuracy(judge, faults)),
        },
        tallies,
        responders: None,
        skewness: Vec::new(),
    }
}

/// Variations that the primary metric does not have, or that are given twice.
fn strangers(
    experiment: &str,
    metric: &Spanned<String>,
    rows: &Entries<VariationStatistics>,
    keys: &[&str],
    faults: &mut Faults<'_>,
) {
    faults.too_many("variations", rows.0.get(MAX_ENTRIES).map(|(variation, _)| &variation.span));
    for (nth, (variation, _)) in rows.0.iter().enumerate().take(MAX_ENTRIES) {
        faults.look_up_in("variation", experiment, variation, keys.iter().copied());
        if let Some((earlier, _)) =
            rows.0.iter().take(nth).find(|(earlier, _)| earlier.value == variation.value)
        {
            let places = [(&earlier.span, "the first time"), (&variation.span, "the second time")];
            faults.add_pair(
                format!("variation `{}` is given twice for `{}`", variation.value, metric.value),
                places,
                None,
            );
        }
    }
}

/// One variation's data; `None` where nothing is known or after a fault.
fn tally(kind: MetricKind, row: &VariationStatistics, faults: &mut Faults<'_>) -> Option<Tally> {
    let exposed = row.exposures.value;
    let users = row.users.as_ref().map_or(exposed, |users| {
        if users.value > exposed {
            let label = format!("{} were exposed", exposed);
            faults.add("more users with a value than exposed users", &users.span, label, None);
        }
        users.value
    });
    if let Some(error) =
        row.standard_error.as_ref().filter(|error| !(error.value.is_finite() && error.value >= 0.0))
    {
        faults.add(
            "the standard error is out of range",
            &error.span,
            "expected a number of 0 or more",
            None,
        );
    }
    for number in
        [&row.total, &row.value].into_iter().flatten().filter(|number| !number.value.is_finite())
    {
        faults.add("the number is out of range", &number.span, "expected a finite number", None);
    }
    if kind == MetricKind::Conversion {
        for place in [&row.total, &row.value, &row.standard_error]
            .into_iter()
            .flatten()
            .map(|number| &number.span)
        {
            faults.add(
                "a conversion metric counts users",
                place,
                "write `conversions` instead",
                None,
            );
        }
        let Some(conversions) = &row.conversions else {
            faults.add(
                "the field `conversions` is missing",
                &row.exposures.span,
                "how many of these converted?",
                None,
            );
            return None;
        };
        if conversions.value > users {
            let (place, of) = match &row.users {
                Some(users) => (&users.span, "users with a value"),
                None => (&row.exposures.span, "exposed users"),
            };
            let places = [(place, of), (&conversions.span, "more conversions")];
            faults.add_pair(
                format!("more conversions than {of}"),
                places,
                Some("a user converts once at most".to_owned()),
            );
        }
        if users == 0 {
            return None;
        }
        return Some(Tally::Conversion {
            units: Some(users),
            judged: Some(users),
            conversions: conversions.value,
        });
    }
    if let Some(conversions) = &row.conversions {
        let help =
            "write `total` (or `value`) and `standard_error`, or `kind: Conversion`".to_owned();
        faults.add(
            "only a conversion metric has `conversions`",
            &conversions.span,
            "this metric has values",
            Some(help),
        );
    }
    let standard_error = row.standard_error.as_ref().map(|error| error.value);
    let value = match (&row.total, &row.value) {
        (Some(total), Some(value)) => {
            let places = [(&total.span, "this"), (&value.span, "and this")];
            faults.add_pair(
                "both `total` and `value` are given",
                places,
                Some("one follows from the other; keep one".to_owned()),
            );
            return None;
        }
        (None, None) => {
            let label = "what do the values of these users add up to?";
            faults.add(
                "the field `total` is missing",
                &row.exposures.span,
                label,
                Some(
                    "write `total: …`, or `value: …` for the mean or percentile itself".to_owned(),
                ),
            );
            return None;
        }
        // A percentile's total is a way of writing it; means divide by the users that have a value.
        (Some(total), None) if kind == MetricKind::Percentile => total.value / exposed as f64,
        (Some(total), None) => total.value,
        (None, Some(value)) if kind == MetricKind::Percentile => value.value,
        (None, Some(value)) => value.value * users as f64,
    };
    if let Some(place) = row
        .total
        .as_ref()
        .or(row.value.as_ref())
        .filter(|number| number.value.is_finite() && !value.is_finite())
    {
        faults.add(
            "the number is out of range",
            &place.span,
            "times the users it is too large to count with",
            None,
        );
    }
    if users == 0 || exposed == 0 {
        return None;
    }
    Some(match kind {
        MetricKind::Percentile => Tally::Value { units: users, value, standard_error },
        MetricKind::Numeric | MetricKind::Conversion => {
            Tally::Mean { units: users, total: value, standard_error }
        }
    })
}
