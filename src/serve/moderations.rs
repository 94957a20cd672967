//! Moderation over HTTP: which plain words a text has.
//!
//! Guarantees: the same text has the same scores; each score is below 0.01, or above 0.9 where one
//! of the words of its category is in the text. The words are a small list, assumed: an app's own
//! way with a flagged text is what can be tested with it.
//!
//! Does not know: what a text means.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::knowledge::detect_personal_data;
use crate::llm::wire::Provider;
use crate::llm::wire::moderations::{Hazard, ModerationsApi};
use crate::random::{Owner, Purpose};
use crate::scenario::Endpoint;
use crate::serve::chat::{refused_early, request_id, taken};
use crate::serve::faults_answer::Words;
use crate::serve::faults_gate::{GatedRequest, is_fresh};
use crate::serve::http::{bytes_of, set};
use crate::serve::ledger::Ask;
use crate::serve::sense::split;
use crate::serve::world::World;

/// The words of a category; several words have to follow each other.
fn signs(hazard: Hazard) -> &'static [&'static str] {
    match hazard {
        Hazard::Harassment => &["idiot", "stupid", "loser", "shut up", "moron"],
        Hazard::Hate => &["inferior race", "subhuman", "i hate all", "vermin"],
        Hazard::Sexual => &["porn", "nude", "naked", "sexual", "erotic"],
        Hazard::Violence => {
            &["kill", "murder", "shoot", "stab", "strangle", "massacre", "torture", "behead"]
        }
        Hazard::SelfHarm => &["suicide", "kill myself", "hurt myself", "self harm", "end my life"],
        Hazard::Crime => {
            &["bomb", "steal", "hack into", "launder", "counterfeit", "pick a lock", "meth"]
        }
        Hazard::Health => &["diagnosis", "diagnose", "symptom", "symptoms", "dosage", "medication"],
        Hazard::Finance => &["invest", "stocks", "mortgage", "loan", "portfolio"],
        Hazard::Law => &["lawsuit", "legal advice", "sue", "lawyer"],
        Hazard::PersonalData | Hazard::Other => &[],
    }
}

/// The score of a text in each category.
fn scores(api: &ModerationsApi, text: &str) -> Vec<f64> {
    let words: Vec<String> = split(text).into_iter().map(|(_, word)| word).collect();
    let has = |sign: &str| {
        let sign: Vec<&str> = sign.split(' ').collect();
        words.windows(sign.len()).any(|window| window.iter().zip(&sign).all(|(a, b)| a == b))
    };
    let score = |(place, (_, hazard)): (usize, &(&str, Hazard))| {
        let found = match hazard {
            Hazard::PersonalData => !detect_personal_data(text).is_empty(),
            hazard => signs(*hazard).iter().any(|sign| has(sign)),
        };
        let part = (xxh3_64_with_seed(text.as_bytes(), place as u64) % 1_000) as f64 / 1e5;
        if found { 0.9 + part * 9.0 } else { part.max(1e-6) }
    };
    api.categories.iter().enumerate().map(score).collect()
}

/// Answers a request for moderation.
pub async fn moderate(
    provider: Provider,
    api: &'static ModerationsApi,
    world: Arc<World>,
    request: Request<Body>,
) -> Response {
    let read = taken(provider, request).await.and_then(|(headers, bytes)| {
        let request = api.decode_request(&bytes)?;
        if !api.models.contains(&request.model.as_str()) {
            return Err(provider.api.unknown_model(&request.model));
        }
        Ok((headers, request, Owner::of(&bytes)))
    });
    let (headers, request, digest) = match read {
        Ok(read) => read,
        Err(error) => return refused_early(provider, &world, Owner::NOBODY, &error),
    };
    let model = Some(request.model.as_str());
    let fresh = is_fresh(&headers);
    let visit =
        GatedRequest::begin(&world, &Ask { endpoint: Endpoint::Moderations, model, digest, fresh });
    let id = request_id(provider, &world, digest, visit.arrival.before);
    let words = Words::Provider(provider, id.clone());
    let answered = async {
        let mut stage = world.settings.seed.stage(Purpose::Identifier, digest, 0);
        let bits = u128::from(stage.bits()) << 64 | u128::from(stage.bits());
        let scores: Vec<Vec<f64>> = request.inputs.iter().map(|text| scores(api, text)).collect();
        let mut body = Vec::new();
        api.encode_response((&request.model, bits), &scores, &mut body);
        let mut response = bytes_of(200, "application/json", body);
        set(&mut response, provider.api.request_id_header(), &id);
        response
    };
    visit.answer(words, answered).await
}
