//! Whether a specification can be fulfilled, before anything is changed.
//!
//! Guarantees: every fault at once, each in a sentence that names what is wrong.
//!
//! Does not know: where in a file the fault was written; the scenario's own checks point there.

use std::collections::BTreeSet;

use crate::event::AppEvent;
use crate::experiment::MetricKind;
use crate::flags::spec::{
    Condition, ConfigSpec, ExperimentSpec, ProjectSpec, RuleChoice, ServeSpec,
};
use crate::quantity::Share;

/// Keys of what the project holds already.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Existing {
    /// Segments of the environment.
    pub segments: BTreeSet<String>,
    /// Tools.
    pub tools: BTreeSet<String>,
    /// Model configs, global ones included.
    pub model_configs: BTreeSet<String>,
    /// Metrics.
    pub metrics: BTreeSet<String>,
}

/// The faults of a specification, given what exists already; empty when there are none.
#[must_use]
pub fn verify(spec: &ProjectSpec, existing: &Existing) -> Vec<String> {
    let mut check = Check { spec, existing, faults: Vec::new() };
    check.keys("project", [spec.key.as_str()]);
    check.keys("environment", [spec.environment.as_str()]);
    check.keys("segment", spec.segments.iter().map(|segment| segment.key.as_str()));
    check.keys("tool", spec.tools.iter().map(|tool| tool.key.as_str()));
    check.keys("model config", spec.model_configs.iter().map(|model| model.key.as_str()));
    check.keys("AI config", spec.configs.iter().map(|config| config.key.as_str()));
    check.graph();
    check.keys("metric", spec.metrics.iter().map(|metric| metric.key.as_str()));
    check.keys("experiment", spec.experiments.iter().map(|experiment| experiment.key.as_str()));
    for segment in spec.segments.iter().filter(|segment| segment.clauses.is_empty()) {
        check.fault(format!("segment `{}` has no clauses", segment.key));
    }
    for config in &spec.configs {
        check.config(config);
    }
    for metric in &spec.metrics {
        let per = metric.per.as_ref().map(|per| per.event());
        for event in [metric.event.as_str()].into_iter().chain(per) {
            if !spec.own_events.iter().any(|own| own == event)
                && let Err(error) = event.parse::<AppEvent>()
            {
                check.fault(format!("metric `{}`: {error}", metric.key));
            }
        }
        if metric.kind() != MetricKind::Conversion && metric.unit.is_empty() {
            check.fault(format!("metric `{}` is numeric and needs a unit", metric.key));
        }
    }
    for (index, experiment) in spec.experiments.iter().enumerate() {
        let (earlier, _) = spec.experiments.split_at(index);
        check.experiment(experiment, earlier);
    }
    check.faults
}

struct Check<'a> {
    spec: &'a ProjectSpec,
    existing: &'a Existing,
    faults: Vec<String>,
}

impl<'a> Check<'a> {
    fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }

    fn graph(&mut self) {
        let Some(graph) = &self.spec.graph else { return };
        self.keys("agent graph", [graph.key.as_str()]);
        let configs: BTreeSet<&str> =
            self.spec.configs.iter().map(|config| config.key.as_str()).collect();
        if configs.contains(graph.key.as_str()) {
            self.fault(format!(
                "agent graph `{}` and one of the AI configs have the same key, and SDKs receive both by key",
                graph.key
            ));
        }
        let ends = graph.edges.iter().flat_map(|edge| [&edge.from, &edge.to]);
        for end in [&graph.root].into_iter().chain(ends) {
            if !configs.contains(end.as_str()) {
                self.fault(format!(
                    "agent graph `{}` leads to AI config `{end}`, which is not defined",
                    graph.key
                ));
            }
        }
    }

    fn keys(&mut self, what: &str, keys: impl IntoIterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        for key in keys {
            let valid = key.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
            if !valid || !key.starts_with(|c: char| c.is_ascii_alphanumeric()) || key.len() > 256 {
                self.fault(format!(
                    "`{key}` cannot be the key of a {what}: letters, digits, `.`, `_` and `-`, starting with a letter or digit"
                ));
            }
            if !seen.insert(key) {
                self.fault(format!("{what} `{key}` is defined twice"));
            }
        }
    }

    fn config(&mut self, config: &'a ConfigSpec) {
        let owner = format!("AI config `{}`", config.key);
        self.keys(
            &format!("variation of {owner}"),
            config.variations.iter().map(|variation| variation.key.as_str()),
        );
        for variation in &config.variations {
            let place = format!("{owner}, variation `{}`", variation.key);
            if variation.key == "disabled" {
                self.fault(format!(
                    "{place}: every AI config has a variation of this name already"
                ));
            }
            let model = &variation.model_config;
            if !self.existing.model_configs.contains(model)
                && !self.spec.model_configs.iter().any(|known| known.key == *model)
            {
                self.fault(format!("{place}: there is no model config `{model}`"));
            }
            for tool in &variation.tools {
                if !self.existing.tools.contains(tool)
                    && !self.spec.tools.iter().any(|known| known.key == *tool)
                {
                    self.fault(format!("{place}: there is no tool `{tool}`"));
                }
            }
        }
        for (index, rule) in config.rules.iter().enumerate() {
            let place = format!("{owner}, rule {}", index + 1);
            match &rule.when {
                Condition::Segment(key) => {
                    if !self.existing.segments.contains(key)
                        && !self.spec.segments.iter().any(|known| known.key == *key)
                    {
                        self.fault(format!("{place}: there is no segment `{key}`"));
                    }
                }
                Condition::Clauses(clauses) if clauses.is_empty() => {
                    self.fault(format!("{place} has no clauses"))
                }
                Condition::Clauses(_) => {}
            }
            self.serve(config, &rule.serve, &place);
        }
        self.serve(config, &config.fallthrough, &format!("{owner}, default rule"));
        if let Some(off) = &config.off {
            self.variation(config, off, &format!("{owner}, off variation"));
        }
    }

    fn serve(&mut self, config: &ConfigSpec, serve: &ServeSpec, place: &str) {
        match serve {
            ServeSpec::Variation(key) => self.variation(config, key, place),
            ServeSpec::Weights(weights) => {
                for (key, _) in weights {
                    self.variation(config, key, place);
                }
                self.whole(weights, place);
            }
            ServeSpec::Guarded { from, to, share } => {
                self.variation(config, from, place);
                self.variation(config, to, place);
                if share.weight() > Share::WHOLE.weight() / 2 {
                    self.fault(format!("{place}: a guarded rollout takes at most 50%, because an equal share is its control"));
                }
            }
        }
    }

    fn variation(&mut self, config: &ConfigSpec, key: &str, place: &str) {
        if !config.variations.iter().any(|variation| variation.key == key) {
            self.fault(format!("{place}: AI config `{}` has no variation `{key}`", config.key));
        }
    }

    fn whole(&mut self, weights: &[(String, Share)], place: &str) {
        let sum: u64 = weights.iter().map(|(_, share)| u64::from(share.weight())).sum();
        if sum != u64::from(Share::WHOLE.weight()) {
            self.fault(format!("{place}: the shares sum to {}%, not 100%", sum as f64 / 1e3));
        }
        let keys: BTreeSet<&String> = weights.iter().map(|(key, _)| key).collect();
        if keys.len() != weights.len() {
            self.fault(format!("{place}: a variation is named twice"));
        }
    }

    fn experiment(&mut self, experiment: &ExperimentSpec, earlier: &[ExperimentSpec]) {
        let place = format!("experiment `{}`", experiment.key);
        for key in &experiment.metrics {
            if !self.existing.metrics.contains(key)
                && !self.spec.metrics.iter().any(|known| known.key == *key)
            {
                self.fault(format!("{place}: there is no metric `{key}`"));
            }
        }
        if !experiment.metrics.contains(&experiment.primary) {
            self.fault(format!(
                "{place}: the primary metric `{}` is not among its metrics",
                experiment.primary
            ));
        }
        self.whole(&experiment.treatments, &place);
        let traffic = |key: &str| {
            experiment
                .treatments
                .iter()
                .any(|(treatment, share)| treatment == key && share.weight() > 0)
        };
        if !traffic(&experiment.control) {
            self.fault(format!("{place}: the control `{}` gets no traffic", experiment.control));
        }
        if experiment
            .treatments
            .iter()
            .filter(|(key, share)| *key != experiment.control && share.weight() > 0)
            .count()
            == 0
        {
            self.fault(format!("{place}: nothing is compared with the control"));
        }
        if experiment.sample.weight() == 0 {
            self.fault(format!("{place}: the sample is empty"));
        }
        let Some(config) = self.spec.configs.iter().find(|config| config.key == experiment.config)
        else {
            return self.fault(format!("{place}: there is no AI config `{}`", experiment.config));
        };
        for key in experiment.treatments.iter().map(|(key, _)| key).chain([&experiment.outside]) {
            self.variation(config, key, &place);
        }
        let Some(rule) = rule_index(config, &experiment.rule) else {
            return self.fault(format!(
                "{place}: AI config `{}` has no such rule: {}",
                config.key,
                describe(&experiment.rule)
            ));
        };
        let serves = config.rules.iter().map(|rule| &rule.serve).chain([&config.fallthrough]);
        if serves.into_iter().any(|serve| matches!(serve, ServeSpec::Guarded { .. })) {
            self.fault(format!(
                "{place}: a guarded rollout is set up on AI config `{}`, and both cannot run on the same config",
                config.key
            ));
        }
        let same = |other: &&ExperimentSpec| {
            other.config == experiment.config && rule_index(config, &other.rule) == Some(rule)
        };
        if let Some(other) = earlier.iter().find(same) {
            self.fault(format!("{place}: experiment `{}` runs on the same rule", other.key));
        }
    }
}

/// The index of the chosen rule; the number of rules stands for the default rule.
pub fn rule_index(config: &ConfigSpec, rule: &RuleChoice) -> Option<usize> {
    match rule {
        RuleChoice::Fallthrough => Some(config.rules.len()),
        RuleChoice::Index(index) => Some(*index).filter(|index| *index < config.rules.len()),
        RuleChoice::Segment(key) => {
            config.rules.iter().position(|rule| rule.when == Condition::Segment(key.clone()))
        }
    }
}

fn describe(rule: &RuleChoice) -> String {
    match rule {
        RuleChoice::Fallthrough => "the default rule".to_owned(),
        RuleChoice::Index(index) => format!("rule {}", index + 1),
        RuleChoice::Segment(key) => format!("a rule for segment `{key}`"),
    }
}
