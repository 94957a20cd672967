//! Who is on the other side of a live run: the real services, or something on this machine.
//!
//! Guarantees: only addresses of this machine are asked what they are; no key is sent.
//!
//! Does not know: what a run does there.

use futures_util::future::join_all;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::live::environment::LiveEnvironment;
use crate::live::net::Http;
use crate::llm::wire::address::is_loopback;
use crate::report::{Counterpart, FLAG_SERVICE, Ordered};

/// Time for a server of this machine to say what it is.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// What stands at each address that a run goes to.
pub async fn counterparts(environment: &LiveEnvironment) -> Ordered<Counterpart> {
    let providers = environment.providers().map(|(provider, access)| {
        (provider.name.to_owned(), Some(access.base.clone()).filter(|_| !access.official))
    });
    let flags = (FLAG_SERVICE.to_owned(), environment.flags.base.clone());
    let one = async |(name, base): (String, Option<String>)| {
        let which = match base.filter(|base| is_loopback(base)) {
            None => Counterpart::Real,
            Some(base) if is_mock(&base).await => Counterpart::Mock,
            Some(_) => Counterpart::ThisMachine,
        };
        (name, which)
    };
    Ordered(join_all(providers.chain([flags]).map(one)).await)
}

/// Whether `simlab serve` answers at this address, and answers itself.
async fn is_mock(base: &str) -> bool {
    let Some((scheme, rest)) = base.split_once("://") else { return false };
    let authority = rest.split('/').next().unwrap_or_default();
    let Ok(http) = Http::new() else { return false };
    let address = format!("{scheme}://{authority}/_simlab/status");
    let asked = tokio::time::timeout(PATIENCE, http.get(&address, HeaderMap::new())).await;
    let Ok(Ok(answer)) = asked else { return false };
    let status: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    // With `--record` it passes requests on to whoever is real.
    let says = |field: &str| status.get(field).cloned().unwrap_or_default();
    answer.status == 200 && says("time_scale").is_number() && says("passes_on") == false
}
