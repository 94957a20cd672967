//! One call of a model in a transcript: what was asked and what came of it. Simulated runs, live
//! runs and `serve` write the same.
//!
//! Does not know: where the line goes.

use serde::Serialize;
use serde_json::value::RawValue;

/// One line of a transcript. A field that a source cannot know is null or left out.
#[derive(Clone, Debug, Serialize)]
pub struct TranscriptLine {
    /// Number of the request at `serve`, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<u64>,
    /// When it arrived at `serve`, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
    /// The user, counted from 1; null for calls that are no user's, and at `serve`.
    pub user: Option<u32>,
    /// Which visit of the user, from 0; left out for the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visit: Option<u32>,
    /// The user's key.
    pub key: Option<String>,
    /// Who asked.
    pub caller: String,
    /// Which call of this caller for this user, from 0.
    pub call: u16,
    /// Which attempt of a live run: 0, and 1 for the repair of a malformed answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u8>,
    /// The model.
    pub model: Option<String>,
    /// What is new in the request since the model's last word. A live run keeps the end of it.
    pub asked: Vec<AskedText>,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: TranscriptOutcome,
    /// The request as `serve` got it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_body: Option<Box<RawValue>>,
    /// The answer as `serve` gave it, without streaming.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_body: Option<Box<RawValue>>,
}

/// A text that a model was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AskedText {
    /// `user`, or `tool` for what a tool gave back.
    pub role: &'static str,
    /// The text.
    pub text: String,
}

/// A tool call that a model made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToolText {
    /// The tool's name.
    pub name: String,
    /// The arguments as the model wrote them.
    pub input: String,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum TranscriptOutcome {
    /// An answer.
    Answered {
        /// The words, and each tool call as its name and its arguments, on lines of their own.
        answered: String,
        /// The tool calls.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tools: Vec<ToolText>,
        /// Input tokens.
        input_tokens: u32,
        /// Output tokens.
        output_tokens: u32,
        /// Latency in milliseconds.
        latency_ms: f64,
    },
    /// A failure.
    Failed {
        /// Its kind.
        failed: String,
        /// The provider's words.
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// Latency in milliseconds.
        latency_ms: f64,
    },
}

impl TranscriptOutcome {
    /// An answer of these words, if there are any, and tool calls.
    #[must_use]
    pub fn answered(
        words: Option<&str>,
        tools: Vec<ToolText>,
        (input_tokens, output_tokens): (u32, u32),
        latency_us: u64,
    ) -> Self {
        let calls = tools.iter().map(|tool| format!("{} {}", tool.name, tool.input));
        let words = words.map(str::to_owned);
        let answered = words.into_iter().chain(calls).collect::<Vec<_>>().join("\n");
        let latency_ms = latency_us as f64 / 1e3;
        Self::Answered { answered, tools, input_tokens, output_tokens, latency_ms }
    }
}

impl TranscriptLine {
    /// Adds this line and a line break.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        match serde_json::to_writer(&mut *out, self) {
            Ok(()) => out.push(b'\n'),
            Err(_) => out.truncate(start),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(outcome: TranscriptOutcome) -> String {
        let line = TranscriptLine {
            request: None,
            at_ms: None,
            user: Some(3),
            visit: None,
            key: Some("user_1_3".to_owned()),
            caller: "support".to_owned(),
            call: 1,
            attempt: None,
            model: Some("m".to_owned()),
            asked: vec![AskedText { role: "tool", text: "found it".to_owned() }],
            outcome,
            request_body: None,
            answer_body: None,
        };
        let mut out = Vec::new();
        line.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_has_the_documented_fields() {
        let call = ToolText { name: "search".to_owned(), input: "{}".to_owned() };
        assert_eq!(
            line(TranscriptOutcome::answered(Some("let me look"), vec![call], (9, 4), 1_500)),
            "{\"user\":3,\"key\":\"user_1_3\",\"caller\":\"support\",\"call\":1,\"model\":\"m\",\
             \"asked\":[{\"role\":\"tool\",\"text\":\"found it\"}],\"answered\":\"let me look\\nsearch {}\",\
             \"tools\":[{\"name\":\"search\",\"input\":\"{}\"}],\"input_tokens\":9,\"output_tokens\":4,\
             \"latency_ms\":1.5}\n"
        );
        let failed = TranscriptOutcome::Failed {
            failed: "timeout".to_owned(),
            message: None,
            latency_ms: 2.0,
        };
        assert!(line(failed).ends_with(",\"failed\":\"timeout\",\"latency_ms\":2.0}\n"));
    }
}
