//! Images, documents and sounds in chats: counted by each provider's rule, answered, and refused where a
//! model takes none.

use serde_json::{Value, json};

use super::serve::{ANTHROPIC, BEARER, Served};

/// A picture of one pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

fn data() -> String {
    format!("data:image/png;base64,{PIXEL}")
}

#[test]
fn chat_completions_count_images_files_and_sounds_by_their_models_rules() {
    let served = Served::start(&["security"]);
    let ask = |path: &str, model: &str, parts: Value| {
        let body = json!({ "model": model, "messages": [{ "role": "user", "content": parts }] });
        served.json("POST", path, &[BEARER], &body)
    };
    let text = json!({ "type": "text", "text": "What is this?" });
    let used = |path: &str, model: &str, part: Value| {
        let tokens = |parts| {
            let answer = ask(path, model, parts);
            assert_eq!(answer.status, 200, "{answer:?}");
            answer.json()["usage"]["prompt_tokens"].as_u64().unwrap()
        };
        tokens(json!([text, part])) - tokens(json!([text]))
    };
    let image = |url: &str| json!({ "type": "image_url", "image_url": { "url": url } });
    let (openai, mistral) = ("/v1/chat/completions", "/mistral/v1/chat/completions");
    // One tile; 1,024 by 1,024 pixels are assumed of what is elsewhere.
    assert_eq!(used(openai, "gpt-4o", image(&data())), 85 + 170);
    assert_eq!(used(openai, "gpt-4o", image("https://x.example/a.png")), 765);
    assert_eq!(used(openai, "gpt-4.1-mini", image(&data())), 2);
    assert_eq!(
        used(mistral, "mistral-small-latest", json!({ "type": "image_url", "image_url": data() })),
        2
    );
    let pdf = "data:application/pdf;base64,JVBERi0xLjQ=";
    assert_eq!(
        used(
            openai,
            "gpt-4o",
            json!({ "type": "file", "file": { "file_data": pdf, "filename": "a.pdf" } })
        ),
        1_000
    );
    // 32,000 bytes of compressed sound are assumed to be two seconds.
    let sound = json!({ "type": "input_audio", "input_audio": { "data": "A".repeat(42_664) + "AAA=", "format": "mp3" } });
    assert_eq!(used(openai, "gpt-4o-audio-preview", sound.clone()), 20);
    for (path, model, part, words) in [
        (openai, "gpt-3.5-turbo", image(&data()), "image_url is only supported by certain models"),
        (openai, "gpt-4o", sound.clone(), "input_audio is only supported by certain models"),
        (openai, "gpt-4o", image("data:image/png;base64,?"), "Invalid base64 image_url"),
        (mistral, "codestral-latest", image(&data()), "Image input is not enabled for this model"),
        (mistral, "mistral-small-latest", sound, "Audio input is not enabled for this model"),
    ] {
        let refused = ask(path, model, json!([text, part]));
        assert!((400..=422).contains(&refused.status), "{refused:?}");
        assert!(String::from_utf8_lossy(&refused.body).contains(words), "{refused:?}");
    }
    // An image alone is a message, too.
    assert_eq!(ask(openai, "gpt-4o", json!([image(&data())])).status, 200);
    // The Responses format counts as chat completions do.
    let input = json!([{ "role": "user", "content": [{ "type": "input_text", "text": "What is this?" }, { "type": "input_image", "image_url": data() }] }]);
    let body = json!({ "model": "gpt-4.1-mini", "input": input });
    let counted = served.json("POST", "/v1/responses", &[BEARER], &body).json();
    let chat = ask(openai, "gpt-4.1-mini", json!([text, image(&data())])).json();
    assert_eq!(counted["usage"]["input_tokens"], chat["usage"]["prompt_tokens"]);
}

#[test]
fn anthropic_and_gemini_count_images_and_documents() {
    let served = Served::start(&["security"]);
    let text = json!({ "type": "text", "text": "What is this?" });
    let claude = |model: &str, blocks: Value| {
        let body = json!({ "model": model, "max_tokens": 300, "messages": [{ "role": "user", "content": blocks }] });
        served.json("POST", "/v1/messages", &ANTHROPIC, &body)
    };
    let image = json!({ "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": PIXEL } });
    let pdf = json!({ "type": "document", "source": { "type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQ=" } });
    let far =
        json!({ "type": "image", "source": { "type": "url", "url": "https://x.example/a.png" } });
    let used = |block: &Value| {
        let tokens = |blocks| {
            let answer = claude("claude-haiku-4-5", blocks);
            assert_eq!(answer.status, 200, "{answer:?}");
            answer.json()["usage"]["input_tokens"].as_u64().unwrap()
        };
        tokens(json!([block, text])) - tokens(json!([text]))
    };
    // 1,024 by 1,024 pixels, 750 a token; a third of the 7,000 tokens of three pages.
    assert_eq!([used(&image), used(&far), used(&pdf)], [1, 1_399, 2_333]);
    for (model, block, words) in [
        ("claude-3-haiku-20240307", &pdf, "'claude-3-haiku-20240307' does not support PDF input."),
        (
            "claude-haiku-4-5",
            &json!({ "type": "image", "source": { "type": "base64", "media_type": "image/bmp", "data": PIXEL } }),
            "image.source.base64.media_type",
        ),
        (
            "claude-haiku-4-5",
            &json!({ "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "?" } }),
            "invalid base64 data",
        ),
    ] {
        let refused = claude(model, json!([block]));
        assert!(
            refused.status == 400 && String::from_utf8_lossy(&refused.body).contains(words),
            "{refused:?}"
        );
    }
    // In the result of a tool, too.
    let tools = json!([{ "name": "look", "input_schema": { "type": "object" } }]);
    let call = json!({ "type": "tool_use", "id": "t1", "name": "look", "input": {} });
    let result = json!({ "type": "tool_result", "tool_use_id": "t1", "content": [image, { "type": "text", "text": "a pixel" }] });
    let body = json!({ "model": "claude-haiku-4-5", "max_tokens": 300, "tools": tools, "messages": [{ "role": "user", "content": "Look." }, { "role": "assistant", "content": [call] }, { "role": "user", "content": [result] }] });
    assert_eq!(served.json("POST", "/v1/messages", &ANTHROPIC, &body).status, 200);
    let gemini = |part: Value| {
        let count = |parts: Value| {
            let path = "/v1beta/models/gemini-3.5-flash:countTokens";
            let body = json!({ "contents": [{ "role": "user", "parts": parts }] });
            let answer = served.json("POST", path, &[("x-goog-api-key", "k")], &body);
            assert_eq!(answer.status, 200, "{answer:?}");
            answer.json()["totalTokens"].as_u64().unwrap()
        };
        count(json!([{ "text": "hi" }, part])) - count(json!([{ "text": "hi" }]))
    };
    let inline =
        |kind: &str, data: &str| json!({ "inlineData": { "mimeType": kind, "data": data } });
    assert_eq!(gemini(inline("image/png", PIXEL)), 258);
    assert_eq!(gemini(inline("audio/mp3", &("A".repeat(42_664) + "AAA="))), 64);
    assert_eq!(gemini(inline("application/pdf", "JVBERi0xLjQ=")), 258);
}

#[test]
fn counts_and_moderations_are_numbered_and_hit_by_faults() {
    let served = Served::start(&["security"]);
    let count = || {
        let body = json!({ "model": "claude-haiku-4-5", "messages": [{ "role": "user", "content": "hi" }] });
        served.json("POST", "/v1/messages/count_tokens", &ANTHROPIC, &body)
    };
    let moderate =
        || served.json("POST", "/v1/moderations", &[BEARER], &json!({ "input": "hello" }));
    let before = served.status()["requests"].as_u64().unwrap();
    assert_eq!((count().status, moderate().status), (200, 200));
    let status = served.status();
    assert_eq!((status["requests"].as_u64().unwrap(), &status["chats"]), (before + 2, &json!(0)));
    let faults = json!({ "faults": [{ "fault": "rate_limited", "on": ["count-tokens"], "next": 1, "retry_after": "2s" }, { "fault": "server_error", "on": ["moderations"], "next": 1 }] });
    assert_eq!(served.json("PUT", "/_simlab/faults", &[], &faults).status, 200);
    let limited = count();
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("2")));
    assert_eq!(moderate().status, 500);
    assert_eq!((count().status, moderate().status), (200, 200));
}
