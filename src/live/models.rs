//! Which models a live run can ask: those that are still served, and that have a price.
//!
//! Guarantees: a model that its provider has retired, or has said to retire, is named with the date
//! and with what to use instead.
//!
//! Does not know: what providers have announced since [`AS_OF`]; the provider's own answer names a
//! model that is gone.

use crate::llm::families::Retired;
use crate::llm::profile::ModelProfile;
use crate::llm::wire::PROVIDERS;
use crate::llm::wire::time_headers::rfc3339;
use crate::quantity::Money;
use crate::time::unix_ms;

/// The day up to which the lists of retired models are complete.
pub const AS_OF: &str = "2026-11-30";

/// Today, or [`AS_OF`] where the clock is behind it.
fn today() -> String {
    let now = rfc3339(unix_ms() / 1000);
    now.get(..AS_OF.len()).filter(|today| *today > AS_OF).unwrap_or(AS_OF).to_owned()
}

/// Every model that was retired by this day (`gone`), or is to be retired after it.
fn listed(day: &str, gone: bool) -> impl Iterator<Item = Retired> {
    let all = PROVIDERS.iter().flat_map(|provider| provider.retired).copied();
    all.filter(move |retired| (retired.on <= day) == gone)
}

/// The models that are retired today.
pub fn all_retired() -> Vec<Retired> {
    listed(&today(), true).collect()
}

/// When a model was retired and what to use instead; `None` for one that is served today, as far as
/// is known here.
#[must_use]
pub fn retired(id: &str) -> Option<Retired> {
    listed(&today(), true).find(|retired| retired.id == id)
}

/// That a model is going to be retired, in one sentence.
#[must_use]
pub fn announced(id: &str) -> Option<String> {
    let Retired { on, instead, .. } = listed(&today(), false).find(|retired| retired.id == id)?;
    Some(format!("model `{id}` is to be retired on {on}: `{instead}` is served for longer"))
}

/// What is wrong with a model for a live run, one sentence each; `official` where it is asked of
/// its provider's own address.
#[must_use]
pub fn faults(model: &ModelProfile, official: bool) -> Vec<String> {
    let mut faults = Vec::new();
    let id = &model.id;
    if let Some(Retired { on, instead, .. }) = retired(id).filter(|_| official) {
        faults.push(format!("model `{id}` was retired on {on}: use `{instead}` instead"));
    }
    if model.input_price.is_none() || model.output_price.is_none() {
        faults.push(format!("model `{id}` has no price, so no budget could hold: give it `input_price` and `output_price`"));
    } else if !PROVIDERS.contains(&model.provider) && model.prices_of.is_some() {
        faults.push(format!("model `{id}` is served by {}, and has a price of the model that it is like: give it `input_price` and `output_price`", model.provider.name));
    }
    faults
}

/// A price of zero, said aloud: the tutorial has Mistral for nothing, an account may not.
#[must_use]
pub fn free(model: &ModelProfile) -> Option<String> {
    let nothing = model.most(1_000_000, 1_000_000) == Some(Money::ZERO);
    nothing.then(|| format!("model `{}` is priced at $0: if your account pays for it, set `input_price` and `output_price`", model.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::wire::anthropic::ANTHROPIC;
    use crate::scenario::load;

    #[test]
    fn what_replaces_a_retired_model_is_in_the_catalog_served_and_priced() {
        let scenario = load("security").unwrap().scenario;
        for retired in PROVIDERS.iter().flat_map(|provider| provider.retired) {
            let instead = scenario.models.iter().find(|model| model.id == retired.instead).unwrap();
            assert_eq!(faults(instead, true), Vec::<String>::new());
            assert_eq!(announced(&instead.id), None, "{retired:?}");
        }
        assert_eq!(
            listed("2027-01-13", false).find(|own| own.id == "gpt-4o").map(|own| own.on),
            Some("2027-01-14")
        );
        assert!(listed("2027-01-14", true).any(|own| own.id == "gpt-4o"));
        let anthropic = scenario.models.iter().filter(|model| model.provider == ANTHROPIC);
        let told: Vec<String> = anthropic.flat_map(|model| faults(model, true)).collect();
        assert!(told.iter().any(|fault| {
            fault == "model `claude-3-haiku-20240307` was retired on 2026-04-19: use `claude-haiku-4-5-20251001` instead"
        }));
        assert!(scenario.models.iter().all(|model| faults(model, false).is_empty()));
        let named: Vec<String> = scenario.models.iter().filter_map(free).collect();
        assert!(
            named.len() == 1 && named[0].contains("`mistral-small-latest` is priced at $0"),
            "{named:?}"
        );
    }
}
