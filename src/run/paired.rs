//! What a report says of a paired design: costs, where differences come from, and what more of
//! anything buys.
//!
//! Does not know: how it is shown.

use crate::analysis::{
    Analysis, PairedCosts, PairedDifference, PairedMix, PairedSpread, PairedTest, VarianceComponent,
};
use crate::experiment::{Experiment, PairedDesign};
use crate::journal::{Caller, Entry, Event, Reader};
use crate::quantity::MoneyTotal;
use crate::report::{CheapestMix, Number, PairedEvaluation, PairedMetric};
use crate::scenario::Study;

/// How often the smallest difference is to be found.
const POWER: f64 = 0.8;

/// What questions, answers and judgings cost, added up.
#[derive(Clone, Debug, Default)]
pub(super) struct PairedSpending {
    questions: Spent,
    answers: Spent,
    judgings: Spent,
}

/// What one of them costs.
#[derive(Clone, Debug, Default)]
struct Spent {
    cost: MoneyTotal,
    count: u64,
    unpriced: bool,
}

impl Spent {
    /// Dollars of one; `None` where a call has no price.
    fn each(&self) -> Option<f64> {
        (!self.unpriced).then(|| self.cost.dollars() / self.count.max(1) as f64)
    }
}

impl Reader for PairedSpending {
    fn entry(&mut self, entry: &Entry) {
        match entry.event {
            Event::Arrived { visit, .. } => {
                self.questions.count += u64::from(visit == 0);
                self.answers.count += 1;
            }
            Event::Judged { .. } => self.judgings.count += 1,
            Event::Completed { caller, cost, .. } => {
                let spent = match caller {
                    Caller::Topics => return,
                    Caller::Writer => &mut self.questions,
                    Caller::Agent(_) => &mut self.answers,
                    Caller::Judge => &mut self.judgings,
                };
                match cost {
                    Some(cost) => spent.cost += cost,
                    None => spent.unpriced = true,
                }
            }
            _ => {}
        }
    }
}

/// The part of the report.
pub(super) fn evaluation(
    study: &Study,
    design: PairedDesign,
    analysis: &Analysis,
    spending: &PairedSpending,
) -> PairedEvaluation {
    let experiment = &study.experiment;
    let questions = analysis.exposures.first().copied().unwrap_or_default();
    let [question, answer, judging] =
        [&spending.questions, &spending.answers, &spending.judgings].map(Spent::each);
    let found = analysis.metrics.iter().flat_map(|metric| {
        let arms = metric.variations.iter().enumerate();
        arms.filter_map(|(arm, own)| Some((metric.metric.key.as_str(), arm, own.paired?)))
    });
    let metrics = found.map(|(metric, arm, own)| shown(experiment, design, (metric, arm, &own)));
    let costs = question.zip(answer).zip(judging);
    let costs =
        costs.map(|((question, answer), judging)| PairedCosts { question, answer, judging });
    let primary = analysis.metrics.first();
    let first = primary.and_then(|metric| metric.variations.iter().find_map(|own| own.paired));
    // A mix costs and finds what two variations do.
    let first = first.filter(|_| experiment.treatments.len() == 2);
    PairedEvaluation {
        questions,
        repeats: design.repeats,
        judgings: design.judgings,
        remembers: design.remembers,
        question_cost_usd: question.and_then(Number::new),
        answer_cost_usd: answer.and_then(Number::new),
        judging_cost_usd: judging.and_then(Number::new),
        metrics: metrics.collect(),
        cheapest: first.zip(costs).and_then(|(own, costs)| {
            let alpha = 1.0 - experiment.threshold.get();
            cheapest(&own, (design, questions), costs, alpha)
        }),
    }
}

/// The spreads that plan further evaluations; `None` where answers cannot be told from questions.
fn spread(own: &PairedDifference) -> Option<PairedSpread> {
    let judging = own.split.judging.map_or(0.0, VarianceComponent::sd);
    Some(PairedSpread { effect: own.split.effect.sd(), answer: own.split.answer?.sd(), judging })
}

fn shown(
    experiment: &Experiment,
    design: PairedDesign,
    (metric, arm, own): (&str, usize, &PairedDifference),
) -> PairedMetric {
    let split = &own.split;
    let parts = [
        ("question", Some(split.question)),
        ("effect", Some(split.effect)),
        ("answer", split.answer),
        ("judging", split.judging),
    ];
    let truncated = parts.iter().filter(|(_, part)| part.is_some_and(|part| part.truncated));
    let [question, effect, answer, judging] =
        parts.map(|(_, part)| part.and_then(|part| Number::new(part.sd())));
    let PairedDesign { repeats, judgings, .. } = design;
    let (n, now) = (own.questions as f64, own.error());
    let test = spread(own).map(|spread| PairedTest { difference: 0.0, spread, alpha: 0.05 });
    // Relative to what the same estimates say of the design as it is.
    let with = |repeats: u32, judgings_then: u32| {
        let test = test?;
        let before = test.sd(design.repeats, design.judgings);
        let ratio = test.sd(repeats, judgings_then) / before;
        Number::new(now * if before > 0.0 { ratio } else { 1.0 })
    };
    PairedMetric {
        metric: metric.to_owned(),
        variation: experiment
            .treatments
            .get(arm)
            .map(|own| own.variation.clone())
            .unwrap_or_default(),
        questions: own.questions,
        difference: Number::new(own.difference()),
        standard_error: Number::new(now),
        unpaired_error: Number::new(own.unpaired_error()),
        question_standard_deviation: question,
        effect_standard_deviation: effect,
        answer_standard_deviation: answer,
        judging_standard_deviation: judging,
        truncated: truncated.map(|(name, _)| (*name).to_owned()).collect(),
        error_with_question: Number::new(now * (n / (n + 1.0)).sqrt()),
        error_with_answer: with(repeats + 1, judgings),
        error_with_judging: split.judging.and_then(|_| with(repeats, judgings + 1)),
    }
}

/// The mix that finds what this one does for the least money. Of the questions that are sent, some
/// have no value in one of the variations: they are paid for, and find nothing.
fn cheapest(
    own: &PairedDifference,
    (design, sent): (PairedDesign, u64),
    costs: PairedCosts,
    alpha: f64,
) -> Option<CheapestMix> {
    let mix =
        PairedMix { questions: own.questions, repeats: design.repeats, judgings: design.judgings };
    let sent_of = |mix: PairedMix| {
        let share = sent.max(own.questions) as f64 / own.questions.max(1) as f64;
        PairedMix { questions: (mix.questions as f64 * share).ceil() as u64, ..mix }
    };
    let cost = sent_of(mix).cost(costs);
    if cost <= 0.0 {
        return None;
    }
    let any = PairedTest { difference: 0.0, spread: spread(own)?, alpha };
    let difference = any.smallest(POWER, mix)?;
    let test = PairedTest { difference, ..any };
    let found = test.cheapest(POWER, costs, None).map(sent_of);
    // The design itself is a mix, though it may have more answers than the search looks at.
    let best = found.filter(|found| found.cost(costs) < cost).unwrap_or(sent_of(mix));
    Some(CheapestMix {
        difference: Number::new(difference)?,
        power: Number::new(POWER)?,
        cost_usd: Number::new(cost)?,
        questions: best.questions,
        repeats: best.repeats,
        judgings: best.judgings,
        cheapest_cost_usd: Number::new(best.cost(costs))?,
    })
}
