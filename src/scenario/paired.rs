//! Paired designs: what they need, and what makes no sense with them.
//!
//! Guarantees: a scenario with a paired design has one experiment, whose metrics have a mean for
//! each question.
//!
//! Does not know: how questions are sent or analyzed.

use std::collections::BTreeSet;

use super::faults::Faults;
use super::source::{self, WrittenDesign, WrittenScenario as Written};
use super::spanned::Spanned;
use crate::experiment::{Method, Metric, PairedDesign};
use crate::llm::profile::ModelProfile;
use crate::quantity::Share;

/// Most answers and judgings of one question, over all variations.
const MAX_CELLS: usize = 10_000;

/// The paired design of an experiment of these shares and metrics; `None` for a split test.
pub fn design(
    written: &source::WrittenExperiment,
    shares: &[(String, Share)],
    metrics: &[(usize, &Metric)],
    faults: &mut Faults<'_>,
) -> Option<PairedDesign> {
    let own = written.design.as_ref()?;
    let WrittenDesign::Paired { repeats, judgings, alike, remembers, batch } = own.value else {
        return None;
    };
    let place = |value: i64| Spanned { value, span: own.span.clone() };
    let design = PairedDesign {
        repeats: faults.whole("repeats", &place(repeats), 1..=100),
        judgings: faults.whole("judgings", &place(judgings), 1..=100),
        alike: faults.range("alike", &Spanned { value: alike, span: own.span.clone() }, 0.0, 1.0),
        remembers: faults.whole("remembers", &place(remembers), 0..=20),
        batch,
    };
    let taking_part: Vec<Share> =
        shares.iter().map(|(_, share)| *share).filter(|share| share.weight() > 0).collect();
    let cells = design.cells(taking_part.len());
    if cells > MAX_CELLS {
        let label = format!("{cells} answers and judgings of each question, over all variations");
        let help = format!("lower `repeats` or `judgings`: at most {MAX_CELLS} in all");
        faults.add("the paired design is too large", &own.span, label, Some(help));
    }
    if design.remembers > 0 && taking_part.len() > 2 {
        let label = format!(
            "with {} variations in turn, each always follows the same other one",
            taking_part.len()
        );
        let help = "remove `remembers`, or compare two variations at a time";
        let message = "a memory between answers needs two variations";
        faults.add(message, &own.span, label, Some(help.to_owned()));
    }
    unequal(written, &taking_part, faults);
    misplaced(written, own, faults);
    if let Some((_, metric)) = metrics.iter().find(|(_, metric)| !has_mean(metric)) {
        let listed = written.metrics.iter().find(|listed| listed.value == metric.key);
        let label = "it has no value for a single question";
        let help = "list metrics that are means or rates, such as `average_total_user_tokens`";
        faults.add(
            format!("metric `{}` cannot be compared question by question", metric.key),
            listed.map_or(&own.span, |listed| &listed.span),
            label,
            Some(help.to_owned()),
        );
    }
    Some(design)
}

/// Whether a metric is a mean of unit values.
fn has_mean(metric: &Metric) -> bool {
    metric.per.is_none() && metric.declared().definition().linear
}

/// Every question goes through every variation, so shares other than equal ones say nothing.
fn unequal(written: &source::WrittenExperiment, shares: &[Share], faults: &mut Faults<'_>) {
    let weights = || shares.iter().map(|share| share.weight());
    let (least, most) = (weights().min().unwrap_or(0), weights().max().unwrap_or(0));
    // Three equal shares sum to 100% only nearly.
    if most - least > 1_000 {
        let help = "write equal shares; a variation with \"0%\" takes no part".to_owned();
        faults.add(
            "a paired design has no shares",
            &written.split.span,
            "every question goes through every variation",
            Some(help),
        );
    }
}

/// Fields of the experiment that make no sense with a paired design.
fn misplaced(
    written: &source::WrittenExperiment,
    own: &Spanned<WrittenDesign>,
    faults: &mut Faults<'_>,
) {
    let mut pair = |what: &str, span: &std::ops::Range<usize>, label: &str, help: &str| {
        let places = [(&own.span, "every question goes through every variation"), (span, label)];
        faults.add_pair(
            format!("a paired design cannot be combined with {what}"),
            places,
            Some(help.to_owned()),
        );
    };
    if let Some(allocation) = &written.allocation
        && matches!(allocation.value, source::Allocation::Thompson { .. })
    {
        pair("a bandit", &allocation.span, "this changes a split", "remove `allocation`");
    }
    if let Some(sample) = written.sample.as_ref().filter(|own| own.value != Share::WHOLE) {
        let help = "remove `sample`, and say in `traffic` how many questions there are";
        pair("a sample of the users", &sample.span, "this leaves users out", help);
    }
    if let Some(outside) = &written.outside {
        let label = "this is for users outside of the sample";
        pair("users outside of the experiment", &outside.span, label, "remove `outside`");
    }
    if let Some(by) = written.by.first() {
        let label = "this looks at parts of the users";
        pair("segments of the users", &by.span, label, "remove `by`");
    }
    if written.method == Method::Sequential {
        let help = "remove `method`, or write `method: Frequentist`: the data are complete before anybody looks";
        let label = "it has `method: Sequential`";
        pair("a test that is valid at every look", &written.key.span, label, help);
    }
}

/// The models at the prices of calls in a batch, where the design asks for them. `used` are the
/// models that the run calls.
pub fn in_batch(
    written: &Written,
    models: Vec<ModelProfile>,
    used: impl Iterator<Item = u16>,
    faults: &mut Faults<'_>,
) -> Vec<ModelProfile> {
    let batched = |own: &&Spanned<WrittenDesign>| {
        matches!(own.value, WrittenDesign::Paired { batch: true, .. })
    };
    let designs = written.experiments.iter().filter_map(|own| own.design.as_ref());
    let Some(design) = designs.into_iter().find(batched) else { return models };
    let used: BTreeSet<u16> = used.collect();
    for model in used.into_iter().filter_map(|model| models.get(usize::from(model))) {
        if model.batch_percent.is_none() {
            faults.add(
                format!("model `{}` has no price for calls in a batch", model.id),
                &design.span,
                "`batch: true` sends its calls in batches",
                Some(format!(
                    "give it one, such as `models: {{\"{}\": (batch: 0.5)}}`, or remove `batch`",
                    model.id
                )),
            );
        }
    }
    models.into_iter().map(|model| model.in_batch().unwrap_or(model)).collect()
}

/// Checks that an experiment with a paired design is alone, and that users come once.
pub fn alone(written: &Written, faults: &mut Faults<'_>) {
    let paired = |own: &&source::WrittenExperiment| {
        own.design.as_ref().is_some_and(|own| matches!(own.value, WrittenDesign::Paired { .. }))
    };
    let Some(own) = written.experiments.iter().find(paired) else { return };
    let Some(design) = &own.design else { return };
    let here = (&design.span, "every question goes through every variation");
    let mut pair = |what: &str, other: (&std::ops::Range<usize>, &str), help: &str| {
        let message = format!("a paired design cannot be combined with {what}");
        faults.add_pair(message, [here, other], Some(help.to_owned()));
    };
    let other = written.experiments.iter().find(|other| !std::ptr::eq(*other, own));
    if let Some(other) = other {
        let help = "give each experiment a scenario of its own";
        pair("another experiment", (&other.key.span, "the other experiment"), help);
    }
    if let Some(guarded) = written.guarded_rollouts.first() {
        let label = "it splits the users";
        pair("a guarded rollout", (&guarded.config.span, label), "remove one of the two");
    }
    if let Some(users) = &written.users {
        let help = "remove `users`; if the app's memory is what you are after, write `remembers` in `Paired( … )`";
        pair("users who come back", (&users.span, "these come by themselves"), help);
    }
    if let Some(before) = &written.traffic.pre_period {
        let help = "remove `pre_period`: a question is compared with itself";
        pair("a pre-period", (&before.span, "this is for users of a split test"), help);
    }
}
