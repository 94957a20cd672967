//! Which models a live run can ask: those that are still served, and that have a price.
//!
//! Guarantees: a model that its provider has retired is named with the date and with what to use
//! instead.
//!
//! Does not know: models that were retired after this file was written; the provider's own answer
//! names those.

use crate::llm::families::Retired;
use crate::llm::profile::ModelProfile;
use crate::llm::wire::PROVIDERS;
use crate::quantity::Money;

/// When a model was retired and what to use instead; `None` for one that is served, as far as is
/// known here.
#[must_use]
pub fn retired(id: &str) -> Option<Retired> {
    let all = PROVIDERS.iter().flat_map(|provider| provider.retired);
    all.copied().find(|retired| retired.id == id)
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
        }
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
