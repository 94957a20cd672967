//! The two loops around the engine: one for a mock, which answers at once, and one for whoever has
//! to be waited for.
//!
//! Guarantees: simulated time stands still while a question is out, so the order of everything is
//! total. A live run has an engine for each user and drives many of them
//! side by side.
//!
//! Does not know: who answers.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::agents::Tools;
use crate::journal::Reader;
use crate::llm::model::{CallFailure, CallWords, ChatModel, Completion, Prompt, ToolUsed};
use crate::sim::engine::{Assign, Engine, Seat, Step};

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
            Step::Ask(seat) => {
                let result = answer(&engine.prompt(seat));
                engine.answer(seat, result);
            }
            // Nobody outside uses tools here: they give up.
            Step::Use(seat, call) => engine.used(seat, &call, None),
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

/// What is waited for.
enum Work<A> {
    Answer(A),
    Tool(Arc<CallWords>, u32),
}

/// What came of it.
enum Came {
    Answer(Result<Completion, CallFailure>),
    Tool(Arc<CallWords>, Option<ToolUsed>),
}

/// Runs the engine to its end, and waits for answers and tools: for those of branches that run side
/// by side at the same time.
pub async fn drive_live<A: Assign, T: Tools, R: Reader, M: ChatModel>(
    engine: &mut Engine<'_, A, T, R>,
    model: &M,
) {
    let work = async |seat: Seat, work: Work<M::Request>| match work {
        Work::Answer(request) => (seat, Came::Answer(model.complete(request).await)),
        Work::Tool(call, nth) => {
            let used = model.use_tool(&call, nth).await;
            (seat, Came::Tool(call, used))
        }
    };
    let mut out = FuturesUnordered::new();
    loop {
        match engine.poll() {
            Step::Ask(seat) => {
                let request = model.request(&engine.prompt(seat));
                out.push(work(seat, Work::Answer(request)));
            }
            Step::Use(seat, call) => {
                let nth = engine.tool_call(seat);
                out.push(work(seat, Work::Tool(call, nth)));
            }
            // Nothing may happen before what is out has come: it may be due first.
            step => match (out.next().await, step) {
                (Some((seat, Came::Answer(result))), _) => engine.answer(seat, result),
                (Some((seat, Came::Tool(call, used))), _) => engine.used(seat, &call, used),
                (None, Step::Wait(until)) => engine.advance(until),
                (None, _) => return,
            },
        }
    }
}
