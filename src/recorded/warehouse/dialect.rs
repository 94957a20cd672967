//! What differs between the SQL of warehouses, as far as the query needs it: names, texts, types
//! and times. All else in the query is the same everywhere.
//!
//! Does not know: the query.

/// The SQL of one kind of warehouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarehouseDialect {
    /// DuckDB.
    DuckDb,
    /// PostgreSQL.
    Postgres,
    /// Snowflake.
    Snowflake,
    /// BigQuery.
    BigQuery,
    /// Databricks.
    Databricks,
    /// Amazon Redshift.
    Redshift,
    /// ClickHouse.
    ClickHouse,
    /// Apache Spark.
    Spark,
}

/// Names that a query cannot use without quotes in one of the dialects or more.
const RESERVED: &str = "all analyse analyze and any array as asc at between both by case cast check collate column \
     constraint create cross current default delete desc distinct do drop else end except exists false fetch filter float for foreign from full \
     grant group grouping hash having if in inner insert intersect interval into is join lateral leading left like limit \
     merge natural new no not null nulls of offset old on only or order outer over partition placing primary proto qualify range references \
     right rows sample select set some start struct table tablesample then to trailing treat true unbounded union unique unnest \
     update user using values variadic view when where window with within";

impl WarehouseDialect {
    /// All of them, by the names that users write.
    pub const ALL: [(&'static str, Self); 8] = [
        ("duckdb", Self::DuckDb),
        ("postgres", Self::Postgres),
        ("snowflake", Self::Snowflake),
        ("bigquery", Self::BigQuery),
        ("databricks", Self::Databricks),
        ("redshift", Self::Redshift),
        ("clickhouse", Self::ClickHouse),
        ("spark", Self::Spark),
    ];

    /// Whether a backslash in a text in quotes begins an escape.
    fn has_escapes(self) -> bool {
        matches!(self, Self::BigQuery | Self::Databricks | Self::ClickHouse | Self::Spark)
    }

    /// A text as a literal.
    #[must_use]
    pub fn text(self, text: &str) -> String {
        let text = if self.has_escapes() {
            text.replace('\\', "\\\\").replace('\'', "\\'")
        } else {
            text.replace('\'', "''")
        };
        // A text of several lines has no place in the lines of a query.
        format!("'{}'", text.replace(['\n', '\r'], " "))
    }

    /// The name of a column: in quotes only where it needs them, because these make a name
    /// case-sensitive in Snowflake.
    #[must_use]
    pub fn name(self, name: &str) -> String {
        let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
        let plain = name.starts_with(letter)
            && name.chars().all(|c| letter(c) || c.is_ascii_digit())
            && !RESERVED.split_whitespace().any(|own| own.eq_ignore_ascii_case(name));
        // PostgreSQL folds a plain name to lower case, and one with capitals needs its quotes.
        let folded = self == Self::Postgres && name.chars().any(|c| c.is_ascii_uppercase());
        if plain && !folded {
            return name.to_owned();
        }
        match self {
            // Without quotes Snowflake's names are in capitals, so that a word has to be in capitals, too.
            Self::Snowflake if name.chars().all(|c| letter(c) || c.is_ascii_digit()) => {
                format!("\"{}\"", name.to_ascii_uppercase())
            }
            Self::BigQuery | Self::Databricks | Self::Spark | Self::ClickHouse => {
                format!("`{}`", name.replace('\\', "\\\\").replace('`', "``"))
            }
            _ => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    /// A table by its name with the schema's before it, or whatever the dialect reads as a table,
    /// such as `read_parquet('events/*.parquet')`: what has quotes or brackets stays as it is.
    #[must_use]
    pub fn table(self, table: &str) -> String {
        if table.contains(['\'', '"', '`', '(']) {
            return table.to_owned();
        }
        if self == Self::BigQuery && table.contains('-') {
            return format!("`{table}`");
        }
        table.split('.').map(|part| self.name(part)).collect::<Vec<_>>().join(".")
    }

    /// The type of floating-point numbers of 64 bits.
    fn double(self) -> &'static str {
        match self {
            Self::Postgres | Self::Redshift => "DOUBLE PRECISION",
            Self::BigQuery => "FLOAT64",
            Self::ClickHouse => "Nullable(Float64)",
            Self::DuckDb | Self::Snowflake | Self::Databricks | Self::Spark => "DOUBLE",
        }
    }

    /// An expression as a floating-point number.
    #[must_use]
    pub fn number(self, expression: &str) -> String {
        format!("CAST({expression} AS {})", self.double())
    }

    /// An expression as text.
    #[must_use]
    pub fn as_text(self, expression: &str) -> String {
        let kind = match self {
            Self::BigQuery | Self::Databricks | Self::Spark => "STRING",
            Self::ClickHouse => "Nullable(String)",
            _ => "VARCHAR",
        };
        format!("CAST({expression} AS {kind})")
    }

    /// True or false, or 1 or 0, as 1 or 0.
    #[must_use]
    pub fn flag(self, expression: &str) -> String {
        let kind = match self {
            Self::BigQuery => "INT64",
            Self::ClickHouse => "Nullable(Int64)",
            _ => "INTEGER",
        };
        format!("CAST({expression} AS {kind})")
    }

    /// A moment as milliseconds since 1970.
    #[must_use]
    pub fn milliseconds(self, time: &str) -> String {
        match self {
            Self::DuckDb => format!("epoch_ms({time})"),
            Self::Postgres => format!("CAST(FLOOR(EXTRACT(EPOCH FROM {time}) * 1000) AS BIGINT)"),
            Self::Snowflake => format!("DATE_PART(EPOCH_MILLISECOND, {time})"),
            Self::BigQuery => format!("UNIX_MILLIS(CAST({time} AS TIMESTAMP))"),
            Self::Databricks | Self::Spark => format!("unix_millis(CAST({time} AS TIMESTAMP))"),
            Self::Redshift => {
                format!("DATEDIFF(millisecond, CAST('1970-01-01 00:00:00' AS TIMESTAMP), {time})")
            }
            Self::ClickHouse => format!("toUnixTimestamp64Milli(toDateTime64({time}, 3))"),
        }
    }

    /// A whole number of milliseconds since 1970 from a number of seconds or milliseconds.
    #[must_use]
    pub fn whole(self, number: &str) -> String {
        let kind = match self {
            Self::BigQuery => "INT64",
            Self::ClickHouse => "Nullable(Int64)",
            _ => "BIGINT",
        };
        format!("CAST({number} AS {kind})")
    }

    /// What is said of the dialect at the end of a query.
    #[must_use]
    pub fn ending(self) -> &'static str {
        // Without it ClickHouse gives 0 and an empty text where a join finds nothing.
        if self == Self::ClickHouse { "\nSETTINGS join_use_nulls = 1" } else { "" }
    }
}
