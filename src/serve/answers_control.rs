//! `/_simlab/answers`: which scripted answers there are, and changing that while the server runs.
//!
//! Guarantees: a request that is not understood changes nothing and is told what was expected,
//! where.
//!
//! Does not know: which request gets which answer.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json as value};

use crate::diagnostic::{SourceText, render};
use crate::scenario::{AnswerScript, parse_answers};
use crate::serve::answers::Answers;
use crate::serve::http::{json, read_plain_body, refusal};
use crate::serve::world::World;

/// Most bytes of a request.
const MAX_BYTES: usize = 16 << 20;

/// The rules in force, with how often each has matched and answered.
pub async fn list(State(world): State<Arc<World>>) -> Response {
    all(&world)
}

/// Sets the answers anew, from RON or JSON.
pub async fn replace(State(world): State<Arc<World>>, headers: HeaderMap, body: Body) -> Response {
    let Ok(bytes) = read_plain_body(&headers, body, MAX_BYTES).await else {
        return refusal(
            400,
            "invalid_request",
            &format!("the body could not be read, or has more than {MAX_BYTES} bytes"),
        );
    };
    let Ok(text) = String::from_utf8(bytes) else {
        return refusal(400, "invalid_request", "the body is not UTF-8 text; send RON or JSON");
    };
    match parse_answers(&SourceText::new("answers", text)) {
        Ok(script) => {
            *world.answers() = Answers::new(script);
            all(&world)
        }
        Err(mistakes) => {
            let errors: Vec<String> = mistakes
                .iter()
                .map(|mistake| render(std::slice::from_ref(mistake), false))
                .collect();
            let told =
                value!({ "code": "invalid_request", "message": errors.concat(), "errors": errors });
            json(400, &told)
        }
    }
}

/// Takes all answers away.
pub async fn clear(State(world): State<Arc<World>>) -> Response {
    *world.answers() = Answers::new(AnswerScript::default());
    json(204, &Value::Null)
}

fn all(world: &World) -> Response {
    let answers = world.answers();
    let rules: Vec<Value> = answers
        .rules()
        .map(|(rule, count)| {
            let mut shown = rule.written.clone();
            if let Some(fields) = shown.as_object_mut() {
                fields.insert("name".to_owned(), rule.name.as_str().into());
                fields.insert("matched".to_owned(), count.met.into());
                fields.insert("answered".to_owned(), count.answered.into());
            }
            shown
        })
        .collect();
    json(200, &value!({ "strict": answers.is_strict(), "rules": rules }))
}
