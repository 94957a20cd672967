//! Names a file that was given by mistake, and the command that takes it.
//!
//! Guarantees: it reads the bytes that it gets and nothing else, and never fails. It is a guess for
//! an error message: no file is accepted or refused because of it alone.

use serde_json::Value;

use super::{Diagnostic, shell_argument, shortened};

/// What a command takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A scenario.
    Scenario,
    /// Summary statistics or recorded events.
    Data,
    /// A recording of a live run.
    Recording,
    /// Traces of an application.
    Traces,
    /// A saved report.
    Report,
    /// Saved replications.
    Replications,
    /// A list of faults for `serve`.
    Faults,
    /// Scripted answers for `serve`.
    Answers,
    /// How an application is asked.
    AppForm,
}

impl Wanted {
    fn noun(self) -> &'static str {
        match self {
            Self::Scenario => "a scenario",
            Self::Data => {
                "a table (CSV, JSON), recorded events (JSON lines) or summary statistics (RON)"
            }
            Self::Recording => "a recording of a live run",
            Self::Traces => "traces or a recording of a live run",
            Self::Report => "a saved report",
            Self::Replications => "saved replications",
            Self::Faults => "a list of faults",
            Self::Answers => "a file of scripted answers",
            Self::AppForm => "a file that says how an application is asked",
        }
    }

    /// How to come by such a file.
    fn origin(self) -> &'static str {
        match self {
            Self::Scenario => {
                "a scenario is a RON file: `simlab new security my.ron` writes one to start from"
            }
            Self::Data => {
                "give a table with a row for each user, summary statistics such as scenarios/published/security.ron, or one JSON event a \
                 line, as `simlab run SCENARIO --out DIR` writes them"
            }
            Self::Recording => "`simlab run SCENARIO --live --record FILE` writes a recording",
            Self::Traces => {
                "give OTLP in JSON, or an export of Langfuse, LangSmith, LiteLLM, Braintrust or promptfoo"
            }
            Self::Report => "`simlab run SCENARIO --out DIR` saves a report",
            Self::Replications => "`simlab power SCENARIO --out FILE` saves replications",
            Self::Answers => {
                "a file of scripted answers is RON or JSON: [(when: (contains: \"hello\"), say: \"Hi!\")]"
            }
            Self::AppForm => {
                "such a file is RON or JSON: (path: \"/chat\", body: {\"message\": \"{question}\"}, answer: \"/response\")"
            }
            Self::Faults => {
                "a list of faults is a RON file: [(fault: \"rate_limited\", on: [\"anthropic\"], rate: 0.1)]"
            }
        }
    }
}

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// Nothing that a command takes: its name with an article.
    Foreign(String),
    /// Packed by this program, which `with` unpacks.
    Packed {
        name: &'static str,
        with: &'static str,
    },
    /// Delimited text: its name with an article.
    Table(&'static str),
    Scenario,
    Statistics,
    Events,
    Recording,
    Report,
    Replications,
    Transcript,
}

impl Kind {
    fn noun(&self) -> &str {
        match self {
            Self::Foreign(name) => name,
            Self::Packed { name, .. } | Self::Table(name) => name,
            Self::Scenario => "a scenario",
            Self::Statistics => "a file of summary statistics",
            Self::Events => "a file of recorded events",
            Self::Recording => "a recording of a live run",
            Self::Report => "a saved report of simlab",
            Self::Replications => "a file of saved replications",
            Self::Transcript => "a transcript of a run",
        }
    }

    /// Whether a command that takes `wanted` takes this.
    fn is(&self, wanted: Wanted) -> bool {
        matches!(
            (self, wanted),
            (Self::Scenario, Wanted::Scenario)
                | (Self::Statistics | Self::Events | Self::Table(_), Wanted::Data)
                | (Self::Recording, Wanted::Recording)
                | (Self::Report, Wanted::Report)
                | (Self::Replications, Wanted::Replications)
        )
    }

    fn help(&self, path: &str, wanted: Wanted) -> String {
        let path = shell_argument(path);
        match self {
            Self::Foreign(_) => wanted.origin().to_owned(),
            Self::Packed { with, .. } => format!("unpack it first: {with} {path}"),
            Self::Scenario => format!("run it: simlab run {path}"),
            Self::Statistics | Self::Events | Self::Table(_) => {
                format!("analyze it: simlab analyze {path}")
            }
            Self::Recording => format!("run it again: simlab replay {path}"),
            Self::Report => format!("print it: simlab report {path}"),
            Self::Replications => format!("print what they show: simlab power --merge {path}"),
            Self::Transcript => "`simlab analyze` takes events.jsonl in the same folder".to_owned(),
        }
    }
}

/// The fault of a file that is something else than `wanted`; `None` where it may be what it should
/// be, or cannot be told.
#[must_use]
pub fn mistaken(path: &str, bytes: &[u8], wanted: Wanted) -> Option<Diagnostic> {
    let kind = kind(bytes)?;
    // Faults may be JSON, and of events that are not readable each line has a reason of its own.
    let json = matches!(&kind, Kind::Foreign(name) if name == JSON);
    let fits = kind.is(wanted)
        || (json
            && matches!(wanted, Wanted::Answers | Wanted::Faults | Wanted::Data | Wanted::Traces));
    (!fits).then(|| {
        Diagnostic::new(format!("`{path}` is {}, not {}", kind.noun(), wanted.noun()))
            .help(kind.help(path, wanted))
    })
}

/// What is wrong with a JSON document, in plain words and with the place.
#[must_use]
pub fn json_fault(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let place = if error.line() > 0 {
        format!(" (line {}, column {})", error.line(), error.column())
    } else {
        String::new()
    };
    let text = error.to_string();
    let named = |start: &str| text.strip_prefix(start).and_then(|rest| rest.split('`').next());
    match (error.classify(), named("missing field `"), named("unknown field `")) {
        (Category::Io, ..) => "it cannot be read".to_owned(),
        (Category::Eof, ..) => "it ends too early".to_owned(),
        (Category::Syntax, ..) => format!("it is not JSON{place}"),
        (Category::Data, Some(field), _) => {
            format!("the field `{}` is missing{place}", shortened(field, MAX_NAME))
        }
        (Category::Data, _, Some(field)) => {
            format!("the field `{}` is not known{place}", shortened(field, MAX_NAME))
        }
        (Category::Data, None, None) => {
            format!("a value has the wrong type{place}")
        }
    }
}

/// Most bytes of a name that are shown.
const MAX_NAME: usize = 200;

/// JSON of no kind that simlab knows.
const JSON: &str = "a JSON file";

fn kind(bytes: &[u8]) -> Option<Kind> {
    if let Some(kind) = binary(bytes) {
        return Some(kind);
    }
    // The head is enough, and a character may be cut at its end.
    let head = head(bytes, 1 << 16);
    let whole = head.len() == bytes.len();
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(head.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return head.contains(&0).then(|| Kind::Foreign("a binary file".to_owned())),
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.contains('\0') {
        return Some(Kind::Foreign("a binary file".to_owned()));
    }
    json(text, bytes, whole).or_else(|| ron(text)).or_else(|| other_text(text))
}

/// The first bytes, at most so many.
fn head(bytes: &[u8], most: usize) -> &[u8] {
    bytes.get(..most).unwrap_or(bytes)
}

/// Files of data that no command takes: where their mark stands, the mark, and the name.
const OTHER_DATA: [(usize, &[u8], &str); 9] = [
    (0, b"Obj\x01", "an Avro file"),
    (0, b"ORC", "an ORC file"),
    (0, b"FEA1", "a Feather file of version 1"),
    (0, b"\x93NUMPY", "a file of NumPy"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (0, b"\x80\x04\x95", "a pickle of Python"),
    (0, b"\x80\x05\x95", "a pickle of Python"),
    (0, b"$FL2", "an SPSS file"),
    (8, b"DUCK", "a DuckDB database"),
];

/// A kind that the first bytes tell.
fn binary(bytes: &[u8]) -> Option<Kind> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Some(Kind::Foreign("a text in UTF-16 (save it as UTF-8)".to_owned()));
    }
    // Parquet ends with its mark, too, but an interrupted copy does not.
    if bytes.starts_with(b"PAR1") {
        return Some(Kind::Table("a Parquet file"));
    }
    if bytes.starts_with(b"ARROW1\0\0") || bytes.starts_with(&[0xff; 4]) {
        return Some(Kind::Table("an Arrow file"));
    }
    // Short marks such as "BM" and "MZ" also begin words.
    let head = head(bytes, 512);
    let readable =
        std::str::from_utf8(head).map_or_else(|error| error.error_len().is_none(), |_| true);
    let control = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    if readable && !head.iter().any(control) && !head.starts_with(b"%PDF") {
        return None;
    }
    let others = OTHER_DATA
        .iter()
        .find(|(at, mark, _)| bytes.get(*at..).is_some_and(|rest| rest.starts_with(mark)));
    if let Some((.., name)) = others {
        return Some(Kind::Foreign(format!("{name} (export it as CSV or Parquet)")));
    }
    let found = infer::get(bytes)?;
    Some(match (found.mime_type(), found.matcher_type()) {
        ("application/gzip", _) => Kind::Packed { name: "a gzip archive", with: "gunzip --keep" },
        ("application/zip", _) => Kind::Packed { name: "a zip archive", with: "unzip" },
        ("application/zstd", _) => Kind::Packed { name: "a zstd archive", with: "unzstd" },
        ("application/x-bzip2", _) => {
            Kind::Packed { name: "a bzip2 archive", with: "bunzip2 --keep" }
        }
        ("application/x-xz", _) => Kind::Packed { name: "an xz archive", with: "unxz --keep" },
        ("application/pdf", _) => Kind::Foreign("a PDF document".to_owned()),
        ("text/x-shellscript", _) => Kind::Foreign("a script".to_owned()),
        ("text/html", _) => Kind::Foreign("an HTML page".to_owned()),
        ("text/xml", _) => Kind::Foreign("an XML file".to_owned()),
        (mime, infer::MatcherType::Text) => Kind::Foreign(format!("a file of type {mime}")),
        (
            "application/x-executable"
            | "application/vnd.microsoft.portable-executable"
            | "application/x-mach-binary",
            _,
        ) => Kind::Foreign("an executable".to_owned()),
        (
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
            | "application/vnd.ms-excel",
            _,
        ) => Kind::Foreign("a spreadsheet".to_owned()),
        ("application/vnd.sqlite3", _) => Kind::Foreign("an SQLite database".to_owned()),
        (_, infer::MatcherType::Image) => {
            Kind::Foreign(format!("an image ({})", found.extension()))
        }
        (mime, _) => Kind::Foreign(format!("a file of type {mime}")),
    })
}

/// JSON, or JSON lines; whose they are, the schema or the fields tell.
fn json(text: &str, bytes: &[u8], whole: bool) -> Option<Kind> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    // A document that goes on beyond the head is read whole; of lines the first is enough.
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let first = match values.next()? {
        Ok(value) => value,
        Err(error) if error.is_eof() && !whole => {
            serde_json::Deserializer::from_slice(bytes).into_iter::<Value>().next()?.ok()?
        }
        Err(_) => return None,
    };
    let schema = first.get("schema").and_then(Value::as_str).unwrap_or_default();
    let has = |value: &Value, keys: &[&str]| keys.iter().all(|key| value.get(key).is_some());
    let event =
        if let Value::Array(all) = &first { all.first().unwrap_or(&Value::Null) } else { &first };
    Some(match schema.split('/').next().unwrap_or_default() {
        "simlab.report" => Kind::Report,
        "simlab.power-part" => Kind::Replications,
        "simlab.power" => Kind::Foreign("a printed power analysis (JSON)".to_owned()),
        "simlab.recording" => Kind::Recording,
        _ if first.get("run").is_some_and(|run| run.get("schema").is_some()) => Kind::Recording,
        _ if has(event, &["kind", "creationDate"]) => Kind::Events,
        _ if has(&first, &["user", "caller", "asked"]) => Kind::Transcript,
        _ if first.get("$schema").is_some() => Kind::Foreign("a JSON schema".to_owned()),
        // RON begins a list so, too.
        _ if first.as_array().is_some_and(|all| !all.iter().all(Value::is_object)) => return None,
        _ => Kind::Foreign(JSON.to_owned()),
    })
}

/// The lines that say something: without blank ones and comments.
fn lines<'t>(text: &'t str, comment: &'t str) -> impl Iterator<Item = &'t str> {
    text.lines().map(str::trim_end).filter(move |line| {
        !line.trim_start().is_empty() && !line.trim_start().starts_with(comment)
    })
}

/// RON of ours: which, the fields tell.
fn ron(text: &str) -> Option<Kind> {
    let mut lines = lines(text, "//").peekable();
    if !lines.peek()?.starts_with('(') {
        return None;
    }
    let fields: Vec<&str> = lines
        .flat_map(|line| line.split([',', '(', '{']))
        .filter_map(|part| part.split_once(':'))
        .map(|(name, _)| name.trim())
        .collect();
    let has = |name: &str| fields.contains(&name);
    match (has("exposures") && (has("conversions") || has("standard_error")), has("config")) {
        (true, _) => Some(Kind::Statistics),
        (false, true) if has("split") || has("traffic") || has("models") => Some(Kind::Scenario),
        _ => None,
    }
}

/// Other kinds of text: tables, YAML, TOML, pages.
fn other_text(text: &str) -> Option<Kind> {
    let foreign = |name: &str| Some(Kind::Foreign(name.to_owned()));
    let start = text.trim_start();
    if start.starts_with("#!") {
        return foreign("a script");
    }
    if start.starts_with('<') {
        return foreign(if start.to_lowercase().contains("<html") {
            "an HTML page"
        } else {
            "an XML file"
        });
    }
    if start.starts_with("# ")
        && lines(text, "#").next().is_some_and(|line| !line.contains([':', '=', ',']))
    {
        return foreign("a Markdown text");
    }
    let said: Vec<&str> = lines(text, "#").take(20).collect();
    let name = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || " _-.\"'$".contains(c))
    };
    let before = |line: &str, mark: char| {
        line.split_once(mark).is_some_and(|(key, _)| name(key.trim().trim_start_matches("- ")))
    };
    let first = said.first()?;
    if *first == "---"
        || (!first.ends_with(',')
            && before(first, ':')
            && said.iter().all(|line| !line.contains('(')))
    {
        return foreign("a YAML file");
    }
    if (first.starts_with('[') && first.ends_with(']') && name(first.trim_matches(['[', ']'])))
        || before(first, '=')
    {
        return foreign("a TOML file");
    }
    let table = |mark: char| {
        let columns = first.matches(mark).count();
        columns > 0
            && said.iter().all(|line| line.matches(mark).count() >= columns)
            && !first.contains(['(', '{', '['])
    };
    [(',', "a CSV table"), ('\t', "a TSV table"), (';', "a CSV table"), ('|', "a table")]
        .iter()
        .find(|(mark, _)| table(*mark))
        .map(|(_, name)| Kind::Table(name))
}

/// Whether the first bytes of a text are a table's: a line with the names of columns, and lines
/// with as many cells.
#[must_use]
pub fn is_table(head: &[u8]) -> bool {
    matches!(kind(head), Some(Kind::Table(_)))
}
