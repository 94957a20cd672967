//! Identifiers in each provider's form, made from luck that is passed in.
//!
//! Promises: the same bits give the same id; a tool call's id is one that the provider would take
//! back.
//!
//! Does not know: a generator.

use crate::llm::chat::Provider;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The lowest `length` digits of `bits` in base 62; 22 of them hold all 128 bits.
#[expect(clippy::indexing_slicing, reason = "a remainder of 62 is below the 62 digits")]
fn base62(mut bits: u128, length: usize) -> String {
    let mut text = String::with_capacity(length);
    for _ in 0..length {
        text.push(char::from(DIGITS[(bits % 62) as usize]));
        bits /= 62;
    }
    text
}

/// The id of an answer: `msg_01…`, `chatcmpl-…`, or 32 hexadecimal digits.
#[must_use]
pub fn answer_id(provider: Provider, bits: u128) -> String {
    match provider {
        Provider::Anthropic => format!("msg_01{}", base62(bits, 22)),
        Provider::OpenAi => format!("chatcmpl-{}", base62(bits, 22)),
        Provider::Mistral => format!("{bits:032x}"),
    }
}

/// The id of a tool call: `toolu_01…`, `call_…`, or nine letters and digits (about 53 bits).
#[must_use]
pub fn tool_call_id(provider: Provider, bits: u128) -> String {
    match provider {
        Provider::Anthropic => format!("toolu_01{}", base62(bits, 22)),
        Provider::OpenAi => format!("call_{}", base62(bits, 22)),
        Provider::Mistral => base62(bits, 9),
    }
}

/// The id of a request: `req_…`, or a UUID's form.
#[must_use]
pub fn request_id(provider: Provider, bits: u128) -> String {
    match provider {
        Provider::Anthropic => format!("req_01{}", base62(bits, 22)),
        Provider::OpenAi => format!("req_{bits:032x}"),
        Provider::Mistral => {
            let hex = format!("{bits:032x}");
            [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_providers_forms() {
        assert_eq!(answer_id(Provider::Anthropic, 0), format!("msg_01{}", "0".repeat(22)));
        assert_eq!(answer_id(Provider::Mistral, 0xab), "000000000000000000000000000000ab");
        // 62^9 - 1 is the largest that nine digits hold.
        assert_eq!(tool_call_id(Provider::Mistral, 13_537_086_546_263_551), "zzzzzzzzz");
        assert_eq!(tool_call_id(Provider::Mistral, u128::MAX).len(), 9);
        assert_eq!(request_id(Provider::Mistral, 1), "00000000-0000-0000-0000-000000000001");
        let [a, b] = [u128::MAX, u128::MAX - 1].map(|bits| tool_call_id(Provider::OpenAi, bits));
        assert_ne!(a, b);
    }
}
