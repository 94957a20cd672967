//! The words of the health checks.
//!
//! Does not know: how they are computed; `analysis` does.

use super::Term;

pub(super) const TERMS: &[Term] = &[
    Term {
        name: "health checks",
        aliases: &["health", "healthy", "warning", "exposures", "metrics", "config", "targeting"],
        says: [
            "Health checks tell whether the numbers can be trusted at all, so read them first.",
            "They look for users without exposure, broken splits, missing events, silent arms and estimates that are mostly prior.",
            "Look at a warning before you decide; an error outranks the verdict, so the headline says not to trust the result, unless the experiment lists the check under `tolerate`.",
        ],
        formula: "each check has its own; see below",
        source: "the checks of LaunchDarkly's experiment page, and more",
        see: &["sample ratio mismatch", "silent arm", "prior-data conflict"],
    },
    Term {
        name: "sample ratio mismatch",
        aliases: &["srm", "split"],
        says: [
            "There is a sample ratio mismatch when the arms' shares of the users differ from the planned shares by more than chance explains.",
            "Then something removes or adds users in one arm, and the users that remain are no longer alike.",
            "Find the cause and run again: no analysis repairs it.",
        ],
        formula: "posterior odds of a Dirichlet-multinomial (concentration 100 around the planned shares) against the planned shares; alarm at 99 to 1, valid at every look",
        source: "Lindon & Malek, \"Anytime-valid inference for multinomial count data\", arXiv 2011.03567",
        see: &["exposure", "health checks"],
    },
    Term {
        name: "silent arm",
        aliases: &["silence", "response rate"],
        says: [
            "An arm is silent when its users give no answer at all, or far fewer of them answer than in the control.",
            "This usually means broken events or timeouts, and the users who still answer are no longer a random sample.",
            "A metric of such an arm compares those who answered, not those who came.",
        ],
        formula: "no answer: Fisher's exact test at 1%; fewer: z test of two proportions with Yates's correction at 0.1%",
        source: "Fisher 1934, Statistical Methods for Research Workers, section 21.02; Yates 1934, JRSS Supplement 1, 217-235",
        see: &["health checks", "sample ratio mismatch"],
    },
    Term {
        name: "failed requests",
        aliases: &["failures", "timeouts"],
        says: [
            "This check looks at how many requests end without an answer, whatever the reason.",
            "From a quarter on it warns: metrics that leave such users out compare only those who were answered.",
            "From 80% on the result is not to be trusted: mend the app, its limits or its timeout first.",
        ],
        formula: "failed requests over all requests: warning from 25%, error from 80%",
        source: "thresholds of simlab",
        see: &["health checks", "silent arm"],
    },
    Term {
        name: "paired design",
        aliases: &["paired", "offline evaluation", "questions", "unpaired_questions"],
        says: [
            "A paired design sends the same questions through every variation, instead of splitting users between them.",
            "What makes a question hard or easy cancels in its difference, so tens of questions can do what takes thousands of users.",
            "The unit is the question: three answers to one question, or two judgings of one answer, are no new questions.",
        ],
        formula: "paired t test of the questions' means; variance split by the method of moments",
        source: "Student 1908, Biometrika 6, 1-25; Searle, Casella & McCulloch 1992, Variance Components",
        see: &["health checks", "exposure"],
    },
    Term {
        name: "prior-data conflict",
        aliases: &["conflict", "prior conflict"],
        says: [
            "Prior and data conflict when the data are very unlikely under the prior, and the prior still has weight.",
            "Then the estimate is mostly prior: a cost that is 29 times as high can read as +33%.",
            "Take the measured value first, and give the metric a wider prior or more users.",
        ],
        formula: "prior predictive tail probability below 0.05% on one side, and less than 90% of the weight on the data",
        source: "Box 1980, JRSS A 143, 383-430; Evans & Moshonov 2006, Bayesian Analysis 1, 893-914",
        see: &["prior", "shrinkage", "measured"],
    },
];
