//! Models and prices of a log against those of the catalog.
//!
//! Does not know: how a scenario is written.

use super::sums::CostSums;
use crate::diagnostic::nearest;
use crate::live::calibrate::LEAST;
use crate::llm::chat::{Cached, Usage};
use crate::llm::profile::ModelProfile;
use crate::llm::wire::{PROVIDERS, Provider};

/// A log's prices agree with the catalog's within this.
const PRICE_MARGIN: f64 = 0.02;

/// What a log says of a model's prices.
pub(super) struct LogPrices {
    /// Dollars per million tokens of input and output, where they are not the catalog's.
    pub prices: Option<[f64; 2]>,
    /// Whether nobody knows a price.
    pub no_price: bool,
    /// How they compare, in a sentence.
    pub told: String,
}

/// The catalog's model that an id means: the same, or the same but for a date or a provider before it.
pub(super) fn catalogued<'c>(id: &str, catalog: &'c [ModelProfile]) -> Option<&'c ModelProfile> {
    let bare = id.rsplit('/').next().unwrap_or(id);
    let dated = |long: &str, short: &str| {
        long.strip_prefix(short).is_some_and(|rest| {
            rest == "-latest"
                || (rest.len() >= 9 && rest.chars().all(|c| c == '-' || c.is_ascii_digit()))
        })
    };
    catalog
        .iter()
        .find(|own| own.id == id || own.id == bare)
        .or_else(|| catalog.iter().find(|own| dated(bare, &own.id) || dated(&own.id, bare)))
}

/// A model of the catalog to start from, for one that it does not have.
pub(super) fn nearest_model<'c>(
    id: &str,
    provider: Option<&str>,
    catalog: &'c [ModelProfile],
) -> Option<&'c ModelProfile> {
    let named = provider.unwrap_or(id).to_ascii_lowercase();
    let known: Option<Provider> = PROVIDERS.iter().copied().find(|own| named.contains(own.key));
    let own =
        || catalog.iter().filter(move |model| known.is_none_or(|known| model.provider == known));
    let near = nearest(id, own().map(|model| model.id.as_str()));
    near.and_then(|near| own().find(|model| model.id == near)).or_else(|| own().next_back())
}

/// The prices that the log shows, compared with the catalog's.
pub(super) fn log_prices(id: &str, costs: &CostSums, known: Option<&ModelProfile>) -> LogPrices {
    let listed = known.and_then(|known| {
        Some((known.input_price?.dollars_per_million(), known.output_price?.dollars_per_million()))
    });
    if costs.calls < LEAST as f64 {
        let told = match listed {
            Some((input, output)) => format!(
                "{id}: ${input} and ${output} per million tokens, from the catalog; the log has no costs"
            ),
            None => format!(
                "{id}: no price; neither the log nor the catalog has one. Write `input_price` and `output_price`"
            ),
        };
        return LogPrices { prices: None, no_price: listed.is_none(), told };
    }
    let n = costs.calls as u64;
    let found = solved(costs);
    let tokens = costs.tokens;
    let expected = listed.map(|(input, output)| {
        let each = known.and_then(|known| input_of(known, costs)).unwrap_or(input);
        (input, output, (each * tokens.input + output * tokens.output) / 1e6)
    });
    let Some((input, output, expected)) = expected else {
        let blended = per_million(costs.total, tokens.input + tokens.output);
        let [own_in, own_out] = found.unwrap_or([blended, blended]);
        let apart = if found.is_some() {
            ""
        } else {
            ", and the log does not tell input from output: both have the mean"
        };
        let told = format!(
            "{id}: ${own_in:.4} and ${own_out:.4} per million tokens, from the log's costs of {n} calls; the catalog does not have it{apart}"
        );
        return LogPrices { prices: Some([own_in, own_out]), no_price: false, told };
    };
    let ratio = costs.total / expected;
    if (ratio - 1.0).abs() <= PRICE_MARGIN {
        let told = format!(
            "{id}: the log's costs of {n} calls agree with the catalog's prices, ${input} and ${output} per million tokens (ratio {ratio:.3})"
        );
        return LogPrices { prices: None, no_price: false, told };
    }
    let prices @ [own_in, own_out] = found.unwrap_or([input * ratio, output * ratio]);
    let told = format!(
        "{id}: the log charges {ratio:.3} times what the catalog's prices (${input} and ${output}) come to, over {n} calls; the scenario has the log's, ${own_in:.4} and ${own_out:.4} per million tokens"
    );
    LogPrices { prices: Some(prices), no_price: false, told }
}

fn per_million(dollars: f64, tokens: f64) -> f64 {
    dollars / tokens.max(1.0) * 1e6
}

/// Prices of input and output, where the costs tell them apart: from two parts, or by least squares.
/// `None` where much of the input was cached, whose price is another.
fn solved(costs: &CostSums) -> Option<[f64; 2]> {
    let [cost_in, tokens_in, cost_out, tokens_out, cached] = costs.parts;
    if costs.parted >= costs.calls * 0.9 && cached < tokens_in * 0.01 {
        return Some([per_million(cost_in, tokens_in), per_million(cost_out, tokens_out)]);
    }
    let [xx, xy, yy, xz, yz] = costs.normal;
    let determinant = xx * yy - xy * xy;
    let prices = [xz * yy - yz * xy, yz * xx - xz * xy].map(|own| own / determinant * 1e6);
    let sound = determinant > 1e-6 * xx * yy
        && prices.iter().all(|price| price.is_finite() && *price > 0.0)
        && costs.tokens.cached < costs.tokens.input * 0.01;
    sound.then_some(prices)
}

/// Dollars per million tokens of input by the catalog, with this share of it cached.
fn input_of(known: &ModelProfile, costs: &CostSums) -> Option<f64> {
    // As a prompt of usual length.
    let scale = 10_000.0 / costs.tokens.input.max(1.0);
    let cached = Cached {
        read: (costs.tokens.cached * scale) as u32,
        written: (costs.tokens.written * scale) as u32,
    };
    let usage = Usage { input: 10_000, output: 0, reasoning: 0, cached };
    Some(known.cost(usage)?.dollars() * 100.0)
}
