//! The only loop that awaits: engine on one side, model and clock on the other.
//!
//! Promises: nothing differs between simulated and real time but the clock. With a clock that never waits, one question
//! is out at a time and time stands still meanwhile, so the order is total.
//!
//! Does not know: which arm it drives.

use crate::journal::Reader;
use crate::llm::model::ChatModel;
use crate::sim::engine::{Assign, Engine, Step};
use crate::time::Timestamp;

/// Whoever waits for a moment.
pub trait Waits {
    /// Returns when that moment has come.
    fn until(&self, at: Timestamp) -> impl Future<Output = ()>;
}

/// Simulated time: never waits.
#[derive(Clone, Copy, Debug)]
pub struct Virtual;

impl Waits for Virtual {
    async fn until(&self, _at: Timestamp) {}
}

/// Runs the engine to its end, calling `progress` every so often with the number of users begun and what the journal's
/// reader holds so far.
pub async fn drive<A: Assign, R: Reader>(
    engine: &mut Engine<'_, A, R>,
    model: &impl ChatModel,
    clock: &impl Waits,
    mut progress: impl FnMut(u32, &R),
) {
    let mut shown = 0;
    loop {
        match engine.poll() {
            Step::Ask(slot) => {
                let result = model.complete(&engine.prompt(slot)).await;
                engine.answer(slot, result);
            }
            Step::Use(slot, call) => {
                let used = model.use_tool(call).await;
                engine.used(slot, call, used);
            }
            Step::Wait(until) => {
                clock.until(until).await;
                engine.advance(until);
                if engine.begun() >= shown + 1024 {
                    shown = engine.begun();
                    progress(shown, engine.reader());
                }
            }
            Step::Done => return,
        }
    }
}
