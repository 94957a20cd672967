//! Batches of `serve`: OpenAI's, whose requests come in a file, and Anthropic's, whose requests come at
//! once. `.ci/clients` asks the same with the vendors' clients.

use serde_json::{Value, json};

use super::serve::{ANTHROPIC, Answer, BEARER, Served};

fn upload(served: &Served, content: &str) -> Answer {
    let body = format!(
        "--b\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"in.jsonl\"\r\ncontent-type: application/jsonl\r\n\r\n{content}\r\n--b--\r\n"
    );
    let form = ("content-type", "multipart/form-data; boundary=b");
    served.send("POST", "/v1/files", &[BEARER, form], body.as_bytes())
}

fn chat(question: &str) -> Value {
    json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": question }] })
}

fn line(id: &str, body: &Value) -> String {
    json!({ "custom_id": id, "method": "POST", "url": "/v1/chat/completions", "body": body })
        .to_string()
}

fn lines(answer: &Answer) -> Vec<Value> {
    let text = std::str::from_utf8(&answer.body).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn make(served: &Served, file: &str) -> Answer {
    let batch = json!({ "input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h", "metadata": { "a": "b" } });
    served.json("POST", "/v1/batches", &[BEARER], &batch)
}

#[test]
fn a_batch_of_a_file_gets_the_answers_of_its_requests_at_the_price_of_batches() {
    let served = Served::start(&["security", "--repeat", "same"]);
    let questions = ["What is a policy?", "What is a value function?"];
    let bad = json!({ "model": "gpt-99", "messages": [{ "role": "user", "content": "hi" }] });
    let content = [line("a", &chat(questions[0])), line("b", &bad), line("c", &chat(questions[1]))]
        .join("\n");
    let file = upload(&served, &content).json();
    assert_eq!(
        (&file["object"], &file["bytes"], &file["filename"]),
        (&json!("file"), &json!(content.len()), &json!("in.jsonl")),
        "{file}"
    );
    let id = file["id"].as_str().unwrap();
    let batch = make(&served, id).json();
    assert_eq!(
        (&batch["status"], &batch["request_counts"]["total"]),
        (&json!("validating"), &json!(3)),
        "{batch}"
    );
    let path = format!("/v1/batches/{}", batch["id"].as_str().unwrap());
    let ended = served.send("GET", &path, &[BEARER], b"").json();
    assert_eq!(
        (&ended["status"], &ended["request_counts"]),
        (&json!("completed"), &json!({ "total": 3, "completed": 2, "failed": 1 })),
        "{ended}"
    );
    let content = |name: &str| {
        let path = format!("/v1/files/{}/content", ended[name].as_str().unwrap());
        lines(&served.send("GET", &path, &[BEARER], b""))
    };
    let (good, failed) = (content("output_file_id"), content("error_file_id"));
    assert_eq!((good.len(), failed.len(), &failed[0]["custom_id"]), (2, 1, &json!("b")));
    assert_eq!(failed[0]["response"]["status_code"], 404);
    // Each answer is the one that the request gets by itself.
    let mut usage = [0, 0];
    for (line, question) in good.iter().zip(questions) {
        let own = served.json("POST", "/v1/chat/completions", &[BEARER], &chat(question)).json();
        assert_eq!(line["response"]["body"], own);
        usage[0] += own["usage"]["prompt_tokens"].as_u64().unwrap();
        usage[1] += own["usage"]["completion_tokens"].as_u64().unwrap();
    }
    // GPT-4o costs $2.50 and $10 a million tokens in the price list, half of that in a batch.
    let used = &served.status()["batches"];
    assert_eq!(
        (&used["chats"], &used["input_tokens"], &used["output_tokens"]),
        (&json!(2), &json!(usage[0]), &json!(usage[1]))
    );
    assert_eq!(used["cost_nano_usd"], usage[0] * 1_250 + usage[1] * 5_000);
    let list = served.send("GET", "/v1/batches?limit=1", &[BEARER], b"").json();
    assert_eq!(
        (list["data"][0]["id"].as_str(), &list["has_more"]),
        (batch["id"].as_str(), &json!(false))
    );
    assert_eq!(
        served.send("DELETE", &format!("/v1/files/{id}"), &[BEARER], b"").json()["deleted"],
        true
    );
    assert_eq!(served.send("GET", &format!("/v1/files/{id}"), &[BEARER], b"").status, 404);
    // Another provider's key finds nothing here, and a reset forgets all.
    assert_eq!(served.send("POST", "/_simlab/reset", &[("x-simlab", "1")], b"").status, 204);
    assert_eq!(served.send("GET", &path, &[BEARER], b"").status, 404);
}

#[test]
fn a_batch_with_broken_lines_fails_and_one_in_time_is_cancelled() {
    let served = Served::start(&["security"]);
    let other = json!({ "custom_id": "x", "method": "POST", "url": "/v1/embeddings", "body": {} })
        .to_string();
    let content = ["{", "{}", &other, &line("a", &chat("hi")), &line("a", &chat("hi"))].join("\n");
    let file = upload(&served, &content).json();
    let made = make(&served, file["id"].as_str().unwrap()).json();
    let path = format!("/v1/batches/{}", made["id"].as_str().unwrap());
    let failed = served.send("GET", &path, &[BEARER], b"").json();
    let errors: Vec<(&str, u64)> = failed["errors"]["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["code"].as_str().unwrap(), error["line"].as_u64().unwrap()))
        .collect();
    let expected = [
        ("invalid_json_line", 1),
        ("missing_required_parameter", 2),
        ("mismatched_url", 3),
        ("duplicate_custom_id", 5),
    ];
    assert_eq!(
        (&failed["status"], errors.as_slice()),
        (&json!("failed"), &expected[..]),
        "{failed}"
    );
    let file = upload(&served, &line("a", &chat("hi"))).json();
    let made = make(&served, file["id"].as_str().unwrap()).json();
    let path = format!("/v1/batches/{}", made["id"].as_str().unwrap());
    let cancel = || served.send("POST", &format!("{path}/cancel"), &[BEARER], b"");
    assert_eq!(cancel().json()["status"], "cancelling");
    assert_eq!(served.send("GET", &path, &[BEARER], b"").json()["status"], "cancelled");
    assert_eq!(
        (cancel().json()["status"].clone(), served.status()["chats"].clone()),
        (json!("cancelled"), json!(0))
    );
    for (body, status) in [
        (json!({}), 400),
        (
            json!({ "input_file_id": "file-x", "endpoint": "/v1/chat/completions", "completion_window": "24h" }),
            400,
        ),
        (
            json!({ "input_file_id": file["id"], "endpoint": "/v1/images", "completion_window": "24h" }),
            400,
        ),
    ] {
        assert_eq!(served.json("POST", "/v1/batches", &[BEARER], &body).status, status, "{body}");
    }
    assert_eq!(served.send("GET", "/v1/batches/batch_x", &[BEARER], b"").status, 404);
    assert_eq!(served.send("POST", "/v1/files", &[BEARER], b"x").status, 400);
    assert_eq!(served.send("GET", "/v1/files", &[], b"").status, 401);
}

#[test]
fn a_batch_that_comes_at_once_gets_its_results_as_lines_with_faults_in_them() {
    let served = Served::start(&["security"]);
    let path = "/v1/messages/batches";
    let params = |question: &str| json!({ "model": "claude-haiku-4-5", "max_tokens": 300, "messages": [{ "role": "user", "content": question }] });
    let requests = json!({ "requests": [
        { "custom_id": "a", "params": params("What is a policy?") },
        { "custom_id": "b", "params": { "model": "claude-haiku-4-5", "messages": [] } },
        { "custom_id": "c", "params": params("What is a reward?") } ] });
    let made = served.json("POST", path, &ANTHROPIC, &requests).json();
    assert_eq!(
        (&made["type"], &made["processing_status"], &made["request_counts"]["processing"]),
        (&json!("message_batch"), &json!("in_progress"), &json!(3)),
        "{made}"
    );
    // The fault hits the first of the two requests that reach a model.
    let fault = json!({ "faults": [{ "fault": "overloaded", "on": ["anthropic"], "next": 1 }] });
    assert_eq!(served.json("PUT", "/_simlab/faults", &[], &fault).status, 200);
    let one = format!("{path}/{}", made["id"].as_str().unwrap());
    let ended = served.send("GET", &one, &ANTHROPIC, b"").json();
    assert_eq!(ended["processing_status"], "ended", "{ended}");
    let url = ended["results_url"].as_str().unwrap();
    assert!(
        url.ends_with("/results") && url.starts_with(&format!("http://{}", served.address)),
        "{url}"
    );
    let results = lines(&served.send("GET", &format!("{one}/results"), &ANTHROPIC, b""));
    let kinds: Vec<&str> =
        results.iter().map(|line| line["result"]["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["errored", "errored", "succeeded"]);
    assert_eq!(results[0]["result"]["error"]["error"]["type"], "overloaded_error");
    assert_eq!(results[2]["result"]["message"]["type"], "message");
    assert_eq!(results[1]["result"]["error"]["error"]["type"], "invalid_request_error");
    let list = served.send("GET", path, &ANTHROPIC, b"").json();
    assert_eq!((list["data"].as_array().unwrap().len(), &list["first_id"]), (1, &made["id"]));
    // Cancelled in time, it answers nothing.
    let again = served.json("POST", path, &ANTHROPIC, &requests).json();
    let two = format!("{path}/{}", again["id"].as_str().unwrap());
    let cancelled = served.send("POST", &format!("{two}/cancel"), &ANTHROPIC, b"").json();
    assert_eq!(cancelled["processing_status"], "canceling", "{cancelled}");
    let gone = served.send("GET", &two, &ANTHROPIC, b"").json();
    assert_eq!(
        (&gone["processing_status"], &gone["request_counts"]["canceled"]),
        (&json!("ended"), &json!(3))
    );
    assert_eq!(
        served.send("DELETE", &two, &ANTHROPIC, b"").json()["type"],
        "message_batch_deleted"
    );
    assert_eq!(served.send("GET", &two, &ANTHROPIC, b"").status, 404);
    let twice = json!({ "requests": [{ "custom_id": "a", "params": {} }, { "custom_id": "a", "params": {} }] });
    let refused = served.json("POST", path, &ANTHROPIC, &twice);
    assert!(
        refused.json()["error"]["message"].as_str().unwrap().contains("duplicate custom_id"),
        "{refused:?}"
    );
    assert_eq!(served.json("POST", path, &ANTHROPIC, &json!({ "requests": [] })).status, 400);
}

#[test]
fn a_fault_strikes_making_and_fetching_a_batch_as_it_strikes_chats() {
    let served = Served::start(&["security"]);
    let set = |fault: &str, more: Value| {
        let mut rule = json!({ "fault": fault, "on": ["batches"], "next": 1 });
        rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = served.json("PUT", "/_simlab/faults", &[], &json!({ "faults": [rule] }));
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    let made = || served.send("GET", "/v1/batches", &[BEARER], b"").json()["data"].clone();
    let content = line("a", &chat("What is a policy?"));
    // What is refused has made nothing, and the next try is taken.
    set("rate_limited", json!({ "retry_after": "2s" }));
    let refused = upload(&served, &content);
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("2")));
    assert_eq!(refused.json()["error"]["code"], "rate_limit_exceeded");
    let file = upload(&served, &content).json();
    set("server_error", json!({ "status": 500 }));
    let refused = make(&served, file["id"].as_str().unwrap());
    assert_eq!((refused.status, made()), (500, json!([])));
    assert!(refused.json()["error"]["message"].is_string(), "{refused:?}");
    let batch = make(&served, file["id"].as_str().unwrap()).json();
    let path = format!("/v1/batches/{}", batch["id"].as_str().unwrap());
    // A fault of batches leaves the chats in them alone, and one of chats leaves batches alone.
    set("overloaded", json!({ "next": 1 }));
    assert_eq!(served.send("GET", &path, &[BEARER], b"").status, 503);
    let ended = served.send("GET", &path, &[BEARER], b"").json();
    assert_eq!(
        (&ended["status"], &ended["request_counts"]["completed"]),
        (&json!("completed"), &json!(1)),
        "{ended}"
    );
    let output = format!("/v1/files/{}/content", ended["output_file_id"].as_str().unwrap());
    let whole = served.send("GET", &output, &[BEARER], b"");
    assert_eq!(lines(&whole).len(), 1);
    // The file of results breaks off.
    set("cut", json!({}));
    let cut = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        served.send("GET", &output, &[BEARER], b"").body.len()
    }));
    assert!(cut.is_err() || cut.is_ok_and(|length| length < whole.body.len()));
    assert_eq!(served.send("GET", &output, &[BEARER], b"").body, whole.body);
    let requests = json!({ "requests": [{ "custom_id": "a", "params": { "model": "claude-haiku-4-5",
        "max_tokens": 50, "messages": [{ "role": "user", "content": "Hi" }] } }] });
    set("overloaded", json!({}));
    let refused = served.json("POST", "/v1/messages/batches", &ANTHROPIC, &requests);
    assert_eq!(
        (refused.status, &refused.json()["error"]["type"]),
        (529, &json!("overloaded_error"))
    );
    assert_eq!(served.json("POST", "/v1/messages/batches", &ANTHROPIC, &requests).status, 200);
    let named = json!({ "fault": "slow", "on": ["batches"], "models": ["gpt-4o"], "next": 1 });
    let refused = served.json("PUT", "/_simlab/faults", &[], &json!({ "faults": [named] }));
    assert_eq!(refused.status, 400, "{refused:?}");
}
