//! Reading a scenario: from a path or a name to its meaning.
//!
//! Guarantees: no panic and no endless wait, whatever the file: not UTF-8, empty, huge, a folder, a
//! device, deeply nested. Only this file of the room touches the disk.
//!
//! Does not know: what a scenario means; `resolve` does.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use super::app_form::{APP_FORMS, AppForm, parse_app_form};
use super::documents::Documents;
use super::faults::Faults;
use super::injected::{self, FaultRule};
use super::library::{LESSONS, LIBRARY, built_in};
use super::model::Scenario;
use super::questions;
use super::resolve::resolve;
use super::schema::schema;
use super::scripted::{AnswerScript, parse_answers};
use super::source::WrittenScenario as Written;
use super::spanned::{Misread, Spanned};
use super::{mend, shape, spanned, steps};
use crate::diagnostic::{Diagnostic, Mistakes, SourceText, Wanted, mistaken, nearest};
use crate::knowledge::{KnowledgeBase, ListedQuestion, REINFORCEMENT_LEARNING};

/// Largest scenario file, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// Largest knowledge base, in bytes: as many as a base takes.
const MAX_KNOWLEDGE: u64 = 8 << 20;
/// Largest file of questions, in bytes.
const MAX_QUESTIONS: u64 = 16 << 20;
/// The folder of the knowledge base that is built in, so that a copied scenario runs anywhere.
const BUILT_IN_KNOWLEDGE: &str = "knowledge/reinforcement-learning";

/// A scenario and the text that it was read from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Its meaning.
    pub scenario: Scenario,
    /// Its text.
    pub source: SourceText,
    /// The documents of the folder that it names as its knowledge base, unless that is built in, and
    /// its file of questions, by the name that the scenario gives it.
    pub documents: Vec<(String, String)>,
}

impl Scenario {
    /// Reads a scenario: a file, or the name of a built-in one, as `simlab list` shows them.
    ///
    /// # Errors
    /// All mistakes of the file, or that there is no such file.
    pub fn load(path_or_name: &str) -> Result<Self, Mistakes> {
        Ok(load(path_or_name)?.scenario)
    }

    /// Reads the text of a scenario, which is called `name` in reports and messages. A knowledge
    /// base that it names has to be built in.
    ///
    /// # Errors
    /// All mistakes of the text.
    pub fn parse(name: &str, text: &str) -> Result<Self, Mistakes> {
        Ok(parse(name, SourceText::new(name, text), &built_in_documents)?.scenario)
    }
}

impl Loaded {
    /// The scenario that another text makes with the same documents: this one's text, changed.
    ///
    /// # Errors
    /// All faults of the text.
    pub fn with_text(&self, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let name = &self.scenario.name;
        let source = SourceText::new(format!("{name}.ron"), text);
        parse(name, source, &|named| kept(&self.documents, named))
    }

    /// The files of its own that it names, by their paths beside the scenario, each with its text.
    /// A path that leads elsewhere (an absolute one, or one with `..`) is none of them.
    #[must_use]
    pub fn files(&self) -> Vec<(PathBuf, &str)> {
        let named = spanned::read::<Written>(&self.source.text).ok().and_then(|own| own.knowledge);
        let base = named.map(|named| named.value).unwrap_or_default();
        let path = |name: &str| {
            if markdown(name) { Path::new(&base).join(name) } else { PathBuf::from(name) }
        };
        let inside = |path: &Path| {
            path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
        };
        let files = self.documents.iter().map(|(name, text)| (path(name), text.as_str()));
        files.filter(|(path, _)| inside(path)).collect()
    }
}

/// Reads a scenario that was kept with its documents, as [`Loaded`] has them.
///
/// # Errors
/// All faults of the text.
pub fn parse_kept(
    name: &str,
    text: &str,
    documents: &[(String, String)],
) -> Result<Loaded, Vec<Diagnostic>> {
    parse(name, SourceText::new(format!("{name}.ron (recorded)"), text), &|named| {
        kept(documents, named)
    })
}

/// What a scenario names, out of documents that were kept with it.
fn kept(documents: &[(String, String)], named: &str) -> Documents {
    if let Some(questions) = documents.iter().find(|(name, _)| name == named) {
        return Ok(vec![questions.clone()]);
    }
    let base: Vec<_> = documents.iter().filter(|(name, _)| markdown(name)).cloned().collect();
    if base.is_empty() { built_in_documents(named) } else { Ok(base) }
}

/// Reads a scenario: a file, or the name of a built-in one.
///
/// # Errors
/// All faults of the file.
pub fn load(path_or_name: &str) -> Result<Loaded, Vec<Diagnostic>> {
    let path = Path::new(path_or_name);
    if let Some(built_in) = built_in(path_or_name).filter(|_| !path.exists() || path.is_dir()) {
        let source = SourceText::new(format!("{}.ron (built in)", built_in.name), built_in.text);
        return parse(built_in.name, source, &built_in_documents);
    }
    if !path.exists() {
        let near =
            nearest(path_or_name, LIBRARY.iter().chain(LESSONS).map(|built_in| built_in.name));
        let help = near.map_or_else(
            || "`simlab list` shows the scenarios that are built in".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(vec![
            Diagnostic::new(format!("no file and no built-in scenario is called `{path_or_name}`"))
                .help(help),
        ]);
    }
    let text = read(path, Wanted::Scenario).map_err(|fault| vec![fault])?;
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let folder =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut loaded =
        parse(&name, SourceText::new(path_or_name, text), &|named| documents(folder, named))?;
    path_or_name.clone_into(&mut loaded.scenario.named_as);
    Ok(loaded)
}

/// Reads a scenario's text. `documents` gives the documents of a knowledge folder that it names, or
/// the one text of a file that it names.
///
/// # Errors
/// All faults of the text.
pub fn parse(
    name: &str,
    source: SourceText,
    documents: &dyn Fn(&str) -> Documents,
) -> Result<Loaded, Vec<Diagnostic>> {
    if source.text.trim().is_empty() {
        return Err(vec![
            Diagnostic::new(format!("`{}` is empty", source.name))
                .help("`simlab new security my.ron` writes a scenario to start from"),
        ]);
    }
    let mut written: Written = match spanned::read(&source.text) {
        Ok(written) => written,
        Err(_)
            if let Some(fault) =
                mistaken(&source.name, source.text.as_bytes(), Wanted::Scenario) =>
        {
            return Err(vec![fault]);
        }
        Err(misread) => {
            return Err(mend::faults(&misread, &source, &schema(), &|mended| {
                meaning_faults(name, mended, documents)
            }));
        }
    };
    if let Some(graph) = &mut written.graph {
        steps::put_last(graph);
    }
    let mut faults = Faults::new(&source);
    let kept = std::cell::RefCell::new(Vec::new());
    let noted = |named: &str| {
        let found = documents(named)?;
        if built_in_documents(named).ok().as_ref() != Some(&found) {
            kept.borrow_mut().extend(found.iter().cloned());
        }
        Ok(found)
    };
    let named = written.knowledge.as_ref().map(|named| knowledge(named, &noted, &mut faults));
    let listed = questions::questions(&written, &noted, &mut faults);
    // Reading the built-in base takes a while, so it comes last.
    let knowledge = || {
        let base =
            named.unwrap_or_else(|| KnowledgeBase::from_documents(&REINFORCEMENT_LEARNING).ok())?;
        let listed = listed
            .into_iter()
            .map(|(text, notes)| ListedQuestion::new(&text, notes, base.topic_of(&text)));
        let listed = listed.collect();
        Some(base.with_questions(listed))
    };
    let digest = digest(&source.text, &kept.borrow());
    let resolved = resolve(name, digest, &written, knowledge, &mut faults);
    match (resolved, faults.finish()) {
        (Some(scenario), found) if found.is_empty() => {
            Ok(Loaded { scenario, source, documents: kept.take() })
        }
        (_, found) => Err(found),
    }
}

/// A digest of the scenario's text and of the files of its own that it names.
fn digest(text: &str, documents: &[(String, String)]) -> String {
    let mut digest = xxhash_rust::xxh3::Xxh3::new();
    digest.update(text.as_bytes());
    for part in documents.iter().flat_map(|(name, text)| [name, text]) {
        digest.update(&(part.len() as u64).to_le_bytes());
        digest.update(part.as_bytes());
    }
    format!("{:032x}", digest.digest128())
}

/// What is wrong with the names and sums of a text whose shape was mended.
fn meaning_faults(
    name: &str,
    source: SourceText,
    documents: &dyn Fn(&str) -> Documents,
) -> Result<Vec<Diagnostic>, Misread> {
    spanned::read::<Written>(&source.text)?;
    Ok(parse(name, source, documents).err().unwrap_or_default())
}

/// Reads a file of faults for `serve`: a list of rules, in the dialect of scenarios.
///
/// # Errors
/// All faults of the file.
pub fn load_faults(path: &Path) -> Result<Vec<FaultRule>, Vec<Diagnostic>> {
    if !path.exists() {
        return Err(vec![
            Diagnostic::new(format!("there is no file `{}`", path.display()))
                .help("check the path"),
        ]);
    }
    let text = read(path, Wanted::Faults).map_err(|fault| vec![fault])?;
    parse_faults(&SourceText::new(path.display().to_string(), text))
}

/// Reads the text of such a file.
///
/// # Errors
/// All faults of the text.
pub fn parse_faults(source: &SourceText) -> Result<Vec<FaultRule>, Vec<Diagnostic>> {
    let written: Vec<injected::WrittenFault> = spanned::read(&source.text).map_err(|misread| {
        if let Some(fault) = mistaken(&source.name, source.text.as_bytes(), Wanted::Faults) {
            return vec![fault];
        }
        let fault = shape::fault(&misread, source);
        let help = "a file of faults is a list: [(fault: \"rate_limited\", on: [\"anthropic\"], rate: 0.1)]";
        vec![if fault.help.is_some() { fault } else { fault.help(help) }]
    })?;
    let mut faults = Faults::new(source);
    let rules = injected::rules(&written, &mut faults);
    let found = faults.finish();
    if found.is_empty() { Ok(rules) } else { Err(found) }
}

/// Reads a file of scripted answers for `serve`, in RON or JSON.
///
/// # Errors
/// All mistakes of the file.
pub fn load_answers(path: &Path) -> Result<AnswerScript, Vec<Diagnostic>> {
    if !path.exists() {
        return Err(vec![
            Diagnostic::new(format!("there is no file `{}`", path.display()))
                .help("check the path"),
        ]);
    }
    let text = read(path, Wanted::Answers).map_err(|fault| vec![fault])?;
    let source = SourceText::new(path.display().to_string(), text);
    parse_answers(&source).map_err(|faults| {
        match mistaken(&source.name, source.text.as_bytes(), Wanted::Answers) {
            Some(fault) => vec![fault],
            None => faults,
        }
    })
}

/// Reads how an application is asked: the name of a built-in form, or a file in RON or JSON.
///
/// # Errors
/// All mistakes of the file.
pub fn load_app_form(name: &str) -> Result<AppForm, Vec<Diagnostic>> {
    if let Some(form) = APP_FORMS.iter().find(|form| form.name == name) {
        return parse_app_form(&SourceText::new(form.name, form.text.to_owned()));
    }
    let path = Path::new(name);
    if !path.exists() {
        let known: Vec<&str> = APP_FORMS.iter().map(|form| form.name).collect();
        let help = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("name a file, or one of: {}", known.join(", ")),
        };
        let message = format!("there is neither a file nor a built-in form `{name}`");
        return Err(vec![Diagnostic::new(message).help(help)]);
    }
    let text = read(path, Wanted::AppForm).map_err(|fault| vec![fault])?;
    let source = SourceText::new(path.display().to_string(), text);
    parse_app_form(&source).map_err(|faults| {
        match mistaken(&source.name, source.text.as_bytes(), Wanted::AppForm) {
            Some(fault) => vec![fault],
            None => faults,
        }
    })
}

/// The knowledge base of the documents that the file names; `None` after a fault.
fn knowledge(
    named: &Spanned<String>,
    documents: &dyn Fn(&str) -> Documents,
    faults: &mut Faults<'_>,
) -> Option<KnowledgeBase> {
    let mut fault = |message: String, help: &str| {
        faults.add(message, &named.span, "this folder", Some(help.to_owned()));
        None
    };
    let documents = match documents(&named.value) {
        Ok(documents) if documents.iter().any(|(name, _)| *name == named.value) => {
            return fault(
                format!("`{}` is a file, not a folder of Markdown files", named.value),
                "a file of questions goes to `questions`",
            );
        }
        Ok(documents) => documents,
        Err(reason) => {
            return fault(
                format!("the knowledge base cannot be read: {reason}"),
                "the folder is relative to the scenario file",
            );
        }
    };
    match KnowledgeBase::from_documents(&documents) {
        Err(error) => {
            fault(error.to_string(), "put Markdown files (.md) with headings into the folder")
        }
        Ok(base) => Some(base),
    }
}

/// The documents that are built in, for a text without a folder of its own.
fn built_in_documents(named: &str) -> Documents {
    if named.trim_end_matches('/') == BUILT_IN_KNOWLEDGE {
        Ok(REINFORCEMENT_LEARNING.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec())
    } else {
        Err(format!("only `{BUILT_IN_KNOWLEDGE}` is built in"))
    }
}

/// Whether a file of this name is a document of a knowledge base.
fn markdown(name: impl AsRef<Path>) -> bool {
    name.as_ref().extension().is_some_and(|ending| ending == "md")
}

/// The Markdown files of a folder, by name; of a path to a file its one text, by the path.
fn documents(folder: &Path, named: &str) -> Documents {
    let path = folder.join(named);
    if path.is_file() && !markdown(named) {
        let bytes = at_most(&path, MAX_QUESTIONS).map_err(|error| error.to_string())?;
        let bytes =
            bytes.ok_or_else(|| format!("it is larger than {} MiB", MAX_QUESTIONS >> 20))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            format!("it is not UTF-8 text: byte {at} is not part of a character")
        })?;
        return Ok(vec![(named.to_owned(), text)]);
    }
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return built_in_documents(named).map_err(|_| {
                let kind = if path.extension().is_some() { "file" } else { "folder" };
                format!("there is no {kind} `{}`", path.display())
            });
        }
        Err(error) => return Err(error.to_string()),
    };
    let mut paths: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| markdown(path) && path.is_file())
        .collect();
    paths.sort();
    let mut documents = Vec::new();
    let mut left = MAX_KNOWLEDGE;
    for path in paths {
        let name =
            path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let bytes = at_most(&path, left).map_err(|error| format!("`{name}`: {error}"))?;
        let bytes =
            bytes.ok_or_else(|| format!("it is larger than {} MiB", MAX_KNOWLEDGE >> 20))?;
        left -= bytes.len() as u64;
        documents.push((
            name.clone(),
            String::from_utf8(bytes).map_err(|_| format!("`{name}` is not UTF-8 text"))?,
        ));
    }
    Ok(documents)
}

/// The bytes of a file; `None` if there are more than `most`. A device may be endless, so its size
/// is not asked for.
fn at_most(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}

/// The text of a file, or why it cannot be read.
fn read(path: &Path, wanted: Wanted) -> Result<String, Diagnostic> {
    let shown = path.display();
    let fault = |what: String, help: &str| Diagnostic::new(what).help(help);
    if path.is_dir() {
        return Err(fault(
            format!("`{shown}` is a folder"),
            "name a scenario file in it, such as scenarios/security.ron",
        ));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(
        |error| {
            fault(
                format!("`{shown}` cannot be read: {error}"),
                "check the path and its permissions",
            )
        },
    )?;
    let other = |fault: Diagnostic| mistaken(&shown.to_string(), &bytes, wanted).unwrap_or(fault);
    if bytes.len() as u64 > MAX_BYTES {
        let long = format!("`{shown}` is longer than the {MAX_BYTES} bytes of a scenario");
        return Err(other(fault(long, "is this the right file?")));
    }
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let unreadable = format!(
            "`{shown}` is not UTF-8 text: byte {} is not part of a character",
            error.valid_up_to()
        );
        other(fault(unreadable, "save the file as UTF-8"))
    })?;
    // Some editors open a file with a byte order mark.
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned())
}
