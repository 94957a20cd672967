//! Embeddings in both formats.

use super::*;
use crate::llm::chat::ErrorKind;
use crate::llm::wire::Provider;
use crate::llm::wire::mistral::MISTRAL;
use crate::llm::wire::openai::OPENAI;
use proptest::prelude::*;

fn api(provider: Provider) -> &'static EmbeddingsApi {
    provider.api.embeddings().unwrap()
}

fn request_of(json: &str) -> Result<EmbeddingRequest, ChatError> {
    api(OPENAI).decode_request(json.as_bytes())
}

#[test]
fn the_input_is_taken_in_all_four_forms() {
    let input =
        |json: &str| request_of(&format!(r#"{{"model":"m","input":{json}}}"#)).unwrap().input;
    assert_eq!(input(r#""a""#), [EmbeddingInput::Text("a".into())]);
    assert_eq!(
        input(r#"["a","b"]"#),
        [EmbeddingInput::Text("a".into()), EmbeddingInput::Text("b".into())]
    );
    assert_eq!(input("[1,2]"), [EmbeddingInput::Tokens(vec![1, 2])]);
    assert_eq!(
        input("[[1],[2,3]]"),
        [EmbeddingInput::Tokens(vec![1]), EmbeddingInput::Tokens(vec![2, 3])]
    );
}

#[test]
fn a_request_has_the_documented_shape_in_both_directions() {
    let json = r#"{"model":"text-embedding-3-small","input":["a","b"],"encoding_format":"base64","dimensions":1536,"user":"u"}"#;
    let mut out = Vec::new();
    api(OPENAI).encode_request(&request_of(json).unwrap(), &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), json);
    let json = r#"{"model":"mistral-embed","input":["a"],"output_dimension":256}"#;
    let mut out = Vec::new();
    api(MISTRAL).encode_request(&api(MISTRAL).decode_request(json.as_bytes()).unwrap(), &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), json);
}

#[test]
fn each_fault_is_named() {
    for (json, field) in [
        ("{}", "model"),
        (r#"{"model":"m"}"#, "input"),
        (r#"{"model":"m","input":""}"#, "input"),
        (r#"{"model":"m","input":[]}"#, "input"),
        (r#"{"model":"m","input":["a",""]}"#, "input.1"),
        (r#"{"model":"m","input":[1,"a"]}"#, "input.1"),
        (r#"{"model":"m","input":["a",1]}"#, "input.1"),
        (r#"{"model":"m","input":[[1],[-2]]}"#, "input.1.0"),
        (r#"{"model":"m","input":{"a":1}}"#, "input"),
        (r#"{"model":"m","input":"a","encoding_format":"hex"}"#, "encoding_format"),
        (r#"{"model":"m","input":"a","dimensions":0}"#, "dimensions"),
    ] {
        assert_eq!(request_of(json).unwrap_err().field.as_deref(), Some(field), "{json}");
    }
}

#[test]
fn an_answer_has_the_documented_shape_in_both_formats() {
    let response = EmbeddingResponse {
        model: "m".into(),
        vectors: vec![vec![1.0, -0.5], vec![0.1]],
        input_tokens: 8,
    };
    let mut floats = Vec::new();
    api(OPENAI).encode_response(&response, VectorFormat::Float, "", &mut floats);
    assert_eq!(
        String::from_utf8(floats).unwrap(),
        r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1.0,-0.5]},{"object":"embedding","index":1,"embedding":[0.1]}],"model":"m","usage":{"prompt_tokens":8,"total_tokens":8}}"#
    );
    // Python: base64.b64encode(struct.pack("<2f", 1.0, -0.5)).
    let mut base64 = Vec::new();
    api(MISTRAL).encode_response(&response, VectorFormat::Base64, "e1", &mut base64);
    let base64 = String::from_utf8(base64).unwrap();
    assert!(
        base64.starts_with(r#"{"id":"e1","object":"list","data":[{"object":"embedding","index":0,"embedding":"AACAPwAAAL8="}"#),
        "{base64}"
    );
    // Out of order is put in order; twice or wild is refused.
    let shuffled = r#"{"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":[1]}],"usage":{"prompt_tokens":3}}"#;
    assert_eq!(api(OPENAI).decode_response(shuffled.as_bytes()).unwrap().vectors, [[1.0], [2.0]]);
    for bad in [
        r#"{"data":[{"index":0,"embedding":[2]},{"index":0,"embedding":[1]}]}"#,
        r#"{"data":[{"index":18446744073709551615,"embedding":[2]}]}"#,
        r#"{"data":[{"embedding":"AAAA"}]}"#,
        r#"{"data":[{"embedding":"!"}]}"#,
        r#"{"data":[{}]}"#,
        "{}",
        "",
    ] {
        assert_eq!(
            api(OPENAI).decode_response(bad.as_bytes()).unwrap_err().kind,
            ErrorKind::Malformed,
            "{bad}"
        );
    }
}

proptest! {
    #[test]
    fn vectors_come_back_bit_for_bit(
        vectors in proptest::collection::vec(proptest::collection::vec(proptest::num::f32::NORMAL | proptest::num::f32::SUBNORMAL, 0..8), 0..4),
        base64: bool,
    ) {
        let format = if base64 { VectorFormat::Base64 } else { VectorFormat::Float };
        let response = EmbeddingResponse { model: "m".into(), vectors, input_tokens: 5 };
        let mut out = Vec::new();
        api(OPENAI).encode_response(&response, format, "", &mut out);
        prop_assert_eq!(api(OPENAI).decode_response(&out).unwrap(), response);
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = (api(OPENAI).decode_response(&bytes), api(MISTRAL).decode_request(&bytes));
    }
}
