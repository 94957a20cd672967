//! What each lesson says in words, next to the figures that its two sides come to: a sentence whose
//! direction or size is not that of its figure fails, and so does a sentence that has changed while
//! its row has not.

use simlab::course::LessonSide;
use simlab::report::{ExpectedFigure, What};

/// Which side of the knob.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Before,
    After,
}
use When::{After, Before};

/// A number that a side comes to.
enum Number {
    /// A figure of experiment `.0`.
    Of(usize, ExpectedFigure),
    /// A figure plus 1: how many times the control's value.
    Times(ExpectedFigure),
    /// The share of runs that ship.
    Ships,
    /// The size of a figure, without its sign.
    Size(ExpectedFigure),
    Const(f64),
}
use Number::{Const, Of, Ships, Size, Times};

/// A sentence, its number, what it is divided by, and the bounds that the words allow.
struct Claim {
    lesson: &'static str,
    words: &'static str,
    number: (When, Number),
    by: (When, Number),
    bounds: (f64, f64),
}

const HELPFUL: &str = "helpfulness";
const COST: &str = "ai_cost_per_request";
const POSITIVE: &str = "positive_feedback_rate";
const P95: &str = "p95_total_user_latency";
const TOKENS: &str = "average_total_user_tokens";
const MEAN_LATENCY: &str = "mean_latency";
const FAILED: &str = "request_failed";
const DISCLOSED: &str = "personal_data_disclosed";
const ENDLESS: f64 = f64::INFINITY;

fn figure(metric: &str, what: What) -> ExpectedFigure {
    ExpectedFigure {
        metric: metric.to_owned(),
        variation: None,
        segment: None,
        what,
        at_least: None,
        at_most: None,
    }
}

fn of(metric: &str, what: What) -> Number {
    Of(0, figure(metric, what))
}

fn arm(variation: &str, metric: &str, what: What) -> Number {
    Of(0, ExpectedFigure { variation: Some(variation.to_owned()), ..figure(metric, what) })
}

fn segment(segment: &str, metric: &str, what: What) -> Number {
    Of(0, ExpectedFigure { segment: Some(segment.to_owned()), ..figure(metric, what) })
}

fn second(metric: &str, what: What) -> Number {
    Of(1, figure(metric, what))
}

fn times(metric: &str, what: What) -> Number {
    Times(figure(metric, what))
}

fn size(metric: &str, what: What) -> Number {
    Size(figure(metric, what))
}

/// The sentences of all lessons.
#[rustfmt::skip]
fn claims() -> Vec<Claim> {
    use What::{BeatsControl, Change, LimitChange, Measured, RawChange, RelativeRegret, TrueChange, Truth, Users, Width};
    let one = || (Before, Const(1.0));
    let mut lesson = "";
    let mut all = Vec::new();
    let mut says = |words: &'static str, number: (When, Number), by: (When, Number), bounds: (f64, f64)| {
        if let Some(name) = words.strip_prefix("# ") {
            lesson = name;
        } else {
            all.push(Claim { lesson, words, number, by, bounds });
        }
    };
    macro_rules! lesson { ($name:literal) => { says(concat!("# ", $name), one(), one(), (0.0, 0.0)) } }

    lesson!("a-a-test");
    says("A difference of a few percent or more", (Before, size(POSITIVE, Change)), one(), (0.02, ENDLESS));
    says("although there is none", (Before, of(POSITIVE, TrueChange)), one(), (0.0, 0.0));
    says("the laxer rule ships a treatment that does nothing several times as often", (After, Ships), (Before, Ships), (2.0, ENDLESS));
    says("The run itself has not changed at all", (After, of(POSITIVE, Change)), (Before, of(POSITIVE, Change)), (1.0, 1.0));

    lesson!("alike-visits");
    says("About twice as wide", (Before, of(HELPFUL, Width)), (After, of(HELPFUL, Width)), (1.8, 2.8));
    says("an interval that is about half as wide", (After, of(HELPFUL, Width)), (Before, of(HELPFUL, Width)), (0.35, 0.55));

    lesson!("bandit");
    says("Half of the regret or less", (Before, of(POSITIVE, RelativeRegret)), one(), (0.0, 0.5));
    says("and the losers less well", (Before, arm("mini", POSITIVE, Width)), (After, arm("mini", POSITIVE, Width)), (1.0, ENDLESS));
    says("A third of the users for each", (After, arm("mini", POSITIVE, Users)), one(), (1_240.0, 1_430.0));

    lesson!("both-at-once");
    says("1,000: every user is in both", (Before, second(COST, Users)), (Before, of(COST, Users)), (0.9, 1.1));
    says("The second experiment now has half of the users", (After, second(COST, Users)), (Before, second(COST, Users)), (0.45, 0.55));
    says("by about the square root of two", (After, second(COST, Width)), (Before, second(COST, Width)), (1.2, 1.65));
    says("The first has gained nothing by that", (After, of(COST, Width)), (Before, of(COST, Width)), (0.9, ENDLESS));

    lesson!("broken-rollout");
    says("The broken arm is cheaper", (Before, of(COST, RawChange)), one(), (-1.0, -0.02));
    says("the arm that loses them looks cheaper", (Before, of(COST, LimitChange)), one(), (-1.0, -0.02));
    says("The arms are equal again, in size and in cost", (After, of(COST, TrueChange)), one(), (0.0, 0.0));

    lesson!("carry-over");
    says("It shrinks", (After, size(HELPFUL, Change)), (Before, size(HELPFUL, Change)), (0.3, 0.7));
    says("The true change is the same", (After, of(HELPFUL, TrueChange)), (Before, of(HELPFUL, TrueChange)), (0.99, 1.01));
    says("the measured one is much smaller", (After, of(HELPFUL, Change)), (After, of(HELPFUL, TrueChange)), (0.3, 0.65));

    lesson!("confounded-arm");
    says("The new model is cheaper", (Before, of(COST, Change)), one(), (-1.0, 0.0));
    says("the prompt alone makes the more expensive model look cheaper", (Before, of(COST, TrueChange)), one(), (-1.0, 0.0));
    says("the new model is the more expensive one", (After, of(COST, TrueChange)), one(), (0.0, ENDLESS));

    lesson!("cost-paradox");
    says("still the request costs more", (Before, of(COST, TrueChange)), one(), (0.0, ENDLESS));
    says("the free agent makes the request cheaper", (After, of(COST, TrueChange)), one(), (-1.0, 0.0));

    lesson!("exposure-dilution");
    says("Far less than a third", (Before, of(P95, TrueChange)), (After, of(P95, TrueChange)), (0.0, 0.25));
    says("the same treatment, several times the change", (After, of(P95, TrueChange)), (Before, of(P95, TrueChange)), (3.0, ENDLESS));

    lesson!("factorial");
    says("About 97%", (Before, arm("both", COST, TrueChange)), one(), (-0.98, -0.96));
    says("The arm of both is the arm of the model now", (After, arm("both", COST, TrueChange)), (After, arm("model", COST, TrueChange)), (0.99, 1.01));

    lesson!("fails-open");
    says("while feedback, latency and cost look as good as ever", (Before, of(POSITIVE, TrueChange)), one(), (-0.05, ENDLESS));
    says("The disclosures are down to those that the models overlook", (After, of(DISCLOSED, Truth)), (Before, of(DISCLOSED, Truth)), (0.0, 0.99));

    lesson!("failures-as-successes");
    says("The treatment is cheaper", (Before, of(COST, Change)), one(), (-1.0, 0.0));
    says("the arm that fails more looks cheaper", (Before, of(FAILED, TrueChange)), one(), (1.0, ENDLESS));
    says("The whole saving is gone", (After, of(COST, TrueChange)), one(), (-0.02, 0.02));

    lesson!("fallback");
    says("It falls by nine tenths or so", (Before, of(FAILED, TrueChange)), one(), (-1.0, -0.8));
    says("Both arms fail alike", (After, of(FAILED, TrueChange)), one(), (-0.05, 0.05));

    lesson!("handed-over");
    says("Nearly everybody's who gave any", (Before, of(DISCLOSED, Truth)), one(), (0.9, 1.0));
    says("Now only what the screen overlooks arrives", (After, of(DISCLOSED, Truth)), one(), (0.0, 0.1));
    says("some quality is lost", (After, of(POSITIVE, Truth)), (Before, of(POSITIVE, Truth)), (0.5, 0.98));

    lesson!("lenient-judge");
    says("It shrinks to a small part", (After, of(POSITIVE, LimitChange)), (Before, of(POSITIVE, LimitChange)), (0.0, 0.4));
    says("More feedback than before", (After, of(POSITIVE, Measured)), (Before, of(POSITIVE, Measured)), (1.0, ENDLESS));

    lesson!("missing-cost");
    says("the free model saves most of it", (Before, of(COST, LimitChange)), one(), (-1.0, -0.5));
    says("That the treatment saves most of the cost", (Before, of(COST, Change)), one(), (-1.0, -0.5));
    says("The saving is gone", (After, of(COST, LimitChange)), one(), (0.0, ENDLESS));
    says("the true effect is a higher cost, before and after the change", (Before, of(COST, TrueChange)), one(), (0.0, ENDLESS));
    says("What users cost has not changed", (After, of(COST, TrueChange)), (Before, of(COST, TrueChange)), (0.9, 1.1));

    lesson!("noisy-metric");
    says("The cost, several times", (Before, of(COST, Width)), (Before, of(POSITIVE, Width)), (2.0, ENDLESS));
    says("the cost is known about as well as the feedback was with 2,000", (After, of(COST, Width)), (Before, of(POSITIVE, Width)), (0.7, 1.4));

    lesson!("novelty");
    says("The mean says about equal", (Before, of(MEAN_LATENCY, Change)), one(), (-0.1, 0.1));
    says("the 95th percentile far slower", (Before, of(P95, Change)), one(), (0.2, ENDLESS));
    says("The treatment is faster in both", (After, of(MEAN_LATENCY, Change)), one(), (-1.0, -0.02));
    says("The treatment is faster in both", (After, of(P95, Change)), one(), (-1.0, -0.02));

    lesson!("order-judge");
    says("The control, clearly", (Before, of(POSITIVE, LimitChange)), one(), (-1.0, -0.1));
    says("The difference is gone", (After, of(POSITIVE, LimitChange)), one(), (-0.05, 0.05));

    lesson!("parameters");
    says("an output cap cuts the long answers, and with them the mean", (Before, of(TOKENS, TrueChange)), one(), (-1.0, -0.1));
    says("The interval is several times as wide", (After, of(TOKENS, Width)), (Before, of(TOKENS, Width)), (2.0, ENDLESS));
    says("The mean rises, too", (After, of(TOKENS, TrueChange)), one(), (0.02, ENDLESS));

    lesson!("peeking");
    says("Both arms are the same here", (Before, of(POSITIVE, TrueChange)), one(), (0.0, 0.0));
    says("Several times as often", (After, Ships), (Before, Ships), (2.0, ENDLESS));

    lesson!("premium-model");
    says("About 30 times", (Before, times(COST, TrueChange)), one(), (25.0, 35.0));
    says("At the same price a token it still costs several times as much", (After, times(COST, TrueChange)), one(), (2.0, 10.0));

    lesson!("prior-data-conflict");
    says("Nearer to nothing: some +100%", (Before, of(COST, Change)), one(), (0.6, 1.6));
    says("the estimate has come near the truth, though still short of it", (After, of(COST, Change)), (After, of(COST, TrueChange)), (0.5, 1.0));

    lesson!("prompt");
    says("By a third or more", (Before, of(COST, TrueChange)), one(), (-1.0, -0.33));
    says("Now the words are as many as before, and so is the cost", (After, of(COST, TrueChange)), one(), (-0.05, 0.05));

    lesson!("refused");
    says("Nearly three in four", (Before, arm("default", "wrongly_refused", Truth)), (Before, arm("default", "refused", Truth)), (0.65, 0.78));
    says("hardly one refusal in ten is wrong", (After, arm("default", "wrongly_refused", Truth)), (After, arm("default", "refused", Truth)), (0.04, 0.1));

    lesson!("reranker");
    says("Better and cheaper", (Before, of(POSITIVE, TrueChange)), one(), (0.05, ENDLESS));
    says("Better and cheaper", (Before, of(COST, TrueChange)), one(), (-1.0, -0.05));
    says("The gain is gone", (After, of(POSITIVE, TrueChange)), one(), (-0.05, 0.05));
    says("The gain is gone", (After, of(COST, TrueChange)), one(), (-0.1, 0.1));

    lesson!("retrieval");
    says("More expensive and worse", (Before, of(COST, TrueChange)), one(), (0.05, ENDLESS));
    says("More expensive and worse", (Before, of(POSITIVE, TrueChange)), one(), (-1.0, -0.05));
    says("and so is most of the damage", (After, of(POSITIVE, TrueChange)), (Before, of(POSITIVE, TrueChange)), (-0.2, 0.5));

    lesson!("security-level");
    // Each side computes the effect from users of its own seed, with a standard error of about a
    // point.
    says("the cost rises by about 11%", (Before, of(COST, TrueChange)), one(), (0.09, 0.13));
    says("The effect on users has not changed", (After, of(COST, TrueChange)), (Before, of(COST, TrueChange)), (0.75, 1.3));

    lesson!("segments");
    says("Three quarters with strict redaction", (Before, segment("strict", COST, Change)), one(), (-0.85, -0.65));
    says("hardly anything with basic", (Before, segment("usual", COST, Change)), one(), (-0.1, 0.1));
    says("saves about two thirds over all users", (Before, of(COST, Change)), one(), (-0.75, -0.58));
    says("The segments are alike", (After, segment("strict", COST, Change)), one(), (-0.2, 0.2));
    says("The segments are alike", (After, segment("usual", COST, Change)), one(), (-0.2, 0.2));

    lesson!("sensitivity");
    says("Fewer disclosures, and more latency", (Before, of(DISCLOSED, TrueChange)), one(), (-1.0, -0.1));
    says("Fewer disclosures, and more latency", (Before, of(MEAN_LATENCY, TrueChange)), one(), (0.02, ENDLESS));
    says("Disclosures stay as rare", (After, of(DISCLOSED, Truth)), (Before, of(DISCLOSED, Truth)), (0.9, 1.1));
    says("most of the price is gone", (After, of(MEAN_LATENCY, TrueChange)), (Before, of(MEAN_LATENCY, TrueChange)), (-0.2, 0.5));

    lesson!("sequential");
    says("The z test 15% or more", (Before, Ships), one(), (0.15, 1.0));
    says("the always-valid test below 5%", (After, Ships), one(), (0.0, 0.05));

    lesson!("prompt-cache");
    says("It falls by a third or more", (Before, of(COST, TrueChange)), one(), (-0.9, -0.33));
    says("Nothing changes", (After, of(COST, TrueChange)), one(), (-0.01, 0.01));

    lesson!("session-budget");
    says("By a third or more, and hardly anybody notices", (Before, of(COST, TrueChange)), one(), (-1.0, -0.33));
    says("The cost falls as much", (After, of(COST, TrueChange)), (Before, of(COST, TrueChange)), (0.8, 1.25));
    says("the failures are several times as many", (After, of(FAILED, Truth)), (Before, of(FAILED, Truth)), (2.0, ENDLESS));

    lesson!("shared-limit");
    says("It falls to a half or less", (After, of(P95, Measured)), (Before, of(P95, Measured)), (0.0, 0.5));

    lesson!("silent-arm");
    says("GPT-4o, by far", (Before, of(POSITIVE, RawChange)), one(), (-1.0, -0.5));
    says("its rate of positive feedback is that of the control, within what 600 users can tell", (After, of(POSITIVE, BeatsControl)), one(), (0.05, 0.95));
    says("Nothing about the models has changed", (After, of(POSITIVE, Truth)), (Before, of(POSITIVE, Truth)), (0.98, 1.02));

    lesson!("targeting");
    says("About 250", (Before, of(TOKENS, Users)), one(), (105.0, 145.0));
    says("Three times the users", (After, of(TOKENS, Users)), (Before, of(TOKENS, Users)), (2.6, 3.4));
    says("narrower by about the square root of three", (Before, of(TOKENS, Width)), (After, of(TOKENS, Width)), (1.4, 2.1));

    lesson!("too-few-users");
    says("the data do not even tell the sign", (Before, of(COST, BeatsControl)), one(), (0.1, 0.9));
    says("The interval is about a quarter as wide", (After, of(COST, Width)), (Before, of(COST, Width)), (0.18, 0.32));
    says("lies above zero", (After, of(COST, BeatsControl)), one(), (0.0, 0.05));

    lesson!("tool-bundle");
    says("It doubles at least", (Before, of(P95, TrueChange)), one(), (1.0, ENDLESS));
    says("The tokens are still paid for", (After, of(COST, TrueChange)), one(), (0.02, ENDLESS));
    says("the waiting is gone", (After, of(P95, TrueChange)), (Before, of(P95, TrueChange)), (-0.2, 0.5));

    lesson!("two-readings");
    says("An estimate of +13.8%", (Before, of(COST, Change)), one(), (0.1375, 0.1385));
    says("Not one number of the result has changed", (After, of(COST, Change)), (Before, of(COST, Change)), (1.0, 1.0));

    lesson!("wordy-judge");
    says("The wordy one, clearly", (Before, of(POSITIVE, LimitChange)), one(), (0.1, ENDLESS));
    says("The difference is gone", (After, of(POSITIVE, LimitChange)), one(), (-0.03, 0.03));
    says("the extra words are only a cost", (After, of(TOKENS, TrueChange)), one(), (0.02, ENDLESS));

    lesson!("wrong-way");
    says("a cheap one saves no more than that part", (Before, of(COST, TrueChange)), one(), (-0.2, 0.0));
    says("It falls: wrong specialists answer worse", (Before, of(POSITIVE, TrueChange)), one(), (-1.0, -0.05));
    says("Now the cheap router costs nothing", (After, of(POSITIVE, TrueChange)), one(), (-0.03, 0.03));
    all
}

fn value((when, number): &(When, Number), sides: &[LessonSide; 2]) -> Option<f64> {
    let side = &sides[usize::from(*when == After)];
    let find =
        |nth: usize, figure: &ExpectedFigure| figure.value(side.report.experiments.get(nth)?);
    match number {
        Of(nth, figure) => find(*nth, figure),
        Times(figure) => find(0, figure).map(|change| change + 1.0),
        Size(figure) => find(0, figure).map(f64::abs),
        Ships => side.ships.map(|(share, _)| share),
        Const(value) => Some(*value),
    }
}

/// The sentences of one lesson that do not say what its figures say. `text` is its file.
pub fn that_fail(lesson: &str, text: &str, sides: &[LessonSide; 2]) -> Vec<String> {
    let claims = claims();
    let own: Vec<&Claim> = claims.iter().filter(|claim| claim.lesson == lesson).collect();
    let mut failed = Vec::new();
    // A rollout has no figures; its outcomes are checked by name.
    if own.is_empty() && !text.contains("check_rollouts") {
        failed.push(format!("{lesson}: no sentence of it is compared with a figure"));
    }
    for Claim { words, number, by, bounds: (low, high), .. } in own {
        if !text.contains(words) {
            failed.push(format!("{lesson}: it no longer says “{words}”"));
        }
        let found = value(number, sides).zip(value(by, sides)).map(|(number, by)| number / by);
        if !found.is_some_and(|found| (*low..=*high).contains(&found)) {
            failed.push(format!(
                "{lesson}: “{words}” is {found:?}, which the words put in {low} to {high}"
            ));
        }
    }
    failed
}
