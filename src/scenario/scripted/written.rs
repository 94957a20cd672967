//! How scripted answers are written: the fields, with what each does. The reference is made from
//! them.
//!
//! Does not know: what is wrong with a value, or what it means.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::time::Duration;

/// One text, or a list of texts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub(super) struct Several<T>(pub(super) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Several<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = Several<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one or a list in brackets")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Several<T>, E> {
                T::deserialize(serde::de::value::StrDeserializer::new(text))
                    .map(|one| Several(vec![one]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Several<T>, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(items)).map(Several)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Several<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|one| Several(vec![one]))
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Several<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("One_or_several_of_{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let one = generator.subschema_for::<T>();
        schemars::json_schema!({ "anyOf": [one.clone(), { "type": "array", "items": one }] })
    }
}

/// A file of answers.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenAnswers {
    /// Whether a request that no rule matches is an error, which names the nearest rule. Default:
    /// false, so that the simulated models answer it.
    pub(super) strict: bool,
    /// The rules. The first one that matches a request answers it.
    pub(super) rules: Vec<WrittenAnswerRule>,
}

/// Which requests get which answer. It has `say`, `call`, `json`, `refuse` or `fault`, or several
/// answers in `then`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenAnswerRule {
    /// A name for messages. Default: `rule` and its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// The conditions, which must all hold. Default: every request matches.
    pub(super) when: WrittenConditions,
    /// How many requests it answers at most; then it is passed over. Default: any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) times: Option<u64>,
    /// A text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) say: Option<String>,
    /// Calls of tools. With `say`, the text stands before them. Unless `when` has `after`, the rule
    /// is passed over once its tools have their results, so that a tool loop ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) call: Option<Several<WrittenToolCall>>,
    /// A JSON value as the text of the answer; where the request asks for a call of one certain
    /// tool, the arguments of that call.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "some_value")]
    pub(super) json: Option<Value>,
    /// The words of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refuse: Option<String>,
    /// What goes wrong. `cut_after` and `malformed_after` break the answer that stands beside them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<WrittenAnswerFault>,
    /// Tokens that the answer states. Default: counted from the texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<WrittenUsage>,
    /// Why the answer ended: `stop`, `length`, `tool_calls`, `content_filter` or `refusal`. Default:
    /// what the answer is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = FINISHES))]
    pub(super) finish: Option<String>,
    /// How long the answer takes, in real time, at most an hour: `"250ms"`. A stream is spread over
    /// it. Default: at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) latency: Option<Duration>,
    /// Further answers, one for each further request that matches; the last one is repeated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) then: Vec<WrittenAnswer>,
}

/// One answer of several.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenAnswer {
    /// A text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) say: Option<String>,
    /// Calls of tools. With `say`, the text stands before them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) call: Option<Several<WrittenToolCall>>,
    /// A JSON value as the text of the answer, or as arguments of the one tool that must be called.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "some_value")]
    pub(super) json: Option<Value>,
    /// The words of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refuse: Option<String>,
    /// What goes wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<WrittenAnswerFault>,
    /// Tokens that the answer states. Default: counted from the texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<WrittenUsage>,
    /// Why the answer ended. Default: what the answer is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = FINISHES))]
    pub(super) finish: Option<String>,
    /// How long the answer takes, in real time, at most an hour. Default: at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) latency: Option<Duration>,
}

/// `json: null` is an answer, too.
fn some_value<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

/// Conditions on a request. Letters may be upper or lower case in texts that are searched.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenConditions {
    /// Texts that the user's last message has, all of them.
    #[serde(skip_serializing_if = "is_none")]
    pub(super) contains: Several<String>,
    /// A regular expression that finds something in the user's last message; `(?i)` at its start
    /// makes upper and lower case the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) regex: Option<String>,
    /// Texts that the system prompt has, all of them.
    #[serde(skip_serializing_if = "is_none")]
    pub(super) system: Several<String>,
    /// The model; a `*` at the end stands for anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<String>,
    /// The provider whose API is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) provider: Option<String>,
    /// A tool that is offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool: Option<String>,
    /// A tool whose result came last; `"*"` is any tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<String>,
    /// Texts that the results which came last have, all of them.
    #[serde(skip_serializing_if = "is_none")]
    pub(super) result: Several<String>,
    /// Which of the requests that meet the other conditions, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nth: Option<u64>,
    /// Headers, with their values; `"*"` is any value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) header: BTreeMap<String, String>,
}

fn is_none<T>(several: &Several<T>) -> bool {
    several.0.is_empty()
}

/// A call of a tool.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenToolCall {
    /// The tool's name.
    pub(super) name: String,
    /// The arguments. Default: none.
    #[serde(default)]
    pub(super) arguments: Map<String, Value>,
}

/// Tokens.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenUsage {
    /// Of the input. Default: counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) input: Option<u32>,
    /// Of the output. Default: counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) output: Option<u32>,
}

/// What goes wrong: one of `status`, `timeout`, `cut_after` and `malformed_after`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenAnswerFault {
    /// The HTTP status of an error in the provider's form, 400 to 599.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 400, max = 599))]
    pub(super) status: Option<u64>,
    /// Of `status`: the words of the error. Default: the provider's usual ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
    /// Of `status`: how long the client is asked to wait, at most an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_after: Option<Duration>,
    /// The connection ends without an answer after this time, at most an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeout: Option<Duration>,
    /// A stream breaks off after this many events, any other answer in its middle.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1_000_000))]
    pub(super) cut_after: Option<u64>,
    /// A stream has broken JSON after this many events, any other answer is broken JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1_000_000))]
    pub(super) malformed_after: Option<u64>,
}

/// The words for why an answer ended, those of OpenAI first.
pub(super) const FINISHES: [&str; 8] = [
    "stop",
    "length",
    "tool_calls",
    "content_filter",
    "refusal",
    "end_turn",
    "max_tokens",
    "tool_use",
];
