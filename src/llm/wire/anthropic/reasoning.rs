//! The thinking that precedes a tool call: the service refuses the call's result without it.
//!
//! Guarantees: thinking blocks come back as they came, before everything else of their turn; a body
//! without them is not touched.
//!
//! Source: the page on extended thinking, "Preserving thinking blocks" <https://docs.claude.com>,
//! November 2026.
//!
//! Does not know: which turn came when.

use serde_json::Value;

const BLOCKS: [&str; 2] = ["thinking", "redacted_thinking"];

fn is(block: &Value, kinds: &[&str]) -> bool {
    block["type"].as_str().is_some_and(|own| kinds.contains(&own))
}

/// The thinking blocks of an answer that calls a tool, as a JSON list.
pub(super) fn of_answer(body: &[u8]) -> Option<String> {
    // Most answers have none, and are not parsed twice.
    if !body.windows(9).any(|part| part == b"thinking\"") {
        return None;
    }
    let answer: Value = serde_json::from_slice(body).ok()?;
    let blocks = answer.get("content")?.as_array()?;
    if !blocks.iter().any(|block| is(block, &["tool_use"])) {
        return None;
    }
    let thoughts: Vec<&Value> = blocks.iter().filter(|block| is(block, &BLOCKS)).collect();
    (!thoughts.is_empty()).then(|| serde_json::to_string(&thoughts).ok())?
}

/// A request with the thinking blocks that belong to its tool calls, by the id of the first call of
/// a turn.
pub(super) fn put_back(body: Vec<u8>, of: &dyn Fn(&str) -> Option<String>) -> Vec<u8> {
    let Ok(mut request) = serde_json::from_slice::<Value>(&body) else { return body };
    let mut changed = false;
    let messages = request.get_mut("messages").and_then(Value::as_array_mut);
    for message in messages.into_iter().flatten() {
        let Some(content) = message.get_mut("content").and_then(Value::as_array_mut) else {
            continue;
        };
        let call = content.iter().find(|block| is(block, &["tool_use"]));
        let known = call.and_then(|block| of(block["id"].as_str()?));
        let known = known.and_then(|text| serde_json::from_str::<Vec<Value>>(&text).ok());
        if let Some(blocks) = known {
            content.splice(0..0, blocks);
            changed = true;
        }
    }
    if !changed {
        return body;
    }
    serde_json::to_vec(&request).unwrap_or(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinking_comes_back_before_its_tool_call_as_it_came() {
        let answer = br#"{"content":[{"type":"thinking","thinking":"hm","signature":"s=="},{"type":"redacted_thinking","data":"x"},
            {"type":"text","text":"Let me look."},{"type":"tool_use","id":"t1","name":"f","input":{"b":1,"a":2}}],"stop_reason":"tool_use"}"#;
        let kept = of_answer(answer).unwrap();
        assert_eq!(
            kept,
            r#"[{"type":"thinking","thinking":"hm","signature":"s=="},{"type":"redacted_thinking","data":"x"}]"#
        );
        let asked = r#"{"model":"m","messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"text","text":"Let me look."},{"type":"tool_use","id":"t1","name":"f","input":{"b":1,"a":2}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"r"}]}],"max_tokens":9}"#;
        let of = |id: &str| (id == "t1").then(|| kept.clone());
        let sent = String::from_utf8(put_back(asked.as_bytes().to_vec(), &of)).unwrap();
        let turn = r#""content":[{"type":"text","text":"Let me look."},"#;
        let with = turn.replacen('[', kept.trim_end_matches(']'), 1).replacen("}{", "},{", 1);
        assert_eq!(sent, asked.replace(turn, &with));
        assert_eq!(put_back(asked.as_bytes().to_vec(), &|_| None), asked.as_bytes());
        // An answer without a call, or without thinking, has nothing to come back.
        for none in [
            r#"{"content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"yes"}]}"#,
            r#"{"content":[{"type":"tool_use","id":"t1","name":"thinking","input":{}}]}"#,
            "thinking\"",
        ] {
            assert_eq!(of_answer(none.as_bytes()), None, "{none}");
        }
    }
}
