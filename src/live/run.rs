//! A live run, step by step: what LaunchDarkly lacks, what the run is expected to cost, what is
//! created, and the run itself.
//!
//! Guarantees: nothing is created before [`LiveRun::apply`], and no model is asked before
//! [`gather`](super::gather) is given the session that [`LiveRun::begin`] returns.
//!
//! Does not know: how a person is asked, and where the run's files are.

use std::fmt;
use std::path::PathBuf;
use std::rc::Rc;

use crate::flags::bootstrap::{ActionKind, BootstrapError};
use crate::live::conduct::LiveContext;
use crate::live::environment::LiveEnvironment;
use crate::live::estimate::{CostEstimate, estimate};
use crate::live::journal::Journal;
use crate::live::launchdarkly::{self, ProjectPlan, RestAdmin};
use crate::live::net::{Http, Net};
use crate::live::recording::{RecordedLine, Recording, Run};
use crate::live::{
    Budget, EmbeddingCache, LiveServices, OwnTools, PaperSearch, Providers, Service, Session,
    counterparts, embeddings, preflight,
};
use crate::report::{Counterpart, Ordered};
use crate::run::{PreparedScenario, SetupError};
use crate::traffic::TrafficMode;

/// Why a live run cannot begin, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveError(String);

impl fmt::Display for LiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LiveError {}

impl From<BootstrapError> for LiveError {
    fn from(error: BootstrapError) -> Self {
        Self(error.to_string())
    }
}

/// What a live run may do and where it keeps things.
#[derive(Debug)]
pub struct Limits {
    /// The budget, in nano-dollars, of all sittings of the run together.
    pub most_nano_usd: u64,
    /// The folder in which vectors are kept from run to run, if they are.
    pub vectors: Option<PathBuf>,
    /// The tools that are asked at addresses of their own.
    pub tools: OwnTools,
    /// The network to the providers; `None`: the real one.
    pub net: Option<Rc<dyn Net>>,
}

/// A live run that is about to begin or to go on.
pub struct LiveRun<'a> {
    stage: &'a PreparedScenario<'a>,
    environment: &'a LiveEnvironment,
    admin: RestAdmin,
}

impl<'a> LiveRun<'a> {
    /// A run on this stage, with these keys and addresses. Nothing is sent yet.
    ///
    /// # Errors
    /// When LaunchDarkly's REST interface cannot be spoken to with them.
    pub fn new(
        stage: &'a PreparedScenario<'a>,
        environment: &'a LiveEnvironment,
    ) -> Result<Self, LiveError> {
        let admin =
            RestAdmin::new(&environment.flags).map_err(|error| LiveError(error.to_string()))?;
        Ok(Self { stage, environment, admin })
    }

    /// What LaunchDarkly lacks and in what it differs. Changes nothing.
    ///
    /// # Errors
    /// When LaunchDarkly cannot be asked, or the scenario cannot be set up.
    pub async fn plan(&mut self) -> Result<ProjectPlan, LiveError> {
        Ok(launchdarkly::plan(&mut self.admin, &self.stage.scenario.project).await?)
    }

    /// What stands at each address that the run goes to.
    pub async fn counterparts(&self) -> Ordered<Counterpart> {
        counterparts::counterparts(self.environment).await
    }

    /// What the run is expected to cost. `progress` hears how many simulated runs are done.
    ///
    /// # Errors
    /// When the mock LaunchDarkly refuses what the scenario asks of it.
    pub fn estimate(
        &self,
        users: u32,
        progress: impl FnMut(u64),
    ) -> Result<CostEstimate, SetupError> {
        estimate(self.stage, self.stage.seed, users, progress)
    }

    /// Creates what is missing in LaunchDarkly and, if `change`, changes what differs; a line for
    /// each thing that was done.
    ///
    /// # Errors
    /// When LaunchDarkly refuses something, or an experiment does not run afterwards.
    pub async fn apply(&mut self, change: bool) -> Result<Vec<String>, LiveError> {
        let project = &self.stage.scenario.project;
        let actions = launchdarkly::apply(&mut self.admin, project, change).await?;
        let unstarted = launchdarkly::unstarted(&mut self.admin, project)
            .await
            .map_err(|error| LiveError(error.to_string()))?;
        if !unstarted.is_empty() {
            return Err(LiveError(format!(
                "not started in LaunchDarkly: {}",
                unstarted.join(", ")
            )));
        }
        Ok(actions
            .iter()
            .filter(|action| action.kind != ActionKind::Unchanged)
            .map(ToString::to_string)
            .collect())
    }

    /// The first line of a sitting: it says that a run begins or goes on.
    ///
    /// # Errors
    /// When the journal cannot be written, or is not one of this run.
    pub fn open(
        run: &Run,
        recording: &mut Recording,
        journal: &mut Journal,
    ) -> Result<(), LiveError> {
        let first = if recording.run.is_none() {
            RecordedLine::Run(run.clone())
        } else {
            RecordedLine::Resumed
        };
        journal.write(&first).map_err(|error| LiveError(error.to_string()))?;
        recording.take(first).map_err(LiveError)
    }

    /// Connects to LaunchDarkly and prepares the providers' clients. What `recording` holds is not
    /// asked again; `variable` gives the environment's variables; without a `journal` nothing is
    /// written down.
    ///
    /// # Errors
    /// When flags do not come, or a client cannot be made.
    pub async fn begin(
        &self,
        run: Run,
        recording: Recording,
        journal: Option<Journal>,
        limits: Limits,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Session<'a, Service<'a>>, LiveError> {
        let (scenario, environment) = (self.stage.scenario, self.environment);
        let workers = match scenario.traffic.mode {
            TrafficMode::Concurrent { workers } => workers,
            TrafficMode::Sequential { .. } => 1,
        };
        let flags =
            Service::start(&environment.flags, scenario, run.users).await.map_err(LiveError)?;
        let embedder =
            embeddings::provider().and_then(|(provider, _)| environment.provider(provider));
        let vectors_from = embedder.map_or("", |access| access.base.as_str());
        let net = match limits.net {
            Some(net) => net,
            None => Rc::new(Http::new().map_err(LiveError)?),
        };
        let world = LiveServices {
            providers: Providers::over(net, environment, workers).map_err(LiveError)?,
            papers: Rc::new(PaperSearch::new(variable).map_err(LiveError)?),
            tools: limits.tools,
            shelf: EmbeddingCache::new(limits.vectors, vectors_from),
            embedding: tokio::sync::Mutex::default(),
            flags,
            budget: Budget::new(limits.most_nano_usd, recording.spent_nano_usd()),
        };
        Ok(Session::new(self.stage, run, Some(world), recording, journal))
    }

    /// What the report says of who stood behind the run; `actions` is what [`Self::apply`] did.
    #[must_use]
    pub fn context(
        &self,
        most_nano_usd: u64,
        actions: Vec<String>,
        other_side: Ordered<Counterpart>,
    ) -> LiveContext {
        let scenario = self.stage.scenario;
        let base = self.environment.flags.base.as_deref();
        let names = preflight::providers(scenario)
            .into_iter()
            .map(|provider| provider.name)
            .collect::<Vec<_>>()
            .join(", ");
        let (project, place) = (&scenario.project.key, &scenario.project.environment);
        let page =
            |key: &String| (key.clone(), launchdarkly::experiment_page(base, project, place, key));
        LiveContext {
            most_nano_usd: Some(most_nano_usd),
            backends: vec![
                ("models".to_owned(), names),
                ("LaunchDarkly".to_owned(), base.unwrap_or("live").to_owned()),
            ],
            bootstrap: actions,
            other_side,
            pages: scenario
                .experiments()
                .into_iter()
                .map(|experiment| page(&experiment.key))
                .collect(),
        }
    }
}
