//! The program as a user meets it: arguments in; standard output, standard error and exit status
//! out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use simlab::llm::wire::{PROVIDERS, Provider};

/// What came of a run of the program.
pub struct Ran {
    pub out: String,
    pub err: String,
    pub code: i32,
}

/// Runs the program in the project's folder.
pub fn simlab<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Ran {
    simlab_in(Path::new(env!("CARGO_MANIFEST_DIR")), arguments)
}

/// Runs the program in a folder.
pub fn simlab_in<S: AsRef<std::ffi::OsStr>>(folder: &Path, arguments: &[S]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_simlab"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("NO_COLOR")
        .env("COLUMNS", "100")
        .output()
        .unwrap();
    Ran::new(output)
}

impl Ran {
    /// What came of it. Lines of progress depend on how busy the machine is, so they are left out.
    pub fn new(output: std::process::Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let messages = text(output.stderr);
        let err =
            messages.split_inclusive('\n').filter(|line| !line.starts_with("progress: ")).collect();
        Self { out: text(output.stdout), err, code: output.status.code().unwrap() }
    }

    /// Standard output of a run that went well.
    pub fn well(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self.out
    }

    /// The same, as JSON.
    pub fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.well()).unwrap()
    }
}

/// The variables with the base address of each provider, for a `serve` that listens at `address`.
pub fn providers_at(address: &str) -> Vec<(&'static str, String)> {
    let base =
        |provider: &Provider| format!("http://{address}{}{}", provider.mount, provider.base_path());
    PROVIDERS.iter().map(|provider| (provider.base_variable, base(provider))).collect()
}

/// A folder of its own for one test.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Holds a text to its file in `snapshots/`.
pub fn pinned(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn a_wrong_number_on_the_command_line_is_told_with_its_range() {
    let cases: [(&[&str], &str); 9] = [
        (&["run", "security", "--users", "many"], "from 1 to 10,000,000"),
        (&["run", "security", "--users", "0"], "from 1 to 10,000,000"),
        (&["run", "security", "--users", "-5"], "from 1 to 10,000,000"),
        (&["run", "security", "--seed", "1.5"], "from 0 to 18,446,744,073,709,551,615"),
        (&["power", "security", "--users", "100,x"], "from 1 to 10,000,000"),
        (&["power", "security", "--jobs", "1025"], "from 1 to 1,024"),
        (&["plan", "--baseline", "9%", "--lift", "1pt", "--users", "3"], "from 4 to 8,000,000,000"),
        (&["serve", "security", "--port", "70000"], "from 0 to 65,535"),
        (&["play", "--port", "any"], "from 0 to 65,535"),
    ];
    for (arguments, expected) in cases {
        let ran = simlab(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}");
        let expected = format!("expected a whole number {expected}");
        assert!(ran.err.contains(&expected), "{arguments:?}: {}", ran.err);
    }
}
