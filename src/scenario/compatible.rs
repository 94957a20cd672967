//! Providers that a scenario names by their address: what is wrong with one, and the provider.
//!
//! Does not know: which models they serve; `overrides` does.

use super::faults::Faults;
use super::source::WrittenCompatible;
use super::spanned::Spanned;
use crate::llm::wire::address::{is_address, is_loopback};
use crate::llm::wire::{PROVIDERS, Provider, compatible, compatible_variable};

/// Longest name of a provider or a variable.
const MAX_NAME: usize = 60;

/// The provider that is written so; none where something is wrong with it. `known` are those of the
/// models before.
pub fn provider(
    written: &WrittenCompatible,
    known: &mut Vec<Provider>,
    faults: &mut Faults<'_>,
) -> Option<Provider> {
    let before = faults.count();
    let (name, base) = (&written.name, &written.base);
    check_name(name, faults);
    check_base(name, &base.value, faults);
    let key = written.key.as_ref().map(|key| key.value.clone());
    if let Some(key) = &key {
        check_variable(name, key, faults);
    }
    if faults.count() > before {
        return None;
    }
    let key = key.unwrap_or_else(|| compatible_variable(&name.value, "API_KEY"));
    let provider = compatible(&name.value, base.value.trim_end_matches('/'), &key);
    let other = known.iter().find(|other| {
        **other == provider
            && (other.base, other.key_variable) != (provider.base, provider.key_variable)
    });
    if let Some(other) = other {
        faults.add(
            format!("the provider `{}` has two addresses or keys", name.value),
            &name.span,
            format!("before, it is at {} with {}", other.base, other.key_variable),
            Some("write the same `base` and `key`, or give one of them another name".to_owned()),
        );
        return None;
    }
    known.push(provider);
    Some(provider)
}

fn check_name(name: &Spanned<String>, faults: &mut Faults<'_>) {
    let text = name.value.as_str();
    let valid = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.ends_with('-')
        && text.len() <= MAX_NAME;
    if !valid {
        faults.add(
            format!("`{text}` cannot be the name of a provider"),
            &name.span,
            "not a name",
            Some(format!("write lower-case letters, digits and dashes, beginning with a letter, and at most {MAX_NAME} of them, such as \"groq\"")),
        );
        return;
    }
    let taken = PROVIDERS.iter().find(|known| {
        [known.key, known.name, known.mount.trim_start_matches('/')]
            .iter()
            .any(|other| other.eq_ignore_ascii_case(text))
    });
    if let Some(known) = taken {
        faults.add(
            format!("the name `{text}` is that of {}", known.name),
            &name.span,
            "this provider is built in",
            Some(format!(
                "write `provider: {}` instead of `compatible`; for its models at another address, choose another name",
                known.variant
            )),
        );
    }
}

/// Checks the address of the provider of this name. One that is none may hold a key, so neither the
/// message repeats it nor are its lines shown.
fn check_base(name: &Spanned<String>, text: &str, faults: &mut Faults<'_>) {
    let at = format!("the `base` of `{}`", name.value);
    if !is_address(text) {
        faults.add(
            format!("{at} is not an address"),
            &(0..0),
            "",
            Some("write https://, a host and the path up to the version, without a key, `?` or `@`, such as \"https://api.groq.com/openai/v1\"".to_owned()),
        );
    } else if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:/[]".contains(&b)) {
        faults.add(
            format!("the `base` of `{}` holds a character that no base address has", name.value),
            &name.span,
            "of this provider",
            Some("write letters, digits, `-`, `.`, `_`, `~`, `:` and `/` alone".to_owned()),
        );
    } else if text.trim_end_matches('/').ends_with("/chat/completions") {
        faults.add(
            format!("{at} is the address of chats"),
            &name.span,
            "of this provider",
            Some("leave out `/chat/completions`: simlab adds it".to_owned()),
        );
    } else if text.starts_with("http://") && !is_loopback(text) {
        faults.add(
            format!("{at} begins with http:// and would send the key unencrypted"),
            &name.span,
            "of this provider",
            Some("write https://, or an address of this machine".to_owned()),
        );
    }
}

/// Checks the name of the variable with the key of the provider of this name. It may be the key
/// itself, so it is not shown either.
fn check_variable(name: &Spanned<String>, text: &str, faults: &mut Faults<'_>) {
    let letter = |b: u8| b.is_ascii_uppercase() || b == b'_';
    let valid = text.bytes().next().is_some_and(letter)
        && text.bytes().all(|b| letter(b) || b.is_ascii_digit())
        && text.len() <= MAX_NAME;
    if !valid {
        faults.add(
            format!("the `key` of `{}` is not the name of an environment variable", name.value),
            &(0..0),
            "",
            Some("write the name of the variable that holds the key, in capitals, such as \"GROQ_API_KEY\"; never write a key into a scenario".to_owned()),
        );
    }
}
