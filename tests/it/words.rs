//! The program's words about itself: explanations, completions, manual pages, and the examples of
//! its help.

use std::fs;
use std::path::Path;

use super::program::{folder, simlab, simlab_in};

/// The program's commands, as its completions name them.
fn commands() -> Vec<String> {
    let help = simlab(&["--help"]).well();
    let listed = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    // Names stand two columns in; wrapped descriptions further.
    let name = |line: &str| {
        line.strip_prefix("  ")
            .filter(|rest| !rest.starts_with(' '))
            .map(|rest| rest.split(' ').next().unwrap().to_owned())
    };
    listed.lines().filter_map(name).filter(|name| name != "help").collect()
}

#[test]
fn a_word_is_explained_and_an_unknown_one_leads_to_the_nearest() {
    let text = simlab(&["explain", "credible", "interval"]).well();
    assert!(
        text.contains("shortest") && text.contains("formula") && text.contains("Gelman"),
        "{text}"
    );
    assert_eq!(simlab(&["explain", "Credible-Interval"]).well(), text);
    let all = simlab(&["explain"]).well();
    assert!(
        all.lines().count() > 30 && all.lines().all(|line| line.chars().count() <= 80),
        "{all}"
    );
    let unknown = simlab(&["explain", "shrinkige"]);
    assert_eq!((unknown.code, unknown.out.as_str()), (2, ""));
    assert!(unknown.err.contains("did you mean `shrinkage`?"), "{}", unknown.err);
}

#[test]
fn shells_and_manual_pages_know_every_command() {
    let commands = commands();
    assert!(commands.len() >= 10, "{commands:?}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = simlab(&["completions", shell]).well();
        assert!(commands.iter().all(|name| script.contains(name.as_str())), "{shell}");
    }
    let page = simlab(&["man"]).well();
    assert!(page.contains(".TH simlab 1"), "{page}");
    for name in &commands {
        assert!(page.contains(name.as_str()), "{name}");
        let own = simlab(&["man", name.as_str()]).well();
        assert!(own.contains(&format!(".TH simlab-{name} 1")) && own.contains("Example"), "{own}");
    }
    assert_eq!(simlab(&["man", "ruin"]).code, 2);
}

/// Every example of every command's help, in the order in which a reader tries them.
/// Recorded events of a boolean flag and an event of the app's own.
fn checkout() -> String {
    let line = |user: u64, new: bool| {
        let context = format!(r#""context":{{"kind":"user","key":"u{user}"}}"#);
        let (at, after) = (1_760_000_000_000 + user, 1_760_000_060_000 + user);
        let exposure = format!(
            r#"{{"kind":"feature","key":"new-checkout","creationDate":{at},{context},"variation":{},"value":{new},"reason":{{"kind":"RULE_MATCH","inExperiment":true}}}}"#,
            u8::from(new)
        );
        format!(
            "{exposure}\n{{\"kind\":\"custom\",\"key\":\"checkout-completed\",\"creationDate\":{after},{context}}}\n"
        )
    };
    (0..40).map(|user| line(user, user % 2 == 0)).collect()
}

#[test]
fn the_examples_of_every_help_work() {
    let place = folder("examples");
    for (from, to) in [("security", "my.ron"), ("premium", "other.ron")] {
        assert_eq!(simlab_in(&place, &["new", from, to]).code, 0);
    }
    let published = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/published/security.ron");
    fs::create_dir_all(place.join("scenarios/published")).unwrap();
    fs::copy(published, place.join("scenarios/published/security.ron")).unwrap();
    simlab_in(&place, &["run", "security", "--users", "60", "--quiet", "--out", "before"]);
    fs::copy(place.join("before/events.jsonl"), place.join("events.jsonl")).unwrap();
    fs::write(place.join("checkout.jsonl"), checkout()).unwrap();
    let users = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tables/users.csv");
    fs::copy(users, place.join("users.csv")).unwrap();
    let rows = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tables/statistics.csv");
    fs::copy(rows, place.join("stats.csv")).unwrap();
    let (seen, orders): (Vec<String>, Vec<String>) = (0..40)
        .map(|user| {
            let arm = ["control", "new"][user % 2];
            (format!("u{user},{arm},2026-11-01\n"), format!("u{user},order,{user},2026-11-02\n"))
        })
        .unzip();
    fs::write(place.join("seen.csv"), format!("user,arm,time\n{}", seen.concat())).unwrap();
    fs::write(place.join("orders.csv"), format!("user,event,value,time\n{}", orders.concat()))
        .unwrap();

    let mut helps = vec![("simlab".to_owned(), simlab(&["--help"]).well())];
    helps.extend(
        commands()
            .into_iter()
            .map(|name| (name.clone(), simlab(&[name.as_str(), "--help"]).well())),
    );
    for (command, help) in helps {
        let examples =
            help.split("Example").nth(1).unwrap_or_else(|| panic!("`{command}` has no example"));
        let mut tried = 0;
        for line in examples.lines().filter_map(|line| line.strip_prefix("  simlab ")) {
            // What follows two spaces or a redirection is for the reader and the shell.
            let line = line.split("  ").next().unwrap().split(" > ").next().unwrap();
            let mut arguments: Vec<&str> = line.split_whitespace().collect();
            tried += 1;
            match arguments[0] {
                // Goes on until it is stopped; its own tests start it.
                "serve" | "play" => continue,
                // Asks an app; its own tests have one.
                "drive" => continue,
                // Hours of a cluster; its own tests run it.
                "power" => continue,
                // Asks the real services; its own tests have stand-ins.
                _ if arguments.contains(&"--live") => continue,
                // What they need is recorded by such a run.
                "replay" | "calibrate" | "journal" => continue,
                _ if arguments.contains(&"mine.ron") => continue,
                "new" => drop(fs::remove_file(place.join("my.ron"))),
                "run" if !arguments.contains(&"--users") => arguments.extend(["--users", "60"]),
                _ => {}
            }
            let ran = simlab_in(&place, &arguments);
            // A short run may miss what the scenario expects of a long one.
            let misses = ["run", "report", "analyze"].contains(&arguments[0]) && ran.code == 1;
            assert!(ran.code == 0 || misses, "simlab {line}: {}", ran.err);
        }
        assert!(tried > 0, "`{command}` has no example");
    }
}

/// Words that were riddles to readers, each with what to write instead.
const RIDDLES: [(&str, &str); 14] = [
    ("how-manieth", "how many times before"),
    ("dearer", "more expensive"),
    ("for nothing", "free, or: not counted"),
    ("held against", "compared with"),
    ("endless users", "unlimited users"),
    ("so far in all", "in total"),
    ("faults to commit", "errors to inject"),
    ("taken back", "rolled back"),
    ("shares its luck", "reuses the same random numbers"),
    ("all luck", "all random numbers"),
    ("what is so", "what is true"),
    ("as far as chance", "by more than chance"),
    ("cannot be told from", "is not distinguishable from"),
    ("tells of", "reports"),
];

#[test]
fn nothing_that_users_read_has_a_word_that_was_a_riddle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts: Vec<(String, String)> = Vec::new();
    // What the program can say: its code without comments, which has every message.
    for (path, code) in super::tidy::shipped() {
        texts.push((path.display().to_string(), code));
    }
    for folder in ["docs", "scenarios", "scenarios/lessons"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let page = path.extension().is_some_and(|kind| kind == "md" || kind == "ron");
            if page && !path.ends_with("third-party.md") {
                texts.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    texts.push(("README.md".to_owned(), fs::read_to_string(root.join("README.md")).unwrap()));
    for name in commands() {
        texts.push((format!("simlab {name} --help"), simlab(&[name.as_str(), "--help"]).well()));
    }
    texts.push(("simlab --help".to_owned(), simlab(&["--help"]).well()));
    assert!(texts.len() > 500, "{}", texts.len());
    for (place, text) in &texts {
        // A sentence may be broken anywhere.
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        for (riddle, instead) in RIDDLES {
            let at = text.find(riddle);
            assert!(
                at.is_none(),
                "{place}: `{riddle}`: write \"{instead}\" in {:?}",
                text[at.unwrap()..].chars().take(80).collect::<String>()
            );
        }
    }
}
