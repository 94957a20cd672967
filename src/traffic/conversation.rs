//! Conversations of several turns: how many questions a user has, when the user stops, and what the
//! next question is about.
//!
//! Guarantees: a user's patience, and whether the user stops after a turn, are keyed by the user and
//! the turn: they are the same in every arm, and a better answer stops the same users and more where
//! it stops more at all.
//!
//! Does not know: how a turn goes.

use crate::random::{Luck, Owner, Purpose};
use crate::time::Duration;

/// Most turns of one conversation.
pub const MAX_TURNS: u32 = 20;

/// Conversations of several turns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConversationSpec {
    /// How many questions a user is prepared to ask.
    pub turns: TurnCount,
    /// Mean time from an answer to the next question.
    pub pause: Duration,
    /// Share of the later questions that are about what was asked before, from 0 to 1.
    pub follow_ups: f64,
    /// Chance that the user stops after a strong, a fair and a weak answer.
    pub stops: [f64; 3],
    /// Whether the conversation is rated as a whole, after its last answer, and not each answer.
    pub rated_once: bool,
}

/// How many questions a user is prepared to ask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TurnCount {
    /// As many as these, each number equally likely, the smaller one first.
    Between(u32, u32),
    /// One, and after every question one more with the same chance; this is the mean, at least 1.
    Geometric(f64),
}

impl ConversationSpec {
    /// How many questions this user is prepared to ask, from 1 to [`MAX_TURNS`].
    #[must_use]
    pub fn patience(&self, luck: Luck, user: Owner) -> u32 {
        let mut stage = luck.of(user).stage(Purpose::Turn, user, 0);
        let turns = match self.turns {
            TurnCount::Between(least, most) => {
                least + stage.below((most.saturating_sub(least) + 1) as usize) as u32
            }
            TurnCount::Geometric(mean) if mean > 1.0 => {
                // The geometric distribution on 1, 2, …, whose mean is 1/(1 - q).
                let again = 1.0 - 1.0 / mean;
                1 + libm::floor(libm::log(stage.uniform()) / libm::log(again)).max(0.0) as u32
            }
            TurnCount::Geometric(_) => 1,
        };
        turns.clamp(1, MAX_TURNS)
    }

    /// Whether the user stops after this turn, counted from 0, whose answer stops users with this
    /// chance.
    #[must_use]
    pub fn ends(&self, luck: Luck, (user, turn): (Owner, u32), satisfied: f64) -> bool {
        let of_turn = user.visit(turn);
        turn + 1 >= self.patience(luck, user)
            || luck.of(of_turn).stage(Purpose::Turn, of_turn, 1).chance(satisfied)
    }

    /// The time before this turn, from 1: exponentially distributed; and whether its question is
    /// about what was asked before.
    #[must_use]
    pub fn next(&self, luck: Luck, user: Owner, turn: u32) -> (Duration, bool) {
        let of_turn = user.visit(turn);
        let mut stage = luck.of(of_turn).stage(Purpose::Turn, of_turn, 2);
        let pause = self.pause.seconds() * -libm::log(stage.uniform());
        (Duration::from_seconds(pause), stage.chance(self.follow_ups))
    }
}
