//! What a live run would cost, before anything is spent: the simulator's answer, over several
//! seeded runs of the scenario.
//!
//! Guarantees: the same scenario, seed and users give the same estimate. An interval holds what 90%
//! of simulated runs cost: how one run may turn out, not how well the mean is known.
//!
//! Does not know: how far the mock's lengths and appetites are from the real models'; `calibrate`
//! does.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::figure;
use crate::journal::{Caller, Entry, Event, Reader};
use crate::live::models;
use crate::live::preflight::simulated_alone;
use crate::random::Seed;
use crate::report::document::{Element, Fact, Level, Section, Title};
use crate::report::table::{Cell, Column, Row, Table, Tone};
use crate::report::{Number, Palette, document_to_text};
use crate::run::{PreparedScenario, SetupError};

/// Simulated runs behind an estimate.
pub const REPLICATIONS: u64 = 40;
/// Share of the simulated runs within an interval.
pub const MASS: f64 = 0.9;

/// What stands in the place of provider and model for steps without a model.
const STEPS: &str = "steps";
const NO_MODEL: &str = "no model";

/// Name and version of the JSON.
const SCHEMA: &str = "simlab.estimate/1";

/// What a live run would cost. Means and intervals are over simulated runs, in dollars.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct EstimateOutput {
    /// `simlab.estimate/1`. It changes only if a field changes its meaning.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: String,
    /// The scenario's name.
    pub scenario: String,
    /// Users of a run.
    pub users: u32,
    /// The base seed; each simulated run has a seed derived from it.
    pub seed: u64,
    /// How many runs were simulated.
    pub replications: u64,
    /// Share of the simulated runs within each interval.
    pub interval_mass: f64,
    /// What a run costs.
    pub cost_usd: Option<f64>,
    /// Its interval.
    pub interval_usd: [Option<f64>; 2],
    /// The same by provider.
    pub providers: Vec<ProviderCost>,
    /// The same by model and agent, the most expensive first.
    pub models: Vec<ModelCost>,
    /// What to know about the models, such as one that was retired.
    pub notes: Vec<String>,
}

/// What one provider charges.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ProviderCost {
    /// The provider's name.
    pub provider: String,
    /// What a run costs there.
    pub cost_usd: Option<f64>,
    /// Its interval.
    pub interval_usd: [Option<f64>; 2],
}

/// What the calls of one agent to one model cost.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ModelCost {
    /// The provider's name.
    pub provider: String,
    /// The model's id.
    pub model: String,
    /// The agent.
    pub agent: String,
    /// Calls in one run.
    pub calls: Option<f64>,
    /// Input tokens of one run.
    pub input_tokens: Option<f64>,
    /// Output tokens of one run.
    pub output_tokens: Option<f64>,
    /// What they cost; null where the model has no price.
    pub cost_usd: Option<f64>,
    /// Its interval; null where the model has no price.
    pub interval_usd: Option<[Option<f64>; 2]>,
}

/// A mean and the middle 90% of what it is the mean of.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct CostSpread {
    /// The mean.
    pub mean: f64,
    /// The 5% quantile.
    pub low: f64,
    /// The 95% quantile.
    pub high: f64,
}

impl CostSpread {
    /// The spread of these values; the quantiles are interpolated linearly between order statistics
    /// (R's type 7).
    #[must_use]
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let Some(&highest) = values.last() else { return Self::default() };
        let quantile = |p: f64| {
            let at = p * (values.len() - 1) as f64;
            let below = at as usize;
            let [own, next] =
                [below, below + 1].map(|place| values.get(place).copied().unwrap_or(highest));
            own + (at - below as f64) * (next - own)
        };
        let tail = (1.0 - MASS) / 2.0;
        Self {
            mean: values.iter().sum::<f64>() / values.len() as f64,
            low: quantile(tail),
            high: quantile(1.0 - tail),
        }
    }
}

impl CostSpread {
    /// The interval as a list of its ends.
    fn interval(self) -> [Option<f64>; 2] {
        [finite(self.low), finite(self.high)]
    }

    /// As money: `$0.12 ($0.10 to $0.15)`.
    fn money(self) -> String {
        let [mean, low, high] = [self.mean, self.low, self.high].map(figure::money);
        format!("{mean} ({low} to {high})")
    }
}

/// A number of ten significant digits, as reports write it.
fn finite(x: f64) -> Option<f64> {
    Number::new(x).map(Number::get)
}

/// Calls of one agent to one model.
#[derive(Clone, Debug, PartialEq)]
pub struct EstimatedCalls {
    /// The provider's name.
    pub provider: &'static str,
    /// The model's id.
    pub model: String,
    /// Who asks.
    pub agent: String,
    /// Calls in one run, on average.
    pub calls: f64,
    /// Their input tokens.
    pub input_tokens: f64,
    /// Their output tokens.
    pub output_tokens: f64,
    /// What they cost, in dollars; `None` where the model has no price.
    pub usd: Option<CostSpread>,
}

impl EstimatedCalls {
    /// For programs.
    fn to_output(&self) -> ModelCost {
        ModelCost {
            provider: self.provider.to_owned(),
            model: self.model.clone(),
            agent: self.agent.clone(),
            calls: finite(self.calls),
            input_tokens: finite(self.input_tokens),
            output_tokens: finite(self.output_tokens),
            cost_usd: self.usd.and_then(|usd| finite(usd.mean)),
            interval_usd: self.usd.map(CostSpread::interval),
        }
    }

    /// The row of a table.
    fn row(&self) -> Row {
        let counts = [self.calls, self.input_tokens, self.output_tokens];
        let counts = counts.map(|x| Cell::new(figure::count(libm::round(x) as u64)));
        let mut cells = vec![Cell::new(&self.agent)];
        cells.extend(counts);
        cells.extend(self.usd.map_or_else(
            || [Cell::new("no price"), Cell::default()],
            |usd| {
                let [low, high] = [usd.low, usd.high].map(figure::money);
                [Cell::new(figure::money(usd.mean)), Cell::new(figure::interval(&low, &high))]
            },
        ));
        Row::Cells(cells)
    }
}

/// What a live run would cost.
#[derive(Clone, Debug, PartialEq)]
pub struct CostEstimate {
    /// The scenario's name.
    pub scenario: String,
    /// Users.
    pub users: u32,
    /// The seed whose replications were run.
    pub seed: u64,
    /// The whole run, in dollars.
    pub total: CostSpread,
    /// By provider, in dollars.
    pub providers: Vec<(&'static str, CostSpread)>,
    /// By provider, model and agent; the dearest first.
    pub lines: Vec<EstimatedCalls>,
    /// What has to be known beside it: retired models, models without a price or at no cost, and what
    /// a live run refuses.
    pub notes: Vec<String>,
}

/// What one run spends, by caller and model; a step has no model.
#[derive(Default)]
struct Spent(BTreeMap<(Caller, Option<u16>), Sums>);

/// What one caller's calls of one model come to.
#[derive(Clone, Copy, Default)]
struct Sums {
    calls: u64,
    input_tokens: u64,
    output_tokens: u64,
    nano_dollars: u64,
}

impl Reader for Spent {
    fn entry(&mut self, entry: &Entry) {
        let (of, tokens, cost) = match entry.event {
            Event::Completed { caller, model, input_tokens, output_tokens, cost, .. } => {
                ((caller, Some(model)), (input_tokens, output_tokens), cost)
            }
            Event::StepFinished { agent, cost, failed: false, .. } => {
                ((Caller::Agent(agent), None), (0, 0), Some(cost))
            }
            _ => return,
        };
        let sums = self.0.entry(of).or_default();
        sums.calls += 1;
        sums.input_tokens += u64::from(tokens.0);
        sums.output_tokens += u64::from(tokens.1);
        sums.nano_dollars += cost.map_or(0, |cost| cost.nano_dollars());
    }
}

/// Runs the scenario [`REPLICATIONS`] times on the mocks and counts what real providers would
/// charge for it.
///
/// # Errors
/// When the mock LaunchDarkly refuses what the scenario asks of it.
pub fn estimate(
    stage: &PreparedScenario<'_>,
    seed: Seed,
    users: u32,
    mut progress: impl FnMut(u64),
) -> Result<CostEstimate, SetupError> {
    let mut runs = Vec::new();
    for nth in 0..REPLICATIONS {
        let own = seed.replication(nth);
        let flags = stage.flags(own)?;
        runs.push(stage.population(own, users).designed().on(&flags).visit(Spent::default()).0);
        progress(nth + 1);
    }
    let dollars = |of: &dyn Fn(Caller, Option<u16>) -> bool| {
        let one = |run: &BTreeMap<(Caller, Option<u16>), Sums>| {
            run.iter()
                .filter(|((caller, model), _)| of(*caller, *model))
                .map(|(_, sums)| sums.nano_dollars as f64 / 1e9)
                .sum::<f64>()
        };
        CostSpread::of(runs.iter().map(one).collect())
    };
    let mut keys: Vec<(Caller, Option<u16>)> =
        runs.iter().flat_map(|run| run.keys().copied()).collect();
    keys.sort_unstable();
    keys.dedup();
    let mean = |key: &(Caller, Option<u16>), of: fn(&Sums) -> u64| {
        runs.iter().filter_map(|run| run.get(key)).map(|sums| of(sums) as f64).sum::<f64>()
            / runs.len() as f64
    };
    let mut lines: Vec<EstimatedCalls> = keys
        .iter()
        .map(|key| {
            let profile = key.1.map(|model| stage.scenario.model(model));
            let priced =
                profile.is_none_or(|own| own.input_price.is_some() && own.output_price.is_some());
            EstimatedCalls {
                provider: profile.map_or(STEPS, |own| own.provider.name),
                model: profile.map_or_else(|| NO_MODEL.to_owned(), |own| own.id.clone()),
                agent: stage.scenario.graph.name(key.0).to_owned(),
                calls: mean(key, |sums| sums.calls),
                input_tokens: mean(key, |sums| sums.input_tokens),
                output_tokens: mean(key, |sums| sums.output_tokens),
                usd: priced.then(|| dollars(&|caller, model| (caller, model) == *key)),
            }
        })
        .collect();
    let cost = |line: &EstimatedCalls| line.usd.map_or(0.0, |usd| usd.mean);
    lines.sort_by(|a, b| cost(b).total_cmp(&cost(a)));
    let provider_of =
        |model: Option<u16>| model.map_or(STEPS, |model| stage.scenario.model(model).provider.name);
    let mut named: Vec<&'static str> = lines.iter().map(|line| line.provider).collect();
    named.sort_unstable();
    named.dedup();
    let providers =
        named.into_iter().map(|name| (name, dollars(&|_, model| provider_of(model) == name)));
    let mut used: Vec<u16> = keys.iter().filter_map(|key| key.1).collect();
    used.sort_unstable();
    used.dedup();
    let faults = |&model: &u16| {
        let profile = stage.scenario.model(model);
        models::faults(profile, true).into_iter().chain(models::free(profile))
    };
    let refused = simulated_alone(stage.scenario);
    Ok(CostEstimate {
        scenario: stage.scenario.name.clone(),
        users,
        seed: seed.0,
        total: dollars(&|_, _| true),
        providers: providers.collect(),
        notes: used
            .iter()
            .flat_map(faults)
            .chain(refused.into_iter().map(|what| format!("a live run refuses it: {what}")))
            .collect(),
        lines,
    })
}

impl CostEstimate {
    /// For people, at most `width` columns wide.
    #[must_use]
    pub fn to_text(&self, width: usize, palette: &Palette) -> String {
        document_to_text(&self.document(), width, palette)
    }

    /// The estimate as a document.
    fn document(&self) -> Vec<Element<'_>> {
        let users = figure::count(u64::from(self.users));
        let line = format!(
            "A live run of {} with {users} users is expected to cost {}.",
            self.scenario,
            self.total.money()
        );
        let title = Title { line, ..Title::default() };
        let note = format!(
            "90% of {REPLICATIONS} simulated runs lie in the interval; seed {}.",
            self.seed
        );
        let providers = self.providers.iter().map(|(name, usd)| Fact::new(*name, usd.money()));
        let notes = self.notes.iter().map(|note| Fact::new("note", note));
        let chapter = || Section::new("", Level::Chapter);
        vec![
            Element::Title(title),
            Element::Note(note, Tone::Plain),
            chapter().with([Element::Table(self.table())]).into(),
            chapter().with([Element::Facts(providers.chain(notes).collect())]).into(),
        ]
    }

    /// Calls and costs of each agent, by model.
    fn table(&self) -> Table {
        let columns = vec![
            Column::words("model, agent"),
            Column::number("calls"),
            Column::number("input\ntokens"),
            Column::number("output\ntokens"),
            Column::number("cost"),
            Column::number("90% interval"),
        ];
        let mut models: Vec<(&str, &str)> = Vec::new();
        for line in &self.lines {
            if !models.contains(&(line.provider, &line.model)) {
                models.push((line.provider, &line.model));
            }
        }
        let mut rows = Vec::new();
        for (provider, model) in models {
            rows.push(Row::Group(model.to_owned(), provider.to_owned()));
            let own = |line: &&EstimatedCalls| line.provider == provider && line.model == model;
            rows.extend(self.lines.iter().filter(own).map(EstimatedCalls::row));
        }
        Table { columns, rows }
    }

    /// For programs.
    #[must_use]
    pub fn to_output(&self) -> EstimateOutput {
        let provider = |(name, spread): &(&'static str, CostSpread)| ProviderCost {
            provider: (*name).to_owned(),
            cost_usd: finite(spread.mean),
            interval_usd: spread.interval(),
        };
        EstimateOutput {
            schema: SCHEMA.to_owned(),
            scenario: self.scenario.clone(),
            users: self.users,
            seed: self.seed,
            replications: REPLICATIONS,
            interval_mass: MASS,
            cost_usd: finite(self.total.mean),
            interval_usd: self.total.interval(),
            providers: self.providers.iter().map(provider).collect(),
            models: self.lines.iter().map(EstimatedCalls::to_output).collect(),
            notes: self.notes.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::load;

    #[test]
    fn quantiles_lie_where_r_puts_them() {
        // quantile(0:10, c(.05, .95)) in R: 0.5 and 9.5.
        let spread = CostSpread::of((0..=10).rev().map(f64::from).collect());
        assert!(
            (spread.mean - 5.0).abs() < 1e-12
                && (spread.low - 0.5).abs() < 1e-12
                && (spread.high - 9.5).abs() < 1e-12
        );
        assert_eq!(CostSpread::of(vec![2.0]), CostSpread { mean: 2.0, low: 2.0, high: 2.0 });
        assert_eq!(CostSpread::of(Vec::new()), CostSpread::default());
    }

    #[test]
    fn the_parts_of_an_estimate_add_up_and_a_fresh_run_lies_where_it_says() {
        let loaded = load("security").unwrap();
        let scenario = &loaded.scenario;
        let stage = PreparedScenario::new(scenario, scenario.seed).unwrap();
        let estimate = estimate(&stage, Seed(7), 60, |_| ()).unwrap();
        let run = stage.population(Seed(99), 60).visit(Spent::default()).0;
        let truth = run.values().map(|sums| sums.nano_dollars as f64 / 1e9).sum::<f64>();
        let of_lines: f64 =
            estimate.lines.iter().filter_map(|line| line.usd).map(|usd| usd.mean).sum();
        let of_providers: f64 = estimate.providers.iter().map(|(_, usd)| usd.mean).sum();
        assert!(
            (of_lines - estimate.total.mean).abs() < 1e-9
                && (of_providers - estimate.total.mean).abs() < 1e-9
        );
        assert!(
            truth > estimate.total.low * 0.6 && truth < estimate.total.high * 1.7,
            "{truth} {:?}",
            estimate.total
        );
        // Every question is written once, by one model.
        let written: f64 = estimate
            .lines
            .iter()
            .filter(|line| line.agent == "writer")
            .map(|line| line.calls)
            .sum();
        assert!((58.0..=60.0).contains(&written), "{written}");
        assert!(
            estimate
                .to_text(80, &Palette::plain())
                .starts_with("A live run of security with 60 users is expected to cost $")
        );
        assert_eq!(estimate.to_output().models.len(), estimate.lines.len());
        assert!(
            estimate
                .notes
                .iter()
                .any(|note| note.contains("claude-3-5-haiku-20241022") && note.contains("retired"))
        );
    }
}
