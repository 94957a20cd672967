//! Small things around HTTP: bodies with a limit, decoded addresses, JSON answers.
//!
//! Guarantees: a body beyond its limit is read to its end (up to [`MAX_DISCARDED`]) but not kept,
//! so that a client that is still sending gets its answer; what cannot be decoded is an error,
//! never a panic.
//!
//! Does not know: what any path means.

use std::io::Read;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use flate2::read::GzDecoder;
use serde_json::Value;
use tokio_stream::StreamExt;

use crate::serve::connections::TooSlow;

/// Most bytes of a refused body that are read before the answer goes out regardless.
const MAX_DISCARDED: usize = 256 << 20;

/// Compressed bytes up to which a body is decompressed at once; they may become a thousand times as
/// many.
const SMALL_GZIP: usize = 4 << 10;

/// Why a body was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It is longer than the limit.
    TooLarge,
    /// The connection broke, or the compression is damaged.
    Unreadable,
    /// It did not arrive in time.
    TooSlow,
}

/// Reads a body of at most `limit` bytes.
pub async fn read_body(body: Body, limit: usize) -> Result<Vec<u8>, BodyError> {
    if body.size_hint().lower() > MAX_DISCARDED as u64 {
        return Err(BodyError::TooLarge);
    }
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    let mut seen = 0_usize;
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|error| broken(&error))?;
        seen = seen.saturating_add(piece.len());
        if seen <= limit {
            bytes.extend_from_slice(&piece);
        } else {
            bytes = Vec::new();
            if seen > MAX_DISCARDED {
                break;
            }
        }
    }
    if seen > limit { Err(BodyError::TooLarge) } else { Ok(bytes) }
}

/// Reads a body to its end, up to [`MAX_DISCARDED`], and keeps nothing: a client that is still
/// sending gets its answer.
pub async fn discard(body: Body) {
    let _ = read_body(body, 0).await;
}

/// Why a body broke off.
fn broken(error: &axum::Error) -> BodyError {
    // The reason may be wrapped more than once.
    let mut reason: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = reason {
        if error.is::<TooSlow>() {
            return BodyError::TooSlow;
        }
        reason = error.source();
    }
    BodyError::Unreadable
}

/// Reads a body that may be compressed (`Content-Encoding: gzip`), at most `limit` bytes before and
/// after.
pub async fn read_plain_body(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<Vec<u8>, BodyError> {
    // A client that asks before it sends is told before it has sent.
    if body.size_hint().lower() > limit as u64 && text(headers, "expect").is_some() {
        return Err(BodyError::TooLarge);
    }
    let bytes = read_body(body, limit).await?;
    match text(headers, "content-encoding").unwrap_or("identity").to_ascii_lowercase().as_str() {
        "identity" | "" => Ok(bytes),
        "gzip" | "x-gzip" => {
            if bytes.len() <= SMALL_GZIP {
                return unzipped(&bytes, limit);
            }
            tokio::task::spawn_blocking(move || unzipped(&bytes, limit))
                .await
                .unwrap_or(Err(BodyError::Unreadable))
        }
        _ => Err(BodyError::Unreadable),
    }
}

fn unzipped(bytes: &[u8], limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut plain = Vec::new();
    let most = limit as u64 + 1;
    GzDecoder::new(bytes).take(most).read_to_end(&mut plain).map_err(|_| BodyError::Unreadable)?;
    if plain.len() > limit { Err(BodyError::TooLarge) } else { Ok(plain) }
}

/// A header as text.
pub fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// A JSON answer; a null body is left out.
pub fn json(status: u16, body: &Value) -> Response {
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let mut response = bytes_of(status, "application/json", bytes);
    if body.is_null() {
        response.headers_mut().remove(header::CONTENT_TYPE);
    }
    response
}

/// An answer of these bytes.
pub fn bytes_of(status: u16, content_type: &'static str, bytes: impl Into<Body>) -> Response {
    let mut response = Response::new(bytes.into());
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Adds a header; a value that no header can carry is left out.
pub fn set(response: &mut Response, name: &'static str, value: &str) {
    if name.is_empty() {
        return;
    }
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// An error in LaunchDarkly's form.
pub fn refusal(status: u16, code: &str, message: &str) -> Response {
    json(status, &serde_json::json!({ "code": code, "message": message }))
}

/// A percent-decoded part of an address; `None` when that is no text. `plus` says whether `+`
/// stands for a space.
pub fn decoded(part: &str, plus: bool) -> Option<String> {
    let digit = |byte: Option<&u8>| byte.and_then(|&byte| char::from(byte).to_digit(16));
    let bytes = part.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'%', ..) => return None,
            (b'+', ..) if plus => out.push(b' '),
            _ => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8(out).ok()
}

/// The decoded parameters of a query.
pub fn parameters(query: &str) -> Option<Vec<(String, String)>> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| Some((decoded(name, true)?, decoded(value, true)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn addresses_are_decoded_or_refused() {
        assert_eq!(decoded("a%20b+c", false).as_deref(), Some("a b+c"));
        assert_eq!(decoded("a%20b+c", true).as_deref(), Some("a b c"));
        for bad in ["%", "%4", "%zz", "%ff"] {
            assert_eq!(decoded(bad, false), None, "{bad}");
        }
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            parameters("expand=a%2Cb&flag&x=1=2"),
            Some(vec![pair("expand", "a,b"), pair("flag", ""), pair("x", "1=2")])
        );
        assert_eq!(parameters("x=%"), None);
    }

    #[tokio::test]
    async fn a_body_is_taken_up_to_its_limit_before_and_after_decompression() {
        let zip = |bytes: &[u8]| {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        let mut headers = HeaderMap::new();
        assert_eq!(read_plain_body(&headers, Body::from("abcd"), 4).await, Ok(b"abcd".to_vec()));
        assert_eq!(
            read_plain_body(&headers, Body::from("abcde"), 4).await,
            Err(BodyError::TooLarge)
        );
        headers.insert("content-encoding", HeaderValue::from_static("gzip"));
        assert_eq!(
            read_plain_body(&headers, Body::from(zip(b"[1]")), 100).await,
            Ok(b"[1]".to_vec())
        );
        // A million zeros fit into few bytes, but not into the limit.
        assert_eq!(
            read_plain_body(&headers, Body::from(zip(&[0; 1 << 20])), 100_000).await,
            Err(BodyError::TooLarge)
        );
        assert_eq!(
            read_plain_body(&headers, Body::from("[1]"), 100).await,
            Err(BodyError::Unreadable)
        );
    }
}
