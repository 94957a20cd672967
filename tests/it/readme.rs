//! Every block of the README and of `docs` works when it is pasted as it stands, in one go, into a
//! fresh shell; every link leads somewhere.
//!
//! Nothing is built and nothing leaves this machine. Three things differ from a user's shell:
//! `cargo install` and its like do nothing, because the program is there already; the port is a
//! free one; and `simlab power` runs three small replications, whatever was asked.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use simlab::llm::chat::ChatRequest;
use simlab::llm::wire::PROVIDERS;

use super::program::folder;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// The port that the pages name.
const PORT: &str = "18765";

/// Stands in for `simlab`: three replications of few users are enough to see that a command works.
const SIMLAB: &str = r#"#!/bin/sh
[ "$1" = power ] || exec "$SIMLAB_PROGRAM" "$@"
shift
set -- "$@" --
small="--replications 3 --truth-users 200 --quiet"
users="--users 100"
while [ "$1" != -- ]; do
  case "$1" in
    --replications|--truth-users) shift ;;
    --merge) small=; users=; set -- "$@" "$1" ;;
    --target) users="--most-users 100"; set -- "$@" "$1" ;;
    --users) users=; set -- "$@" "$1" ;;
    *) set -- "$@" "$1" ;;
  esac
  shift
done
shift
exec "$SIMLAB_PROGRAM" power "$@" $small $users
"#;
/// Stands in for `cargo`: what it would build is there.
const CARGO: &str = "#!/bin/sh\ncase \"$1\" in install|test|run) exit 0 ;; *) exit 1 ;; esac\n";

/// The README, CONTRIBUTING and the pages of `docs` that are written by hand, with their paths.
fn pages() -> Vec<(PathBuf, String)> {
    let mut paths = vec![Path::new(ROOT).join("README.md")];
    let docs =
        fs::read_dir(Path::new(ROOT).join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut docs: Vec<PathBuf> =
        docs.filter(|path| path.extension().is_some_and(|kind| kind == "md")).collect();
    docs.retain(|path| {
        path.file_name().is_some_and(|name| name != "third-party.md" && name != "SUMMARY.md")
    });
    paths.push(Path::new(ROOT).join("CONTRIBUTING.md"));
    docs.sort();
    paths.extend(docs);
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// The blocks of a language, page after page.
fn blocks(language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let of_page = |text: &str| -> Vec<String> {
        text.split(&fence)
            .skip(1)
            .map(|rest| rest.split("\n```").next().unwrap().to_owned() + "\n")
            .collect()
    };
    // Blocks of CONTRIBUTING run in the sources, and some for an hour.
    pages()
        .iter()
        .filter(|(path, _)| !path.ends_with("CONTRIBUTING.md"))
        .flat_map(|(_, text)| of_page(text))
        .collect()
}

fn there(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn executable(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// The new files at the top of a folder.
fn made(place: &Path) -> Vec<String> {
    let names =
        fs::read_dir(place).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "scenarios").collect()
}

#[cfg(unix)]
#[test]
fn every_block_of_the_pages_works_when_it_is_pasted() {
    for program in ["bash", "curl", "python3"] {
        assert!(
            there(program),
            "this test needs {program}; leave it out with: cargo test -- --skip every_block_of_the_pages"
        );
    }
    let place = folder("readme");
    let tools = place.join("bin");
    fs::create_dir_all(&tools).unwrap();
    executable(&tools.join("simlab"), SIMLAB);
    executable(&tools.join("cargo"), CARGO);
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    let all = blocks("sh");
    assert!(all.len() >= 10, "{}", all.len());
    let mut written: BTreeMap<String, usize> = BTreeMap::new();
    for (nth, block) in all.iter().enumerate() {
        let own: PathBuf = place.join(format!("block-{nth}"));
        fs::create_dir_all(&own).unwrap();
        std::os::unix::fs::symlink(Path::new(ROOT).join("scenarios"), own.join("scenarios"))
            .unwrap();
        // Ports are given out in turn, so the next one comes long after this one.
        let port =
            TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        let said = own.join("said.log");
        let log = fs::File::create(&said).unwrap();
        // As an interactive shell, it goes on after a failure; here a failure of any line is one of
        // the block.
        let script = format!(
            "trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n{}",
            block.replace(PORT, &port)
        );
        let mut shell = Command::new("bash");
        shell.args(["-e", "-o", "pipefail", "-c", &script]).current_dir(&own);
        shell.envs([("PATH", path.as_str()), ("SIMLAB_PROGRAM", env!("CARGO_BIN_EXE_simlab"))]);
        // Nothing goes out, and nothing is kept from run to run.
        shell.envs([
            ("NO_PROXY", "127.0.0.1"),
            ("no_proxy", "127.0.0.1"),
            ("XDG_CACHE_HOME", own.to_str().unwrap()),
        ]);
        let status = shell
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .status()
            .unwrap();
        let mut text = String::new();
        fs::File::open(&said).unwrap().read_to_string(&mut text).unwrap();
        assert!(status.success(), "block {nth} failed:\n{block}\n{text}");
        fs::remove_file(&said).unwrap();
        // Pasted one after the other into one folder, a block must not meet a file that another one
        // wrote and that is not replaced.
        for name in made(&own)
            .into_iter()
            .filter(|name| name.ends_with(".ron") || name.starts_with("live-"))
        {
            if let Some(before) = written.insert(name.clone(), nth) {
                panic!("blocks {before} and {nth} both write {name}");
            }
        }
    }
}

#[test]
fn what_the_pages_show_of_python_is_python() {
    let hint = "this test needs python3; leave it out with: cargo test -- --skip what_the_pages_show_of_python";
    assert!(there("python3"), "{hint}");
    for block in blocks("python") {
        let read = Command::new("python3")
            .args(["-c", "import ast, sys; ast.parse(sys.argv[1])", &block])
            .status()
            .unwrap();
        assert!(read.success(), "{block}");
    }
}

#[test]
fn the_fault_that_the_readme_shows_is_the_one_that_is_shown() {
    let place = folder("readme-fault");
    let text = fs::read_to_string(Path::new(ROOT).join("scenarios/security.ron"))
        .unwrap()
        .replace("pii_percentage: 100", "pii_percentge: 100");
    fs::write(place.join("my.ron"), text).unwrap();
    let shown = super::program::simlab_in(&place, &["check", "my.ron"]).err;
    assert!(blocks("text").iter().any(|block| block.trim_end() == shown.trim_end()), "{shown}");
}

#[test]
fn every_link_of_the_pages_leads_to_a_file() {
    let mut followed = 0;
    for (path, text) in pages() {
        for link in text.split("](").skip(1).map(|rest| rest.split([')', '#']).next().unwrap()) {
            if !link.is_empty() && !link.contains("://") {
                assert!(path.parent().unwrap().join(link).exists(), "{}: {link}", path.display());
                followed += 1;
            }
        }
    }
    assert!(followed > 15, "{followed}");
}

/// The tables of `docs/course.md` stand between these lines.
const TABLES: [&str; 2] = ["<!-- simlab list --format markdown -->\n\n", "\n<!-- end -->\n"];

#[test]
fn the_course_page_has_the_lessons_and_scenarios_of_the_program() {
    let path = Path::new(ROOT).join("docs/course.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(TABLES[0]).unwrap();
    let (kept, after) = rest.split_once(TABLES[1]).unwrap();
    let printed = super::program::simlab(&["list", "--format", "markdown"]).well();
    if std::env::var_os("RENEW_TABLES").is_some() {
        fs::write(&path, [before, TABLES[0], &printed, TABLES[1], after].concat()).unwrap();
    } else {
        assert!(
            kept == printed,
            "the tables of docs/course.md are old; renew them: RENEW_TABLES=1 cargo test --test it course_page"
        );
    }
    let names: Vec<&str> = printed.lines().filter_map(|line| line.split('`').nth(1)).collect();
    let lessons: Vec<&str> = simlab::course::Course::files().iter().map(|file| file.name).collect();
    assert!(
        names.starts_with(&lessons)
            && names.len() == lessons.len() + simlab::scenario::LIBRARY.len(),
        "{names:?}"
    );
}

/// The table of the providers in `docs/app.md` stands between these lines.
const PROVIDER_TABLE: [&str; 2] = ["<!-- providers -->\n", "\n<!-- end -->\n"];

/// The table of the providers, as the program knows them.
fn table_of_providers() -> String {
    let mut table = String::from(
        "\n| provider | key | base address | its own base address | at `serve` | chats | embeddings |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for provider in PROVIDERS {
        let at_serve = [provider.mount, provider.base_path()].concat();
        let at_serve = if at_serve.is_empty() { "/".to_owned() } else { at_serve };
        let vectors = match (provider.api.embeddings(), provider.api.path_api()) {
            (Some(api), _) => format!("`{}`", api.path),
            (None, Some(api)) => api.embeds_at().to_owned(),
            (None, None) => "–".to_owned(),
        };
        table += &format!(
            "| {} | `{}` | `{}` | `{}` | `{at_serve}` | `{}` | {vectors} |\n",
            provider.name,
            provider.key_variable,
            provider.base_variable,
            provider.base,
            provider.target(&ChatRequest::new("{model}")),
        );
    }
    table
}

#[test]
fn the_page_on_your_app_has_the_providers_of_the_program() {
    let path = Path::new(ROOT).join("docs/app.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(PROVIDER_TABLE[0]).unwrap();
    let (kept, after) = rest.split_once(PROVIDER_TABLE[1]).unwrap();
    let table = table_of_providers();
    if std::env::var_os("RENEW_TABLES").is_some() {
        let parts = [before, PROVIDER_TABLE[0], &table, PROVIDER_TABLE[1], after];
        fs::write(&path, parts.concat()).unwrap();
    } else {
        let renew = "RENEW_TABLES=1 cargo test --test it has_the_providers";
        assert!(kept == table, "the table of docs/app.md is old; renew it: {renew}");
    }
}

#[test]
fn the_tables_of_the_page_on_plans_are_what_its_command_prints() {
    let path = Path::new(ROOT).join("docs/plan.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once("```text\n").unwrap();
    let (kept, after) = rest.split_once("```\n").unwrap();
    let command = before.trim_end().trim_end_matches("```").trim_end().lines().last().unwrap();
    let arguments = command.strip_prefix("simlab ").unwrap().split(' ').chain(["--quiet"]);
    let printed = super::program::simlab(&arguments.collect::<Vec<_>>()).well();
    // The page leaves out the header, which has the version, and the table of intervals.
    let from = printed.find("The effect on users").unwrap();
    let to = printed.find("\nHow often the 90% intervals").unwrap();
    let tables = &printed[from..to];
    if std::env::var_os("RENEW_TABLES").is_some() {
        fs::write(&path, [before, "```text\n", tables, "```\n", after].concat()).unwrap();
    } else {
        let renew = "RENEW_TABLES=1 cargo test --test it page_on_plans";
        assert!(kept == tables, "the tables of docs/plan.md are old; renew them: {renew}");
    }
}

#[test]
fn the_scenarios_of_the_pages_are_without_a_mistake() {
    let place = folder("page-scenarios");
    let scenarios = blocks("ron");
    assert!(!scenarios.is_empty());
    for scenario in scenarios {
        fs::write(place.join("ours.ron"), &scenario).unwrap();
        let checked = super::program::simlab_in(&place, &["check", "ours.ron"]);
        assert_eq!((checked.code, checked.err.as_str()), (0, ""), "{scenario}");
        assert!(!checked.out.contains("warning"), "{}", checked.out);
    }
}
