//! The models of the catalog: those of the tutorial, and models of late 2026.
//!
//! Prices of November 2026 are the providers' standard tier; speeds,
//! lengths, grades and chances of the newer models are assumed, in line with the older ones.
//!
//! Does not know: what a scenario changes.

use super::{chance, ms};
use crate::llm::profile::{CachePrices, FailureRates, Latency, LongPrompts, ModelProfile};
use crate::llm::wire::Provider;
use crate::llm::wire::anthropic::ANTHROPIC;
use crate::llm::wire::bedrock::BEDROCK;
use crate::llm::wire::google::GOOGLE;
use crate::llm::wire::mistral::MISTRAL;
use crate::llm::wire::openai::OPENAI;
use crate::quantity::Price;
use crate::time::Duration;

/// One row of the model table.
struct Row {
    id: &'static str,
    provider: Provider,
    /// Cents per million tokens, input and output; `None` where unknown. Of October 2025: the
    /// tutorial's cost table,
    /// which has the price lists of October 2025 for Sonnet, Opus and GPT-4o mini; GPT-4o as its
    /// text has it (its code charges $6 and $18). Mistral is free there. It charges Claude 3.5
    /// Haiku what Anthropic lists for Claude 3 Haiku, $0.25 and $1.25; Anthropic's own price of
    /// Claude 3.5 Haiku was $0.80 and $4.
    prices: Option<(u64, u64)>,
    /// Prices of input that is read from the prompt cache and written to it, in dollars per million
    /// tokens, and the fewest tokens of a prompt that is cached: price lists and documentation of
    /// November 2026. Where a provider charges nothing for writing, the price is the input's.
    /// Mistral's fewest tokens are assumed, and those of Gemini 3.1 and 3.5 to be Gemini 3.8's.
    /// The cache prices of GPT-6.2 are those of GPT-6.1, whose other prices it has, too. Those of
    /// Bedrock are of LiteLLM's price map 1.110; the fewest tokens there are assumed.
    cache: Option<(&'static str, &'static str, u32)>,
    /// Input tokens above which a call has other prices, and those in percent of the usual, of input
    /// and output: price lists of November 2026.
    long: Option<(u32, u32, u32)>,
    /// Milliseconds to the first token and microseconds a token: assumed, of the providers' usual
    /// order.
    speed: (u64, u64),
    /// Chance of a stall, and its median in milliseconds: assumed, fitted to the published P95
    /// latencies.
    stall: (f64, u64),
    /// Answer tokens and their sigma; tool calls at average difficulty: assumed, fitted to the
    /// published tokens and costs.
    answers: (f64, f64, f64),
    /// Chances of a strong and of a weak answer: assumed, fitted to the published feedback rates.
    grades: (f64, f64),
    /// Chance to notice an item of personal data: assumed.
    recall: f64,
    /// Most output tokens: the providers' documentation.
    cap: u32,
    takes_temperature: bool,
    /// Chance to see what a user wants, as a routing agent: assumed.
    routing: f64,
    /// When the prices were read.
    read: &'static str,
}

const OLD: &str = "October 2025";
const NEW: &str = "November 2026";

/// In cents per million tokens.
const ROWS: [Row; 30] = [
    Row {
        id: "gpt-4o",
        provider: OPENAI,
        prices: Some((250, 1000)),
        cache: Some(("$1.25", "$2.50", 1_024)),
        long: None,
        speed: (600, 6_000),
        stall: (0.004, 12_000),
        answers: (470.0, 0.8, 0.32),
        grades: (0.80, 0.03),
        recall: 0.97,
        cap: 16_384,
        takes_temperature: true,
        routing: 0.95,
        read: OLD,
    },
    Row {
        id: "gpt-4o-mini-2024-07-18",
        provider: OPENAI,
        prices: Some((15, 60)),
        cache: Some(("$0.075", "$0.15", 1_024)),
        long: None,
        speed: (500, 8_000),
        stall: (0.006, 8_000),
        answers: (300.0, 0.6, 0.3),
        grades: (0.65, 0.06),
        recall: 0.96,
        cap: 16_384,
        takes_temperature: true,
        routing: 0.90,
        read: OLD,
    },
    Row {
        id: "claude-3-7-sonnet-latest",
        provider: ANTHROPIC,
        prices: Some((300, 1500)),
        cache: None,
        long: None,
        speed: (1_100, 15_000),
        stall: (0.02, 12_000),
        answers: (380.0, 0.6, 1.2),
        grades: (0.82, 0.03),
        recall: 0.98,
        cap: 8_192,
        takes_temperature: true,
        routing: 0.95,
        read: OLD,
    },
    Row {
        id: "claude-3-5-haiku-20241022",
        provider: ANTHROPIC,
        prices: Some((25, 125)),
        cache: None,
        long: None,
        speed: (900, 14_000),
        stall: (0.06, 24_000),
        answers: (280.0, 0.5, 0.6),
        grades: (0.70, 0.05),
        recall: 0.96,
        cap: 8_192,
        takes_temperature: true,
        routing: 0.90,
        read: OLD,
    },
    Row {
        id: "claude-3-haiku-20240307",
        provider: ANTHROPIC,
        prices: Some((25, 125)),
        cache: None,
        long: None,
        speed: (500, 9_000),
        stall: (0.004, 8_000),
        answers: (220.0, 0.5, 0.4),
        grades: (0.55, 0.08),
        recall: 0.94,
        cap: 4_096,
        takes_temperature: true,
        routing: 0.85,
        read: OLD,
    },
    Row {
        id: "claude-opus-4-20250514",
        provider: ANTHROPIC,
        prices: Some((1500, 7500)),
        cache: None,
        long: None,
        speed: (1_500, 22_000),
        stall: (0.02, 20_000),
        answers: (320.0, 0.4, 4.5),
        grades: (0.88, 0.02),
        recall: 0.99,
        cap: 32_000,
        takes_temperature: true,
        routing: 0.96,
        read: OLD,
    },
    Row {
        id: "mistral-small-latest",
        provider: MISTRAL,
        prices: Some((0, 0)),
        cache: None,
        long: None,
        speed: (300, 6_000),
        stall: (0.002, 25_000),
        answers: (300.0, 0.5, 0.6),
        grades: (0.62, 0.07),
        recall: 0.97,
        cap: 32_000,
        takes_temperature: true,
        routing: 0.88,
        read: OLD,
    },
    Row {
        id: "claude-haiku-4-5-20251001",
        provider: ANTHROPIC,
        prices: Some((100, 500)),
        cache: Some(("$0.10", "$1.25", 4_096)),
        long: None,
        speed: (600, 8_000),
        stall: (0.01, 10_000),
        answers: (320.0, 0.5, 1.0),
        grades: (0.80, 0.03),
        recall: 0.98,
        cap: 64_000,
        takes_temperature: true,
        routing: 0.93,
        read: OLD,
    },
    Row {
        id: "claude-sonnet-4-6",
        provider: ANTHROPIC,
        prices: Some((300, 1500)),
        cache: Some(("$0.30", "$3.75", 1_024)),
        long: None,
        speed: (1_100, 13_000),
        stall: (0.01, 10_000),
        answers: (420.0, 0.5, 1.8),
        grades: (0.87, 0.02),
        recall: 0.99,
        cap: 64_000,
        takes_temperature: true,
        routing: 0.96,
        read: OLD,
    },
    Row {
        id: "claude-opus-4-7",
        provider: ANTHROPIC,
        prices: Some((500, 2500)),
        cache: Some(("$0.50", "$6.25", 2_048)),
        long: None,
        speed: (1_600, 18_000),
        stall: (0.01, 12_000),
        answers: (420.0, 0.5, 2.5),
        grades: (0.90, 0.02),
        recall: 0.99,
        cap: 32_000,
        takes_temperature: false,
        routing: 0.97,
        read: OLD,
    },
    Row {
        id: "claude-haiku-5-5",
        provider: ANTHROPIC,
        prices: Some((10, 50)),
        cache: Some(("$0.01", "$0.125", 512)),
        long: Some((100_000, 500, 500)),
        speed: (400, 5_000),
        stall: (0.01, 8_000),
        answers: (330.0, 0.5, 1.2),
        grades: (0.84, 0.03),
        recall: 0.98,
        cap: 128_000,
        takes_temperature: false,
        routing: 0.94,
        read: NEW,
    },
    Row {
        id: "claude-sonnet-5-5",
        provider: ANTHROPIC,
        prices: Some((200, 1000)),
        cache: Some(("$0.10", "$2.50", 512)),
        long: None,
        speed: (900, 9_000),
        stall: (0.01, 10_000),
        answers: (430.0, 0.5, 2.0),
        grades: (0.91, 0.02),
        recall: 0.99,
        cap: 128_000,
        takes_temperature: false,
        routing: 0.97,
        read: NEW,
    },
    Row {
        id: "claude-opus-5-5",
        provider: ANTHROPIC,
        prices: Some((400, 2000)),
        cache: Some(("$0.20", "$5.00", 512)),
        long: None,
        speed: (1_300, 13_000),
        stall: (0.01, 12_000),
        answers: (450.0, 0.5, 2.6),
        grades: (0.93, 0.02),
        recall: 0.99,
        cap: 128_000,
        takes_temperature: false,
        routing: 0.98,
        read: NEW,
    },
    Row {
        id: "gpt-6-luna",
        provider: OPENAI,
        prices: Some((10, 50)),
        cache: Some(("$0.01", "$0.125", 1_024)),
        long: Some((272_000, 200, 150)),
        speed: (400, 4_000),
        stall: (0.005, 8_000),
        answers: (320.0, 0.5, 0.8),
        grades: (0.82, 0.03),
        recall: 0.98,
        cap: 128_000,
        takes_temperature: false,
        routing: 0.93,
        read: NEW,
    },
    Row {
        id: "gpt-6.1-terra",
        provider: OPENAI,
        prices: Some((100, 500)),
        cache: Some(("$0.05", "$1.25", 1_024)),
        long: Some((272_000, 200, 150)),
        speed: (600, 6_000),
        stall: (0.005, 9_000),
        answers: (400.0, 0.5, 1.4),
        grades: (0.89, 0.02),
        recall: 0.99,
        cap: 128_000,
        takes_temperature: false,
        routing: 0.96,
        read: NEW,
    },
    Row {
        id: "gpt-6-sol",
        provider: OPENAI,
        prices: Some((200, 1000)),
        cache: Some(("$0.20", "$2.50", 1_024)),
        long: Some((272_000, 200, 150)),
        speed: (800, 8_000),
        stall: (0.005, 10_000),
        answers: (430.0, 0.5, 1.8),
        grades: (0.91, 0.02),
        recall: 0.99,
        cap: 128_000,
        takes_temperature: false,
        routing: 0.97,
        read: NEW,
    },
    Row {
        id: "mistral-small-2603",
        provider: MISTRAL,
        prices: Some((15, 60)),
        cache: Some(("$0.015", "$0.15", 1_024)),
        long: None,
        speed: (300, 5_000),
        stall: (0.003, 12_000),
        answers: (310.0, 0.5, 0.7),
        grades: (0.72, 0.05),
        recall: 0.97,
        cap: 262_000,
        takes_temperature: true,
        routing: 0.91,
        read: NEW,
    },
    Row {
        id: "mistral-large-4-0",
        provider: MISTRAL,
        prices: Some((70, 210)),
        cache: Some(("$0.07", "$0.70", 1_024)),
        long: None,
        speed: (600, 8_000),
        stall: (0.003, 14_000),
        answers: (400.0, 0.5, 1.4),
        grades: (0.86, 0.03),
        recall: 0.98,
        cap: 262_000,
        takes_temperature: true,
        routing: 0.95,
        read: NEW,
    },
    Row {
        id: "gpt-6.1-sol",
        provider: OPENAI,
        prices: Some((200, 1000)),
        cache: Some(("$0.10", "$2.50", 1_024)),
        long: Some((272_000, 200, 150)),
        speed: (800, 8_000),
        stall: (0.005, 10_000),
        answers: (430.0, 0.5, 1.8),
        grades: (0.92, 0.02),
        recall: 0.99,
        cap: 128_000,
        takes_temperature: false,
        routing: 0.97,
        read: NEW,
    },
    Row {
        id: "gpt-6.2-sol",
        provider: OPENAI,
        prices: Some((200, 1000)),
        cache: Some(("$0.10", "$2.50", 1_024)),
        long: Some((272_000, 200, 150)),
        speed: (800, 8_000),
        stall: (0.005, 10_000),
        answers: (430.0, 0.5, 1.8),
        grades: (0.92, 0.02),
        recall: 0.99,
        cap: 128_000,
        takes_temperature: false,
        routing: 0.97,
        read: NEW,
    },
    Row {
        id: "gpt-6-astra",
        provider: OPENAI,
        prices: Some((1000, 5000)),
        cache: Some(("$1.00", "$12.50", 1_024)),
        long: Some((272_000, 200, 150)),
        speed: (1_200, 12_000),
        stall: (0.005, 12_000),
        answers: (520.0, 0.5, 2.2),
        grades: (0.95, 0.015),
        recall: 0.99,
        cap: 128_000,
        takes_temperature: false,
        routing: 0.98,
        read: NEW,
    },
    Row {
        id: "gemini-3.5-flash-lite",
        provider: GOOGLE,
        prices: Some((30, 250)),
        cache: Some(("$0.03", "$0.30", 4_096)),
        long: None,
        speed: (300, 3_000),
        stall: (0.004, 10_000),
        answers: (300.0, 0.5, 0.8),
        grades: (0.76, 0.05),
        recall: 0.97,
        cap: 65_536,
        takes_temperature: false,
        routing: 0.92,
        read: NEW,
    },
    Row {
        id: "gemini-3.5-flash",
        provider: GOOGLE,
        prices: Some((150, 900)),
        cache: Some(("$0.15", "$1.50", 4_096)),
        long: None,
        speed: (450, 4_500),
        stall: (0.004, 11_000),
        answers: (370.0, 0.5, 1.3),
        grades: (0.86, 0.03),
        recall: 0.98,
        cap: 65_536,
        takes_temperature: false,
        routing: 0.95,
        read: NEW,
    },
    Row {
        id: "gemini-3.8-flash",
        provider: GOOGLE,
        prices: Some((75, 375)),
        cache: Some(("$0.075", "$0.75", 4_096)),
        long: None,
        speed: (400, 4_000),
        stall: (0.004, 11_000),
        answers: (360.0, 0.5, 1.3),
        grades: (0.87, 0.03),
        recall: 0.98,
        cap: 65_536,
        takes_temperature: false,
        routing: 0.96,
        read: NEW,
    },
    Row {
        id: "gemini-3.1-pro-preview",
        provider: GOOGLE,
        prices: Some((200, 1200)),
        cache: Some(("$0.20", "$2.00", 4_096)),
        long: Some((200_000, 200, 150)),
        speed: (900, 9_000),
        stall: (0.005, 13_000),
        answers: (440.0, 0.5, 1.8),
        grades: (0.89, 0.025),
        recall: 0.98,
        cap: 65_536,
        takes_temperature: true,
        routing: 0.96,
        read: NEW,
    },
    Row {
        id: "gemini-4-hydrogen",
        provider: GOOGLE,
        prices: Some((150, 750)),
        cache: Some(("$0.075", "$1.50", 4_096)),
        long: None,
        speed: (600, 6_000),
        stall: (0.004, 12_000),
        answers: (410.0, 0.5, 1.6),
        grades: (0.90, 0.02),
        recall: 0.99,
        cap: 128_000,
        takes_temperature: true,
        routing: 0.97,
        read: NEW,
    },
    Row {
        id: "gemini-4-argon",
        provider: GOOGLE,
        prices: Some((200, 1000)),
        cache: Some(("$0.10", "$2.00", 4_096)),
        long: None,
        speed: (800, 8_000),
        stall: (0.004, 12_000),
        answers: (440.0, 0.5, 1.8),
        grades: (0.92, 0.02),
        recall: 0.99,
        cap: 128_000,
        takes_temperature: true,
        routing: 0.97,
        read: NEW,
    },
    Row {
        id: "amazon.nova-lite-v1:0",
        provider: BEDROCK,
        prices: Some((6, 24)),
        cache: Some(("$0.015", "$0.06", 1_024)),
        long: None,
        speed: (350, 4_000),
        stall: (0.004, 10_000),
        answers: (280.0, 0.5, 0.9),
        grades: (0.74, 0.06),
        recall: 0.95,
        cap: 10_000,
        takes_temperature: true,
        routing: 0.90,
        read: NEW,
    },
    Row {
        id: "amazon.nova-pro-v1:0",
        provider: BEDROCK,
        prices: Some((80, 320)),
        cache: Some(("$0.20", "$0.80", 1_024)),
        long: None,
        speed: (500, 7_000),
        stall: (0.004, 11_000),
        answers: (320.0, 0.5, 1.2),
        grades: (0.81, 0.04),
        recall: 0.97,
        cap: 10_000,
        takes_temperature: true,
        routing: 0.93,
        read: NEW,
    },
    Row {
        id: "anthropic.claude-sonnet-5-5",
        provider: BEDROCK,
        prices: Some((200, 1000)),
        cache: Some(("$0.10", "$2.50", 512)),
        long: None,
        speed: (900, 9_000),
        stall: (0.01, 10_000),
        answers: (430.0, 0.5, 2.0),
        grades: (0.91, 0.02),
        recall: 0.99,
        cap: 128_000,
        takes_temperature: false,
        routing: 0.97,
        read: NEW,
    },
];

/// The models that the catalog knows.
#[must_use]
pub fn models() -> Vec<ModelProfile> {
    let price = |cents: u64| format!("${}.{:02}", cents / 100, cents % 100).parse::<Price>().ok();
    let profile = |row: &Row| ModelProfile {
        id: row.id.to_owned(),
        provider: row.provider,
        input_price: row.prices.and_then(|(input, _)| price(input)),
        charged: [
            row.prices.and_then(|(input, _)| price(input)),
            row.prices.and_then(|(_, output)| price(output)),
        ],
        output_price: row.prices.and_then(|(_, output)| price(output)),
        cache: row.cache.and_then(|(read, write, least)| {
            Some(CachePrices { read: read.parse().ok()?, write: write.parse().ok()?, least })
        }),
        long_prompts: row.long.map(|(above, input_percent, output_percent)| LongPrompts {
            above,
            input_percent,
            output_percent,
        }),
        // Price lists of November 2026: half of everything, and no batches in Mistral's. That of GPT-6.2
        // is assumed.
        batch_percent: Some(50).filter(|_| row.provider != MISTRAL),
        // How long a model reasons depends on the effort that it is asked for: the scenario says.
        reasoning_tokens: 0.0,
        reasoning_sigma: 0.7,
        latency: Latency {
            base: ms(row.speed.0),
            per_token: Duration::from_us(row.speed.1),
            sigma: 0.35,
            stall_chance: chance(row.stall.0),
            stall: ms(row.stall.1),
            stall_sigma: 0.7,
        },
        // Assumed: about one failed call in 150, in line with the tutorial's "less than 5%" of
        // failed requests.
        failures: FailureRates {
            error: chance(0.002),
            rate_limit: chance(0.001),
            refusal: chance(0.001),
            malformed: chance(0.002),
        },
        answer_tokens: row.answers.0,
        answer_sigma: row.answers.1,
        tool_appetite: row.answers.2,
        quality: chance(row.grades.0),
        weakness: chance(row.grades.1),
        personal_data_recall: chance(row.recall),
        false_alarm: chance(0.02),
        max_output_tokens: row.cap,
        takes_temperature: row.takes_temperature,
        routing_accuracy: chance(row.routing),
        prices_of: Some(row.read),
    };
    ROWS.iter().map(profile).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::chat::{Cached, Usage};

    fn cost(id: &str, input: u32, output: u32, read: u32, written: u32) -> u64 {
        let models = models();
        let model = models.iter().find(|model| model.id == id).unwrap();
        let usage = Usage { input, output, reasoning: 0, cached: Cached { read, written } };
        model.cost(usage).unwrap().nano_dollars()
    }

    #[test]
    fn cached_input_has_its_own_prices() {
        // By hand from the price list of November 2026, in dollars per million tokens:
        // Claude Sonnet 5.5: input 2, read 0.10, write 2.50, output 10.
        assert_eq!(cost("claude-sonnet-5-5", 10_000, 500, 0, 0), 20_000_000 + 5_000_000);
        assert_eq!(
            cost("claude-sonnet-5-5", 10_000, 500, 8_000, 1_500),
            500 * 2_000 + 8_000 * 100 + 1_500 * 2_500 + 5_000_000
        );
        // More cached tokens than input cannot be: the rest is not charged twice.
        assert_eq!(cost("claude-sonnet-5-5", 100, 0, 80, 80), 80 * 100 + 20 * 2_500);
        // Without prices for it, cached input costs what other input does.
        assert_eq!(cost("claude-3-haiku-20240307", 1_000, 0, 600, 300), 1_000 * 250);
    }

    #[test]
    fn a_long_prompt_is_charged_more_as_a_whole() {
        // Claude Haiku 5.5: input 0.10 and output 0.50, above 100,000 input tokens five times that.
        assert_eq!(cost("claude-haiku-5-5", 100_000, 1_000, 0, 0), 10_000_000 + 500_000);
        assert_eq!(cost("claude-haiku-5-5", 100_001, 1_000, 0, 0), 100_001 * 500 + 2_500_000);
        // Gemini 3.1 Pro: 2 and 12; above 200,000 twice the input's and one and a half times the
        // output's. Gemini 4 has one price up to a million; read 0.10.
        assert_eq!(cost("gemini-3.1-pro-preview", 200_000, 1_000, 0, 0), 400_000_000 + 12_000_000);
        assert_eq!(
            cost("gemini-3.1-pro-preview", 200_001, 1_000, 0, 0),
            200_001 * 4_000 + 18_000_000
        );
        assert_eq!(
            cost("gemini-4-argon", 900_000, 1_000, 800_000, 0),
            100_000 * 2_000 + 800_000 * 100 + 10_000_000
        );
        // GPT-6 Sol: 2 and 10; above 272,000 twice the input's and one and a half times the
        // output's. Cached input is part of the length: read 0.20.
        assert_eq!(cost("gpt-6-sol", 272_000, 1_000, 0, 0), 544_000_000 + 10_000_000);
        assert_eq!(
            cost("gpt-6-sol", 272_001, 1_000, 272_000, 0),
            4_000 + 272_000 * 400 + 15_000_000
        );
    }

    #[test]
    fn no_call_costs_more_than_the_most() {
        for model in models() {
            for input in [0, 1, 999, 100_000, 100_001, 272_000, 272_001, 1_000_000] {
                let most = model.most(input, 700);
                for (read, written) in [(0, 0), (input, 0), (0, input), (input / 3, input / 2)] {
                    let usage = Usage {
                        input,
                        output: 700,
                        reasoning: 0,
                        cached: Cached { read, written },
                    };
                    assert!(model.cost(usage) <= most, "{} {usage:?}", model.id);
                }
            }
        }
    }
}
