//! No circles inside rooms: two files that use each other cannot be understood one at a time.
//!
//! `tidy.rs` holds the order of the rooms themselves. A file and the files of its own folder count
//! as one here.

use std::collections::{BTreeMap, BTreeSet};

use super::tidy::{root, shipped};

/// A module: the names from the crate down to it.
type Module = Vec<String>;

/// Pairs of files that use each other, from before the rule. Take a pair out of this list when it
/// is gone; put none in.
#[rustfmt::skip]
const KNOWN: &[(&str, &str)] = &[
    ("analysis/compare", "analysis/relative"),
    ("analysis/needed", "analysis/result"),
    ("cli/args", "cli/plan"),
    ("cli/journal", "cli/live"),
    ("course/found", "course/show"),
    ("flags/mock/account", "flags/mock/configs"),
    ("flags/mock/account", "flags/mock/experiments"),
    ("flags/mock/account", "flags/mock/library"),
    ("knowledge/base", "knowledge/prose"),
    ("knowledge/base", "knowledge/question"),
    ("knowledge/base", "knowledge/retrieval"),
    ("live/calibrate/fit", "live/calibrate/matching"),
    ("llm/model", "llm/tasks"),
    ("power/aggregate", "power/coverage"),
    ("power/aggregate", "power/part"),
    ("recorded/judged", "recorded/table"),
    ("report/data", "report/decided"),
    ("report/data", "report/expect"),
    ("report/data", "report/truth"),
    ("report/decided", "report/format"),
    ("run/population", "run/stage"),
    ("scenario/adaptive", "scenario/experiments"),
    ("scenario/inventory", "scenario/reference"),
    ("scenario/lesson", "scenario/source"),
    ("serve/invent/arrays", "serve/invent/rules"),
];

/// The module of each file, with its code.
fn modules() -> BTreeMap<Module, String> {
    let module = |path: &std::path::Path| {
        let inside = path.strip_prefix(root().join("src")).unwrap().with_extension("");
        let mut names: Module =
            inside.iter().map(|name| name.to_str().unwrap().to_owned()).collect();
        if names.last().is_some_and(|last| last == "mod") {
            names.pop();
        }
        names
    };
    let all = shipped().into_iter().map(|(path, code)| (module(&path), code));
    all.filter(|(module, _)| module != &["lib"] && module != &["main"]).collect()
}

/// The paths of a tree of `use`: `a::{b, c::d as e}` has `a::b` and `a::c::d`.
fn leaves(tree: &str) -> Vec<Module> {
    let names = |text: &str| {
        let text = text.split(" as ").next().unwrap();
        let names = text.split("::").map(str::trim).filter(|name| !name.is_empty());
        names.map(str::to_owned).collect::<Module>()
    };
    let Some((before, inside)) = tree.split_once('{') else { return vec![names(tree)] };
    let inside = &inside[..inside.rfind('}').unwrap_or(inside.len())];
    let mut depth = 0;
    let parts = inside.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    let own = names(before);
    parts
        .filter(|part| !part.trim().is_empty())
        .flat_map(leaves)
        .map(|leaf| own.iter().cloned().chain(leaf).collect())
        .collect()
}

/// The statements `use …;` of a file, each with what is before it on its line, and the rest.
fn statements(code: &str) -> (Vec<(&str, String)>, String) {
    let mut found = Vec::new();
    let mut rest = String::new();
    let mut left = code;
    while let Some(at) = left.find("use ") {
        let line = left[..at].rfind('\n').map_or(0, |end| end + 1);
        let before = left[line..at].trim();
        let starts = before.is_empty() || before == "pub" || before.starts_with("pub(");
        let end = left[at..].find(';').map_or(left.len(), |end| at + end);
        if starts {
            rest.push_str(&left[..line]);
            let tree = left[at + 4..end].split_whitespace().collect::<Vec<_>>().join(" ");
            found.push((before, tree));
            left = &left[end..];
        } else {
            rest.push_str(&left[..at + 4]);
            left = &left[at + 4..];
        }
    }
    rest.push_str(left);
    (found, rest)
}

/// A path as a module sees it, from the crate down; `None` for another crate's.
fn absolute(module: &Module, path: &Module, known: &BTreeMap<Module, String>) -> Option<Module> {
    match path.first()?.as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" | "super" => {
            let ups = path.iter().filter(|name| *name == "super").count();
            let names = path.iter().skip_while(|name| *name == "self" || *name == "super");
            let base = module[..module.len().checked_sub(ups)?].iter();
            Some(base.chain(names).cloned().collect())
        }
        _ => {
            let child: Module = module.iter().chain(path.first()).cloned().collect();
            let whole = || module.iter().chain(path).cloned().collect();
            known.contains_key(&child).then(whole)
        }
    }
}

/// The module in which a path ends, through what doors hand on.
fn home(
    path: &Module,
    known: &BTreeMap<Module, String>,
    doors: &Doors,
    left: u8,
) -> Option<Module> {
    let at = (1..=path.len()).rev().find(|&at| known.contains_key(&path[..at]))?;
    match path.get(..=at).and_then(|item| doors.get(item)) {
        Some(on) if left > 0 => {
            let on: Module = on.iter().chain(&path[at + 1..]).cloned().collect();
            home(&on, known, doors, left - 1)
        }
        _ => Some(path[..at].to_vec()),
    }
}

/// What is handed on under another module's name.
type Doors = BTreeMap<Module, Module>;

/// The modules of its own room that each module uses.
fn uses(known: &BTreeMap<Module, String>) -> BTreeMap<Module, BTreeSet<Module>> {
    let mut doors = Doors::new();
    let mut named: BTreeMap<&Module, Vec<Module>> = BTreeMap::new();
    for (module, code) in known {
        let (statements, rest) = statements(code);
        let own = named.entry(module).or_default();
        for (before, tree) in statements {
            for path in leaves(&tree).iter().filter_map(|leaf| absolute(module, leaf, known)) {
                if let (true, Some(name)) = (before.starts_with("pub"), path.last()) {
                    let item = module.iter().chain([name]).cloned().collect();
                    doors.insert(item, path.clone());
                }
                own.push(path);
            }
        }
        let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        for start in ["crate::", "super::", "self::"] {
            for (at, _) in rest.match_indices(start) {
                if !rest[..at].ends_with(is_name) {
                    let path = rest[at..].split(|c| !is_name(c)).next().unwrap();
                    own.extend(absolute(module, &leaves(path)[0], known));
                }
            }
        }
    }
    let of = |(module, paths): (&Module, Vec<Module>)| {
        let homes = paths.iter().filter_map(|path| home(path, known, &doors, 8));
        let inside = homes.filter(|home| home[0] == module[0] && home != module);
        (module.clone(), inside.collect())
    };
    named.into_iter().map(of).collect()
}

#[test]
fn no_two_files_of_a_room_use_each_other() {
    let known = modules();
    let uses = uses(&known);
    let edges: usize = uses.values().map(BTreeSet::len).sum();
    assert!(edges > 800, "{edges}");
    let name = |module: &Module| module.join("/");
    let mut circles = BTreeSet::new();
    for (module, used) in &uses {
        for other in used.iter().filter(|other| uses[*other].contains(module)) {
            // A file and its folder are one.
            if module < other && !other.starts_with(module) {
                circles.insert((name(module), name(other)));
            }
        }
    }
    let listed: BTreeSet<(String, String)> =
        KNOWN.iter().map(|(one, other)| ((*one).to_owned(), (*other).to_owned())).collect();
    let new: Vec<_> = circles.difference(&listed).collect();
    assert!(new.is_empty(), "these files use each other; move what both need below both: {new:?}");
    let gone: Vec<_> = listed.difference(&circles).collect();
    assert!(gone.is_empty(), "these are gone; take them out of the list: {gone:?}");
}

#[test]
fn a_path_leads_to_the_file_that_has_it() {
    let code = |module: &str, text: &str| {
        (module.split('/').map(str::to_owned).collect::<Module>(), text.to_owned())
    };
    let known = BTreeMap::from([
        code("room", "mod a;\npub use a::{One, deep::Two as Deep};\n"),
        code("room/a", "mod deep;\nuse crate::room::b::{self, f};\nuse std::fmt;\n"),
        code("room/a/deep", "fn g() { super::super::b::h(); super::k() }\n"),
        code("room/b", "use super::One;\npub fn h() { crate::other::x() }\n"),
        code("other", ""),
    ]);
    let uses = uses(&known);
    let of = |module: &str| {
        let module: Module = module.split('/').map(str::to_owned).collect();
        uses[&module].iter().map(|used| used.join("/")).collect::<Vec<_>>()
    };
    assert_eq!(of("room"), ["room/a", "room/a/deep"]);
    assert_eq!(of("room/a"), ["room/b"]);
    assert_eq!(of("room/a/deep"), ["room/a", "room/b"]);
    assert_eq!(of("room/b"), ["room/a"]);
}
