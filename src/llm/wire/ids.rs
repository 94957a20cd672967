//! Digits for identifiers, made from random bits that are passed in; each provider has its own
//! forms.
//!
//! Guarantees: the same bits give the same id; a tool call's id is one that the provider would take
//! back.
//!
//! Does not know: a generator.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The lowest `length` digits of `bits` in base 62; 22 of them hold all 128 bits.
#[expect(clippy::indexing_slicing, reason = "a remainder of 62 is below the 62 digits")]
pub(super) fn base62(mut bits: u128, length: usize) -> String {
    let mut text = String::with_capacity(length);
    for _ in 0..length {
        text.push(char::from(DIGITS[(bits % 62) as usize]));
        bits /= 62;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::anthropic::ANTHROPIC;
    use super::super::mistral::MISTRAL;
    use super::super::openai::OPENAI;

    #[test]
    fn ids_have_the_providers_forms() {
        assert_eq!(ANTHROPIC.api.answer_id(0), format!("msg_01{}", "0".repeat(22)));
        assert_eq!(MISTRAL.api.answer_id(0xab), "000000000000000000000000000000ab");
        // 62^9 - 1 is the largest that nine digits hold.
        assert_eq!(MISTRAL.api.tool_call_id(13_537_086_546_263_551), "zzzzzzzzz");
        assert_eq!(MISTRAL.api.tool_call_id(u128::MAX).len(), 9);
        assert_eq!(MISTRAL.api.request_id(1), "00000000-0000-0000-0000-000000000001");
        let [a, b] = [u128::MAX, u128::MAX - 1].map(|bits| OPENAI.api.tool_call_id(bits));
        assert_ne!(a, b);
    }
}
