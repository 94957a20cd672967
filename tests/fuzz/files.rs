//! What comes from files, as far as the commands take it: read, checked, run and printed.

use std::convert::Infallible;
use std::fs;
use std::future::pending;

use serde_json::json;
use simlab::diagnostic::{Diagnostic, SourceText, render};
use simlab::journal::Entry;
use simlab::live::fits::misfit;
use simlab::live::reading::{JournalReading, repair};
use simlab::live::sealed::seal;
use simlab::live::{
    EmbeddingCache, LiveContext, LiveServices, Session, conclude, gather, transcript,
};
use simlab::power::{aggregate, merge, read_part, to_markdown, to_text as power_text};
use simlab::random::Seed;
use simlab::recorded::{AnalysisPlan, events_report, look, statistics, statistics_report};
use simlab::report::{
    Palette, Report, from_json, to_html, to_json, to_junit, to_markdown as report_markdown, to_text,
};
use simlab::run::{PreparedScenario, RunOptions, run};
use simlab::scenario::{LESSONS, LIBRARY, Loaded, load, parse, parse_faults, parse_kept};

use super::harness::{fuzz, one_at_a_time};
use super::server::Site;

/// Faults as a user sees them.
fn shown(faults: &[Diagnostic]) -> String {
    render(faults, false)
}

/// The same, and each has to show the place in the text.
fn placed(faults: &[Diagnostic], source: &SourceText) -> String {
    for fault in faults {
        assert!(
            !fault.labels.is_empty() || source.text.trim().len() < 2 || is_whole(fault),
            "no place: {}",
            fault.message
        );
    }
    shown(faults)
}

/// Whether a fault is about the file as a whole: it is something else.
fn is_whole(fault: &Diagnostic) -> bool {
    fault.message.contains("is empty")
        || fault.message.ends_with(" more")
        || fault.message.contains("not a scenario")
        || fault.message.contains(" is a")
}

/// Every format prints it.
fn printed(report: &Report) {
    let json = to_json(report).unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
    let all = [
        to_text(report, 80, &Palette::plain()),
        report_markdown(report),
        to_junit(report),
        to_html(report),
    ];
    assert!(all.iter().all(|text| !text.is_empty()));
}

fn security() -> Loaded {
    load("security").unwrap()
}

#[test]
fn scenario() {
    let _one = one_at_a_time();
    let sound: Vec<Vec<u8>> =
        LIBRARY.iter().chain(LESSONS).map(|built_in| built_in.text.as_bytes().to_vec()).collect();
    let documents = |named: &str| match named.trim_end_matches('/') {
        "knowledge/reinforcement-learning" => Ok(simlab::knowledge::REINFORCEMENT_LEARNING
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .to_vec()),
        other => Err(format!("there is no folder `{other}`")),
    };
    let mut nth = 0;
    fuzz("scenario", 120, &sound, |bytes| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let source = SourceText::new("any.ron", text);
        let loaded =
            parse("any", source.clone(), &documents).map_err(|faults| placed(&faults, &source))?;
        nth += 1;
        if nth % 4 == 0 {
            // What `check` takes, `run` takes.
            let options = RunOptions { users: Some(30), ..RunOptions::default() };
            let outcome = run(&loaded.scenario, options).unwrap();
            printed(&outcome.report);
        } else {
            PreparedScenario::new(&loaded.scenario, loaded.scenario.seed).unwrap();
        }
        Ok(())
    });
}

#[test]
fn faults_file() {
    let _one = one_at_a_time();
    let sound = [br#"[(fault: "rate_limited", on: ["anthropic"], models: ["claude-*"], rate: 0.1, burst: 2, retry_after: "2s"), (fault: "cut", next: 1)]"#.to_vec()];
    fuzz("faults-ron", 2000, &sound, |bytes| {
        let source = SourceText::new("faults.ron", String::from_utf8_lossy(bytes).into_owned());
        parse_faults(&source).map(drop).map_err(|faults| placed(&faults, &source))
    });
}

#[test]
fn summary_statistics() {
    let _one = one_at_a_time();
    let mut sound: Vec<Vec<u8>> = ["security", "premium"]
        .map(|name| {
            fs::read(format!("{}/scenarios/published/{name}.ron", env!("CARGO_MANIFEST_DIR")))
                .unwrap()
        })
        .to_vec();
    sound.push(
        br#"(experiments: [(key: "a", control: "b", threshold: 0.9, metrics: {"m": (kind: Numeric, better: Higher, unit: "ms", variations: {"b": (exposures: 10, total: 5.5, standard_error: 0.1), "c": (exposures: 12, total: 6.5, standard_error: 0.2)})})])"#
            .to_vec(),
    );
    fuzz("statistics", 500, &sound, |bytes| {
        let source = SourceText::new("any.ron", String::from_utf8_lossy(bytes).into_owned());
        let given = statistics(&source).map_err(|faults| placed(&faults, &source))?;
        printed(&statistics_report("any", &given));
        Ok(())
    });
}

/// Events of two users in two variations.
fn events() -> Vec<u8> {
    let mut lines = String::new();
    for user in 0..6_u64 {
        let at = 1_760_000_000_000 + user * 1000;
        let context = json!({ "kind": "user", "key": format!("u{user}") });
        let key = if user % 2 == 0 { "other-security" } else { "basic-security" };
        let exposure = json!({ "kind": "feature", "key": "security-agent", "creationDate": at, "version": 1, "variation": user % 2, "context": context,
            "value": { "_ldMeta": { "enabled": true, "variationKey": key } }, "reason": { "kind": "RULE_MATCH", "inExperiment": true } });
        let metric = json!({ "kind": "custom", "key": "$ld:ai:tokens:total", "creationDate": at + 5, "metricValue": 12.5, "context": context });
        lines += &format!("{exposure}\n{metric}\n");
    }
    lines.into_bytes()
}

#[test]
fn recorded_events() {
    let _one = one_at_a_time();
    let scenario = security().scenario;
    let exported = br#"{"kind":"feature","key":"f","creationDate":"2026-01-01T00:00:00Z","variation":0,"value":true,"context":{"kind":"user","key":"u"},"reason":{"kind":"FALLTHROUGH","inExperiment":true}}
{"kind":"feature","key":"f","creationDate":1760000000,"variation":1,"value":false,"contextKeys":{"user":"v"},"reason":{"kind":"FALLTHROUGH","inExperiment":true}}
{"kind":"custom","key":"e","creationDate":"2026-01-01T00:00:01+02:00","metricValue":1,"contextKeys":{"user":"u"}}
{"kind":"custom","key":"e","creationDate":1760000000000000,"contextKeys":{"user":"v"}}
"#;
    fuzz("recorded-events", 300, &[events(), exported.to_vec()], |bytes| {
        let mut plans = vec![AnalysisPlan::of(&scenario)];
        let found = look(bytes).unwrap();
        let inferred = AnalysisPlan::inferred("any", &found, None);
        let refused = inferred.as_ref().err().cloned();
        plans.extend(inferred.ok());
        for plan in plans {
            let report = events_report(&plan, || Ok(bytes)).unwrap();
            let data = report.data.clone().unwrap();
            assert!(
                data.faults.iter().all(|fault| fault.line > 0 && !fault.reason.is_empty()),
                "{:?}",
                data.faults
            );
            printed(&report);
        }
        refused.map_or(Ok(()), Err)
    });
}

#[test]
fn saved_report() {
    let _one = one_at_a_time();
    let report = run(
        &security().scenario,
        RunOptions { users: Some(40), charts: true, ..RunOptions::default() },
    )
    .unwrap()
    .report;
    fuzz("report", 1000, &[to_json(&report).unwrap().into_bytes()], |bytes| {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        printed(&from_json(text)?);
        Ok(())
    });
}

/// A saved part whose checksum fits whatever it says.
fn summed(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let Some((head, rest)) = text.split_once("\"sum\":\"") else { return text };
    let Some((_, tail)) = rest.split_once('"') else { return text };
    let zeros = format!("{head}\"sum\":\"0000000000000000\"{tail}");
    let sum = xxhash_rust::xxh3::xxh3_64(zeros.as_bytes());
    format!("{head}\"sum\":\"{sum:016x}\"{tail}")
}

#[test]
fn power_part() {
    let _one = one_at_a_time();
    let site = Site::folder("power");
    let file = site.path("part.json");
    site.simlab(&[
        "power",
        "security",
        "--replications",
        "3",
        "--users",
        "60,120",
        "--truth-users",
        "200",
        "--quiet",
        "--out",
        file.to_str().unwrap(),
    ]);
    let sound = [fs::read(&file).unwrap()];
    fuzz("power-part", 1500, &sound, |bytes| {
        read_part(&String::from_utf8_lossy(bytes)).err();
        let part = read_part(&summed(bytes))?;
        let whole = read_part(&String::from_utf8_lossy(&sound[0]))?;
        let (header, done) = match merge(vec![whole, part.clone()]) {
            Ok(merged) => merged,
            Err(_) => merge(vec![part]).map_err(|(_, why)| why)?,
        };
        let power = aggregate(&header, &done);
        assert!(
            !power_text(&power, 80, &Palette::plain()).is_empty()
                && !to_markdown(&power).is_empty()
        );
        assert!(serde_json::to_string(&power).is_ok());
        Ok(())
    });
}

/// The lines of a journal with numbers and checksums that fit, whatever they say.
fn resealed(bytes: &[u8]) -> Vec<u8> {
    bytes
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .zip(1..)
        .flat_map(|(line, nth)| seal(line, nth))
        .collect()
}

#[test]
fn recording() {
    let _one = one_at_a_time();
    let site = Site::served("recording");
    site.simlab(&[
        "run",
        "my.ron",
        "--live",
        "--yes",
        "--users",
        "3",
        "--max-cost",
        "5",
        "--quiet",
        "--out",
        "live",
    ]);
    let sealed = fs::read(site.path("live/journal.jsonl")).unwrap();
    // Without checksums, so that what a line says can change.
    let lines = sealed.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let plain: Vec<u8> = lines
        .flat_map(|line| [simlab::live::sealed::open(line).unwrap().0, b"\n".to_vec()].concat())
        .collect();
    assert!(JournalReading::of(&plain).unwrap().recording.over.len() == 3);
    let loaded = {
        let run = JournalReading::of(&plain).unwrap().recording.run.unwrap();
        parse_kept(&run.name, &run.scenario, &run.documents).unwrap()
    };
    let stage = PreparedScenario::new(&loaded.scenario, Seed(1)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    fuzz("recording", 150, &[plain, sealed], |bytes| {
        drop(JournalReading::of(&resealed(bytes)));
        drop(repair(bytes));
        let recording = JournalReading::of(bytes).map_err(|error| error.to_string())?.recording;
        let Some(run) = recording.run.clone() else {
            return Err("the run has not begun".to_owned());
        };
        if let Some(fault) = misfit(&recording, &loaded.scenario) {
            return Err(fault);
        }
        assert!(
            !transcript(&recording, &simlab::agents::Graph::tutorial()).is_empty()
                || recording.calls.is_empty()
        );
        let session = Session::new(&stage, run, None::<LiveServices<Infallible>>, recording, None);
        let gathered = runtime.block_on(gather(&session, pending(), |_, _| ()));
        if let Some(stopped) = &gathered.stopped {
            return Err(simlab::live::told(stopped));
        }
        printed(
            &conclude(&session, &gathered, LiveContext::default(), true, &mut Vec::<Entry>::new())
                .report,
        );
        Ok(())
    });
}

#[test]
fn embedding_cache() {
    let _one = one_at_a_time();
    let site = Site::folder("embeddings");
    let folder = site.path("cache");
    EmbeddingCache::new(Some(folder.clone()), "http://a").put("text", vec![0.5; 20]);
    let file = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let sound = [fs::read(&file).unwrap()];
    fuzz("embedding-cache", 150, &sound, |bytes| {
        // With a checksum that fits, too.
        let mut summed = bytes.to_vec();
        summed.extend(xxhash_rust::xxh3::xxh3_64(bytes).to_le_bytes());
        for content in [bytes, &summed] {
            fs::write(&file, content).unwrap();
            let vector = EmbeddingCache::new(Some(folder.clone()), "http://a").get("text");
            assert!(vector.is_none_or(|vector| vector.len() == (content.len() - 12) / 4));
        }
        Ok(())
    });
}
