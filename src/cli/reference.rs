//! `simlab reference`: every field of a scenario file, and of the JSON that commands print.
//!
//! Does not know: what a field means; the types do.

use super::args::{Described, ReferenceFormat};
use super::commands::{Ended, ListEntry, print};
use super::drive::DriveOutput;
use crate::live::calibrate::CalibrationOutput;
use crate::live::estimate::EstimateOutput;
use crate::plan::{PairedPlan, PlanAnswer};
use crate::power::Power;
use crate::recorded::StatisticsRow;
use crate::report::{Report, input_schema, output_page, output_schema};
use crate::scenario::{self, WrittenAnswers, WrittenAppForm};
use crate::traces::TraceCalibration;

const REPORT: &str = r#"# Every field of a report

`simlab run`, `analyze`, `report` and `replay` print a report as JSON with `--format json`, and
`--out DIR` saves it as `report.json`. This page has all of its fields. Scripts can rely on them:
fields are added, and never change their meaning.

This page is the output of `simlab reference report`, made from the types that a report is written
from. `simlab reference report --format json` prints the same as a JSON Schema (draft 2020-12), to
validate a report or to generate types. `power`, `plan`, `paired-plan`, `estimate`, `calibrate`, `calibrate-traces`, `list` and `drive` in the
place of `report` describe the JSON of those commands. A script reads a field like this:

```sh
simlab run security --format json > report-of-security.json
python3 -c 'import json; print(json.load(open("report-of-security.json"))["experiments"][0]["verdict"]["headline"])'
```

Rates and relative differences are fractions: 0.0114 is +1.14%. Probabilities are between 0 and 1.
Latency is in milliseconds, money in dollars. A value that is missing is null; a field that does not
apply to an experiment is left out. Intervals have the experiment's `threshold` as their
probability.
"#;
const POWER: &str = "# Every field of `simlab power --format json`

Shares and relative differences are fractions; money is in dollars; a value that is missing is null.
Every estimate has its Monte Carlo standard error: how far it would move with other replications.
";
const PLAN: &str = "# Every field of `simlab plan --format json`

Rates, shares and relative differences are fractions; money is in dollars; a value that is missing
is null. The metric's values are in its unit.
";
const PAIRED_PLAN: &str = "# Every field of `simlab plan --paired --format json`

Scores and their standard deviations are in the score's unit; money is in dollars.
";
const ESTIMATE: &str = "# Every field of `simlab estimate --format json`
";
const CALIBRATE: &str = "# Every field of `simlab calibrate --format json` with a recording
";
const CALIBRATE_TRACES: &str = "# Every field of `simlab calibrate --format json` with traces
";
const ANSWERS: &str = "# Every field of a file of scripted answers

`simlab serve --answers FILE` reads such a file, in RON or JSON, and `PUT /_simlab/answers` takes the
same. A file may also be the list of `rules` alone.
";
const DRIVE: &str = "# Every field of `simlab drive --format json`
";
const APP: &str = "# Every field of a file that says how an app is asked

`simlab drive URL --app FILE` reads such a file, in RON or JSON.
";
const SQL: &str = "# Every column of the sufficient statistics

`simlab sql` prints a query; its result has one row for each metric and variation, with these
columns. `simlab analyze` takes the rows as CSV, TSV, JSON lines, a JSON array, Parquet or Arrow
IPC, with the names of the columns in any order and in capitals or not. Rows from elsewhere need the
columns that their kind uses; the others may be empty or missing.

Sums of squares and products are of the users' distances from the variation's own mean: the variance
is `dev_value_squared / (users_counted - 1)`. So nothing cancels where a mean is large and its spread
is small.
";
const LIST: &str = "# Every field of `simlab list --format json`

The output is a list. Each entry has these fields.
";

/// Prints the reference of a scenario file or of an output.
pub fn reference(what: Described, format: ReferenceFormat) -> Ended {
    let (head, schema) = match what {
        Described::Scenario => {
            return print(&match format {
                ReferenceFormat::Markdown => scenario::reference(),
                ReferenceFormat::Json => format!("{:#}\n", scenario::schema()),
            });
        }
        Described::Report => (REPORT, output_schema::<Report>("Report")),
        Described::Power => (POWER, output_schema::<Power>("Power analysis")),
        Described::Plan => (PLAN, output_schema::<PlanAnswer>("Plan")),
        Described::PairedPlan => (PAIRED_PLAN, output_schema::<PairedPlan>("Paired plan")),
        Described::Estimate => (ESTIMATE, output_schema::<EstimateOutput>("Estimate")),
        Described::Calibrate => (CALIBRATE, output_schema::<CalibrationOutput>("Calibration")),
        Described::CalibrateTraces => {
            (CALIBRATE_TRACES, output_schema::<TraceCalibration>("Calibration from traces"))
        }
        Described::Answers => (ANSWERS, input_schema::<WrittenAnswers>("Scripted answers")),
        Described::Drive => (DRIVE, output_schema::<DriveOutput>("Driven traffic")),
        Described::App => (APP, input_schema::<WrittenAppForm>("How an app is asked")),
        Described::Sql => (SQL, output_schema::<StatisticsRow>("Sufficient statistics")),
        Described::List => (LIST, output_schema::<Vec<ListEntry>>("Built-in scenarios")),
    };
    print(&match format {
        ReferenceFormat::Markdown => output_page(head, &schema),
        ReferenceFormat::Json => format!("{schema:#}\n"),
    })
}
