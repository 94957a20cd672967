//! `simlab new`: a copy of a scenario as a starting point, also with models of today.
//!
//! Guarantees: no file is overwritten.
//!
//! Does not know: which models are retired.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use super::args::{NewArgs, NewModels};
use super::commands::{Ended, bad_file, pasted, print};
use super::exit::Exit;
use super::output;
use crate::diagnostic::{self, Diagnostic};
use crate::figure;
use crate::live::renewed;
use crate::llm::families::Retired;
use crate::llm::profile::ModelProfile;
use crate::scenario::{LESSONS, LIBRARY, Scenario, built_in};

/// Writes a copy of a built-in scenario.
pub(super) fn new(args: &NewArgs) -> Ended {
    let name = args.name.as_str();
    let Some(built_in) = built_in(name) else {
        let near =
            diagnostic::nearest(name, LIBRARY.iter().chain(LESSONS).map(|built_in| built_in.name));
        let help = near.map_or_else(
            || "`simlab list` shows them".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        output::message(
            Diagnostic::new(format!("no built-in scenario is called `{name}`"))
                .help(help)
                .render(output::message_color())
                .trim_end(),
        );
        return Err(Exit::Usage);
    };
    let text = match args.models {
        None => built_in.text.to_owned(),
        Some(NewModels::Today) => {
            let (text, changes) = renewed(name, built_in.text);
            tell(name, &text, &changes);
            text
        }
    };
    let Some(file) = args.file.as_deref() else { return print(&text) };
    match written(file, &text) {
        Ok(()) => {
            output::message(&format!(
                "wrote {}; run it with: simlab run {}",
                file.display(),
                pasted(file)
            ));
            Ok(Exit::Ran)
        }
        Err(error) => Err(bad_file(&[Diagnostic::new(format!(
            "`{}` cannot be written: {error}",
            file.display()
        ))
        .help("an existing file is not overwritten")])),
    }
}

fn written(file: &Path, text: &str) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(file)?;
    file.write_all(text.as_bytes())
}

/// Says which models were replaced, and what that changes.
fn tell(name: &str, text: &str, changes: &[Retired]) {
    if changes.is_empty() {
        output::message(&format!("`{name}` names no retired model"));
        return;
    }
    let models = Scenario::parse(name, text).map(|own| own.models).unwrap_or_default();
    let price = |id: &str| {
        let model = models.iter().find(|model| model.id == id)?;
        let dollars = |price: Option<crate::quantity::Price>| {
            Some(figure::money(price?.dollars_per_million()))
        };
        let ModelProfile { input_price, output_price, .. } = model;
        Some(format!("{} in and {} out", dollars(*input_price)?, dollars(*output_price)?))
    };
    for Retired { id, on, instead } in changes {
        let prices = price(id).zip(price(instead)).map_or_else(String::new, |(old, new)| {
            format!("; per million tokens {new}, instead of {old}")
        });
        output::message(&format!("{id} (retired on {on}) became {instead}{prices}"));
    }
    output::message(
        "the mock world's numbers of a model differ, too, so results are not those of the original",
    );
}
