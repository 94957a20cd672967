//! The sentences of the architecture page (`src/lib.rs`) that can be checked, each compared with
//! the code.
//!
//! A test reads its sentence from the page, so a sentence that is changed or taken away fails here
//! until code and page agree again.

use std::collections::BTreeSet;
use std::fs;

use simlab::llm::wire::PROVIDERS;

use super::tidy::{code, named, room, rooms, root, shipped, sources};

/// The architecture page as one line of text.
fn page() -> String {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let lines: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("//!")).map(str::trim).collect();
    lines.join(" ")
}

/// The names in backticks, without a path or brackets around them.
fn quoted(text: &str) -> Vec<String> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .map(|name| name.trim_matches(['[', ']']).to_owned())
        .collect()
}

/// The rooms that the page allows something, from its sentence "only … VERB".
fn allowed(verb: &str) -> Vec<String> {
    let page = page();
    let absences = page.split("**Absences:**").nth(1).unwrap().split("# Decisions").next().unwrap();
    let clause = absences.split([';', '.', ',']).map(str::trim).collect::<Vec<_>>();
    // Rooms are separated by commas as well, so a clause begins at its "only".
    let end = clause
        .iter()
        .position(|clause| clause.contains(verb))
        .unwrap_or_else(|| panic!("the page has no sentence with {verb:?}"));
    let begin = clause[..=end].iter().rposition(|clause| clause.contains("only ")).unwrap();
    let names = quoted(&clause[begin..=end].join(" "));
    assert!(
        !names.is_empty() && names.iter().all(|name| rooms().contains(name)),
        "{verb}: {names:?}"
    );
    names
}

/// Fails where a phrase is used outside of these rooms or files.
fn only_in(homes: &[String], phrases: &[&str]) {
    let mut used = 0;
    for (path, code) in shipped() {
        let within =
            path.strip_prefix(root().join("src")).unwrap().to_str().unwrap().replace('\\', "/");
        let at_home = homes.iter().any(|home| *home == within || *home == room(&path));
        for phrase in phrases.iter().filter(|phrase| code.contains(**phrase)) {
            assert!(
                at_home,
                "{} uses `{phrase}`, which the architecture page allows only in {homes:?}",
                path.display()
            );
            used += 1;
        }
    }
    // A phrase that nobody uses any more would make the check empty.
    assert!(homes.is_empty() || used > 0, "nothing uses {phrases:?}");
}

#[test]
fn only_serve_listens() {
    only_in(&allowed("listens"), &["TcpListener", "UdpSocket", "UnixListener", "axum::serve"]);
}

#[test]
fn only_live_speaks_to_others() {
    let phrases = [
        "reqwest::",
        "TcpStream",
        "UnixStream",
        "hyper::client",
        "launchdarkly_server_sdk::",
        "launchdarkly_sdk_transport::",
    ];
    only_in(&allowed("speaks to others"), &phrases);
}

#[test]
fn only_these_rooms_touch_files() {
    // `serve` touches one file only, that of its state.
    let homes: Vec<String> = allowed("touch files")
        .into_iter()
        .map(|room| if room == "serve" { "serve/state.rs".to_owned() } else { room })
        .collect();
    let phrases = [
        "std::fs",
        "tokio::fs",
        " fs::",
        "File::",
        "OpenOptions",
        "read_dir(",
        "from_path(",
        "canonicalize(",
        ".is_file()",
        ".is_dir()",
        ".exists()",
        "include_dir",
        "tempfile",
        "memmap",
    ];
    let phrases: Vec<&str> =
        phrases.into_iter().chain(OPEN_FILES.iter().map(|(_, phrase)| *phrase)).collect();
    only_in(&homes, &phrases);
}

/// Dependencies that open files by themselves, each with the phrase that does it.
const OPEN_FILES: &[(&str, &str)] =
    &[("redb", "redb::"), ("layout", "save_to_file"), ("imagesize", "imagesize::size")];
/// Dependencies that open none, or only what the system or a terminal has (certificates, time
/// zones).
const OPEN_NONE: &str = "anstream anstyle axum base64 clap clap_complete clap_mangen flate2 futures-util hdrhistogram hyper \
    hyper-util indicatif infer jiff launchdarkly-sdk-transport launchdarkly-server-sdk launchdarkly-server-sdk-evaluation \
    libm maud miette rand_chacha reqwest ron roxmltree rustls schemars serde serde_json serde_path_to_error sha1 \
    siphasher simlab-chacha simlab-tokens smallvec strsim svg terminal_size tokio tokio-stream textwrap unicode-width xxhash-rust regex-syntax \
    fancy-regex rustix bytes csv encoding_rs_io parquet arrow-array arrow-buffer arrow-ipc arrow-schema zstd crc32fast multer percent-encoding getrandom if-addrs qrcodegen";

#[test]
fn it_is_known_of_every_dependency_whether_it_opens_files() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut section = "";
    let mut found = 0;
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if section.ends_with("dependencies]") && !section.contains("dev-") {
            let Some((name, _)) = line.split_once(" = ") else { continue };
            let opens = OPEN_FILES.iter().any(|(own, _)| *own == name);
            let opens_none = OPEN_NONE.split_whitespace().any(|own| own == name);
            assert!(
                opens != opens_none,
                "say in `architecture.rs` whether `{name}` opens files; one that does belongs in `scenario`, `cli`, `live` or `serve`"
            );
            found += 1;
        }
    }
    assert_eq!(found, OPEN_FILES.len() + OPEN_NONE.split_whitespace().count());
}

#[test]
fn only_time_reads_a_clock() {
    only_in(
        &allowed("reads a clock"),
        &["Instant::now", "SystemTime", "Timestamp::now", "Zoned::now", "Utc::now", "Local::now"],
    );
}

#[test]
fn only_cli_prints() {
    only_in(
        &allowed("prints"),
        &[
            "println!",
            "eprintln!",
            " print!(",
            " eprint!(",
            "dbg!(",
            "io::stdout",
            "io::stderr",
            "anstream::",
        ],
    );
}

#[test]
fn only_random_knows_a_generator() {
    let phrases =
        ["ChaCha", "rand::", "thread_rng", "getrandom", "fastrand", "RandomState", "siphasher::"];
    only_in(&allowed("knows a generator"), &phrases);
}

#[test]
fn nothing_runs_a_program_and_no_map_has_a_random_order() {
    only_in(&[], &["HashMap", "HashSet", "process::Command", "unsafe "]);
}

#[test]
fn the_table_of_rooms_is_the_list_of_modules() {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    // The table of rooms has three columns, that of the library two.
    let rows = text.lines().filter(|line| {
        line.starts_with("//! | ") && line.contains("[`") && line.split(" | ").count() == 4
    });
    let listed: Vec<String> =
        rows.flat_map(|row| quoted(row.split(" | ").nth(2).unwrap())).collect();
    assert_eq!(listed, rooms());
    let files: BTreeSet<String> = sources().iter().map(|(path, _)| room(path)).collect();
    let outside = ["lib", "main"].map(str::to_owned);
    assert_eq!(
        files,
        rooms().into_iter().chain(outside).collect(),
        "every room of `src` is in the list"
    );
}

#[test]
fn the_run_goes_through_every_stage_of_the_picture() {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let picture = text.split("//! ```text").nth(1).unwrap().split("//! ```").next().unwrap();
    assert!(page().contains("[`run`](mod@run) is this picture in code"));
    // A stage stands between two lines: `─ scenario::load ───▶`.
    let stages: Vec<&str> = picture
        .lines()
        .filter(|line| line.contains('▶'))
        .filter_map(|line| line.split('─').map(str::trim).filter(|part| !part.is_empty()).nth(1))
        .map(|stage| stage.split("::").next().unwrap())
        .collect();
    assert!(stages.len() >= 8, "{stages:?}");
    let used: Vec<String> = sources()
        .iter()
        .filter(|(path, _)| room(path) == "run")
        .flat_map(|(_, text)| named(text))
        .collect();
    for stage in stages {
        assert!(
            rooms().iter().any(|room| room == stage) && used.iter().any(|name| name == stage),
            "`run` does not use `{stage}`"
        );
    }
}

#[test]
fn live_takes_the_stage_of_the_run_and_the_engine_of_the_simulation() {
    assert!(page().contains("`live` comes after `run`"));
    let used: Vec<String> = sources()
        .iter()
        .filter(|(path, _)| room(path) == "live")
        .flat_map(|(_, text)| named(text))
        .collect();
    assert!(["run", "sim"].iter().all(|room| used.iter().any(|name| name == room)), "{used:?}");
}

#[test]
fn the_journal_holds_integers() {
    assert!(page().contains("**Integers until analysis**"));
    let (_, code) =
        shipped().into_iter().find(|(path, _)| path.ends_with("src/journal.rs")).unwrap();
    assert!(
        !code.contains("f64") && !code.contains("f32"),
        "`journal` has a floating point number"
    );
}

#[test]
fn transcendental_functions_come_from_libm() {
    assert!(page().contains("**`libm` for transcendental functions**"));
    // The standard library takes these from the system, whose last bits differ. The square root is
    // exact everywhere.
    let functions = "exp exp2 exp_m1 ln ln_1p log log2 log10 powf sin cos tan asin acos atan atan2 sinh cosh tanh cbrt hypot";
    let phrases: Vec<String> = functions
        .split(' ')
        .flat_map(|name| [format!(".{name}("), format!("f64::{name}")])
        .collect();
    only_in(&[], &phrases.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn the_engine_has_one_thread_and_does_not_wait() {
    assert!(page().contains("**One engine, single-threaded**"));
    let homes = ["power", "live", "serve", "play", "cli"].map(str::to_owned);
    only_in(&homes, &["std::thread", " thread::", "tokio::spawn", "spawn_blocking"]);
    let engine =
        shipped().into_iter().find(|(path, _)| path.ends_with("src/sim/engine.rs")).unwrap().1;
    assert!(
        !code(&engine).contains("async ")
            && !engine.contains(".await")
            && !engine.contains("tokio")
    );
}

#[test]
fn the_report_has_every_format_of_the_picture() {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let line = text.lines().find(|line| line.contains("report ─")).unwrap();
    let formats: Vec<String> = line
        .split('▶')
        .nth(1)
        .unwrap()
        .split(',')
        .map(|format| format.trim().to_lowercase())
        .collect();
    assert!(formats.len() >= 5, "{formats:?}");
    let report = code(&fs::read_to_string(root().join("src/report/mod.rs")).unwrap());
    for format in formats {
        let name = if format == "terminal" { "text" } else { &format };
        assert!(report.contains(&format!("to_{name}")), "`report` has no `to_{name}`");
    }
}

#[test]
fn the_mock_road_does_not_wait() {
    assert!(page().contains("**The mock road is synchronous**"));
    // `flags::bootstrap` is one procedure for the mock, which answers at once, and the service.
    let homes = ["live", "serve", "cli", "flags/bootstrap.rs", "flags/bootstrap/steps.rs"];
    let homes: Vec<String> = homes.into_iter().chain(["sim/drive.rs"]).map(str::to_owned).collect();
    only_in(&homes, &["async fn", "async move", ".await"]);
    let (_, loops) =
        shipped().into_iter().find(|(path, _)| path.ends_with("src/sim/drive.rs")).unwrap();
    assert_eq!(loops.matches("async fn").count(), 1, "only `drive_live` waits");
    assert!(loops.contains("async fn drive_live"));
}

#[test]
fn the_engine_knows_no_mock() {
    assert!(page().contains("The engine knows no mock."));
    for (path, code) in shipped().into_iter().filter(|(path, _)| room(path) == "sim") {
        assert!(!code.contains("Mock") && !code.contains("mock"), "{}", path.display());
    }
}

#[test]
fn every_provider_has_a_folder_and_a_row() {
    assert!(page().contains("each has a folder with its facts and its format, and one row"));
    let shared = ["completions", "embeddings", "responses"];
    let folders: Vec<String> = fs::read_dir(root().join("src/llm/wire"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| !shared.contains(&name.as_str()))
        .collect();
    let rows = PROVIDERS.iter().map(|provider| provider.key.to_owned());
    assert_eq!(
        folders.into_iter().collect::<BTreeSet<_>>(),
        rows.collect::<BTreeSet<_>>(),
        "folders and rows of `PROVIDERS`"
    );
}

#[test]
fn the_modules_are_no_part_of_the_library() {
    assert!(page().contains("The modules are public only for simlab's own program"));
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut hidden = 0;
    for pair in lines.windows(2).filter(|pair| pair[1].starts_with("pub mod ")) {
        assert_eq!(pair[0], "#[cfg_attr(not(internals), doc(hidden))]", "{}", pair[1]);
        hidden += 1;
    }
    assert_eq!(hidden, rooms().len());
    // Every item of the library is in the table of the page.
    let items: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("//! | [`")?.split('`').next())
        .map(|name| name.trim_end_matches("()").to_owned())
        .collect();
    assert_eq!(items, ["Scenario", "run", "analyze", "power", "serve", "Report"]);
    for item in items {
        let handed_on = text.lines().any(|line| {
            line.starts_with("pub use ")
                && line.split(|c: char| !c.is_alphanumeric()).any(|word| word == item)
        });
        assert!(handed_on, "{item}");
    }
}
