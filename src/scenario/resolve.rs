//! From the file as written to its meaning: names to indices, sums and ranges, checks across blocks.
//!
//! Promises: all faults are gathered, each with its place, the reason and a suggestion; what it lets through has no
//! dangling name and no share left over.
//!
//! Does not know: RON's syntax, or files.

use std::ops::Range;

use super::catalog::{self, DraftConfig, DraftVariation};
use super::model::Scenario;
use super::overrides;
use super::source::{self, Clause, Source as Written};
use super::spanned::Spanned;
use crate::agents::{Agent, AgentSetup, ConfigSetup};
use crate::context::Attributes;
use crate::diagnostic::{Diagnostic, Source, nearest};
use crate::event::AppEvent;
use crate::experiment::{Experiment, Metric, Treatment};
use crate::flags::spec as flags;
use crate::judge::{JudgeSpec, Sees};
use crate::knowledge::KnowledgeBase;
use crate::knowledge::tokens::count;
use crate::llm::profile::{ModelProfile, Provider};
use crate::llm::render;
use crate::llm::setup::{Reading, Setup, ToolSpec};
use crate::quantity::{Probability, Share};
use crate::random::Seed;
use crate::time::Duration;
use crate::traffic::{AudienceGroup, Mode, TrafficSpec};

/// Most queries of one run.
const MOST_QUERIES: u64 = 10_000_000;
/// Most requests in flight at once.
const MOST_WORKERS: u32 = 10_000;
/// Most distinct attribute sets of an audience.
const MOST_GROUPS: usize = 10_000;

/// Collects faults against one source.
pub struct Faults<'s> {
    source: &'s Source,
    found: Vec<Diagnostic>,
}

impl<'s> Faults<'s> {
    /// None so far.
    pub fn new(source: &'s Source) -> Self {
        Self { source, found: Vec::new() }
    }

    /// Adds a fault at a place; an empty place points at nothing.
    pub fn add(&mut self, message: impl Into<String>, span: &Range<usize>, label: impl Into<String>, help: Option<String>) {
        let mut fault = Diagnostic::new(message);
        if span.is_empty() {
            fault.source = Some(self.source.clone());
        } else {
            fault = fault.at(self.source, span.clone(), label);
        }
        fault.help = help;
        self.found.push(fault);
    }

    /// The place of a name among `known`; an unknown one is a fault.
    pub fn look_up<'k>(&mut self, what: &str, name: &Spanned<String>, known: impl IntoIterator<Item = &'k str>) -> Option<usize> {
        let known: Vec<&str> = known.into_iter().collect();
        let at = known.iter().position(|&key| key == name.value);
        if at.is_none() {
            let help = match nearest(&name.value, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.is_empty() => format!("there is no {what} here at all"),
                None => format!("known: {}", known.join(", ")),
            };
            self.add(format!("{what} `{}` is not defined", name.value), &name.span, format!("no {what} has this key"), Some(help));
        }
        at
    }

    /// Checks a number against its range.
    pub fn range(&mut self, what: &str, number: &Spanned<f64>, least: f64, most: f64) -> f64 {
        if !(least..=most).contains(&number.value) {
            self.add(format!("{what} is out of range"), &number.span, format!("expected {least} to {most}, found {}", number.value), None);
        }
        number.value
    }

    /// The faults.
    pub fn finish(self) -> Vec<Diagnostic> {
        self.found
    }

    /// Where a text literal stands, from `after` on: for names inside a decision rule.
    fn literal(&self, text: &str, after: usize) -> Range<usize> {
        let quoted = format!("\"{text}\"");
        let from = after.min(self.source.text.len());
        self.source.text.get(from..).and_then(|rest| rest.find(&quoted)).map_or(0..0, |at| from + at..from + at + quoted.len())
    }
}

/// Resolves a file that was read.
///
/// # Errors
/// Every fault that is found.
pub fn resolve(name: &str, written: &Written, source: &Source, knowledge: KnowledgeBase) -> Result<Scenario, Vec<Diagnostic>> {
    let mut faults = Faults::new(source);
    let models = overrides::models(&written.models, &mut faults);
    let tools = overrides::tools(&written.tools, &mut faults);
    let metrics = overrides::metrics(&written.metrics, &mut faults);
    let causes = overrides::causes(&written.causes, &mut faults);
    let drafts = overrides::configs(&written.configs, &mut faults);
    let segments = overrides::segments(&written.segments, &mut faults);
    let segment_keys: Vec<&str> = segments.iter().map(|segment| segment.key.as_str()).collect();

    let configs = config_setups(&drafts, &written.configs, &models, &tools, &mut faults);
    unpriced(written, &drafts, &models, &mut faults);
    emitted(written, &mut faults);

    let mut experiments = Vec::new();
    let mut specs = Vec::new();
    for (nth, experiment) in written.experiments.iter().enumerate() {
        duplicates(written, nth, &mut faults);
        if let Some((resolved, spec)) = one_experiment(experiment, &drafts, &metrics, &segment_keys, written, &mut faults) {
            experiments.push(resolved);
            specs.push(spec);
        }
    }
    if written.experiments.is_empty() {
        faults.add(
            "the scenario has no experiment",
            &(0..0),
            "",
            Some("write `experiments: [( key: …, … )]`, see `simlab new security`".to_owned()),
        );
    }

    let traffic = traffic(written, &models, &mut faults);
    let by_id = |id: &str| models.iter().position(|model| model.id == id).unwrap_or_default() as u16;
    let judge_model = written.judge.model.as_ref().and_then(|name| faults.look_up("model", name, models.iter().map(|m| m.id.as_str())));
    let judge_model = judge_model.map_or_else(|| by_id(catalog::JUDGE), |at| at as u16);
    let judge = JudgeSpec {
        model: judge_model,
        sees: match written.judge.sees {
            Some(source::Sees::AnswerOnly) => Sees::AnswerOnly,
            Some(source::Sees::ToolOutputFirst) | None => Sees::ToolOutputFirst,
        },
        question_characters: written.judge.question_characters.unwrap_or(catalog::QUESTION_CHARACTERS),
        answer_characters: written.judge.answer_characters.unwrap_or(catalog::ANSWER_CHARACTERS),
        traits: overrides::judge(&written.judge, &mut faults),
    };
    let plain = |model: u16, instructions: &str, max_tokens: u32| Setup {
        model,
        instructions: instructions.to_owned(),
        reading: Reading::of(instructions),
        max_tokens: Some(max_tokens),
        temperature: None,
        tools: Vec::new(),
        fixed_tokens: count(instructions),
    };
    let judge_setup =
        plain(judge_model, written.judge.instructions.as_deref().unwrap_or(catalog::JUDGE_INSTRUCTIONS), catalog::JUDGE_TOKENS);
    let writer = written.traffic.instructions.as_deref().unwrap_or(catalog::WRITER_INSTRUCTIONS);
    let writer_setup = plain(traffic.writer as u16, writer, catalog::WRITER_TOKENS);
    let project = project(&drafts, &models, &tools, &metrics, segments, specs, written, &mut faults);

    let found = faults.finish();
    if !found.is_empty() {
        return Err(found);
    }
    Ok(Scenario {
        name: name.to_owned(),
        title: written.title.clone(),
        seed: Seed(written.seed),
        knowledge,
        models,
        tools,
        configs,
        causes,
        judge,
        judge_setup,
        traffic,
        writer_setup,
        project,
        metrics,
        experiments,
        rules: written.experiments.iter().map(|experiment| experiment.decision.clone()).collect(),
        expects: written.experiments.iter().map(|experiment| experiment.expect.clone()).collect(),
    })
}

/// What each variation tells its agent, with models and tools by index.
fn config_setups(
    drafts: &[DraftConfig],
    written: &super::spanned::Entries<source::Config>,
    models: &[ModelProfile],
    tools: &[ToolSpec],
    faults: &mut Faults<'_>,
) -> Vec<ConfigSetup> {
    let model_ids = || models.iter().map(|model| model.id.as_str());
    let tool_keys = || tools.iter().map(|tool| tool.key.as_str());
    let setup = |draft: &DraftVariation, config: &DraftConfig, faults: &mut Faults<'_>| {
        let names = overrides::names(written, config.key, &draft.key);
        let spanned = |name: &str, span: Option<&Range<usize>>| Spanned { value: name.to_owned(), span: span.cloned().unwrap_or(0..0) };
        let model = faults.look_up("model", &spanned(&draft.model, names.model.as_ref()), model_ids()).unwrap_or_default();
        let tools_at: Vec<u16> = draft
            .tools
            .iter()
            .enumerate()
            .filter_map(|(nth, tool)| faults.look_up("tool", &spanned(tool, names.tools.get(nth)), tool_keys()))
            .map(|at| at as u16)
            .collect();
        let fallback = draft.fallback.as_ref().and_then(|name| {
            faults.look_up("variation", &spanned(name, names.fallback.as_ref()), config.variations.iter().map(|v| v.key.as_str()))
        });
        let anthropic = models.get(model).is_some_and(|model| model.provider == Provider::Anthropic);
        let schema = match config.agent {
            Agent::Supervisor => count(render::PRESCREEN_SCHEMA),
            Agent::Security => count(render::DETECTION_SCHEMA),
            Agent::Support => 0,
        };
        let tool_prompt = if anthropic && (schema > 0 || !tools_at.is_empty()) { catalog::ANTHROPIC_TOOL_TOKENS } else { 0 };
        let offers = tools_at.iter().map(|&at| count(&render::tool_offer(&tools[usize::from(at)])));
        AgentSetup {
            variation: draft.key.clone(),
            name: draft.name.clone(),
            setup: Setup {
                model: model as u16,
                instructions: draft.instructions.clone(),
                reading: Reading::of(&draft.instructions),
                max_tokens: draft.max_tokens.or(anthropic.then_some(catalog::ANTHROPIC_TOKENS)),
                temperature: draft.temperature,
                fixed_tokens: count(&draft.instructions) + offers.sum::<u32>() + schema + tool_prompt,
                tools: tools_at.clone(),
            },
            max_tool_calls: draft.max_tool_calls,
            session_budget: draft.session_budget,
            at_budget: draft.at_budget,
            fallback,
        }
    };
    drafts
        .iter()
        .map(|config| ConfigSetup {
            key: config.key.to_owned(),
            agent: config.agent,
            variations: config.variations.iter().map(|draft| setup(draft, config, faults)).collect(),
        })
        .collect()
}

/// A model that is used and has no price is a fault, unless the scenario says that it wants it so.
fn unpriced(written: &Written, drafts: &[DraftConfig], models: &[ModelProfile], faults: &mut Faults<'_>) {
    if written.prices_unknown {
        return;
    }
    for model in models.iter().filter(|model| model.input_price.is_none() || model.output_price.is_none()) {
        let entry = written.models.0.iter().find(|(key, _)| key.value == model.id);
        let used = drafts.iter().flat_map(|config| &config.variations).any(|variation| variation.model == model.id);
        if let Some((key, _)) = entry
            && used
        {
            faults.add(
                format!("model `{}` has no price", key.value),
                &key.span,
                "its calls would send no cost event",
                Some("give `input_price` and `output_price` in dollars per million tokens, such as \"$2.50\"; or write `prices_unknown: true` to see what happens without".to_owned()),
            );
        }
    }
}

/// A metric on an event that nothing emits is a fault.
fn emitted(written: &Written, faults: &mut Faults<'_>) {
    for (key, metric) in &written.metrics.0 {
        let Some(event) = &metric.event else { continue };
        if AppEvent::by_key(&event.value).is_none() {
            let near = nearest(&event.value, AppEvent::ALL.iter().map(|event| event.key()));
            let help = near.map_or_else(
                || format!("events: {}", AppEvent::ALL.map(AppEvent::key).join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            faults.add(
                format!("metric `{}` counts an event that nothing emits", key.value),
                &event.span,
                "no agent sends this event",
                Some(help),
            );
        }
    }
}

/// Two experiments with one key, or on one rule of one config.
fn duplicates(written: &Written, nth: usize, faults: &mut Faults<'_>) {
    let this = &written.experiments[nth];
    for other in &written.experiments[..nth] {
        if other.key.value == this.key.value {
            faults.add(format!("experiment `{}` is defined twice", this.key.value), &this.key.span, "the second one", None);
        }
        let segment = |experiment: &source::Experiment| experiment.segment.as_ref().map(|segment| segment.value.clone());
        if other.config.value == this.config.value && segment(other) == segment(this) {
            faults.add(
                format!("two experiments run on the same rule of `{}`", this.config.value),
                &this.config.span,
                format!("`{}` runs there already", other.key.value),
                Some("one rule serves one experiment at a time; choose another config or segment".to_owned()),
            );
        }
    }
}

fn one_experiment(
    written: &source::Experiment,
    drafts: &[DraftConfig],
    metrics: &[Metric],
    segments: &[&str],
    file: &Written,
    faults: &mut Faults<'_>,
) -> Option<(Experiment, flags::ExperimentSpec)> {
    let before = faults.found.len();
    let config = faults.look_up("AI config", &written.config, drafts.iter().map(|config| config.key));
    if let Some(segment) = &written.segment {
        faults.look_up("segment", segment, segments.iter().copied());
    }
    if let Some(guarded) = file.guarded_rollouts.iter().find(|guarded| guarded.config.value == written.config.value) {
        faults.add(
            format!("a guarded rollout and an experiment on the same config `{}`", written.config.value),
            &guarded.config.span,
            "the guarded rollout",
            Some(
                "LaunchDarkly runs one or the other on a flag: a guarded rollout to release with care, an experiment to measure".to_owned(),
            ),
        );
    }
    let config = &drafts[config?];
    let keys = || config.variations.iter().map(|variation| variation.key.as_str());
    let mut shares = Vec::new();
    for (key, share) in &written.split.value.0 {
        if faults.look_up("variation", key, keys()).is_some() {
            if shares.iter().any(|(known, _)| *known == key.value) {
                faults.add(format!("variation `{}` is in the split twice", key.value), &key.span, "the second one", None);
            }
            shares.push((key.value.clone(), *share));
        }
    }
    let sum: u64 = written.split.value.0.iter().map(|(_, share)| u64::from(share.weight())).sum();
    if sum != u64::from(Share::WHOLE.weight()) {
        faults.add(
            format!("the split of experiment `{}` does not sum to 100%", written.key.value),
            &written.split.span,
            format!("these sum to {}%", sum as f64 / 1e3),
            None,
        );
    }
    let known_control = faults.look_up("variation", &written.control, keys()).is_some();
    let control_share = shares.iter().find(|(key, _)| *key == written.control.value).map(|(_, share)| share.weight());
    if known_control && control_share.unwrap_or(0) == 0 {
        faults.add(
            format!("the control of experiment `{}` gets no traffic", written.key.value),
            &written.control.span,
            "nobody would be compared with",
            Some(format!("give it a share in `split`, such as \"{}\": \"50%\"", written.control.value)),
        );
    }
    if let Some(outside) = &written.outside {
        faults.look_up("variation", outside, keys());
    }
    let mut chosen = Vec::new();
    for metric in &written.metrics {
        if let Some(at) = faults.look_up("metric", metric, metrics.iter().map(|metric| metric.key.as_str())) {
            if chosen.contains(&at) {
                faults.add(format!("metric `{}` is listed twice", metric.value), &metric.span, "the second time", None);
            }
            chosen.push(at);
        }
    }
    if written.metrics.is_empty() {
        faults.add(
            format!("experiment `{}` has no metric", written.key.value),
            &written.key.span,
            "nothing would be measured",
            Some("list `metrics`, the primary one first".to_owned()),
        );
    }
    let threshold = written.threshold.as_ref().map_or(0.9, |threshold| faults.range("threshold", threshold, 0.5, 0.999));
    check_rule(written, metrics, &chosen, &shares, faults);
    if faults.found.len() > before {
        return None;
    }
    let name_of = |key: &str| config.variations.iter().find(|v| v.key == key).map_or_else(|| catalog::title(key), |v| v.name.clone());
    let treatments: Vec<Treatment> = shares
        .iter()
        .filter(|(_, share)| share.weight() > 0)
        .map(|(key, share)| Treatment { variation: key.clone(), name: name_of(key), share: *share })
        .collect();
    let control = treatments.iter().position(|treatment| treatment.variation == written.control.value)?;
    let name = written.name.clone().unwrap_or_else(|| catalog::title(&written.key.value));
    let threshold = Probability::clamped(threshold);
    let spec = flags::ExperimentSpec {
        key: written.key.value.clone(),
        name: name.clone(),
        hypothesis: written.hypothesis.clone(),
        config: written.config.value.clone(),
        rule: written.segment.as_ref().map_or(flags::RuleChoice::Fallthrough, |segment| flags::RuleChoice::Segment(segment.value.clone())),
        control: written.control.value.clone(),
        outside: written.outside.as_ref().map_or_else(|| written.control.value.clone(), |outside| outside.value.clone()),
        sample: written.sample.unwrap_or(Share::WHOLE),
        treatments: shares,
        metrics: chosen.iter().map(|&at| metrics[at].key.clone()).collect(),
        primary: metrics[chosen[0]].key.clone(),
        threshold,
        method: written.method,
        correction: written.correction,
        seed: None,
    };
    let experiment = Experiment {
        key: spec.key.clone(),
        name,
        hypothesis: written.hypothesis.clone(),
        config: spec.config.clone(),
        treatments,
        control,
        metrics: chosen,
        threshold,
        method: written.method,
        correction: written.correction,
    };
    Some((experiment, spec))
}

/// A decision rule speaks of a treatment that takes part and of metrics that the experiment has.
fn check_rule(written: &source::Experiment, metrics: &[Metric], chosen: &[usize], shares: &[(String, Share)], faults: &mut Faults<'_>) {
    let Some(rule) = &written.decision else { return };
    let after = written.key.span.end;
    let shipped = Spanned { value: rule.ship.clone(), span: faults.literal(&rule.ship, after) };
    if rule.ship == written.control.value {
        faults.add(
            "the decision ships the control",
            &shipped.span,
            "this is the control already",
            Some("name the treatment that the rule is about".to_owned()),
        );
    } else {
        faults.look_up("variation of the split", &shipped, shares.iter().map(|(key, _)| key.as_str()));
    }
    for (_, key) in rule.metric_keys() {
        let name = Spanned { value: key.to_owned(), span: faults.literal(key, shipped.span.end.max(after)) };
        faults.look_up("metric of the experiment", &name, chosen.iter().map(|&at| metrics[at].key.as_str()));
    }
}

fn traffic(written: &Written, models: &[ModelProfile], faults: &mut Faults<'_>) -> TrafficSpec {
    let file = &written.traffic;
    let queries = file.queries.as_ref().map_or(200, |queries| {
        if !(1..=MOST_QUERIES).contains(&queries.value) {
            faults.add("the number of queries is out of range", &queries.span, format!("expected 1 to {MOST_QUERIES}"), None);
        }
        queries.value.clamp(1, MOST_QUERIES) as u32
    });
    let mode = file.mode.as_ref().map_or(Mode::Concurrent { workers: 10 }, |mode| match mode.value {
        source::Mode::Concurrent { workers } => {
            if !(1..=MOST_WORKERS).contains(&workers) {
                faults.add("the number of workers is out of range", &mode.span, format!("expected 1 to {MOST_WORKERS}"), None);
            }
            Mode::Concurrent { workers: workers.clamp(1, MOST_WORKERS) }
        }
        source::Mode::Sequential { delay } => Mode::Sequential { delay },
    });
    let timeout = file.timeout.as_ref().map_or(Duration::from_us(2_000_000_000), |timeout| {
        if timeout.value == Duration::ZERO {
            faults.add(
                "the timeout is zero",
                &timeout.span,
                "every request would fail at once",
                Some("the tutorial has \"2000s\"".to_owned()),
            );
        }
        timeout.value
    });
    let personal = file.pii_percentage.as_ref().map_or(15.0, |percentage| faults.range("pii_percentage", percentage, 0.0, 100.0));
    let complexity = file.complexity.as_ref().map_or([1.0 / 3.0; 3], |shares| {
        let parts = [shares.value.basic, shares.value.intermediate, shares.value.advanced];
        let sum: u32 = parts.iter().map(|share| share.weight()).sum();
        if sum != Share::WHOLE.weight() {
            faults.add(
                "the shares of complexity do not sum to 100%",
                &shares.span,
                format!("these sum to {}%", f64::from(sum) / 1e3),
                None,
            );
        }
        parts.map(Share::fraction)
    });
    let topics = file.topics.as_ref().map_or(24, |topics| {
        if !(1..=256).contains(&topics.value) {
            faults.add("the number of topics is out of range", &topics.span, "expected 1 to 256", None);
        }
        topics.value
    });
    let unwritten = Spanned::unwritten(catalog::WRITER.to_owned());
    let writer = faults.look_up("model", file.writer.as_ref().unwrap_or(&unwritten), models.iter().map(|model| model.id.as_str()));
    TrafficSpec {
        queries,
        mode,
        timeout,
        personal_data: Probability::clamped(personal / 100.0),
        complexity,
        topics,
        writer: writer.unwrap_or_default(),
        audience: audience(written, faults),
    }
}

/// Distinct attribute sets: each group's lists of values, spread evenly.
fn audience(written: &Written, faults: &mut Faults<'_>) -> Vec<AudienceGroup> {
    let Some(file) = &written.audience else {
        // The tutorial's generator: everybody is a paying user in the US.
        let attributes = [("country", "US"), ("plan", "paid"), ("region", "other")];
        let attributes = attributes.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect();
        return vec![AudienceGroup { weight: 1.0, attributes: Attributes(attributes) }];
    };
    let sum: u64 = file.value.iter().map(|group| u64::from(group.share.weight())).sum();
    if sum != u64::from(Share::WHOLE.weight()) {
        faults.add("the shares of the audience do not sum to 100%", &file.span, format!("these sum to {}%", sum as f64 / 1e3), None);
    }
    let mut groups = Vec::new();
    for group in &file.value {
        let mut sets = vec![Attributes::default()];
        for (key, values) in &group.attributes {
            if values.is_empty() || sets.len() * values.len() > MOST_GROUPS {
                let label = if values.is_empty() { "it needs at least one value" } else { "too many combinations" };
                faults.add(format!("the values of attribute `{key}` cannot be spread"), &file.span, label, None);
                return Vec::new();
            }
            sets = sets
                .iter()
                .flat_map(|set| {
                    values.iter().map(|value| {
                        let mut set = set.clone();
                        set.0.insert(key.clone(), value.clone());
                        set
                    })
                })
                .collect();
        }
        let weight = group.share.fraction() / sets.len() as f64;
        groups.extend(sets.into_iter().map(|attributes| AudienceGroup { weight, attributes }));
    }
    groups
}

/// What LaunchDarkly has to hold for it.
#[expect(clippy::too_many_arguments, reason = "every part of the scenario goes into the project")]
fn project(
    drafts: &[DraftConfig],
    models: &[ModelProfile],
    tools: &[ToolSpec],
    metrics: &[Metric],
    segments: Vec<flags::SegmentSpec>,
    experiments: Vec<flags::ExperimentSpec>,
    written: &Written,
    faults: &mut Faults<'_>,
) -> flags::ProjectSpec {
    let model_key = |id: &str| {
        let provider = models.iter().find(|model| model.id == id).map_or("OpenAI", |model| provider_name(model.provider));
        format!("{provider}.{id}")
    };
    let number = |value: f64| serde_json::Number::from_f64(value).map(serde_json::Value::Number).unwrap_or_default();
    let variation = |draft: &DraftVariation| {
        let mut parameters = serde_json::Map::new();
        if let Some(temperature) = draft.temperature {
            parameters.insert("temperature".to_owned(), number(temperature));
        }
        if let Some(most) = draft.max_tokens {
            parameters.insert("max_tokens".to_owned(), most.into());
        }
        let mut custom = serde_json::Map::new();
        if draft.max_tool_calls > 0 {
            custom.insert("max_tool_calls".to_owned(), draft.max_tool_calls.into());
        }
        flags::VariationSpec {
            key: draft.key.clone(),
            name: draft.name.clone(),
            model_config: model_key(&draft.model),
            parameters,
            custom,
            instructions: draft.instructions.clone(),
            tools: draft.tools.clone(),
        }
    };
    for guarded in &written.guarded_rollouts {
        if let Some(at) = faults.look_up("AI config", &guarded.config, drafts.iter().map(|config| config.key)) {
            for end in [&guarded.from, &guarded.to] {
                faults.look_up("variation", end, drafts[at].variations.iter().map(|v| v.key.as_str()));
            }
        }
    }
    let serve = |config: &DraftConfig, segment: &str, variation: &str| {
        let guarded = written.guarded_rollouts.iter().find(|g| g.config.value == config.key && g.segment.value == segment);
        match guarded {
            Some(g) => flags::ServeSpec::Guarded { from: g.from.value.clone(), to: g.to.value.clone(), share: g.share },
            None => flags::ServeSpec::Variation(variation.to_owned()),
        }
    };
    let configs = drafts.iter().map(|config| flags::ConfigSpec {
        key: config.key.to_owned(),
        name: config.key.to_owned(),
        variations: config.variations.iter().map(variation).collect(),
        rules: config
            .rules
            .iter()
            .map(|(segment, served)| flags::RuleSpec {
                when: flags::Condition::Segment(segment.clone()),
                serve: serve(config, segment, served),
            })
            .collect(),
        fallthrough: flags::ServeSpec::Variation(config.default.clone()),
        off: None,
    });
    let used = |id: &str| drafts.iter().flat_map(|config| &config.variations).any(|variation| variation.model == id);
    flags::ProjectSpec {
        key: "multi-agent-chatbot".to_owned(),
        name: "Multi-Agent Chatbot".to_owned(),
        environment: "production".to_owned(),
        segments,
        tools: tools
            .iter()
            .map(|tool| flags::ToolSpec {
                key: tool.key.clone(),
                description: tool.description.clone(),
                schema: serde_json::from_str(&tool.schema).unwrap_or_default(),
            })
            .collect(),
        model_configs: models
            .iter()
            .filter(|model| used(&model.id))
            .map(|model| flags::ModelConfigSpec {
                key: model_key(&model.id),
                provider: provider_name(model.provider).to_owned(),
                model: model.id.clone(),
            })
            .collect(),
        configs: configs.collect(),
        metrics: metrics.to_vec(),
        experiments,
    }
}

/// The provider as LaunchDarkly spells it.
fn provider_name(provider: Provider) -> &'static str {
    match provider {
        Provider::Anthropic => "Anthropic",
        Provider::OpenAi => "OpenAI",
        Provider::Mistral => "Mistral",
    }
}

/// The clauses of a segment, as flags have them.
pub fn clause(clause: &Clause) -> flags::ClauseSpec {
    let (attribute, values, negate) = match clause {
        Clause::In(attribute, values) => (attribute, values, false),
        Clause::NotIn(attribute, values) => (attribute, values, true),
    };
    let values = values.iter().map(|value| serde_json::Value::from(value.as_str())).collect();
    flags::ClauseSpec { attribute: attribute.clone(), operator: flags::Operator::In, values, negate }
}
