//! Reading a scenario: from a path or a name to its meaning.
//!
//! Promises: no panic, whatever the file: not UTF-8, empty, huge, a folder, deeply nested. Only this file of the room
//! touches the disk.
//!
//! Does not know: what a scenario means; `resolve` does.

use std::fs;
use std::path::Path;

use super::library::LIBRARY;
use super::model::Scenario;
use super::resolve::resolve;
use super::source::Source as Written;
use super::spanned::within;
use crate::diagnostic::{Diagnostic, Source, nearest};
use crate::knowledge::{KnowledgeBase, REINFORCEMENT_LEARNING};

/// Largest scenario file, in bytes.
const MOST_BYTES: u64 = 1 << 20;
/// Deepest nesting of brackets.
const MOST_DEPTH: usize = 64;
/// Fewest topics that a knowledge base has to give, as the tutorial asks of its model.
const LEAST_TOPICS: usize = 20;

/// A scenario and the text that it was read from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Its meaning.
    pub scenario: Scenario,
    /// Its text.
    pub source: Source,
}

/// The dialect of RON in which scenarios are written.
pub fn options() -> ron::Options {
    use ron::extensions::Extensions;
    ron::Options::default()
        .with_default_extension(Extensions::IMPLICIT_SOME)
        .with_default_extension(Extensions::UNWRAP_NEWTYPES)
        .with_recursion_limit(MOST_DEPTH * 2)
}

/// Reads a scenario: a file, or the name of a built-in one.
///
/// # Errors
/// All faults of the file.
pub fn load(path_or_name: &str) -> Result<Loaded, Vec<Diagnostic>> {
    let path = Path::new(path_or_name);
    if !path.exists() {
        if let Some(built_in) = LIBRARY.iter().find(|built_in| built_in.name == path_or_name) {
            let source = Source::new(format!("{}.ron (built in)", built_in.name), built_in.text);
            return parse(built_in.name, source, Path::new("."));
        }
        let near = nearest(path_or_name, LIBRARY.iter().map(|built_in| built_in.name));
        let help =
            near.map_or_else(|| "`simlab list` shows the scenarios that are built in".to_owned(), |near| format!("did you mean `{near}`?"));
        return Err(vec![Diagnostic::new(format!("no file and no built-in scenario is called `{path_or_name}`")).help(help)]);
    }
    let text = read(path).map_err(|fault| vec![fault])?;
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    parse(&name, Source::new(path_or_name, text), folder)
}

/// The text of a file, or why it cannot be read.
fn read(path: &Path) -> Result<String, Diagnostic> {
    let shown = path.display();
    let fault = |what: String, help: &str| Diagnostic::new(what).help(help);
    let metadata =
        fs::metadata(path).map_err(|error| fault(format!("`{shown}` cannot be read: {error}"), "check the path and its permissions"))?;
    if metadata.is_dir() {
        return Err(fault(format!("`{shown}` is a folder"), "name a scenario file in it, such as scenarios/security.ron"));
    }
    if metadata.len() > MOST_BYTES {
        return Err(fault(
            format!("`{shown}` is {} bytes long, more than the {MOST_BYTES} that a scenario may have", metadata.len()),
            "is this the right file?",
        ));
    }
    let bytes =
        fs::read(path).map_err(|error| fault(format!("`{shown}` cannot be read: {error}"), "check the path and its permissions"))?;
    String::from_utf8(bytes).map_err(|error| {
        fault(
            format!("`{shown}` is not UTF-8 text: byte {} is not part of a character", error.utf8_error().valid_up_to()),
            "save the file as UTF-8",
        )
    })
}

/// Reads a scenario's text. A knowledge folder is looked for beside it, in `folder`.
///
/// # Errors
/// All faults of the text.
pub fn parse(name: &str, source: Source, folder: &Path) -> Result<Loaded, Vec<Diagnostic>> {
    let text = &*source.text;
    if text.trim().is_empty() {
        return Err(vec![
            Diagnostic::new(format!("`{}` is empty", source.name)).help("`simlab new security my.ron` writes a scenario to start from"),
        ]);
    }
    if let Some(at) = too_deep(text) {
        return Err(vec![Diagnostic::new(format!("brackets are nested more than {MOST_DEPTH} deep")).at(&source, at..at + 1, "here")]);
    }
    let written: Written = within(text, |text| options().from_str(text)).map_err(|error| vec![shape(&error, &source)])?;
    let knowledge = knowledge(&written, &source, folder).map_err(|fault| vec![fault])?;
    let scenario = resolve(name, &written, &source, knowledge)?;
    Ok(Loaded { scenario, source })
}

/// Where brackets are nested too deep. Strings and comments may count too: nobody nests so deep by intent.
fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    text.bytes().position(|byte| {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > MOST_DEPTH
    })
}

/// The fault of a file that has not the shape of a scenario.
fn shape(error: &ron::error::SpannedError, source: &Source) -> Diagnostic {
    use ron::error::Error;
    let start = offset(&source.text, error.span.start.line, error.span.start.col);
    let end = offset(&source.text, error.span.end.line, error.span.end.col).max(start + 1);
    let unknown = |what: &str, found: &str, expected: &[&'static str]| {
        let near = nearest(found, expected.iter().copied());
        let help = near.map_or_else(|| format!("expected one of: {}", expected.join(", ")), |near| format!("did you mean `{near}`?"));
        // RON points behind the name; the name itself is what matters.
        let head = &source.text[..start.min(source.text.len())];
        let at = head.rfind(found).filter(|at| start - at <= found.len() + 2).unwrap_or(start);
        let span = if source.text.get(at..).is_some_and(|rest| rest.starts_with(found)) { at..at + found.len() } else { start..end };
        Diagnostic::new(format!("unknown {what} `{found}`")).at(source, span, format!("no {what} has this name here")).help(help)
    };
    match &error.code {
        Error::NoSuchStructField { expected, found, .. } => unknown("field", found, expected),
        Error::NoSuchEnumVariant { expected, found, .. } => unknown("variant", found, expected),
        Error::MissingStructField { field, .. } => {
            Diagnostic::new(format!("the field `{field}` is missing")).at(source, start..end, format!("`{field}` is needed in this block"))
        }
        Error::DuplicateStructField { field, .. } => {
            Diagnostic::new(format!("the field `{field}` is given twice")).at(source, start..end, "the second time")
        }
        Error::Message(message) => Diagnostic::new(message.clone()).at(source, start..end, "here"),
        code => {
            let text = code.to_string();
            let mut letters = text.chars();
            let message = letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect());
            Diagnostic::new(message).at(source, start..end, "here")
        }
    }
}

/// The byte offset of a line and column, both counted from 1; columns are characters.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
}

/// The knowledge base: the one that is built in, or a folder of Markdown files.
fn knowledge(written: &Written, source: &Source, folder: &Path) -> Result<KnowledgeBase, Diagnostic> {
    let Some(named) = &written.knowledge else {
        return KnowledgeBase::from_documents(&REINFORCEMENT_LEARNING).map_err(|error| Diagnostic::new(error.to_string()));
    };
    let fault = |message: String, help: &str| Diagnostic::new(message).at(source, named.span.clone(), "this folder").help(help);
    let path = folder.join(&named.value);
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        // The folder of the repository is built in, so a copied scenario runs anywhere.
        Err(_) if named.value.trim_end_matches('/').ends_with("knowledge/reinforcement-learning") => {
            return KnowledgeBase::from_documents(&REINFORCEMENT_LEARNING)
                .map_err(|error| fault(error.to_string(), "this base is built in"));
        }
        Err(error) => return Err(fault(format!("the knowledge base cannot be read: {error}"), "paths are relative to the scenario file")),
    };
    let mut paths: Vec<_> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.extension().is_some_and(|e| e == "md")).collect();
    paths.sort();
    let mut documents = Vec::new();
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let text = fs::read_to_string(&path)
            .map_err(|error| fault(format!("`{name}` cannot be read: {error}"), "every .md file of the folder is read as UTF-8"))?;
        documents.push((name, text));
    }
    let base = KnowledgeBase::from_documents(&documents)
        .map_err(|error| fault(error.to_string(), "put Markdown files with headings into the folder"))?;
    if base.n_topics() < LEAST_TOPICS {
        let n = base.n_topics();
        return Err(fault(
            format!("the knowledge base has {n} topics, at least {LEAST_TOPICS} are needed"),
            "a topic is a first-level heading, or a second-level one where these are few",
        ));
    }
    Ok(base)
}
