//! How good a visit was, and what came of it for the business.
//!
//! Does not know: when its events are told.

use super::Visit;
use crate::agents::app::App;
use crate::agents::outcome::{EffectTarget, VisitQuality};
use crate::journal::{AgentId, Label};
use crate::knowledge::Grade;
use crate::quantity::Lifts;

impl Visit {
    /// How good the visit was, once it is over; `None` where the app has lost the user.
    #[must_use]
    pub fn quality(&self) -> Option<VisitQuality> {
        self.quality
    }

    /// Effects that the scenario states for the variations of the agents that the visit came to.
    pub(super) fn stated(&self, app: &App<'_>, on: EffectTarget) -> Lifts {
        if !app.states_effects {
            return Lifts::NONE;
        }
        let reached = |agent: &AgentId| self.entered.get(agent.index()).is_some_and(|&n| n > 0);
        app.graph
            .agents()
            .filter(reached)
            .filter(|&agent| app.graph.node(agent).role.step().is_none())
            .filter_map(|agent| self.served_to(agent))
            .flat_map(|served| &app.setup(served).effects)
            .filter(|effect| effect.on == on)
            .fold(Lifts::NONE, |lifts, effect| lifts.and(effect.lift))
    }

    /// The outcomes that come of the visit, each with its value in millionths of its unit.
    pub fn outcomes(&self, app: &App<'_>, mut tell: impl FnMut(u8, u64)) {
        let Some(quality) = self.quality else { return };
        for (nth, outcome) in (0..=u8::MAX).zip(app.outcomes) {
            let change = (
                self.stated(app, EffectTarget::OutcomeChance(nth)),
                self.stated(app, EffectTarget::OutcomeValue(nth)),
            );
            // A score is a judge's, who is asked as often as there are judgings.
            let judgings = if outcome.scores() { app.judgings } else { 1 };
            for judging in 0..judgings {
                let luck = (self.luck, self.owner, self.nth);
                if let Some(value) = outcome.after_visit(quality, change, luck, judging) {
                    tell(nth, value);
                }
            }
        }
    }

    /// How good an answer in a real model's words is, nobody knows but the judge.
    pub(super) fn judged(&mut self, label: Label) {
        if self.grade().is_none() {
            self.quality = Some(VisitQuality::from(match label {
                Label::Positive => Grade::Strong,
                Label::None => Grade::Fair,
                Label::Negative => Grade::Weak,
            }));
        }
    }
}
