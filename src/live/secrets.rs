//! Removes a secret from text that somebody else wrote, in the forms in which servers send a key
//! back.
//!
//! Forms: as it is; escaped as JSON text (once, and every character as `\u00..`); percent-encoded
//! (what has to be, and everything); base64 and base64url, wherever the secret stands in the
//! encoded text; hexadecimal.
//!
//! Does not know: which secrets there are.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// What stands in place of a secret.
const HIDDEN: &str = "[hidden]";
/// Characters of the shortest secret that is looked for: shorter ones are in ordinary text by
/// chance.
const SHORTEST: usize = 8;
/// Letters of the longest word that is taken for an ordinary one.
const LONGEST_WORD: usize = 20;

/// Whether ordinary text may hold this by chance, so that removing it would damage text and protect
/// nothing.
fn is_common(secret: &str) -> bool {
    secret.len() < SHORTEST
        || (secret.len() < LONGEST_WORD && secret.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

/// The forms of a secret, longest first, so that no form is cut into by another; none for a secret
/// that ordinary text may hold.
#[must_use]
pub fn forms(secret: &str) -> Vec<String> {
    if is_common(secret) {
        return Vec::new();
    }
    let each = |form: &dyn Fn(u8) -> String| secret.bytes().map(form).collect::<String>();
    let plain = |byte: u8| char::from(byte).to_string();
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let mut forms = vec![
        secret.to_owned(),
        each(&|byte| {
            if b"\"\\".contains(&byte) { format!("\\{}", char::from(byte)) } else { plain(byte) }
        }),
        each(&|byte| {
            if b"\"\\/".contains(&byte) { format!("\\{}", char::from(byte)) } else { plain(byte) }
        }),
        each(&|byte| format!("\\u{byte:04x}")),
        each(&|byte| format!("\\u{byte:04X}")),
        each(&|byte| if unreserved(byte) { plain(byte) } else { format!("%{byte:02X}") }),
        each(&|byte| if unreserved(byte) { plain(byte) } else { format!("%{byte:02x}") }),
        each(&|byte| format!("%{byte:02X}")),
        each(&|byte| format!("%{byte:02x}")),
        each(&|byte| format!("{byte:02x}")),
        each(&|byte| format!("{byte:02X}")),
    ];
    // In base64 a text looks different at each place modulo three; the characters at its ends
    // depend on its neighbours too.
    for before in 0..3 {
        let padded: Vec<u8> = std::iter::repeat_n(0, before).chain(secret.bytes()).collect();
        let first = (before * 8).div_ceil(6);
        let last = padded.len() * 8 / 6;
        for encoded in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            forms.extend(encoded.get(first..last).map(str::to_owned));
        }
    }
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms.dedup();
    forms
}

/// `text` without any of these forms of a secret.
#[must_use]
pub fn hidden(forms: &[String], text: &str) -> String {
    forms.iter().fold(text.to_owned(), |text, form| {
        if text.contains(form.as_str()) { text.replace(form.as_str(), HIDDEN) } else { text }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(secret: &str, text: &str) -> String {
        super::hidden(&forms(secret), text)
    }

    #[test]
    fn a_key_is_removed_in_every_form_that_a_server_sends_back() {
        let key = "sk-A/b+\"c\\d=9";
        // The encoded forms are written by hand or by other tools: `printf %s … | base64`, `jq -R`,
        // `python3 -m urllib.parse`.
        for text in [
            "key sk-A/b+\"c\\d=9.",
            r#"{"key":"sk-A/b+\"c\\d=9"}"#,
            r#"{"key":"sk-A\/b+\"c\\d=9"}"#,
            "q=sk-A%2Fb%2B%22c%5Cd%3D9&",
            "q=sk-A%2fb%2b%22c%5cd%3d9&",
            r"\u0073\u006b\u002d\u0041\u002f\u0062\u002b\u0022\u0063\u005c\u0064\u003d\u0039",
            "736b2d412f622b22635c643d39",
        ] {
            let clean = hidden(key, text);
            assert!(
                clean.contains(HIDDEN)
                    && !clean.contains("=9")
                    && !clean.contains("3d39")
                    && !clean.contains("3D9"),
                "{text}: {clean}"
            );
        }
        // base64 at each of the three places, as in a header `Basic user:key`.
        for (before, after) in [("", ""), ("u:", "x"), ("a", "yz"), ("Bearer ", "\n")] {
            for engine in [
                STANDARD_NO_PAD.encode(format!("{before}{key}{after}")),
                URL_SAFE_NO_PAD.encode(format!("{before}{key}{after}")),
            ] {
                let clean = hidden(key, &engine);
                assert!(clean.contains(HIDDEN), "{before}{key}{after}: {engine}");
            }
        }
    }

    #[test]
    fn common_words_stay() {
        for (key, text) in [
            ("a", "a key"),
            ("test", "a test of tests"),
            ("security", "security agent"),
            ("", "nothing"),
        ] {
            assert_eq!(hidden(key, text), text);
        }
        assert_eq!(hidden("abcdefghijabcdefghij", "abcdefghijabcdefghij"), HIDDEN);
        assert_eq!(hidden("planted1", "a planted1"), "a [hidden]");
    }
}
