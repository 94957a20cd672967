//! `simlab plan`: options to a question, faults to carets, an answer to a format.
//!
//! Does not know: how a plan is computed.

use std::thread;

use clap::Args;

use super::args::PowerFormat;
use super::args_number::whole;
use super::commands::{Ended, not_set_up, pretty, print, read};
use super::exit::Exit;
use super::output;
use super::progress::Progress;
use crate::analysis::{PairedCosts, PairedSpread};
use crate::diagnostic::{Diagnostic, SourceText};
use crate::plan::{
    CheckSettings, MeasuredPlan, PairedRequest, PlanAnswer, PlanCheck, PlanFault, PlanInputs,
    PlanRequest, PlannedMeasure, PlannedStudy, check_by_power, check_by_simulation, given,
    lift_to_find, measured, paired_plan, paired_plan_to_markdown, paired_plan_to_text,
    plan_to_markdown, plan_to_text, solve,
};
use crate::quantity::{Lift, Money};
use crate::random::Seed;
use crate::scenario::Scenario;

/// Examples of `plan`, for its help.
pub const PLAN_EXAMPLES: &str = "Examples:
  simlab plan --baseline 62% --lift 3pt --cost-per-user 0.012 --users-per-day 400
  simlab plan --baseline 62% --lift 5% --power 90% --threshold 95%
  simlab plan --mean 420 --sd 300 --unit tokens --lift -5%      a number for each user
  simlab plan --baseline 4% --users-per-day 400                 which effects can be found?
  simlab plan --baseline 62% --lift 3pt --split 80/20 --check   compare with simulated experiments
  simlab plan security                                          all from a scenario
  simlab plan security --metric ai_cost_per_request --lift 5%
  simlab plan --paired --lift 0.1 --sd-effect 0.2 --sd-judge 0.3     offline, on the same questions

In a shell `$0` is the name of the shell, so write 0.012 or '$0.012'.";

/// The arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// A scenario file, or the name of a built-in scenario: baseline, spread and cost of a user come
    /// from one simulated run, the lift from users simulated in every variation.
    #[arg(conflicts_with_all = ["baseline", "mean"])]
    pub scenario: Option<String>,
    /// The control's rate, such as 62% or 0.62.
    #[arg(long, value_name = "RATE", value_parser = rate, conflicts_with = "mean")]
    pub baseline: Option<f64>,
    /// The control's mean, for a metric that is a number for each user.
    #[arg(long, value_name = "X", value_parser = number, requires = "sd", allow_hyphen_values = true)]
    pub mean: Option<f64>,
    /// With --mean: the standard deviation from user to user, in the same unit.
    #[arg(long, value_name = "X", value_parser = positive, requires = "mean")]
    pub sd: Option<f64>,
    /// With --mean: the unit, such as ms, tokens or '$'. Default: none.
    #[arg(
        long,
        value_name = "NAME",
        requires = "mean",
        default_value = "",
        hide_default_value = true
    )]
    pub unit: String,
    /// The difference to find: 3pt (percentage points), 5% (relative), or a number in the unit of
    /// the mean; -5% for a decrease. Default: the scenario's effect.
    #[arg(long, value_name = "LIFT", allow_hyphen_values = true, value_parser = lift_to_find)]
    pub lift: Option<Lift>,
    /// How often to find it: the share of experiments.
    #[arg(long, value_name = "SHARE", default_value = "80%", value_parser = rate)]
    pub power: f64,
    /// Probability to beat the control at which a difference counts as found, above 50%. Default:
    /// the scenario's, else 90%.
    #[arg(long, value_name = "SHARE", value_parser = above_half, conflicts_with = "alpha")]
    pub threshold: Option<f64>,
    /// Plan a two-sided test without a prior at this level instead, such as 0.05: what most other
    /// calculators compute.
    #[arg(long, value_name = "SHARE", value_parser = rate)]
    pub alpha: Option<f64>,
    /// The split of users: 80/20 in the order of the variations, or control=80%,treatment=20%.
    /// Default: the scenario's, else 50/50.
    #[arg(long, value_name = "SHARES")]
    pub split: Option<String>,
    /// What a user costs, in dollars. Default: the scenario's simulated cost.
    #[arg(long, value_name = "USD", value_parser = cost)]
    pub cost_per_user: Option<Money>,
    /// Users that enter the experiment in a day; gives the days that it takes.
    #[arg(long, value_name = "N", value_parser = positive)]
    pub users_per_day: Option<f64>,
    /// Numbers of users to show in the table. Default: a quarter to four times the answer.
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', allow_negative_numbers = true, value_parser = whole::<u64>(4..=8_000_000_000))]
    pub users: Vec<u64>,
    /// With a scenario: the key of the experiment. Default: the first one.
    #[arg(long, value_name = "KEY", requires = "scenario")]
    pub experiment: Option<String>,
    /// With a scenario: the key of the metric. Default: the primary one.
    #[arg(long, value_name = "KEY", requires = "scenario")]
    pub metric: Option<String>,
    /// With a scenario: the seed of the simulated run, instead of the scenario's own.
    #[arg(long, value_name = "N", requires = "scenario", allow_negative_numbers = true, value_parser = whole::<u64>(0..=u64::MAX))]
    pub seed: Option<u64>,
    /// Compare the answer with simulated experiments of that size: with `power` where the scenario
    /// has the planned effect, else with random data through the same analysis.
    #[arg(long)]
    pub check: bool,
    /// With --check: how many experiments to simulate. Default: 10,000, or 1,000 runs of a scenario.
    #[arg(long, value_name = "N", requires = "check", allow_negative_numbers = true, value_parser = whole::<u64>(50..=1_000_000))]
    pub replications: Option<u64>,
    /// Plan an offline evaluation that sends the same questions through both variations: the cheapest
    /// number of questions, answers and judgings. --lift is a difference of mean scores.
    #[arg(long, conflicts_with_all = ["scenario", "baseline", "mean", "split", "threshold", "users", "cost_per_user", "check"], requires = "lift")]
    pub paired: bool,
    /// With --paired: standard deviation of the true difference from question to question.
    #[arg(long, value_name = "X", value_parser = number, requires = "paired")]
    pub sd_effect: Option<f64>,
    /// With --paired: standard deviation of answers of one variation to the same question.
    #[arg(long, value_name = "X", value_parser = number, requires = "paired")]
    pub sd_answer: Option<f64>,
    /// With --paired: standard deviation of judgings of the same answer.
    #[arg(long, value_name = "X", value_parser = number, requires = "paired")]
    pub sd_judge: Option<f64>,
    /// With --paired: standard deviation of scores from question to question; compares with a split
    /// test of users.
    #[arg(long, value_name = "X", value_parser = number, requires = "paired")]
    pub sd_question: Option<f64>,
    /// With --paired: what it costs to collect a question, in dollars. Default: nothing.
    #[arg(long, value_name = "USD", value_parser = number, requires = "paired")]
    pub cost_per_question: Option<f64>,
    /// With --paired: what one answer costs, in dollars. Default: nothing.
    #[arg(long, value_name = "USD", value_parser = number, requires = "paired")]
    pub cost_per_answer: Option<f64>,
    /// With --paired: what one judging costs, in dollars. Default: nothing.
    #[arg(long, value_name = "USD", value_parser = number, requires = "paired")]
    pub cost_per_judging: Option<f64>,
    /// With --paired: how many questions there are. Default: as many as are needed.
    #[arg(long, value_name = "N", requires = "paired", allow_negative_numbers = true, value_parser = whole::<u64>(2..=1_000_000_000))]
    pub questions: Option<u64>,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t = PowerFormat::Text)]
    pub format: PowerFormat,
    /// Print nothing but the result.
    #[arg(long)]
    pub quiet: bool,
}

/// Plans an experiment.
pub fn plan(args: &PlanArgs) -> Ended {
    if args.paired {
        return paired(args);
    }
    let of_pairs = [
        ("--sd-effect", args.sd_effect.is_some()),
        ("--sd-answer", args.sd_answer.is_some()),
        ("--sd-judge", args.sd_judge.is_some()),
        ("--sd-question", args.sd_question.is_some()),
        ("--cost-per-question", args.cost_per_question.is_some()),
        ("--cost-per-answer", args.cost_per_answer.is_some()),
        ("--cost-per-judging", args.cost_per_judging.is_some()),
        ("--questions", args.questions.is_some()),
    ];
    if let Some((option, _)) = of_pairs.into_iter().find(|(_, given)| *given) {
        return Err(usage(&PlanFault {
            option,
            message: "it belongs to a plan of a paired evaluation".to_owned(),
            help: "add `--paired`, or remove it".to_owned(),
        }));
    }
    let asked = PlanRequest {
        lift: args.lift,
        power: args.power,
        threshold: args.threshold,
        alpha: args.alpha,
        split: args.split.clone(),
        cost_per_user: args.cost_per_user,
        users_per_day: args.users_per_day,
        sizes: args.users.clone(),
    };
    let answer = match (&args.scenario, args.baseline, args.mean) {
        (Some(name), ..) => from_scenario(args, name, &asked)?,
        (None, Some(rate), _) => numbers(args, &PlannedMeasure::Rate(rate), &asked)?,
        (None, None, Some(mean)) => {
            let (sd, unit) = (args.sd.unwrap_or_default(), args.unit.clone());
            numbers(args, &PlannedMeasure::Number { mean, sd, unit }, &asked)?
        }
        (None, None, None) => {
            let fault = Diagnostic::new("there is nothing to plan from")
                .help("give a rate (simlab plan --baseline 62% --lift 3pt), a mean (simlab plan --mean 420 --sd 300 --lift 5%) or a scenario (simlab plan security)");
            output::message(fault.render(output::message_color()).trim_end());
            return Err(Exit::Usage);
        }
    };
    print(&match args.format {
        PowerFormat::Text => plan_to_text(&answer, output::width(), &output::palette()),
        PowerFormat::Json => pretty(&answer)?,
        PowerFormat::Markdown => plan_to_markdown(&answer),
    })
}

/// A plan of a paired evaluation.
fn paired(args: &PlanArgs) -> Ended {
    let Some(Lift::Amount(lift)) = args.lift else {
        return Err(usage(&PlanFault {
            option: "--lift",
            message: "a difference of scores is a plain number".to_owned(),
            help: "write it in the unit of the scores, such as --lift 0.1".to_owned(),
        }));
    };
    let asked = PairedRequest {
        lift,
        spread: PairedSpread {
            effect: args.sd_effect.unwrap_or_default(),
            answer: args.sd_answer.unwrap_or_default(),
            judging: args.sd_judge.unwrap_or_default(),
        },
        question: args.sd_question,
        costs: PairedCosts {
            question: args.cost_per_question.unwrap_or_default(),
            answer: args.cost_per_answer.unwrap_or_default(),
            judging: args.cost_per_judging.unwrap_or_default(),
        },
        available: args.questions,
        power: args.power,
        alpha: args.alpha.unwrap_or(USUAL_ALPHA),
        users_per_day: args.users_per_day,
    };
    let plan = paired_plan(&asked).map_err(|fault| usage(&fault))?;
    print(&match args.format {
        PowerFormat::Text => paired_plan_to_text(&plan, output::width(), &output::palette()),
        PowerFormat::Json => pretty(&plan)?,
        PowerFormat::Markdown => paired_plan_to_markdown(&plan),
    })
}

/// Level of the test of a paired evaluation without a wish.
const USUAL_ALPHA: f64 = 0.05;

/// A plan from numbers.
fn numbers(
    args: &PlanArgs,
    measure: &PlannedMeasure,
    asked: &PlanRequest,
) -> Result<PlanAnswer, Exit> {
    let inputs = given(measure, asked).map_err(|fault| usage(&fault))?;
    let mut answer = solve(&inputs);
    if args.check {
        let users = to_check(&answer)?;
        answer.check = check_by_simulation(&inputs, users, settings(args));
    }
    Ok(answer)
}

/// A plan from a scenario.
fn from_scenario(args: &PlanArgs, name: &str, asked: &PlanRequest) -> Result<PlanAnswer, Exit> {
    let loaded = read(name)?;
    let scenario = &loaded.scenario;
    let planned = PlannedStudy::find(scenario, args.experiment.as_deref(), args.metric.as_deref())
        .map_err(|fault| usage(&fault))?;
    let seed = args.seed.map_or(scenario.seed, Seed);
    let progress = Progress::new("visits", 1, 0, args.quiet);
    let found = measured(scenario, planned, seed, asked, |done, total| {
        progress.total(total);
        progress.done(done);
    });
    progress.finish();
    let plan = found.map_err(|error| not_set_up(name, &error))?.map_err(|fault| usage(&fault))?;
    let mut answer = solve(&plan.inputs);
    if args.check {
        let users = to_check(&answer)?;
        answer.check = checked(args, scenario, planned, &plan, users)
            .map_err(|error| not_set_up(name, &error))?;
    }
    Ok(answer)
}

fn checked(
    args: &PlanArgs,
    scenario: &Scenario,
    planned: PlannedStudy<'_>,
    plan: &MeasuredPlan,
    users: u64,
) -> Result<Option<PlanCheck>, crate::run::SetupError> {
    let inputs: &PlanInputs = &plan.inputs;
    if !plan.as_simulated {
        return Ok(check_by_simulation(inputs, users, settings(args)));
    }
    let progress = Progress::new("replications", 1, 0, args.quiet);
    let check = check_by_power(
        scenario,
        planned,
        inputs,
        (users, plan.exposed),
        settings(args),
        |done, total| {
            progress.total(total);
            progress.done(done);
        },
    );
    progress.finish();
    check
}

fn settings(args: &PlanArgs) -> CheckSettings {
    let jobs = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    CheckSettings { replications: args.replications, jobs }
}

/// The size that is checked: the answer.
fn to_check(answer: &PlanAnswer) -> Result<u64, Exit> {
    answer.users.ok_or_else(|| {
        let help = if answer.lift.is_none() {
            "give an effect to find, such as --lift 3pt or --lift 5%"
        } else {
            "plan a larger lift"
        };
        usage(&PlanFault {
            option: "--check",
            message: "there is no number of users to simulate".to_owned(),
            help: help.to_owned(),
        })
    })
}

/// Shows an option that does not fit, with the user's own command line.
fn usage(fault: &PlanFault) -> Exit {
    let words: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    output::message(shown(fault, &words).render(output::message_color()).trim_end());
    Exit::Usage
}

/// A fault that points into the command line with these words.
fn shown(fault: &PlanFault, words: &[String]) -> Diagnostic {
    let line = format!("simlab {}", words.join(" "));
    let mut from = "simlab ".len();
    let mut found = None;
    for (at, word) in words.iter().enumerate() {
        let own = word == fault.option && !fault.option.is_empty();
        if own || word.starts_with(&format!("{}=", fault.option)) && !fault.option.is_empty() {
            let value = if own { words.get(at + 1) } else { None };
            let more = value.filter(|value| !value.starts_with("--"));
            let to = from + word.len() + more.map_or(0, |value| 1 + value.len());
            found = Some(from..to);
        }
        from += word.len() + 1;
    }
    let diagnostic = match found {
        Some(span) => {
            let message = format!("`{}` does not fit", fault.option);
            Diagnostic::new(message).at(
                &SourceText::new("the command line", line),
                span,
                fault.message.clone(),
            )
        }
        None if fault.option.is_empty() => Diagnostic::new(fault.message.clone()),
        None => Diagnostic::new(format!("`{}`: {}", fault.option, fault.message)),
    };
    if fault.help.is_empty() { diagnostic } else { diagnostic.help(fault.help.clone()) }
}

/// A finite number, with or without thousands separated by commas.
fn number(text: &str) -> Result<f64, String> {
    let plain = text.trim().strip_prefix('$').unwrap_or(text.trim());
    let number = plain.parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| "expected a number such as 420 or 0.02".to_owned())
}

fn positive(text: &str) -> Result<f64, String> {
    number(text)
        .ok()
        .filter(|number| *number > 0.0)
        .ok_or_else(|| "expected a number above 0, such as 400".to_owned())
}

/// A share between 0 and 1: `62%` or `0.62`.
fn rate(text: &str) -> Result<f64, String> {
    let trimmed = text.trim();
    let share = match trimmed.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => trimmed.parse(),
    };
    match share {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        Ok(share) if (1.0..100.0).contains(&share) && !trimmed.ends_with('%') => Err(format!(
            "expected a share between 0% and 100%; write {trimmed}% or {}",
            share / 100.0
        )),
        _ => Err("expected a share between 0% and 100%, such as 62% or 0.62".to_owned()),
    }
}

fn above_half(text: &str) -> Result<f64, String> {
    rate(text).and_then(|share| {
        if share > 0.5 {
            Ok(share)
        } else {
            Err("expected a share above 50%, such as 90%: at 50% every difference counts"
                .to_owned())
        }
    })
}

/// An amount of dollars, with or without its sign.
fn cost(text: &str) -> Result<Money, String> {
    let trimmed = text.trim();
    let amount = if trimmed.starts_with('$') { trimmed.to_owned() } else { format!("${trimmed}") };
    amount.parse().map_err(|_| {
        // An unquoted $0.012 arrives as `bash.012`, `/bin/zsh.012` or `-bash.012`.
        let shell = ["sh.", "bash.", "zsh.", "dash.", "ksh.", "fish."];
        match trimmed.rsplit_once('.') {
            Some((_, digits)) if shell.iter().any(|name| trimmed.contains(name)) => format!(
                "the shell replaced `$0` by its own name; write 0.{digits} or '$0.{digits}'"
            ),
            _ => "expected an amount of dollars such as 0.012 or '$0.012'".to_owned(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_reads_rates_and_amounts_as_people_write_them() {
        assert_eq!([rate("62%"), rate(" 0.62 ")], [Ok(0.62), Ok(0.62)]);
        assert!(rate("62").unwrap_err().contains("write 62% or 0.62"));
        for wrong in ["0", "1", "100%", "-5%", "x", "%", "nan", "inf"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
        assert!(above_half("50%").is_err() && above_half("90%").is_ok());
        assert_eq!(cost("0.012").unwrap(), cost("$0.012").unwrap());
        for shell in ["bash.012", "/bin/bash.012", "-bash.012", "/usr/bin/zsh.012"] {
            assert!(cost(shell).unwrap_err().contains("write 0.012 or '$0.012'"), "{shell}");
        }
        assert!(cost("cheap").unwrap_err().contains("such as 0.012"));
    }

    #[test]
    fn a_plan_points_at_the_option_that_does_not_fit() {
        let fault = PlanFault {
            option: "--lift",
            message: "a rate has two kinds of lift".to_owned(),
            help: "write 3pt".to_owned(),
        };
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let drawn = shown(&fault, &words("plan --baseline 62% --lift 3 --check"));
        assert_eq!(drawn.labels[0].0, 27..35);
        assert_eq!(shown(&fault, &words("plan --lift=3")).labels[0].0, 12..20);
        assert!(shown(&fault, &words("plan security")).labels.is_empty());
    }
}
