//! Experiments: created as a draft, started, stopped.
//!
//! Starting draws the iteration's seed and turns its rule into an experiment rollout; stopping lets
//! the rule serve the winner. The flag's version rises with each.
//!
//! Guarantees: an experiment starts only where nothing else holds the config's rule and no guarded
//! rollout runs on the config.
//!
//! Does not know: results.

use serde_json::{Value, json};

use super::account::{Account, Project};
use super::body::{self, Fields};
use super::ids::{IdGenerator, Identifiers};
use super::iterations::{Iteration, IterationStatus};
use super::people::MEMBER;
use super::targeting::{Holder, Serve};
use crate::flags::api::ApiError;
use crate::flags::members::put;
use crate::random::Seed;

/// An experiment in one environment.
#[derive(Clone, Debug)]
pub struct MockExperiment {
    pub(super) path: String,
    id: String,
    pub(super) key: String,
    pub(super) name: String,
    description: String,
    environment: String,
    created_ms: u64,
    pub(super) methodology: String,
    pub(super) analysis: Value,
    tags: Vec<String>,
    archived_ms: Option<u64>,
    draft: Option<Iteration>,
    /// Running or stopped, the latest last.
    pub(super) iterations: Vec<Iteration>,
    minted: u64,
}

/// The path of an experiment.
pub fn path(project: &str, environment: &str, key: &str) -> String {
    format!("projects/{project}/environments/{environment}/experiments/{key}")
}

/// The seed that the first iteration of an experiment draws in an account with this seed.
#[must_use]
pub fn first_seed(account: Seed, project: &str, environment: &str, experiment: &str) -> i64 {
    Identifiers(account).seed(&iteration_path(&path(project, environment, experiment), 1))
}

fn iteration_path(experiment: &str, nth: usize) -> String {
    format!("{experiment}/iterations/{nth}")
}

impl Account {
    pub(super) fn create_experiment(
        &mut self,
        project: &str,
        environment: &str,
        body: &Value,
        now_ms: u64,
    ) -> Result<Value, ApiError> {
        let holder = self.project(project)?;
        let key = Fields::of(body)?.key()?;
        if holder.environment(environment)?.experiments.contains_key(key) {
            return Err(ApiError::exists("experiment", key));
        }
        let experiment =
            MockExperiment::create(holder, project, environment, body, &self.ids, now_ms)?;
        let json = experiment.rest("");
        self.project_mut(project)?
            .environment_mut(environment)?
            .experiments
            .insert(key.to_owned(), experiment);
        Ok(json)
    }

    pub(super) fn experiment(
        &self,
        project: &str,
        environment: &str,
        key: &str,
    ) -> Result<&MockExperiment, ApiError> {
        let found = self.project(project)?.environment(environment)?.experiments.get(key);
        found.ok_or_else(|| ApiError::not_found("experiment", key))
    }

    pub(super) fn draft_iteration(
        &mut self,
        project: &str,
        environment: &str,
        key: &str,
        body: &Value,
        now_ms: u64,
    ) -> Result<Value, ApiError> {
        let mut experiment = self.experiment(project, environment, key)?.clone();
        let id = IdGenerator::new(&self.ids, &experiment.path, &mut experiment.minted).id();
        let draft = Iteration::read(self.project(project)?, environment, body, id, now_ms)?;
        let json = draft.rest(experiment.iterations.len() + 1);
        experiment.draft = Some(draft);
        self.project_mut(project)?
            .environment_mut(environment)?
            .experiments
            .insert(key.to_owned(), experiment);
        Ok(json)
    }

    /// Applies a semantic patch: all of it or nothing.
    pub(super) fn patch_experiment(
        &mut self,
        project_key: &str,
        environment: &str,
        key: &str,
        body: &Value,
        now_ms: u64,
    ) -> Result<Value, ApiError> {
        let mut project = self.project(project_key)?.clone();
        let mut experiment = self.experiment(project_key, environment, key)?.clone();
        for (kind, fields) in body::instructions(body)? {
            match kind {
                "startIteration" => {
                    let fixed = self.fixed_seeds.get(&experiment.path).copied();
                    experiment.start(&mut project, fields, &self.ids, fixed, now_ms)?;
                }
                "stopIteration" => experiment.stop(&mut project, fields, now_ms)?,
                "updateName" => experiment.name = fields.filled("value")?.to_owned(),
                "updateDescription" => experiment.description = fields.text("value")?.to_owned(),
                "archiveExperiment" if experiment.running().is_some() => {
                    return Err(ApiError::invalid("a running experiment cannot be archived"));
                }
                "archiveExperiment" => experiment.archived_ms = Some(now_ms),
                "restoreExperiment" => experiment.archived_ms = None,
                _ => return Err(body::unknown_instruction(kind)),
            }
        }
        let json = experiment.rest("draftIteration,previousIterations");
        project.environment_mut(environment)?.experiments.insert(key.to_owned(), experiment);
        self.projects.insert(project_key.to_owned(), project);
        Ok(json)
    }
}

impl MockExperiment {
    fn create(
        project: &Project,
        project_key: &str,
        environment: &str,
        body: &Value,
        ids: &Identifiers,
        now_ms: u64,
    ) -> Result<Self, ApiError> {
        let fields = Fields::of(body)?;
        let key = fields.key()?;
        let path = path(project_key, environment, key);
        let kind = fields.optional_text("type")?.unwrap_or("experiment");
        if kind != "experiment" {
            return Err(ApiError::invalid(format!(
                "experiments of type `{kind}` are not simulated"
            )));
        }
        let mut minted = 0;
        let iteration =
            fields.get("iteration").ok_or_else(|| ApiError::invalid("`iteration` is required"))?;
        let id = IdGenerator::new(ids, &path, &mut minted).id();
        Ok(Self {
            id: ids.uuid(&path),
            key: key.to_owned(),
            name: fields.filled("name")?.to_owned(),
            description: fields.optional_text("description")?.unwrap_or_default().to_owned(),
            environment: environment.to_owned(),
            created_ms: now_ms,
            methodology: fields.optional_text("methodology")?.unwrap_or("bayesian").to_owned(),
            analysis: fields.get("analysisConfig").cloned().unwrap_or_else(|| json!({})),
            tags: fields.texts("tags")?,
            archived_ms: None,
            draft: Some(Iteration::read(project, environment, iteration, id, now_ms)?),
            iterations: Vec::new(),
            minted,
            path,
        })
    }

    /// The iteration that runs.
    pub fn running(&self) -> Option<&Iteration> {
        self.iterations.last().filter(|iteration| iteration.status == IterationStatus::Running)
    }

    /// The latest iteration that was started.
    pub fn latest(&self) -> Option<&Iteration> {
        self.iterations.last()
    }

    /// Whether its latest design uses this metric.
    pub fn uses_metric(&self, key: &str) -> bool {
        self.draft
            .iter()
            .chain(self.iterations.last())
            .any(|iteration| iteration.metrics.iter().any(|metric| metric == key))
    }

    fn start(
        &mut self,
        project: &mut Project,
        fields: Fields<'_>,
        ids: &Identifiers,
        fixed_seed: Option<i64>,
        now_ms: u64,
    ) -> Result<(), ApiError> {
        if self.archived_ms.is_some() {
            return Err(ApiError::invalid("an archived experiment cannot start"));
        }
        let Some(mut next) = self.draft.take() else {
            return Err(ApiError::invalid("there is no iteration to start"));
        };
        let mut kept_seed = None;
        if self.running().is_some() {
            fields.filled("changeJustification")?;
            let Some(running) = self.iterations.last_mut() else { return Ok(()) };
            // Traffic is not reshuffled unless that was asked for: the users stay where they are.
            kept_seed = running.seed.filter(|_| !next.can_reshuffle);
            running.status = IterationStatus::Stopped;
            running.ended_ms = Some(now_ms);
            let (config, rule_id) = (running.config.clone(), running.rule_id.clone());
            let outside = running.rollout(project, &self.key, 0)?;
            if let Serve::Rollout(rollout) = outside {
                release(project, &self.environment, &config, &rule_id, rollout.outside, now_ms)?;
            }
        }
        let drawn = || ids.seed(&iteration_path(&self.path, self.iterations.len() + 1));
        let seed = fixed_seed.or(kept_seed).unwrap_or_else(drawn);
        let rollout = next.rollout(project, &self.key, seed)?;
        let config = project
            .configs
            .get_mut(&next.config)
            .ok_or_else(|| ApiError::not_found("AI config", &next.config))?;
        config.version += 1;
        let targeting = config
            .targeting
            .get_mut(&self.environment)
            .ok_or_else(|| ApiError::not_found("environment", &self.environment))?;
        if !targeting.on {
            return Err(ApiError::invalid("targeting must be on to start an experiment"));
        }
        if targeting.serves().any(|serve| *serve.holder() == Holder::Guard) {
            return Err(ApiError::conflict(
                "a guarded rollout runs on this config: an experiment cannot start",
            ));
        }
        let serve = targeting.serve_mut(&next.rule_id)?;
        if let Holder::Experiment(other) = serve.holder() {
            return Err(ApiError::conflict(format!(
                "the rule is held by the running experiment `{other}`"
            )));
        }
        *serve = rollout;
        targeting.changed(now_ms);
        next.status = IterationStatus::Running;
        next.started_ms = Some(now_ms);
        next.seed = Some(seed);
        self.iterations.push(next);
        Ok(())
    }

    fn stop(
        &mut self,
        project: &mut Project,
        fields: Fields<'_>,
        now_ms: u64,
    ) -> Result<(), ApiError> {
        let winner = fields.filled("winningTreatmentId")?;
        let reason = fields.optional_text("winningReason")?.unwrap_or_default();
        let running = self
            .iterations
            .last_mut()
            .filter(|iteration| iteration.status == IterationStatus::Running);
        let Some(running) = running else {
            return Err(ApiError::invalid("no iteration is running"));
        };
        if !running.treatments.iter().any(|treatment| treatment.variation_id == winner) {
            return Err(ApiError::invalid(format!("`{winner}` is not a treatment")));
        }
        running.status = IterationStatus::Stopped;
        running.ended_ms = Some(now_ms);
        running.winner = Some((winner.to_owned(), reason.to_owned()));
        let index = project.config(&running.config)?.index_of(winner)?;
        release(project, &self.environment, &running.config, &running.rule_id, index, now_ms)
    }

    /// As the REST interface shows it; `expand` lists what to add.
    pub fn rest(&self, expand: &str) -> Value {
        let mut json = json!({
            "_id": self.id, "key": self.key, "name": self.name, "description": self.description, "_maintainerId": MEMBER,
            "_creationDate": self.created_ms, "environmentKey": self.environment, "methodology": self.methodology,
            "type": "experiment", "tags": self.tags, "analysisConfig": self.analysis, "dataSource": "launchdarkly",
            "_links": { "self": { "href": format!("/api/v2/{}", self.path), "type": "application/json" } },
        });
        if let Some(archived_ms) = self.archived_ms {
            put(&mut json, "archivedDate", archived_ms);
        }
        let count = self.iterations.len();
        let current = self.iterations.last().map(|iteration| iteration.rest(count));
        let draft = self.draft.as_ref().map(|draft| draft.rest(count + 1));
        if let Some(current) = current.or_else(|| draft.clone()) {
            put(&mut json, "currentIteration", current);
        }
        if let Some(draft) = draft.filter(|_| expand.contains("draftIteration")) {
            put(&mut json, "draftIteration", draft);
        }
        if expand.contains("previousIterations") {
            let earlier = self.iterations.iter().enumerate().take(count.saturating_sub(1));
            put(
                &mut json,
                "previousIterations",
                earlier.map(|(index, iteration)| iteration.rest(index + 1)).collect::<Value>(),
            );
        }
        json
    }

    /// Whether it satisfies one `name:value` of the list's filter.
    pub fn matches(&self, name: &str, value: &str) -> bool {
        let current = self.iterations.last().or(self.draft.as_ref());
        match name {
            "flagKey" => current.is_some_and(|iteration| iteration.config == value),
            "metricKey" => self.uses_metric(value),
            "status" => current.is_some_and(|iteration| {
                iteration.rest(0).get("status").is_some_and(|status| status == value)
            }),
            _ => true,
        }
    }
}

/// Gives a rule back to one variation.
fn release(
    project: &mut Project,
    environment: &str,
    config: &str,
    rule_id: &str,
    variation: usize,
    now_ms: u64,
) -> Result<(), ApiError> {
    let config =
        project.configs.get_mut(config).ok_or_else(|| ApiError::not_found("AI config", config))?;
    config.version += 1;
    let targeting = config
        .targeting
        .get_mut(environment)
        .ok_or_else(|| ApiError::not_found("environment", environment))?;
    // The rule may have been removed meanwhile; then there is nothing to give back.
    if let Ok(serve) = targeting.serve_mut(rule_id) {
        *serve = Serve::Variation(variation);
        targeting.changed(now_ms);
    }
    Ok(())
}
