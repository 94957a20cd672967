//! Data of either kind, from a text to its report.
//!
//! Does not know: files.

use super::events::events_report;
use super::given::statistics;
use super::infer::look;
use super::outcome::statistics_report;
use super::plan::AnalysisPlan;
use crate::diagnostic::{Diagnostic, Mistakes, SourceText, Wanted, is_table, mistaken};
use crate::report::Report;
use crate::scenario::Scenario;

/// Analyzes data that nobody simulated: the text of a file of summary statistics (RON) or of
/// recorded events (one JSON event or one array of events per line), called `name` in the report.
///
/// `scenario` has the experiments, metrics and decision rules for recorded events. Without it the
/// events suggest them, as `simlab analyze` does. Summary statistics name their own and need none.
///
/// # Errors
/// All mistakes of summary statistics; of recorded events, that none can be read or that they hold
/// no experiment, or that the scenario's has a paired design. Single lines that cannot be read are counted in the report.
///
/// ```
/// let statistics = r#"(experiments: [(
///     key: "checkout", control: "old", metrics: {
///         "paid": (kind: Conversion, better: Higher, variations: {
///             "old": (exposures: 1000, conversions: 100),
///             "new": (exposures: 1000, conversions: 160),
///         }),
///     },
/// )])"#;
/// let report = simlab::analyze("checkout", statistics, None)?;
/// let new = &report.experiments[0].metrics[0].variations[1];
/// assert!(new.probability_to_beat_control.is_some_and(|share| share.get() > 0.99));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn analyze(name: &str, data: &str, scenario: Option<&Scenario>) -> Result<Report, Mistakes> {
    let data = data.strip_prefix('\u{feff}').unwrap_or(data);
    if is_table(data.as_bytes()) {
        return Err(Diagnostic::new(format!(
            "`{name}` is a table, and nothing says what its columns are"
        ))
        .help("`simlab analyze FILE` takes tables, and proposes the options that say it")
        .into());
    }
    if !data.trim_start().starts_with(['{', '[']) {
        let source = SourceText::new(name, data);
        let other = || mistaken(name, data.as_bytes(), Wanted::Data).map(Mistakes::from);
        let given = statistics(&source).map_err(|faults| other().unwrap_or(faults.into()))?;
        return Ok(statistics_report(name, &given));
    }
    let unreadable = |reason: String| {
        Mistakes::from(Diagnostic::new(format!("`{name}` cannot be analyzed: {reason}")).help(
            "expected one JSON event or one array of events per line, as LaunchDarkly's SDKs send them",
        ))
    };
    let plan = match scenario {
        Some(scenario) => AnalysisPlan::recorded(scenario)?,
        None => {
            let found = look(data.as_bytes()).map_err(|error| unreadable(error.to_string()))?;
            AnalysisPlan::inferred(name, &found, None).map_err(unreadable)?
        }
    };
    let report = events_report(&plan, || Ok(data.as_bytes()))
        .map_err(|error| unreadable(error.to_string()))?;
    match &report.data {
        Some(data) if data.events == data.malformed => {
            let first = data.faults.first().map_or_else(String::new, |fault| {
                format!(": line {}: {}", fault.line, fault.reason)
            });
            Err(unreadable(format!("it holds no event that can be read{first}")))
        }
        _ => Ok(report),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::load;

    #[test]
    fn events_of_a_run_give_its_experiment_and_other_texts_say_what_is_wrong() {
        let event = |user: u32, new: bool| {
            format!(
                r#"{{"kind":"feature","key":"checkout","creationDate":{},"context":{{"kind":"user","key":"u{user}"}},"variation":{},"value":{new},"reason":{{"kind":"FALLTHROUGH","inExperiment":true}}}}
{{"kind":"custom","key":"paid","creationDate":{},"context":{{"kind":"user","key":"u{user}"}}}}
"#,
                1_760_000_000_000_u64 + u64::from(user),
                u8::from(new),
                1_760_000_060_000_u64 + u64::from(user),
            )
        };
        let events: String = (0..40).map(|user| event(user, user % 2 == 0)).collect();
        let report = analyze("checkout", &events, None).unwrap();
        let exposures: Vec<u64> =
            report.experiments[0].exposures.0.iter().map(|(_, users)| *users).collect();
        assert_eq!(exposures, [20, 20]);

        for (text, said) in [
            ("{\"kind\": \"nothing\"}\n", "cannot be analyzed"),
            ("(experiments: [])", "no experiment"),
            ("", "is empty"),
            ("user,arm,paid\nu1,a,1\nu2,b,0\n", "is a table"),
        ] {
            let mistakes = analyze("data", text, None).unwrap_err().to_string();
            assert!(mistakes.contains(said), "{text}: {mistakes}");
        }
        let security = load("security").unwrap().scenario;
        let mistakes = analyze("data", "{]\n", Some(&security)).unwrap_err().to_string();
        assert!(mistakes.contains("line 1"), "{mistakes}");
    }
}
