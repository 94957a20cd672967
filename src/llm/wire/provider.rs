//! A provider as a value: names, addresses and models as data, and the format that it speaks as an
//! [`Api`].
//!
//! The table of all providers is [`super::PROVIDERS`], and each has a folder beside this
//! file. No other code names a provider: routes and ports of `serve`, environment variables, help,
//! references and injected faults are made from these values. A provider that is only known at run
//! time (a known format at another address) would be a [`ProviderFacts`] that is leaked once.
//!
//! Does not know: which of its callers is a client and which a server.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::LazyLock;

use percent_encoding::percent_decode_str;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, EnumAccess, Error, VariantAccess, Visitor};
use serde_json::{Value, json};

use super::PROVIDERS;
use super::batches::BatchesApi;
use super::counting::CountingApi;
use super::embeddings::EmbeddingsApi;
use super::framing::Framing;
use super::headers::{Headers, WireResponse};
use super::limits::LimitHeaders;
use super::moderations::ModerationsApi;
use super::path_api::PathApi;
use super::responses::ResponsesApi;
use super::retry::RetryPolicy;
use super::sse::{Chunking, Frames};
use super::stream::{StreamAssembly, StreamDecoder};
use crate::llm::chat::{ChatError, ChatRequest, ChatResponse, ErrorKind, ModelCard};
use crate::llm::families::{Family, Retired, find};
use crate::time::Duration;

/// One provider: a company whose API models are asked through, or a server that speaks the same
/// format.
#[derive(Clone, Copy)]
pub struct Provider(&'static ProviderFacts);

/// What is particular to one provider besides the format that it speaks.
pub struct ProviderFacts {
    /// Key in injected faults, ports and JSON: one lower-case word, such as `openai`.
    pub key: &'static str,
    /// The word for it in scenario files, such as `OpenAi`.
    pub variant: &'static str,
    /// The name for people, as LaunchDarkly spells it, such as `OpenAI`.
    pub name: &'static str,
    /// Environment variable that holds the key of the API.
    pub key_variable: &'static str,
    /// Environment variable that holds another base address.
    pub base_variable: &'static str,
    /// The provider's own base address, without a slash at the end.
    pub base: &'static str,
    /// Path before the base address's own path on the port of `serve` that all providers share,
    /// such as `/mistral`. Two providers with the same paths need different ones.
    pub mount: &'static str,
    /// The chat models: limits, and the parameters that each takes and refuses.
    pub families: &'static [Family],
    /// The models for embeddings, and the length of the vectors that each makes unless a request
    /// names another.
    pub embedders: &'static [Embedder],
    /// Models that are not served any more.
    pub retired: &'static [Retired],
    /// Output cap, in tokens, that the client library sets where nobody else does.
    pub client_max_tokens: Option<u32>,
    /// The format that it speaks.
    pub api: &'static dyn Api,
}

/// A model that makes vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Embedder {
    /// Its id.
    pub model: &'static str,
    /// The usual length of its vectors.
    pub dimensions: u32,
    /// The longest vectors that a request may ask for; `None`: it may not say a length.
    pub most: Option<u32>,
}

/// Where a schema stands in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaPlace<'a> {
    /// It is that of a tool's arguments.
    Tool {
        /// Place of the tool among the request's tools, from 0.
        index: usize,
        /// Name of the tool.
        name: &'a str,
    },
    /// It is that of the answer.
    Output {
        /// Name of the schema; may be empty.
        name: &'a str,
    },
}

/// A format of requests, answers, streams and errors, both ways; pure functions from bytes to
/// values and back.
pub trait Api: Sync {
    /// Path of chats under the base address; a pattern where the model is part of it
    /// ([`Api::path_api`]).
    fn chat_path(&self) -> &'static str;

    /// Path of the list of models under the base address.
    fn models_path(&self) -> &'static str;

    /// The part of the format that has the model in the path; none where the path is the same for
    /// all requests.
    fn path_api(&self) -> Option<&'static dyn PathApi> {
        None
    }

    /// Header under which the provider sends its id of a request; empty where it sends none.
    fn request_id_header(&self) -> &'static str;

    /// The headers that a client sends besides `content-type`, names in lower case; the key is in
    /// one of them.
    fn request_headers(&self, key: &str) -> Vec<(&'static str, String)>;

    /// Whether a request with these headers is meant for this format. Only asked where two formats
    /// share a path.
    fn recognizes(&self, headers: &Headers<'_>) -> bool {
        let _ = headers;
        false
    }

    /// The key of a request.
    ///
    /// # Errors
    /// In the provider's words, when there is none.
    fn authenticate<'a>(&self, headers: &Headers<'a>) -> Result<&'a str, ChatError>;

    /// Reads the body of a chat request. Callers use [`Provider::decode_request`].
    ///
    /// # Errors
    /// `BadRequest` in the provider's words, naming the field.
    fn read_request(&self, body: &[u8]) -> Result<ChatRequest, ChatError>;

    /// Writes the body of a chat request; what the format has no word for is left out.
    fn encode_request(&self, request: &ChatRequest, out: &mut Vec<u8>);

    /// Reads the body of a 200. Callers use [`Provider::decode_response`].
    ///
    /// # Errors
    /// `Malformed`, naming the field.
    fn read_response(&self, body: &[u8]) -> Result<ChatResponse, ChatError>;

    /// Writes the body of a 200.
    fn encode_response(&self, response: &ChatResponse, out: &mut Vec<u8>);

    /// The reasoning of an answer that has to come back with the answer's tool calls, in a form that
    /// only the provider reads; `None` for most.
    fn reasoning(&self, _body: &[u8]) -> Option<String> {
        None
    }

    /// The body of a request with the reasoning that belongs to its tool calls; `of` has it by the
    /// id of a turn's first call.
    fn with_reasoning(&self, body: Vec<u8>, _of: &dyn Fn(&str) -> Option<String>) -> Vec<u8> {
        body
    }

    /// Writes the body of a 200 that took this long, for formats that say so.
    fn encode_timed(&self, response: &ChatResponse, took: Duration, out: &mut Vec<u8>) {
        let _ = took;
        self.encode_response(response, out);
    }

    /// The answer as a stream that took this long, for formats that say so; all of it, and its usage.
    fn encode_timed_stream(
        &self,
        response: &ChatResponse,
        took: Duration,
        chunking: Chunking,
    ) -> Frames {
        let _ = took;
        self.encode_stream(response, chunking, true)
    }

    /// The answer as a stream; `include_usage` as the request asked.
    fn encode_stream(
        &self,
        response: &ChatResponse,
        chunking: Chunking,
        include_usage: bool,
    ) -> Frames;

    /// The frame that tells of an error after the 200 has gone out.
    fn encode_stream_error(&self, error: &ChatError, request_id: &str) -> Vec<u8>;

    /// How streams are framed.
    fn framing(&self) -> Framing {
        Framing::Events
    }

    /// The last frames of a stream, which show how it ends.
    fn ending_frames(&self) -> usize {
        3
    }

    /// Puts the events of a stream together. `include_usage` says whether the request asked for the
    /// usage.
    fn stream_assembly(&self, include_usage: bool) -> Box<dyn StreamAssembly>;

    /// The error as the provider sends it: status, headers and body.
    fn encode_error(&self, error: &ChatError, request_id: &str) -> WireResponse;

    /// The error at a path that the provider does not serve.
    fn encode_unknown_path(&self, error: &ChatError, request_id: &str) -> WireResponse {
        self.encode_error(error, request_id)
    }

    /// What an answer other than 2xx says; any body is taken. Callers use
    /// [`Provider::decode_error`].
    fn read_error(&self, status: u16, headers: &Headers<'_>, body: &[u8]) -> ChatError;

    /// The id of a model without what says only where it is served.
    fn plain_model<'a>(&self, model: &'a str) -> &'a str {
        model
    }

    /// The error for a model that is not served.
    fn unknown_model(&self, model: &str) -> ChatError;

    /// The error for a model that does not answer chats.
    fn not_for_chats(&self, model: &str) -> ChatError {
        let words = format!("the model `{model}` does not answer chats");
        ChatError { field: Some("model".to_owned()), ..ChatError::new(ErrorKind::NotFound, words) }
    }

    /// The error for input of this many tokens where the model takes `most`.
    fn too_long(&self, input: u32, most: u32) -> ChatError;

    /// The error for a schema that no value of a reasonable size satisfies; `why` ends the
    /// sentence.
    fn unmet_schema(&self, place: SchemaPlace<'_>, why: &str) -> ChatError;

    /// The id of an answer, made from random bits.
    fn answer_id(&self, bits: u128) -> String;

    /// The id of a tool call, made from random bits; one that the provider would take back.
    fn tool_call_id(&self, bits: u128) -> String;

    /// The id of a request, made from random bits.
    fn request_id(&self, bits: u128) -> String;

    /// Writes the whole list of models, in one page.
    fn encode_models(&self, cards: &[ModelCard], out: &mut Vec<u8>);

    /// Writes one entry of the list of models.
    fn encode_model(&self, card: &ModelCard, out: &mut Vec<u8>);

    /// Embeddings, if the provider has any.
    fn embeddings(&self) -> Option<&'static EmbeddingsApi> {
        None
    }

    /// Counting of tokens at a path of its own, if the provider has that.
    fn counting(&self) -> Option<&'static CountingApi> {
        None
    }

    /// Batches, if the provider has them.
    fn batches(&self) -> Option<&'static BatchesApi> {
        None
    }

    /// Moderation, if the provider has that.
    fn moderations(&self) -> Option<&'static ModerationsApi> {
        None
    }

    /// The Responses format, if the provider speaks it, too.
    fn responses(&self) -> Option<&'static ResponsesApi> {
        None
    }

    /// The headers in which the provider states rate limits.
    fn limit_headers(&self) -> &'static LimitHeaders;

    /// Whether an answer goes on where the conversation's last message, the assistant's, ends.
    fn continues_answers(&self) -> bool {
        false
    }

    /// Tokens of the system prompt that the provider adds to a call with tools, or with a schema
    /// that it treats as one.
    fn tool_prompt_tokens(&self) -> u32 {
        0
    }

    /// Statuses besides the usual ones with which the provider refuses a request without working on
    /// it, so that the request costs nothing.
    fn unbilled(&self) -> &'static [u16] {
        &[]
    }

    /// The longest wait that the provider may ask for, as its own client of today obeys it; after a
    /// longer one the request fails.
    fn longest_asked(&self) -> Duration {
        RetryPolicy::default().longest_asked
    }
}

impl Provider {
    /// The provider with these facts.
    #[must_use]
    pub const fn of(facts: &'static ProviderFacts) -> Self {
        Self(facts)
    }

    /// Reads the body of a chat request.
    ///
    /// # Errors
    /// `BadRequest` in the provider's words, naming the field.
    pub fn decode_request(self, body: &[u8]) -> Result<ChatRequest, ChatError> {
        self.api.read_request(body).map_err(ChatError::bounded)
    }

    /// Path and query of a chat under the base address.
    #[must_use]
    pub fn target(self, request: &ChatRequest) -> Cow<'static, str> {
        match self.api.path_api() {
            Some(api) => Cow::Owned(api.target(request)),
            None => Cow::Borrowed(self.api.chat_path()),
        }
    }

    /// Reads a chat request that was sent to this path and query under the base address.
    ///
    /// # Errors
    /// As [`Provider::decode_request`]; `NotFound` where the path asks nothing that is known.
    pub fn decode_request_to(self, target: &str, body: &[u8]) -> Result<ChatRequest, ChatError> {
        let Some(api) = self.api.path_api() else { return self.decode_request(body) };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let name = self.name_in(path).unwrap_or_default();
        let name = percent_decode_str(name).decode_utf8_lossy();
        let read = api.call(&name, query).and_then(|call| api.read_chat(&call, body));
        read.map_err(ChatError::bounded)
    }

    /// What stands in a path for the model and what is asked of it, where the model is in the path of
    /// chats; as it is written there.
    #[must_use]
    pub fn name_in(self, path: &str) -> Option<&str> {
        let api = self.api.path_api()?;
        let own = self.api.chat_path().rsplit_once("/{").map(|(folder, _)| folder);
        let mut folders = own.into_iter().chain(api.other_versions().iter().copied());
        folders.find_map(|folder| path.strip_prefix(folder)?.strip_prefix('/'))
    }

    /// Puts a stream together. `include_usage` says whether the request asked for the usage.
    #[must_use]
    pub fn stream_decoder(self, include_usage: bool) -> StreamDecoder {
        StreamDecoder::new(self.api.framing(), self.api.stream_assembly(include_usage))
    }

    /// Reads the body of a 200.
    ///
    /// # Errors
    /// `Malformed`, naming the field.
    pub fn decode_response(self, body: &[u8]) -> Result<ChatResponse, ChatError> {
        self.api.read_response(body).map_err(ChatError::bounded)
    }

    /// What an answer other than 2xx says. Any body is taken; one without words gets some.
    #[must_use]
    pub fn decode_error(self, status: u16, headers: &Headers<'_>, body: &[u8]) -> ChatError {
        let mut error = self.api.read_error(status, headers, body);
        if error.message.trim().is_empty() {
            error.message = format!("status {status} without a message");
        }
        error.bounded()
    }

    /// The family of a model; none if the provider serves no such model.
    #[must_use]
    pub fn family(self, model: &str) -> Option<&'static Family> {
        find(self.families, self.api.plain_model(model))
    }

    /// The path in the base address, such as `/v1`; may be empty.
    #[must_use]
    pub fn base_path(self) -> &'static str {
        let host = self.base.split_once("://").map_or(self.base, |(_, host)| host);
        host.find('/').and_then(|at| host.get(at..)).unwrap_or_default()
    }

    /// The provider that makes vectors with this model.
    #[must_use]
    pub fn that_embeds(model: &str) -> Option<Self> {
        let has = |provider: &&Self| provider.embedders.iter().any(|own| own.model == model);
        PROVIDERS.iter().find(has).copied()
    }

    /// Its place in the table; providers that are not in it come last.
    fn place(self) -> usize {
        PROVIDERS.iter().position(|known| *known == self).unwrap_or(usize::MAX)
    }
}

impl Deref for Provider {
    type Target = ProviderFacts;

    fn deref(&self) -> &ProviderFacts {
        self.0
    }
}

impl PartialEq for Provider {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Provider {}

impl Hash for Provider {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl Ord for Provider {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place()).then_with(|| self.key.cmp(other.key))
    }
}

impl PartialOrd for Provider {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.variant)
    }
}

/// The words for providers in scenario files.
static VARIANTS: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| PROVIDERS.iter().map(|provider| provider.variant).collect());

/// The provider that a scenario file names.
struct Named(Provider);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl Visitor<'_> for Word {
            type Value = Named;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("variant identifier")
            }
            fn visit_str<E: Error>(self, word: &str) -> Result<Named, E> {
                let named = PROVIDERS.iter().find(|provider| provider.variant == word);
                named
                    .map(|provider| Named(*provider))
                    .ok_or_else(|| E::unknown_variant(word, &VARIANTS))
            }
        }
        deserializer.deserialize_identifier(Word)
    }
}

impl<'de> Deserialize<'de> for Provider {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Variant;
        impl<'de> Visitor<'de> for Variant {
            type Value = Provider;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("enum Provider")
            }
            fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Provider, A::Error> {
                let (Named(provider), rest) = data.variant()?;
                rest.unit_variant()?;
                Ok(provider)
            }
        }
        deserializer.deserialize_enum("Provider", &VARIANTS, Variant)
    }
}

impl JsonSchema for Provider {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Provider".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let row = |provider: &Self| json!({ "description": format!("{}.", provider.name), "type": "string", "const": provider.variant });
        let rows: Vec<Value> = PROVIDERS.iter().map(row).collect();
        json_schema!({ "description": "Who serves a model.", "oneOf": rows })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_providers_share_a_name_a_variable_or_a_path() {
        let distinct = |what: &dyn Fn(&Provider) -> String| {
            let all: BTreeSet<String> = PROVIDERS.iter().map(what).collect();
            assert_eq!(all.len(), PROVIDERS.len(), "{all:?}");
        };
        distinct(&|provider| provider.key.to_owned());
        distinct(&|provider| provider.variant.to_owned());
        distinct(&|provider| provider.name.to_owned());
        distinct(&|provider| provider.key_variable.to_owned());
        distinct(&|provider| provider.base_variable.to_owned());
        distinct(&|provider| {
            [provider.mount, provider.base_path(), provider.api.chat_path()].concat()
        });
        for provider in PROVIDERS {
            assert!(provider.key.bytes().all(|byte| byte.is_ascii_lowercase()), "{provider:?}");
            assert!(
                !provider.base.ends_with('/') && provider.base.starts_with("https://"),
                "{provider:?}"
            );
        }
    }

    #[test]
    fn the_path_of_a_base_address_is_what_follows_its_host() {
        let paths: Vec<&str> = PROVIDERS.iter().map(|provider| provider.base_path()).collect();
        assert_eq!(paths[..3], ["", "/v1", "/v1"]);
    }

    #[test]
    fn a_scenario_names_a_provider_by_its_word() {
        for provider in PROVIDERS {
            assert_eq!(ron::from_str::<Provider>(provider.variant).as_ref(), Ok(provider));
        }
        let error = ron::from_str::<Provider>("Antropic").unwrap_err();
        assert!(error.to_string().contains("Antropic"), "{error}");
    }
}
