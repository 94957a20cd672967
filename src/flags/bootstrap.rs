//! Bringing a project to what its specification says: the tutorial's scripts and manual steps, as
//! one procedure.
//!
//! Prerequisites are verified first, all of them; then what is missing is created and what differs
//! is updated, in the order in which one thing needs another. Nothing is deleted: a rule that the
//! specification does not have stays, behind its own. A second run finds nothing to do. The same
//! procedure serves the mock and the real service: it speaks the REST interface through
//! [`FlagAdmin`].
//!
//! Does not know: HTTP, or that there is a simulation.

mod design;
mod difference;
mod steps;
mod targeting;
mod verify;

use std::fmt;
use std::future::Future;
use std::task::{Context, Poll, Waker};

use super::api::{ApiError, ApiReply, Request};
use super::mock::Account;
use super::spec::ProjectSpec;

pub use difference::Difference;
pub use verify::{Existing, verify};

/// Whoever answers the REST interface: the seam between the mock and the real service.
pub trait FlagAdmin {
    /// Answers one request.
    ///
    /// # Errors
    /// What the service refuses, or that it cannot be reached.
    fn call(&mut self, request: Request) -> impl Future<Output = Result<ApiReply, ApiError>>;
}

/// The mock at one moment.
pub struct MockAdmin<'a> {
    /// The account.
    pub account: &'a mut Account,
    /// Unix time in milliseconds.
    pub now_ms: u64,
}

impl FlagAdmin for MockAdmin<'_> {
    async fn call(&mut self, request: Request) -> Result<ApiReply, ApiError> {
        self.account.handle(&request, self.now_ms)
    }
}

/// Whether to change anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootstrapMode {
    /// Only read, and say what would be done.
    Plan,
    /// Create what is missing, and leave what is there.
    Create,
    /// Create what is missing, and change what differs. Nothing is ever deleted.
    Apply,
}

/// What was done to a resource, or would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionKind {
    /// It did not exist.
    Created,
    /// It differed, and was changed.
    Updated,
    /// It differs, and was left.
    Differs,
    /// It was as it should be.
    Unchanged,
}

/// The kind of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// A project.
    Project,
    /// An environment.
    Environment,
    /// A tool.
    Tool,
    /// A model config.
    ModelConfig,
    /// A segment.
    Segment,
    /// An AI config.
    Config,
    /// A variation; its key is `config/variation`.
    Variation,
    /// The targeting of an AI config.
    Targeting,
    /// A graph of agents.
    AgentGraph,
    /// A metric.
    Metric,
    /// An experiment.
    Experiment,
}

impl Resource {
    /// Name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Environment => "environment",
            Self::Tool => "tool",
            Self::ModelConfig => "model config",
            Self::Segment => "segment",
            Self::Config => "AI config",
            Self::Variation => "variation",
            Self::Targeting => "targeting",
            Self::AgentGraph => "agent graph",
            Self::Metric => "metric",
            Self::Experiment => "experiment",
        }
    }
}

/// One line of the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// What was done.
    pub kind: ActionKind,
    /// To what kind of resource.
    pub resource: Resource,
    /// Its key.
    pub key: String,
    /// What in particular; may be empty.
    pub detail: String,
    /// How what was there differed.
    pub differences: Vec<Difference>,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.kind {
            ActionKind::Created => '+',
            ActionKind::Updated => '~',
            ActionKind::Differs => '!',
            ActionKind::Unchanged => '=',
        };
        write!(f, "{sign} {} {}", self.resource.name(), self.key)?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, ": {}", self.detail) }
    }
}

/// Why a project could not be brought to its specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BootstrapError {
    /// The specification cannot be fulfilled; nothing was changed. One sentence for each fault.
    Prerequisites(Vec<String>),
    /// A request failed. What came before it was done, and will not be done again by the next run.
    Refused {
        /// What was asked for.
        resource: Resource,
        /// Its key.
        key: String,
        /// The answer.
        error: ApiError,
    },
    /// A resource exists with a property that cannot be changed.
    Differs {
        /// What differs.
        resource: Resource,
        /// Its key.
        key: String,
        /// How.
        detail: String,
    },
}

impl fmt::Display for BootstrapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prerequisites(faults) => {
                write!(f, "the project cannot be set up: {}", faults.join("; "))
            }
            Self::Refused { resource, key, error } => {
                write!(f, "{} `{key}` was refused: {error}", resource.name())
            }
            Self::Differs { resource, key, detail } => {
                write!(
                    f,
                    "{} `{key}` exists already and cannot be changed: {detail}",
                    resource.name()
                )
            }
        }
    }
}

impl std::error::Error for BootstrapError {}

/// Brings a project to its specification and says what was done, or in [`BootstrapMode::Plan`] would be.
///
/// # Errors
/// When the specification contradicts itself or lacks what it refers to (then nothing was changed),
/// and when the service refuses a request.
pub async fn bootstrap(
    admin: &mut impl FlagAdmin,
    spec: &ProjectSpec,
    mode: BootstrapMode,
) -> Result<Vec<Action>, BootstrapError> {
    steps::BootstrapSession::new(admin, spec, mode).run().await
}

/// A mock account that holds `spec`, with the seeds that its experiments ask for, and what was done
/// for it.
///
/// # Errors
/// As [`bootstrap`].
pub fn mock_account(
    spec: &ProjectSpec,
    seed: crate::random::Seed,
    now_ms: u64,
) -> Result<(Account, Vec<Action>), BootstrapError> {
    let mut account = Account::new(seed);
    for experiment in &spec.experiments {
        if let Some(seed) = experiment.seed {
            account.fix_iteration_seed(&spec.key, &spec.environment, &experiment.key, seed);
        }
    }
    let actions = at_once(bootstrap(
        &mut MockAdmin { account: &mut account, now_ms },
        spec,
        BootstrapMode::Apply,
    ))?;
    Ok((account, actions))
}

/// Runs a future that waits for nothing, as every one does that has a mock behind it.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return done;
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod tutorial;
