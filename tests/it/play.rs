//! The page to play with: the real program over loopback, compared with the commands that it says
//! the same as.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use simlab::play::Play;
use simlab::scenario::{LESSONS, LIBRARY, load};
use simlab::serve::PageRequest;

use super::program::{folder, simlab_in};
use super::serve::{Answer, exchange};

/// A running `simlab play`.
struct Playing {
    child: Child,
    address: String,
}

impl Playing {
    fn start(scenario: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_simlab"))
            .args(["play", scenario])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let listening: Value = serde_json::from_str(&line).unwrap();
        let address = listening["listening"].as_str().unwrap().strip_prefix("http://").unwrap();
        assert!(address.starts_with("127.0.0.1:"), "{address}");
        Self { address: address.to_owned(), child }
    }

    fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        exchange(&self.address, "GET", path, headers, b"")
    }

    /// What a path shows.
    fn get(&self, path: &str) -> String {
        let answer = self.ask(path, &[]);
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        String::from_utf8(answer.body).unwrap()
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A page as it reads, without its escapes.
fn read(html: &str) -> String {
    html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

/// Settings of several kinds: numbers, shares that sum, a limit of the rule, a cause that the file
/// does not have, a price.
const SETTINGS: &str = "traffic.queries=300&traffic.pii_percentage=60&experiments.0.split.strict-security=40&\
    experiments.0.threshold=0.8&experiments.0.decision.when.0.1.bound=0.3&causes.loss_to_tools=0&\
    models.claude-3-5-haiku-20241022.input_price=2";

#[test]
fn the_page_shows_what_a_run_of_the_copied_scenario_reports() {
    let playing = Playing::start("security");
    let place = folder("play-copied");
    let copied = playing.get(&format!("/scenario.ron?{SETTINGS}"));
    for written in [
        "queries: 300,",
        "pii_percentage: 60,",
        "\"basic-security\": \"60%\", \"strict-security\": \"40%\"",
        "threshold: 0.8,",
        "bound: 0.3)",
        "causes: ( loss_to_tools: 0 ),",
        "\"claude-3-5-haiku-20241022\": ( input_price: \"$2\" )",
        "// Run it with `simlab run security`, change one number, run it again.",
    ] {
        assert!(copied.contains(written), "{written}: {copied}");
    }
    fs::write(place.join("security.ron"), copied).unwrap();
    let page = simlab_in(&place, &["run", "security.ron", "--format", "html", "--quiet"]).well();
    let wanted = page.split("<main id=\"main\">").nth(1).unwrap().split("</main>").next().unwrap();
    let part = playing.get(&format!("/part?{SETTINGS}"));
    let (_, report) = part.split_once("</p>").unwrap();
    assert_eq!(report, wanted);
    // The whole page has the same report, and the settings.
    let whole = playing.get(&format!("/?{SETTINGS}"));
    assert!(whole.contains(wanted));
    assert!(whole.contains("name=\"traffic.queries\" value=\"300\" data-own=\"2727\""), "{whole}");
    // Without changes it is the scenario as it stands.
    assert_eq!(playing.get("/scenario.ron"), load("security").unwrap().source.text.as_ref());
}

#[test]
fn a_wrong_value_gets_the_message_of_check() {
    let playing = Playing::start("security");
    let place = folder("play-wrong");
    for query in [
        "traffic.queries=0",
        "traffic.queries=many",
        "traffic.queries=1,%20seed:%202",
        "traffic.queries=%22%3Cscript%3E",
        "experiments.0.split.strict-security=140",
        "experiments.0.split.strict-security=half",
        "experiments.0.threshold=2&causes.loss_to_tools=-1",
        "models.claude-3-5-haiku-20241022.input_price=-1",
        "judge.sensitivity=1e999",
    ] {
        fs::write(place.join("security.ron"), playing.get(&format!("/scenario.ron?{query}")))
            .unwrap();
        let checked = simlab_in(&place, &["check", "security.ron"]);
        assert_eq!(checked.code, 3, "{query}");
        assert!(checked.err.contains("[security.ron:"), "{query}: {}", checked.err);
        let part = playing.get(&format!("/part?{query}"));
        assert!(read(&part).contains(checked.err.trim_end()), "{query}: {part}\n{}", checked.err);
        assert!(!part.contains("<script"), "{part}");
        assert!(playing.get(&format!("/dots?{query}")).contains("No runs"), "{query}");
    }
}

#[test]
fn hostile_requests_get_a_reason_and_the_page_goes_on() {
    let playing = Playing::start("security");
    let long = format!("/?seed={}", "9".repeat(200));
    let longer = format!("/?seed={}", "9".repeat(20_000));
    for (path, status, words) in [
        ("/?traffic.querys=5", 400, "did you mean `traffic.queries`?"),
        ("/?seed=1&seed=2", 400, "the parameter `seed` is given twice"),
        ("/?%3Cscript%3E=1", 400, "there is no setting `<script>` here"),
        ("/?seed=%ff", 400, "not percent-encoded"),
        ("/?seed=%", 400, "not percent-encoded"),
        (long.as_str(), 400, "longer than 40 characters"),
        (longer.as_str(), 414, "too long"),
        ("/../etc/passwd", 404, "there is no such page"),
        ("/part?traffic.queries=9000000&quick=1", 200, "take too long to play with"),
        ("/part?seed=-1&quick=1", 200, "NOT RUN"),
        ("/part?seed=99999999999999999999&quick=1", 200, "NOT RUN"),
    ] {
        let answer = playing.ask(path, &[]);
        let body = String::from_utf8(answer.body.clone()).unwrap();
        assert_eq!(answer.status, status, "{path}: {body}");
        assert!(body.contains(words), "{path}: {body}");
        let kind = answer.header("content-type").unwrap();
        assert!(status == 200 || kind.starts_with("text/plain"), "{path}: {kind}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'; script-src 'self';"), "{policy}");
    }
    let json = [("content-type", "application/json")];
    assert_eq!(exchange(&playing.address, "POST", "/part", &json, b"{}").status, 405);
    // Another site may neither rebind its name to this machine nor load anything from here.
    for headers in [[("origin", "https://evil.example")], [("sec-fetch-site", "cross-site")]] {
        assert_eq!(playing.ask("/scenario.ron", &headers).status, 403, "{headers:?}");
    }
    let rebound = exchange(&playing.address, "GET", "http://evil.example/", &[], b"");
    assert_eq!(rebound.status, 403);
    assert!(playing.get("/part?traffic.queries=20&quick=1").contains("class=\"verdict"));
}

#[test]
fn the_true_effect_is_hidden_until_somebody_asks() {
    let play = Play::new(load("premium").unwrap());
    let ask = |path: &str, truth: &str| {
        let parameters = [("traffic.queries", "40"), ("truth", truth)];
        let parameters =
            parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        play.answer(&PageRequest { path: path.to_owned(), parameters, ..PageRequest::default() })
            .body
    };
    let hidden = ask("/part", "0");
    assert!(!hidden.contains("effect on users"), "{hidden}");
    let shown = ask("/part", "1");
    assert!(shown.contains("applied to the effect on users"), "{shown}");
}

/// Asks for the dots until all are there.
fn all_dots(playing: &Playing, query: &str) -> String {
    for _ in 0..600 {
        let field = playing.get(&format!("/dots?{query}"));
        if !field.contains("data-more") {
            return field;
        }
        sleep(Duration::from_millis(200));
    }
    panic!("the dots do not come to an end");
}

#[test]
fn every_dot_is_a_run_that_can_be_opened() {
    let playing = Playing::start("premium");
    let query = "traffic.queries=40&experiments.0.threshold=0.6&tab=1";
    let field = all_dots(&playing, query);
    let dots: Vec<(String, String)> = field
        .split("<a class=\"dot ")
        .skip(1)
        .map(|dot| {
            let class = dot.split('"').next().unwrap().to_owned();
            let link = dot.split("href=\"").nth(1).unwrap().split('"').next().unwrap();
            (class, link.replace("&amp;", "&"))
        })
        .collect();
    // A slow machine ends with fewer, and says so.
    let few = field.contains("of 200 runs: the others would take longer");
    assert!(dots.len() == 200 || few && dots.len() >= 8, "{field}");
    let place = folder("play-dots");
    for class in ["ship", "keep", "open"] {
        let Some((_, link)) = dots.iter().find(|(own, _)| own == class) else { continue };
        let copied = playing.get(&link.replace("/?", "/scenario.ron?"));
        fs::write(place.join("premium.ron"), copied).unwrap();
        let report =
            simlab_in(&place, &["run", "premium.ron", "--format", "json", "--quiet"]).json();
        let decision = report["experiments"][0]["verdict"]["decision"].as_str().unwrap();
        assert_eq!(decision, if class == "open" { "need_more_data" } else { class }, "{link}");
    }
    // The shares are counts of dots.
    for (class, words) in [("ship", "ship: "), ("keep", "keep the control: ")] {
        let count = dots.iter().filter(|(own, _)| own == class).count();
        let share =
            format!("<span>{words}<strong>{:.1}% ±", 100.0 * count as f64 / dots.len() as f64);
        assert!(field.contains(&share), "{share}: {field}");
    }
}

/// The rows of the table of users: how many, and the shares of the verdicts.
fn rows(field: &str) -> Vec<(u32, [f64; 3])> {
    let inside = field.split("<table class=\"curve\">").nth(1).unwrap();
    let body = inside.split("<tbody>").nth(1).unwrap().split("</tbody>").next().unwrap();
    let cell = |row: &str, nth: usize| {
        let text = row.split("<td class=\"number\">").nth(nth).unwrap().split('%').next().unwrap();
        text.parse::<f64>().unwrap()
    };
    let row = |row: &str| {
        let users = row.split("<th class=\"number\" scope=\"row\">").nth(1).unwrap();
        let users = users.split('<').next().unwrap().replace(',', "").parse().unwrap();
        (users, [1, 2, 3].map(|nth| cell(row, nth)))
    };
    body.split("<tr>").skip(1).map(row).collect()
}

#[test]
fn the_power_curve_goes_on_beyond_the_users_of_the_experiment() {
    let playing = Playing::start("support-desk");
    let settings = "traffic.queries=40";
    let field = all_dots(&playing, &format!("{settings}&tab=1"));
    let rows = rows(&field);
    let users: Vec<u32> = rows.iter().map(|(users, _)| *users).collect();
    assert_eq!(users, [4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 60, 80, 120, 160]);
    assert!(field.contains("How many users it takes") && field.contains("\nnow\n"), "{field}");
    for (users, shares) in &rows {
        assert!((shares.iter().sum::<f64>() - 100.0).abs() < 0.2, "{users}: {shares:?}");
    }
    // What `simlab power` counts, with as many users and the same seeds.
    let place = folder("play-power");
    fs::write(place.join("desk.ron"), playing.get(&format!("/scenario.ron?{settings}"))).unwrap();
    let power = ["power", "desk.ron", "--full", "--quiet", "--format", "json"];
    let power = [&power[..], &["--looks", "1", "--replications", "200"], &["--users", "40,60,160"]];
    let power = simlab_in(&place, &power.concat()).json();
    let mut compared = 0;
    for size in power["experiments"][0]["sizes"].as_array().unwrap() {
        let users = size["users"].as_u64().unwrap() as u32;
        let (_, shares) = rows.iter().find(|(own, _)| *own == users).unwrap();
        let value = |verdict: &str| size["decisions"][verdict]["value"].as_f64().unwrap();
        // A slow machine ends with fewer runs, and then nothing is the same.
        if field.contains("200 longer runs") {
            assert!((100.0 * value("ship") - shares[0]).abs() < 0.06, "{size} {shares:?}");
            assert!((100.0 * value("keep") - shares[1]).abs() < 0.06, "{size} {shares:?}");
            compared += 1;
        }
    }
    assert!(compared == 3 || !field.contains("200 longer runs"), "{power}");
    // The sentence is what the table says.
    let (last, shares) = rows.last().unwrap();
    let most = shares[0].max(shares[1]);
    assert!(
        field.contains(&format!("Even with {last} users fewer than 80%")) == (most < 80.0),
        "{field}"
    );
}

#[test]
fn the_dots_go_by_the_true_effect_that_the_report_has() {
    let play = Play::new(load("security").unwrap());
    let ask = |path: &str| {
        let parameters = [("traffic.queries", "40"), ("truth", "1"), ("tab", "1")];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let parameters = parameters.to_vec();
        let request = PageRequest { path: path.to_owned(), parameters, ..PageRequest::default() };
        play.answer(&request).body
    };
    let report = ask("/part");
    let words = ["the rule says to ship", "the rule says to keep", "the rule asks for more data"];
    let says = |field: &str| words.iter().position(|words| field.contains(words));
    let mut field = ask("/dots");
    for _ in 0..600 {
        if says(&field).is_some() {
            break;
        }
        sleep(Duration::from_millis(200));
        field = ask("/dots");
    }
    // The report says in its own words what the rule decides on the effect on users.
    let own = ["says to ship", "says to keep", "says to ask for more data"];
    let line = report.split("applied to the effect on users").nth(1).unwrap();
    let line = line.get(..200).unwrap_or(line);
    let told = own.iter().position(|words| line.contains(words));
    assert!(told.is_some() && told == says(&field), "{line}: {field}");
}

#[test]
fn every_built_in_scenario_opens() {
    for built_in in LIBRARY.iter().chain(LESSONS) {
        let play = Play::new(load(built_in.name).unwrap());
        let ask = |path: &str| {
            let few = ("traffic.queries".to_owned(), "20".to_owned());
            let parameters = vec![few, ("quick".to_owned(), "1".to_owned())];
            play.answer(&PageRequest {
                path: path.to_owned(),
                parameters,
                ..PageRequest::default()
            })
        };
        let page = ask("/");
        assert_eq!(page.status, 200, "{}", built_in.name);
        assert!(page.body.contains("id=\"k-traffic.queries\""), "{}", built_in.name);
        assert!(!page.body.contains("NOT RUN"), "{}: {}", built_in.name, page.body);
    }
}
