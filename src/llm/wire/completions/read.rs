//! The request as a server reads it.

use std::collections::BTreeSet;

use super::dialect::{Deprecated, Dialect, ToolRules};
use super::logprobs;
use super::sent::{BodyIn, ChoiceIn, FormatIn, ToolIn};
use super::turns;
use crate::llm::chat::{ChatRequest, ContentPart, Message, OfferedTool, Output, ToolChoice};
use crate::llm::families::{Family, find};
use crate::llm::wire::body::{
    BodyProblem, Obj, Problem, TextOrList, TextOrObject, read, real, whole,
};

/// The schema of a tool that names none.
const NO_PARAMETERS: &str = r#"{"type":"object","properties":{}}"#;

/// Most answers to one request.
const MAX_CHOICES: u32 = 128;

/// Reads the body of `POST …/chat/completions` for models of these families.
pub(in crate::llm::wire) fn decode_request(
    dialect: &Dialect,
    families: &'static [Family],
    body: &[u8],
) -> Result<ChatRequest, BodyProblem> {
    let Obj(mut body) = read::<Obj<BodyIn>>(body)?;
    refuse_words(dialect, &body)?;
    let model =
        body.model.take().filter(|model| !model.is_empty()).ok_or_else(dialect.without_model)?;
    let stops = match &body.stop {
        None => 0,
        Some(TextOrList::Text(_)) => 1,
        Some(TextOrList::List(texts)) => texts.len(),
    };
    if let Some(most) = dialect.max_stops.filter(|most| stops > *most) {
        return Err(too_many("stop", most, stops));
    }
    // A model that no table has takes all parameters.
    if let Some(family) = find(families, &model) {
        (dialect.check_model)(family, &body)?;
    }
    let max_tokens = max_tokens(dialect, body.max_tokens, body.max_completion_tokens)?;
    let temperature = real("temperature", body.temperature, dialect.max_temperature)?;
    let top_p = real("top_p", body.top_p, 1.0)?;
    let choices = whole("n", body.n, 1)?.unwrap_or(1);
    if choices > MAX_CHOICES {
        let words = format!(
            "Invalid 'n': integer above maximum value. Expected a value <= {MAX_CHOICES}, but got {choices} instead."
        );
        return Err(BodyProblem::said("n", words, Some("integer_above_max_value")));
    }
    let logprobs = logprobs(body.logprobs.unwrap_or_default(), body.top_logprobs)?;
    let stop = match body.stop {
        None => Vec::new(),
        Some(TextOrList::Text(text)) => vec![text],
        Some(TextOrList::List(texts)) => texts,
    };
    let stream = body.stream.unwrap_or_default();
    if body.stream_options.is_some() && !stream && dialect.refuses_idle_options {
        let words = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
        return Err(BodyProblem::said("stream_options", words, None));
    }
    let include_usage =
        body.stream_options.and_then(|Obj(options)| options.include_usage).unwrap_or_default();
    let turns::TurnsRead { messages, system, media_tokens } = turns::messages(
        &dialect.turns,
        &model,
        body.messages.ok_or_else(|| BodyProblem::missing("messages"))?,
    )?;
    let mut tools = tools(&dialect.tools, body.tools)?;
    if dialect.refuses_idle_options && tools.is_empty() {
        let orphan = [
            ("tool_choice", body.tool_choice.is_some()),
            ("parallel_tool_calls", body.parallel_tool_calls.is_some()),
        ];
        if let Some((word, _)) = orphan.into_iter().find(|(_, there)| *there) {
            let words = format!(
                "Invalid value for '{word}': '{word}' is only allowed when 'tools' are specified."
            );
            return Err(BodyProblem::said(word, words, None));
        }
    }
    let tool_choice = choice(&dialect.tools, body.tool_choice, &mut tools)?;
    let output = output(body.response_format)?;
    if dialect.json_needs_its_word
        && output == Output::JsonObject
        && !mentions_json(&messages, system.as_deref())
    {
        let words = "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.";
        return Err(BodyProblem::said("messages", words, None));
    }
    let user = if dialect.words.user_in_metadata {
        body.metadata.and_then(|Obj(metadata)| metadata.user_id)
    } else {
        body.user.or(body.safety_identifier)
    };
    Ok(ChatRequest {
        system,
        messages,
        tools,
        tool_choice,
        parallel_tools: body.parallel_tool_calls.unwrap_or(true),
        output,
        max_tokens,
        temperature,
        top_p,
        stop,
        seed: body.seed.or(body.random_seed),
        user,
        stream,
        choices,
        logprobs,
        media_tokens,
        include_usage: include_usage || !dialect.answer.usage_on_request,
        ..ChatRequest::new(model)
    })
}

/// Whether the probabilities of tokens are wanted, and of how many others at each place.
fn logprobs(wanted: bool, top: Option<i64>) -> Result<Option<u8>, BodyProblem> {
    match top {
        Some(_) if !wanted => Err(BodyProblem::said(
            "top_logprobs",
            "'logprobs' must be true to use 'top_logprobs'.",
            None,
        )),
        None => Ok(wanted.then_some(0)),
        Some(top) => match u8::try_from(top) {
            Ok(top) if top <= logprobs::MOST => Ok(Some(top)),
            _ => {
                let side = if top < 0 { "minimum" } else { "maximum" };
                let (sign, bound) = if top < 0 { (">=", 0) } else { ("<=", logprobs::MOST) };
                let code =
                    if top < 0 { "integer_below_min_value" } else { "integer_above_max_value" };
                let way = if top < 0 { "below" } else { "above" };
                let words = format!(
                    "Invalid 'top_logprobs': integer {way} {side} value. Expected a value {sign} {bound}, but got {top} instead."
                );
                Err(BodyProblem::said("top_logprobs", words, Some(code)))
            }
        },
    }
}

fn refuse_words(dialect: &Dialect, body: &BodyIn) -> Result<(), BodyProblem> {
    for Deprecated { word, present, instead } in dialect.deprecated {
        if present(body) {
            let words =
                format!("'{word}' is deprecated and not played here: use '{instead}' instead");
            return Err(BodyProblem::said(*word, words, Some("unsupported_parameter")));
        }
    }
    match dialect.refused.iter().find(|(_, present)| present(body)) {
        Some((word, _)) => Err(BodyProblem::new(*word, Problem::Forbidden)),
        None => Ok(()),
    }
}

/// What is wrong with a list of `found` entries where a service takes `most`.
fn too_many(word: &str, most: usize, found: usize) -> BodyProblem {
    let words = format!(
        "Invalid '{word}': array too long. Expected an array with maximum length {most}, but got an array with length {found} instead."
    );
    BodyProblem::said(word, words, Some("array_above_max_length"))
}

fn max_tokens(
    dialect: &Dialect,
    old: Option<i64>,
    new: Option<i64>,
) -> Result<Option<u32>, BodyProblem> {
    if old.is_some() && new.is_some() {
        let words =
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
        return Err(BodyProblem::said("max_tokens", words, Some("invalid_parameter_combination")));
    }
    let least = dialect.min_max_tokens;
    Ok(whole("max_completion_tokens", new, least)?.or(whole("max_tokens", old, least)?))
}

/// Whether `name` is one that services take for a function.
fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    !name.is_empty() && name.len() <= 64 && name.bytes().all(plain)
}

fn tools(
    rules: &ToolRules,
    tools: Option<Vec<Obj<ToolIn>>>,
) -> Result<Vec<OfferedTool>, BodyProblem> {
    let Some(tools) = tools else { return Ok(Vec::new()) };
    if tools.is_empty() && !rules.may_be_empty {
        return Err(BodyProblem::new("tools", Problem::Empty));
    }
    if let Some(most) = rules.max.filter(|most| tools.len() > *most) {
        return Err(too_many("tools", most, tools.len()));
    }
    let mut all = Vec::with_capacity(tools.len());
    for (i, Obj(tool)) in tools.into_iter().enumerate() {
        match tool.r#type.as_deref() {
            Some("function") => {}
            None if !rules.need_type => {}
            None => return Err(BodyProblem::missing(format!("tools.{i}.type"))),
            Some(other) => {
                let words =
                    format!("only tools of type 'function' are played here, found '{other}'");
                return Err(BodyProblem::said(
                    format!("tools.{i}.type"),
                    words,
                    Some("invalid_value"),
                ));
            }
        }
        let Obj(function) =
            tool.function.ok_or_else(|| BodyProblem::missing(format!("tools.{i}.function")))?;
        let name = function
            .name
            .ok_or_else(|| BodyProblem::missing(format!("tools.{i}.function.name")))?;
        if !is_name(&name) {
            let words = (rules.bad_name)(i, &name);
            return Err(BodyProblem::said(
                format!("tools.{i}.function.name"),
                words,
                Some("invalid_value"),
            ));
        }
        let schema = match function.parameters {
            Some(parameters) => parameters.into_text(),
            None if rules.need_parameters => {
                return Err(BodyProblem::missing(format!("tools.{i}.function.parameters")));
            }
            None => NO_PARAMETERS.to_owned(),
        };
        all.push(OfferedTool {
            name,
            description: function.description.unwrap_or_default(),
            schema,
        });
    }
    Ok(all)
}

/// The choice of a tool. Tools that may not be called are taken out.
fn choice(
    rules: &ToolRules,
    choice: Option<TextOrObject<ChoiceIn>>,
    tools: &mut Vec<OfferedTool>,
) -> Result<ToolChoice, BodyProblem> {
    let choice = match choice {
        None => return Ok(ToolChoice::Auto),
        Some(TextOrObject::Text(word)) => return mode(rules.choices, word, "tool_choice"),
        Some(TextOrObject::Object(choice)) => choice,
    };
    let known: BTreeSet<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    let check = |name: &str| {
        let words = || format!("OfferedTool choice '{name}' not found in 'tools' parameter.");
        let known = known.contains(name).then_some(());
        known.ok_or_else(|| BodyProblem::said("tool_choice", words(), None))
    };
    match choice.r#type.as_deref() {
        None | Some("function") => {
            let Obj(function) =
                choice.function.ok_or_else(|| BodyProblem::missing("tool_choice.function"))?;
            let name =
                function.name.ok_or_else(|| BodyProblem::missing("tool_choice.function.name"))?;
            check(&name)?;
            Ok(ToolChoice::Named(name))
        }
        Some("allowed_tools") if rules.allowed_tools => {
            let path = "tool_choice.allowed_tools";
            let Obj(allowed) = choice.allowed_tools.ok_or_else(|| BodyProblem::missing(path))?;
            let need = |field: &str| BodyProblem::missing(format!("{path}.{field}"));
            let mut names = BTreeSet::new();
            for (i, Obj(tool)) in
                allowed.tools.ok_or_else(|| need("tools"))?.into_iter().enumerate()
            {
                let name = tool.function.and_then(|Obj(function)| function.name);
                let name = name.ok_or_else(|| need(&format!("tools.{i}.function.name")))?;
                check(&name)?;
                names.insert(name);
            }
            if names.is_empty() {
                return Err(BodyProblem::new(format!("{path}.tools"), Problem::Empty));
            }
            tools.retain(|tool| names.contains(&tool.name));
            mode(
                &["auto", "required"],
                allowed.mode.ok_or_else(|| need("mode"))?,
                "tool_choice.allowed_tools.mode",
            )
        }
        Some(other) => {
            let allowed: &[&str] =
                if rules.allowed_tools { &["function", "allowed_tools"] } else { &["function"] };
            let problem = Problem::NotOneOf { found: other.to_owned(), allowed };
            Err(BodyProblem::new("tool_choice.type", problem))
        }
    }
}

/// What a word for the choice of a tool means; `allowed` are the words that are known.
fn mode(
    allowed: &'static [&'static str],
    word: String,
    path: &str,
) -> Result<ToolChoice, BodyProblem> {
    match word.as_str() {
        known if !allowed.contains(&known) => {
            Err(BodyProblem::new(path, Problem::NotOneOf { found: word, allowed }))
        }
        "auto" => Ok(ToolChoice::Auto),
        "none" => Ok(ToolChoice::None),
        _ => Ok(ToolChoice::Any),
    }
}

fn output(format: Option<Obj<FormatIn>>) -> Result<Output, BodyProblem> {
    let Some(Obj(format)) = format else { return Ok(Output::Text) };
    match format.r#type.as_deref() {
        Some("text") => Ok(Output::Text),
        Some("json_object") => Ok(Output::JsonObject),
        Some("json_schema") => {
            let Obj(schema) = format
                .json_schema
                .ok_or_else(|| BodyProblem::missing("response_format.json_schema"))?;
            let name = schema
                .name
                .ok_or_else(|| BodyProblem::missing("response_format.json_schema.name"))?;
            let text = schema
                .schema
                .ok_or_else(|| BodyProblem::missing("response_format.json_schema.schema"))?;
            Ok(Output::JsonSchema {
                name,
                schema: text.into_text(),
                strict: schema.strict.unwrap_or_default(),
            })
        }
        Some(other) => {
            let allowed = &["text", "json_object", "json_schema"];
            Err(BodyProblem::new(
                "response_format.type",
                Problem::NotOneOf { found: other.to_owned(), allowed },
            ))
        }
        None => Err(BodyProblem::missing("response_format.type")),
    }
}

fn mentions_json(messages: &[Message], system: Option<&str>) -> bool {
    let in_text =
        |text: &str| text.as_bytes().windows(4).any(|word| word.eq_ignore_ascii_case(b"json"));
    let in_part = |part: &ContentPart| match part {
        ContentPart::Text(text) => in_text(text),
        ContentPart::ToolUse(call) => in_text(&call.input),
        ContentPart::ToolResult(result) => in_text(&result.content),
    };
    system.is_some_and(in_text)
        || messages.iter().any(|message| message.content.iter().any(in_part))
}
