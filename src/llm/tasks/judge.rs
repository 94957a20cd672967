//! Rating an answer.

use super::shift;
use crate::journal::Label;
use crate::knowledge::tokens::cut;
use crate::knowledge::{Grade, KnowledgeBase};
use crate::llm::chat::{ChatRequest, ContentPart, Message, Role};
use crate::llm::mock::{CallLuck, MockModels};
use crate::llm::model::{Body, ModelReply, Prompt, RouteChoice, Said, Situation};
use crate::llm::profile::ModelProfile;
use crate::llm::setup::ToolSpec;
use crate::llm::tasks::{Behavior, ModelAnswer, RequestWords, UnreadableAnswer};
use crate::quantity::Lifts;
use crate::random::Purpose;

/// Rating.
pub(super) struct Judging;

impl Behavior for Judging {
    fn purpose(&self) -> Purpose {
        Purpose::Judge
    }

    /// Whose feedback a stated effect changes.
    fn besides(&self, prompt: &Prompt<'_>) -> Option<(Purpose, u64)> {
        match prompt.subject.situation {
            Situation::Rates { .. } => Some((Purpose::StatedFeedback, prompt.nth.into())),
            _ => None,
        }
    }

    fn mock(
        &self,
        mock: &MockModels<'_>,
        _model: &ModelProfile,
        prompt: &Prompt<'_>,
        luck: &CallLuck,
    ) -> (ModelReply, u32) {
        let owner = (prompt.owner, prompt.visit);
        let own = [luck.first, luck.second];
        // Whether and how a user rates is the user's own.
        let [rates_at, rated_at] = mock.luck.persist(Purpose::Judge, owner, 0, own);
        let traits = mock.judge;
        let visible = prompt.subject.visible;
        let rates = if prompt.subject.personal.is_empty() {
            traits.rates_impersonal
        } else {
            traits.rates_personal
        };
        let (positive, negative) = match visible.grade {
            None => (traits.positive_on_tool_output.get(), 0.0),
            Some(Grade::Strong) => (traits.sensitivity.get(), 0.0),
            Some(Grade::Fair) => (traits.leniency.get(), 0.0),
            Some(Grade::Weak) => (traits.specificity.complement().get(), traits.specificity.get()),
        };
        let length = traits.length_bias * (f64::from(visible.tokens) / 100.0 - 1.0);
        let position = if visible.tool_output_first { traits.position_bias } else { 0.0 };
        let shifted = if traits.length_bias == 0.0 && traits.position_bias == 0.0 {
            positive
        } else {
            shift(positive, length + position)
        };
        let negative = negative * (1.0 - shifted) / (1.0 - positive).max(f64::MIN_POSITIVE);
        let label = if rates_at >= rates.get() {
            Label::None
        } else if rated_at < shifted {
            Label::Positive
        } else if rated_at > 1.0 - negative {
            Label::Negative
        } else {
            Label::None
        };
        let label = match prompt.subject.situation {
            Situation::Rates { positive: more, negative: worse } => {
                let chances = [rates.get() * shifted, rates.get() * negative];
                let purpose = Purpose::StatedFeedback;
                let [own, ..] = luck.besides;
                let [u] = mock.luck.persist(purpose, owner, 0, [own]);
                stated(label, chances, [more, worse], u)
            }
            _ => label,
        };
        (ModelReply::Label(label), mock.usage.label(label))
    }

    /// What a judge is shown: the question, outputs of tools, the answer, and the answer that a list
    /// of questions expects, as blocks of one message.
    fn request(&self, prompt: &Prompt<'_>, words: &RequestWords<'_>, request: &mut ChatRequest) {
        let (of_question, mut room) = words.shown_characters;
        let question = prompt.question.map(|question| (words.body)(question)).unwrap_or_default();
        let mut blocks = vec![cut(&question, of_question).to_owned()];
        if words.shows_tool_output {
            for output in
                prompt.thread.iter().filter(|message| matches!(message.body, Body::ToolOutput(_)))
            {
                let output = (words.body)(&output.body);
                blocks.push(cut(&output, room).to_owned());
                room = room.saturating_sub(
                    u32::try_from(output.chars().count()).unwrap_or(u32::MAX).saturating_add(1),
                );
            }
        }
        blocks.extend(prompt.answer.map(|answer| cut(&(words.body)(answer), room).to_owned()));
        if let Some(Body::Question(Said::Recipe(question))) = prompt.question {
            let expected = question.expected(words.base);
            blocks.extend(expected.map(|expected| expected.text().to_owned()));
        }
        let blocks = blocks.into_iter().filter(|block| !block.is_empty());
        let shown = Message { role: Role::User, content: blocks.map(ContentPart::Text).collect() };
        request.messages = vec![shown];
    }

    fn read(
        &self,
        _prompt: (bool, &[RouteChoice]),
        spoken: &ModelAnswer<'_>,
        _base: &KnowledgeBase,
        _tools: &[ToolSpec],
    ) -> Result<ModelReply, UnreadableAnswer> {
        let word: String = spoken
            .text
            .chars()
            .skip_while(|c| !c.is_alphabetic())
            .take_while(|c| c.is_alphabetic())
            .collect();
        match word.to_lowercase().as_str() {
            "positive" => Ok(ModelReply::Label(Label::Positive)),
            "negative" => Ok(ModelReply::Label(Label::Negative)),
            "none" => Ok(ModelReply::Label(Label::None)),
            _ => Err(UnreadableAnswer::malformed("it is not one of positive, negative, none")),
        }
    }
}

/// The rating after the effects that a scenario states, for a user whose chances of a positive and
/// a negative rating are known: of those without a rating some give one, or some of those with a
/// rating do not give it, as many as make the chances what they shall be. Another `luck` from 0 to 1
/// decides who, so that larger effects change the same users and more.
fn stated(label: Label, chances: [f64; 2], lifts: [Lifts; 2], luck: f64) -> Label {
    let ([good, bad], [more, worse]) = (chances, lifts);
    let change = |lifts: Lifts, chance: f64| lifts.of(chance).clamp(0.0, 1.0) - chance;
    let (positive, negative) = (change(more, good), change(worse, bad));
    let lost = |change: f64, chance: f64| luck < -change / chance.max(f64::MIN_POSITIVE);
    let silent = (1.0 - good - bad).max(f64::MIN_POSITIVE);
    match label {
        Label::Positive if lost(positive, good) => Label::None,
        Label::Negative if lost(negative, bad) => Label::None,
        Label::None if luck < positive / silent => Label::Positive,
        Label::None if luck > 1.0 - negative / silent => Label::Negative,
        label => label,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::Lift;

    /// The shares of ratings after effects, over all pairs of luck of a grid.
    fn shares([positive, negative]: [f64; 2], lifts: [Lifts; 2]) -> [f64; 2] {
        const STEPS: u32 = 1000;
        let middle = |step: u32| (f64::from(step) + 0.5) / f64::from(STEPS);
        let mut shares = [0.0; 2];
        for (of_rating, of_effect) in (0..STEPS * STEPS).map(|n| (n / STEPS, n % STEPS)) {
            let luck = middle(of_rating);
            let label = if luck < positive {
                Label::Positive
            } else if luck > 1.0 - negative {
                Label::Negative
            } else {
                Label::None
            };
            match stated(label, [positive, negative], lifts, middle(of_effect)) {
                Label::Positive => shares[0] += 1e-6,
                Label::Negative => shares[1] += 1e-6,
                Label::None => {}
            }
        }
        shares
    }

    #[test]
    fn a_stated_effect_moves_the_chance_of_a_rating_by_what_it_says() {
        let one = |lift| Lifts::NONE.and(lift);
        for (lifts, expected) in [
            ([Lifts::NONE, Lifts::NONE], [0.3, 0.1]),
            ([one(Lift::Points(0.03)), Lifts::NONE], [0.33, 0.1]),
            ([one(Lift::Relative(0.1)), one(Lift::Relative(-0.5))], [0.33, 0.05]),
            ([one(Lift::Points(-0.3)), one(Lift::Points(0.02))], [0.0, 0.12]),
        ] {
            let found = shares([0.3, 0.1], lifts);
            for (found, expected) in found.into_iter().zip(expected) {
                assert!((found - expected).abs() < 2e-3, "{lifts:?}: {found} {expected}");
            }
        }
    }
}
