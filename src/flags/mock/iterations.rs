//! One iteration of an experiment: its design, and whether it runs.
//!
//! Guarantees: a design that cannot run is refused when it is handed in.
//!
//! Does not know: the targeting rule that it will take over.

use serde_json::{Value, json};

use super::account::Project;
use super::body::Fields;
use super::targeting::{Holder, MockRollout, RolloutPart, Serve};
use crate::flags::api::ApiError;
use crate::flags::members::put;
use crate::quantity::decimal;

/// A variation's part in an iteration.
#[derive(Clone, Debug)]
pub struct MockTreatment {
    pub name: String,
    pub baseline: bool,
    /// As given, in percent.
    allocation: String,
    /// Thousandths of a percent.
    pub weight: u32,
    pub variation_id: String,
}

/// Where an iteration is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IterationStatus {
    /// A draft.
    NotStarted,
    /// Users are being assigned.
    Running,
    /// Over.
    Stopped,
}

/// One iteration.
#[derive(Clone, Debug)]
pub struct Iteration {
    id: String,
    pub hypothesis: String,
    pub status: IterationStatus,
    created_ms: u64,
    pub started_ms: Option<u64>,
    pub ended_ms: Option<u64>,
    /// Treatment and reason.
    pub winner: Option<(String, String)>,
    pub can_reshuffle: bool,
    pub randomization_unit: String,
    attributes: Vec<String>,
    pub metrics: Vec<String>,
    /// The metrics as the REST interface shows them, as they were when this was designed.
    shown: Vec<Value>,
    pub primary: String,
    pub treatments: Vec<MockTreatment>,
    pub config: String,
    pub rule_id: String,
    pub flag_version: i64,
    outside_id: String,
    pub seed: Option<i64>,
}

impl Iteration {
    /// Reads a design.
    pub fn read(
        project: &Project,
        environment: &str,
        value: &Value,
        id: String,
        now_ms: u64,
    ) -> Result<Self, ApiError> {
        let fields = Fields::of(value)?;
        let treatments = fields
            .list("treatments")?
            .iter()
            .map(MockTreatment::read)
            .collect::<Result<Vec<_>, _>>()?;
        let baselines: Vec<&MockTreatment> =
            treatments.iter().filter(|treatment| treatment.baseline).collect();
        let [baseline] = baselines[..] else {
            return Err(ApiError::invalid("exactly one treatment must be the baseline"));
        };
        if treatments.iter().map(|treatment| u64::from(treatment.weight)).sum::<u64>() > 100_000 {
            return Err(ApiError::invalid(
                "the treatments' `allocationPercent` sum to more than 100",
            ));
        }

        let flags = fields.object("flags")?;
        let mut flags = flags.iter();
        let (Some((config_key, flag)), None) = (flags.next(), flags.next()) else {
            return Err(ApiError::invalid("`flags` must hold exactly one flag"));
        };
        let flag = Fields::of(flag)?;
        let config = project.config(config_key)?;
        let rule_id = flag.filled("ruleId")?;
        let targeting = config
            .targeting
            .get(environment)
            .ok_or_else(|| ApiError::not_found("environment", environment))?;
        targeting.clone().serve_mut(rule_id)?;
        let outside_id =
            flag.optional_text("notInExperimentVariationId")?.unwrap_or(&baseline.variation_id);
        config.index_of(outside_id)?;
        for treatment in &treatments {
            config.index_of(&treatment.variation_id)?;
        }

        let mut metrics: Vec<String> = Vec::new();
        for metric in fields.list("metrics")? {
            let metric = Fields::of(metric)?;
            let key = metric.text("key")?;
            // A group stands for its metrics.
            let own: Vec<&str> = if metric.flag("isGroup", false)? {
                let group = project.metric_groups.get(key);
                let group = group.ok_or_else(|| {
                    ApiError::invalid(format!("there is no metric group `{key}`"))
                })?;
                group.keys().collect()
            } else {
                vec![key]
            };
            let new = own.into_iter().filter(|key| !metrics.iter().any(|known| known == key));
            metrics.extend(new.map(str::to_owned).collect::<Vec<_>>());
        }
        if let Some(unknown) = metrics.iter().find(|key| !project.metrics.contains_key(*key)) {
            return Err(ApiError::invalid(format!("there is no metric `{unknown}`")));
        }
        let shown = metrics
            .iter()
            .filter_map(|key| Some(shown(key, &project.metrics.get(key)?.rest(0))))
            .collect();
        if fields.get("primaryFunnelKey").is_some() {
            return Err(ApiError::invalid("funnels are not simulated"));
        }
        let primary = fields.filled("primarySingleMetricKey")?.to_owned();
        if !metrics.contains(&primary) {
            return Err(ApiError::invalid(format!(
                "the primary metric `{primary}` is not among the metrics"
            )));
        }
        Ok(Self {
            hypothesis: fields.filled("hypothesis")?.to_owned(),
            status: IterationStatus::NotStarted,
            created_ms: now_ms,
            started_ms: None,
            ended_ms: None,
            winner: None,
            can_reshuffle: fields.flag("canReshuffleTraffic", false)?,
            randomization_unit: fields
                .optional_text("randomizationUnit")?
                .unwrap_or("user")
                .to_owned(),
            attributes: fields.texts("attributes")?,
            metrics,
            shown,
            primary,
            config: config_key.clone(),
            rule_id: rule_id.to_owned(),
            flag_version: flag.integer("flagConfigVersion")?.unwrap_or(0),
            outside_id: outside_id.to_owned(),
            seed: None,
            treatments,
            id,
        })
    }

    /// The rollout that this iteration turns its rule into. What the treatments leave over goes to
    /// the variation that is served outside of the experiment, untracked.
    pub fn rollout(
        &self,
        project: &Project,
        experiment: &str,
        seed: i64,
    ) -> Result<Serve, ApiError> {
        let config = project.config(&self.config)?;
        let mut parts = Vec::new();
        for treatment in self.treatments.iter().filter(|treatment| treatment.weight > 0) {
            parts.push(RolloutPart {
                variation: config.index_of(&treatment.variation_id)?,
                weight: treatment.weight,
                untracked: false,
            });
        }
        if parts.is_empty() {
            return Err(ApiError::invalid("at least one treatment needs traffic"));
        }
        let outside = config.index_of(&self.outside_id)?;
        let rest = 100_000 - parts.iter().map(|part| part.weight).sum::<u32>();
        if rest > 0 {
            parts.push(RolloutPart { variation: outside, weight: rest, untracked: true });
        }
        let holder = Holder::Experiment(experiment.to_owned());
        Ok(Serve::Rollout(MockRollout {
            holder,
            context_kind: self.randomization_unit.clone(),
            bucket_by: None,
            seed: Some(seed),
            parts,
            outside,
        }))
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// As the REST interface shows it.
    pub fn rest(&self, version: usize) -> Value {
        let treatments: Vec<Value> =
            self.treatments.iter().map(|treatment| treatment.rest(&self.config)).collect();
        let primary = self.shown.iter().find(|metric| metric["key"] == self.primary.as_str());
        let mut json = json!({
            "_id": self.id, "hypothesis": self.hypothesis, "createdAt": self.created_ms, "version": version,
            "status": match self.status { IterationStatus::NotStarted => "not_started", IterationStatus::Running => "running", IterationStatus::Stopped => "stopped" },
            "canReshuffleTraffic": self.can_reshuffle, "randomizationUnit": self.randomization_unit, "attributes": self.attributes,
            "flags": { &self.config: { "targetingRule": self.rule_id, "targetingRuleDescription": "", "targetingRuleClauses": [],
                "flagConfigVersion": self.flag_version, "notInExperimentVariationId": self.outside_id, "_links": {} } },
            "primarySingleMetric": primary, "metrics": self.shown,
            "treatments": treatments,
        });
        for (name, moment) in [("startedAt", self.started_ms), ("endedAt", self.ended_ms)] {
            if let Some(moment) = moment {
                put(&mut json, name, moment);
            }
        }
        if let Some((treatment, reason)) = &self.winner {
            put(&mut json, "winningTreatmentId", treatment.as_str());
            put(&mut json, "winningReason", reason.as_str());
        }
        json
    }
}

/// A metric as an iteration shows it.
fn shown(key: &str, metric: &Value) -> Value {
    json!({ "key": key, "isGroup": false, "_versionId": metric["_versionId"], "name": metric["name"], "kind": metric["kind"],
        "_links": metric["_links"] })
}

impl MockTreatment {
    fn read(value: &Value) -> Result<Self, ApiError> {
        let fields = Fields::of(value)?;
        let allocation = fields.text("allocationPercent")?;
        let weight = decimal(allocation, 3)
            .and_then(|weight| u32::try_from(weight).ok())
            .filter(|&weight| weight <= 100_000);
        let weight = weight.ok_or_else(|| {
            ApiError::invalid(format!(
                "`allocationPercent` must be a percentage as text, found `{allocation}`"
            ))
        })?;
        let [parameter] = fields.list("parameters")? else {
            return Err(ApiError::invalid("a treatment needs exactly one entry in `parameters`"));
        };
        Ok(Self {
            name: fields.filled("name")?.to_owned(),
            baseline: fields.flag("baseline", false)?,
            allocation: allocation.to_owned(),
            weight,
            variation_id: Fields::of(parameter)?.filled("variationId")?.to_owned(),
        })
    }

    fn rest(&self, config: &str) -> Value {
        json!({ "_id": self.variation_id, "name": self.name, "baseline": self.baseline, "allocationPercent": self.allocation,
            "parameters": [{ "flagKey": config, "variationId": self.variation_id }] })
    }
}
