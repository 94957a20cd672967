//! `simlab calibrate` from traces: files that real instrumentations wrote (`.ci/clients/traces.py … emit`,
//! with their texts replaced), and the same calls in the schema of every product.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::program::{Ran, folder, simlab_in};

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/traces").join(name);
    path.display().to_string()
}

/// What `--format json` prints; messages are allowed.
fn figures(place: &Path, arguments: &[&str]) -> Value {
    let all: Vec<&str> =
        ["calibrate"].iter().chain(arguments).chain(&["--format", "json"]).copied().collect();
    let ran = simlab_in(place, &all);
    assert_eq!(ran.code, 0, "{}", ran.err);
    serde_json::from_str(&ran.out).unwrap()
}

fn figure<'f>(found: &'f Value, about: &str, what: &str) -> &'f Value {
    let all = found["figures"].as_array().unwrap();
    all.iter()
        .find(|own| own["about"] == about && own["what"] == what)
        .unwrap_or_else(|| panic!("no {what} of {about} in {all:#?}"))
}

fn value(found: &Value, about: &str, what: &str) -> f64 {
    figure(found, about, what)["value"].as_f64().unwrap()
}

fn holds(found: &Value, about: &str, what: &str, truth: f64) {
    let own = figure(found, about, what);
    let [low, high] = [0, 1].map(|at| own["interval"][at].as_f64().unwrap());
    assert!(low <= truth && truth <= high, "{about}, {what}: {low} to {high}, not {truth}");
}

#[test]
fn every_instrumentation_gives_the_served_profile_and_the_same_graph() {
    let place = folder("traces-instrumented");
    for (name, format) in [
        ("genai.jsonl", "OTLP"),
        ("openinference.jsonl.gz", "OTLP"),
        ("openllmetry.jsonl.gz", "OTLP"),
        ("langfuse.jsonl.gz", "OTLP"),
    ] {
        let out = format!("{}.ron", name.split('.').next().unwrap());
        let found = figures(&place, &[&fixture(name), "--out", &out]);
        // Counted with Python's json in the files: 52 model calls in 20 traces.
        assert_eq!((&found["model_calls"], &found["traces"]), (&json!(52), &json!(20)), "{name}");
        assert!(found["read"][0].as_str().unwrap().contains(format), "{found:#}");
        let input = "input tokens of a call";
        assert!((value(&found, "agent docs", input) - 99.384_615_384).abs() < 1e-6, "{name}");
        let output = "output tokens of a call";
        assert!((value(&found, "agent docs", output) - 78.807_692_307).abs() < 1e-6, "{name}");
        // `.ci/clients/traced.ron` is what was served, and 6 of 20 users went to billing.
        holds(&found, "model gpt-6-luna", "answer_tokens", 40.0);
        holds(&found, "triage → billing", "share that goes on here", 0.3);
        assert_eq!(value(&found, "triage → docs", "share that goes on here"), 0.7, "{name}");
        holds(&found, "agent docs", "model calls in a visit", 1.0 + 0.8 * 1.0833);
        let text = fs::read_to_string(place.join(&out)).unwrap();
        for content in ["Q-Learning", "maria", "user-"] {
            assert!(!text.contains(content), "{name} has {content}");
        }
        simlab_in(&place, &["check", &out]).well();
        let run = simlab_in(&place, &["run", &out, "--users", "60", "--quiet", "--format", "json"]);
        assert_eq!(run.code, 0, "{}", run.err);
        for simulated in found["simulated"].as_array().unwrap() {
            let [measured, own] =
                ["measured", "simulated"].map(|key| simulated[key].as_f64().unwrap());
            let most = if simulated["what"] == "input tokens of a call" { 0.3 } else { 0.25 };
            assert!((own / measured - 1.0).abs() < most, "{name}: {simulated}");
        }
    }
    let estimate = simlab_in(&place, &["estimate", "genai.ron", "--users", "100"]);
    assert_eq!(estimate.code, 0, "{}", estimate.err);
    let power = simlab_in(
        &place,
        &["power", "genai.ron", "--users", "60", "--replications", "4", "--format", "json"],
    );
    assert_eq!(power.code, 0, "{}", power.err);
}

#[test]
fn litellms_log_gives_models_and_prices() {
    let place = folder("traces-litellm");
    let found = figures(&place, &[&fixture("litellm.jsonl.gz"), "--out", "mine.ron"]);
    assert_eq!(found["model_calls"], 55);
    assert!(
        (value(&found, "agent gpt-6.1-terra", "input tokens of a call") - 126.965_517_241).abs()
            < 1e-6
    );
    // LiteLLM 1.110.2 charges $0.10 and $0.50 per million tokens of gpt-6-luna, as the catalog does.
    let prices: Vec<&str> =
        found["prices"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert!(
        prices.iter().any(|line| line.starts_with("gpt-6-luna: the log's costs of 26 calls agree")),
        "{prices:#?}"
    );
    simlab_in(&place, &["check", "mine.ron"]).well();
}

/// A call of the made-up application: agent, model, input, output, cached, seconds.
struct Call(u32, &'static str, u32, u32, f64);

/// Twenty-five requests to one agent; input 1000 + n, output 100 + n, a second or more.
fn calls() -> impl Iterator<Item = Call> {
    (0..25).map(|n| Call(n, "gpt-6-luna", 1000 + n, 100 + n, 1.0 + 0.01 * f64::from(n)))
}

const START: f64 = 1_760_000_000.0;

fn iso(seconds: f64) -> String {
    let ms = (seconds * 1000.0).round() as i64;
    let (minute, rest) = ((ms / 60_000) % 60, ms % 60_000);
    format!("2025-10-09T09:{minute:02}:{:02}.{:03}Z", rest / 1000, rest % 1000)
}

/// The same calls in the schema of a product, or as its CSV.
fn written(format: &str) -> String {
    let mut records = Vec::new();
    for Call(n, model, input, output, seconds) in calls() {
        let at = START + f64::from(n) * 20.0;
        let (start, end) = (iso(at), iso(at + seconds));
        let (id, trace) = (format!("c{n}"), format!("t{n}"));
        let cost = (f64::from(input) * 0.1 + f64::from(output) * 0.5) / 1e6;
        records.push(match format {
            "langfuse" => json!({
                "id": id, "traceId": trace, "type": "GENERATION", "name": "desk", "startTime": start,
                "endTime": end, "model": model, "level": "DEFAULT", "userId": format!("u{}", n % 5),
                "usageDetails": {"input": input, "output": output, "total": input + output},
                "costDetails": {"total": cost}, "traceName": "desk", "input": "secret", "output": "secret",
            }),
            "langsmith" => json!({
                "id": id, "trace_id": trace, "run_type": "llm", "name": "ChatOpenAI", "start_time": start,
                "end_time": end, "status": "success", "prompt_tokens": input, "completion_tokens": output,
                "total_tokens": input + output, "total_cost": cost.to_string(), "session_id": "the-project",
                "extra": {"metadata": {"ls_model_name": model, "langgraph_node": "desk", "thread_id": format!("u{}", n % 5)}},
                "inputs": {"messages": "secret"},
            }),
            "litellm" => json!({
                "request_id": id, "call_type": "acompletion", "spend": cost, "prompt_tokens": input,
                "completion_tokens": output, "total_tokens": input + output, "startTime": start,
                "endTime": end, "model": model, "agent_id": "desk", "end_user": format!("u{}", n % 5),
                "cache_hit": "False", "status": "success", "metadata": {}, "messages": {}, "response": {},
            }),
            "braintrust" => json!({
                "id": id, "span_id": id, "root_span_id": trace, "span_parents": [],
                "span_attributes": {"name": "Chat Completion", "type": "llm"},
                "metrics": {"start": at, "end": at + seconds, "prompt_tokens": input,
                    "completion_tokens": output, "tokens": input + output, "estimated_cost": cost},
                "metadata": {"model": model, "agent_name": "desk", "user_id": format!("u{}", n % 5)},
                "scores": {"helpful": f64::from(u8::from(n % 5 != 0))}, "input": "secret",
            }),
            "promptfoo" => json!({
                "promptIdx": 0, "testIdx": n, "provider": {"id": format!("openai:chat:{model}")},
                "success": n % 5 != 0, "failureReason": 0, "latencyMs": seconds * 1000.0, "cost": cost,
                "tokenUsage": {"total": input + output, "prompt": input, "completion": output},
                "response": {"output": "secret", "cached": false}, "vars": {"q": "secret"},
            }),
            "phoenix" => json!({
                "name": "ChatCompletion", "context": {"trace_id": trace, "span_id": id}, "parent_id": null,
                "span_kind": "LLM", "start_time": start, "end_time": end, "status_code": "OK",
                "attributes": {"llm": {"model_name": model, "token_count": {"prompt": input,
                    "completion": output}, "cost": {"total": cost}}, "graph": {"node": {"id": "desk"}},
                    "user": {"id": format!("u{}", n % 5)}, "input": {"value": "secret"}},
            }),
            other => panic!("{other}"),
        });
    }
    match format {
        "promptfoo" => format!(
            "{:#}",
            json!({"evalId": "e", "results": {"version": 3, "results": records}, "config": {}})
        ),
        "langfuse" => format!("{:#}", json!({"data": records, "meta": {"cursor": null}})),
        "langsmith" => Value::Array(records).to_string(),
        _ => records.iter().map(|record| format!("{record}\n")).collect(),
    }
}

fn put(place: &Path, name: &str, text: &str) -> PathBuf {
    let path = place.join(name);
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn the_same_calls_come_out_of_every_product() {
    let place = folder("traces-products");
    for (format, name, agent) in [
        ("langfuse", "Langfuse", "agent desk"),
        ("langsmith", "LangSmith", "agent desk"),
        ("litellm", "LiteLLM spend logs", "agent desk"),
        ("braintrust", "Braintrust", "agent desk"),
        ("promptfoo", "promptfoo results", "agent assistant"),
        ("phoenix", "OpenTelemetry span objects", "agent desk"),
    ] {
        let text = written(format);
        put(&place, format, &text);
        let out = format!("{format}.ron");
        let found = figures(&place, &[format, "--out", &out]);
        assert!(found["read"][0].as_str().unwrap().contains(&format!("25 {name}")), "{found:#}");
        assert_eq!(found["model_calls"], 25, "{format}");
        // By hand: the mean of 1000 to 1024, of 100 to 124, and the middle of 1.00 to 1.24 seconds.
        assert_eq!(value(&found, agent, "input tokens of a call"), 1012.0, "{format}");
        assert_eq!(value(&found, agent, "output tokens of a call"), 112.0, "{format}");
        let latency = value(&found, agent, "latency of a call, median");
        assert!((latency - 1.12).abs() < 1e-3, "{format}: {latency}");
        assert!(
            found["prices"][0].as_str().unwrap().contains("agree with the catalog"),
            "{found:#}"
        );
        if matches!(format, "langfuse" | "litellm" | "braintrust" | "phoenix") {
            assert_eq!(value(&found, "users", "visits of a user"), 5.0, "{format}");
        }
        let scenario = fs::read_to_string(place.join(&out)).unwrap();
        assert!(!scenario.contains("secret") && !scenario.contains("u1"), "{format}");
        simlab_in(&place, &["check", &out]).well();
    }
    let scored = figures(&place, &["braintrust"]);
    assert_eq!(value(&scored, "score helpful", "share of 1"), 0.8);
    // Two formats together are told; the same file again repeats ids.
    let mixed = figures(&place, &["langfuse", "litellm", "langfuse"]);
    let read = mixed["read"].to_string();
    assert!(
        read.contains("the formats are mixed")
            && read.contains("25 spans or scores that came again"),
        "{read}"
    );
    assert_eq!(mixed["model_calls"], 50);
}

#[test]
fn csv_gzip_standard_input_and_a_named_format_give_the_same() {
    let place = folder("traces-ways");
    let mut csv = String::from(
        "request_id,call_type,spend,prompt_tokens,completion_tokens,total_tokens,startTime,endTime,model,cache_hit,status,metadata\n",
    );
    for Call(n, model, input, output, seconds) in calls() {
        let at = START + f64::from(n);
        csv += &format!(
            "c{n},acompletion,0.0001,{input},{output},{},{},{},{model},None,success,\"{{\"\"a\"\": 1}}\"\n",
            input + output,
            iso(at),
            iso(at + seconds)
        );
    }
    let plain = put(&place, "spend.csv", &csv);
    let mut packed = flate2::write::GzEncoder::new(
        fs::File::create(place.join("spend.csv.gz")).unwrap(),
        flate2::Compression::default(),
    );
    packed.write_all(csv.as_bytes()).unwrap();
    packed.finish().unwrap();
    let first = figures(&place, &["spend.csv"]);
    assert_eq!(value(&first, "agent gpt-6-luna", "input tokens of a call"), 1012.0);
    assert_eq!(figures(&place, &["spend.csv.gz"]), first);
    assert_eq!(figures(&place, &["spend.csv", "--from", "litellm"]), first);
    let piped = std::process::Command::new(env!("CARGO_BIN_EXE_simlab"))
        .args(["calibrate", "-", "--format", "json"])
        .stdin(fs::File::open(plain).unwrap())
        .output()
        .unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&piped.stdout).unwrap(), first);
}

/// One OTLP line with these spans.
fn otlp(spans: &[Value]) -> String {
    let scope = json!({"scope": {"name": "test"}, "spans": spans});
    json!({"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [scope]}]}).to_string()
        + "\n"
}

fn span(trace: u32, id: u32, parent: u32, at: (f64, f64), attributes: &[(&str, Value)]) -> Value {
    let attributes: Vec<Value> = attributes
        .iter()
        .map(|(key, value)| {
            let value = match value {
                Value::String(text) => json!({"stringValue": text}),
                number => json!({"intValue": number.to_string()}),
            };
            json!({"key": key, "value": value})
        })
        .collect();
    let parent = if parent == 0 { String::new() } else { format!("{parent:016x}") };
    let nanos = |seconds: f64| format!("{}", ((START + seconds) * 1000.0) as u64 * 1_000_000);
    json!({
        "traceId": format!("{trace:032x}"), "spanId": format!("{id:016x}"), "parentSpanId": parent,
        "name": "span", "kind": 1, "startTimeUnixNano": nanos(at.0), "endTimeUnixNano": nanos(at.1),
        "attributes": attributes, "status": {},
    })
}

#[test]
fn four_generations_of_names_count_the_leaves_once() {
    let place = folder("traces-generations");
    let generations: [[&str; 2]; 4] = [
        ["gen_ai.usage.prompt_tokens", "gen_ai.usage.completion_tokens"],
        ["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"],
        ["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"],
        ["llm.token_count.prompt", "llm.token_count.completion"],
    ];
    let mut text = String::new();
    for n in 0..40_u32 {
        let [input, output] = generations[n as usize % 4];
        let kind = if n % 4 == 3 {
            ("openinference.span.kind", json!("LLM"))
        } else {
            ("gen_ai.operation.name", json!("chat"))
        };
        let model = if n % 4 == 3 { "llm.model_name" } else { "gen_ai.request.model" };
        let start = f64::from(n) * 10.0;
        let usage = [(input, json!(500)), (output, json!(50 + n)), (model, json!("gpt-6-luna"))];
        // The agent above repeats the usage, as LaunchDarkly's SDK writes it.
        let agent = [
            ("gen_ai.operation.name", json!("invoke_agent")),
            ("launchdarkly.config.key", json!("desk")),
        ];
        let outer: Vec<_> = agent.into_iter().chain(usage.clone()).collect();
        let inner: Vec<_> = [kind].into_iter().chain(usage).collect();
        // The child comes first, as exporters write it.
        text += &otlp(&[span(n + 1, 2, 1, (start + 0.1, start + 1.1), &inner)]);
        text += &otlp(&[span(n + 1, 1, 0, (start, start + 2.0), &outer)]);
    }
    put(&place, "spans.jsonl", &text);
    let found = figures(&place, &["spans.jsonl", "--out", "mine.ron"]);
    assert_eq!((&found["model_calls"], &found["traces"]), (&json!(40), &json!(40)));
    assert_eq!(value(&found, "agent desk", "input tokens of a call"), 500.0);
    assert_eq!(value(&found, "agent desk", "output tokens of a call"), 69.5);
    assert!(
        found["read"].to_string().contains("40 spans that repeat the usage"),
        "{}",
        found["read"]
    );
    simlab_in(&place, &["check", "mine.ron"]).well();
}

#[test]
fn branches_that_meet_are_branches_of_the_scenario() {
    let place = folder("traces-branches");
    let mut text = String::new();
    for n in 0..30_u32 {
        let start = f64::from(n) * 100.0;
        let mut spans = Vec::new();
        let mut id = 1;
        for (name, from, to) in
            [("planner", 0.0, 2.0), ("facts", 2.1, 5.0), ("news", 2.2, 6.0), ("writer", 7.0, 9.0)]
        {
            let agent = [
                ("gen_ai.operation.name", json!("invoke_agent")),
                ("gen_ai.agent.name", json!(name)),
            ];
            let call = [
                ("gen_ai.operation.name", json!("chat")),
                ("gen_ai.request.model", json!("gpt-6-luna")),
                ("gen_ai.usage.input_tokens", json!(400)),
                ("gen_ai.usage.output_tokens", json!(60 + n)),
            ];
            spans.push(span(n + 1, id, 0, (start + from, start + to), &agent));
            spans.push(span(n + 1, id + 1, id, (start + from, start + to), &call));
            id += 2;
        }
        text += &otlp(&spans);
    }
    put(&place, "spans.jsonl", &text);
    figures(&place, &["spans.jsonl", "--out", "mine.ron"]);
    let scenario = fs::read_to_string(place.join("mine.ron")).unwrap();
    for edge in [
        "(from: \"planner\", to: \"facts\", when: Parallel),",
        "(from: \"planner\", to: \"news\", when: Parallel),",
        "(from: \"facts\", to: \"writer\", join: true),",
        "(from: \"news\", to: \"writer\", join: true),",
    ] {
        assert!(scenario.contains(edge), "{edge} is not in\n{scenario}");
    }
    simlab_in(&place, &["check", "mine.ron"]).well();
}

fn refused(ran: &Ran, wanted: &[&str]) {
    assert_eq!(ran.code, 3, "{}", ran.err);
    for text in wanted {
        assert!(ran.err.contains(text), "{text:?} is not in\n{}", ran.err);
    }
}

#[test]
fn bad_lines_are_shown_and_counted_and_files_of_another_kind_are_named() {
    let place = folder("traces-bad");
    let mut lines: Vec<String> = written("litellm").lines().map(str::to_owned).collect();
    lines[3] = lines[3].replace("\"prompt_tokens\":1003", "\"prompt_tokens\":\"many\"");
    lines[5].truncate(40);
    lines.push("{\"weather\": \"fine\"}".to_owned());
    put(&place, "bad.jsonl", &lines.join("\n"));
    let ran = simlab_in(&place, &["calibrate", "bad.jsonl", "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for text in [
        "line 4",
        "`prompt_tokens`",
        "expected a number that is not negative, found \"many\"",
        "line 6",
        "it ends too early",
        "record 26",
        "no known format",
    ] {
        assert!(ran.err.contains(text), "{text:?} is not in\n{}", ran.err);
    }
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    let read = found["read"].to_string();
    assert!(
        read.contains("2 lines or records that could not be read")
            && read.contains("1 records of no known format"),
        "{read}"
    );
    assert_eq!(found["model_calls"], 23);
    put(&place, "few.jsonl", &lines[..3].join("\n"));
    refused(&simlab_in(&place, &["calibrate", "few.jsonl"]), &["3 model calls", "at least 20"]);
    put(&place, "table.csv", "user,arm\nu1,a\nu2,b\n");
    refused(
        &simlab_in(&place, &["calibrate", "table.csv"]),
        &["a CSV table", "simlab analyze table.csv"],
    );
    put(&place, "other.json", "{\"weather\": [1, 2]}\n");
    refused(
        &simlab_in(&place, &["calibrate", "other.json"]),
        &["no span and no score", "LangSmith"],
    );
    put(
        &place,
        "http.jsonl",
        &otlp(&[span(1, 1, 0, (0.0, 1.0), &[("http.route", json!("/chat"))])]),
    );
    refused(
        &simlab_in(&place, &["calibrate", "http.jsonl"]),
        &["0 model calls", "gen_ai.operation.name"],
    );
    fs::write(place.join("mine.ron"), "").unwrap();
    let taken = simlab_in(&place, &["calibrate", &fixture("genai.jsonl"), "--out", "mine.ron"]);
    refused(&taken, &["mine.ron", "not overwritten"]);
}
