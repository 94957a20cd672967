//! Requests of an application and the answers of a real provider, kept in a file: one JSON document
//! a line.
//!
//! Guarantees: a body comes back byte for byte, also one that is no text; nobody but the owner may
//! read the file.
//!
//! Does not know: HTTP, or which request is like which.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::disk::private;
use crate::diagnostic::{Diagnostic, json_fault};

/// The version of this format.
const SCHEMA: &str = "simlab.exchange/1";
/// Longest line of a file that is read, in bytes.
const MAX_LINE: usize = 64 << 20;

/// A request and its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptExchange {
    /// The format of this line.
    pub schema: String,
    /// The key of the provider.
    pub provider: String,
    /// The method of the request.
    #[serde(default = "post", skip_serializing_if = "is_post")]
    pub method: String,
    /// The path under the provider's base address, and the query without keys.
    pub path: String,
    /// The body of the request: a text where it is no JSON, and null where it is empty.
    pub request: Value,
    /// The status of the answer.
    pub status: u16,
    /// Headers of the answer that clients read.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body of the answer.
    pub body: String,
    /// Whether the body is written in base64, as one is that is no text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub base64: bool,
}

/// The method of the lines of files from before other methods were kept.
fn post() -> String {
    "POST".to_owned()
}

fn is_post(method: &String) -> bool {
    method == "POST"
}

impl KeptExchange {
    /// A line of the current format.
    #[must_use]
    pub fn new(provider: &str, path: &str, request: Value, status: u16, body: String) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            provider: provider.to_owned(),
            method: post(),
            path: path.to_owned(),
            request,
            status,
            headers: BTreeMap::new(),
            body,
            base64: false,
        }
    }

    /// The same exchange with this body of the answer.
    #[must_use]
    pub fn with_body(self, bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { body: text.to_owned(), base64: false, ..self },
            Err(_) => Self { body: STANDARD.encode(bytes), base64: true, ..self },
        }
    }

    /// The body of the answer as it came; none where it is not written as it says.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        if self.base64 {
            return STANDARD.decode(&self.body).ok();
        }
        Some(self.body.clone().into_bytes())
    }
}

/// A file to which exchanges are added.
#[derive(Debug)]
pub struct ExchangeLog(File);

impl ExchangeLog {
    /// Opens a file, which may be there already; its lines stay.
    ///
    /// # Errors
    /// As opening a file.
    pub fn open(path: &Path) -> io::Result<Self> {
        use std::io::Seek;
        let mut file = private(path, false)?;
        file.seek(io::SeekFrom::End(0))?;
        Ok(Self(file))
    }

    /// Adds an exchange.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, exchange: &KeptExchange) -> io::Result<()> {
        let mut line = serde_json::to_vec(exchange).map_err(io::Error::other)?;
        line.push(b'\n');
        self.0.write_all(&line)?;
        self.0.flush()
    }
}

/// Reads such a file.
///
/// # Errors
/// The first line that is none of this format, or that the file cannot be read.
pub fn read_exchanges(path: &Path) -> Result<Vec<KeptExchange>, Diagnostic> {
    let name = path.display();
    let unreadable = |error: io::Error| {
        Diagnostic::new(format!("`{name}` cannot be read: {error}"))
            .help("`simlab serve --record FILE` writes such a file")
    };
    let mut lines = BufReader::new(File::open(path).map_err(unreadable)?);
    let mut all = Vec::new();
    for number in 1_u64.. {
        let mut line = Vec::new();
        let read = io::Read::take(&mut lines, MAX_LINE as u64).read_until(b'\n', &mut line);
        if read.map_err(unreadable)? == 0 {
            break;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let wrong = |words: String| {
            Diagnostic::new(format!("line {number} of `{name}` is no recorded exchange: {words}"))
                .help("take the line out, or record the traffic again with `simlab serve --record FILE`")
        };
        let exchange: KeptExchange =
            serde_json::from_slice(&line).map_err(|error| wrong(json_fault(&error)))?;
        if exchange.schema != SCHEMA {
            return Err(wrong(format!("its format is `{}`, expected `{SCHEMA}`", exchange.schema)));
        }
        if exchange.bytes().is_none() {
            return Err(wrong("its `body` is not in base64, as `base64` says".to_owned()));
        }
        all.push(exchange);
    }
    if all.is_empty() {
        return Err(Diagnostic::new(format!("`{name}` has no recorded exchange"))
            .help("`simlab serve --record FILE` writes such a file"));
    }
    Ok(all)
}
