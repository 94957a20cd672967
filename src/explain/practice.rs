//! The words of tests, designs and decisions.
//!
//! Does not know: how they are computed; `analysis`, `verdict` and `power` do.

use super::Term;

pub(super) const TERMS: &[Term] = &[
    Term {
        name: "exposure",
        aliases: &["exposed user", "exposures check"],
        says: [
            "A user is exposed when the app evaluates the flag or AI config and the evaluation says that the user is in the experiment.",
            "Only exposed users count, and each counts for the first variation that it was exposed to.",
            "Exposing users who never meet the change (one in seven queries with personal data, say) dilutes a real effect by as much.",
        ],
        formula: "users with an evaluation whose reason has inExperiment = true",
        source: "LaunchDarkly docs, \"Experimentation events\"",
        see: &["sample ratio mismatch"],
    },
    Term {
        name: "control",
        aliases: &["treatment", "variation", "arm"],
        says: [
            "The control is the variation that everything is compared with, usually what is in production.",
            "The others are treatments; all of them together are the arms of the experiment.",
            "Arms may differ in one thing only, or the result cannot be put down to any: a new prompt along with a new model is two experiments in one.",
        ],
        formula: "arm = hash of the user's key, in the rollout's shares",
        source: "the experiment's definition",
        see: &["exposure", "relative difference"],
    },
    Term {
        name: "decision rule",
        aliases: &["criterion", "criteria", "verdict", "checklist", "rule", "held"],
        says: [
            "The decision rule is written before the data: which criteria must hold for the treatment to be shipped.",
            "Each line of the checklist shows what was found and what was required, and the verdict follows from them alone.",
            "A criterion on the estimate (at most +15%) and one on a probability (75% sure that it is at most +15%) are different questions with different answers.",
        ],
        formula: "ship if the rule holds; keep if it does not; need more data if data are missing or undecided",
        source: "the scenario's `decision`",
        see: &["declared", "non-inferiority", "threshold"],
    },
    Term {
        name: "declared",
        aliases: &["declared fact", "not measured"],
        says: [
            "A declared criterion holds because somebody says so: no data of the experiment speak about it.",
            "It is marked wherever it counts, so that a verdict cannot look better founded than it is.",
            "If it matters, find a metric for it.",
        ],
        formula: "none",
        source: "the scenario's `decision`",
        see: &["decision rule"],
    },
    Term {
        name: "non-inferiority",
        aliases: &["non inferior", "margin", "guardrail"],
        says: [
            "Non-inferiority asks whether the treatment is not worse than the control by more than a margin.",
            "It is the right question for what must not suffer, where asking for an improvement would be too much.",
            "The margin has to be set before the data are seen, or any result can be made to pass.",
        ],
        formula: "P(relative difference >= -margin | data) >= required probability, mirrored where lower is better",
        source: "Fieller 1954 for the ratio of normals; by quadrature for Betas",
        see: &["decision rule", "probability to beat control"],
    },
    Term {
        name: "p-value",
        aliases: &["z test", "frequentist", "fixed horizon"],
        says: [
            "The p-value is how often data at least this far from no difference would come up if there were none.",
            "The z test uses no prior, and is valid at one look that was planned before.",
            "It is not the probability that there is no difference.",
        ],
        formula: "2 (1 - Phi(|d| / se)), d = y / x - 1, se^2 = Var y / x^2 + Var x y^2 / x^4",
        source: "Deng, Knoblich & Lu 2018, section 2; LaunchDarkly docs, \"Statistical methodology for frequentist experiments\"",
        see: &["peeking", "confidence sequence", "Bonferroni"],
    },
    Term {
        name: "confidence sequence",
        aliases: &["always valid", "sequential", "sequential test", "anytime valid"],
        says: [
            "A confidence sequence is an interval that holds the true difference at all looks at once, so you may look whenever you like and stop when you like.",
            "The price is width: at any single look it is wider than an ordinary interval.",
            "It rests on a central limit theorem, so it needs some tens of users before the first look.",
        ],
        formula: "d +- sqrt(V 2 (n r + 1) / (n r) (ln(n r + 1) / 2 - ln a)), a = 1 - threshold, r tuned to be tightest at 2,000 users",
        source: "Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, arXiv 2103.06476, theorem 2.2",
        see: &["peeking", "p-value"],
    },
    Term {
        name: "peeking",
        aliases: &["look", "early stopping", "optional stopping"],
        says: [
            "Peeking is looking at results on the way and stopping when they please.",
            "Each look is another chance for luck to pass the threshold, so more false winners get through than the threshold promises.",
            "Look as often as you like with the sequential method, or decide on the number of users before you start.",
        ],
        formula: "`simlab power --looks N` counts how often a rule would have shipped at any of N looks",
        source: "Johari, Koomen, Pekelis & Walsh 2017, \"Peeking at A/B Tests\", KDD",
        see: &["confidence sequence", "power"],
    },
    Term {
        name: "Bonferroni",
        aliases: &["bonferroni correction", "family wise error rate", "multiple comparisons"],
        says: [
            "Bonferroni's correction multiplies every p-value by the number of comparisons.",
            "So the chance that even one of them is a false alarm stays below the level, however they depend on each other.",
            "It is strict: with many metrics real effects are missed.",
        ],
        formula: "adjusted p = min(1, m p), m comparisons",
        source: "Dunn 1961, JASA 56, 52-64",
        see: &["Benjamini-Hochberg", "p-value"],
    },
    Term {
        name: "Benjamini-Hochberg",
        aliases: &["false discovery rate", "fdr"],
        says: [
            "The procedure of Benjamini and Hochberg adjusts p-values so that, of the comparisons called different, only a stated share is wrong on average.",
            "It finds more than Bonferroni's correction, since it allows some false alarms among many finds.",
            "It holds for comparisons that are independent or depend on each other positively.",
        ],
        formula: "adjusted p of rank k = min over j >= k of m p_j / j",
        source: "Benjamini & Hochberg 1995, JRSS B 57, 289-300",
        see: &["Bonferroni", "p-value"],
    },
    Term {
        name: "CUPED",
        aliases: &["pre period", "covariate adjustment", "ancova", "variance reduction", "adjusted"],
        says: [
            "CUPED takes out of each user's value what the user's behavior before the experiment already explains.",
            "What remains is less noisy, so the same users tell more.",
            "It needs values from before the experiment, and it cannot adjust a percentile.",
        ],
        formula: "adjusted mean = mean - b (pre mean - pre mean of all), b the variation's own slope; error variance times 1 - r^2",
        source: "Deng, Xu, Kohavi & Walker 2013, WSDM; Lin 2013, Annals of Applied Statistics 7, 295-318",
        see: &["measured"],
    },
    Term {
        name: "Rogan-Gladen correction",
        aliases: &["rogan gladen", "judge", "judge error", "sensitivity", "specificity", "corrected"],
        says: [
            "A judge that errs shows less difference than there is: it turns some good answers into bad ones and the other way round.",
            "Knowing how often it is right about good answers (sensitivity) and about bad ones (specificity), the true rate can be worked out.",
            "The corrected rate is less certain than the judged one, and one outside 0 to 100% says that the judge's stated accuracy is wrong.",
        ],
        formula: "rate = (judged + specificity - 1) / (sensitivity + specificity - 1); a difference is divided by the same",
        source: "Rogan & Gladen 1978, American Journal of Epidemiology 107, 71-76",
        see: &["measured"],
    },
    Term {
        name: "truth",
        aliases: &["true effect", "true change", "covered", "counterfactual"],
        says: [
            "The truth is what every user would have done in every variation: the simulator sends each user through all of them with the same luck.",
            "With `--truth` it stands beside the estimate, so you can see whether the interval covers it.",
            "An experiment on real users never shows it.",
        ],
        formula: "rate, mean or percentile of all users of the run, each variation forced on everybody",
        source: "the simulator (`simlab run --truth`)",
        see: &["hindsight", "credible interval"],
    },
    Term {
        name: "hindsight",
        aliases: &["right verdict", "right", "wrong verdict"],
        says: [
            "In hindsight the same decision rule is put to the truth instead of to the data.",
            "A verdict that differs was wrong, though the data may have given no way to know it.",
            "One run says little about a rule: `simlab power` counts how often it is right.",
        ],
        formula: "verdict(data) against verdict(truth)",
        source: "the simulator (`simlab run --truth`)",
        see: &["truth", "power"],
    },
    Term {
        name: "power",
        aliases: &["operating characteristics", "false ship", "false ship rate", "aa test"],
        says: [
            "The power of an experiment is how often it finds what is there; its false-ship rate is how often it ships what is no better.",
            "Running `simlab power` plays the scenario many times with other luck and counts both for the scenario's own rule.",
            "Every share comes with its Monte Carlo error: more replications make it smaller.",
        ],
        formula: "share of replications with that verdict; standard error sqrt(p (1 - p) / replications)",
        source: "counted over seeded replications",
        see: &["truth", "peeking", "users needed"],
    },
    Term {
        name: "interaction",
        aliases: &["factorial", "experiments together"],
        says: [
            "Two experiments on the same users interact when the effect of one depends on the arm of the other.",
            "Without interaction each can be read as if the other were not there.",
            "An interaction is a difference of differences, so it needs about four times the users of a plain effect.",
        ],
        formula: "(effect of A where B is on) - (effect of A where B is off), variances of the four cells added",
        source: "Box, Hunter & Hunter, Statistics for Experimenters, 2nd ed., chapter 5",
        see: &["relative difference"],
    },
    Term {
        name: "fingerprint",
        aliases: &["digest", "seed", "reproducible"],
        says: [
            "The fingerprint is a digest of everything that happened in the run.",
            "The same scenario, seed and version give the same one on every machine.",
            "If it differs, something that matters has changed, even where the report looks alike.",
        ],
        formula: "XXH3 (128 bits) of the journal",
        source: "the program",
        see: &[],
    },
];
