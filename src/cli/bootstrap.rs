//! `simlab bootstrap`: what a scenario needs in LaunchDarkly; with `--live`, brought there.
//!
//! Guarantees: nothing is created or changed before it was shown and agreed to.
//!
//! Does not know: requests.

use std::io::{self, BufRead, IsTerminal, Write};

use super::args::BootstrapArgs;
use super::bootstrap_document::{Stance, to_text};
use super::commands::{Ended, backend_failed, bad_file, not_set_up, print, read};
use super::exit::Exit;
use super::output;
use crate::diagnostic::Diagnostic;
use crate::flags::bootstrap::{Action, BootstrapError};
use crate::live::environment;
use crate::live::launchdarkly::{RestAdmin, apply, plan};
use crate::run::PreparedScenario;
use crate::scenario::Scenario;

/// Prints what a bootstrap would create in an empty account, or brings the real project there.
pub fn bootstrap(args: &BootstrapArgs) -> Ended {
    let loaded = read(&args.scenario)?;
    if args.live {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| backend_failed(&error))?;
        return runtime.block_on(real(&loaded.scenario, args.yes));
    }
    let stage = PreparedScenario::new(&loaded.scenario, loaded.scenario.seed)
        .map_err(|error| not_set_up(&args.scenario, &error))?;
    print(&shown(&stage.actions, Stance::Needed))
}

async fn real(scenario: &Scenario, yes: bool) -> Ended {
    let access = environment::read_rest(|name| std::env::var(name).ok()).map_err(|faults| {
        faults.iter().for_each(|fault| output::message(&format!("error: {fault}")));
        Exit::Usage
    })?;
    let mut admin = RestAdmin::new(&access).map_err(|error| backend_failed(&error))?;
    let plan = plan(&mut admin, &scenario.project).await.map_err(|error| failed(&error))?;
    let (missing, differing) = (plan.missing(), plan.differing());
    print(&shown(&plan.actions, Stance::Planned))?;
    if missing + differing == 0 {
        return Ok(Exit::Ran);
    }
    if !yes {
        if !io::stdin().is_terminal() {
            output::message(
                "nothing was created or changed; add --yes to create what is missing and to change what differs",
            );
            return Err(Exit::Usage);
        }
        if missing == 0 {
            output::message("nothing that differs was changed; add --yes to change it");
            return Ok(Exit::Ran);
        }
        agreed(missing, differing)?;
    }
    let actions =
        apply(&mut admin, &scenario.project, yes).await.map_err(|error| failed(&error))?;
    print(&format!("\n{}", shown(&actions, Stance::Done)))
}

fn shown(actions: &[Action], stance: Stance) -> String {
    to_text(actions, stance, output::width(), &output::palette())
}

/// Asks on the terminal.
fn agreed(missing: usize, differing: usize) -> Result<(), Exit> {
    let left = if differing > 0 { " and leave what differs (--yes changes it)" } else { "" };
    let mut answer = String::new();
    let asked = write!(io::stderr(), "Create {missing} in LaunchDarkly{left}? [y/N] ")
        .and_then(|()| io::stderr().flush());
    if asked.and_then(|()| io::stdin().lock().read_line(&mut answer)).is_err()
        || !matches!(answer.trim(), "y" | "Y" | "yes")
    {
        output::message("nothing was created or changed");
        return Err(Exit::Usage);
    }
    Ok(())
}

fn failed(error: &BootstrapError) -> Exit {
    match error {
        BootstrapError::Prerequisites(faults) => {
            bad_file(&faults.iter().map(Diagnostic::new).collect::<Vec<_>>())
        }
        BootstrapError::Refused { error: cause, .. } if cause.status == 409 => {
            let exit = backend_failed(error);
            output::message(
                "something else changed the project at the same time; what was created stays, so run the command again to continue",
            );
            exit
        }
        BootstrapError::Refused { .. } | BootstrapError::Differs { .. } => backend_failed(error),
    }
}
