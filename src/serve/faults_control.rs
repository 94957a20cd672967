//! `/_simlab/faults`: which faults are committed, and changing that while the server runs.
//!
//! Guarantees: a request that is not understood changes nothing and is told what was expected.
//!
//! Does not know: what a fault does.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json as value};

use crate::scenario::{FaultRule, MAX_RULES, faults_from_json};
use crate::serve::faults::{Active, InjectionPlan};
use crate::serve::http::{json, read_plain_body, refusal};
use crate::serve::world::World;

/// Most bytes of a request.
const MAX_BYTES: usize = 1 << 20;

/// The rules in force, with how often each has struck and how many hits are left.
#[must_use]
pub fn shown(plan: &InjectionPlan) -> Value {
    let one = |active: &Active| {
        let mut rule = serde_json::to_value(&active.rule).unwrap_or_default();
        if let Value::Object(rule) = &mut rule {
            rule.insert("hits".to_owned(), active.hits.into());
            let left = active.rule.next.map(|next| u64::from(next).saturating_sub(active.hits));
            rule.extend(left.map(|left| ("left".to_owned(), left.into())));
        }
        rule
    };
    plan.active().iter().map(one).collect()
}

/// Shows the faults.
pub async fn list(State(world): State<Arc<World>>) -> Response {
    all(&world)
}

/// Adds faults behind those that are there.
pub async fn add(State(world): State<Arc<World>>, headers: HeaderMap, body: Body) -> Response {
    change(&world, &headers, body, false).await
}

/// Sets the faults anew.
pub async fn replace(State(world): State<Arc<World>>, headers: HeaderMap, body: Body) -> Response {
    change(&world, &headers, body, true).await
}

/// Takes all faults away.
pub async fn clear(State(world): State<Arc<World>>) -> Response {
    world.ledger().faults.clear();
    json(204, &Value::Null)
}

fn all(world: &World) -> Response {
    json(200, &value!({ "faults": shown(&world.ledger().faults) }))
}

async fn change(world: &World, headers: &HeaderMap, body: Body, anew: bool) -> Response {
    let Ok(bytes) = read_plain_body(headers, body, MAX_BYTES).await else {
        return refusal(
            400,
            "invalid_request",
            &format!("the body could not be read, or has more than {MAX_BYTES} bytes"),
        );
    };
    let rules: Vec<FaultRule> = match faults_from_json(&bytes) {
        Ok(rules) => rules,
        Err(complaints) => {
            let told = value!({ "code": "invalid_request", "message": complaints.join("; "), "errors": complaints });
            return json(400, &told);
        }
    };
    {
        let mut ledger = world.ledger();
        let before = if anew { 0 } else { ledger.faults.active().len() };
        if before + rules.len() > MAX_RULES {
            drop(ledger);
            return refusal(
                400,
                "invalid_request",
                &format!("there may be {MAX_RULES} faults at once; DELETE takes all away"),
            );
        }
        if anew {
            ledger.faults.clear();
        }
        ledger.faults.add(&rules);
    }
    all(world)
}
