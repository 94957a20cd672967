//! `simlab explain`, `simlab completions` and `simlab man`: the program's words
//! about itself.
//!
//! Does not know: what the words of a report mean; `explain` does.

use clap::{Command, CommandFactory};
use clap_complete::Shell;

use super::args::Cli;
use super::commands::{Ended, backend_failed, print};
use super::exit::Exit;
use super::output;
use crate::diagnostic::Diagnostic;
use crate::explain::{find, nearest, terms};

/// Explains a word, given as one argument or as several; without one, lists all words.
pub fn explain(words: &[String]) -> Ended {
    let word = words.join(" ");
    if word.trim().is_empty() {
        return print(&listing());
    }
    if let Some(term) = find(&word) {
        return print(&term.text(output::width()));
    }
    let help = match nearest(&word) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`simlab explain` lists the words that are explained".to_owned(),
    };
    let fault = Diagnostic::new(format!("`{word}` is not a term of the report")).help(help);
    output::message(fault.render(output::message_color()).trim_end());
    Err(Exit::Usage)
}

/// All words, each with its first sentence.
fn listing() -> String {
    let all = terms();
    let name = all.iter().map(|term| term.name.chars().count()).max().unwrap_or(0);
    let width = output::width().clamp(60, 120);
    let line = |term: &&crate::explain::Term| {
        let inset = " ".repeat(name + 2);
        let first = format!("{:name$}  ", term.name);
        let options =
            textwrap::Options::new(width).initial_indent(&first).subsequent_indent(&inset);
        textwrap::wrap(term.says[0], options).join("\n") + "\n"
    };
    all.iter().map(line).collect::<String>() + "\nMore on a word: simlab explain TERM\n"
}

/// The script that completes commands and options in a shell.
pub fn completions(shell: Shell) -> Ended {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "simlab", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// The manual page of the program, or of one command.
pub fn man(of: Option<&str>) -> Ended {
    let mut program = Cli::command();
    // Makes the commands' own names and usage complete.
    program.build();
    let page = match of {
        None => Some(program.clone()),
        Some(name) => program.find_subcommand(name).cloned(),
    };
    let Some(page) = page else {
        let name = of.unwrap_or_default();
        let near =
            crate::diagnostic::nearest(name, program.get_subcommands().map(Command::get_name));
        let help = near.map_or_else(
            || "`simlab --help` lists the commands".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        let fault = Diagnostic::new(format!("there is no command `{name}`")).help(help);
        output::message(fault.render(output::message_color()).trim_end());
        return Err(Exit::Usage);
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page)
        .title(of.map_or_else(|| "simlab".to_owned(), |name| format!("simlab-{name}")))
        .render(&mut text)
        .map_err(|error| backend_failed(&error))?;
    print(&String::from_utf8_lossy(&text))
}
