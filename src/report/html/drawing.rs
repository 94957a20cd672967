//! The strokes that all charts share: a titled drawing, lines, areas, texts and axes.
//!
//! Guarantees: places have one decimal, so the bytes are the same on every platform; text is a text
//! node and never an attribute, so the library escapes it; colors are classes, so the page's style
//! decides.
//!
//! Does not know: what is shown.

use svg::Document;
use svg::node::element::{Description, Line, Path, Rectangle, Text, Title};

use super::scale::{Axis, Scale};
use crate::report::data::ReportedExperiment;
use crate::report::escape::plain;
use crate::report::table::cut;

/// Width of every chart, in its own units; a screen of 360 pixels shows them one to one.
pub(super) const WIDTH: f64 = 336.0;
/// Room for a letter of a text 11 units high, in the widest of the usual fonts.
pub(super) const LETTER: f64 = 7.0;

/// A place or a length as text.
pub(super) fn at(x: f64) -> String {
    let text = format!("{x:.1}");
    if text == "-0.0" { "0.0".to_owned() } else { text }
}

/// A chart in the making.
pub(super) struct Drawing {
    document: Document,
}

impl Drawing {
    /// An empty drawing of this height. `id` is unique in the page; `title` and `description` are
    /// read aloud in its place.
    pub(super) fn new(id: &str, height: f64, title: &str, description: &str) -> Self {
        let document = Document::new()
            .set("viewBox", format!("0 0 {} {}", at(WIDTH), at(height)))
            .set("class", "chart")
            .set("role", "img")
            .set("aria-labelledby", format!("{id}-t {id}-d"))
            .add(Title::new(plain(title)).set("id", format!("{id}-t")))
            .add(
                Description::new()
                    .set("id", format!("{id}-d"))
                    .add(svg::node::Text::new(plain(description))),
            );
        Self { document }
    }

    /// An empty drawing in a line of text, whose numbers stand next to it.
    pub(super) fn in_line(width: f64, height: f64) -> Self {
        let document = Document::new()
            .set("viewBox", format!("0 0 {} {}", at(width), at(height)))
            .set("class", "chart in-line")
            .set("aria-hidden", "true");
        Self { document }
    }

    /// The finished markup.
    pub(super) fn finish(self) -> String {
        self.document.to_string()
    }

    /// Adds anything.
    pub(super) fn add(&mut self, node: impl svg::Node) {
        svg::Node::append(&mut self.document, Box::new(node) as Box<dyn svg::Node>);
    }

    /// A straight line.
    pub(super) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let line = Line::new()
            .set("class", class)
            .set("x1", at(from.0))
            .set("y1", at(from.1))
            .set("x2", at(to.0))
            .set("y2", at(to.1));
        self.add(line);
    }

    /// A box from one corner to another, in any order.
    pub(super) fn rectangle(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let rectangle = Rectangle::new()
            .set("class", class)
            .set("x", at(from.0.min(to.0)))
            .set("y", at(from.1.min(to.1)))
            .set("width", at((to.0 - from.0).abs().max(0.5)))
            .set("height", at((to.1 - from.1).abs().max(0.5)));
        self.add(rectangle);
    }

    /// Text whose `anchor` (`start`, `middle` or `end`) stands at a place.
    pub(super) fn text(&mut self, class: &str, anchor: &str, place: (f64, f64), text: &str) {
        let text = Text::new(plain(text))
            .set("class", class)
            .set("text-anchor", anchor)
            .set("x", at(place.0))
            .set("y", at(place.1));
        self.add(text);
    }

    /// Text cut to a width; what was cut is shown when pointed at.
    pub(super) fn label(&mut self, class: &str, place: (f64, f64), width: f64, text: &str) {
        let whole = plain(text);
        let short = cut(&whole, (width / LETTER).max(4.0) as usize);
        let mut node = Text::new(short.clone())
            .set("class", class)
            .set("x", at(place.0))
            .set("y", at(place.1));
        if short != whole {
            node = node.add(Title::new(whole));
        }
        self.add(node);
    }

    /// A line through points; gaps break it.
    pub(super) fn curve(&mut self, class: &str, points: &[Option<(f64, f64)>]) {
        let path = path(points);
        if !path.is_empty() {
            self.add(Path::new().set("class", class).set("d", path));
        }
    }

    /// The area between points and a floor.
    pub(super) fn area(&mut self, class: &str, points: &[(f64, f64)], floor: f64) {
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
        let all: Vec<Option<(f64, f64)>> = points.iter().copied().map(Some).collect();
        let path =
            format!("{}L{} {}L{} {}Z", path(&all), at(last.0), at(floor), at(first.0), at(floor));
        self.add(Path::new().set("class", class).set("d", path));
    }

    /// A horizontal axis below `bottom`, with grid lines up to `top`.
    pub(super) fn axis_below(&mut self, scale: &Scale, axis: Axis<'_>, top: f64, bottom: f64) {
        // As many as have room for their texts.
        let placed = |most: usize| {
            let ticks = scale.ticks(most, axis).into_iter();
            ticks.map(|(value, text)| {
                let half = text.chars().count() as f64 * LETTER / 2.0 + 2.0;
                let x = scale.place(value);
                (x, x.clamp(half, WIDTH - half), half, text)
            })
        };
        let fits = |most: &usize| {
            let all: Vec<_> = placed(*most).collect();
            all.array_windows().all(|[(_, left, half, _), (_, right, other, _)]| {
                left + half + 3.0 <= right - other
            })
        };
        for (x, place, _, text) in placed((1..=6).rev().find(fits).unwrap_or(1)) {
            self.line("grid", (x, top), (x, bottom));
            self.text("tick", "middle", (place, bottom + 14.0), &text);
        }
        self.line(
            "axis",
            (scale.place(scale.ends().0), bottom),
            (scale.place(scale.ends().1), bottom),
        );
    }

    /// A vertical axis: grid lines from `left` to `right`, with texts left of them.
    pub(super) fn axis_left(&mut self, scale: &Scale, axis: Axis<'_>, left: f64, right: f64) {
        for (value, text) in scale.ticks(4, axis) {
            let y = scale.place(value);
            self.line("grid", (left, y), (right, y));
            self.text("tick", "end", (left - 5.0, y + 3.8), &text);
        }
    }
}

/// A filled diamond: the truth.
pub(super) fn diamond(drawing: &mut Drawing, class: &str, (x, y): (f64, f64)) {
    let corners = [(x, y - 5.5), (x + 4.5, y), (x, y + 5.5), (x - 4.5, y)]
        .map(|(x, y)| format!("{} {}", at(x), at(y)));
    drawing.add(Path::new().set("class", class).set("d", format!("M{}Z", corners.join("L"))));
}

/// An arrow at the end of the axis: the value lies further out.
pub(super) fn arrow(drawing: &mut Drawing, class: &str, (x, y): (f64, f64), right: bool) {
    let tip = if right { 6.0 } else { -6.0 };
    let corners =
        [(x + tip, y), (x, y - 5.0), (x, y + 5.0)].map(|(x, y)| format!("{} {}", at(x), at(y)));
    drawing.add(Path::new().set("class", class).set("d", format!("M{}Z", corners.join("L"))));
}

/// The commands of a path through points.
fn path(points: &[Option<(f64, f64)>]) -> String {
    let mut path = String::new();
    let mut pen_down = false;
    for point in points {
        match point {
            Some((x, y)) => {
                path += &format!("{}{} {}", if pen_down { "L" } else { "M" }, at(*x), at(*y));
                pen_down = true;
            }
            None => pen_down = false,
        }
    }
    path
}

/// How wide the texts of a vertical axis are.
pub(super) fn room_for(scale: &Scale, axis: Axis<'_>) -> f64 {
    let widest =
        scale.ticks(4, axis).iter().map(|(_, text)| text.chars().count()).max().unwrap_or(0);
    widest as f64 * LETTER + 8.0
}

/// The classes of a variation, which give it its color and its dashes: the control has its own,
/// treatments follow in order.
pub(super) fn arm(experiment: &ReportedExperiment, key: &str) -> String {
    let nth = if key == experiment.control {
        0
    } else {
        experiment.treatments().position(|own| own == key).map_or(0, |nth| 1 + nth % 5)
    };
    format!("arm{nth}")
}
