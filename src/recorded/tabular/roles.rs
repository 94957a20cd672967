//! What a column is for, by its name: the names that tools and people give to units, variations,
//! times, events and values.
//!
//! Does not know: what is in a column.

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnRole {
    /// Who was in the experiment.
    Unit,
    /// What they got.
    Variation,
    /// When it happened.
    Time,
    /// Which experiment it belongs to.
    Experiment,
    /// The name of an event.
    Event,
    /// The value of an event.
    Value,
    /// What an event is recognized by when it comes twice.
    Id,
}

impl ColumnRole {
    /// Its usual names in lower case without separators, the likeliest first: those of GrowthBook,
    /// Eppo, Statsig, LaunchDarkly's Data Export, PostHog, Segment and Amplitude among them.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Unit => &[
                "unitid",
                "userid",
                "unit",
                "subject",
                "subjectid",
                "subjectkey",
                "entityid",
                "contextkey",
                "userkey",
                "user",
                "distinctid",
                "personid",
                "customerid",
                "accountid",
                "visitorid",
                "memberid",
                "organizationid",
                "orgid",
                "tenantid",
                "anonymousid",
                "deviceid",
                "clientid",
                "stableid",
                "sessionid",
                "id",
            ],
            Self::Variation => &[
                "variation",
                "variationid",
                "variant",
                "variantid",
                "variationname",
                "variantname",
                "variationkey",
                "variantkey",
                "arm",
                "treatment",
                "groupid",
                "group",
                "groupname",
                "treatmentgroup",
                "experimentgroup",
                "testgroup",
                "abgroup",
                "bucket",
                "condition",
                "assignment",
                "flagvalue",
                "featureflagresponse",
                "variationvalue",
            ],
            Self::Time => &[
                "timestamp",
                "ts",
                "time",
                "eventtime",
                "exposuretime",
                "exposedat",
                "firstexposuretimestamp",
                "firstexposure",
                "firstexposuretime",
                "assignedat",
                "assignmenttime",
                "receivedtime",
                "receivedat",
                "originaltimestamp",
                "createdat",
                "occurredat",
                "creationdate",
                "datetime",
                "date",
                "at",
            ],
            Self::Experiment => &[
                "experiment",
                "experimentid",
                "experimentkey",
                "experimentname",
                "flagkey",
                "featureflag",
                "featurekey",
                "flag",
                "testid",
                "testname",
            ],
            Self::Event => &[
                "event",
                "eventname",
                "eventtype",
                "eventkey",
                "metric",
                "metricname",
                "metrickey",
                "metricid",
                "fact",
                "factname",
                "name",
                "key",
            ],
            Self::Value => {
                &["value", "metricvalue", "eventvalue", "amount", "revenue", "number", "quantity"]
            }
            Self::Id => &[
                "eventid",
                "messageid",
                "insertid",
                "uuid",
                "dedupeid",
                "dedupekey",
                "requestid",
                "exportkey",
                "rowid",
                "id",
            ],
        }
    }

    /// How likely a column of this name has this role: 0 is the likeliest. `None` if it has not.
    #[must_use]
    pub fn rank(self, column: &str) -> Option<usize> {
        // The last part of a path, and no separators: `properties.$insert_id` is `insertid`.
        let name = column.rsplit('.').next().unwrap_or(column);
        let plain: String =
            name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        self.names().iter().position(|own| *own == plain)
    }

    /// The column that likeliest has this role.
    pub fn find<'n>(self, columns: impl Iterator<Item = &'n str>) -> Option<&'n str> {
        columns
            .filter_map(|name| Some((self.rank(name)?, name)))
            .min_by_key(|(rank, _)| *rank)
            .map(|(_, name)| name)
    }

    /// What it is called in messages.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Variation => "variation",
            Self::Time => "time",
            Self::Experiment => "experiment",
            Self::Event => "event",
            Self::Value => "value",
            Self::Id => "id",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_of_known_tools_have_their_roles() {
        let found = |role: ColumnRole, columns: &[&'static str]| {
            role.find(columns.iter().copied()).unwrap_or("none")
        };
        // GrowthBook's exposure query, Statsig's first exposures, Eppo's assignments, LaunchDarkly's
        // evaluation_events.
        for (columns, wanted) in [
            (
                vec!["user_id", "timestamp", "experiment_id", "variation_id"],
                ["user_id", "variation_id", "timestamp", "experiment_id"],
            ),
            (
                vec!["experiment_id", "group_id", "unit_id", "timestamp"],
                ["unit_id", "group_id", "timestamp", "experiment_id"],
            ),
            (
                vec!["subject", "variant", "timestamp", "experiment"],
                ["subject", "variant", "timestamp", "experiment"],
            ),
            (
                vec!["event_id", "flag_key", "context_key", "variation_id", "received_time"],
                ["context_key", "variation_id", "received_time", "flag_key"],
            ),
        ] {
            let roles =
                [ColumnRole::Unit, ColumnRole::Variation, ColumnRole::Time, ColumnRole::Experiment];
            assert_eq!(roles.map(|role| found(role, &columns)), wanted);
        }
        assert_eq!(
            found(ColumnRole::Id, &["user_id", "properties.$insert_id"]),
            "properties.$insert_id"
        );
        assert_eq!(found(ColumnRole::Value, &["cost", "arm"]), "none");
    }
}
