//! Keys and addresses, as the environment gives them.
//!
//! Guarantees: a key is never shown: neither `Debug` nor any error of ours holds one. What is
//! missing is named, all of it at once.
//!
//! Does not know: whether a key is any good.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::llm::wire::Provider;
use crate::llm::wire::address::{is_address, is_loopback};

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    text: String,
    /// Its forms, since every answer is searched for them.
    forms: Arc<[String]>,
}

impl Secret {
    /// Keeps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { forms: super::secrets::forms(&text).into(), text }
    }

    /// The text, for the one header that it belongs into.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// `text` without the secret in any of its forms (see `live::secrets`), for whatever a server
    /// sends back. A secret that ordinary text may hold by chance is left alone: one of fewer than
    /// 8 characters, or one word of fewer than 20 letters.
    #[must_use]
    pub fn hidden_in(&self, text: &str) -> String {
        super::secrets::hidden(&self.forms, text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// Where a provider is and how to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The key.
    pub key: Secret,
    /// The base address, without a slash at the end.
    pub base: String,
    /// Whether this is the provider's own address.
    pub official: bool,
}

/// Where LaunchDarkly is and how to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagAccess {
    /// Key of the environment's server-side SDKs.
    pub sdk_key: Secret,
    /// Token of the REST interface.
    pub api_key: Secret,
    /// One address for everything (stream, events and REST), without a slash at the end; `None`:
    /// LaunchDarkly's own.
    pub base: Option<String>,
}

impl FlagAccess {
    /// Whether the address is on this very machine: then nothing is real, and users may have the
    /// simulator's keys.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.base.as_deref().is_some_and(is_loopback)
    }

    /// Whether requests never go through a proxy: they stay on this machine, or would travel
    /// unencrypted.
    #[must_use]
    pub fn goes_direct(&self) -> bool {
        self.base.as_deref().is_some_and(goes_direct)
    }

    /// `text` without either key.
    #[must_use]
    pub fn hidden_in(&self, text: &str) -> String {
        self.sdk_key.hidden_in(&self.api_key.hidden_in(text))
    }
}

/// Everything that a live run takes from its environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveEnvironment {
    /// LaunchDarkly.
    pub flags: FlagAccess,
    /// The providers that the scenario asks.
    providers: BTreeMap<Provider, Access>,
}

/// The address of a provider.
fn base(provider: Provider, variable: impl Fn(&str) -> Option<String>) -> String {
    let own = variable(provider.base_variable).map(|base| base.trim().to_owned());
    let own = own.filter(|base| !base.is_empty());
    own.map_or_else(|| provider.base.to_owned(), |base| base.trim_end_matches('/').to_owned())
}

/// Where requests to a provider go.
#[must_use]
pub fn address(provider: Provider, variable: impl Fn(&str) -> Option<String>) -> String {
    base(provider, variable)
}

/// Whether requests to a provider go to its own address.
#[must_use]
pub fn is_official(provider: Provider, variable: impl Fn(&str) -> Option<String>) -> bool {
    base(provider, variable) == provider.base
}

/// Reads the environment for these providers, through `variable`; a variable that is set to nothing
/// counts as not set.
///
/// # Errors
/// One sentence for each variable that is missing or cannot be an address.
pub fn read(
    providers: &[Provider],
    variable: impl Fn(&str) -> Option<String>,
) -> Result<LiveEnvironment, Vec<String>> {
    let mut faults = Vec::new();
    let set = |name: &str| {
        variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    };
    let mut key = |name: &str, what: &str| {
        let value = set(name);
        match &value {
            None => faults.push(format!("{name} is not set: {what}")),
            // It would break the header, and whoever reads the error shall not see the rest.
            Some(value) if !value.bytes().all(|byte| byte.is_ascii_graphic()) => {
                faults.push(format!(
                    "{name} holds a character that no key has (a space, a line break, or not ASCII)"
                ));
            }
            Some(_) => {}
        }
        Secret::new(value.unwrap_or_default())
    };
    let sdk_key = key("LD_SDK_KEY", "the server-side SDK key of the LaunchDarkly environment");
    let api_key = key("LD_API_KEY", "a LaunchDarkly access token with the writer role");
    let mut access = BTreeMap::new();
    for &provider in &providers.iter().copied().collect::<BTreeSet<_>>() {
        let base = base(provider, &variable);
        let key = key(provider.key_variable, "the scenario asks this provider's models");
        access.insert(provider, Access { key, official: base == provider.base, base });
    }
    let base = set("LD_BASE_URL").map(|base| base.trim_end_matches('/').to_owned());
    let addresses =
        access.iter().map(|(provider, access)| (provider.base_variable, access.base.as_str()));
    for (name, address) in addresses.chain(base.as_deref().map(|base| ("LD_BASE_URL", base))) {
        if !is_address(address) {
            faults.push(format!("{name} is no address that a request could go to: expected http://… or https://…, without a key in it"));
        } else if address.starts_with("http://") && !is_loopback(address) {
            faults.push(format!(
                "{name} would send keys unencrypted: use https://, or an address of this machine"
            ));
        }
    }
    if faults.is_empty() {
        Ok(LiveEnvironment { flags: FlagAccess { sdk_key, api_key, base }, providers: access })
    } else {
        Err(faults)
    }
}

/// Reads what the REST interface of LaunchDarkly needs, and nothing more: no SDK key has to be set.
///
/// # Errors
/// As [`read`].
pub fn read_rest(variable: impl Fn(&str) -> Option<String>) -> Result<FlagAccess, Vec<String>> {
    let sdk_key = variable("LD_SDK_KEY").map(|key| key.trim().to_owned()).unwrap_or_default();
    let instead =
        |name: &str| if name == "LD_SDK_KEY" { Some("unused".to_owned()) } else { variable(name) };
    let flags = read(&[], instead)?.flags;
    Ok(FlagAccess { sdk_key: Secret::new(sdk_key), ..flags })
}

/// Reads what sending events to LaunchDarkly needs, and nothing more: no access token has to be
/// set.
///
/// # Errors
/// As [`read`].
pub fn read_events(variable: impl Fn(&str) -> Option<String>) -> Result<FlagAccess, Vec<String>> {
    let instead =
        |name: &str| if name == "LD_API_KEY" { Some("unused".to_owned()) } else { variable(name) };
    let flags = read(&[], instead)?.flags;
    Ok(FlagAccess { api_key: Secret::new(""), ..flags })
}

impl LiveEnvironment {
    /// Access to a provider; `None` where the scenario does not need it.
    #[must_use]
    pub fn provider(&self, provider: Provider) -> Option<&Access> {
        self.providers.get(&provider)
    }

    /// The providers that the scenario asks, with the access to each.
    pub fn providers(&self) -> impl Iterator<Item = (Provider, &Access)> {
        self.providers.iter().map(|(provider, access)| (*provider, access))
    }

    /// All secrets, for whoever has to keep a text free of them.
    #[must_use]
    pub fn secrets(&self) -> Vec<Secret> {
        // Taken apart by name, so that no later field can be forgotten here.
        let Self { flags: FlagAccess { sdk_key, api_key, base: _ }, providers } = self;
        let keys = providers.values().map(|access| access.key.clone());
        keys.chain([sdk_key.clone(), api_key.clone()]).collect()
    }
}

/// Whether requests to this address never go through a proxy: it is on this machine, or would
/// travel unencrypted.
#[must_use]
pub fn goes_direct(address: &str) -> bool {
    address.starts_with("http://") || is_loopback(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::wire::anthropic::ANTHROPIC;
    use crate::llm::wire::mistral::MISTRAL;
    use crate::llm::wire::openai::OPENAI;

    fn from(
        pairs: &[(&str, &str)],
        providers: &[Provider],
    ) -> Result<LiveEnvironment, Vec<String>> {
        read(providers, |name| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn everything_that_is_missing_is_named_and_nothing_else() {
        let faults = from(&[("LD_SDK_KEY", " "), ("OPENAI_API_KEY", "sk-1")], &[OPENAI, ANTHROPIC])
            .unwrap_err();
        let names: Vec<&str> =
            faults.iter().map(|fault| fault.split(' ').next().unwrap()).collect();
        assert_eq!(names, ["LD_SDK_KEY", "LD_API_KEY", "ANTHROPIC_API_KEY"]);
    }

    #[test]
    fn addresses_are_taken_as_they_are_and_nothing_goes_out_in_the_clear() {
        let keys = [("LD_SDK_KEY", "s"), ("LD_API_KEY", "a"), ("OPENAI_API_KEY", "secret-key")];
        let own = from(&keys, &[OPENAI]).unwrap();
        assert!(
            own.provider(OPENAI).is_some_and(|access| access.official)
                && own.provider(MISTRAL).is_none()
        );
        assert!(!own.flags.is_loopback() && !format!("{own:?}").contains("secret-key"));
        let with = |name, value| from(&[&keys[..], &[(name, value)]].concat(), &[OPENAI]);
        let local = with("OPENAI_BASE_URL", "http://127.0.0.1:8080/v1/").unwrap();
        assert_eq!(
            local.provider(OPENAI).map(|access| (access.base.as_str(), access.official)),
            Some(("http://127.0.0.1:8080/v1", false))
        );
        for (base, loopback) in [
            ("http://[::1]:80", true),
            ("http://localhost:1", true),
            ("https://relay.example", false),
        ] {
            assert_eq!(with("LD_BASE_URL", base).unwrap().flags.is_loopback(), loopback, "{base}");
        }
        for bad in [
            "http://example.com/v1",
            "ftp://x",
            "example.com",
            "https://",
            "https://user:password@example.com",
            "http://127.0.0.1.example.com",
        ] {
            let faults = with("OPENAI_BASE_URL", bad).unwrap_err();
            assert!(
                faults.len() == 1
                    && faults[0].starts_with("OPENAI_BASE_URL")
                    && !faults[0].contains("password"),
                "{faults:?}"
            );
        }
    }

    #[test]
    fn the_rest_interface_asks_for_its_token_alone() {
        let from = |pairs: &[(&str, &str)]| {
            read_rest(|name| {
                pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let faults = from(&[]).unwrap_err();
        assert!(faults.len() == 1 && faults[0].starts_with("LD_API_KEY is not set"), "{faults:?}");
        assert!(from(&[("LD_API_KEY", "a"), ("LD_BASE_URL", "http://example.com")]).is_err());
        assert_eq!(from(&[("LD_API_KEY", "a")]).unwrap().hidden_in("a key unused"), "a key unused");
        assert_eq!(
            from(&[("LD_API_KEY", "api-tok1"), ("LD_SDK_KEY", "sdk-key1")])
                .unwrap()
                .hidden_in("api-tok1 sdk-key1"),
            "[hidden] [hidden]"
        );
    }

    #[test]
    fn keys_do_not_go_through_a_proxy_to_this_machine_or_unencrypted() {
        for (address, direct) in [
            ("http://127.0.0.1:8765/v1/messages", true),
            ("https://localhost:1/v1", true),
            ("http://example.com/", true),
            ("https://api.anthropic.com/v1/messages", false),
        ] {
            assert_eq!(goes_direct(address), direct, "{address}");
        }
    }

    #[test]
    fn a_key_that_could_not_be_sent_is_refused_unseen() {
        let faults = from(&[("LD_SDK_KEY", "se cret"), ("LD_API_KEY", "a")], &[]).unwrap_err();
        assert!(
            faults.len() == 1 && !faults[0].contains("cret:") && !faults[0].contains("se cret"),
            "{faults:?}"
        );
    }
}
