//! One short call to each model before anything else of a live run: it proves the key, the model and
//! its parameters while nothing depends on them yet.
//!
//! Guarantees: a proof is in the journal and in the budget like any other call, and is made once a
//! run; a model that refuses it stops the run.
//!
//! Does not know: what is asked of the models afterwards.

use futures_util::future::join_all;

use crate::journal::{Caller, FailureKind};
use crate::live::charge;
use crate::live::preflight::setups;
use crate::live::recording::{Call, CallOutcome};
use crate::live::session::{Flags, Session};
use crate::live::stop::Stopped;
use crate::llm::chat::{ChatRequest, Role};
use crate::llm::families::Thinking;
use crate::llm::profile::ModelProfile;
use crate::llm::tasks::message;
use crate::scenario::Scenario;

/// Most tokens of the answer, and those of a model that thinks before it answers: it would have
/// nothing to say within the first.
const TOKENS: u32 = 16;
const TOKENS_WITH_THOUGHTS: u32 = 1_024;

/// The request of each model that some user of the run can reach.
fn requests(scenario: &Scenario) -> Vec<(&ModelProfile, ChatRequest)> {
    let mut all: Vec<(u16, &ModelProfile, ChatRequest)> = Vec::new();
    for setup in setups(scenario) {
        if all.iter().any(|(known, ..)| *known == setup.model) {
            continue;
        }
        let model = scenario.model(setup.model);
        let family = model.provider.family(&model.id);
        let thinks = family.is_none_or(|own| own.reasons() || own.thinking != Thinking::Never);
        let most = if thinks { TOKENS_WITH_THOUGHTS } else { TOKENS };
        let mut request = ChatRequest::new(&model.id);
        request.system = Some("Answer with one word.".to_owned());
        request.messages = vec![message(Role::User, "Are you ready?")];
        request.max_tokens = Some(most.min(model.max_output_tokens));
        request.temperature = setup.temperature.filter(|_| model.takes_temperature);
        all.push((setup.model, model, request));
    }
    all.sort_by_key(|(index, ..)| *index);
    all.into_iter().map(|(_, model, request)| (model, request)).collect()
}

/// The proofs of a run: each model with its provider and the most that its call may cost, in
/// nano-dollars.
#[must_use]
pub fn proofs(scenario: &Scenario) -> Vec<(&ModelProfile, u64)> {
    let cost = |(model, request): (_, ChatRequest)| {
        let model: &ModelProfile = model;
        let mut body = Vec::new();
        model.provider.api.encode_request(&request, &mut body);
        (model, charge::worst(model, body.len(), request.max_tokens))
    };
    requests(scenario).into_iter().map(cost).collect()
}

impl<F: Flags> Session<'_, F> {
    /// Makes the proofs that have not been made, all at once. A model that refuses its own stops the
    /// run; one that is busy does not.
    pub async fn prove(&self) {
        let one = async |(nth, (model, request)): (u16, (&ModelProfile, ChatRequest))| {
            let mut call = Call { user: 0, caller: Caller::Writer, nth, attempt: 0 };
            // What failed before may go well today.
            while call.attempt < u8::MAX
                && let Some(CallOutcome::Failed(_)) = self.recording.borrow().calls.get(&call)
            {
                call.attempt += 1;
            }
            if let CallOutcome::Failed(failed) = self.call(call, model, &request).await
                && failed.kind == FailureKind::BadRequest
            {
                let (name, id) = (model.provider.name, &model.id);
                self.halt.stop(Stopped::Failed(format!(
                    "{name} refuses a call of `{id}`: {}",
                    failed.message
                )));
            }
        };
        let all = join_all((0..).zip(requests(self.stage.scenario)).map(one));
        tokio::select! {
            biased;
            () = self.halt.stopped() => {}
            _ = all => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::load;

    #[test]
    fn each_model_is_proven_once_with_what_it_takes_and_at_a_known_price() {
        let scenario = load("security").unwrap().scenario;
        let all = requests(&scenario);
        let ids: Vec<&str> = all.iter().map(|(model, _)| model.id.as_str()).collect();
        let mut once = ids.clone();
        once.dedup();
        assert!(ids == once && ids.contains(&"gpt-4o") && ids.contains(&"claude-3-haiku-20240307"));
        let of = |id: &str| &all.iter().find(|(model, _)| model.id == id).unwrap().1;
        assert_eq!(of("gpt-4o").max_tokens, Some(16));
        // A million tokens of gpt-4o: $2.50 in and $10 out; at most a token a byte, and 1,000 for
        // what a provider adds.
        let mut body = Vec::new();
        let (model, cost) =
            proofs(&scenario).into_iter().find(|(own, _)| own.id == "gpt-4o").unwrap();
        model.provider.api.encode_request(of("gpt-4o"), &mut body);
        assert_eq!(cost, (body.len() as u64 + 1_000) * 2_500 + 16 * 10_000);
        let today = load("router").unwrap().scenario;
        for (model, request) in requests(&today) {
            assert_eq!(request.max_tokens, Some(1_024), "{}", model.id);
            assert_eq!(request.temperature, None, "{}", model.id);
        }
    }
}
