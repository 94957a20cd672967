//! The other side of a live run: what the environment names, or simlab's own mock in this process.
//!
//! Guarantees: a run against the mock takes nothing from the environment: no key, no address.
//!
//! Does not know: how a run goes.

use std::collections::BTreeMap;

use super::args::{Against, RunArgs};
use super::commands::{backend_failed, bad_file, read};
use super::exit::Exit;
use super::output;
use crate::figure;
use crate::live::OwnTools;
use crate::llm::setup::ToolKind;
use crate::report::{Counterpart, FLAG_SERVICE, Ordered};
use crate::scenario::{Scenario, load_faults};
use crate::serve::{Finding, ServeSettings, Serving, serve_with};

/// Who is on the other side.
pub struct OtherSide {
    /// The mock, with the variables that lead to it.
    mock: Option<(Serving, BTreeMap<&'static str, String>)>,
}

impl OtherSide {
    /// The side that the arguments name; the mock listens already.
    ///
    /// # Errors
    /// When the mock cannot start, or the file of its faults is wrong.
    pub fn of(args: &RunArgs) -> Result<Self, Exit> {
        match args.against {
            Some(Against::Serve) => Self::mock(args),
            None => Ok(Self { mock: None }),
        }
    }

    /// The mock, whatever the arguments name.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn mock(args: &RunArgs) -> Result<Self, Exit> {
        let faults = match &args.faults {
            Some(file) => load_faults(file).map_err(|faults| bad_file(&faults))?,
            None => Vec::new(),
        };
        // The mock keeps its scenario for as long as the process lives.
        let scenario = read(&args.scenario)?.scenario;
        // The account is empty: the run's own bootstrap fills it.
        let settings = ServeSettings { bootstrap: false, ..ServeSettings::of(&scenario) };
        let mock =
            serve_with(scenario, settings, &faults).map_err(|error| backend_failed(&error))?;
        let variables = mock.variables();
        Ok(Self { mock: Some((mock, variables)) })
    }

    /// Whether it is the mock.
    #[must_use]
    pub fn is_mock(&self) -> bool {
        self.mock.is_some()
    }

    /// The environment variable of this name.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<String> {
        match &self.mock {
            Some((_, variables)) => variables.get(name).cloned(),
            None => std::env::var(name).ok(),
        }
    }

    /// The tools that are asked at addresses of their own: those that the arguments name; the mock
    /// serves every remote one.
    ///
    /// # Errors
    /// When the scenario has no such tool, or no HTTP client can be made here.
    pub fn own_tools(&self, scenario: &Scenario, args: &RunArgs) -> Result<OwnTools, Exit> {
        let failed = |error| backend_failed(&std::io::Error::other(error));
        let remote = scenario.tools.iter().filter(|tool| matches!(tool.kind, ToolKind::Remote(_)));
        let Some((mock, _)) = &self.mock else {
            let known: Vec<&str> = remote.map(|tool| tool.key.as_str()).collect();
            if let Some((key, _)) = args.tool.iter().find(|(key, _)| !known.contains(&&**key)) {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                output::message(&format!(
                    "error: `--tool` names no remote tool of the scenario: `{key}`; it has {known}"
                ));
                return Err(Exit::Usage);
            }
            return OwnTools::new(args.tool.iter().cloned()).map_err(failed);
        };
        let address = |key: &str| (key.to_owned(), format!("{}/mcp/{key}", mock.url()));
        OwnTools::new(remote.map(|tool| address(&tool.key))).map_err(failed)
    }

    /// What the mock saw of simlab as its client; `None` where it is not the mock.
    #[must_use]
    pub fn graded(&self) -> Option<String> {
        let (requests, findings) = self.mock.as_ref()?.0.graded();
        let requests = figure::count(requests);
        if findings.is_empty() {
            return Some(format!(
                "the mock answered {requests} requests and found nothing wrong with the client"
            ));
        }
        let found = |Finding { code, message, count, .. }: &Finding| {
            format!("\n  {} ({}): {message}", code.name(), figure::count(*count))
        };
        let all: String = findings.iter().map(found).collect();
        Some(format!("the mock answered {requests} requests and found:{all}"))
    }
}

/// What stands on the other side, in one line for whoever is about to agree.
pub fn told(other_side: &Ordered<Counterpart>) -> String {
    let named = |wanted: Counterpart| {
        let all = other_side.0.iter().filter(|(_, which)| *which == wanted);
        all.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let real = named(Counterpart::Real);
    let mut parts = Vec::new();
    if !real.is_empty() {
        let paid = if real == FLAG_SERVICE { "" } else { ", which charges for calls" };
        parts.push(format!("the real {real}{paid}"));
    }
    let mock = named(Counterpart::Mock);
    if !mock.is_empty() {
        let all = mock.split(", ").count() == other_side.0.len();
        let unpaid = if all { ": nothing is paid" } else { "" };
        parts.push(format!("simlab's mock for {mock}{unpaid}"));
    }
    let here = named(Counterpart::ThisMachine);
    if !here.is_empty() {
        parts.push(format!(
            "addresses of this machine for {here} (a mock, a local model or a gateway)"
        ));
    }
    format!("Other side: {}.", parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::LiveSummary;

    #[test]
    fn nobody_is_called_real_who_is_not() {
        use Counterpart::{Mock, Real, ThisMachine};
        let side = |all: &[(&str, Counterpart)]| {
            Ordered(all.iter().map(|(name, which)| ((*name).to_owned(), *which)).collect())
        };
        let summary = |other_side| LiveSummary {
            users: 0,
            users_wanted: 0,
            calls: 0,
            spent_usd: None,
            max_cost_usd: None,
            stopped: None,
            repaired: 0,
            problems: Vec::new(),
            events_in_doubt: 0,
            other_side,
            pages: Ordered::default(),
        };
        for (all, line, mode) in [
            (
                &[("OpenAI", Mock), (FLAG_SERVICE, Mock)][..],
                "Other side: simlab's mock for OpenAI, LaunchDarkly: nothing is paid.",
                "live against simlab's mock: no real provider was called, nothing was paid",
            ),
            (
                &[("OpenAI", Real), (FLAG_SERVICE, Real)],
                "Other side: the real OpenAI, LaunchDarkly, which charges for calls.",
                "live: real providers were called and paid",
            ),
            (
                &[("OpenAI", ThisMachine), (FLAG_SERVICE, Mock)],
                "Other side: simlab's mock for LaunchDarkly; addresses of this machine for OpenAI (a mock, a local model or a gateway).",
                "live at addresses of this machine: OpenAI (a mock, a local model or a gateway)",
            ),
            (
                &[("OpenAI", Mock), ("Mistral", Real), (FLAG_SERVICE, Real)],
                "Other side: the real Mistral, LaunchDarkly, which charges for calls; simlab's mock for OpenAI.",
                "live: Mistral really called and paid; OpenAI at addresses of this machine; LaunchDarkly was the real one",
            ),
        ] {
            assert_eq!(told(&side(all)), line);
            assert_eq!(summary(side(all)).mode(), mode);
        }
        // A report of before has no such field.
        assert_eq!(summary(side(&[])).mode(), "live: real providers were called and paid");
    }
}
