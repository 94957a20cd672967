//! The moving picture of `simlab play` in the README shows what its page shows.
//!
//! `RENEW_PICTURES=1 cargo test --test it picture_of_play -- --ignored` draws it again.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use simlab::play::Play;
use simlab::report::report_style;
use simlab::scenario::load;
use simlab::serve::PageRequest;

/// The scenario: with few users its rule keeps the control, with many it ships.
const SCENARIO: &str = "session-budget";
/// Dots in a row, and the room for one.
const ROW: usize = 25;
const ROOM: f64 = 16.0;
/// How long a frame stays, in seconds.
const STAYS: u32 = 4;

/// What the page shows with these settings.
struct Frame {
    users: u32,
    truth: bool,
    /// The classes of the dots, in their order.
    dots: Vec<String>,
    /// What each kind of dot means, and how many there are: class and words.
    key: Vec<(String, String)>,
    /// The power curve and what it says.
    curve: Option<(String, String)>,
}

fn text(html: &str) -> String {
    let pieces = html.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
    pieces.collect::<String>().trim().to_owned()
}

fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("no {from} in {text}"));
    rest.split(to).next().unwrap()
}

/// Asks the page until all is there that the frame shows.
fn frame(play: &Play, users: u32, truth: bool, whole: bool) -> Frame {
    let ask = |path: &str| {
        let parameters = [
            ("traffic.queries", users.to_string()),
            ("truth", u8::from(truth).to_string()),
            ("tab", format!("{users}{truth}")),
        ];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value)).to_vec();
        play.answer(&PageRequest { path: path.to_owned(), parameters, ..PageRequest::default() })
            .body
    };
    // The report comes first: it knows the true effect.
    ask("/part");
    let mut field = ask("/dots");
    while field.contains("data-more") && (whole || !field.contains("How many users it takes")) {
        sleep(Duration::from_millis(250));
        field = ask("/dots");
    }
    let dots: Vec<String> = field
        .split("<a class=\"dot ")
        .skip(1)
        .map(|dot| dot.split('"').next().unwrap().to_owned())
        .collect();
    assert!(
        dots.len() == 200,
        "this machine is too slow for the picture: {} runs in a minute",
        dots.len()
    );
    let key = between(&field, "<ul class=\"key\">", "</ul>").split("<li>").skip(1);
    let key = key.map(|own| (between(own, "class=\"dot ", "\"").to_owned(), text(own))).collect();
    let curve = whole.then(|| {
        assert!(field.contains("200 longer runs"), "this machine is too slow for the picture");
        let after = field.split("How many users it takes").nth(1).unwrap();
        let drawn = format!("<svg{}</svg>", between(after, "<svg", "</svg>"));
        (drawn, text(between(after, "<p class=\"small\">", "<span")))
    });
    Frame { users, truth, dots, key, curve }
}

/// A dot as the page draws it.
fn dot(class: &str, x: f64, y: f64) -> String {
    let wrong = class.ends_with("wrong");
    let color = match class {
        _ if wrong => "var(--bad)",
        _ if class.ends_with("right") => "var(--good)",
        "keep" => "var(--arm0)",
        _ => "var(--arm1)",
    };
    match class {
        "open" => format!(
            "<rect x=\"{}\" y=\"{}\" width=\"6\" height=\"6\" fill=\"var(--dim)\"/>",
            x - 3.0,
            y - 3.0
        ),
        _ if class.starts_with("ship") && !wrong => {
            format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"6\" fill=\"{color}\"/>")
        }
        _ if class.starts_with("ship") => {
            format!("<path d=\"M{} {}h12v12h-12z\" fill=\"{color}\"/>", x - 6.0, y - 6.0)
        }
        _ if wrong => format!(
            "<path d=\"M{} {}h10v10h-10z\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>",
            x - 5.0,
            y - 5.0
        ),
        _ => format!(
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"5\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>"
        ),
    }
}

/// Lines of a text that is at most so many letters wide.
fn lines(words: &str, most: usize) -> Vec<String> {
    let mut all: Vec<String> = vec![String::new()];
    for word in words.split_whitespace() {
        let last = all.last_mut().unwrap();
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() <= most {
            last.push(' ');
            last.push_str(word);
        } else {
            all.push(word.to_owned());
        }
    }
    all
}

/// The page's own colors and lines.
fn style() -> String {
    let style = report_style();
    let (colors, rest) = style.split_once("*{box-sizing").unwrap();
    let of_charts =
        [".chart text", ".chart .name", ".grid", ".axis", ".threshold", ".arm0", ".curve"];
    let charts = rest.lines().filter(|line| of_charts.iter().any(|start| line.starts_with(start)));
    let charts: String = charts.collect();
    format!("{colors}{charts}.curve.open{{--own:var(--dim);stroke-dasharray:1.5 3.5}}")
}

fn drawn(title: &str, frames: &[Frame]) -> String {
    let (width, height) = (860, 330);
    let count = frames.len() as u32;
    let share = 100.0 / f64::from(count);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"simlab play: the same experiment 200 times, with more users, and against the true effect\">\n\
         <style>{}svg{{background:var(--page)}}text{{font:13px system-ui,sans-serif;fill:var(--ink)}}.head{{font-size:16px;font-weight:600}}.soft{{fill:var(--dim)}}\
         .frame{{opacity:0;animation:show {}s step-end infinite}}@keyframes show{{0%{{opacity:1}}{share:.3}%{{opacity:0}}100%{{opacity:0}}}}",
        style(),
        count * STAYS,
    );
    for nth in 0..count {
        write!(svg, ".frame:nth-of-type({}){{animation-delay:{}s}}", nth + 1, nth * STAYS).unwrap();
    }
    // Who wants no movement sees the last frame.
    svg += "@media (prefers-reduced-motion:reduce){.frame{animation:none}.frame:last-of-type{opacity:1}}</style>\n";
    writeln!(svg, "<rect width=\"{width}\" height=\"{height}\" fill=\"var(--page)\"/>").unwrap();
    for frame in frames {
        let most = f64::from(frames.iter().map(|own| own.users).max().unwrap());
        let place = 20.0 + 200.0 * f64::from(frame.users) / (1.5 * most);
        write!(svg, "<g class=\"frame\">\n<text class=\"head\" x=\"20\" y=\"30\">The same experiment 200 times</text>\n").unwrap();
        write!(svg, "<text x=\"20\" y=\"58\">users: {}</text>\n<rect x=\"20\" y=\"67\" width=\"200\" height=\"6\" rx=\"3\" fill=\"var(--line)\"/><rect x=\"20\" y=\"67\" width=\"{}\" height=\"6\" rx=\"3\" fill=\"var(--accent)\"/><circle cx=\"{place}\" cy=\"70\" r=\"8\" fill=\"var(--accent)\"/>\n", frame.users, place - 20.0).unwrap();
        writeln!(svg, "<rect x=\"250.5\" y=\"59.5\" width=\"14\" height=\"14\" rx=\"2\" fill=\"{}\" stroke=\"var(--accent)\"/><text x=\"272\" y=\"71\">Show the true effect</text>", if frame.truth { "var(--accent)" } else { "none" }).unwrap();
        for (nth, class) in frame.dots.iter().enumerate() {
            let (x, y) = (28.0 + ROOM * (nth % ROW) as f64, 104.0 + ROOM * (nth / ROW) as f64);
            svg += &dot(class, x, y);
        }
        for (nth, (class, words)) in frame.key.iter().enumerate() {
            let y = 246.0 + 18.0 * nth as f64;
            write!(svg, "\n{}<text x=\"42\" y=\"{}\">{words}</text>", dot(class, 28.0, y), y + 4.0)
                .unwrap();
        }
        if frame.truth {
            svg += "<path d=\"M253 66l4 4 6-7\" fill=\"none\" stroke=\"var(--page)\" stroke-width=\"2\"/>";
        }
        if frame.curve.is_none() {
            write!(svg, "<text class=\"head\" x=\"460\" y=\"30\">$ simlab play {SCENARIO}</text>")
                .unwrap();
            for (nth, line) in lines(title, 56).iter().enumerate() {
                write!(svg, "<text x=\"460\" y=\"{}\">{line}</text>", 58 + 18 * nth).unwrap();
            }
        }
        if let Some((curve, words)) = &frame.curve {
            let curve =
                curve.replacen("<svg", "<svg x=\"460\" y=\"46\" width=\"380\" height=\"170\"", 1);
            write!(svg, "\n<text class=\"head\" x=\"460\" y=\"30\">How many users it takes</text>\n{curve}\n").unwrap();
            svg += "<text class=\"soft\" x=\"460\" y=\"236\">line: ship · dashes: keep the control · dots: need more data</text>";
            for (nth, line) in lines(words, 58).iter().enumerate() {
                write!(svg, "<text x=\"460\" y=\"{}\">{line}</text>", 258 + 18 * nth).unwrap();
            }
        }
        svg += "\n</g>\n";
    }
    svg + "</svg>\n"
}

#[test]
#[ignore = "300,000 visits: `.ci/run studies` and `cargo test -- --ignored` run it"]
fn the_picture_of_the_page_is_what_the_page_shows() {
    let loaded = load(SCENARIO).unwrap();
    let title = loaded.scenario.title.clone();
    let play = Play::new(loaded);
    let few = frame(&play, 40, false, false);
    let more = frame(&play, 80, false, true);
    let judged = frame(&play, 80, true, false);
    // The longer runs of the last two frames are the same.
    let judged = Frame { curve: more.curve.clone(), ..judged };
    let drawn = drawn(&title, &[few, more, judged]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/play.svg");
    if std::env::var_os("RENEW_PICTURES").is_some() {
        fs::write(&path, &drawn).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == drawn, "snapshots/play.svg is old; renew it: see CONTRIBUTING.md");
}
