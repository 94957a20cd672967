//! The AI configs of a scenario: what the file changes of the catalog's variations, rules and
//! defaults, then what each variation tells its agent, with models and tools by index.
//!
//! Guarantees: a variation's redaction is what the mock models read out of its instructions, so a
//! client over HTTP, which sends the instructions alone, meets the same behavior.
//!
//! Does not know: experiments, or LaunchDarkly's form of a config.

use std::ops::Range;

use super::catalog::{self, DraftConfig, DraftVariation};
use super::faults::{Faults, MAX_ENTRIES};
use super::graph;
use super::overrides::entry;
use super::source::{self, WrittenRedaction};
use super::spanned::{Entries, Spanned};
use crate::agents::{AgentSetup, AtBudget, ColdStart, ConfigSetup, Crash, NodeRole};
use crate::flags::spec::SegmentSpec;
use crate::knowledge::Complexity;
use crate::llm::chat::Caching;
use crate::llm::input::fixed_tokens;
use crate::llm::model::GuardErrors;
use crate::llm::profile::ModelProfile;
use crate::llm::render;
use crate::llm::setup::{InstructionTraits, Setup, ToolSpec};
use crate::llm::tasks::handoff_offer;
use crate::quantity::Probability;

/// The AI configs of a scenario, names checked but for models and tools.
pub fn drafts(
    mut drafts: Vec<DraftConfig>,
    written: &Entries<source::WrittenConfig>,
    segments: &[SegmentSpec],
    faults: &mut Faults<'_>,
) -> Vec<DraftConfig> {
    faults.keys("AI config", "", written);
    for (key, file) in &written.0 {
        let at = faults.look_up("AI config", key, drafts.iter().map(|config| config.key.as_str()));
        let Some(config) = at.and_then(|at| drafts.get_mut(at)) else { continue };
        if config.role.step().is_some() {
            let help = "remove it here: what a step does stands at its node".to_owned();
            let label = "without a model it is no AI config";
            let message = format!("the step `{}` has no variations", config.key);
            faults.add(message, &key.span, label, Some(help));
            continue;
        }
        faults.keys("variation", &config.key, &file.variations);
        for (key, file) in &file.variations.0 {
            let rename = |variation: &mut DraftVariation, key: &str| {
                key.clone_into(&mut variation.key);
                variation.name = catalog::title(key);
            };
            if key.value == "disabled" {
                let label = "every AI config has a variation of this name already";
                faults.add("a variation cannot be called `disabled`", &key.span, label, None);
            }
            // A variation of one's own config starts from what stands at its node, if anything does.
            let of = |name: &str| config.variations.iter().find(|own| own.key == name);
            if config.own && of(&key.value).is_none() && file.like.is_none() {
                let mut blank = graph::blank(&key.value, &config.role);
                if let Some(own) = of(graph::OWN_VARIATION) {
                    blank = DraftVariation { key: blank.key, name: blank.name, ..own.clone() };
                }
                config.variations.push(blank);
            }
            let own = entry(
                "variation",
                &config.key,
                &mut config.variations,
                key,
                file.like.as_ref(),
                |v| &v.key,
                rename,
                faults,
            );
            if let Some(variation) = own {
                change(variation, &config.role.clone(), file, faults);
            }
        }
        // The catalog's own are among them, and what is served is numbered by a byte.
        if config.variations.len() > MAX_ENTRIES {
            let label = format!("{} with those of the catalog", config.variations.len());
            faults.add(
                format!("more than {MAX_ENTRIES} variations of `{}`", config.key),
                &key.span,
                label,
                None,
            );
        }
        let variations: Vec<&str> =
            config.variations.iter().map(|variation| variation.key.as_str()).collect();
        if let Some(rules) = &file.rules {
            config.rules.clear();
            faults.too_many("rules", rules.get(MAX_ENTRIES).map(|rule| &rule.segment.span));
            for (nth, rule) in rules.iter().enumerate().take(MAX_ENTRIES) {
                let segment = faults.look_up(
                    "segment",
                    &rule.segment,
                    segments.iter().map(|segment| segment.key.as_str()),
                );
                let serve = faults.look_up_in(
                    "variation",
                    &config.key,
                    &rule.serve,
                    variations.iter().copied(),
                );
                if let Some(earlier) = rules
                    .iter()
                    .take(nth)
                    .find(|earlier| earlier.segment.value == rule.segment.value)
                {
                    let places = [
                        (&earlier.segment.span, "the rule that decides"),
                        (&rule.segment.span, "never reached"),
                    ];
                    faults.add_pair(
                        format!("two rules for segment `{}`", rule.segment.value),
                        places,
                        None,
                    );
                } else if segment.is_some() && serve.is_some() {
                    config.rules.push((rule.segment.value.clone(), rule.serve.value.clone()));
                }
            }
        }
        if let Some(default) = &file.default
            && faults
                .look_up_in("variation", &config.key, default, variations.iter().copied())
                .is_some()
        {
            config.default.clone_from(&default.value);
        }
    }
    for config in drafts.iter_mut().filter(|own| own.own && own.role.step().is_none()) {
        complete(config, written, faults);
    }
    drafts
}

/// Sees to it that an agent of one's own graph has variations with models, and one for everybody.
fn complete(
    config: &mut DraftConfig,
    written: &Entries<source::WrittenConfig>,
    faults: &mut Faults<'_>,
) {
    let own = written.0.iter().find(|(key, _)| key.value == config.key);
    if config.variations.is_empty() {
        let help = format!(
            "write `model: \"…\"` at the node, or variations in `configs: {{ \"{}\": … }}`",
            config.key
        );
        let place = faults.place("agent", &config.key);
        faults.add(
            format!("agent `{}` has no model", config.key),
            &place,
            "nothing says what it asks",
            Some(help),
        );
    }
    for variation in config.variations.iter().filter(|variation| variation.model.is_empty()) {
        let place = own.and_then(|(_, file)| {
            file.variations.0.iter().find(|(key, _)| key.value == variation.key)
        });
        let place = place.map_or(0..0, |(key, _)| key.span.clone());
        faults.add(
            format!("variation `{}` of `{}` has no model", variation.key, config.key),
            &place,
            "nothing says what it asks",
            Some("write `model: \"…\"`, or `like: \"…\"` to start from another one".to_owned()),
        );
    }
    if !config.variations.iter().any(|variation| variation.key == config.default)
        && let Some(first) = config.variations.first()
    {
        // Only a single variation needs no word on whom it is for.
        if config.variations.len() > 1
            && let Some((key, _)) = own
        {
            faults.add(
                format!("it is not clear which variation of `{}` users get", config.key),
                &key.span,
                format!("it has {} of them", config.variations.len()),
                Some(format!("write `default: \"{}\"`", first.key)),
            );
        }
        config.default.clone_from(&first.key);
    }
}

/// What the file changes of one variation.
fn change(
    draft: &mut DraftVariation,
    role: &NodeRole,
    file: &source::WrittenVariation,
    faults: &mut Faults<'_>,
) {
    if let Some(name) = &file.name {
        draft.name.clone_from(name);
    }
    if let Some(redaction) = &file.redaction {
        redact(draft, role, redaction, file.instructions.as_deref(), faults);
    }
    if let Some(instructions) = &file.instructions {
        draft.instructions.clone_from(instructions);
    }
    if let Some(model) = &file.model {
        draft.model.clone_from(&model.value);
    }
    if let Some(tools) = &file.tools {
        draft.tools = tools.iter().map(|tool| tool.value.clone()).collect();
        for (nth, tool) in tools.iter().enumerate() {
            if let Some(earlier) =
                tools.iter().take(nth).find(|earlier| earlier.value == tool.value)
            {
                let places = [(&earlier.span, "the first time"), (&tool.span, "the second time")];
                faults.add_pair(format!("tool `{}` is listed twice", tool.value), places, None);
            }
        }
    }
    if let Some(most) = &file.max_tokens {
        draft.max_tokens = Some(faults.whole("max_tokens", most, 1..=1_000_000));
    }
    if let Some(tokens) = &file.reasoning_tokens {
        draft.reasoning_tokens = Some(faults.range("reasoning_tokens", tokens, 0.0, 100_000.0));
    }
    if let Some(most) = &file.max_tool_calls {
        draft.max_tool_calls = faults.whole("max_tool_calls", most, 0..=100);
    }
    if let Some(temperature) = &file.temperature {
        draft.temperature = Some(faults.range("temperature", temperature, 0.0, 2.0));
    }
    if let Some(caching) = &file.prompt_caching {
        draft.caching = caching.value.meaning();
    }
    draft.session_budget = file.session_budget.or(draft.session_budget);
    if let Some(written) = &file.at_budget {
        draft.at_budget = match written.value {
            source::WrittenAtBudget::StopTools => AtBudget::StopTools,
            source::WrittenAtBudget::Deny => AtBudget::Deny,
            source::WrittenAtBudget::Degrade => AtBudget::Degrade,
        };
        if draft.session_budget.is_none() {
            let help = "write `session_budget: \"$0.02\"`, or leave `at_budget` out".to_owned();
            faults.add(
                "there is no session budget at which it could act",
                &written.span,
                "nothing is limited",
                Some(help),
            );
        }
        if written.value == source::WrittenAtBudget::Degrade
            && file.fallback.is_none()
            && draft.fallback.is_none()
        {
            let help = "name a variation in `fallback`".to_owned();
            faults.add(
                "there is no variation that could take over",
                &written.span,
                "it degrades to its fallback",
                Some(help),
            );
        }
    }
    if let Some(crash) = file.crash {
        let depth = |depth| match depth {
            source::Depth::Basic => Complexity::Basic,
            source::Depth::Intermediate => Complexity::Intermediate,
            source::Depth::Advanced => Complexity::Advanced,
        };
        draft.crash = Some(Crash { chance: crash.chance, only: crash.only.map(depth), lost: true });
    }
    if let Some(cold) = &file.cold_start {
        let users = Spanned { value: cold.value.users, span: cold.span.clone() };
        draft.cold_start = Some(ColdStart {
            users: faults.whole("users", &users, 1..=10_000_000),
            delay: cold.value.delay,
        });
    }
    if let Some(written) = &file.guard {
        let of = |p: Option<Probability>| p.map(|p| p.get());
        let own = GuardErrors {
            misses: of(written.value.misses),
            false_stops: of(written.value.false_stops),
        };
        draft.guard = own.or(draft.guard);
        if !matches!(role, NodeRole::Guard(_)) {
            let help = "remove `guard`, or give the agent's node the role `Guard()`".to_owned();
            let label = "this agent stops no request";
            faults.add(
                "only an agent with the role `Guard` guards",
                &written.span,
                label,
                Some(help),
            );
        }
    }
    if let Some(effects) = &file.effect {
        draft.effects.clone_from(&effects.0);
    }
    if let Some(fallback) = &file.fallback {
        draft.fallback = Some(fallback.value.clone());
    }
}

/// A stated redaction: it gives the instructions, or has to agree with those that are written.
fn redact(
    draft: &mut DraftVariation,
    role: &NodeRole,
    redaction: &Spanned<WrittenRedaction>,
    written: Option<&str>,
    faults: &mut Faults<'_>,
) {
    if *role != NodeRole::Screen {
        let help = "variations of `security-agent` redact".to_owned();
        faults.add(
            "only the security agent redacts",
            &redaction.span,
            "another agent's variation",
            Some(help),
        );
        return;
    }
    let strict = redaction.value == WrittenRedaction::Strict;
    let Some(instructions) = written else {
        (if strict { catalog::STRICT } else { catalog::BASIC }).clone_into(&mut draft.instructions);
        return;
    };
    if InstructionTraits::of(instructions).strict != strict {
        let (found, help) = if strict {
            (
                "basic",
                "strict instructions have \"job title\" among what is redacted; leave `redaction` out to go by the text",
            )
        } else {
            (
                "strict",
                "basic instructions do not mention \"job title\", or say \"do not flag\"; leave `redaction` out to go by the text",
            )
        };
        faults.add(
            format!("the instructions of variation `{}` say another redaction", draft.key),
            &redaction.span,
            format!("a model reads {found} redaction out of them"),
            Some(help.to_owned()),
        );
    }
}

/// What each variation tells its agent, with models and tools by index.
pub fn setups(
    drafts: &[DraftConfig],
    (written, nodes): (&Entries<source::WrittenConfig>, &Entries<source::WrittenNode>),
    models: &[ModelProfile],
    tools: &[ToolSpec],
    faults: &mut Faults<'_>,
) -> Vec<ConfigSetup> {
    let model_ids = || models.iter().map(|model| model.id.as_str());
    let tool_keys = || tools.iter().map(|tool| tool.key.as_str());
    let spanned = |name: &str, span: Option<&Range<usize>>| Spanned {
        value: name.to_owned(),
        span: span.cloned().unwrap_or(0..0),
    };
    let setup = |draft: &DraftVariation, config: &DraftConfig, faults: &mut Faults<'_>| {
        let names = names(written, nodes, &config.key, &draft.key);
        let model = faults
            .look_up("model", &spanned(&draft.model, names.model.as_ref()), model_ids())
            .unwrap_or_default();
        let mut offered = Vec::new();
        for (nth, tool) in draft.tools.iter().enumerate() {
            let at = faults.look_up("tool", &spanned(tool, names.tools.get(nth)), tool_keys());
            offered.extend(at.and_then(|at| Some((at as u16, tools.get(at)?))));
        }
        let fallback = draft.fallback.as_ref().and_then(|name| {
            let known = config.variations.iter().map(|variation| variation.key.as_str());
            faults.look_up_in(
                "variation",
                &config.key,
                &spanned(name, names.fallback.as_ref()),
                known,
            )
        });
        let provider = models.get(model).map(|model| model.provider);
        if draft.caching != Caching::Off
            && let (Some(own), Some(span)) = (models.get(model), &names.caching)
            && own.cache.is_none()
        {
            let help = format!(
                "give `cache_read_price` and `cache_write_price` to model `{}`, or leave `prompt_caching` out",
                own.id
            );
            faults.add(
                format!("model `{}` has no prices for cached input", own.id),
                span,
                "nothing could be charged for it",
                Some(help),
            );
        }
        let own: Vec<String> = match &config.role {
            NodeRole::Route { routes, .. } => {
                routes.iter().map(|route| handoff_offer(&route.name)).collect()
            }
            role => role.task().schema().map(str::to_owned).into_iter().collect(),
        };
        let tools = offered.iter().map(|(_, tool)| render::tool_offer(tool));
        let offers: Vec<String> = tools.chain(own).collect();
        AgentSetup {
            variation: draft.key.clone(),
            name: draft.name.clone(),
            setup: Setup {
                model: model as u16,
                instructions: draft.instructions.clone(),
                reading: InstructionTraits::of(&draft.instructions),
                max_tokens: draft
                    .max_tokens
                    // Today's client libraries send the model's own limit; the tutorial's did not.
                    .or_else(|| provider.filter(|_| !config.own)?.client_max_tokens),
                temperature: draft.temperature,
                answer_tokens: draft.answer_tokens,
                reasoning_tokens: draft.reasoning_tokens,
                caching: draft.caching,
                fixed_tokens: fixed_tokens(provider, &draft.instructions, &offers, None),
                tools: offered.iter().map(|(at, _)| *at).collect(),
            },
            max_tool_calls: draft.max_tool_calls,
            session_budget: draft.session_budget,
            at_budget: draft.at_budget,
            fallback,
            crash: draft.crash,
            cold_start: draft.cold_start,
            guard: draft.guard,
            effects: Vec::new(),
        }
    };
    drafts
        .iter()
        .map(|config| ConfigSetup {
            key: config.key.clone(),
            variations: config
                .variations
                .iter()
                .map(|draft| setup(draft, config, faults))
                .collect(),
        })
        .collect()
}

/// Where a variation's references were written, if they were.
#[derive(Debug, Default)]
struct Names {
    model: Option<Range<usize>>,
    tools: Vec<Range<usize>>,
    caching: Option<Range<usize>>,
    fallback: Option<Range<usize>>,
}

/// Where the references of this variation were written: in `configs`, or at its node.
fn names(
    written: &Entries<source::WrittenConfig>,
    nodes: &Entries<source::WrittenNode>,
    config: &str,
    variation: &str,
) -> Names {
    let file = written.get(config).and_then(|config| config.variations.get(variation));
    let node = nodes.get(config).filter(|_| variation == graph::OWN_VARIATION);
    let tools = file.and_then(|file| file.tools.as_ref());
    let tools = tools.or_else(|| node.and_then(|node| node.tools.as_ref()));
    let caching = file.and_then(|file| file.prompt_caching.as_ref());
    let caching = caching.or_else(|| node.and_then(|node| node.prompt_caching.as_ref()));
    let model = file.and_then(|file| file.model.as_ref());
    let model = model.or_else(|| node.and_then(|node| node.model.as_ref()));
    Names {
        model: model.map(|name| name.span.clone()),
        tools: tools.into_iter().flatten().map(|tool| tool.span.clone()).collect(),
        caching: caching.map(|caching| caching.span.clone()),
        fallback: file.and_then(|file| file.fallback.as_ref()).map(|name| name.span.clone()),
    }
}
