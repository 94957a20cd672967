//! What can be turned in a scenario: for each setting that means something in it, where it stands in
//! the text, its value, its range and its name.
//!
//! Guarantees: what a scenario does not use is not offered; a range is a suggestion, and the reader
//! of scenarios says what is allowed.
//!
//! Does not know: what a value causes, or how a setting is shown.

use crate::agents::{NodeRole, When};
use crate::event::AppEvent;
use crate::experiment::Experiment;
use crate::llm::chat::Caching;
use crate::quantity::Price;
use crate::scenario::{Loaded, PathStep, PlainValue, Scenario, number_or_text, written_values};

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// As a number.
    Plain,
    /// `"50%"`.
    Percent,
    /// What is left of 100%.
    RestOfPercent,
    /// `"$0.80"`.
    Dollars,
    /// So many times the number of dollars.
    TimesDollars(f64),
    /// `"3pt"`.
    Points,
}

impl Form {
    /// The value as the file has it. What is no number stays as it is, for the reader to refuse.
    fn write(self, value: &str) -> String {
        let number = value.parse::<f64>().ok().filter(|number| number.is_finite());
        match self {
            Self::Plain => number_or_text(value),
            Self::Percent => format!("{:?}", format!("{value}%")),
            Self::RestOfPercent => match number {
                Some(number) => format!("{:?}", format!("{}%", plain(100.0 - number))),
                None => format!("{:?}", format!("{value}%")),
            },
            Self::Dollars => format!("{:?}", format!("${value}")),
            Self::TimesDollars(factor) => match number {
                Some(number) => format!("{:?}", format!("${}", dollars(number * factor))),
                None => format!("{:?}", format!("${value}")),
            },
            Self::Points => format!("{:?}", format!("{value}pt")),
        }
    }

    /// The number that a written value has.
    fn read(self, written: &str) -> Option<String> {
        let inside = written.trim_matches('"').trim();
        let digits = match self {
            Self::Plain => inside,
            Self::Percent => inside.strip_suffix('%')?,
            Self::RestOfPercent | Self::TimesDollars(_) => return None,
            Self::Dollars => inside.strip_prefix('$')?,
            Self::Points => inside.strip_suffix("pt").or_else(|| inside.strip_suffix("pp"))?,
        };
        let digits = digits.trim().replace('_', "");
        digits.parse::<f64>().ok().filter(|number| number.is_finite())?;
        Some(digits.trim_start_matches('+').to_owned())
    }
}

/// A number without needless digits.
fn plain(number: f64) -> String {
    let text = format!("{number:.9}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Dollars for a million tokens, which have six places at most.
fn dollars(number: f64) -> String {
    plain(libm::round(number * 1e6) / 1e6)
}

/// A setting.
#[derive(Clone, Debug)]
pub struct Knob {
    /// Its name in a query: the way to its value.
    pub id: String,
    /// Which settings it is shown with.
    pub group: String,
    /// Its name for people.
    pub label: String,
    /// The unit of its value; empty for a plain number.
    pub unit: String,
    /// The value in the scenario, as a person writes it.
    pub value: String,
    /// From where to where a slider goes, and in which steps; `None`: no slider.
    pub range: Option<[f64; 3]>,
    /// Where its value stands, and how it is written there.
    places: Vec<(Vec<PathStep>, Form)>,
}

impl Knob {
    fn new(group: &str, label: impl Into<String>, path: Vec<PathStep>, value: String) -> Self {
        let name = |step: &PathStep| match step {
            PathStep::Field(name) | PathStep::Key(name) => name.clone(),
            PathStep::Item(at) => at.to_string(),
        };
        Self {
            id: path.iter().map(name).collect::<Vec<_>>().join("."),
            group: group.to_owned(),
            label: label.into(),
            unit: String::new(),
            value,
            range: None,
            places: vec![(path, Form::Plain)],
        }
    }

    fn written(mut self, form: Form, unit: &str) -> Self {
        self.places.iter_mut().for_each(|(_, own)| *own = form);
        unit.clone_into(&mut self.unit);
        self
    }

    fn unit(self, unit: &str) -> Self {
        Self { unit: unit.to_owned(), ..self }
    }

    /// With a slider; it reaches the value, wherever that is.
    fn range(mut self, from: f64, to: f64, step: f64) -> Self {
        let value = self.value.parse::<f64>().unwrap_or(from);
        self.range = Some([from.min(value), to.max(value), step]);
        self
    }

    /// With a slider from nothing to about twice the value.
    fn about(self, least: f64) -> Self {
        let value = self.value.parse::<f64>().unwrap_or(0.0);
        let most = (2.0 * value.abs()).max(least);
        // A power of ten that gives some hundred steps.
        let step = (-6..=6)
            .map(|power| libm::pow(10.0, f64::from(power)))
            .find(|step| most / step <= 500.0)
            .unwrap_or(1.0);
        let steps = libm::ceil(most / step);
        let (from, to) = (if value < 0.0 { -steps * step } else { 0.0 }, steps * step);
        self.range(from, to, step)
    }

    /// The changes of the text that another value makes.
    pub fn changes(&self, value: &str) -> impl Iterator<Item = (&[PathStep], String)> {
        self.places.iter().map(move |(path, form)| (path.as_slice(), form.write(value)))
    }

    /// Whether a value is the scenario's own.
    #[must_use]
    pub fn is_own(&self, value: &str) -> bool {
        let number = |text: &str| text.parse::<f64>().ok();
        let is_equal = number(value).is_some_and(|own| number(&self.value) == Some(own));
        // A seed has more digits than a float.
        value == self.value || self.range.is_some() && is_equal
    }
}

fn path(fields: &[&str]) -> Vec<PathStep> {
    fields.iter().map(|name| PathStep::field(name)).collect()
}

/// Everything that can be turned in a scenario, in the order in which it is shown.
#[must_use]
pub fn knobs(loaded: &Loaded) -> Vec<Knob> {
    let scenario = &loaded.scenario;
    let written = written_values(&loaded.source.text);
    let mut all = traffic(scenario);
    for (at, study) in scenario.studies.iter().enumerate() {
        let name = &study.experiment.name;
        let group = if scenario.studies.len() > 1 {
            format!("Experiment: {name}")
        } else {
            "Experiment and decision rule".to_owned()
        };
        all.extend(experiment(at, &study.experiment, &group, study.paired.is_some()));
        all.extend(written.iter().filter_map(|value| criterion(at, &group, value)));
    }
    all.extend(written.iter().filter_map(stated));
    all.extend(causes(scenario));
    all.extend(judge(scenario));
    all.extend(models(scenario));
    all
}

fn traffic(scenario: &Scenario) -> Vec<Knob> {
    const GROUP: &str = "Users";
    let spec = &scenario.traffic;
    let has =
        |found: fn(&NodeRole) -> bool| scenario.graph.nodes.iter().any(|node| found(&node.role));
    let share = |label: &str, name: &str, chance: f64| {
        Knob::new(GROUP, label, path(&["traffic", name]), plain(100.0 * chance))
            .unit("%")
            .range(0.0, 100.0, 1.0)
    };
    let users = f64::from(spec.queries);
    let step = if users > 2000.0 { 100.0 } else { 10.0 };
    let most = libm::ceil((2.0 * users).clamp(500.0, 10_000.0) / step) * step;
    let mut all = vec![
        Knob::new(GROUP, "users", path(&["traffic", "queries"]), spec.queries.to_string())
            .range(step, most, step),
        Knob::new(
            GROUP,
            "seed of the random numbers",
            path(&["seed"]),
            scenario.seed.0.to_string(),
        ),
    ];
    if has(|role| matches!(role, NodeRole::Screen | NodeRole::Prescreen)) {
        all.push(share("questions with personal data", "pii_percentage", spec.personal_data.get()));
    }
    if has(|role| matches!(role, NodeRole::Guard(_))) {
        all.push(share("questions to be stopped", "harmful_percentage", spec.harmful.get()));
    }
    all
}

fn experiment(at: usize, experiment: &Experiment, group: &str, paired: bool) -> Vec<Knob> {
    let own = |name: &str| {
        vec![PathStep::field("experiments"), PathStep::Item(at), PathStep::field(name)]
    };
    let mut all = Vec::new();
    let shares: Vec<_> =
        experiment.treatments.iter().filter(|own| own.share.weight() > 0).collect();
    if let [one, other] = shares.as_slice()
        && !paired
    {
        let control = &experiment.control_treatment().variation;
        let treatment = if one.variation == *control { other } else { one };
        let place = |key: &str| [own("split"), vec![PathStep::key(key)]].concat();
        let mut knob = Knob::new(
            group,
            format!("share of users who get {}", name(&treatment.name, &treatment.variation)),
            place(&treatment.variation),
            plain(100.0 * treatment.share.fraction()),
        );
        knob.places = vec![
            (place(&treatment.variation), Form::Percent),
            (place(control), Form::RestOfPercent),
        ];
        all.push(knob.unit("%").range(5.0, 95.0, 1.0));
    }
    all.push(
        Knob::new(
            group,
            "threshold: how sure a result has to be",
            own("threshold"),
            plain(experiment.threshold.get()),
        )
        .range(0.55, 0.99, 0.01),
    );
    all
}

fn name<'n>(name: &'n str, key: &'n str) -> &'n str {
    if name.is_empty() { key } else { name }
}

/// A limit of the decision rule.
fn criterion(at: usize, group: &str, value: &PlainValue) -> Option<Knob> {
    let start = [PathStep::field("experiments"), PathStep::Item(at), PathStep::field("decision")];
    let rest = value.path.strip_prefix(&start)?;
    let PathStep::Field(field) = rest.last()? else { return None };
    let what = match field.as_str() {
        "bound" | "at_least" => "limit",
        "margin" => "margin",
        "probability" => "how sure",
        "alpha" => "highest p-value",
        _ => return None,
    };
    let criterion = value.beside("name").or(value.beside("metric")).unwrap_or("decision rule");
    let number = Form::Plain.read(&value.text)?;
    let knob = Knob::new(group, format!("{criterion}: {what}"), value.path.clone(), number);
    Some(match field.as_str() {
        "bound" | "at_least" => knob.about(0.1),
        "margin" => knob.range(0.0, 0.5, 0.01),
        "alpha" => knob.range(0.01, 0.2, 0.01),
        _ => knob.range(0.5, 0.99, 0.01),
    })
}

/// What the scenario states of outcomes and effects.
fn stated(value: &PlainValue) -> Option<Knob> {
    const GROUP: &str = "Outcomes and stated effects";
    let PathStep::Field(field) = value.path.last()? else { return None };
    let within = |name: &str| value.path.first() == Some(&PathStep::field(name));
    let key = |from: usize| {
        value.path.get(from..)?.iter().find_map(|step| match step {
            PathStep::Key(key) => Some(key.as_str()),
            _ => None,
        })
    };
    if within("outcomes") && field == "baseline" {
        let number = Form::Plain.read(&value.text)?;
        let label = format!("{}: chance after a fair answer", key(0)?);
        return Some(Knob::new(GROUP, label, value.path.clone(), number).range(0.0, 1.0, 0.01));
    }
    if within("configs") && field == "lift" {
        let label = format!("effect of {} on {}", key(2)?, value.beside("metric")?);
        let lift = |form: Form, unit: &str| {
            let number = form.read(&value.text)?;
            let knob = Knob::new(GROUP, &label, value.path.clone(), number);
            Some(knob.written(form, unit).range(-20.0, 20.0, 0.5))
        };
        return lift(Form::Points, "points").or_else(|| lift(Form::Percent, "%"));
    }
    None
}

fn causes(scenario: &Scenario) -> Vec<Knob> {
    let nodes = &scenario.graph.nodes;
    let causes = &scenario.causes;
    let redacts = nodes.iter().any(|node| matches!(node.role, NodeRole::Screen));
    let routes = nodes.iter().any(|node| matches!(node.role, NodeRole::Route { .. }));
    let side_by_side = nodes
        .iter()
        .flat_map(|node| &node.edges)
        .any(|edge| matches!(edge.when, When::Parallel | When::Subtask));
    let remembers = scenario.traffic.returns.as_ref().is_some_and(|own| own.remembers > 0)
        || scenario.studies.iter().any(|own| own.paired.is_some_and(|own| own.remembers > 0));
    let all = [
        (redacts, "loss_to_tools", "lost context makes more tool calls", causes.loss_to_tools),
        (redacts, "loss_to_loops", "lost context makes searches in circles", causes.loss_to_loops),
        (redacts, "loss_to_words", "lost context makes longer answers", causes.loss_to_words),
        (redacts, "loss_to_quality", "lost context makes worse answers", causes.loss_to_quality),
        (
            routes,
            "wrong_route_to_quality",
            "a wrong way makes worse answers",
            causes.wrong_route_to_quality,
        ),
        (
            side_by_side,
            "missing_to_quality",
            "missing results make worse answers",
            causes.missing_to_quality,
        ),
        (
            remembers,
            "memory_to_quality",
            "what is remembered carries over",
            causes.memory_to_quality,
        ),
    ];
    let means_something = all.into_iter().filter(|(meant, ..)| *meant);
    means_something
        .map(|(_, field, label, value)| {
            Knob::new("Causes", label, path(&["causes", field]), plain(value)).about(1.0)
        })
        .collect()
}

/// Whether an experiment has a metric on one of these events.
fn measures(scenario: &Scenario, events: &[AppEvent]) -> bool {
    let metrics = scenario
        .studies
        .iter()
        .flat_map(|study| study.experiment.metrics_in(&scenario.metrics).map(|(_, metric)| metric));
    metrics
        .filter_map(|metric| AppEvent::by_key(&metric.event))
        .any(|event| events.contains(&event))
}

fn judge(scenario: &Scenario) -> Vec<Knob> {
    if !measures(scenario, &[AppEvent::FeedbackPositive, AppEvent::FeedbackNegative]) {
        return Vec::new();
    }
    let traits = &scenario.judge.traits;
    let knob = |field: &str, label: &str, value: f64| {
        Knob::new("Errors of the judge", label, path(&["judge", field]), plain(value))
    };
    let chance = |field, label, value: f64| knob(field, label, value).range(0.0, 1.0, 0.01);
    vec![
        chance("sensitivity", "calls a strong answer positive", traits.sensitivity.get()),
        chance("specificity", "calls a weak answer negative", traits.specificity.get()),
        chance("leniency", "calls a fair answer positive", traits.leniency.get()),
        knob("length_bias", "prefers long answers", traits.length_bias).range(-1.0, 1.0, 0.05),
    ]
}

/// The models of the variations that take part.
fn models(scenario: &Scenario) -> Vec<Knob> {
    let mut found: Vec<u16> = Vec::new();
    for study in &scenario.studies {
        let config = scenario.configs.iter().find(|own| own.key == study.experiment.config);
        for setup in config.into_iter().flat_map(|config| &config.variations) {
            let takes_part =
                study.experiment.treatments.iter().any(|own| own.variation == setup.variation);
            if takes_part && !found.contains(&setup.setup.model) {
                found.push(setup.setup.model);
            }
        }
    }
    let priced = measures(scenario, &[AppEvent::Cost]);
    let mut all = Vec::new();
    for at in found {
        let model = scenario.model(at);
        let mut setups = scenario.configs.iter().flat_map(|config| &config.variations);
        let cached = setups.any(|own| own.setup.model == at && own.setup.caching != Caching::Off);
        let place = |field: &str| {
            vec![PathStep::field("models"), PathStep::key(&model.id), PathStep::field(field)]
        };
        let label = |what: &str| format!("{}: {what}", model.id);
        let quality = plain(model.quality.get());
        all.push(
            Knob::new("Models", label("chance of a strong answer"), place("quality"), quality)
                .range(0.0, libm::floor(100.0 * (1.0 - model.weakness.get())) / 100.0, 0.01),
        );
        let prices = [
            ("input_price", "price of input", model.input_price),
            ("output_price", "price of output", model.output_price),
        ];
        for (field, what, price) in prices.into_iter().filter(|_| priced) {
            let written = |price: Price| Form::Dollars.read(&price.to_string());
            let Some(number) = price.and_then(written) else { continue };
            let knob = Knob::new("Models", label(what), place(field), number);
            let mut knob = knob.written(Form::Dollars, "$ per million tokens").about(5.0);
            // A new price of input leaves none for cached input, which keep their ratio to it.
            let input = price.map_or(0.0, Price::dollars_per_million);
            let cache = model.cache.filter(|_| field == "input_price" && cached && input > 0.0);
            for (field, cache) in cache.into_iter().flat_map(|cache| {
                [("cache_read_price", cache.read), ("cache_write_price", cache.write)]
            }) {
                let times = Form::TimesDollars(cache.dollars_per_million() / input);
                knob.places.push((place(field), times));
            }
            all.push(knob);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::load;

    #[test]
    fn what_a_scenario_does_not_use_is_not_offered() {
        let ids = |name: &str| {
            knobs(&load(name).unwrap()).into_iter().map(|knob| knob.id).collect::<Vec<_>>()
        };
        let security = ids("security");
        assert!(security.contains(&"causes.loss_to_tools".to_owned()), "{security:?}");
        assert!(!security.contains(&"causes.wrong_route_to_quality".to_owned()), "{security:?}");
        let router = ids("router");
        assert!(router.contains(&"causes.wrong_route_to_quality".to_owned()), "{router:?}");
        assert!(!router.contains(&"causes.loss_to_tools".to_owned()), "{router:?}");
    }
}
