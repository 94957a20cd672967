"""The queries of `simlab sql` on real engines: `simlab analyze` on the rows that they return has to say what it says on the raw rows.

    python .ci/warehouses/check.py target/debug/simlab [--spark]

The tables and the notebook that `run --out` writes are held to the report of the run. DuckDB and ClickHouse (chdb) are Python packages. PostgreSQL is the system's own server, started for this in a folder of its own. Spark
(pyspark, with Java) takes minutes, and runs in the place of the others when asked. sqlglot, which knows all eight dialects, reads every query.
"""

import csv
import datetime
import glob
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import nbformat
import sqlglot

DIALECTS = ["duckdb", "postgres", "snowflake", "bigquery", "databricks", "redshift", "clickhouse", "spark"]
SIMLAB = os.path.realpath(sys.argv[1])
COUNTRIES = ["DE", "FR", "it's"]
FOLDER = Path(tempfile.mkdtemp(prefix="warehouses-"))

EVENTS = ["--metric", "order:rate", "--metric", "order:mean:up", "--metric", "order:mean:cap=p95:up", "--metric", "order:count",
          "--metric", "latency:p95:down", "--metric", "latency:median:down", "--metric", "latency:average:down",
          "--metric", "order/visit:ratio:up", "--metric", "order:mean:cap=40"]
UNITS = ["--unit", "user_id", "--variation", "arm", "--covariate", "cost_before",
         "--metric", "resolved:rate:up", "--metric", "cost_usd:mean:down", "--metric", "cost_usd:mean:down:cap=p90",
         "--metric", "latency_ms:p95:down", "--metric", "seconds:p90:down", "--metric", "cost_usd/requests:ratio:down"]


def simlab(*words, text=None):
    """What the program prints."""
    ran = subprocess.run([SIMLAB, *words], input=text, capture_output=True, text=True, cwd=FOLDER)
    if ran.returncode != 0:
        sys.exit(f"simlab {' '.join(words)}\n{ran.stderr}")
    return ran.stdout


def make():
    """A table of exposures and one of events: users of two arms, repeated ids, events without a value, and events before the exposure."""
    luck = random.Random(17)
    start = datetime.datetime(2026, 11, 1, 10, tzinfo=datetime.timezone.utc)

    def when(minutes):
        return (start + datetime.timedelta(minutes=minutes, milliseconds=luck.randrange(1000))).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]

    with open(FOLDER / "seen.csv", "w") as seen, open(FOLDER / "happened.csv", "w") as happened, open(FOLDER / "users.csv", "w") as users:
        print("user_id,variation_id,timestamp,country", file=seen)
        print("event_id,user_id,event,value,timestamp", file=happened)
        print("user_id,arm,resolved,cost_usd,requests,latency_ms,seconds,cost_before", file=users)
        number = 0

        def event(user, name, value, minutes):
            nonlocal number
            number += 1
            row = f"e{number},u{user},{name},{value},{when(minutes)}"
            for _ in range(2 if luck.random() < 0.03 else 1):
                print(row, file=happened)

        for user in range(3000):
            arm = luck.choice(["control", "new", "new 'b'"])
            at = luck.randrange(4000)
            country = COUNTRIES[user % 7 % 3]
            print(f"u{user},{arm},{when(at)},{country}", file=seen)
            if luck.random() < 0.4:
                print(f"u{user},{arm},{when(at + luck.randrange(1, 900))},{country}", file=seen)
            if luck.random() < 0.02:
                print(f"u{user},control,{when(at + 50)},{country}", file=seen)
            taste = luck.lognormvariate(0, 0.7)
            for minutes in [at - luck.randrange(1, 9000) for _ in range(luck.randrange(4))] + [at + luck.randrange(15000) for _ in range(luck.randrange(6))]:
                event(user, "visit", "", minutes)
                event(user, "latency", round(luck.lognormvariate(6, 0.4)), minutes)
                if luck.random() < 0.3:
                    event(user, "order", round(20 * taste * luck.lognormvariate(0, 0.4), 2), minutes + 1)
        for user in range(2500):
            arm = luck.choice("ab")
            for _ in range(1 + (luck.random() < 0.2)):
                before = "" if luck.random() < 0.02 else round(luck.lognormvariate(-2, 0.6), 4)
                requests = 1 + int(luck.expovariate(0.5))
                cost = round((before or 0.2) * 0.8 + requests * luck.uniform(0.01, 0.03), 4)
                latency = "" if luck.random() < 0.05 else round(luck.lognormvariate(7.2, 0.5))
                row_of = luck.choice("ab") if luck.random() < 0.01 else arm
                first_before = before if _ == 0 else first_before
                print(f"u{user},{row_of},{int(luck.random() < 0.55)},{cost},{requests},{latency},{luck.randrange(1, 9)},{first_before}", file=users)


def compare(one, other, path=""):
    """The places at which two reports differ by more than 1e-9."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [fault for key in {**one, **other} for fault in compare(one.get(key), other.get(key), f"{path}/{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [fault for nth, (a, b) in enumerate(zip(one, other)) for fault in compare(a, b, f"{path}/{nth}")]
    if isinstance(one, (int, float)) and isinstance(other, (int, float)) and not isinstance(one, bool):
        return [] if math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12) else [f"{path}: {one} and {other}"]
    return [] if one == other else [f"{path}: {one!r} and {other!r}"]


def numbers(value):
    """How many numbers there are in a report."""
    if isinstance(value, (dict, list)):
        return sum(map(numbers, value.values() if isinstance(value, dict) else value))
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def experiment(report):
    """What a report says of its experiment; its name and its doubts about the raw rows are not in the statistics."""
    own = json.loads(json.dumps(report["experiments"][0]))
    for key in ["key", "name"]:
        own.pop(key, None)
    own["health"] = [one for one in own["health"] if one["check"] not in ["values", "missing_values", "repeated_rows", "covariate", "events", "rows", "mixed_units", "clock", "clock_skew", "duplicate_ids"]]
    return own


class Duck:
    """DuckDB."""

    dialect = "duckdb"

    def __init__(self):
        self.own = duckdb.connect()
        for table, file in [("seen", "seen.csv"), ("happened", "happened.csv"), ("users", "users.csv")]:
            self.own.execute(f"CREATE TABLE {table} AS FROM read_csv('{FOLDER / file}')")

    def rows(self, query):
        found = self.own.execute(query)
        return [column[0] for column in found.description], found.fetchall()


class ClickHouse:
    """ClickHouse, as chdb runs it in this process."""

    dialect = "clickhouse"

    def __init__(self):
        from chdb import session

        self.own = session.Session()
        kinds = {
            "seen": "user_id String, variation_id String, timestamp DateTime64(3, 'UTC'), country String",
            "happened": "event_id String, user_id String, event String, value Nullable(Float64), timestamp DateTime64(3, 'UTC')",
            "users": "user_id String, arm String, resolved Nullable(Bool), cost_usd Nullable(Float64), requests Nullable(Int64), latency_ms Nullable(Float64), seconds Nullable(Int64), cost_before Nullable(Float64)",
        }
        for table, columns in kinds.items():
            self.own.query(f"CREATE TABLE {table} ENGINE = Memory AS SELECT * FROM file('{FOLDER / table}.csv', CSVWithNames, '{columns.replace(chr(39), chr(92) + chr(39))}')")

    def rows(self, query):
        lines = str(self.own.query(query.rstrip().rstrip(";"), "CSVWithNames")).splitlines()
        head, *rows = csv.reader(lines)
        return head, [[None if cell == r"\N" else cell for cell in row] for row in rows]


class Postgres:
    """PostgreSQL, a server of its own on a socket in the folder."""

    dialect = "postgres"

    def __init__(self):
        found = shutil.which("initdb") or next(iter(sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))), None)
        if not found:
            sys.exit("PostgreSQL's server is needed (Debian: apt-get install postgresql)")
        self.bin = os.path.dirname(os.path.realpath(found))
        self.place = FOLDER / "postgres"
        self.place.mkdir()
        # The server refuses to run as root.
        self.user = {"user": "nobody"} if os.geteuid() == 0 else {}
        if self.user:
            shutil.chown(self.place, "nobody")
            FOLDER.chmod(0o755)
        self.run("initdb", "-D", f"{self.place}/data", "-U", "checker", "--auth=trust", "-E", "UTF8", "--locale=C", "-N")
        self.run("pg_ctl", "-D", f"{self.place}/data", "-w", "-l", f"{self.place}/log", "-o", f"-k {self.place} -c listen_addresses= -c timezone=UTC -F", "start")
        kinds = {
            "seen": "user_id text, variation_id text, timestamp timestamptz, country text",
            "happened": "event_id text, user_id text, event text, value double precision, timestamp timestamptz",
            "users": "user_id text, arm text, resolved int, cost_usd numeric, requests int, latency_ms int, seconds int, cost_before double precision",
        }
        for table, columns in kinds.items():
            self.sql(f"CREATE TABLE {table} ({columns}); COPY {table} FROM STDIN WITH (FORMAT csv, HEADER);", (FOLDER / f"{table}.csv").read_text())

    def run(self, program, *words, text=None):
        own = subprocess.run([f"{self.bin}/{program}", *words], input=text, capture_output=program != "pg_ctl", text=True, cwd="/", **self.user)
        if own.returncode != 0:
            sys.exit(f"{program}: {own.stderr or ''}{own.stdout or ''}")
        return own.stdout

    def sql(self, statement, text=None):
        return self.run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "--csv", "-P", "null=", "-h", str(self.place), "-U", "checker", "-d", "postgres", "-c", statement, text=text)

    def rows(self, query):
        head, *rows = csv.reader(self.sql(query).splitlines())
        return head, [[cell or None for cell in row] for row in rows]

    def stop(self):
        self.run("pg_ctl", "-D", f"{self.place}/data", "-m", "immediate", "stop")


class Spark:
    """Spark on this machine."""

    dialect = "spark"

    def __init__(self):
        from pyspark.sql import SparkSession

        self.own = (SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.sql.session.timeZone", "UTC")
                    .config("spark.sql.shuffle.partitions", "4").config("spark.log.level", "ERROR").getOrCreate())
        for table in ["seen", "happened", "users"]:
            read = self.own.read.option("header", True).option("inferSchema", True).csv(str(FOLDER / f"{table}.csv"))
            read.createOrReplaceTempView(table)

    def rows(self, query):
        found = self.own.sql(query.rstrip().rstrip(";"))
        return found.columns, [list(row) for row in found.collect()]


def saved(head, rows):
    """Rows as a file, as a warehouse's client saves them."""
    file = FOLDER / "stats.csv"
    with open(file, "w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(head)
        writer.writerows([["" if cell is None else repr(cell) if isinstance(cell, float) else cell for cell in row] for row in rows])
    return str(file)


CASES = {
    "exposures and events": (
        ["--exposures", "seen", "--events", "happened", "--columns", "id=event_id", *EVENTS],
        ["--exposures", "seen.csv", "--events", "happened.csv", *EVENTS],
        [],
    ),
    "a window, a pre-period and an end": (
        ["--exposures", "seen", "--events", "happened", "--columns", "id=event_id", "--window", "7d", "--pre-period", "5d", "--until", "2026-11-06", *EVENTS],
        ["--exposures", "seen.csv", "--events", "happened.csv", "--window", "7d", "--pre-period", "5d", "--until", "2026-11-06", *EVENTS],
        [],
    ),
    "the first exposure counts": (
        ["--exposures", "seen", "--events", "happened", "--columns", "id=event_id", "--users-in-two-arms", "first", "--missing", "exclude", *EVENTS],
        ["--exposures", "seen.csv", "--events", "happened.csv", "--users-in-two-arms", "first", "--missing", "exclude", *EVENTS],
        [],
    ),
    "a table of users": (
        ["--table", "users", "--split", "a=50%,b=50%", "--control", "a", *UNITS],
        ["users.csv", "--split", "50/50", "--control", "a", *UNITS],
        [],
    ),
}


def of_parts(engine):
    """The rows of segments and days of an engine, next to the raw rows of each segment and up to each day. Returns the differences."""
    tables = ["--exposures", "seen", "--events", "happened", "--columns", "id=event_id"]

    def report(*words):
        file = saved(*engine.rows(simlab("sql", "--dialect", engine.dialect, *tables, *words, *EVENTS)))
        return json.loads(simlab("analyze", file, "--format", "json"))["experiments"][0]

    def raw(exposures, *words):
        return json.loads(simlab("analyze", "--exposures", exposures, "--events", "happened.csv", *words, *EVENTS, "--format", "json"))["experiments"][0]

    faults, seen = [], (FOLDER / "seen.csv").read_text().splitlines()
    found = report("--segment", "country")
    assert [one["segment"] for one in found["segments"]] == COUNTRIES, found["segments"]
    for one in found["segments"]:
        own = [seen[0], *[line for line in seen if line.endswith("," + one["segment"])]]
        (FOLDER / "part.csv").write_text("\n".join(own) + "\n")
        wanted = raw("part.csv")
        faults += compare(wanted["exposures"], one["users"], one["segment"])
        for change in one["changes"]:
            arms = next(metric for metric in wanted["metrics"] if metric["key"] == change["metric"])["variations"]
            arm = next(arm for arm in arms if arm["key"] == change["variation"])
            for key in ["relative_difference", "relative_interval", "probability_to_beat_control"]:
                faults += compare(arm[key], change[key], f"{one['segment']}/{change['metric']}/{key}")
    series = report("--daily")["over_time"]
    assert len(series["days"]) >= 5, series["days"]
    for at, day in enumerate(series["days"]):
        wanted = raw("seen.csv", "--until", str(datetime.date.fromisoformat(day) + datetime.timedelta(days=1)))
        faults += compare(sum(wanted["exposures"].values()), series["users"][at], f"{day}/users")
        for metric, own in zip(wanted["metrics"], series["metrics"]):
            for arm, one in zip(metric["variations"], own["variations"]):
                faults += compare(arm["data_mean"], one["data_mean"][at], f"{day}/{metric['key']}/data_mean")
                beats = one["probability_to_beat_control"]
                faults += compare(arm["probability_to_beat_control"], beats[at] if beats else None, f"{day}/{metric['key']}/beats")
    return faults


def tables_of_a_run():
    """Runs scenarios, runs the notebook of each, and holds the query on the run's tables to the analysis of its events."""
    for scenario in ["security", "premium", "support-desk"]:
        folder = FOLDER / scenario
        simlab("run", scenario, "--users", "1500", "--quiet", "--out", str(folder))
        notebook = nbformat.read(folder / "analysis.ipynb", as_version=4)
        nbformat.validate(notebook)
        code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
        ran = subprocess.run([sys.executable, "-c", code + "\nprint(figures.to_string())"], cwd=folder, capture_output=True, text=True)
        if ran.returncode != 0:
            sys.exit(f"the notebook of {scenario}: {ran.stderr}")
        print(f"notebook of {scenario}: {len(ran.stdout.splitlines()) - 2} figures as in the report")
        query = simlab("sql", scenario, "--dialect", "duckdb", "--exposures", f"read_parquet('{folder}/users.parquet')",
                       "--events", f"read_parquet('{folder}/events.parquet')", "--columns", "id=event_id")
        found = duckdb.connect().execute(query)
        file = saved([column[0] for column in found.description], found.fetchall())
        rows = experiment(json.loads(simlab("analyze", file, "--scenario", scenario, "--format", "json")))
        raw = experiment(json.loads(simlab("analyze", str(folder / "events.jsonl"), "--format", "json")))
        faults = compare(raw, rows)
        if faults:
            sys.exit(f"{scenario}: {len(faults)} differences between the query and the events\n" + "\n".join(faults[:12]))
        print(f"duckdb: tables of {scenario}: {numbers(raw)} numbers equal")


def main():
    make()
    if "--spark" not in sys.argv:
        tables_of_a_run()
    parts = {f"{name} by {own[0][2:]}": [*CASES[name][0], *own] for name, own in [("exposures and events", ["--segment", "country"]),
             ("exposures and events", ["--daily"]), ("a table of users", ["--segment", "arm"])]}
    queries = {name: asked for name, (asked, _, _) in CASES.items()} | parts
    for name, asked in queries.items():
        for dialect in DIALECTS:
            query = simlab("sql", "--dialect", dialect, *asked)
            # Redshift's own reader takes PostgreSQL's words.
            parsed = sqlglot.parse(query, read=dialect, error_level=sqlglot.ErrorLevel.RAISE)
            if len(parsed) != 1 or not isinstance(parsed[0], sqlglot.exp.Select):
                sys.exit(f"{name}: sqlglot reads the query for {dialect} as {[type(one).__name__ for one in parsed]}")
    print(f"sqlglot {sqlglot.__version__} reads {len(queries)} queries in {len(DIALECTS)} dialects")
    engines = [Spark()] if "--spark" in sys.argv else [Duck(), ClickHouse(), Postgres()]
    wrong = 0
    # The comparison has to see a sum that is wrong in its eighth digit.
    asked, raw, _ = CASES["exposures and events"]
    head, rows = engines[0].rows(simlab("sql", "--dialect", engines[0].dialect, *asked))
    at = head.index("sum_value")
    nth = next(nth for nth, row in enumerate(rows) if row[head.index("kind")] == "mean")
    rows = [list(row) for row in rows]
    rows[nth][at] = float(rows[nth][at]) * (1 + 1e-7)
    planted = json.loads(simlab("analyze", saved(head, rows), "--format", "json"))
    if not compare(experiment(json.loads(simlab("analyze", *raw, "--format", "json"))), experiment(planted)):
        sys.exit("a wrong sum was not seen")
    try:
        for name, (asked, raw, options) in CASES.items():
            wanted = experiment(json.loads(simlab("analyze", *raw, "--format", "json")))
            for engine in engines:
                file = saved(*engine.rows(simlab("sql", "--dialect", engine.dialect, *asked)))
                found = experiment(json.loads(simlab("analyze", file, *options, "--format", "json")))
                faults = compare(wanted, found)
                wrong += len(faults)
                print(f"{engine.dialect}: {name}: " + (f"{numbers(wanted)} numbers equal" if not faults else "\n  ".join([f"{len(faults)} differences", *faults[:12]])))
        for engine in engines:
            faults = of_parts(engine)
            wrong += len(faults)
            print(f"{engine.dialect}: segments and days: " + ("equal" if not faults else "\n  ".join([f"{len(faults)} differences", *faults[:12]])))
    finally:
        for engine in engines:
            getattr(engine, "stop", lambda: None)()
        shutil.rmtree(FOLDER, ignore_errors=True)
    sys.exit(1 if wrong else 0)


main()
