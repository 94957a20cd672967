//! From a table of observations to sufficient statistics.
//!
//! Guarantees: sums in the order of units, so the same table gives the same bits.
//!
//! Does not know: which sums a statistic needs (`statistic`), or posteriors.

use crate::analysis::{MetricInput, Summary};
use crate::experiment::{Experiment, Metric, MetricKind, Missing};
use crate::metrics::Observations;
use crate::statistic::ratio_of_pairs;

/// The units of one arm, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct ArmMembers {
    /// For each the number of units that had come before, of any arm or of none: ascending.
    places: Vec<u32>,
    /// For each its number in the table.
    units: Vec<u32>,
}

impl ArmMembers {
    /// A unit of the table came after `place` others.
    pub fn push(&mut self, place: u32, unit: u32) {
        self.places.push(place);
        self.units.push(unit);
    }

    /// How many are among the first `users`.
    fn among(&self, users: u32) -> usize {
        among(&self.places, users)
    }

    /// The members of each arm of experiment number `nth`, out of `units`.
    fn of(
        observations: &Observations,
        nth: usize,
        arms: usize,
        units: impl IntoIterator<Item = usize>,
    ) -> Vec<Self> {
        let mut members = vec![Self::default(); arms];
        let known = units.into_iter().filter(|&unit| unit < observations.units());
        for (place, unit) in known.enumerate() {
            if let Some(treatment) = observations.treatment(nth, unit)
                && let Some(arm) = members.get_mut(treatment)
            {
                arm.push(place as u32, unit as u32);
            }
        }
        members
    }
}

/// How many of these ascending places are below `users`.
fn among(places: &[u32], users: u32) -> usize {
    places.partition_point(|&place| place < users)
}

/// What the units of an experiment enter its metrics with, in the order in which they came, so that
/// the summary of any number of first units is a sum over a part of it.
#[derive(Debug)]
pub struct ArrivedValues<'e> {
    experiment: &'e Experiment,
    members: Vec<ArmMembers>,
    metrics: Vec<MetricValues<'e>>,
}

impl<'e> ArrivedValues<'e> {
    /// Those of `units`, which came in this order, in experiment number `nth` of a table.
    #[must_use]
    pub fn of(
        observations: &Observations,
        nth: usize,
        experiment: &'e Experiment,
        metrics: &'e [Metric],
        units: impl IntoIterator<Item = usize>,
    ) -> Self {
        let members = ArmMembers::of(observations, nth, experiment.treatments.len(), units);
        let tables = vec![observations; members.len()];
        Self::gathered(experiment, metrics, members, &tables)
    }

    /// Those of these members of each arm, in the arm's own table.
    #[must_use]
    pub fn gathered(
        experiment: &'e Experiment,
        metrics: &'e [Metric],
        members: Vec<ArmMembers>,
        tables: &[&Observations],
    ) -> Self {
        let of_metric = |own| MetricValues::gathered(own, &members, tables);
        let metrics = experiment.metrics_in(metrics).map(of_metric).collect();
        Self { experiment, members, metrics }
    }

    /// The summary of the units that are among the first `users`.
    #[must_use]
    pub fn first(&self, users: u32) -> Summary {
        let mut scratch = Vec::new();
        let of_metric = |own: &MetricValues<'_>| own.input(&self.members, users, &mut scratch);
        let inputs = self.metrics.iter().map(of_metric).collect();
        summary(self.experiment, &self.members, users, inputs)
    }
}

/// What the units of each arm enter one metric with.
#[derive(Debug)]
struct MetricValues<'e> {
    metric: &'e Metric,
    arms: Vec<ArmValues>,
}

#[derive(Debug)]
enum ArmValues {
    /// Numerator and denominator of each member.
    Pairs(Vec<(f64, f64)>),
    /// The value of each member that has one, with its place; the places of those that the metric's
    /// judge has judged.
    Values { values: Vec<f64>, places: Vec<u32>, judged: Option<Vec<u32>> },
}

impl<'e> MetricValues<'e> {
    fn gathered(
        (at, metric): (usize, &'e Metric),
        members: &[ArmMembers],
        tables: &[&Observations],
    ) -> Self {
        let of_arm = |(ArmMembers { places, units }, table): (&ArmMembers, &&Observations)| {
            if metric.per.is_some() {
                let pairs = units.iter().filter_map(|&unit| table.pair(at, unit as usize));
                return ArmValues::Pairs(pairs.collect());
            }
            let mut values = Vec::with_capacity(units.len());
            let mut known = Vec::with_capacity(units.len());
            for (&place, &unit) in places.iter().zip(units) {
                if let Some(value) = table.value(at, metric.aggregation, unit as usize) {
                    values.push(value);
                    known.push(place);
                }
            }
            let judge = metric.judge.as_ref().filter(|_| table.knows_judged(at));
            let judged = judge.map(|_| {
                let judged = places.iter().zip(units);
                judged
                    .filter(|&(_, &unit)| table.judged(at, unit))
                    .map(|(&place, _)| place)
                    .collect()
            });
            ArmValues::Values { values, places: known, judged }
        };
        Self { metric, arms: members.iter().zip(tables).map(of_arm).collect() }
    }

    /// The sums of the members that are among the first `users`.
    fn input(&self, members: &[ArmMembers], users: u32, scratch: &mut Vec<f64>) -> MetricInput {
        let metric = self.metric;
        let declared = metric.declared();
        let mut responders = Vec::with_capacity(members.len());
        let mut skewness = Vec::with_capacity(members.len());
        let mut tallies = Vec::with_capacity(members.len());
        for (own, members) in self.arms.iter().zip(members) {
            let exposed = members.among(users);
            match own {
                ArmValues::Pairs(pairs) => {
                    let pairs = pairs.get(..exposed).unwrap_or(pairs);
                    responders.push(pairs.iter().filter(|(_, under)| *under != 0.0).count() as u64);
                    skewness.push(None);
                    tallies.push(ratio_of_pairs(pairs));
                }
                ArmValues::Values { values, places, judged } => {
                    let values = values.get(..among(places, users)).unwrap_or(values);
                    responders.push(values.len() as u64);
                    skewness.push(skew(metric, values, exposed));
                    let judged = judged.as_ref().map(|judged| among(judged, users) as u64);
                    // A tally may reorder what it is given.
                    scratch.clear();
                    scratch.extend_from_slice(values);
                    let tally = declared.tally(scratch, exposed);
                    tallies.push(tally.map(|tally| tally.judged_of(judged)));
                }
            }
        }
        MetricInput { metric: metric.clone(), tallies, responders: Some(responders), skewness }
    }
}

/// The summary of experiment number `nth` over the units in `units`: those that came first, or
/// those of a segment, for a look at part of the data.
#[must_use]
pub fn summarize(
    observations: &Observations,
    nth: usize,
    experiment: &Experiment,
    metrics: &[Metric],
    units: impl IntoIterator<Item = usize>,
) -> Summary {
    let members = ArmMembers::of(observations, nth, experiment.treatments.len(), units);
    let mut scratch = Vec::new();
    let tables = vec![observations; members.len()];
    // One metric after the other, so that a large table's values are not all there at once.
    let of_metric = |own| {
        let values = MetricValues::gathered(own, &members, &tables);
        values.input(&members, u32::MAX, &mut scratch)
    };
    let inputs = experiment.metrics_in(metrics).map(of_metric).collect();
    summary(experiment, &members, u32::MAX, inputs)
}

fn summary(
    experiment: &Experiment,
    members: &[ArmMembers],
    users: u32,
    metrics: Vec<MetricInput>,
) -> Summary {
    let whole: f64 = experiment.treatments.iter().map(|treatment| treatment.share.fraction()).sum();
    let shares = (whole > 0.0).then(|| {
        experiment.treatments.iter().map(|treatment| treatment.share.fraction() / whole).collect()
    });
    let exposures = members.iter().map(|members| members.among(users) as u64).collect();
    Summary { exposures, shares, metrics }
}

/// The skewness of the values behind a mean, third central moment over the cube of the standard
/// deviation; `None` for other metrics, for fewer than three units and for values without spread.
fn skew(metric: &Metric, values: &[f64], exposed: usize) -> Option<f64> {
    let units = if metric.missing == Missing::Zero { exposed } else { values.len() };
    let mean = metric.kind() == MetricKind::Numeric && metric.declared().definition().linear;
    if !mean || units < 3 {
        return None;
    }
    let n = units as f64;
    let mean = values.iter().sum::<f64>() / n;
    let zeros = (units - values.len()) as f64;
    let (mut squares, mut cubes) = (zeros * mean * mean, -zeros * mean * mean * mean);
    for value in values {
        let distance = value - mean;
        squares += distance * distance;
        cubes += distance * distance * distance;
    }
    let deviation = (squares / n).sqrt();
    let skewness = cubes / n / (deviation * deviation * deviation);
    (deviation > 0.0 && skewness.is_finite()).then_some(skewness)
}
