//! The bootstrap, and the flags that come out of it.
//!
//! Does not know: traffic.

use std::fmt;

use crate::context::{Attributes, KEY_EPOCH};
use crate::flags::bootstrap::{Action, BootstrapError, mock_account};
use crate::flags::compiled::{Compiled, Unreadable};
use crate::random::Seed;
use crate::scenario::Scenario;

/// Why a scenario could not be set up.
#[derive(Debug)]
pub enum SetupError {
    /// The bootstrap was refused.
    Bootstrap(BootstrapError),
    /// The environment is not there after the bootstrap.
    NoEnvironment,
    /// An SDK could not read the flags.
    Unreadable(Unreadable),
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bootstrap(error) => write!(f, "the bootstrap failed: {error}"),
            Self::NoEnvironment => f.write_str("the bootstrap left no environment"),
            Self::Unreadable(Unreadable { item, reason }) => {
                write!(f, "an SDK could not read {item}: {reason}")
            }
        }
    }
}

impl std::error::Error for SetupError {}

/// Brings a mock LaunchDarkly to what the scenario needs, and compiles its flags for the scenario's
/// audience.
///
/// # Errors
/// When the mock refuses something, or its flags cannot be read.
pub fn bootstrap(scenario: &Scenario, seed: Seed) -> Result<(Compiled, Vec<Action>), SetupError> {
    let project = &scenario.project;
    let (account, actions) =
        mock_account(project, seed, u64::from(KEY_EPOCH) * 1000).map_err(SetupError::Bootstrap)?;
    let ruleset =
        account.ruleset(&project.key, &project.environment).ok_or(SetupError::NoEnvironment)?;
    let attribute_sets: Vec<Attributes> =
        scenario.traffic.audience.iter().map(|group| group.attributes.clone()).collect();
    let keys: Vec<&str> = scenario.configs.iter().map(|config| config.key.as_str()).collect();
    let compiled =
        Compiled::new(&ruleset, &keys, &attribute_sets).map_err(SetupError::Unreadable)?;
    Ok((compiled, actions))
}
