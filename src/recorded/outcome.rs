//! From given data to the same report that a run has.
//!
//! Does not know: where the data came from beyond a name, or how a report is printed.

use super::given::Statistics;
use crate::analysis::analyze;
use crate::report::{DataOrigin, Report, ReportSupplements};
use crate::verdict::decide;

/// The report on summary statistics; `name` is the data file's.
#[must_use]
pub fn statistics_report(name: &str, given: &Statistics) -> Report {
    let mut report = Report::new(name, DataOrigin::Data, None, given.fingerprint.clone());
    report.assumptions.clone_from(&given.assumptions);
    for study in &given.studies {
        let analysis = analyze(&study.experiment, &study.data);
        let verdict = study.rule.as_ref().map(|rule| decide(rule, &study.experiment, &analysis));
        let shown = Report::experiment(
            &study.experiment,
            &analysis,
            verdict.as_ref(),
            ReportSupplements::default(),
        );
        if let Some(expect) = &study.expect {
            report.expectations.extend(expect.check(&shown));
        }
        report.experiments.push(shown);
    }
    report
}
