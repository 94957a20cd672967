//! The chat providers over HTTP: chats plain and streamed, embeddings, lists of models.
//!
//! Guarantees: a request is refused in its provider's own words; the stream says what the plain
//! answer says.
//!
//! Does not know: what the models say.

use std::sync::Arc;
use std::time::Duration as Wait;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode, Uri};
use axum::response::Response;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use crate::knowledge::tokens::count;
use crate::llm::chat::{
    ChatError, ChatRequest, ChatResponse, EmbeddingInput, EmbeddingRequest, EmbeddingResponse,
    ErrorKind, VectorFormat,
};
use crate::llm::tasks::Task;
use crate::llm::wire::Provider;
use crate::llm::wire::embeddings::EmbeddingsApi;
use crate::llm::wire::framing::Framing;
use crate::llm::wire::headers::{Headers, WireResponse};
use crate::llm::wire::limits::{RateLimits, Window};
use crate::llm::wire::path_api::{PathApi, PathCall};
use crate::llm::wire::sse::{Chunking, Frames};
use crate::random::{Owner, Purpose};
use crate::run::TranscriptLine;
use crate::scenario::{AnswerStep, Endpoint, FaultKind, ScriptedFault};
use crate::serve::answers::Picked;
use crate::serve::faults_answer::Words;
use crate::serve::faults_gate::{GatedRequest, is_fresh};
use crate::serve::http::{BodyError, bytes_of, discard, read_plain_body, refusal, set, text};
use crate::serve::ledger::{Arrival, Ask};
use crate::serve::models as served;
use crate::serve::recent_chats;
use crate::serve::responder::UnderstoodRequest;
use crate::serve::scripted;
use crate::serve::world::{Repeat, World};
use crate::time::{Duration, unix_ms};

/// Most bytes of a request: Anthropic's own limit.
const MAX_BYTES: usize = 32 << 20;
/// Most texts in one request for vectors, as OpenAI has it.
const MAX_TEXTS: usize = 2048;

/// The headers that are text.
fn pairs(headers: &HeaderMap) -> Vec<(&str, &str)> {
    let text =
        headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    text.collect()
}

/// Whether a request has a key in its headers.
pub fn authorized(provider: Provider, headers: &HeaderMap) -> Result<(), ChatError> {
    let pairs = pairs(headers);
    let received = Headers { pairs: &pairs, received_us: unix_ms().saturating_mul(1000) };
    provider.api.authenticate(&received).map(|_| ())
}

/// Whether a request has a key in its headers, or in its query where the provider takes one there.
fn authorized_at(provider: Provider, headers: &HeaderMap, uri: &Uri) -> Result<(), ChatError> {
    if has_key(provider, uri) { Ok(()) } else { authorized(provider, headers) }
}

/// Whether the query holds a key of this provider.
fn has_key(provider: Provider, uri: &Uri) -> bool {
    let api = provider.api.path_api();
    api.is_some_and(|api| api.key_in(uri.query().unwrap_or_default()).is_some())
}

/// Whether a request says, by a header or a key in its query, that it is for this provider.
pub fn means(provider: Provider, headers: &HeaderMap, uri: &Uri) -> bool {
    let pairs = pairs(headers);
    let received = Headers { pairs: &pairs, received_us: 0 };
    provider.api.recognizes(&received) || has_key(provider, uri)
}

/// Reads a request whose key is fine.
pub async fn taken(
    provider: Provider,
    request: Request<Body>,
) -> Result<(HeaderMap, Vec<u8>), ChatError> {
    let (head, body) = request.into_parts();
    if let Err(error) = authorized_at(provider, &head.headers, &head.uri) {
        discard(body).await;
        return Err(error);
    }
    match read_plain_body(&head.headers, body, MAX_BYTES).await {
        Ok(bytes) => Ok((head.headers, bytes)),
        Err(BodyError::TooLarge) => {
            Err(ChatError::new(ErrorKind::TooLarge, "Request exceeds the maximum size"))
        }
        Err(BodyError::TooSlow) => {
            Err(ChatError::new(ErrorKind::Timeout, "the request body did not arrive in time"))
        }
        Err(BodyError::Unreadable) => {
            Err(ChatError::new(ErrorKind::BadRequest, "the request body could not be read"))
        }
    }
}

/// An error in the words of its provider.
pub fn refused(provider: Provider, error: &ChatError, request_id: &str) -> Response {
    response_of(provider, provider.api.encode_error(error, request_id), request_id)
}

/// A reply of a provider as a response.
fn response_of(provider: Provider, reply: WireResponse, request_id: &str) -> Response {
    let mut response = bytes_of(reply.status, "application/json", reply.body);
    for (name, value) in reply.headers {
        set(&mut response, name, &value);
    }
    set(&mut response, provider.api.request_id_header(), request_id);
    response
}

/// The refusal of a request at a path that the provider does not serve.
pub fn unknown_path(provider: Provider, world: &World, path: &str, error: &ChatError) -> Response {
    let id = request_id(provider, world, Owner::of(path.as_bytes()), 0);
    response_of(provider, provider.api.encode_unknown_path(error, &id), &id)
}

/// An error for a request of this digest that was not counted.
pub fn refused_early(
    provider: Provider,
    world: &World,
    digest: Owner,
    error: &ChatError,
) -> Response {
    refused(provider, error, &request_id(provider, world, digest, 0))
}

/// The id of the request of this digest that came `before` times already.
pub fn request_id(provider: Provider, world: &World, digest: Owner, before: u64) -> String {
    // The answer's own ids come from the lower numbers.
    let mut stage = world.settings.seed.stage(Purpose::Identifier, digest, before | 1 << 63);
    provider.api.request_id(u128::from(stage.bits()) << 64 | u128::from(stage.bits()))
}

/// How one format of a provider writes answers; the core that makes them is the same for all.
pub trait AnswerFormat: Sync {
    /// Whether models are asked that this provider does not serve at the path for chats.
    const TAKES_ALL_MODELS: bool;
    /// The last events of a stream, which show how it ends.
    fn ending_events(&self) -> usize;

    /// The answer, which took this long, as a document.
    fn document(&self, answer: &ChatResponse, took: Duration) -> Vec<u8>;

    /// The same as a stream. There is a document where somebody keeps it.
    fn stream(&self, answer: &ChatResponse, took: Duration, document: Option<&[u8]>) -> Frames;

    /// Whether streams need their document.
    fn keeps(&self) -> bool {
        false
    }

    /// Takes note of an answer that is ready after `wait`: what is sent, and after which time.
    fn finish(&self, answer: &ChatResponse, document: Bytes, wait: Wait) -> (Bytes, Wait) {
        let _ = answer;
        (document, wait)
    }

    /// Who refuses the request of this id.
    fn words(&self, id: &str) -> Words;

    /// An error in the names of this format.
    fn worded(&self, error: ChatError) -> ChatError {
        error
    }
}

/// A provider's format for chats.
struct ChatFormat {
    provider: Provider,
    include_usage: bool,
}

impl AnswerFormat for ChatFormat {
    const TAKES_ALL_MODELS: bool = false;

    fn ending_events(&self) -> usize {
        self.provider.api.ending_frames()
    }

    fn document(&self, answer: &ChatResponse, _: Duration) -> Vec<u8> {
        let mut body = Vec::with_capacity(1024);
        self.provider.api.encode_response(answer, &mut body);
        body
    }

    fn words(&self, id: &str) -> Words {
        Words::Provider(self.provider, id.to_owned())
    }

    fn stream(&self, answer: &ChatResponse, _: Duration, _: Option<&[u8]>) -> Frames {
        self.provider.api.encode_stream(answer, Chunking::Words, self.include_usage)
    }
}

/// Answers a chat.
pub async fn chat(provider: Provider, world: Arc<World>, request: Request<Body>) -> Response {
    let (headers, bytes) = match taken(provider, request).await {
        Ok(taken) => taken,
        Err(error) => {
            return refused_early(provider, &world, Owner::NOBODY, &error);
        }
    };
    let request = match provider.decode_request(&bytes) {
        Ok(request) => request,
        Err(error) => {
            return refused_early(provider, &world, Owner::of(&bytes), &error);
        }
    };
    let format = ChatFormat { provider, include_usage: request.include_usage };
    converse(provider, &world, &headers, (&request, &bytes), &format).await
}

/// Answers a request, which is given also as it was sent.
pub async fn converse<F: AnswerFormat>(
    provider: Provider,
    world: &Arc<World>,
    headers: &HeaderMap,
    (request, sent): (&ChatRequest, &[u8]),
    format: &F,
) -> Response {
    let user = text(headers, "x-simlab-user")
        .filter(|user| !user.is_empty())
        .map(str::to_owned)
        .or_else(|| request.user.clone());
    let digest = request.identity(user.as_deref());
    let script = match world.pick(provider, request, &pairs(headers)) {
        Picked::Simulated => None,
        Picked::Scripted(step) => Some(*step),
        Picked::Unmatched(why) => {
            let error = format.worded(ChatError::new(ErrorKind::NotFound, why));
            return refused_early(provider, world, digest, &error);
        }
    };
    // A script may answer for models that nobody has.
    let admitted = match &script {
        Some(_) => Ok(UnderstoodRequest::default()),
        None => {
            let whose = (user.as_deref(), digest);
            world.responder.admit(provider, request, whose, F::TAKES_ALL_MODELS)
        }
    };
    let understood = match admitted {
        Ok(understood) => understood,
        Err(error) => {
            let error = format.worded(error);
            return refused_early(provider, world, digest, &error);
        }
    };
    let ask = Ask {
        endpoint: Endpoint::Chat(provider),
        model: Some(&request.model),
        digest,
        fresh: is_fresh(headers),
    };
    let mut visit = GatedRequest::begin(world, &ask).ending(format.ending_events());
    if let Some(fault) = script.as_ref().and_then(broken) {
        visit.arrival.fault.get_or_insert(fault);
    }
    let arrival = visit.arrival;
    let id = request_id(provider, world, digest, arrival.before);
    let words = format.words(&id);
    let asked = (request, sent, user.as_deref());
    let said =
        said(provider, world, asked, (digest, understood, arrival), (&id, format), script.as_ref());
    visit.answer(words, said).await
}

/// How a scripted answer breaks.
fn broken(step: &AnswerStep) -> Option<FaultKind> {
    match step.fault {
        Some(ScriptedFault::Broken(kind)) => Some(kind),
        _ => None,
    }
}

/// What the models say to a request.
async fn said<F: AnswerFormat>(
    provider: Provider,
    world: &World,
    (request, asked, user): (&ChatRequest, &[u8], Option<&str>),
    (digest, understood, arrival): (Owner, UnderstoodRequest, Arrival),
    (id, format): (&str, &F),
    script: Option<&AnswerStep>,
) -> Response {
    if let Some(AnswerStep { fault: Some(fault), latency, .. }) = script
        && let ScriptedFault::Status { status, message, retry_after } = fault
    {
        pause(real(*latency)).await;
        let error = scripted::error(*status, message.as_deref(), *retry_after);
        let mut response = refused(provider, &format.worded(error), id);
        *response.status_mut() = StatusCode::from_u16(*status).unwrap_or_default();
        return response;
    }
    let before = match world.settings.repeat {
        Repeat::Next => arrival.before,
        Repeat::Same => 0,
    };
    let seed = world.settings.seed;
    let written =
        script.and_then(|step| scripted::response(provider, seed, request, step, (digest, before)));
    let (mut answer, latency, (task, call)) = match written {
        Some(answer) => (Ok(answer), Duration::ZERO, (Task::Answer, 0)),
        None => world.responder.answer(provider, request, user, (digest, understood), before),
    };
    let (latency, wait) = match script {
        Some(step) => (step.latency, real(step.latency)),
        None => (latency, scaled(latency, world.settings.time_scale)),
    };
    if let (Some(step), Ok(answer)) = (script, &mut answer) {
        scripted::adjust(answer, step);
        // What is written is every answer that is wanted.
        let more = request.choices.saturating_sub(1) as usize;
        answer.others = vec![ChatResponse { others: Vec::new(), ..answer.clone() }; more];
    }
    let mut answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            pause(wait).await;
            return refused(provider, &format.worded(error), id);
        }
    };
    answer.logprobs = request.logprobs;
    answer.others.iter_mut().for_each(|other| other.logprobs = request.logprobs);
    if task.is_agents() {
        world.ledger().grade.answered(unix_ms(), arrival.number);
    }
    let listens = world.settings.transcript > 0;
    let document =
        (listens || format.keeps() || !request.stream).then(|| format.document(&answer, latency));
    if listens {
        let answered = document.as_deref().unwrap_or_default();
        let line = recent_chats::line(request, &answer, latency, [asked, answered]);
        let (request, at_ms) = (Some(arrival.number), Some(arrival.at_ms));
        let (key, caller) = (user.map(str::to_owned), world.responder.name_of(task).to_owned());
        world.recent_chats().take(&TranscriptLine { request, at_ms, key, caller, call, ..line });
    }
    let frames = request.stream.then(|| format.stream(&answer, latency, document.as_deref()));
    let (document, wait) = match document {
        Some(document) => format.finish(&answer, document.into(), wait),
        None => (Bytes::new(), wait),
    };
    let mut response = match frames {
        Some(frames) => streamed(provider.api.framing(), frames, wait),
        None => {
            pause(wait).await;
            bytes_of(200, "application/json", document)
        }
    };
    set(&mut response, provider.api.request_id_header(), id);
    let mut limits = Vec::new();
    LIMITS.write(provider.api.limit_headers(), unix_ms().saturating_mul(1000), &mut limits);
    for (name, value) in limits {
        set(&mut response, name, &value);
    }
    response
}

/// What an answer says of the account's limits: they are never reached.
const LIMITS: RateLimits = {
    const fn window(limit: u64, used: u64) -> Window {
        let (limit, remaining) = (Some(limit), Some(limit - used));
        Window { limit, remaining, reset_after: Some(Duration::ZERO) }
    }
    RateLimits {
        requests: window(10_000, 1),
        tokens: window(2_000_000, 0),
        input_tokens: window(1_600_000, 0),
        output_tokens: window(400_000, 0),
    }
};

/// A time of a script.
fn real(latency: Duration) -> Wait {
    Wait::from_micros(latency.us())
}

/// Simulated time as real time.
fn scaled(latency: Duration, scale: f64) -> Wait {
    if scale <= 0.0 {
        Wait::ZERO
    } else {
        Wait::try_from_secs_f64(latency.seconds() / scale).unwrap_or(Wait::ZERO)
    }
}

/// Waits. A timer has to come round even for no time at all, so none is set then.
async fn pause(wait: Wait) {
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
}

/// A stream whose frames are spread evenly over `wait`.
pub fn streamed(framing: Framing, frames: Frames, wait: Wait) -> Response {
    if wait.is_zero() {
        return bytes_of(200, framing.content_type(), frames.into_bytes());
    }
    let (sender, receiver) = mpsc::channel::<Bytes>(4);
    let step = wait / u32::try_from(frames.len()).unwrap_or(u32::MAX).max(1);
    tokio::spawn(async move {
        for frame in frames.iter() {
            tokio::time::sleep(step).await;
            if sender.send(Bytes::copy_from_slice(frame)).await.is_err() {
                return;
            }
        }
    });
    let mut response = Response::new(Body::from_stream(
        ReceiverStream::new(receiver).map(Ok::<_, std::convert::Infallible>),
    ));
    set(&mut response, "content-type", framing.content_type());
    response
}

/// Answers a request for vectors.
pub async fn embed(
    provider: Provider,
    api: &'static EmbeddingsApi,
    world: Arc<World>,
    request: Request<Body>,
) -> Response {
    embed_as(provider, &VectorsFormat::Shared(api), world, request).await
}

/// A format of vectors.
pub enum VectorsFormat {
    /// The one that providers share.
    Shared(&'static EmbeddingsApi),
    /// That of a provider that has the model in the path, and what the path says.
    Path(&'static dyn PathApi, PathCall),
}

impl VectorsFormat {
    fn decode(&self, body: &[u8]) -> Result<EmbeddingRequest, ChatError> {
        match self {
            Self::Shared(api) => api.decode_request(body),
            Self::Path(api, call) => api.read_texts(call, body).map_err(ChatError::bounded),
        }
    }

    fn encode(&self, answer: &EmbeddingResponse, format: VectorFormat, id: &str) -> Vec<u8> {
        let mut body = Vec::new();
        match self {
            Self::Shared(api) => api.encode_response(answer, format, id, &mut body),
            Self::Path(api, call) => api.encode_vectors(call, answer, &mut body),
        }
        body
    }
}

/// Answers a request for vectors in this format.
pub async fn embed_as(
    provider: Provider,
    api: &VectorsFormat,
    world: Arc<World>,
    request: Request<Body>,
) -> Response {
    let world = &world;
    let id = request_id(provider, world, Owner::NOBODY, 1);
    let (headers, bytes) = match taken(provider, request).await {
        Ok(taken) => taken,
        Err(error) => return refused(provider, &error, &id),
    };
    let digest = Owner::of(&bytes);
    let request = match api.decode(&bytes) {
        Ok(request) => request,
        Err(error) => return refused(provider, &error, &id),
    };
    let dimensions = match served::dimensions(provider, &request.model, request.dimensions) {
        Ok(dimensions) => dimensions,
        Err(error) => return refused(provider, &error, &id),
    };
    if request.input.len() > MAX_TEXTS {
        let error = ChatError {
            field: Some("input".to_owned()),
            ..ChatError::new(ErrorKind::BadRequest, format!("input may hold {MAX_TEXTS} texts"))
        };
        return refused(provider, &error, &id);
    }
    let tokens = |input: &EmbeddingInput| match input {
        EmbeddingInput::Text(text) => count(text),
        EmbeddingInput::Tokens(tokens) => u32::try_from(tokens.len()).unwrap_or(u32::MAX),
    };
    let answer = EmbeddingResponse {
        model: request.model.clone(),
        vectors: request
            .input
            .iter()
            .map(|input| world.responder.vector(input, dimensions as usize))
            .collect(),
        input_tokens: request.input.iter().map(tokens).fold(0, u32::saturating_add),
    };
    let ask = Ask {
        endpoint: Endpoint::Embeddings,
        model: Some(&request.model),
        digest,
        fresh: is_fresh(&headers),
    };
    let answered =
        async { bytes_of(200, "application/json", api.encode(&answer, request.format, &id)) };
    GatedRequest::begin(world, &ask).answer(Words::Provider(provider, id.clone()), answered).await
}

/// Answers with the list of models, or with the one of this id: those of the provider for which the
/// request is meant. The last of the providers gets what no other recognizes.
pub fn models(
    providers: &[Provider],
    world: &World,
    (headers, uri): (&HeaderMap, &Uri),
    id: Option<&str>,
) -> Response {
    let meant = providers.iter().find(|provider| means(**provider, headers, uri));
    let Some(&provider) = meant.or(providers.last()) else {
        return refusal(404, "not_found", "no provider lists its models here");
    };
    let request = request_id(provider, world, Owner::NOBODY, 2);
    if let Err(error) = authorized_at(provider, headers, uri) {
        return refused(provider, &error, &request);
    }
    let mut body = Vec::new();
    match id {
        None => {
            let listed = served::listed(provider, world.responder.models());
            provider.api.encode_models(&listed, &mut body);
        }
        Some(id) => match served::card(provider, world.responder.models(), id) {
            Ok(card) => provider.api.encode_model(&card, &mut body),
            Err(error) => return refused(provider, &error, &request),
        },
    }
    bytes_of(200, "application/json", body)
}
