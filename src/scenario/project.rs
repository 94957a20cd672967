//! What LaunchDarkly has to hold for a scenario: its parts in LaunchDarkly's words.
//!
//! Does not know: whether it is created in a mock or in the real one.

use super::catalog::{DraftConfig, DraftVariation};
use super::source::GuardedRollout;
use crate::agents::BusinessOutcome;
use crate::experiment::Metric;
use crate::flags::spec as flags;
use crate::llm::profile::ModelProfile;
use crate::llm::setup::ToolSpec;

/// What LaunchDarkly has to hold for it.
pub fn project(
    drafts: &[DraftConfig],
    models: &[ModelProfile],
    tools: &[ToolSpec],
    (metrics, outcomes): (&[Metric], &[BusinessOutcome]),
    segments: Vec<flags::SegmentSpec>,
    experiments: Vec<flags::ExperimentSpec>,
    guarded_rollouts: &[GuardedRollout],
) -> flags::ProjectSpec {
    let model_key = |id: &str| {
        let provider =
            models.iter().find(|model| model.id == id).map_or("", |model| model.provider.name);
        format!("{provider}.{id}")
    };
    let number = |value: f64| {
        serde_json::Number::from_f64(value).map(serde_json::Value::Number).unwrap_or_default()
    };
    let variation = |draft: &DraftVariation| {
        let mut parameters = serde_json::Map::new();
        if let Some(temperature) = draft.temperature {
            parameters.insert("temperature".to_owned(), number(temperature));
        }
        if let Some(most) = draft.max_tokens {
            parameters.insert("max_tokens".to_owned(), most.into());
        }
        let mut custom = serde_json::Map::new();
        if draft.max_tool_calls > 0 {
            custom.insert("max_tool_calls".to_owned(), draft.max_tool_calls.into());
        }
        flags::VariationSpec {
            key: draft.key.clone(),
            name: draft.name.clone(),
            model_config: model_key(&draft.model),
            parameters,
            custom,
            instructions: draft.instructions.clone(),
            tools: draft.tools.clone(),
        }
    };
    let serve = |config: &DraftConfig, segment: &str, variation: &str| {
        let guarded = guarded_rollouts
            .iter()
            .find(|g| g.config.value == config.key && g.segment.value == segment);
        match guarded {
            Some(g) => flags::ServeSpec::Guarded {
                from: g.from.value.clone(),
                to: g.to.value.clone(),
                share: g.share.value,
            },
            None => flags::ServeSpec::Variation(variation.to_owned()),
        }
    };
    let configs = drafts.iter().map(|config| flags::ConfigSpec {
        key: config.key.clone(),
        name: config.key.clone(),
        variations: config.variations.iter().map(variation).collect(),
        rules: config
            .rules
            .iter()
            .map(|(segment, served)| flags::RuleSpec {
                when: flags::Condition::Segment(segment.clone()),
                serve: serve(config, segment, served),
            })
            .collect(),
        fallthrough: flags::ServeSpec::Variation(config.default.clone()),
        off: None,
    });
    let used = |id: &str| {
        drafts.iter().flat_map(|config| &config.variations).any(|variation| variation.model == id)
    };
    flags::ProjectSpec {
        key: "multi-agent-chatbot".to_owned(),
        name: "Multi-Agent Chatbot".to_owned(),
        environment: "production".to_owned(),
        segments,
        tools: tools
            .iter()
            .map(|tool| flags::ToolSpec {
                key: tool.key.clone(),
                description: tool.description.clone(),
                schema: serde_json::from_str(&tool.schema).unwrap_or_default(),
            })
            .collect(),
        model_configs: models
            .iter()
            .filter(|model| used(&model.id))
            .map(|model| flags::ModelConfigSpec {
                key: model_key(&model.id),
                provider: model.provider.name.to_owned(),
                model: model.id.clone(),
            })
            .collect(),
        configs: configs.collect(),
        own_events: outcomes.iter().map(|outcome| outcome.key.clone()).collect(),
        metrics: metrics.to_vec(),
        experiments,
    }
}
