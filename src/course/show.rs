//! What a learner sees of a run: a few lines for each experiment, estimate and truth side by side.
//!
//! Does not know: colors.

use crate::analysis::HealthStatus;
use crate::figure;
use crate::report::{Experiment, Report};
use crate::scenario::{LESSONS, LIBRARY, Lesson, Loaded, Rates};

/// What was found, in a few lines for each experiment.
#[must_use]
pub fn found(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for experiment in &report.experiments {
        if report.experiments.len() > 1 {
            lines.push(format!("{}:", experiment.name));
        }
        lines.extend(of_experiment(experiment));
    }
    lines.extend(report.rollouts.iter().map(|rollout| rollout.message.clone()));
    lines
}

fn signed(share: f64) -> String {
    format!("{}{}", if share >= 0.0 { "+" } else { "" }, figure::percent(share))
}

fn of_experiment(experiment: &Experiment) -> Vec<String> {
    let users: Vec<String> = experiment
        .exposures
        .0
        .iter()
        .map(|(key, users)| format!("{} {key}", figure::count(*users)))
        .collect();
    let mut lines = vec![format!("users: {}", users.join(", "))];
    let several = experiment.treatments().count() > 1;
    let width = experiment.metrics.iter().map(|metric| metric.key.len()).max().unwrap_or(0);
    for metric in &experiment.metrics {
        for variation in
            metric.variations.iter().filter(|variation| variation.key != experiment.control)
        {
            let mut line = format!("{:width$}  ", metric.key);
            if several {
                line += &format!("{}: ", variation.key);
            }
            match (variation.relative_difference, variation.relative_interval) {
                (Some(change), Some([low, high])) => {
                    line += &format!(
                        "{} ({} to {})",
                        signed(change.get()),
                        signed(low.get()),
                        signed(high.get())
                    );
                }
                (Some(change), None) => line += &signed(change.get()),
                (None, _) => line += variation.reason.as_deref().unwrap_or("no estimate"),
            }
            if let Some(truth) =
                variation.truth.as_ref().and_then(|truth| truth.relative_difference)
            {
                line += &format!(", in truth {}", signed(truth.get()));
            }
            if let Some(beats) = variation.probability_to_beat_control {
                line += &format!("; better than the control: {}", figure::probability(beats.get()));
            }
            lines.push(line);
        }
    }
    for segment in &experiment.segments {
        for change in &segment.changes {
            let (Some(relative), Some([low, high])) =
                (change.relative_difference, change.relative_interval)
            else {
                continue;
            };
            let (relative, low, high) =
                (signed(relative.get()), signed(low.get()), signed(high.get()));
            lines.push(format!(
                "{}: {} {relative} ({low} to {high})",
                segment.segment, change.metric
            ));
        }
    }
    if let Some(bandit) = &experiment.bandit
        && let Some(last) = bandit.reallocations.last()
    {
        let shares: Vec<String> = last
            .shares
            .0
            .iter()
            .map(|(key, share)| format!("{} {key}", figure::percent(*share)))
            .collect();
        lines.push(format!("the bandit's shares at the end: {}", shares.join(", ")));
        if let (Some(own), Some(fixed)) = (bandit.regret, bandit.fixed_regret) {
            let of = |regret: crate::report::Number| {
                figure::percent(regret.get() / fixed.get().max(f64::MIN_POSITIVE))
            };
            lines.push(format!("regret of the bandit: {} of the fixed split's", of(own)));
        }
    }
    for health in experiment
        .health
        .iter()
        .filter(|health| matches!(health.status, HealthStatus::Warning | HealthStatus::Error))
    {
        let word = if health.status == HealthStatus::Error { "error" } else { "warning" };
        lines.push(format!("{word}: {}: {}", health.check, health.message));
    }
    if let Some(verdict) = &experiment.verdict {
        lines.push(format!("verdict: {}", verdict.headline));
        lines.extend(verdict.would_have_been());
    }
    lines
}

/// How often the rule ships, in words.
#[must_use]
pub fn rates(lesson: &Lesson, ships: (f64, f64)) -> Option<String> {
    let rates = lesson.rates.as_ref()?;
    let equal = if rates.aa { ", although both arms are the same" } else { "" };
    let looks = match rates.looks {
        0 | 1 => "looking once, at the end".to_owned(),
        looks => format!("looking {looks} times and stopping at the first verdict"),
    };
    Some(format!(
        "over {} runs of {} users, {looks}: {} ship{equal} (Monte Carlo error {})",
        rates.replications,
        figure::count(u64::from(rates.users)),
        figure::percent(ships.0),
        figure::percent(ships.1)
    ))
}

/// What the knob changes: the lines of the file that go and those that come, and the command where
/// it is the command that changes.
#[must_use]
pub fn knob(lesson: &super::Lesson) -> Vec<String> {
    let scenario =
        |loaded: &Loaded| loaded.scenario.lesson.as_ref().and_then(|lesson| lesson.rates.clone());
    let (before, after) = (scenario(&lesson.before), scenario(&lesson.after));
    let mut lines = changed(&lesson.before.source.text, &lesson.after.source.text);
    if before != after {
        // What a lesson says of its own runs is no part of the experiment: a learner changes the
        // command.
        lines.retain(|line| !line.contains("rates: ("));
        let of = |sign: &str, rates: Option<Rates>| {
            rates.map(|rates| format!("{sign} {}", command(lesson.name, &rates)))
        };
        lines.extend([of("-", before), of("+", after)].into_iter().flatten());
    }
    lines
}

/// The command that shows the same shares.
fn command(name: &str, rates: &Rates) -> String {
    let equal = if rates.aa { " --aa" } else { "" };
    format!(
        "simlab power {name}{equal} --users {} --looks {} --replications {}",
        rates.users,
        rates.looks.max(1),
        rates.replications
    )
}

/// The lines that the knob changes: what goes, and what comes.
fn changed(before: &str, after: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let (mut gone, mut come) = (old.as_slice(), new.as_slice());
    while let ([one, old @ ..], [other, new @ ..]) = (gone, come)
        && one == other
    {
        (gone, come) = (old, new);
    }
    while let ([old @ .., one], [new @ .., other]) = (gone, come)
        && one == other
    {
        (gone, come) = (old, new);
    }
    // Several places may be turned; what stands between them stays out.
    let mut lines: Vec<String> = gone
        .iter()
        .filter(|line| !come.contains(line))
        .map(|line| format!("- {}", line.trim()))
        .collect();
    lines.extend(
        come.iter().filter(|line| !gone.contains(line)).map(|line| format!("+ {}", line.trim())),
    );
    lines
}

/// The lessons and the built-in scenarios, each as a Markdown table under a heading.
#[must_use]
pub fn tables() -> String {
    let cell = |text: &str| text.replace('|', "\\|");
    let mut text = "## The lessons\n\n| part | lesson | title |\n|---|---|---|\n".to_owned();
    let mut before = String::new();
    for file in LESSONS {
        let part = file.part();
        let shown = if part == before { "" } else { part.as_str() };
        text += &format!("| {} | `{}` | {} |\n", cell(shown), file.name, cell(&file.title()));
        before = part;
    }
    text += "\n## The built-in scenarios\n\n| name | title |\n|---|---|\n";
    for file in LIBRARY {
        text += &format!("| `{}` | {} |\n", file.name, cell(&file.title()));
    }
    text
}
