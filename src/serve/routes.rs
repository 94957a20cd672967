//! Who answers what: the routes of LaunchDarkly, of the providers and of simlab itself, each
//! written once. An entry point with a port of its own has its part of them; the port that all
//! share has all of them.
//!
//! Does not know: what any route answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Request, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, get, post};

use crate::flags::client_side::ClientKind;
use crate::llm::wire::Provider;
use crate::llm::wire::batches::{BatchForm, BatchesApi};
use crate::llm::wire::responses::ResponsesApi;
use crate::serve::door::{Door, base};
use crate::serve::world::World;
use crate::serve::{
    answers_control, batches, by_path, chat, client_side, control, cors, events, faults_control,
    mcp_http, moderations, recorder_gate, response_requests, responses, rest, stream, unserved,
};

type Routes = Router<Arc<World>>;

fn of_launchdarkly() -> Routes {
    let one = |kind: &'static str| {
        get(move |State(world): State<Arc<World>>, Path(name): Path<String>, headers: HeaderMap| {
            stream::one(kind, world, Some(name), headers)
        })
    };
    let flags = get(|State(world): State<Arc<World>>, headers: HeaderMap| {
        stream::one("flags", world, None, headers)
    });
    Router::new()
        .route("/sdk/flags", flags)
        .route("/sdk/flags/{name}", one("flags"))
        .route("/sdk/segments/{name}", one("segments"))
        .route("/api/v2/{*path}", any(rest::answer))
        .route("/all", get(stream::all))
        .route("/sdk/latest-all", get(stream::latest_all))
        .route("/bulk", post(events::bulk))
        .route("/diagnostic", post(events::diagnostic))
        .merge(of_clients(ClientKind::Web))
        .merge(of_clients(ClientKind::Mobile))
        .route("/sdk/goals/{environment}", get(client_side::goals))
}

/// What the client-side SDKs of a kind ask.
fn of_clients(kind: ClientKind) -> Routes {
    let polls = any(move |State(world): State<Arc<World>>, Path(path), request| {
        client_side::poll(kind, world, path, request)
    });
    let streams = any(move |State(world): State<Arc<World>>, Path(path), request| {
        client_side::stream(kind, world, path, request)
    });
    let pings = get(move |State(world): State<Arc<World>>, Path(path), headers| {
        client_side::ping(kind, world, path, headers)
    });
    let events = |diagnostic: bool| {
        any(move |State(world): State<Arc<World>>, Path(path), request| {
            client_side::events((kind, diagnostic), world, path, request)
        })
    };
    let (own, stream, ping, bulk, diagnostic): (_, _, _, &[&str], _) = match kind {
        ClientKind::Web => (
            "/sdk/evalx/{environment}",
            "/eval/{environment}",
            "/ping/{environment}",
            &["/events/bulk/{environment}"],
            "/events/diagnostic/{environment}",
        ),
        ClientKind::Mobile => (
            "/msdk/evalx",
            "/meval",
            "/mping",
            &["/mobile", "/mobile/events", "/mobile/events/bulk"],
            "/mobile/events/diagnostic",
        ),
    };
    let mut routes = Router::new()
        .route(stream, streams.clone())
        .route(&[stream, "/{*context}"].concat(), streams)
        .route(ping, pings)
        .route(diagnostic, events(true));
    for path in ["/context", "/user", "/contexts/{*context}", "/users/{*context}"] {
        routes = routes.route(&[own, path].concat(), polls.clone());
    }
    bulk.iter().fold(routes, |routes, path| routes.route(path, events(false)))
}

fn of_providers(providers: &[Provider], shared: bool) -> Routes {
    let mut routes = Router::new();
    // Providers whose lists of models have the same path.
    let mut lists: BTreeMap<String, Vec<Provider>> = BTreeMap::new();
    for &provider in providers {
        let base = base(provider, shared);
        if let Some(api) = provider.api.path_api() {
            let asked = move |State(world): State<Arc<World>>,
                              Path(name): Path<String>,
                              request: Request<Body>| async move {
                by_path::asked(provider, api, world, &name, request).await
            };
            routes = routes.route(&[&base, provider.api.chat_path()].concat(), post(asked));
            for path in api.other_versions() {
                routes = routes.route(&format!("{base}{path}/{{id}}"), post(asked));
            }
            // In front: the last one gets what no other recognizes.
            let own = std::iter::once(provider.api.models_path());
            for path in own.chain(api.other_versions().iter().copied()) {
                lists.entry([&base, path].concat()).or_default().insert(0, provider);
            }
            continue;
        }
        let chats = move |State(world): State<Arc<World>>, request: Request<Body>| {
            chat::chat(provider, world, request)
        };
        routes = routes.route(&[&base, provider.api.chat_path()].concat(), post(chats));
        if let Some(api) = provider.api.embeddings() {
            let vectors = move |State(world): State<Arc<World>>, request: Request<Body>| {
                chat::embed(provider, api, world, request)
            };
            routes = routes.route(&[&base, api.path].concat(), post(vectors));
        }
        if let Some(api) = provider.api.counting() {
            let count = move |State(world): State<Arc<World>>, request: Request<Body>| {
                by_path::count(provider, api, world, request)
            };
            routes = routes.route(&[&base, api.path].concat(), post(count));
        }
        if let Some(api) = provider.api.batches() {
            routes = routes.merge(of_batches(provider, api, &base));
        }
        if let Some(api) = provider.api.moderations() {
            let moderate = move |State(world): State<Arc<World>>, request: Request<Body>| {
                moderations::moderate(provider, api, world, request)
            };
            routes = routes.route(&[&base, api.path].concat(), post(moderate));
        }
        if let Some(api) = provider.api.responses() {
            routes = routes.merge(of_responses(provider, api, &base));
        }
        lists.entry([&base, provider.api.models_path()].concat()).or_default().push(provider);
    }
    for (path, providers) in lists {
        let one = providers.clone();
        let list = move |State(world): State<Arc<World>>, uri: Uri, headers: HeaderMap| async move {
            chat::models(&providers, &world, (&headers, &uri), None)
        };
        let card = move |State(world): State<Arc<World>>,
                         Path(id): Path<String>,
                         uri: Uri,
                         headers: HeaderMap| async move {
            chat::models(&one, &world, (&headers, &uri), Some(&id))
        };
        routes = routes.route(&path, get(list)).route(&(path + "/{id}"), get(card));
    }
    routes
}

fn of_batches(provider: Provider, api: &'static BatchesApi, base: &str) -> Routes {
    let files = match api.form {
        BatchForm::Files { files } => Some((files, true)),
        BatchForm::Inline => None,
    };
    let mut routes = Router::new();
    for (path, files) in files.into_iter().chain([(api.path, false)]) {
        let all = move |State(world): State<Arc<World>>, request: Request<Body>| {
            batches::asked((provider, api, files), world, String::new(), request)
        };
        let one = move |State(world): State<Arc<World>>,
                        Path(rest): Path<String>,
                        request: Request<Body>| {
            batches::asked((provider, api, files), world, rest, request)
        };
        let path = [base, path].concat();
        routes = routes.route(&path, any(all)).route(&(path + "/{*rest}"), any(one));
    }
    routes
}

fn of_responses(provider: Provider, api: &'static ResponsesApi, base: &str) -> Routes {
    let create = move |State(world): State<Arc<World>>, request: Request<Body>| {
        responses::create(provider, api, world, request)
    };
    let kept =
        move |State(world): State<Arc<World>>, Path(rest): Path<String>, request: Request<Body>| {
            response_requests::response(provider, api, world, rest, request)
        };
    let begin = move |State(world): State<Arc<World>>, request: Request<Body>| {
        response_requests::conversation(provider, api, world, String::new(), request)
    };
    let conversation =
        move |State(world): State<Arc<World>>, Path(rest): Path<String>, request: Request<Body>| {
            response_requests::conversation(provider, api, world, rest, request)
        };
    let (all, conversations) = ([base, api.path].concat(), [base, api.conversations].concat());
    Router::new()
        .route(&all, post(create))
        .route(&(all + "/{*rest}"), any(kept))
        .route(&conversations, post(begin))
        .route(&(conversations + "/{*rest}"), any(conversation))
}

fn of_tools() -> Routes {
    Router::new().route("/mcp/{tool}", any(mcp_http::served))
}

fn of_simlab() -> Routes {
    let faults = get(faults_control::list)
        .post(faults_control::add)
        .put(faults_control::replace)
        .delete(faults_control::clear);
    let answers =
        get(answers_control::list).put(answers_control::replace).delete(answers_control::clear);
    Router::new()
        .route("/_simlab/answers", answers)
        .route("/_simlab/status", get(control::status))
        .route("/_simlab/env", get(control::variables))
        .route("/_simlab/events", get(control::events))
        .route("/_simlab/transcript", get(control::transcript))
        .route("/_simlab/report", get(control::report))
        .route("/_simlab/metrics", get(control::metrics))
        .route("/_simlab/faults", faults)
        .route("/_simlab/reset", post(control::reset))
}

/// The routes of providers; `door` is the one whose own port this is.
fn complete(routes: Routes, world: Arc<World>, door: Option<Provider>) -> Router {
    let layer = world
        .recorder
        .is_some()
        .then(|| from_fn_with_state((Arc::clone(&world), door), recorder_gate::through));
    let unknown = move |State(world): State<Arc<World>>, request: Request<Body>| {
        unserved::unknown(door, world, request)
    };
    let wrong_method = move |State(world): State<Arc<World>>, request: Request<Body>| {
        unserved::wrong_method(door, world, request)
    };
    let all = routes.method_not_allowed_fallback(wrong_method).fallback(unknown).with_state(world);
    let all = match layer {
        Some(layer) => all.layer(layer),
        None => all,
    };
    all.layer(from_fn(cors::through))
}

/// What an entry point answers on its own port.
pub fn of_door(door: Door, world: Arc<World>) -> Router {
    let routes = match door {
        Door::LaunchDarkly => of_launchdarkly(),
        Door::Provider(provider) => of_providers(&[provider], false),
    };
    let provider = match door {
        Door::Provider(provider) => Some(provider),
        Door::LaunchDarkly => None,
    };
    complete(routes, world, provider)
}

/// What the port that all share answers: every provider of the table, and those that the scenario
/// names by their address.
pub fn all(world: Arc<World>) -> Router {
    let providers = world.providers().to_vec();
    complete(
        of_launchdarkly()
            .merge(of_providers(&providers, true))
            .merge(of_tools())
            .merge(of_simlab()),
        world,
        None,
    )
}
