//! What a call is charged to the budget: its maximum before it is made, and what its answer says
//! afterwards, if that can be true.
//!
//! Guarantees: a charge that nobody knows is the maximum. An answer whose count of tokens cannot be
//! true (zero, or less than half of what its own words come to) is charged the maximum too.
//!
//! Does not know: who answers.

use crate::knowledge::tokens::count;
use crate::llm::chat::{ChatRequest, ChatResponse, ContentPart};
use crate::llm::profile::ModelProfile;

/// Tokens that a provider may add to what is sent: system prompts of its own for tools.
const HIDDEN_TOKENS: u64 = 1_000;
/// Bytes a token: a count that is not below one token in so many bytes is believed without
/// counting. English has 4 to 5.
const BYTES_PER_TOKEN: usize = 6;

/// What a call may cost at most, in nano-dollars: no token is shorter than a byte.
#[must_use]
pub fn worst(model: &ModelProfile, bytes: usize, max_tokens: Option<u32>) -> u64 {
    let tokens = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let output = max_tokens.unwrap_or(model.max_output_tokens);
    model
        .most(tokens(bytes as u64 + HIDDEN_TOKENS), output)
        .map_or(u64::MAX, |cost| cost.nano_dollars())
}

/// What an answered call is charged, in nano-dollars. `worst` is its maximum.
#[must_use]
pub fn answered(
    model: &ModelProfile,
    request: &ChatRequest,
    response: &ChatResponse,
    worst: u64,
) -> u64 {
    let stated = model.cost(response.usage).map_or(worst, |cost| cost.nano_dollars());
    let input = request.system.iter().map(String::as_str).chain(
        request.messages.iter().flat_map(|message| &message.content).map(|part| match part {
            ContentPart::Text(text) => text.as_str(),
            ContentPart::ToolUse(call) => call.input.as_str(),
            ContentPart::ToolResult(result) => result.content.as_str(),
        }),
    );
    let words = response.text();
    let output = response
        .tool_uses()
        .map(|call| call.input.as_str())
        .chain([words.as_str()])
        .chain(response.refusal.as_deref());
    if is_possible(response.usage.input, input) && is_possible(response.usage.output, output) {
        stated
    } else {
        stated.max(worst)
    }
}

/// Whether a text can have so few tokens. Tokenizers differ, but none needs less than half of what
/// ours does.
#[must_use]
pub fn is_possible<'t>(tokens: u32, texts: impl Iterator<Item = &'t str>) -> bool {
    let texts: Vec<&str> = texts.collect();
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    let enough = |least: usize| tokens as usize >= least;
    // Counting takes time, and nearly every answer is honest.
    enough(bytes / BYTES_PER_TOKEN) && (tokens > 0 || bytes == 0)
        || enough(texts.iter().map(|text| count(text) as usize).sum::<usize>().div_ceil(2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::chat::{Block, Message, Role, Stop, Usage};
    use crate::scenario::load;

    #[test]
    fn a_count_that_cannot_be_true_is_charged_the_maximum() {
        let scenario = load("security").unwrap().scenario;
        let model = scenario.models.iter().find(|model| model.id == "gpt-4o").unwrap();
        let mut request = ChatRequest::new(&model.id);
        request.messages = vec![Message {
            role: Role::User,
            content: vec![ContentPart::Text("What is a replay buffer? ".repeat(20))],
        }];
        let response = |input, output| ChatResponse {
            logprobs: None,
            others: Vec::new(),
            id: String::new(),
            created: 0,
            model: String::new(),
            content: vec![Block::Text("It keeps what was seen. ".repeat(10))],
            stop: Stop::EndTurn,
            usage: Usage::uncached(input, output),
            refusal: None,
        };
        let charged =
            |input, output| answered(model, &request, &response(input, output), 1_000_000_000);
        // 120 and 60 tokens of o200k_base; the price list of October 2025: $2.50 and $10 for a
        // million.
        assert_eq!(charged(121, 61), 121 * 2_500 + 61 * 10_000);
        assert_eq!(charged(61, 31), 61 * 2_500 + 31 * 10_000);
        for (input, output) in [(0, 0), (0, 61), (121, 0), (1, 1), (121, 10), (20, 61)] {
            assert_eq!(charged(input, output), 1_000_000_000, "{input} {output}");
        }
        // Who charges more than the maximum is believed.
        assert!(charged(4_000_000_000, 61) > 1_000_000_000);
        // An answer without words may have no tokens.
        assert!(is_possible(0, [""].into_iter()) && !is_possible(0, ["x"].into_iter()));
        // One token for many bytes is possible: 64 spaces are one token.
        assert!(is_possible(1, [" ".repeat(64).as_str()].into_iter()));
    }
}
