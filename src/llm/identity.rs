//! What makes a chat request this request and no other, as canonical bytes: its ids, its luck and
//! the faults that hit it follow from them.
//!
//! Guarantees: the numbers below are part of the identity and never change their meaning; a new
//! variant gets a new number. Whether an answer is streamed does not matter.

use crate::llm::chat::{ChatRequest, ContentPart, Message, OfferedTool, Output, Role, ToolChoice};
use crate::random::{CanonicalBytes, Owner};

impl ChatRequest {
    /// The identity of this request when it comes from `user`.
    #[must_use]
    pub fn identity(&self, user: Option<&str>) -> Owner {
        let bits = |bytes: CanonicalBytes, number: f64| bytes.number(number.to_bits());
        let bytes = CanonicalBytes::default()
            .text(&self.model)
            .optional(self.system.as_deref(), CanonicalBytes::text)
            .list(&self.messages, message)
            .list(&self.tools, tool);
        let bytes = output(choice(bytes, &self.tool_choice), &self.output)
            .optional(self.max_tokens.map(u64::from), CanonicalBytes::number)
            .optional(self.temperature, bits)
            .optional(self.top_p, bits)
            .list(&self.stop, |bytes, text| bytes.text(text))
            .optional(self.seed.map(i64::cast_unsigned), CanonicalBytes::number)
            .optional(user, CanonicalBytes::text);
        // Requests without images and files keep the identity that they had before these counted.
        let bytes = match self.media_tokens {
            0 => bytes,
            tokens => bytes.number(tokens.into()),
        };
        let bytes = match self.choices {
            0 | 1 => bytes,
            choices => bytes.text("choices").number(choices.into()),
        };
        bytes.owner()
    }
}

fn message(bytes: CanonicalBytes, message: &Message) -> CanonicalBytes {
    let role = match message.role {
        Role::User => 0,
        Role::Assistant => 1,
    };
    bytes.number(role).list(&message.content, part)
}

fn part(bytes: CanonicalBytes, part: &ContentPart) -> CanonicalBytes {
    match part {
        ContentPart::Text(text) => bytes.number(0).text(text),
        ContentPart::ToolUse(call) => {
            bytes.number(1).text(&call.id).text(&call.name).text(&call.input)
        }
        ContentPart::ToolResult(result) => {
            bytes.number(2).text(&result.id).text(&result.content).number(result.is_error.into())
        }
    }
}

fn tool(bytes: CanonicalBytes, tool: &OfferedTool) -> CanonicalBytes {
    bytes.text(&tool.name).text(&tool.description).text(&tool.schema)
}

fn choice(bytes: CanonicalBytes, choice: &ToolChoice) -> CanonicalBytes {
    match choice {
        ToolChoice::Auto => bytes.number(0),
        ToolChoice::Any => bytes.number(1),
        ToolChoice::None => bytes.number(2),
        ToolChoice::Named(name) => bytes.number(3).text(name),
    }
}

fn output(bytes: CanonicalBytes, output: &Output) -> CanonicalBytes {
    match output {
        Output::Text => bytes.number(0),
        Output::JsonObject => bytes.number(1),
        Output::JsonSchema { name, schema, strict } => {
            bytes.number(2).text(name).text(schema).number(u64::from(*strict))
        }
        Output::OneOf(words) => words.iter().fold(bytes.number(3), |bytes, word| bytes.text(word)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::llm::chat::{ToolResult, ToolUse};

    #[test]
    fn whatever_changes_the_request_changes_its_identity_and_streaming_does_not() {
        let plain = ChatRequest::new("m");
        let with = |change: &dyn Fn(&mut ChatRequest)| {
            let mut request = plain.clone();
            change(&mut request);
            request.identity(None)
        };
        let says = |role, content| vec![Message { role, content: vec![content] }];
        let call = ToolUse { id: "i".into(), name: "n".into(), input: "{}".into() };
        let result = |is_error| ToolResult { id: "i".into(), content: "n{}".into(), is_error };
        let schema = |strict| Output::JsonSchema { name: "a".into(), schema: "b".into(), strict };
        let different = [
            plain.identity(None),
            plain.identity(Some("")),
            plain.identity(Some("u")),
            with(&|request| request.model = "n".into()),
            with(&|request| request.system = Some(String::new())),
            with(&|request| request.messages = says(Role::User, ContentPart::Text("x".into()))),
            with(&|request| {
                request.messages = says(Role::Assistant, ContentPart::Text("x".into()))
            }),
            with(&|request| {
                request.messages = says(Role::User, ContentPart::ToolUse(call.clone()))
            }),
            with(&|request| {
                request.messages = says(Role::User, ContentPart::ToolResult(result(true)))
            }),
            with(&|request| {
                request.messages = says(Role::User, ContentPart::ToolResult(result(false)))
            }),
            with(&|request| {
                let (name, description, schema) = ("f".into(), "d".into(), "{}".into());
                request.tools = vec![OfferedTool { name, description, schema }];
            }),
            with(&|request| request.tool_choice = ToolChoice::Any),
            with(&|request| request.tool_choice = ToolChoice::None),
            with(&|request| request.tool_choice = ToolChoice::Named("f".into())),
            with(&|request| request.output = Output::JsonObject),
            with(&|request| request.output = schema(true)),
            with(&|request| request.output = schema(false)),
            with(&|request| request.max_tokens = Some(1)),
            with(&|request| request.temperature = Some(0.5)),
            with(&|request| request.top_p = Some(0.5)),
            with(&|request| request.stop = vec!["x".into()]),
            with(&|request| request.seed = Some(-1)),
            with(&|request| request.media_tokens = 85),
        ];
        assert_eq!(BTreeSet::from(different).len(), different.len());
        let streamed = with(&|request| (request.stream, request.include_usage) = (true, true));
        assert_eq!(streamed, plain.identity(None));
    }
}
