//! The steps of the procedure, in the order in which one thing needs another.
//!
//! Guarantees: a resource is read before it is written, and written only when it is missing or
//! differs.
//!
//! Does not know: who answers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::design;
use super::difference::{Difference, differences};
use super::targeting::{Changes, ConfigTargeting, ServedByRule};
use super::verify::{Existing, rule_index, verify};
use super::{Action, ActionKind, BootstrapError, BootstrapMode, FlagAdmin, Resource};
use crate::flags::api::{ApiError, Request};
use crate::flags::members::{at, put};
use crate::flags::spec::{
    ConfigSpec, ExperimentSpec, GraphSpec, ProjectSpec, ProjectTool, SegmentSpec,
};
use crate::quantity::Share;

type Outcome<T> = Result<T, BootstrapError>;

/// One run of the procedure.
pub struct BootstrapSession<'a, A> {
    admin: &'a mut A,
    spec: &'a ProjectSpec,
    mode: BootstrapMode,
    actions: Vec<Action>,
    tool_versions: BTreeMap<String, u64>,
    /// AI configs whose targeting differs and was left.
    left: BTreeSet<String>,
    /// What a failing request is about.
    about: (Resource, String),
}

impl<'a, A: FlagAdmin> BootstrapSession<'a, A> {
    /// A run that has done nothing yet.
    pub fn new(admin: &'a mut A, spec: &'a ProjectSpec, mode: BootstrapMode) -> Self {
        let about = (Resource::Project, spec.key.clone());
        Self {
            admin,
            spec,
            mode,
            actions: Vec::new(),
            tool_versions: BTreeMap::new(),
            left: BTreeSet::new(),
            about,
        }
    }

    /// All steps.
    pub async fn run(mut self) -> Outcome<Vec<Action>> {
        let spec = self.spec;
        let faults = verify(spec, &self.existing().await?);
        if !faults.is_empty() {
            return Err(BootstrapError::Prerequisites(faults));
        }
        self.project().await?;
        for tool in &spec.tools {
            self.tool(tool).await?;
        }
        self.models().await?;
        for segment in &spec.segments {
            self.segment(segment).await?;
        }
        for config in &spec.configs {
            self.config(config).await?;
            self.targeting(config).await?;
        }
        if let Some(graph) = &spec.graph {
            self.graph(graph).await?;
        }
        for metric in &spec.metrics {
            self.metric(metric).await?;
        }
        for experiment in &spec.experiments {
            self.experiment(experiment).await?;
        }
        Ok(self.actions)
    }

    fn project_path(&self, rest: &str) -> String {
        format!("projects/{}{rest}", self.spec.key)
    }

    fn about(&mut self, resource: Resource, key: impl Into<String>) {
        self.about = (resource, key.into());
    }

    fn note(&mut self, kind: ActionKind, detail: impl Into<String>) {
        let (resource, key) = self.about.clone();
        self.actions.push(Action {
            kind,
            resource,
            key,
            detail: detail.into(),
            differences: Vec::new(),
        });
    }

    /// Something exists and differs: it is changed by these requests, or left.
    async fn differs(
        &mut self,
        requests: Vec<Request>,
        detail: String,
        differences: Vec<Difference>,
    ) -> Outcome<()> {
        let kind = if self.mode == BootstrapMode::Create {
            ActionKind::Differs
        } else {
            ActionKind::Updated
        };
        if kind == ActionKind::Updated {
            for request in requests {
                self.write(request).await?;
            }
        }
        let (resource, key) = self.about.clone();
        self.actions.push(Action { kind, resource, key, detail, differences });
        Ok(())
    }

    fn refused(&self, error: ApiError) -> BootstrapError {
        BootstrapError::Refused { resource: self.about.0, key: self.about.1.clone(), error }
    }

    /// Reads a resource; `None` when it does not exist.
    async fn find(&mut self, path: String, query: &[(&str, &str)]) -> Outcome<Option<Value>> {
        let query =
            query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        match self.admin.call(Request { query, ..Request::get(path) }).await {
            Ok(reply) => Ok(Some(reply.body)),
            Err(error) if error.status == 404 => Ok(None),
            Err(error) => Err(self.refused(error)),
        }
    }

    /// Changes something, unless this is only a plan.
    async fn write(&mut self, request: Request) -> Outcome<Value> {
        if self.mode == BootstrapMode::Plan {
            return Ok(Value::Null);
        }
        self.admin.call(request).await.map(|reply| reply.body).map_err(|error| self.refused(error))
    }

    /// Keys of a whole collection, page by page; empty when there is no such collection.
    async fn keys(&mut self, path: String) -> Outcome<BTreeSet<String>> {
        // More pages than any account needs: a service that ignores the offset must not hold us
        // forever.
        const PAGES: usize = 1000;
        let mut keys = BTreeSet::new();
        for _ in 0..PAGES {
            let before = keys.len();
            let offset = before.to_string();
            let Some(found) =
                self.find(path.clone(), &[("limit", "50"), ("offset", &offset)]).await?
            else {
                break;
            };
            let items = found.as_array().or_else(|| found.get("items")?.as_array());
            keys.extend(
                items
                    .into_iter()
                    .flatten()
                    .filter_map(|item| item["key"].as_str())
                    .map(str::to_owned),
            );
            if keys.len() == before || found.is_array() {
                break;
            }
        }
        Ok(keys)
    }

    async fn existing(&mut self) -> Outcome<Existing> {
        let (project, environment) = (&self.spec.key, &self.spec.environment);
        let [segments, metrics] =
            [format!("segments/{project}/{environment}"), format!("metrics/{project}")];
        Ok(Existing {
            segments: self.keys(segments).await?,
            tools: self.keys(self.project_path("/ai-tools")).await?,
            model_configs: self.keys(self.project_path("/ai-configs/model-configs")).await?,
            metrics: self.keys(metrics).await?,
        })
    }

    async fn project(&mut self) -> Outcome<()> {
        let spec = self.spec;
        let environment =
            json!({ "key": spec.environment, "name": title(&spec.environment), "color": "417505" });
        self.about(Resource::Project, &spec.key);
        if self.find(self.project_path(""), &[]).await?.is_none() {
            let body = json!({ "key": spec.key, "name": spec.name, "environments": [environment] });
            self.write(Request::post("projects", body)).await?;
            self.note(ActionKind::Created, "");
            self.about(Resource::Environment, &spec.environment);
            self.note(ActionKind::Created, "");
            return Ok(());
        }
        self.note(ActionKind::Unchanged, "");
        self.about(Resource::Environment, &spec.environment);
        if self
            .find(self.project_path(&format!("/environments/{}", spec.environment)), &[])
            .await?
            .is_none()
        {
            self.write(Request::post(self.project_path("/environments"), environment)).await?;
            self.note(ActionKind::Created, "");
        } else {
            self.note(ActionKind::Unchanged, "");
        }
        Ok(())
    }

    async fn tool(&mut self, tool: &ProjectTool) -> Outcome<()> {
        self.about(Resource::Tool, &tool.key);
        let mut wanted =
            json!({ "key": tool.key, "description": tool.description, "schema": tool.schema });
        let path = self.project_path(&format!("/ai-tools/{}", tool.key));
        let found = self.find(path.clone(), &[]).await?;
        let version = found.as_ref().map_or(0, |found| found["version"].as_u64().unwrap_or(1));
        let differing = found.as_ref().map(|found| design::differing(&wanted, found));
        let changes = u64::from(
            differing
                .as_ref()
                .is_none_or(|names| !names.is_empty() && self.mode != BootstrapMode::Create),
        );
        self.tool_versions.insert(tool.key.clone(), version + changes);
        match differing {
            None => {
                self.write(Request::post(self.project_path("/ai-tools"), wanted)).await?;
                self.note(ActionKind::Created, "");
            }
            Some(names) if names.is_empty() => self.note(ActionKind::Unchanged, ""),
            Some(names) => {
                let differences = differences(&wanted, &found.unwrap_or_default());
                if let Some(fields) = wanted.as_object_mut() {
                    fields.remove("key");
                }
                self.differs(vec![Request::patch(path, wanted)], names.join(", "), differences)
                    .await?;
            }
        }
        Ok(())
    }

    async fn models(&mut self) -> Outcome<()> {
        // Global models are in the list, but not every one of them can be read by itself.
        let listed = self.find(self.project_path("/ai-configs/model-configs"), &[]).await?;
        let listed = listed
            .as_ref()
            .and_then(|found| found.as_array().or_else(|| found["items"].as_array()));
        for model in &self.spec.model_configs {
            self.about(Resource::ModelConfig, &model.key);
            let wanted = &design::model_config(model);
            match listed.into_iter().flatten().find(|found| found["key"] == *model.key) {
                None => {
                    self.write(Request::post(
                        self.project_path("/ai-configs/model-configs"),
                        wanted.clone(),
                    ))
                    .await?;
                    // Before there is a project, nobody tells which models every project has.
                    let unless = if listed.is_none() && self.mode == BootstrapMode::Plan {
                        ", unless every project has it"
                    } else {
                        ""
                    };
                    self.note(
                        ActionKind::Created,
                        format!("{} {}{unless}", model.provider, model.model),
                    );
                }
                Some(found) if found["id"] != wanted["id"] => {
                    let detail = format!("it is the model {}, not {}", found["id"], wanted["id"]);
                    return Err(BootstrapError::Differs {
                        resource: Resource::ModelConfig,
                        key: model.key.clone(),
                        detail,
                    });
                }
                Some(_) => self.note(ActionKind::Unchanged, ""),
            }
        }
        Ok(())
    }

    async fn segment(&mut self, segment: &SegmentSpec) -> Outcome<()> {
        self.about(Resource::Segment, &segment.key);
        let collection = format!("segments/{}/{}", self.spec.key, self.spec.environment);
        let path = format!("{collection}/{}", segment.key);
        let clauses: Vec<Value> = segment.clauses.iter().map(design::clause).collect();
        let add = json!({ "kind": "addRule", "clauses": clauses });
        let environment = Some(self.spec.environment.as_str());
        let Some(found) = self.find(path.clone(), &[]).await? else {
            self.write(Request::post(
                collection,
                json!({ "key": segment.key, "name": segment.name }),
            ))
            .await?;
            self.write(Request::instruct(path, environment, vec![add])).await?;
            self.note(ActionKind::Created, format!("{} clauses", segment.clauses.len()));
            return Ok(());
        };
        let (found, mut instructions, mut details, mut list) =
            (&found, Vec::new(), Vec::new(), Vec::new());
        if found["name"] != *segment.name {
            instructions.push(json!({ "kind": "updateName", "value": segment.name }));
            details.push("name");
            list.push(Difference::new(
                "name",
                found["name"].as_str().unwrap_or_default(),
                &segment.name,
            ));
        }
        let rules: Vec<&Value> = found["rules"].as_array().into_iter().flatten().collect();
        let fits = matches!(rules.as_slice(), [rule] if design::same_clauses(&design::plain_clauses(&rule["clauses"]), &clauses));
        if !fits {
            instructions.extend(
                rules.iter().map(|rule| json!({ "kind": "removeRule", "ruleId": rule["_id"] })),
            );
            instructions.push(add);
            details.push("rules");
            let there: Vec<String> = rules
                .iter()
                .map(|rule| design::said(&design::plain_clauses(&rule["clauses"])))
                .collect();
            let there = if there.is_empty() { "nothing".to_owned() } else { there.join("; or ") };
            list.push(Difference::new("rules", there, design::said(&clauses)));
        }
        if instructions.is_empty() {
            self.note(ActionKind::Unchanged, "");
        } else {
            self.differs(
                vec![Request::instruct(path, environment, instructions)],
                details.join(", "),
                list,
            )
            .await?;
        }
        Ok(())
    }

    async fn config(&mut self, config: &ConfigSpec) -> Outcome<()> {
        self.about(Resource::Config, &config.key);
        let path = self.project_path(&format!("/ai-configs/{}", config.key));
        let found = self.find(path.clone(), &[]).await?;
        match &found {
            None => {
                let body = json!({ "key": config.key, "name": config.name, "mode": "agent" });
                self.write(Request::post(self.project_path("/ai-configs"), body)).await?;
                self.note(ActionKind::Created, "mode agent");
            }
            Some(found) if found["mode"] != "agent" => {
                let detail = format!("its mode is {}, not \"agent\"", found["mode"]);
                return Err(BootstrapError::Differs {
                    resource: Resource::Config,
                    key: config.key.clone(),
                    detail,
                });
            }
            Some(found) if found["name"] != *config.name => {
                let difference = Difference::new(
                    "name",
                    found["name"].as_str().unwrap_or_default(),
                    &config.name,
                );
                let rename = Request::patch(path.clone(), json!({ "name": config.name }));
                self.differs(vec![rename], "name".to_owned(), vec![difference]).await?;
            }
            Some(_) => self.note(ActionKind::Unchanged, ""),
        }
        let found = &found.unwrap_or(Value::Null);
        let existing: Vec<&Value> = found["variations"].as_array().into_iter().flatten().collect();
        for variation in &config.variations {
            self.about(Resource::Variation, format!("{}/{}", config.key, variation.key));
            let model =
                self.spec.model_configs.iter().find(|model| model.key == variation.model_config);
            let global = variation.model_config.split_once('.').map_or("", |(_, model)| model);
            let mut wanted = design::variation(
                variation,
                model.map_or(global, |model| &model.model),
                &self.tool_versions,
            );
            let Some(found) = existing.iter().find(|found| found["key"] == *variation.key) else {
                self.write(Request::post(format!("{path}/variations"), wanted)).await?;
                self.note(ActionKind::Created, variation.model_config.as_str());
                continue;
            };
            let plain = design::plain_variation(found);
            let names = design::differing(&wanted, &plain);
            if names.is_empty() {
                self.note(ActionKind::Unchanged, "");
                continue;
            }
            let differences = differences(&wanted, &plain);
            if let Some(fields) = wanted.as_object_mut() {
                fields.remove("key");
            }
            let change = Request::patch(format!("{path}/variations/{}", variation.key), wanted);
            self.differs(vec![change], names.join(", "), differences).await?;
        }
        Ok(())
    }

    async fn targeting(&mut self, config: &ConfigSpec) -> Outcome<()> {
        self.about(Resource::Targeting, &config.key);
        let path = self.project_path(&format!("/ai-configs/{}/targeting", config.key));
        let environment = self.spec.environment.as_str();
        let Some(mut reply) = self.find(path.clone(), &[]).await? else {
            if self.mode != BootstrapMode::Plan {
                let detail = "its targeting is not there yet; try again in a moment".to_owned();
                return Err(BootstrapError::Differs {
                    resource: Resource::Targeting,
                    key: config.key.clone(),
                    detail,
                });
            }
            self.note(ActionKind::Created, format!("{} rules", config.rules.len()));
            return Ok(());
        };
        if *at(&reply, ["environments", environment, "enabled"]) == json!(false) {
            let detail = "targeting is off, and is switched on by hand".to_owned();
            return Err(BootstrapError::Differs {
                resource: Resource::Targeting,
                key: config.key.clone(),
                detail,
            });
        }
        let found = ConfigTargeting::new(&reply, environment);
        let untouched = ServedByRule::Variation("disabled".to_owned());
        let is_new = found.rules().is_empty() && found.served(found.fallthrough()) == untouched;
        let writes =
            self.mode == BootstrapMode::Apply || (self.mode == BootstrapMode::Create && is_new);
        let Changes { instructions, mut details, mut differences } = found.changes(config);
        let others = found.others(config);
        if !instructions.is_empty() && writes {
            reply = self
                .write(Request::instruct(path.clone(), Some(environment), instructions))
                .await?;
        }
        if let Some((reorder, difference)) =
            ConfigTargeting::new(&reply, environment).reorder(config)
        {
            details.push("rules put in order".to_owned());
            differences.push(difference);
            if writes {
                reply = self
                    .write(Request::instruct(path.clone(), Some(environment), vec![reorder]))
                    .await?;
            }
        }
        let guards = ConfigTargeting::new(&reply, environment).guards(config);
        details.extend(guards.details);
        differences.extend(guards.differences);
        if !guards.instructions.is_empty() && writes {
            self.write(Request::instruct(path, Some(environment), guards.instructions)).await?;
        }
        match (details.is_empty(), is_new) {
            (true, _) if others > 0 => {
                let plural = if others == 1 {
                    "1 rule that is not the scenario's stays"
                } else {
                    "rules that are not the scenario's stay"
                };
                self.note(ActionKind::Unchanged, format!("{plural} behind its own"));
            }
            (true, _) => self.note(ActionKind::Unchanged, ""),
            (false, true) => self.note(ActionKind::Created, details.join("; ")),
            (false, false) => {
                if self.mode == BootstrapMode::Create {
                    self.left.insert(config.key.clone());
                }
                // What there was to write is written.
                self.differs(Vec::new(), details.join("; "), differences).await?;
            }
        }
        Ok(())
    }

    async fn graph(&mut self, graph: &GraphSpec) -> Outcome<()> {
        self.about(Resource::AgentGraph, &graph.key);
        let mut wanted = design::graph(graph);
        let path = self.project_path(&format!("/agent-graphs/{}", graph.key));
        let Some(found) = self.find(path.clone(), &[]).await?.map(design::plain_graph) else {
            self.write(Request::post(self.project_path("/agent-graphs"), wanted)).await?;
            self.note(
                ActionKind::Created,
                format!("{} edges from {}", graph.edges.len(), graph.root),
            );
            return Ok(());
        };
        // A service may give the edges back in another order.
        let plain = design::plain_graph(wanted.clone());
        let names = design::differing(&plain, &found);
        if names.is_empty() {
            self.note(ActionKind::Unchanged, "");
            return Ok(());
        }
        let differences = differences(&plain, &found);
        if let Some(fields) = wanted.as_object_mut() {
            fields.remove("key");
        }
        self.differs(vec![Request::patch(path, wanted)], names.join(", "), differences).await
    }

    async fn metric(&mut self, metric: &crate::experiment::Metric) -> Outcome<()> {
        self.about(Resource::Metric, &metric.key);
        let wanted = design::metric(metric);
        let path = format!("metrics/{}/{}", self.spec.key, metric.key);
        let found = self.find(path.clone(), &[]).await?.map(design::plain_metric);
        match found.as_ref().map(|found| design::differing(&wanted, found)) {
            None => {
                self.write(Request::post(format!("metrics/{}", self.spec.key), wanted)).await?;
                self.note(ActionKind::Created, metric.event.as_str());
            }
            Some(names) if names.is_empty() => self.note(ActionKind::Unchanged, ""),
            Some(names) => {
                let differences = differences(&wanted, &found.unwrap_or_default());
                let change = Request::patch(path, design::metric_patch(&wanted, &names));
                self.differs(vec![change], names.join(", "), differences).await?;
            }
        }
        Ok(())
    }

    async fn experiment(&mut self, experiment: &ExperimentSpec) -> Outcome<()> {
        self.about(Resource::Experiment, &experiment.key);
        let environment = self.spec.environment.as_str();
        let collection = self.project_path(&format!("/environments/{environment}/experiments"));
        let path = format!("{collection}/{}", experiment.key);
        let found = self
            .find(path.clone(), &[("expand", "draftIteration,treatments,secondaryMetrics")])
            .await?;
        let targeting = self
            .find(self.project_path(&format!("/ai-configs/{}/targeting", experiment.config)), &[])
            .await?;
        if self.left.contains(&experiment.config) {
            return self
                .differs(
                    Vec::new(),
                    format!("waits for the targeting of {}", experiment.config),
                    Vec::new(),
                )
                .await;
        }
        let design = targeting.as_ref().and_then(|targeting| self.design(experiment, targeting));
        let Some((iteration, rule_number, held)) = design else {
            if self.mode != BootstrapMode::Plan {
                let detail = format!(
                    "AI config `{}` lacks the rule that the experiment is about",
                    experiment.config
                );
                return Err(BootstrapError::Differs {
                    resource: Resource::Experiment,
                    key: experiment.key.clone(),
                    detail,
                });
            }
            self.note(
                if found.is_some() { ActionKind::Updated } else { ActionKind::Created },
                describe(experiment, ""),
            );
            return Ok(());
        };
        let start = |justification: &str| {
            let mut instruction = json!({ "kind": "startIteration" });
            if !justification.is_empty() {
                put(&mut instruction, "changeJustification", justification);
            }
            Request::instruct(path.clone(), None, vec![instruction])
        };
        let Some(found) = found else {
            let mut body = json!({ "key": experiment.key, "name": experiment.name, "type": "experiment", "iteration": iteration });
            if let Some(fields) = body.as_object_mut() {
                fields.extend(design::analysis(experiment));
            }
            self.write(Request::post(collection, body)).await?;
            self.write(start("")).await?;
            self.note(
                ActionKind::Created,
                describe(
                    experiment,
                    &rule_number.map_or_else(
                        || ", default rule".to_owned(),
                        |number| format!(", rule {number}"),
                    ),
                ),
            );
            return Ok(());
        };
        let (found, mut details, mut requests, mut list) =
            (&found, Vec::new(), Vec::new(), Vec::new());
        if found["name"] != *experiment.name {
            let rename = json!({ "kind": "updateName", "value": experiment.name });
            requests.push(Request::instruct(path.clone(), None, vec![rename]));
            details.push("name".to_owned());
            list.push(Difference::new(
                "name",
                found["name"].as_str().unwrap_or_default(),
                &experiment.name,
            ));
        }
        let current = &found["currentIteration"];
        let status = current["status"].as_str().unwrap_or_default();
        let plain = |iteration: &Value| design::plain_iteration(iteration, &experiment.config);
        let mut differing = design::differing(&plain(&iteration), &plain(current));
        let ids = targeting
            .as_ref()
            .map(|targeting| ConfigTargeting::new(targeting, environment).ids())
            .unwrap_or_default();
        list.extend(differences(
            &design::readable(&plain(&iteration), &ids),
            &design::readable(&plain(current), &ids),
        ));
        if status == "running" && differing.is_empty() && !held {
            differing.push("rule".to_owned());
            list.push(Difference::new(
                "rule",
                "does not serve the experiment",
                "serves the experiment",
            ));
        }
        if status != "running" {
            list.push(Difference::new("status", status, "running"));
        }
        if status == "not_started" && differing.is_empty() {
            requests.push(start(""));
            details.push("started".to_owned());
        } else if status != "running" || !differing.is_empty() {
            let reason = if differing.is_empty() {
                "the last one was stopped".to_owned()
            } else {
                differing.join(", ")
            };
            requests.push(Request::post(format!("{path}/iterations"), iteration));
            requests.push(start(if status == "running" { reason.as_str() } else { "" }));
            details.push(format!("new iteration started: {reason}"));
        }
        if details.is_empty() {
            self.note(ActionKind::Unchanged, "");
            return Ok(());
        }
        self.differs(requests, details.join("; "), list).await
    }

    /// The iteration to send, the number of its rule (none for the default rule), and whether the
    /// rule runs it already.
    fn design(
        &self,
        experiment: &ExperimentSpec,
        targeting: &Value,
    ) -> Option<(Value, Option<usize>, bool)> {
        let config = self.spec.configs.iter().find(|config| config.key == experiment.config)?;
        let found = ConfigTargeting::new(targeting, &self.spec.environment);
        let index = rule_index(config, &experiment.rule)?;
        let (rule, rule_id, number) = if index == config.rules.len() {
            (found.fallthrough(), "fallthrough", None)
        } else {
            let rule = found.rule(config, index)?;
            (rule, rule["_id"].as_str()?, Some(index + 1))
        };
        let wanted: Vec<(String, u64)> = design::weights(experiment)
            .into_iter()
            .map(|(key, weight)| (key.to_owned(), u64::from(weight)))
            .collect();
        let held = found.served(rule) == ServedByRule::Experiment(wanted);
        Some((design::iteration(experiment, &found.ids(), rule_id, found.version()), number, held))
    }
}

fn describe(experiment: &ExperimentSpec, rule: &str) -> String {
    let arms: Vec<String> = experiment
        .treatments
        .iter()
        .filter(|(_, share)| share.weight() > 0)
        .map(|(key, share)| format!("{share} {key}"))
        .collect();
    let sample = if experiment.sample == Share::WHOLE {
        String::new()
    } else {
        format!(", sample {}", experiment.sample)
    };
    format!("{}{rule}: {}{sample}; started", experiment.config, arms.join(", "))
}

/// A key as a name: `-` becomes a space and words are capitalized.
pub fn title(key: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| {
            first.to_ascii_uppercase().to_string() + letters.as_str()
        })
    };
    key.split(['-', '_']).map(word).collect::<Vec<_>>().join(" ")
}
