//! Addresses of the models without their version: a client that takes its base address from another
//! client's variable asks for `/messages` instead of `/v1/messages`.
//!
//! Does not know: who answers.

use axum::http::Request;

/// What is asked for without a version.
const PATHS: [&str; 7] = [
    "/messages",
    "/chat/completions",
    "/responses",
    "/conversations",
    "/embeddings",
    "/models",
    "/moderations",
];

/// Gives such an address its version.
pub fn complete<B>(request: &mut Request<B>) {
    let path = request.uri().path();
    let behind = PATHS.iter().find_map(|known| path.strip_prefix(known));
    if behind.is_none_or(|rest| !rest.is_empty() && !rest.starts_with('/')) {
        return;
    }
    let asked = request.uri().path_and_query().map_or(path, |whole| whole.as_str());
    if let Ok(uri) = format!("/v1{asked}").parse() {
        *request.uri_mut() = uri;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_models_addresses_get_a_version() {
        for (asked, told) in [
            ("/messages", "/v1/messages"),
            ("/messages/count_tokens?beta=true", "/v1/messages/count_tokens?beta=true"),
            ("http://localhost/models/gpt-4o", "/v1/models/gpt-4o"),
            ("/messages2", "/messages2"),
            ("/v1/messages", "/v1/messages"),
            ("/all", "/all"),
            ("/", "/"),
        ] {
            let mut request = Request::builder().uri(asked).body(()).unwrap();
            complete(&mut request);
            assert_eq!(request.uri().to_string(), told);
        }
    }
}
