//! The models of the catalog: those of the tutorial, and models of late 2026.
//!
//! Prices of November 2026 are the providers' standard tier, short context, without caching; speeds,
//! lengths, grades and chances of the newer models are assumed, in line with the older ones.
//!
//! Does not know: what a scenario changes.

use super::{chance, ms};
use crate::llm::profile::{FailureRates, Latency, ModelProfile};
use crate::llm::wire::Provider;
use crate::llm::wire::anthropic::ANTHROPIC;
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
const ROWS: [Row; 18] = [
    Row {
        id: "gpt-4o",
        provider: OPENAI,
        prices: Some((250, 1000)),
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
