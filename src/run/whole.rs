//! The scenario without what stands between users and the measurement, and what that is.
//!
//! Does not know: how a population is simulated.

use crate::agents::AgentSetup;
use crate::event::AppEvent;
use crate::experiment::{Experiment, Metric, Missing};
use crate::judge::Sees;
use crate::llm::profile::FailureRates;
use crate::quantity::Probability;
use crate::scenario::Scenario;

/// The same scenario with nothing lost between users and the measurement: every model call has the
/// provider's price, no user is lost to a crash, and users rate the whole answer as good as it is:
/// strong answers positively, weak ones negatively. How many users rate at all is theirs, and
/// stays.
#[must_use]
pub fn whole(scenario: &Scenario) -> Scenario {
    let mut whole = scenario.clone();
    for model in &mut whole.models {
        [model.input_price, model.output_price] = model.charged;
    }
    for variation in whole.configs.iter_mut().flat_map(|config| &mut config.variations) {
        if let Some(crash) = &mut variation.crash {
            crash.lost = false;
        }
    }
    // The judge's model may be an agent's model as well, whose failures are real.
    if let Some(model) = whole.models.get(usize::from(whole.judge.model)) {
        let never = Probability::clamped(0.0);
        let failures =
            FailureRates { error: never, rate_limit: never, refusal: never, malformed: never };
        let perfect = crate::llm::profile::ModelProfile { failures, ..model.clone() };
        let at = whole.models.len() as u16;
        whole.models.push(perfect);
        whole.judge.model = at;
        whole.judge_setup.model = at;
    }
    whole.ends_after = None;
    whole.judge.sees = Sees::Grade;
    let traits = &mut whole.judge.traits;
    (traits.sensitivity, traits.specificity) =
        (Probability::clamped(1.0), Probability::clamped(1.0));
    (traits.leniency, traits.length_bias, traits.position_bias) =
        (Probability::clamped(0.0), 0.0, 0.0);
    whole
}

/// What keeps the measurement of a metric from the effect on users, in this scenario: the causes of
/// a bias, most drastic first.
#[must_use]
pub fn causes(scenario: &Scenario, experiment: &Experiment, metric: &Metric) -> Vec<String> {
    let mut causes = Vec::new();
    let event = AppEvent::by_key(&metric.event);
    let served = || scenario.configs.iter().flat_map(|config| &config.variations);
    let own = || {
        let config = scenario.configs.iter().find(|config| config.key == experiment.config);
        let takes_part = |setup: &&AgentSetup| {
            experiment.treatments.iter().any(|own| own.variation == setup.variation)
        };
        config.into_iter().flat_map(|config| &config.variations).filter(takes_part)
    };
    for setup in own().filter(|setup| setup.crash.is_some()) {
        causes.push(format!(
            "the app crashes on some users of {}, and sends no events for them",
            setup.variation
        ));
    }
    let late = scenario
        .outcomes
        .iter()
        .find(|own| own.key == metric.event)
        .filter(|own| scenario.ends_after.is_some_and(|wait| wait < own.after));
    if late.is_some() {
        causes.push("some events come after the end of the experiment".to_owned());
    }
    let spends = matches!(
        event,
        Some(
            AppEvent::Cost
                | AppEvent::TokensTotal
                | AppEvent::TokensInput
                | AppEvent::TokensOutput
                | AppEvent::GraphTokens
        )
    );
    if event == Some(AppEvent::Cost) {
        let mut unpriced: Vec<&str> = served()
            .map(|setup| scenario.model(setup.setup.model))
            .filter(|model| model.input_price.is_none() || model.output_price.is_none())
            .map(|model| model.id.as_str())
            .collect();
        unpriced.sort_unstable();
        unpriced.dedup();
        if !unpriced.is_empty() {
            causes.push(format!(
                "calls of {} send no cost event, because no price is given",
                unpriced.join(", ")
            ));
        }
    }
    if matches!(event, Some(AppEvent::FeedbackPositive | AppEvent::FeedbackNegative)) {
        let (judge, traits) = (&scenario.judge, &scenario.judge.traits);
        if judge.sees == Sees::ToolOutputFirst {
            let shown = crate::figure::count(judge.answer_characters.into());
            causes.push(format!("the judge sees the first {shown} characters, and tool output comes before the answer"));
        }
        if traits.leniency.get() > 0.0
            || traits.sensitivity.get() < 1.0
            || traits.specificity.get() < 1.0
        {
            causes.push("the judge makes errors".to_owned());
        }
        if traits.length_bias != 0.0 {
            causes.push("the judge's rating depends on the length of an answer".to_owned());
        }
        if traits.position_bias != 0.0 {
            causes.push("the judge's rating depends on what comes before an answer".to_owned());
        }
    }
    // What is always so is named where nothing else is.
    if spends && causes.is_empty() {
        causes.push("runs that fail record neither tokens nor cost".to_owned());
        if metric.missing == Missing::Exclude {
            causes.push("users without an event are left out".to_owned());
        }
    }
    causes
}
