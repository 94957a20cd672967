//! What is asked of a table: the columns of units and variations, the metrics, and how cases of
//! doubt are decided.
//!
//! Does not know: the table.

use std::fmt;
use std::str::FromStr;

use crate::experiment::{Aggregation, Better, Denominator, Metric, Missing, Statistic};
use crate::quantity::Probability;

/// What a metric of a table compares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TableStatistic {
    /// The share of units for which it is true, or that have the event.
    Rate,
    /// The mean over the units of a unit's sum.
    Mean,
    /// The mean over the units of a unit's average.
    Average,
    /// The mean over the units of a unit's number of events.
    Count,
    /// A percentile of the units' averages.
    Percentile(Probability),
    /// One sum over all units by another.
    Ratio,
}

/// Where values are cut, so that a few large ones do not decide (winsorization).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TableCap {
    /// At this value.
    At(f64),
    /// At a percentile of the values of all units, whatever their variation.
    Percentile(Probability),
}

/// As the command line writes it: `p99`, `250`.
impl fmt::Display for TableCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(value) => write!(f, "{value}"),
            Self::Percentile(p) => write!(f, "p{}", in_percent(*p)),
        }
    }
}

/// A probability in percent: 0.07 times 100 is not 7 to the last bit.
fn in_percent(p: Probability) -> f64 {
    (p.get() * 1e8).round() / 1e6
}

/// A metric as the command line writes it: `COLUMN:STATISTIC[:up|:down][:cap=VALUE|:cap=p99]`.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricRequest {
    /// The column, or of a ratio the upper one.
    pub column: String,
    /// The column that a ratio divides by.
    pub per: Option<String>,
    /// What is compared.
    pub statistic: TableStatistic,
    /// Which direction is good; `None` where nothing is said.
    pub better: Option<Better>,
    /// Where its values are cut; `None`: nowhere.
    pub cap: Option<TableCap>,
}

/// The statistics by their names, for messages.
const STATISTICS: &str = "rate, mean, average, count, median, p95 (any from p1 to p99.9) or ratio";

impl FromStr for MetricRequest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut rest, mut better, mut cap) = (text, None, None);
        while let Some((before, word)) = rest.rsplit_once(':') {
            match word {
                "up" | "higher" if better.is_none() => better = Some(Better::Higher),
                "down" | "lower" if better.is_none() => better = Some(Better::Lower),
                _ => match word.strip_prefix("cap=") {
                    Some(own) if cap.is_none() => cap = Some(cap_of(own)?),
                    _ => break,
                },
            }
            rest = before;
        }
        let Some((column, name)) = rest.rsplit_once(':').filter(|(column, _)| !column.is_empty())
        else {
            return Err(format!(
                "expected COLUMN:STATISTIC[:up|:down], such as {}:mean:down; a statistic is {STATISTICS}",
                if rest.is_empty() { "cost_usd" } else { rest }
            ));
        };
        let (column, per) = match (name, column.split_once('/')) {
            ("ratio", Some((over, under))) if !over.is_empty() && !under.is_empty() => {
                (over.to_owned(), Some(under.to_owned()))
            }
            ("ratio", _) => {
                return Err(format!(
                    "a ratio divides one column by another: expected such as cost_usd/requests:ratio:down, found `{column}`"
                ));
            }
            _ => (column.to_owned(), None),
        };
        let statistic = match name {
            "rate" | "conversion" => TableStatistic::Rate,
            "mean" | "sum" => TableStatistic::Mean,
            "average" => TableStatistic::Average,
            "count" => TableStatistic::Count,
            "median" => TableStatistic::Percentile(Probability::clamped(0.5)),
            "ratio" => TableStatistic::Ratio,
            _ => percentile(name).ok_or_else(|| {
                let nearest =
                    if better.is_none() && ["upp", "dwon", "donw", "high", "low"].contains(&name) {
                        "; a direction is up or down"
                    } else {
                        ""
                    };
                format!("unknown statistic `{name}`: expected {STATISTICS}{nearest}")
            })?,
        };
        let capped = matches!(
            statistic,
            TableStatistic::Mean | TableStatistic::Average | TableStatistic::Count
        );
        if cap.is_some() && !capped {
            return Err(format!(
                "only a mean, an average or a count has a `cap`, not `{name}`: a rate has no large values, a percentile is not moved by them, and a ratio has two columns"
            ));
        }
        Ok(Self { column, per, statistic, better, cap })
    }
}

/// `p99` or `250`.
fn cap_of(text: &str) -> Result<TableCap, String> {
    if let Some(TableStatistic::Percentile(p)) = percentile(text) {
        return Ok(TableCap::Percentile(p));
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(TableCap::At(value)),
        _ => Err(format!(
            "expected a value or a percentile to cut at, such as cap=250 or cap=p99 (p1 to p99.9), found `{text}`"
        )),
    }
}

/// `p95` or `p99.9`.
fn percentile(name: &str) -> Option<TableStatistic> {
    let percent: f64 = name.strip_prefix(['p', 'P'])?.parse().ok()?;
    (1.0..=99.9)
        .contains(&percent)
        .then(|| TableStatistic::Percentile(Probability::clamped(percent / 100.0)))
}

/// Without its direction, which is the metric's key in the report.
impl fmt::Display for MetricRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.column)?;
        if let Some(per) = &self.per {
            write!(f, "/{per}")?;
        }
        match self.statistic {
            TableStatistic::Rate => f.write_str(":rate"),
            TableStatistic::Mean => f.write_str(":mean"),
            TableStatistic::Average => f.write_str(":average"),
            TableStatistic::Count => f.write_str(":count"),
            TableStatistic::Percentile(p) => write!(f, ":p{}", in_percent(p)),
            TableStatistic::Ratio => f.write_str(":ratio"),
        }?;
        match &self.cap {
            Some(cap) => write!(f, ":cap={cap}"),
            None => Ok(()),
        }
    }
}

/// What ends a rate's key as an event, apart from the sums of the same column.
const OCCURS: &str = ":rate";
/// What ends the key of an event that stands for one occurrence.
const COUNTED: &str = ":count";

impl MetricRequest {
    /// The key of the events that it counts.
    #[must_use]
    pub fn event(&self) -> String {
        let own = match self.statistic {
            TableStatistic::Rate => format!("{}{OCCURS}", self.column),
            TableStatistic::Count => format!("{}{COUNTED}", self.column),
            _ => self.column.clone(),
        };
        // Values that are cut are others than those that are not.
        match &self.cap {
            Some(cap) => format!("{own}:cap={cap}"),
            None => own,
        }
    }

    /// The columns whose values it needs, each once.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        let per = self.per.iter().filter(|per| **per != self.column);
        std::iter::once(self.column.as_str()).chain(per.map(String::as_str))
    }

    /// Which direction is good: as asked, else by the name of the column.
    #[must_use]
    pub fn direction(&self) -> Better {
        self.better.unwrap_or_else(|| usual_direction(&self.column))
    }

    /// As the analysis knows it; units without a value count as `missing`.
    #[must_use]
    pub fn metric(&self, missing: Missing) -> Metric {
        let key = self.to_string();
        Metric {
            name: String::new(),
            event: self.event(),
            aggregation: match self.statistic {
                TableStatistic::Rate => Aggregation::Occurrence,
                TableStatistic::Mean | TableStatistic::Count | TableStatistic::Ratio => {
                    Aggregation::Sum
                }
                TableStatistic::Average | TableStatistic::Percentile(_) => Aggregation::Average,
            },
            statistic: match self.statistic {
                TableStatistic::Percentile(p) => Statistic::Percentile(p),
                _ => Statistic::Mean,
            },
            // A unit without a value has no average.
            missing: match self.statistic {
                TableStatistic::Percentile(_) | TableStatistic::Average => Missing::Exclude,
                _ => missing,
            },
            better: self.direction(),
            unit: self.unit().to_owned(),
            prior_variance: None,
            prior: None,
            judge: None,
            smallest_effect: 0.0,
            per: self.per.clone().map(Denominator::Values),
            key,
        }
    }

    /// The unit of measure that the name of the column tells.
    fn unit(&self) -> &'static str {
        if matches!(
            self.statistic,
            TableStatistic::Rate | TableStatistic::Count | TableStatistic::Ratio
        ) {
            return "";
        }
        let name = self.column.to_lowercase();
        let has = |part: &str| name.split(|c: char| !c.is_alphanumeric()).any(|own| own == part);
        [
            (["usd", "dollars"], "$"),
            (["ms", "milliseconds"], "ms"),
            (["seconds", "secs"], "s"),
            (["tokens", "token"], "tokens"),
        ]
        .iter()
        .find(|(names, _)| names.iter().any(|part| has(part)))
        .map_or("", |(_, unit)| unit)
    }
}

/// Parts of a name of which less is better.
const LESS_IS_BETTER: &[&str] = &[
    "cost",
    "costs",
    "usd",
    "spend",
    "latency",
    "duration",
    "ms",
    "milliseconds",
    "seconds",
    "wait",
    "delay",
    "error",
    "errors",
    "failure",
    "failures",
    "failed",
    "timeout",
    "timeouts",
    "token",
    "tokens",
    "negative",
    "refund",
    "refunds",
    "churn",
    "churned",
    "unsubscribed",
    "complaint",
    "complaints",
    "crash",
    "crashes",
    "bounce",
    "bounced",
    "escalated",
    "retries",
];

/// The direction that the name of a column suggests.
fn usual_direction(column: &str) -> Better {
    let name = column.to_lowercase();
    let less =
        name.split(|c: char| !c.is_alphanumeric()).any(|part| LESS_IS_BETTER.contains(&part));
    if less { Better::Lower } else { Better::Higher }
}

/// What becomes of a unit that has rows of two variations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CrossedUnits {
    /// It is left out.
    #[default]
    Exclude,
    /// It counts for the variation that comes first.
    First,
}

/// What is asked of a table.
#[derive(Clone, Debug)]
pub struct TableRequest {
    /// The name of the report: the file's.
    pub name: String,
    /// The column of the units.
    pub unit: String,
    /// The column of the variations.
    pub variation: String,
    /// The variation that the others are compared with; `None` takes the likely one.
    pub control: Option<String>,
    /// The planned split.
    pub split: Option<String>,
    /// The metrics, the primary one first.
    pub metrics: Vec<MetricRequest>,
    /// The column with what a unit did before the experiment.
    pub covariate: Option<String>,
    /// What becomes of units with two variations.
    pub crossed: CrossedUnits,
    /// What a unit without a value counts as.
    pub missing: Missing,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_read_and_named() {
        for (text, key, better) in [
            ("resolved:rate", "resolved:rate", Better::Higher),
            ("cost_usd:mean", "cost_usd:mean", Better::Lower),
            ("cost_usd:mean:up", "cost_usd:mean", Better::Higher),
            ("latency_ms:p95:down", "latency_ms:p95", Better::Lower),
            ("a:b:p99.9", "a:b:p99.9", Better::Higher),
            ("cost/requests:ratio:down", "cost/requests:ratio", Better::Lower),
            ("seen:median", "seen:p50", Better::Higher),
            ("cost:mean:cap=p99:up", "cost:mean:cap=p99", Better::Higher),
            ("cost:average:down:cap=2.5", "cost:average:cap=2.5", Better::Lower),
        ] {
            let asked: MetricRequest = text.parse().unwrap();
            assert_eq!((asked.to_string().as_str(), asked.direction()), (key, better), "{text}");
            assert_eq!(asked.to_string().parse::<MetricRequest>().unwrap().to_string(), key);
        }
        for (text, said) in [
            ("cost", "expected COLUMN:STATISTIC"),
            ("", "cost_usd:mean:down"),
            (":mean", "expected COLUMN:STATISTIC"),
            ("cost:avg", "unknown statistic `avg`"),
            ("cost:p100", "unknown statistic `p100`"),
            ("cost:pNaN", "unknown statistic"),
            ("cost:ratio", "divides one column by another"),
            ("/x:ratio", "divides one column by another"),
            ("cost:mean:cap=high", "cap=250 or cap=p99"),
            ("cost:p95:cap=p99", "only a mean, an average or a count"),
            ("cost:mean:up:down", "unknown statistic `up`"),
        ] {
            let reason = text.parse::<MetricRequest>().unwrap_err();
            assert!(reason.contains(said), "{text}: {reason}");
        }
    }
}
