//! The report for CI: each of the scenario's expectations is a test case.
//!
//! Without expectations each line of each decision rule is a case that passes whatever it says:
//! running is not failing.

use super::data::Report;
use super::escape::xml;

/// The report as JUnit XML.
#[must_use]
pub fn to_junit(report: &Report) -> String {
    let failed = report.expectations.iter().filter(|expectation| !expectation.passed).count();
    let seconds = report
        .traffic
        .as_ref()
        .and_then(|traffic| traffic.virtual_seconds)
        .map_or(0.0, super::Number::get);
    let mut cases = String::new();
    let class = xml(&report.scenario);
    for expectation in &report.expectations {
        let name = xml(&expectation.name);
        let message = xml(&expectation.message);
        if expectation.passed {
            cases += &format!("    <testcase classname=\"{class}\" name=\"{name}\"/>\n");
        } else {
            cases += &format!(
                "    <testcase classname=\"{class}\" name=\"{name}\">\n      <failure message=\"{message}\">{message}</failure>\n    </testcase>\n"
            );
        }
    }
    let mut count = report.expectations.len();
    if count == 0 {
        for experiment in &report.experiments {
            let class = xml(&format!("{}.{}", report.scenario, experiment.key));
            let Some(verdict) = &experiment.verdict else { continue };
            for line in &verdict.because {
                let word = line.mark().word;
                cases += &format!(
                    "    <testcase classname=\"{class}\" name=\"{}\">\n      <system-out>{word}: found {}, required {}</system-out>\n    </testcase>\n",
                    xml(&line.criterion),
                    xml(&line.found),
                    xml(&line.required)
                );
                count += 1;
            }
        }
    }
    let headlines: Vec<String> = report
        .experiments
        .iter()
        .filter_map(|experiment| {
            Some(format!("{}: {}", experiment.key, experiment.verdict.as_ref()?.headline))
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"simlab\" tests=\"{count}\" failures=\"{failed}\">\n  <testsuite \
         name=\"{class}\" tests=\"{count}\" failures=\"{failed}\" errors=\"0\" skipped=\"0\" time=\"{seconds}\">\n{cases}    \
         <system-out>{}</system-out>\n  </testsuite>\n</testsuites>\n",
        xml(&headlines.join(" "))
    )
}
