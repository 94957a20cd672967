//! Bringing a real project to what a scenario needs: shown first, then done.
//!
//! Guarantees: a plan only reads. Nothing that exists is changed unless that is asked for, and
//! nothing is ever deleted.
//!
//! Does not know: who is asked whether to go on.

use serde_json::Value;

use crate::flags::api::{ApiError, Request};
use crate::flags::bootstrap::{
    Action, ActionKind, BootstrapError, BootstrapMode, FlagAdmin, Resource, bootstrap,
};
use crate::flags::spec::ProjectSpec;

/// How often it is begun again after somebody else created something at the same moment.
const RACES: u32 = 3;

/// What would be done to a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectPlan {
    /// One for each resource that the scenario needs.
    pub actions: Vec<Action>,
}

impl ProjectPlan {
    fn count(&self, kinds: &[ActionKind]) -> usize {
        self.actions.iter().filter(|action| kinds.contains(&action.kind)).count()
    }

    /// How many resources are missing.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.count(&[ActionKind::Created])
    }

    /// How many resources exist and differ.
    #[must_use]
    pub fn differing(&self) -> usize {
        self.count(&[ActionKind::Updated, ActionKind::Differs])
    }
}

/// What a project lacks and in what it differs. Only reads.
///
/// # Errors
/// As [`bootstrap`].
pub async fn plan(
    admin: &mut impl FlagAdmin,
    spec: &ProjectSpec,
) -> Result<ProjectPlan, BootstrapError> {
    Ok(ProjectPlan { actions: bootstrap(admin, spec, BootstrapMode::Plan).await? })
}

/// Creates what is missing and, if `change`, changes what differs; experiments are started. What
/// was done, resource by resource; something that somebody else created at the same moment counts
/// as unchanged.
///
/// # Errors
/// As [`bootstrap`]. What was done before stays done, and is not done again by the next attempt.
pub async fn apply(
    admin: &mut impl FlagAdmin,
    spec: &ProjectSpec,
    change: bool,
) -> Result<Vec<Action>, BootstrapError> {
    let mode = if change { BootstrapMode::Apply } else { BootstrapMode::Create };
    let mut races = 0;
    loop {
        match bootstrap(admin, spec, mode).await {
            Err(BootstrapError::Refused { error, .. }) if error.status == 409 && races < RACES => {
                races += 1
            }
            other => return other,
        }
    }
}

/// One sentence for each experiment of the project that is not running.
///
/// # Errors
/// What the service refuses, or that it cannot be reached.
pub async fn unstarted(
    admin: &mut impl FlagAdmin,
    spec: &ProjectSpec,
) -> Result<Vec<String>, ApiError> {
    let mut sentences = Vec::new();
    for experiment in &spec.experiments {
        let path = format!(
            "projects/{}/environments/{}/experiments/{}",
            spec.key, spec.environment, experiment.key
        );
        let found = match admin.call(Request::get(path)).await {
            Ok(reply) => reply.body,
            Err(error) if error.status == 404 => Value::Null,
            Err(error) => return Err(error),
        };
        let name = Resource::Experiment.name();
        match found.pointer("/currentIteration/status").and_then(Value::as_str) {
            Some("running") => {}
            Some(status) => sentences.push(format!(
                "{name} `{}` is not running: its iteration is {status}",
                experiment.key
            )),
            None if found.is_null() => {
                sentences.push(format!("{name} `{}` does not exist", experiment.key))
            }
            None => sentences
                .push(format!("{name} `{}` is not running: it has no iteration", experiment.key)),
        }
    }
    Ok(sentences)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::api::{ApiReply, HttpMethod};
    use crate::flags::bootstrap::MockAdmin;
    use crate::flags::mock::Account;
    use crate::random::Seed;
    use crate::scenario::load;

    /// Somebody who creates a segment and a metric just before we do.
    struct Race<'a> {
        mock: MockAdmin<'a>,
        met: u32,
    }

    impl FlagAdmin for Race<'_> {
        async fn call(&mut self, request: Request) -> Result<ApiReply, ApiError> {
            let contested =
                request.path.starts_with("segments/") || request.path.starts_with("metrics/");
            if request.method == HttpMethod::Post && contested && self.met < 2 {
                self.met += 1;
                self.mock.call(request.clone()).await?;
            }
            self.mock.call(request).await
        }
    }

    #[tokio::test]
    async fn what_somebody_else_creates_at_the_same_moment_is_taken_as_it_is() {
        let spec = load("security").map(|loaded| loaded.scenario.project).unwrap();
        let mut account = Account::new(Seed(7));
        let mut race =
            Race { mock: MockAdmin { account: &mut account, now_ms: 1_760_000_000_000 }, met: 0 };
        assert_eq!(
            unstarted(&mut race, &spec).await.unwrap(),
            ["experiment `security-level` does not exist"]
        );
        let done = apply(&mut race, &spec, true).await.unwrap();
        assert!(race.met == 2 && done.iter().all(|action| action.kind != ActionKind::Differs));
        let plan = plan(&mut race, &spec).await.unwrap();
        assert_eq!((plan.missing(), plan.differing()), (0, 0), "{plan:?}");
        assert_eq!(unstarted(&mut race, &spec).await.unwrap(), Vec::<String>::new());
    }
}
