//! The experiments of a scenario: treatments, rule, metrics, decision, expectation; and what cannot
//! run together.
//!
//! Guarantees: an experiment that it lets through has a control with traffic, a treatment to
//! compare with it, users who meet it, and a decision that speaks of both.
//!
//! Does not know: how an experiment is analyzed.

use super::adaptive;
use super::catalog::{self, DraftConfig};
use super::decision::DecisionScope;
use super::faults::{Faults, MAX_ENTRIES};
use super::paired;
use super::source::{self, WrittenScenario as Written};
use super::spanned::Spanned;
use super::study::Slice;
use super::traffic::sum_to_whole;
use crate::context::Attributes;
use crate::experiment::{Experiment, Metric, PairedDesign, Thompson, Treatment};
use crate::flags::spec::{ClauseSpec, ExperimentSpec, RuleChoice, SegmentSpec};
use crate::quantity::{Probability, Share};
use crate::report::Expect;
use crate::traffic::AudienceGroup;
use crate::verdict::Rule;

/// What experiments refer to.
pub struct ExperimentWorld<'a> {
    /// The AI configs.
    pub drafts: &'a [DraftConfig],
    /// The metrics.
    pub metrics: &'a [Metric],
    /// The segments.
    pub segments: &'a [SegmentSpec],
    /// Who comes.
    pub audience: &'a [AudienceGroup],
}

/// An experiment of a scenario, in full.
pub struct Resolved {
    /// What is studied.
    pub experiment: Experiment,
    /// What LaunchDarkly has to hold for it.
    pub spec: ExperimentSpec,
    /// Its bandit, if its split is not fixed.
    pub bandit: Option<Thompson>,
    /// Its paired design, if it is no split test.
    pub paired: Option<PairedDesign>,
    /// The rule whose users take part; `None` is the default rule.
    pub rule: Option<u32>,
    /// Parts of its users.
    pub slices: Vec<Slice>,
    /// The rule that decides.
    pub decision: Option<Rule>,
    /// What is expected of the outcome.
    pub expect: Option<Expect>,
}

/// The experiments of a scenario, and what LaunchDarkly has to hold for them.
pub fn experiments(
    written: &Written,
    world: &ExperimentWorld<'_>,
    faults: &mut Faults<'_>,
) -> Vec<Resolved> {
    if written.experiments.is_empty()
        && written.guarded_rollouts.iter().all(|guarded| guarded.watch.is_empty())
    {
        let help = "write `experiments: [( key: …, … )]`, see `simlab new security`".to_owned();
        faults.add("the scenario has no experiment", &(0..0), "", Some(help));
    }
    faults.too_many(
        "experiments",
        written.experiments.get(MAX_ENTRIES).map(|experiment| &experiment.key.span),
    );
    faults.too_many(
        "guarded rollouts",
        written.guarded_rollouts.get(MAX_ENTRIES).map(|guarded| &guarded.config.span),
    );
    guarded(written, world, faults);
    paired::alone(written, faults);
    let mut resolved = Vec::new();
    for (nth, experiment) in written.experiments.iter().enumerate().take(MAX_ENTRIES) {
        faults.key("experiment", &experiment.key);
        faults.define("experiment", "", &experiment.key);
        together(written, nth, experiment, faults);
        resolved.extend(one(experiment, world, faults));
    }
    resolved
}

/// Guarded rollouts: each on a rule that is there, between two variations.
fn guarded(written: &Written, world: &ExperimentWorld<'_>, faults: &mut Faults<'_>) {
    for (nth, guarded) in written.guarded_rollouts.iter().enumerate().take(MAX_ENTRIES) {
        let at = faults.look_up(
            "AI config",
            &guarded.config,
            world.drafts.iter().map(|config| config.key.as_str()),
        );
        let Some(config) = at.and_then(|at| world.drafts.get(at)) else { continue };
        for end in [&guarded.from, &guarded.to] {
            faults.look_up_in(
                "variation",
                &config.key,
                end,
                config.variations.iter().map(|variation| variation.key.as_str()),
            );
        }
        if guarded.from.value == guarded.to.value {
            let places = [(&guarded.from.span, "from this"), (&guarded.to.span, "to the same")];
            faults.add_pair("a guarded rollout changes nothing", places, None);
        }
        if guarded.share.value.weight() > Share::WHOLE.weight() / 2 {
            let label = "expected at most 50%, because an equal share is its control";
            faults.add(
                "the share of a guarded rollout is out of range",
                &guarded.share.span,
                label,
                None,
            );
        }
        rule(config, &guarded.segment, world, faults);
        let same = |other: &&source::GuardedRollout| {
            other.config.value == guarded.config.value
                && other.segment.value == guarded.segment.value
        };
        if let Some(other) = written.guarded_rollouts.iter().take(nth).find(same) {
            let places =
                [(&other.segment.span, "the first one"), (&guarded.segment.span, "the second one")];
            faults.add_pair(
                format!("two guarded rollouts on the same rule of `{}`", config.key),
                places,
                None,
            );
        }
    }
}

/// What cannot run together with this experiment, the `nth`.
fn together(
    written: &Written,
    nth: usize,
    this: &source::WrittenExperiment,
    faults: &mut Faults<'_>,
) {
    let config = &this.config.value;
    if let Some(guarded) =
        written.guarded_rollouts.iter().find(|guarded| guarded.config.value == *config)
    {
        let places =
            [(&this.config.span, "the experiment"), (&guarded.config.span, "the guarded rollout")];
        let help = "LaunchDarkly runs one or the other: a guarded rollout to release with care, an experiment to measure".to_owned();
        faults.add_pair(
            format!("a guarded rollout and an experiment run on the same config `{config}`"),
            places,
            Some(help),
        );
    }
    let segment = |experiment: &source::WrittenExperiment| {
        experiment.segment.as_ref().map(|segment| segment.value.clone())
    };
    for other in written
        .experiments
        .iter()
        .take(nth)
        .filter(|other| other.config.value == *config && segment(other) == segment(this))
    {
        let rule = |experiment: &source::WrittenExperiment| {
            experiment.segment.as_ref().unwrap_or(&experiment.config).span.clone()
        };
        let places = [(&rule(other), "the first one"), (&rule(this), "the second one")];
        let help =
            "one rule serves one experiment at a time: choose another config or segment".to_owned();
        faults.add_pair(
            format!("two experiments run on the same rule of `{config}`"),
            places,
            Some(help),
        );
    }
}

fn one(
    written: &source::WrittenExperiment,
    world: &ExperimentWorld<'_>,
    faults: &mut Faults<'_>,
) -> Option<Resolved> {
    let before = faults.count();
    let at = faults.look_up(
        "AI config",
        &written.config,
        world.drafts.iter().map(|config| config.key.as_str()),
    );
    let chosen = metrics(written, world, faults);
    let threshold = written.threshold.as_ref().map_or(crate::experiment::THRESHOLD, |threshold| {
        if !(threshold.value > 0.5 && threshold.value < 1.0) {
            let label =
                format!("expected more than 0.5 and less than 1, found {}", threshold.value);
            faults.add(
                "the threshold is out of range",
                &threshold.span,
                label,
                Some("the tutorial has 0.9".to_owned()),
            );
        }
        threshold.value
    });
    if let Some(sample) = written.sample.as_ref().filter(|sample| sample.value.weight() == 0) {
        faults.add(
            "the sample is empty",
            &sample.span,
            "no user would take part",
            Some("the tutorial has \"100%\"".to_owned()),
        );
    }
    let config = world.drafts.get(at?)?;
    reached(written, config, world, faults);
    let shares = split(written, config, faults);
    if let Some(outside) = &written.outside {
        faults.look_up_in(
            "variation",
            &config.key,
            outside,
            config.variations.iter().map(|variation| variation.key.as_str()),
        );
    }
    let takes_part = shares.iter().filter(|(_, share)| share.weight() > 0);
    let measured: Vec<&str> = chosen.iter().map(|(_, metric)| metric.key.as_str()).collect();
    let others = world.metrics.iter().map(|metric| metric.key.as_str());
    let scope = DecisionScope {
        experiment: &written.key.value,
        control: &written.control.value,
        treatments: takes_part.map(|(key, _)| key.as_str()).collect(),
        variations_of: &config.key,
        metrics: chosen.iter().map(|(_, metric)| *metric).collect(),
        metrics_of: "",
        elsewhere: others.filter(|key| !measured.contains(key)).collect(),
        segments: written.by.iter().map(|name| name.value.as_str()).collect(),
    };
    let decision =
        written.decision.as_ref().and_then(|decision| scope.rule(&decision.value, faults));
    let decided = (decision.as_ref(), written.decision.is_some());
    let expect = written.expect.as_ref().map(|expect| scope.expect(expect, decided, faults));
    faults.tolerated(&written.tolerate);
    let bandit = adaptive::bandit(
        written,
        shares.iter().filter(|(_, share)| share.weight() > 0).count(),
        faults,
    );
    let paired = paired::design(written, &shares, &chosen, faults);
    let slices = adaptive::slices(written, world, faults);
    if faults.count() > before {
        return None;
    }
    let name_of = |key: &str| {
        config
            .variations
            .iter()
            .find(|v| v.key == key)
            .map_or_else(|| catalog::title(key), |v| v.name.clone())
    };
    let treatments: Vec<Treatment> = shares
        .iter()
        .filter(|(_, share)| share.weight() > 0)
        .map(|(key, share)| Treatment { variation: key.clone(), name: name_of(key), share: *share })
        .collect();
    let (control, baseline) = treatments
        .iter()
        .enumerate()
        .find(|(_, treatment)| treatment.variation == written.control.value)?;
    let primary = chosen.first().map(|(_, metric)| *metric)?;
    let hypothesis = match written.hypothesis.trim() {
        "" => {
            let others: Vec<&str> = treatments
                .iter()
                .filter(|own| own.variation != written.control.value)
                .map(|own| own.name.as_str())
                .collect();
            format!(
                "{} does better than {} on: {}",
                others.join(" or "),
                baseline.name,
                primary.name
            )
        }
        own => own.to_owned(),
    };
    let name = written.name.clone().unwrap_or_else(|| catalog::title(&written.key.value));
    let threshold = Probability::clamped(threshold);
    let spec = ExperimentSpec {
        key: written.key.value.clone(),
        name: name.clone(),
        hypothesis: hypothesis.clone(),
        config: written.config.value.clone(),
        rule: written
            .segment
            .as_ref()
            .map_or(RuleChoice::Fallthrough, |segment| RuleChoice::Segment(segment.value.clone())),
        control: written.control.value.clone(),
        outside: written.outside.as_ref().unwrap_or(&written.control).value.clone(),
        sample: written.sample.as_ref().map_or(Share::WHOLE, |sample| sample.value),
        treatments: shares,
        primary: primary.key.clone(),
        metrics: chosen.iter().map(|(_, metric)| metric.key.clone()).collect(),
        threshold,
        method: written.method,
        correction: written.correction,
        seed: None,
    };
    let experiment = Experiment {
        key: spec.key.clone(),
        name,
        hypothesis,
        config: spec.config.clone(),
        treatments,
        control,
        metrics: chosen.iter().map(|(at, _)| *at).collect(),
        threshold,
        method: written.method,
        correction: written.correction,
        tolerate: written.tolerate.iter().map(|check| check.value.clone()).collect(),
    };
    let rule = adaptive::rule_of(written, config, world, faults);
    Some(Resolved { experiment, spec, bandit, paired, rule, slices, decision, expect })
}

/// The metrics of an experiment, each with its index.
fn metrics<'a>(
    written: &source::WrittenExperiment,
    world: &ExperimentWorld<'a>,
    faults: &mut Faults<'_>,
) -> Vec<(usize, &'a Metric)> {
    let mut chosen = Vec::new();
    faults.too_many("metrics", written.metrics.get(MAX_ENTRIES).map(|metric| &metric.span));
    for (nth, metric) in written.metrics.iter().enumerate().take(MAX_ENTRIES) {
        if let Some(earlier) =
            written.metrics.iter().take(nth).find(|earlier| earlier.value == metric.value)
        {
            let places = [(&earlier.span, "the first time"), (&metric.span, "the second time")];
            faults.add_pair(format!("metric `{}` is listed twice", metric.value), places, None);
        } else {
            let at = faults.look_up(
                "metric",
                metric,
                world.metrics.iter().map(|metric| metric.key.as_str()),
            );
            chosen.extend(at.and_then(|at| Some((at, world.metrics.get(at)?))));
        }
    }
    if written.metrics.is_empty() {
        let message = format!("experiment `{}` has no metric", written.key.value);
        faults.add(
            message,
            &written.key.span,
            "nothing would be measured",
            Some("list `metrics`, the primary one first".to_owned()),
        );
    }
    chosen
}

/// The variations that take part, with their shares.
fn split(
    written: &source::WrittenExperiment,
    config: &DraftConfig,
    faults: &mut Faults<'_>,
) -> Vec<(String, Share)> {
    let keys = || config.variations.iter().map(|variation| variation.key.as_str());
    let before = faults.count();
    let entries = &written.split.value.0;
    let key = &written.key.value;
    faults.too_many(
        "variations in the split",
        entries.get(MAX_ENTRIES).map(|(variation, _)| &variation.span),
    );
    for (nth, (variation, _)) in entries.iter().enumerate().take(MAX_ENTRIES) {
        faults.look_up_in("variation", &config.key, variation, keys());
        if let Some((earlier, _)) =
            entries.iter().take(nth).find(|(earlier, _)| earlier.value == variation.value)
        {
            let places = [(&earlier.span, "the first time"), (&variation.span, "the second time")];
            faults.add_pair(
                format!("variation `{}` is in the split twice", variation.value),
                places,
                None,
            );
        }
    }
    let shares: Vec<(String, Share)> =
        entries.iter().map(|(variation, share)| (variation.value.clone(), *share)).collect();
    sum_to_whole(
        &format!("the split of experiment `{key}` does"),
        shares.iter().map(|(_, share)| *share),
        &written.split,
        faults,
    );
    let control = &written.control.value;
    let traffic =
        |key: &str| shares.iter().any(|(variation, share)| variation == key && share.weight() > 0);
    if faults.look_up_in("variation", &config.key, &written.control, keys()).is_some()
        && !traffic(control)
    {
        let help = format!("give it a share in `split`, such as \"{control}\": \"50%\"");
        faults.add(
            format!("the control of experiment `{key}` gets no traffic"),
            &written.control.span,
            "no user would be in this control",
            Some(help),
        );
    }
    if faults.count() == before
        && !shares.iter().any(|(variation, share)| variation != control && share.weight() > 0)
    {
        let label = "every user gets the control";
        faults.add(
            format!("experiment `{key}` compares nothing"),
            &written.split.span,
            label,
            None,
        );
    }
    shares
}

/// The place of the rule for this segment; a config without one is a fault.
pub fn rule(
    config: &DraftConfig,
    segment: &Spanned<String>,
    world: &ExperimentWorld<'_>,
    faults: &mut Faults<'_>,
) -> Option<usize> {
    faults.look_up(
        "segment",
        segment,
        world.segments.iter().map(|segment| segment.key.as_str()),
    )?;
    let at = config.rules.iter().position(|(ruled, _)| *ruled == segment.value);
    if at.is_none() {
        let rules: Vec<&str> = config.rules.iter().map(|(ruled, _)| ruled.as_str()).collect();
        let help = match rules.as_slice() {
            [] => format!(
                "`{}` has no rules; an experiment without `segment` runs on the default rule",
                config.key
            ),
            rules => format!("`{}` has rules for: {}", &config.key, rules.join(", ")),
        };
        let message =
            format!("AI config `{}` has no rule for segment `{}`", &config.key, segment.value);
        faults.add(message, &segment.span, "no rule serves this segment", Some(help));
    }
    at
}

/// Checks that the rule of an experiment is there, and that somebody of the audience meets it.
fn reached(
    written: &source::WrittenExperiment,
    config: &DraftConfig,
    world: &ExperimentWorld<'_>,
    faults: &mut Faults<'_>,
) {
    let at = match &written.segment {
        None => config.rules.len(),
        Some(segment) => match rule(config, segment, world, faults) {
            Some(at) => at,
            None => return,
        },
    };
    let holds = |segment: &String, user: &Attributes| {
        let segment = world.segments.iter().find(|known| known.key == *segment);
        segment.is_some_and(|segment| segment.clauses.iter().all(|clause| satisfies(user, clause)))
    };
    let first = |user: &Attributes| {
        config
            .rules
            .iter()
            .position(|(segment, _)| holds(segment, user))
            .unwrap_or(config.rules.len())
    };
    let met: Vec<usize> = world.audience.iter().map(|group| first(&group.attributes)).collect();
    if met.is_empty() || met.contains(&at) {
        return;
    }
    let name = |at: usize| {
        config.rules.get(at).map_or("the default rule", |(segment, _)| segment.as_str())
    };
    let mut names: Vec<&str> = met.iter().map(|&at| name(at)).collect();
    names.sort_unstable();
    names.dedup();
    faults.add(
        format!("no user of the audience takes part in experiment `{}`", written.key.value),
        &written.segment.as_ref().unwrap_or(&written.config).span,
        "no user gets to this rule",
        Some(format!("users of `audience` get to: {}", names.join(", "))),
    );
}

/// Whether a user satisfies a clause of a segment, as LaunchDarkly has it: an attribute that is
/// missing never does.
pub fn satisfies(user: &Attributes, clause: &ClauseSpec) -> bool {
    let value = user.0.get(&clause.attribute);
    value.is_some_and(|value| {
        clause.values.iter().any(|wanted| wanted.as_str() == Some(value)) != clause.negate
    })
}
