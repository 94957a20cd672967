//! The models that Bedrock serves under Converse: their limits, and the parameters that each refuses.
//!
//! Source: LiteLLM's price map 1.110, November 2026. What Claude refuses here is assumed to be what
//! Anthropic's own API refuses.

use crate::llm::families::{Family, Sampling, Thinking, find};

/// The model for vectors.
pub(super) const EMBEDDER: &str = "amazon.titan-embed-text-v2:0";

/// Where an inference profile runs a model.
const GEOGRAPHIES: [&str; 9] = ["us", "eu", "apac", "au", "jp", "ca", "in", "us-gov", "global"];

const fn model(name: &'static str, context: u32, output: u32) -> Family {
    Family {
        name,
        context,
        output,
        sampling: Sampling::Taken,
        efforts: &[],
        thinking: Thinking::Never,
        forced_tools: true,
        prefill: true,
        chats: true,
    }
}

/// Models that cannot be made to call a tool.
const fn unforced(family: Family) -> Family {
    Family { forced_tools: false, ..family }
}

/// From Claude 4.7 on: no sampling, and no assistant's words to go on from.
const fn newer_claude(name: &'static str) -> Family {
    Family {
        sampling: Sampling::Refused,
        prefill: false,
        thinking: Thinking::Adaptive,
        ..model(name, 1_000_000, 128_000)
    }
}

/// Every model.
pub(super) const FAMILIES: &[Family] = &[
    unforced(newer_claude("anthropic.claude-fable-5-1")),
    unforced(newer_claude("anthropic.claude-fable-5")),
    unforced(newer_claude("anthropic.claude-opus-5-5")),
    newer_claude("anthropic.claude-opus-5"),
    newer_claude("anthropic.claude-opus-4-8"),
    newer_claude("anthropic.claude-opus-4-7"),
    unforced(newer_claude("anthropic.claude-sonnet-5-5")),
    newer_claude("anthropic.claude-sonnet-5"),
    newer_claude("anthropic.claude-haiku-5-5"),
    Family { prefill: false, ..model("anthropic.claude-opus-4-6-v1", 1_000_000, 128_000) },
    Family { prefill: false, ..model("anthropic.claude-sonnet-4-6", 1_000_000, 64_000) },
    model("anthropic.claude-sonnet-4-5-20250929-v1:0", 200_000, 64_000),
    model("anthropic.claude-haiku-4-5-20251001-v1:0", 200_000, 64_000),
    model("anthropic.claude-3-7-sonnet-20250219-v1:0", 200_000, 8_192),
    model("amazon.nova-2-lite-v1:0", 1_000_000, 64_000),
    model("amazon.nova-premier-v1:0", 1_000_000, 10_000),
    model("amazon.nova-pro-v1:0", 300_000, 10_000),
    model("amazon.nova-lite-v1:0", 300_000, 10_000),
    model("amazon.nova-micro-v1:0", 128_000, 10_000),
    unforced(model("meta.llama3-3-70b-instruct-v1:0", 128_000, 4_096)),
    unforced(model("meta.llama4-maverick-17b-instruct-v1:0", 1_000_000, 8_192)),
    model("mistral.mistral-large-3-675b-instruct", 256_000, 32_000),
    model("deepseek.v3.2", 156_000, 8_000),
    model("qwen.qwen3-235b-a22b-2507-v1:0", 262_144, 8_192),
    model("openai.gpt-oss-120b-1:0", 128_000, 16_384),
    model("moonshotai.kimi-k3.1", 868_928, 131_072),
    Family { chats: false, ..model(EMBEDDER, 8_192, 1) },
];

/// The id of a model without the ARN around it and without the geography of an inference profile.
pub(super) fn plain(model: &str) -> &str {
    let model = if model.starts_with("arn:") {
        model.rsplit('/').next().unwrap_or_default()
    } else {
        model
    };
    match model.split_once('.') {
        Some((geography, rest)) if GEOGRAPHIES.contains(&geography) => rest,
        _ => model,
    }
}

/// The family of a model.
pub(super) fn of(model: &str) -> Option<&'static Family> {
    find(FAMILIES, plain(model))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_the_same_under_its_profiles_and_its_arn() {
        let id = "anthropic.claude-sonnet-4-5-20250929-v1:0";
        for name in [
            id,
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
            "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
        ] {
            assert_eq!(of(name).map(|family| family.name), Some(id), "{name}");
        }
        for name in ["anthropic.claude-sonnet-4-5", "mars.amazon.nova-pro-v1:0", "", "us.", "arn:"]
        {
            assert_eq!(of(name), None, "{name}");
        }
    }
}
