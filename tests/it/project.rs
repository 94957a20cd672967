//! The doors of the project: CONTRIBUTING names files that exist, the workflows are pinned, the
//! locks are complete, and the book has every page.

use std::collections::BTreeSet;
use std::fs;

use super::tidy::root;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The texts in backticks of a page, outside of its blocks.
fn in_backticks(page: &str) -> Vec<String> {
    let outside: String = page.split("```").step_by(2).collect();
    outside.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The version that a manifest or a workflow gives a field.
fn version(text: &str, field: &str) -> String {
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with(field))
        .unwrap_or_else(|| panic!("no `{field}`"));
    line.split('"').nth(1).unwrap().to_owned()
}

#[test]
fn contributing_has_its_recipes_and_names_files_that_exist() {
    let page = read("CONTRIBUTING.md");
    let recipes = [
        "statistic",
        "provider",
        "role",
        "section of the report",
        "lesson",
        "endpoint of LaunchDarkly's REST interface",
    ]
    .map(|what| format!("\n### A new {what}\n"));
    for recipe in recipes {
        let files = page
            .split(&recipe)
            .nth(1)
            .unwrap_or_else(|| panic!("no recipe {recipe:?}"))
            .split("\n#")
            .next()
            .unwrap();
        let files = in_backticks(files)
            .into_iter()
            .filter(|text| root().join(text).is_file())
            .collect::<BTreeSet<_>>();
        assert!(files.len() >= 3, "{recipe}: {files:?}");
    }
    let mut seen = 0;
    for text in in_backticks(&page) {
        let path = text.starts_with("src/")
            || ["tests/", "docs/", "scenarios/", ".ci/", ".github/", "examples/"]
                .iter()
                .any(|start| text.starts_with(start));
        if path && !text.contains(' ') {
            assert!(
                root().join(&text).exists(),
                "CONTRIBUTING.md names `{text}`, which does not exist"
            );
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn every_step_that_a_page_or_workflow_names_is_a_step_of_the_checks() {
    let script = read(".ci/run");
    let steps: Vec<String> = script
        .split("steps=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .split(' ')
        .map(str::to_owned)
        .collect();
    assert!(steps.len() >= 12, "{steps:?}");
    for step in &steps {
        assert!(script.contains(&format!("\n{step}() {{")), "the step {step} does nothing");
    }
    let mut named = BTreeSet::new();
    for file in ["CONTRIBUTING.md", ".github/workflows/ci.yml", ".github/workflows/newest.yml"] {
        let text = read(file);
        for call in text.split(".ci/run ").skip(1) {
            let call = call.split(['\n', '`']).next().unwrap().split('#').next().unwrap();
            for word in
                call.split_whitespace().filter(|word| !word.starts_with("--") && *word != "STEP")
            {
                assert!(steps.iter().any(|step| step == word), "{file}: `.ci/run {call}`");
                named.insert(word.to_owned());
            }
        }
    }
    // The hosted CI leaves no step out.
    let workflow = read(".github/workflows/ci.yml");
    for step in steps {
        let run = workflow.lines().any(|line| {
            line.contains(".ci/run ") && line.split_whitespace().any(|word| word == step)
        });
        assert!(run, "no job of ci.yml runs the step {step}");
    }
}

#[test]
fn the_workflows_use_actions_by_their_commit_and_one_toolchain() {
    let oldest = version(&read("Cargo.toml"), "rust-version");
    let mut actions = 0;
    for entry in fs::read_dir(root().join(".github/workflows")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for line in text
            .lines()
            .filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("uses: "))
        {
            let (commit, tag) = line
                .split_once('@')
                .unwrap()
                .1
                .split_once(" # ")
                .unwrap_or_else(|| panic!("{line}: no version"));
            assert!(
                commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit()),
                "{}: {line}",
                path.display()
            );
            assert!(tag.starts_with('v') && tag.split('.').count() == 3, "{line}");
            actions += 1;
        }
        if text.contains("TOOLCHAIN:") {
            // Clippy and rustfmt of a pinned toolchain are the same for everyone; it is never older
            // than what Cargo.toml promises.
            let numbers = |version: &str| {
                version.split('.').map(|part| part.parse().unwrap()).collect::<Vec<u32>>()
            };
            assert!(
                numbers(&version(&text, "TOOLCHAIN:")) >= numbers(&oldest),
                "{}",
                path.display()
            );
        }
    }
    assert!(actions >= 15, "{actions}");
    assert!(
        read("Containerfile").contains(&format!(
            "rust:{}",
            version(&read(".github/workflows/ci.yml"), "TOOLCHAIN:")
        ))
    );
}

#[test]
fn every_python_package_of_the_checks_is_locked_with_its_hashes() {
    for lock in ["clients", "tools"] {
        let locked = read(&format!(".ci/lock/{lock}.txt"));
        let packages: Vec<&str> = locked
            .lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_alphanumeric()))
            .collect();
        assert!(packages.len() > 20, "{lock}: {packages:?}");
        for package in &packages {
            assert!(
                package.contains("==") && package.ends_with('\\'),
                "{lock}: {package} has no exact version or no hash"
            );
        }
        for wanted in
            read(&format!(".ci/lock/{lock}.in")).lines().filter(|line| !line.starts_with('#'))
        {
            let name = wanted.split(['=', '[', ' ']).next().unwrap();
            let there = packages.iter().any(|package| {
                package.strip_prefix(name).is_some_and(|rest| rest.starts_with(['=', '[']))
            });
            assert!(there, "{lock}.txt lacks {name}: run .ci/lock/renew");
        }
    }
}

#[test]
fn the_book_has_every_page_of_docs_once() {
    let summary = read("docs/SUMMARY.md");
    let mut listed: Vec<String> = summary
        .split("](")
        .skip(1)
        .map(|rest| rest.split(')').next().unwrap().to_owned())
        .collect();
    listed.sort();
    let pages = fs::read_dir(root().join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut pages: Vec<String> =
        pages.filter(|name| name.ends_with(".md") && name != "SUMMARY.md").collect();
    pages.sort();
    assert_eq!(listed, pages);
    for page in pages {
        assert!(
            read(&format!("docs/{page}")).starts_with("# "),
            "docs/{page} does not begin with its title"
        );
    }
}
