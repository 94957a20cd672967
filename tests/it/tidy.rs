//! The architecture as a test: the order of rooms, the wall, the doors, the size of files.

use std::fs;
use std::path::{Path, PathBuf};

/// Every Rust file below `src`, with its text.
fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
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

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The rooms, in the order of `lib.rs`.
fn rooms() -> Vec<String> {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    text.lines().filter_map(|line| Some(line.strip_prefix("pub mod ")?.strip_suffix(';')?.to_owned())).collect()
}

/// The room that a file belongs to.
fn room(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The rooms that a file's code names as `crate::room`.
fn named(text: &str) -> Vec<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    code.split("crate::").skip(1).map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()).collect()
}

#[test]
fn a_room_uses_only_rooms_above_it() {
    let rooms = rooms();
    let place = |room: &str| rooms.iter().position(|r| r == room);
    for (path, text) in sources() {
        let Some(own) = place(&room(&path)) else { continue };
        for used in named(&text).iter().filter_map(|name| place(name)) {
            assert!(used <= own, "{} uses `{}`, which stands below it", path.display(), rooms[used]);
        }
    }
}

#[test]
fn the_analyst_never_meets_the_simulator() {
    for (path, text) in sources() {
        if ["metrics", "analysis", "verdict", "report"].contains(&room(&path).as_str()) {
            for name in named(&text) {
                let beyond = ["knowledge", "flags", "llm", "traffic", "agents", "judge", "sim", "scenario", "run", "serve"];
                assert!(!beyond.contains(&name.as_str()), "{} uses `{name}`", path.display());
            }
        }
    }
}

#[test]
fn what_the_architecture_forbids_is_absent() {
    /// A phrase, and the only rooms or files that may hold it.
    const ABSENT: [(&str, &[&str]); 10] = [
        ("Instant::now", &["time.rs"]),
        ("SystemTime", &["time.rs"]),
        ("ChaCha", &["random.rs"]),
        ("println!", &["cli"]),
        ("std::fs", &["scenario", "cli", "live", "state.rs"]),
        ("reqwest", &["live"]),
        ("HashMap", &[]),
        ("HashSet", &[]),
        ("thread_rng", &[]),
        ("TcpListener", &["serve"]),
    ];
    for (path, text) in sources() {
        // The rules speak of what is shipped: tests stand at the end of a file, or in files of their own.
        let shipped = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let file = path.file_name().unwrap().to_str().unwrap();
        if ["tests.rs", "laws.rs", "studies.rs", "published.rs", "tutorial.rs", "error_rates.rs"].contains(&file) {
            continue;
        }
        for (phrase, allowed) in ABSENT {
            let code = shipped.lines().filter(|line| !line.trim_start().starts_with("//"));
            let at_home = allowed.iter().any(|home| *home == file || *home == room(&path));
            assert!(at_home || code.clone().all(|line| !line.contains(phrase)), "{} holds `{phrase}`", path.display());
        }
    }
}

#[test]
fn every_file_says_what_it_is_and_stays_small() {
    for (path, text) in sources() {
        assert!(text.starts_with("//!"), "{} does not open with what it is for", path.display());
        let lines = text.lines().count();
        assert!(lines <= 500, "{} has {lines} lines: split it", path.display());
        if path.file_name().is_some_and(|name| name == "mod.rs") {
            let code = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
            for line in code {
                let door = ["mod ", "pub mod ", "pub use ", "pub(crate) use ", "pub(crate) mod ", "pub(super) use ", "#[", "use "]
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
