//! The two loops around the engine: one for a mock, which answers at once, and one for whoever has
//! to be waited for.
//!
//! Guarantees: one question is out at a time, and simulated time stands still meanwhile, so the
//! order of everything is total. A live run has an engine for each user and drives many of them
//! side by side.
//!
//! Does not know: who answers.

use crate::agents::Tools;
use crate::journal::Reader;
use crate::llm::model::{CallFailure, ChatModel, Completion, Prompt};
use crate::sim::engine::{Assign, Engine, Step};

/// Users from one call of `progress` to the next.
const STRIDE: u32 = 1024;

/// Runs the engine to its end. `answer` answers prompts; `progress` hears, every so often, how many
/// users have begun and sees what the journal's reader holds so far.
pub fn drive<A: Assign, T: Tools, R: Reader>(
    engine: &mut Engine<'_, A, T, R>,
    mut answer: impl FnMut(&Prompt<'_>) -> Result<Completion, CallFailure>,
    mut progress: impl FnMut(u32, &R),
) {
    let mut shown = 0;
    loop {
        match engine.poll() {
            Step::Ask(slot) => {
                let result = answer(&engine.prompt(slot));
                engine.answer(slot, result);
            }
            // Nobody outside uses tools here: they give up.
            Step::Use(slot, call) => engine.used(slot, &call, None),
            Step::Wait(until) => {
                engine.advance(until);
                if engine.begun() >= shown + STRIDE {
                    shown = engine.begun();
                    progress(shown, engine.reader());
                }
            }
            Step::Done => return,
        }
    }
}

/// Runs the engine to its end, and waits for each answer and each tool.
pub async fn drive_live<A: Assign, T: Tools, R: Reader>(
    engine: &mut Engine<'_, A, T, R>,
    model: &impl ChatModel,
) {
    loop {
        match engine.poll() {
            Step::Ask(slot) => {
                let result = model.complete(&engine.prompt(slot)).await;
                engine.answer(slot, result);
            }
            Step::Use(slot, call) => {
                let used = model.use_tool(&call, engine.tool_calls(slot)).await;
                engine.used(slot, &call, used);
            }
            Step::Wait(until) => engine.advance(until),
            Step::Done => return,
        }
    }
}
