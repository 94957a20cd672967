//! Rules for the code as text: the order of rooms, the wall, the size of files, unique names, no
//! dead entries in lists.
//!
//! `architecture.rs` compares the code with the sentences of `src/lib.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use simlab::llm::wire::PROVIDERS;

/// Every Rust file below `src`, with its text.
pub fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        let mut entries: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push((path.clone(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join("src"), &mut found);
    found
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The rooms, in the order of `lib.rs`.
pub fn rooms() -> Vec<String> {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    text.lines()
        .filter_map(|line| Some(line.strip_prefix("pub mod ")?.strip_suffix(';')?.to_owned()))
        .collect()
}

/// The room that a file belongs to.
pub fn room(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// A file's text without comments.
pub fn code(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The files that are part of the program, each with its code: without comments, and without
/// modules that only tests have.
pub fn shipped() -> Vec<(PathBuf, String)> {
    const OF_TESTS: &str = "#[cfg(test)]\n";
    let all = sources();
    let mut only_tests = Vec::new();
    for (path, text) in &all {
        let folder = match path.file_stem().and_then(|stem| stem.to_str()) {
            Some("mod" | "lib" | "main") => path.parent().unwrap().to_owned(),
            _ => path.with_extension(""),
        };
        for rest in text.split(OF_TESTS).skip(1) {
            let line = rest.lines().next().unwrap_or_default();
            if let Some(name) = line.split("mod ").nth(1).and_then(|name| name.strip_suffix(';')) {
                only_tests.push(folder.join(name));
            }
        }
    }
    let shipped = all.into_iter().filter(|(path, _)| {
        let whole = path.with_extension("");
        !only_tests.iter().any(|test| whole.starts_with(test))
    });
    // A module of tests that is written out stands at the end of its file.
    shipped
        .map(|(path, text)| (path, code(text.split("#[cfg(test)]\nmod tests {").next().unwrap())))
        .collect()
}

/// The rooms that a file's code names as `crate::room`.
pub fn named(text: &str) -> Vec<String> {
    code(text)
        .split("crate::")
        .skip(1)
        .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
        .collect()
}

#[test]
fn a_room_uses_only_rooms_above_it() {
    let rooms = rooms();
    let place = |room: &str| rooms.iter().position(|r| r == room);
    for (path, text) in sources() {
        let Some(own) = place(&room(&path)) else { continue };
        for used in named(&text).iter().filter_map(|name| place(name)) {
            assert!(
                used <= own,
                "{} uses `{}`, which stands below it",
                path.display(),
                rooms[used]
            );
        }
    }
}

#[test]
fn the_analyst_never_meets_the_simulator() {
    for (path, text) in sources() {
        if ["metrics", "analysis", "verdict", "report"].contains(&room(&path).as_str()) {
            for name in named(&text) {
                let beyond = [
                    "knowledge",
                    "flags",
                    "llm",
                    "traffic",
                    "agents",
                    "judge",
                    "sim",
                    "scenario",
                    "run",
                    "serve",
                ];
                assert!(!beyond.contains(&name.as_str()), "{} uses `{name}`", path.display());
            }
        }
    }
}

#[test]
fn every_file_says_what_it_is_and_stays_small() {
    for (path, text) in sources() {
        assert!(text.starts_with("//!"), "{} does not open with what it is for", path.display());
        let lines = text.lines().count();
        assert!(lines <= 700, "{} has {lines} lines: split it", path.display());
        if path.file_name().is_some_and(|name| name == "mod.rs") {
            let code = text
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty() && !line.starts_with("//"));
            for line in code {
                let door = [
                    "mod ",
                    "pub mod ",
                    "pub use ",
                    "pub(crate) use ",
                    "pub(crate) mod ",
                    "pub(super) use ",
                    "pub static PROVIDERS",
                    "];",
                    "#[",
                    "use ",
                ]
                .iter()
                .any(|start| line.starts_with(start))
                    || line.ends_with(',')
                    || line.ends_with("};");
                assert!(door, "{}: `mod.rs` is a door, found `{line}`", path.display());
            }
        }
    }
}

#[test]
fn no_code_names_a_provider_outside_of_its_folder() {
    // What may: the table of providers, and the catalog with their models.
    const MAY: [&str; 3] =
        ["src/llm/wire/mod.rs", "src/scenario/catalog.rs", "src/scenario/catalog"];
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut folders = 0;
    for (path, code) in shipped() {
        let path = path.strip_prefix(root()).unwrap();
        if MAY.iter().any(|may| path.starts_with(may)) {
            continue;
        }
        for provider in PROVIDERS {
            if path.starts_with(format!("src/llm/wire/{}", provider.key)) {
                folders += 1;
                continue;
            }
            let constant = provider.key.to_uppercase();
            let (module, variant) =
                (format!("{}::", provider.key), format!("::{}", provider.variant));
            let whole =
                |name: &str| code.match_indices(name).any(|(at, _)| !code[..at].ends_with(is_word));
            let named = whole(&module)
                || code.contains(&variant)
                || [provider.key_variable, provider.base_variable]
                    .iter()
                    .any(|name| code.contains(name))
                || code.split(|c| !is_word(c)).any(|word| word == constant);
            assert!(!named, "{} names the provider {}", path.display(), provider.name);
        }
    }
    assert!(folders >= 3 * PROVIDERS.len(), "{folders}");
}

#[test]
fn every_planted_fault_fits_the_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut fitted = 0;
    for entry in fs::read_dir(root.join("tests/planted")).unwrap() {
        let patch = fs::read_to_string(entry.unwrap().path()).unwrap();
        let file = patch.lines().find_map(|line| line.strip_prefix("+++ b/")).unwrap();
        let code = fs::read_to_string(root.join(file)).unwrap();
        // The lines of a patch that have to be there: those that stay and those that go.
        for hunk in patch.split("\n@@ ").skip(1) {
            let lines = hunk.lines().skip(1).filter(|line| !line.starts_with('+'));
            let wanted: Vec<&str> = lines.map(|line| line.get(1..).unwrap_or_default()).collect();
            assert!(code.contains(&wanted.join("\n")), "{patch}");
            fitted += 1;
        }
    }
    assert!(fitted >= 8, "{fitted}");
}

/// The functions of a text whose body has both a digest and `Debug` output.
fn digests_of_debug_output(code: &str) -> Vec<&str> {
    const DIGESTS: [&str; 5] = ["Owner::of(", "xxh3_64", "xxh3_128", "Xxh3", "idempotency("];
    let functions = code.split("fn ").skip(1);
    let has = |function: &str, words: &[&str]| words.iter().any(|word| function.contains(word));
    functions
        .filter(|function| has(function, &DIGESTS) && has(function, &[":?}", ":#?}"]))
        .collect()
}

#[test]
fn no_identity_follows_from_debug_output() {
    // What names of types and fields must never change: ids, random draws, which faults hit.
    for (path, code) in shipped() {
        let found = digests_of_debug_output(&code);
        assert!(found.is_empty(), "{}: {}", path.display(), found[0]);
    }
    // As the code once had it.
    let once = "fn salt(rule: &Rule) -> u64 { let text = format!(\"{:?}\", rule.on); xxh3_64(text.as_bytes()) }";
    assert_eq!(digests_of_debug_output(once).len(), 1);
}

#[test]
fn every_purpose_of_a_random_draw_is_used() {
    let text = fs::read_to_string(root().join("src/random.rs")).unwrap();
    let list = text.split("pub enum Purpose {").nth(1).unwrap().split("\n}").next().unwrap();
    let list = code(list);
    let purposes: Vec<&str> =
        list.lines().filter_map(|line| Some(line.trim().split_once(" = ")?.0)).collect();
    assert!(purposes.len() >= 15, "{purposes:?}");
    let shipped: String = shipped().into_iter().map(|(_, code)| code).collect();
    for purpose in purposes {
        let used = shipped
            .split(&format!("Purpose::{purpose}"))
            .skip(1)
            .any(|rest| !rest.starts_with(char::is_alphanumeric));
        assert!(
            used,
            "nothing draws `Purpose::{purpose}`: remove it, and never give its number to another purpose"
        );
    }
}

#[test]
fn every_dependency_is_used() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut section = String::new();
    let shipped: String = shipped().into_iter().map(|(_, code)| code).collect();
    let mut seen = 0;
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line.to_owned();
        } else if section.ends_with("dependencies]") && !section.contains("dev-") {
            let Some((name, rest)) = line.split_once(" = ") else { continue };
            assert!(rest.contains(" # "), "Cargo.toml does not say what `{name}` is for");
            let name = name.replace('-', "_");
            // A path, a derive (`serde` is named in both ways), or a name that is brought in whole.
            let used = ["::", ";", ",", " as "]
                .iter()
                .any(|end| shipped.contains(&format!("{name}{end}")));
            assert!(used, "nothing in `src` uses `{name}`: remove it from Cargo.toml");
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn a_name_of_a_public_type_has_one_meaning() {
    let mut places: BTreeMap<String, BTreeSet<PathBuf>> = BTreeMap::new();
    for (path, code) in shipped() {
        for line in code
            .lines()
            .map(str::trim_start)
            .filter(|line| line.starts_with("pub ") || line.starts_with("pub("))
        {
            // `pub`, `pub(crate)` and `pub(in a::path)`.
            let item = line.strip_prefix("pub(").and_then(|rest| rest.split_once(')'));
            let item = item.map_or_else(|| line.trim_start_matches("pub "), |(_, item)| item);
            let mut words = item.split_whitespace();
            if words
                .next()
                .is_some_and(|kind| ["struct", "enum", "trait", "type", "union"].contains(&kind))
            {
                let name = words
                    .next()
                    .unwrap()
                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                    .next()
                    .unwrap();
                places
                    .entry(name.to_owned())
                    .or_default()
                    .insert(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    assert!(places.len() > 400, "{}", places.len());
    places.retain(|_, places| places.len() > 1);
    assert!(places.is_empty(), "names of several public types: {places:#?}");
}
