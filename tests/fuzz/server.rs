//! The real program as a server, under damaged requests.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use simlab::llm::wire::PROVIDERS;
use simlab::llm::wire::anthropic::ANTHROPIC;
use simlab::llm::wire::google::GOOGLE;
use simlab::llm::wire::mistral::MISTRAL;
use simlab::llm::wire::openai::OPENAI;

use super::decoders::{CHATS, payload};
use super::harness::{Length, input, kept, one_at_a_time, seed};

/// A folder, and perhaps a server whose scenario and address runs in it have.
pub struct Site {
    folder: PathBuf,
    served: Option<Served>,
}

struct Served {
    child: Child,
    address: String,
    sdk_key: String,
    log: PathBuf,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Site {
    pub fn folder(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("fuzz-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self { folder, served: None }
    }

    /// With a server of `security` in which no call fails.
    pub fn served(name: &str) -> Self {
        let mut site = Self::folder(name);
        let text = simlab::scenario::built_in("security").unwrap().text;
        fs::write(site.path("my.ron"), text).unwrap();
        let log = site.path("log");
        let mut child = Command::new(env!("CARGO_BIN_EXE_simlab"))
            .args(["serve", "my.ron"])
            .current_dir(&site.folder)
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let listening: Value = serde_json::from_str(&line).unwrap();
        let address =
            listening["listening"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
        let mut served = Served { child, address, sdk_key: String::new(), log };
        let status: Value =
            serde_json::from_slice(&served.send("GET", "/_simlab/status", &[], b"").unwrap().1)
                .unwrap();
        served.sdk_key = status["launchdarkly"]["sdk_key"].as_str().unwrap().to_owned();
        site.served = Some(served);
        site
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Runs the program here; it has to do what it is told.
    pub fn simlab(&self, arguments: &[&str]) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_simlab"));
        command.args(arguments).current_dir(&self.folder).env("XDG_CACHE_HOME", self.path("cache"));
        if let Some(Served { address, sdk_key, .. }) = &self.served {
            command.env("LD_API_KEY", "planted-key-4711").env("LD_SDK_KEY", sdk_key);
            command.env("LD_BASE_URL", format!("http://{address}"));
            for provider in PROVIDERS {
                let path = [provider.mount, provider.base_path()].concat();
                command
                    .env(provider.key_variable, "planted-key-4711")
                    .env(provider.base_variable, format!("http://{address}{path}"));
            }
        }
        let output = command.output().unwrap();
        // 1: too few users for what the scenario expects.
        let code = output.status.code();
        assert!(
            matches!(code, Some(0 | 1)),
            "{code:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.served = None;
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Served {
    /// Sends one request; its answer's status and body as they came, `None` where there is no
    /// answer.
    fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Option<(u16, Vec<u8>)> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n",
            self.address,
            body.len()
        );
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).ok()?;
        stream.write_all(body).ok()?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).ok()?;
        let status = std::str::from_utf8(bytes.get(9..12)?).ok()?.parse().ok()?;
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        Some((status, bytes.split_off(end + 4)))
    }

    /// The most memory that it ever held, in bytes, where the system says it.
    fn peak(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib << 10)
    }
}

/// Method, path, headers and sound body.
type Asked<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], String);

#[test]
fn requests_to_the_server() {
    let _one = one_at_a_time();
    let site = Site::served("server");
    let served = site.served.as_ref().unwrap();
    let chat = |of| {
        CHATS
            .iter()
            .find(|(provider, _)| *provider == of)
            .map(|(_, text)| (*text).to_owned())
            .unwrap()
    };
    let schema = json!({ "type": "object", "additionalProperties": false, "required": ["a", "b", "c", "d"], "properties": {
        "a": { "type": "string", "pattern": "^[A-Z]{3}-\\d{4}$", "minLength": 3, "maxLength": 20 },
        "b": { "type": "array", "items": { "anyOf": [{ "type": "integer", "minimum": 1, "maximum": 9, "multipleOf": 2 }, { "type": "null" }] }, "minItems": 1, "maxItems": 4, "uniqueItems": true },
        "c": { "$ref": "#/$defs/node" }, "d": { "type": "string", "format": "date-time" }, "e": { "const": 5 }, "f": { "type": "number", "exclusiveMinimum": 0 } },
        "$defs": { "node": { "type": "object", "properties": { "next": { "anyOf": [{ "$ref": "#/$defs/node" }, { "type": "null" }] } }, "required": ["next"], "additionalProperties": false } } });
    let structured = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "hello" }],
        "response_format": { "type": "json_schema", "json_schema": { "name": "s", "strict": false, "schema": schema } } });
    let project = json!({ "key": "p", "name": "P", "environments": [{ "key": "e", "name": "E", "color": "ffffff" }], "tags": ["a"] });
    let flag = json!({ "key": "f", "name": "F", "kind": "multivariate", "variations": [{ "value": true }, { "value": false }], "defaults": { "onVariation": 0, "offVariation": 1 } });
    let metric = json!({ "key": "m", "name": "M", "kind": "custom", "isNumeric": true, "eventKey": "e", "successCriteria": "HigherThanBaseline", "unit": "ms", "randomizationUnits": ["user"], "analysisType": "percentile", "percentileValue": 95 });
    let segment = json!({ "key": "s", "name": "S", "unbounded": false });
    let patch = json!([{ "op": "replace", "path": "/name", "value": "x" }, { "op": "add", "path": "/tags/0", "value": "y" }]);
    let semantic = json!({ "environmentKey": "production", "instructions": [{ "kind": "addRule", "clauses": [{ "contextKind": "user", "attribute": "country", "op": "in", "values": ["US"] }], "variationId": "x" }, { "kind": "turnTargetingOn" }] });
    let config = json!({ "key": "c", "name": "C", "mode": "completion", "variations": [{ "key": "v", "name": "V", "model": { "modelName": "gpt-4o", "parameters": { "temperature": 0.5 } }, "messages": [{ "role": "system", "content": "{{ x }}" }] }] });
    let experiment = json!({ "key": "x", "name": "X", "iteration": { "hypothesis": "h", "primarySingleMetricKey": "m", "treatments": [{ "name": "t", "baseline": true, "allocationPercent": "50", "parameters": [{ "flagKey": "f", "variationId": "x" }] }], "flags": { "f": { "ruleId": "fallthrough", "flagConfigVersion": 1 } }, "metrics": [{ "key": "m" }], "randomizationUnit": "user" } });
    let faults = json!([{ "fault": "slow", "on": ["openai"], "rate": 0.1, "retry_after": "2s" }, { "fault": "cut", "next": 1 }]);
    let of_sdk = [("authorization", served.sdk_key.as_str()), ("content-type", "application/json")];
    let of_rest = [("authorization", "api-token"), ("content-type", "application/json")];
    let of_patch = [
        ("authorization", "api-token"),
        ("content-type", "application/json; domain-model=launchdarkly.semanticpatch"),
    ];
    let of_anthropic = [("x-api-key", "k"), ("anthropic-version", "2023-06-01")];
    let of_google = [("x-goog-api-key", "k"), ("content-type", "application/json")];
    let of_bearer = [("authorization", "Bearer k"), ("content-type", "application/json")];
    let own = [("content-type", "application/json"), ("x-simlab", "1")];
    let targets: Vec<Asked<'_>> = vec![
        ("POST", "/v1/messages", &of_anthropic, chat(ANTHROPIC)),
        ("POST", "/v1/chat/completions", &of_bearer, chat(OPENAI)),
        ("POST", "/v1/chat/completions", &of_bearer, structured.to_string()),
        ("POST", "/v1/chat/completions", &of_bearer, structured.to_string()),
        ("POST", "/v1/chat/completions", &of_bearer, structured.to_string()),
        ("POST", "/mistral/v1/chat/completions", &of_bearer, chat(MISTRAL)),
        ("POST", "/v1beta/models/gemini-3.5-flash:generateContent", &of_google, chat(GOOGLE)),
        ("POST", "/v1beta/models/gemini-3.5-flash:streamGenerateContent", &of_google, chat(GOOGLE)),
        ("POST", "/v1/models/gemini-3.5-flash:countTokens", &of_google, chat(GOOGLE)),
        ("POST", "/v1beta/models/gemini-embedding-001:batchEmbedContents", &of_google, r#"{"requests":[{"content":{"parts":[{"text":"a"}]},"outputDimensionality":8}]}"#.to_owned()),
        ("POST", "/v1/embeddings", &of_bearer, r#"{"model":"text-embedding-3-small","input":["a","b"],"dimensions":8}"#.to_owned()),
        ("POST", "/mistral/v1/embeddings", &of_bearer, r#"{"model":"mistral-embed","input":["a","b"]}"#.to_owned()),
        (
            "POST",
            "/v1/responses",
            &of_bearer,
            r#"{"model":"gpt-4o","input":[{"role":"user","content":"hello"}],"store":true,"max_output_tokens":50}"#.to_owned(),
        ),
        ("POST", "/v1/messages/count_tokens", &of_anthropic, chat(ANTHROPIC)),
        ("POST", "/bulk", &of_sdk, payload().to_string()),
        ("POST", "/diagnostic", &of_sdk, json!({ "kind": "diagnostic", "id": { "diagnosticId": "d" }, "creationDate": 1 }).to_string()),
        ("REPORT", "/sdk/evalx/context", &of_sdk, json!({ "kind": "user", "key": "u", "country": "US" }).to_string()),
        ("PUT", "/_simlab/faults", &own, faults.to_string()),
        ("POST", "/_simlab/faults", &own, faults.to_string()),
        ("PUT", "/_simlab/answers", &own, json!({ "answers": [{ "when": "x", "text": "y" }] }).to_string()),
        ("POST", "/_simlab/reset", &own, json!({}).to_string()),
        ("POST", "/api/v2/projects", &of_rest, project.to_string()),
        ("POST", "/api/v2/flags/default", &of_rest, flag.to_string()),
        ("POST", "/api/v2/metrics/default", &of_rest, metric.to_string()),
        ("POST", "/api/v2/segments/default/production", &of_rest, segment.to_string()),
        ("PATCH", "/api/v2/flags/default/f", &of_rest, patch.to_string()),
        ("PATCH", "/api/v2/flags/default/f", &of_patch, semantic.to_string()),
        ("PATCH", "/api/v2/projects/default/ai-configs/security-agent/targeting", &of_patch, semantic.to_string()),
        ("POST", "/api/v2/projects/default/ai-configs", &of_rest, config.to_string()),
        ("POST", "/api/v2/projects/default/environments/production/experiments", &of_rest, experiment.to_string()),
    ];
    let before = served.peak();
    let (seed, length) = (seed(), Length::of(1040));
    let mut done = 0;
    while length.goes_on(done) {
        let (method, path, headers, body) = &targets[(done % targets.len() as u64) as usize];
        let body = input("server", seed, done, &[body.clone().into_bytes()]);
        let answer = served.send(method, path, headers, &body);
        let log = fs::read_to_string(&served.log).unwrap();
        let broken = match &answer {
            None => Some("no answer".to_owned()),
            // A mock model may fail as a real one does; that is drawn and has the provider's words.
            Some((status, _)) if !(200..=599).contains(status) => Some(format!("status {status}")),
            Some((status, words)) if *status >= 400 && words.is_empty() => {
                Some(format!("status {status} without words"))
            }
            _ if log.contains("panicked") => Some(log),
            _ => None,
        };
        if let Some(rule) = broken {
            let file = kept(&format!("server-{seed}-{done}"), &body);
            panic!("{method} {path}: input {done} of seed {seed}: {rule}: {}", file.display());
        }
        done += 1;
        // So that faults and projects of earlier inputs do not hide everything else.
        if done % 200 == 0 {
            served.send("DELETE", "/_simlab/faults", &own, b"").unwrap();
            served.send("POST", "/_simlab/reset", &own, b"").unwrap();
        }
    }
    let grown = before.zip(served.peak()).map_or(0, |(before, after)| after - before);
    assert!(grown < 400 << 20, "{} MiB", grown >> 20);
    assert_eq!(
        served.send("GET", "/_simlab/status", &[], b"").map(|(status, _)| status),
        Some(200)
    );
    println!("server: {done} requests, {} MiB more memory", grown >> 20);
}
