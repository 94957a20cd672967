//! The entry points of the server, each of which may have a port of its own.
//!
//! Does not know: what they answer.

use crate::llm::wire::Provider;

/// An entry point that may have a port of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// LaunchDarkly: REST, streams and events.
    LaunchDarkly,
    /// A provider of models.
    Provider(Provider),
}

impl Door {
    /// LaunchDarkly's, and those of these providers.
    pub fn all(providers: &[Provider]) -> impl Iterator<Item = Self> {
        std::iter::once(Self::LaunchDarkly).chain(providers.iter().copied().map(Self::Provider))
    }

    /// Its name in the first line that `serve` prints.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LaunchDarkly => "launchdarkly",
            Self::Provider(provider) => provider.key,
        }
    }

    /// The environment variable that points clients at it, and its value: `url` is the port's
    /// address, and `shared` says whether the port is the one that all entry points share.
    #[must_use]
    pub fn variable(self, url: &str, shared: bool) -> (&'static str, String) {
        match self {
            Self::LaunchDarkly => ("LD_BASE_URL", url.to_owned()),
            Self::Provider(provider) => {
                (provider.base_variable, url.to_owned() + &base(provider, shared))
            }
        }
    }
}

/// Path of a provider's base address.
pub fn base(provider: Provider, shared: bool) -> String {
    let mount = if shared { provider.mount } else { "" };
    [mount, provider.base_path()].concat()
}
