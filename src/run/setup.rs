//! The bootstrap, and the flags that come out of it.
//!
//! Does not know: traffic.

use std::fmt;

use crate::context::{Attributes, KEY_EPOCH};
use crate::figure;
use crate::flags::bootstrap::{Action, BootstrapError, mock_account};
use crate::flags::compiled::{Compiled, UnreadableRuleset};
use crate::random::Seed;
use crate::scenario::Scenario;

/// Most answers and judgings of a paired design, all questions and variations together: each has
/// values of its own in memory until the analysis.
pub const MAX_PAIRED_VALUES: u64 = 20_000_000;

/// Why a scenario could not be set up.
#[derive(Debug)]
pub enum SetupError {
    /// The bootstrap was refused.
    Bootstrap(BootstrapError),
    /// The environment is not there after the bootstrap.
    NoEnvironment,
    /// An SDK could not read the flags.
    Unreadable(UnreadableRuleset),
    /// A paired design has more values than memory is meant for.
    TooLarge {
        /// How many questions were asked for.
        questions: u32,
        /// Answers and judgings of each question, over all variations.
        each: u64,
    },
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bootstrap(error) => write!(f, "the bootstrap failed: {error}"),
            Self::NoEnvironment => f.write_str("the bootstrap left no environment"),
            Self::Unreadable(UnreadableRuleset { item, reason }) => {
                write!(f, "an SDK could not read {item}: {reason}")
            }
            Self::TooLarge { questions, each } => {
                let most = (MAX_PAIRED_VALUES / each.max(&1)).max(1);
                write!(
                    f,
                    "{} questions with {} answers and judgings each are too many for a paired design; the limit is {} in all, so send at most {} questions, or lower `repeats` or `judgings`",
                    figure::count((*questions).into()),
                    figure::count(*each),
                    figure::count(MAX_PAIRED_VALUES),
                    figure::count(most)
                )
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
