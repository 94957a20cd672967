//! `simlab serve`: the mocks over HTTP until somebody says stop.
//!
//! Guarantees: the address is the first line on standard output; an interrupt or a termination
//! signal ends it in order.
//!
//! Does not know: what is answered.

use std::collections::BTreeMap;
use std::{fs, io};

use serde_json::Map;

use super::args_serve::ServeArgs;
use super::commands::{Ended, backend_failed, bad_file, not_set_up, read};
use super::exit::Exit;
use super::output;
use crate::diagnostic::Diagnostic;
use crate::llm::wire::Provider;
use crate::random::Seed;
use crate::scenario::{AnswerScript, Scenario, load_answers, load_faults};
use crate::serve::{AcceptedKeys, Door, Recorder, Server, Settings, World, last_report};

/// Serves until told to stop.
pub fn serve(args: &ServeArgs) -> Ended {
    let loaded = read(args.scenario.as_deref().unwrap_or("security"))?;
    let faults = match &args.faults {
        Some(file) => load_faults(file).map_err(|faults| bad_file(&faults))?,
        None => Vec::new(),
    };
    let answers = match &args.answers {
        Some(file) => load_answers(file).map_err(|faults| bad_file(&faults))?,
        None => AnswerScript::default(),
    };
    let recorder = recorder(args, &loaded.scenario)?;
    if let Some(file) = &args.report {
        // Told before hours of traffic, not after them.
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        if file.is_dir() || folder.is_some_and(|folder| !folder.is_dir()) {
            let message = format!("`{}` cannot be written", file.display());
            let help = "name a file in a folder that exists";
            return Err(bad_file(&[Diagnostic::new(message).help(help)]));
        }
    }
    // The server's tasks share the scenario for as long as the process lives.
    let scenario = &Box::leak(Box::new(loaded)).scenario;
    for study in scenario.studies.iter().filter(|study| study.paired.is_some()) {
        output::message(&format!(
            "warning: experiment `{}` has a paired design; `serve` gives each user one of its variations and reports a split test",
            study.experiment.key
        ));
    }
    let settings = Settings {
        seed: args.seed.map_or(scenario.seed, Seed),
        bootstrap: args.scenario.is_some(),
        time_scale: args.time_scale,
        patience: args.patience,
        transcript: args.transcript,
        failures: args.failures,
        repeat: args.repeat.into(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| backend_failed(&error))?;
    runtime.block_on(async {
        let world = World::new(scenario, settings)
            .map_err(|error| not_set_up(&scenario.name, &error))?
            .with_faults(&faults)
            .with_answers(answers)
            .accepting(accepted(args.sdk_key.as_deref()));
        let world = match recorder {
            Some(recorder) => world.with_recorder(recorder),
            None => world,
        };
        let world = match &args.state {
            Some(file) => {
                let (world, skipped) = world.with_state(file).await.map_err(|reason| {
                    let message = format!("`{}` cannot keep the state: {reason}", file.display());
                    bad_file(&[Diagnostic::new(message)
                        .help("name another file, or remove this one to begin anew")])
                })?;
                for reason in skipped {
                    output::message(&format!("warning: `{}`: {reason}", file.display()));
                }
                world
            }
            None => world,
        };
        let mut server = Server::bind(world, args.port)
            .await
            .map_err(|error| backend_failed(&error))?
            .allow_hosts(&args.allow_host);
        if args.split {
            server = server.split().await.map_err(|error| backend_failed(&error))?;
        }
        let world = server.world();
        output::result(&listening(&server, world.sdk_key().as_deref()))
            .map_err(|error| backend_failed(&error))?;
        server
            .run(super::signals::told_to_stop(false))
            .await
            .map_err(|error| backend_failed(&error))?;
        if let Some(file) = &args.report {
            let text =
                last_report(&world).map_err(|reason| backend_failed(&io::Error::other(reason)))?;
            let unwritable = |error| {
                bad_file(&[Diagnostic::new(format!(
                    "`{}` cannot be written: {error}",
                    file.display()
                ))])
            };
            fs::write(file, text).map_err(unwritable)?;
        }
        Ok(Exit::Ran)
    })
}

/// What becomes of an app's traffic, if the mocks do not answer it.
fn recorder(args: &ServeArgs, scenario: &Scenario) -> Result<Option<Recorder>, Exit> {
    let wrong = |reason: String| bad_file(&[Diagnostic::new(reason).help("name another file")]);
    match (&args.record, &args.replay) {
        (Some(file), _) => {
            let upstream = upstream(&args.upstream, scenario)?;
            Recorder::recording(file, upstream).map(Some).map_err(wrong)
        }
        (None, Some(file)) => {
            Recorder::replaying(file).map(Some).map_err(|fault| bad_file(&[fault]))
        }
        (None, None) => Ok(None),
    }
}

/// The addresses in the place of providers' own, by provider of the scenario.
fn upstream(
    written: &[(String, String)],
    scenario: &Scenario,
) -> Result<BTreeMap<Provider, String>, Exit> {
    let providers = scenario.providers();
    let named = |(name, url): &(String, String)| {
        let found = providers.iter().find(|provider| provider.key == name);
        let Some(provider) = found else {
            let known: Vec<&str> = providers.iter().map(|provider| provider.key).collect();
            let fault = Diagnostic::new(format!("`--upstream` names no provider `{name}`"))
                .help(format!("expected one of: {}", known.join(", ")));
            output::message(fault.render(output::message_color()).trim_end());
            return Err(Exit::Usage);
        };
        Ok((*provider, url.clone()))
    };
    written.iter().map(named).collect()
}

/// Which SDK keys are taken besides the environment's own.
fn accepted(given: Option<&str>) -> AcceptedKeys {
    match given {
        None => AcceptedKeys::Own,
        Some("any") => AcceptedKeys::Any,
        Some(key) => AcceptedKeys::Given(key.to_owned()),
    }
}

/// Where it listens: a line for scripts; with a port each, the variables that clients read as lines
/// for a shell as well.
fn listening(server: &Server, sdk_key: Option<&str>) -> String {
    let mut line = Map::new();
    line.insert("listening".to_owned(), format!("http://{}", server.address()).into());
    let mut variables = String::new();
    for (door, address) in server.doors() {
        let url = format!("http://{address}");
        let (name, value) = door.variable(&url, false);
        variables += &format!("export {name}={value}\n");
        if let (Door::LaunchDarkly, Some(key)) = (door, sdk_key) {
            variables += &format!("export LD_SDK_KEY={key}\n");
        }
        line.insert(door.name().to_owned(), url.into());
    }
    format!("{}\n{variables}", spaced(&line.into()))
}

/// The line as scripts expect it, with a space after the colon of the key.
fn spaced(listening: &serde_json::Value) -> String {
    listening.to_string().replacen("\":", "\": ", 1)
}
