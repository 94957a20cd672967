//! Google's answer as one JSON document, in both directions; a stream is made of such documents.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize, Serializer};

use super::families::FAMILIES;
use super::request::signs;
use crate::llm::chat::{Block, Cached, ChatError, ChatResponse, Stop, ToolUse, Usage};
use crate::llm::families::find;
use crate::llm::wire::body::{Obj, read, tokens};
use crate::llm::wire::headers::malformed;
use crate::llm::wire::raw::{ObjectOut, RawObject};
use crate::llm::wire::sse::put;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DocumentOut<'a> {
    pub(super) candidates: Vec<CandidateOut<'a>>,
    pub(super) usage_metadata: GoogleUsageOut,
    pub(super) model_version: &'a str,
    pub(super) response_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CandidateOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<ContentOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finish_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finish_message: Option<&'a str>,
    #[serde(skip_serializing_if = "<[SafetyOut]>::is_empty")]
    pub(super) safety_ratings: &'static [SafetyOut],
    pub(super) index: u32,
}

#[derive(Serialize)]
pub(super) struct ContentOut<'a> {
    pub(super) parts: Parts<'a>,
    pub(super) role: &'static str,
}

/// The parts of an answer; the first function call has the signature, if the model signs.
pub(super) struct Parts<'a> {
    pub(super) blocks: &'a [Block],
    /// Where the signature comes from.
    pub(super) signature: Option<&'a str>,
}

impl Serialize for Parts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut signature = self.signature;
        let parts = self.blocks.iter().map(|block| match block {
            Block::Text(text) => PartOut { text: Some(text), ..PartOut::default() },
            Block::ToolUse(call) => PartOut {
                function_call: Some(CallOut {
                    id: &call.id,
                    name: &call.name,
                    args: LineOut(&call.input),
                }),
                thought_signature: signature.take().map(encoded),
                ..PartOut::default()
            },
        });
        serializer.collect_seq(parts)
    }
}

/// Any text as the bytes of a signature, which nobody but the service reads.
fn encoded(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct PartOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<CallOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought_signature: Option<String>,
}

#[derive(Serialize)]
struct CallOut<'a> {
    id: &'a str,
    name: &'a str,
    args: LineOut<'a>,
}

/// Text that ought to be a JSON object, as one without line breaks: an event is one line.
struct LineOut<'a>(&'a str);

impl Serialize for LineOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_object = || serde_json::from_str::<Obj<IgnoredAny>>(self.0).is_ok();
        if self.0.contains(['\n', '\r']) && is_object() {
            // In JSON, a line break can only stand where a space can.
            ObjectOut(&self.0.replace(['\n', '\r'], " ")).serialize(serializer)
        } else {
            ObjectOut(self.0).serialize(serializer)
        }
    }
}

/// How likely an answer is harmful in one respect.
#[derive(Serialize)]
pub(super) struct SafetyOut {
    category: &'static str,
    probability: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    blocked: bool,
}

/// The ratings of an answer that the filter stopped; others come without, as of Gemini 2.5.
static BLOCKED: [SafetyOut; 4] = [
    SafetyOut { category: "HARM_CATEGORY_HATE_SPEECH", probability: "NEGLIGIBLE", blocked: false },
    SafetyOut { category: "HARM_CATEGORY_DANGEROUS_CONTENT", probability: "HIGH", blocked: true },
    SafetyOut { category: "HARM_CATEGORY_HARASSMENT", probability: "NEGLIGIBLE", blocked: false },
    SafetyOut {
        category: "HARM_CATEGORY_SEXUALLY_EXPLICIT",
        probability: "NEGLIGIBLE",
        blocked: false,
    },
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GoogleUsageOut {
    prompt_token_count: u32,
    #[serde(skip_serializing_if = "crate::quantity::is_zero")]
    cached_content_token_count: u32,
    candidates_token_count: u32,
    #[serde(skip_serializing_if = "crate::quantity::is_zero")]
    thoughts_token_count: u32,
    total_token_count: u64,
    prompt_tokens_details: [ModalityOut; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ModalityOut {
    modality: &'static str,
    token_count: u32,
}

impl GoogleUsageOut {
    pub(super) fn of(usage: Usage) -> Self {
        Self {
            prompt_token_count: usage.input,
            cached_content_token_count: usage.cached.read,
            candidates_token_count: usage.output.saturating_sub(usage.reasoning),
            thoughts_token_count: usage.reasoning,
            total_token_count: u64::from(usage.input) + u64::from(usage.output),
            prompt_tokens_details: [ModalityOut { modality: "TEXT", token_count: usage.input }],
        }
    }
}

/// What follows from why an answer ended: the service's word, and the ratings.
pub(super) fn ending(stop: &Stop) -> (&'static str, &'static [SafetyOut]) {
    match stop {
        Stop::EndTurn | Stop::StopSequence(_) | Stop::ToolUse => ("STOP", &[]),
        Stop::MaxTokens => ("MAX_TOKENS", &[]),
        Stop::Refusal => ("SAFETY", &BLOCKED),
        Stop::ContentFilter => ("PROHIBITED_CONTENT", &BLOCKED),
    }
}

/// What a function call of this answer is signed with.
pub(super) fn signature(response: &ChatResponse) -> Option<&str> {
    find(FAMILIES, &response.model).filter(|family| signs(family)).map(|_| response.id.as_str())
}

/// One of the answers.
fn candidate(index: u32, answer: &ChatResponse) -> CandidateOut<'_> {
    let (reason, safety_ratings) = ending(&answer.stop);
    let parts = Parts { blocks: &answer.content, signature: signature(answer) };
    CandidateOut {
        content: (!answer.content.is_empty()).then_some(ContentOut { parts, role: "model" }),
        finish_reason: Some(reason),
        finish_message: answer.refusal.as_deref(),
        safety_ratings,
        index,
    }
}

/// Writes the body of a 200.
pub(super) fn encode_response(response: &ChatResponse, out: &mut Vec<u8>) {
    let answers = std::iter::once(response).chain(&response.others);
    let document = DocumentOut {
        candidates: (0..).zip(answers).map(|(index, answer)| candidate(index, answer)).collect(),
        usage_metadata: GoogleUsageOut::of(response.usage),
        model_version: &response.model,
        response_id: &response.id,
    };
    put(out, &document);
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct DocumentIn {
    candidates: Option<Vec<Obj<CandidateIn>>>,
    prompt_feedback: Option<Obj<FeedbackIn>>,
    usage_metadata: Option<UsageIn>,
    model_version: String,
    response_id: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CandidateIn {
    content: Option<Obj<ContentIn>>,
    finish_reason: Option<String>,
    finish_message: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ContentIn {
    parts: Option<Vec<Obj<ContentPartIn>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ContentPartIn {
    text: Option<String>,
    thought: Option<bool>,
    function_call: Option<Obj<CallIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CallIn {
    id: Option<String>,
    name: Option<String>,
    args: Option<RawObject>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct FeedbackIn {
    block_reason: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct UsageIn {
    prompt_token_count: Option<u64>,
    tool_use_prompt_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
    cached_content_token_count: Option<u64>,
}

impl UsageIn {
    /// All that it counts. Thoughts are counted apart and charged as output.
    fn usage(self) -> Usage {
        let both = |a: Option<u64>, b: Option<u64>| {
            tokens(Some(a.unwrap_or_default().saturating_add(b.unwrap_or_default())))
        };
        Usage {
            input: both(self.prompt_token_count, self.tool_use_prompt_token_count),
            output: both(self.candidates_token_count, self.thoughts_token_count),
            reasoning: tokens(self.thoughts_token_count),
            cached: Cached { read: tokens(self.cached_content_token_count), written: 0 },
        }
    }
}

/// An answer as far as its documents have come; a plain answer has one.
#[derive(Default)]
pub(super) struct Growing {
    id: String,
    model: String,
    content: Vec<Block>,
    /// Why it ended, and the words about that.
    ended: Option<(String, Option<String>)>,
    usage: Option<UsageIn>,
    calls: usize,
}

impl Growing {
    /// Takes the next document.
    pub(super) fn add(&mut self, document: DocumentIn) -> Result<(), ChatError> {
        if !document.response_id.is_empty() {
            self.id = document.response_id;
        }
        if !document.model_version.is_empty() {
            self.model = document.model_version;
        }
        self.usage = document.usage_metadata.or(self.usage);
        if let Some(Obj(FeedbackIn { block_reason: Some(reason) })) = document.prompt_feedback {
            let words = format!("the prompt was blocked: {reason}");
            self.ended = Some((reason, Some(words)));
        }
        let Some(Obj(candidate)) = document.candidates.and_then(|all| all.into_iter().next())
        else {
            return Ok(());
        };
        let parts = candidate.content.and_then(|Obj(content)| content.parts);
        for Obj(part) in parts.into_iter().flatten() {
            if part.thought == Some(true) {
                continue;
            }
            if let Some(Obj(call)) = part.function_call {
                let name = call
                    .name
                    .ok_or_else(|| malformed("answer of Gemini: a functionCall without a name"))?;
                let made = self.calls;
                self.calls += 1;
                self.content.push(Block::ToolUse(ToolUse {
                    id: call.id.unwrap_or_else(|| format!("call_{made}")),
                    name,
                    input: call.args.map_or_else(|| "{}".to_owned(), RawObject::into_text),
                }));
            } else if let Some(text) = part.text.filter(|text| !text.is_empty()) {
                match self.content.last_mut() {
                    Some(Block::Text(before)) => before.push_str(&text),
                    _ => self.content.push(Block::Text(text)),
                }
            }
        }
        if let Some(reason) = candidate.finish_reason {
            self.ended = Some((reason, candidate.finish_message));
        }
        Ok(())
    }

    /// Whether it is known why the answer ended.
    pub(super) fn is_done(&self) -> bool {
        self.ended.is_some()
    }

    /// The whole answer; none as long as it has not ended, or without a usage.
    pub(super) fn response(self) -> Option<ChatResponse> {
        let (reason, words) = self.ended?;
        let calls = self.content.iter().any(|block| matches!(block, Block::ToolUse(_)));
        let stop = match reason.as_str() {
            "MAX_TOKENS" => Stop::MaxTokens,
            "PROHIBITED_CONTENT" => Stop::ContentFilter,
            "SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "SPII" | "IMAGE_SAFETY"
            | "OTHER" => Stop::Refusal,
            _ if calls => Stop::ToolUse,
            _ => Stop::EndTurn,
        };
        let (mut content, mut refusal) = (self.content, None);
        if stop == Stop::Refusal {
            content.clear();
            refusal = Some(words.unwrap_or_else(|| format!("no answer was given: {reason}")));
        }
        let usage = self.usage?.usage();
        Some(ChatResponse {
            logprobs: None,
            others: Vec::new(),
            id: self.id,
            created: 0,
            model: self.model,
            content,
            stop,
            usage,
            refusal,
        })
    }
}

/// Reads the body of a 200. Thoughts are read over, and so is an empty text.
///
/// # Errors
/// `Malformed`, naming the field, when the body is not such a document.
pub(super) fn decode_response(body: &[u8]) -> Result<ChatResponse, ChatError> {
    let Obj(document) = read::<Obj<DocumentIn>>(body)
        .map_err(|fault| malformed(format!("answer of Gemini: {}", super::error::reject(fault))))?;
    let mut growing = Growing::default();
    growing.add(document)?;
    growing.response().ok_or_else(|| {
        malformed("answer of Gemini: no candidates.0.finishReason, or no usageMetadata")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::chat::ErrorKind;

    fn answer() -> ChatResponse {
        ChatResponse {
            logprobs: None,
            others: Vec::new(),
            id: "r1".into(),
            created: 0,
            model: "gemini-3.5-flash".into(),
            content: vec![
                Block::Text("Let me look.".into()),
                Block::ToolUse(ToolUse {
                    id: "c1".into(),
                    name: "search_v1".into(),
                    input: r#"{"query":"q-learning"}"#.into(),
                }),
                Block::ToolUse(ToolUse { id: "c2".into(), name: "f".into(), input: "{}".into() }),
            ],
            stop: Stop::ToolUse,
            usage: Usage {
                input: 812,
                output: 95,
                reasoning: 0,
                cached: Cached { read: 500, written: 0 },
            },
            refusal: None,
        }
    }

    #[test]
    fn an_answer_has_the_documented_shape() {
        let mut out = Vec::new();
        encode_response(&answer(), &mut out);
        // The first of parallel calls has the signature: base64 of r1.
        let expected = r#"{"candidates":[{"content":{"parts":[{"text":"Let me look."},{"functionCall":{"id":"c1","name":"search_v1","args":{"query":"q-learning"}},"thoughtSignature":"cjE="},{"functionCall":{"id":"c2","name":"f","args":{}}}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":812,"cachedContentTokenCount":500,"candidatesTokenCount":95,"totalTokenCount":907,"promptTokensDetails":[{"modality":"TEXT","tokenCount":812}]},"modelVersion":"gemini-3.5-flash","responseId":"r1"}"#;
        assert_eq!(std::str::from_utf8(&out).unwrap(), expected);
        assert_eq!(decode_response(&out).unwrap(), answer());
    }

    #[test]
    fn a_refusal_is_a_reason_without_content() {
        let refused = ChatResponse {
            content: vec![],
            stop: Stop::Refusal,
            refusal: Some("I can't help with that.".into()),
            ..answer()
        };
        let mut out = Vec::new();
        encode_response(&refused, &mut out);
        let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let candidate = &json["candidates"][0];
        assert_eq!(candidate["finishReason"], "SAFETY");
        assert!(candidate.get("content").is_none());
        assert_eq!(candidate["safetyRatings"][1]["blocked"], true);
        assert_eq!(decode_response(&out).unwrap(), refused);
    }

    #[test]
    fn thoughts_are_charged_as_output_and_not_shown() {
        // The shape of the documentation's page on thinking.
        let body = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"**Plan** look it up","thought":true},{"text":"42","thoughtSignature":"abc="}]},"finishReason":"STOP","avgLogprobs":-0.1}],
            "usageMetadata":{"promptTokenCount":10,"toolUsePromptTokenCount":5,"candidatesTokenCount":7,"thoughtsTokenCount":300,"totalTokenCount":322,"trafficType":"x"},"modelVersion":"gemini-2.5-pro"}"#;
        let read = decode_response(body.as_bytes()).unwrap();
        let usage = Usage { reasoning: 300, ..Usage::uncached(15, 307) };
        assert_eq!((read.text().as_str(), read.usage), ("42", usage));
    }

    #[test]
    fn a_blocked_prompt_is_a_refusal() {
        let body = r#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":4,"totalTokenCount":4}}"#;
        let read = decode_response(body.as_bytes()).unwrap();
        assert_eq!(read.stop, Stop::Refusal);
        assert_eq!(read.refusal.as_deref(), Some("the prompt was blocked: SAFETY"));
    }

    #[test]
    fn what_is_missing_is_named() {
        for (body, word) in [
            ("{}", "finishReason"),
            (r#"{"candidates":[{"finishReason":"STOP"}]}"#, "usageMetadata"),
            (r#"{"candidates":[{"content":{"parts":[{"functionCall":{}}]}}]}"#, "name"),
            (r#"{"candidates":[{"content":{"parts":[{"text":7}]}}]}"#, "parts[0].text"),
            ("<html>", "JSON"),
        ] {
            let error = decode_response(body.as_bytes()).unwrap_err();
            assert!(error.kind == ErrorKind::Malformed && error.message.contains(word), "{error}");
        }
    }
}
