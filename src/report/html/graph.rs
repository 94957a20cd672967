//! The graph of agents as a drawing.
//!
//! Guarantees: the same graph gives the same bytes; texts come from the page's style, so that they
//! are readable on light and dark; sentences say the same as the drawing.
//!
//! Does not know: where agents stand; `layout-rs` places them (Sugiyama's layers, with the
//! placement of Brandes and Köpf).

use layout::core::base::Orientation;
use layout::core::format::{ClipHandle, RenderBackend};
use layout::core::geometry::Point;
use layout::core::style::StyleAttr;
use layout::std_shapes::shapes::{Arrow, Element, ShapeKind};
use layout::topo::layout::VisualGraph;
use svg::Document;
use svg::node::element::{Description, Group, Path, Polygon, Rectangle, Style, Text, Title};

use super::drawing::{LETTER, at};
use crate::report::escape::plain;
use crate::report::graph::{DrawnGraph, DrawnNode, condition, models};
use crate::report::table::cut;

/// Only pages with a graph carry its style.
const STYLE: &str = include_str!("graph.css");
/// Larger graphs take the library too long; they have their tree only.
const MOST: usize = 90;
/// The library's own gaps are wide: it gets everything this much larger.
const ZOOM: f64 = 2.4;
/// Letters of a text in an agent's box, and in an edge's label.
const LETTERS: usize = 34;
/// Height of a line of text.
const LINE: f64 = 15.0;
/// Room around the drawing, and inside of a box.
const MARGIN: f64 = 12.0;

/// A line of text with its class.
type Line = (&'static str, String);

/// What the library drew: boxes in the order of the nodes, curves with the numbers that they got.
#[derive(Default)]
struct Canvas {
    boxes: Vec<(Point, Point)>,
    curves: Vec<Curve>,
}

struct Curve {
    number: usize,
    points: Vec<(Point, Point)>,
    /// Whether the arrow's head is at its beginning: edges that lead back are drawn the other way.
    backward: bool,
}

impl RenderBackend for Canvas {
    fn draw_rect(
        &mut self,
        xy: Point,
        size: Point,
        _: &StyleAttr,
        _: Option<String>,
        _: Option<ClipHandle>,
    ) {
        self.boxes.push((xy, size));
    }
    fn draw_line(&mut self, _: Point, _: Point, _: &StyleAttr, _: Option<String>) {}
    fn draw_circle(&mut self, _: Point, _: Point, _: &StyleAttr, _: Option<String>) {}
    fn draw_text(&mut self, _: Point, _: &str, _: &StyleAttr) {}
    fn draw_arrow(
        &mut self,
        path: &[(Point, Point)],
        _: bool,
        head: (bool, bool),
        _: &StyleAttr,
        number: Option<String>,
        _: &str,
    ) {
        let number = number.and_then(|number| number.parse().ok());
        let points = path.to_vec();
        self.curves.extend(number.map(|number| Curve { number, points, backward: head.0 }));
    }
    fn create_clip(&mut self, _: Point, _: Point, _: usize) -> ClipHandle {
        0
    }
}

/// The lines of an agent's box.
fn lines(graph: &DrawnGraph, node: &DrawnNode) -> Vec<Line> {
    let mut lines: Vec<Line> = vec![("agent", node.key.clone())];
    lines.push(("detail", node.role.clone()));
    lines.extend(models(node).into_iter().map(|model| ("detail", model)));
    lines.extend(node.experiments.iter().map(|key| ("detail", format!("experiment {key}"))));
    lines.extend(node.stops().map(|text| ("detail", text)));
    lines.push(("detail", format!("reached by {}", graph.share(node.users))));
    lines.into_iter().map(|(class, text)| (class, cut(&plain(&text), LETTERS))).collect()
}

/// The graph in sentences, for readers who do not see the drawing.
fn prose(graph: &DrawnGraph) -> String {
    let agents = graph.nodes.iter().map(|node| {
        let lines = lines(graph, node).into_iter().skip(1).map(|(_, text)| text);
        format!("{}: {}.", plain(&node.key), lines.collect::<Vec<_>>().join(", "))
    });
    let edges = graph.edges.iter().map(|edge| {
        let share = graph.share(edge.users);
        format!("From {} to {}: {}, {share} of users.", edge.from, edge.to, condition(edge))
    });
    agents.chain(edges.map(|text| plain(&text))).collect::<Vec<_>>().join(" ")
}

fn width(lines: &[Line]) -> f64 {
    let longest = lines.iter().map(|(_, text)| text.chars().count()).max().unwrap_or(0);
    longest as f64 * LETTER + 2.0 * MARGIN
}

/// The drawing, scrollable where it is wider than the page.
pub(super) fn drawing(graph: &DrawnGraph) -> String {
    let known = |key: &str| graph.nodes.iter().position(|node| node.key == key);
    let edges: Vec<(usize, usize, Vec<Line>)> = graph
        .edges
        .iter()
        .filter_map(|edge| {
            let text = cut(&plain(&condition(edge)), LETTERS);
            let share = graph.share(edge.users);
            let lines = vec![("label", text), ("label", share)];
            Some((known(&edge.from)?, known(&edge.to)?, lines))
        })
        .collect();
    if graph.nodes.len() + edges.len() > MOST || graph.nodes.is_empty() {
        return fallback(&graph.tree(100));
    }
    let boxes: Vec<Vec<Line>> = graph.nodes.iter().map(|node| lines(graph, node)).collect();
    let labels = edges.iter().map(|(_, _, lines)| lines);
    let texts: Vec<&Vec<Line>> = boxes.iter().chain(labels).collect();
    let canvas = placed(&texts, boxes.len(), &edges);

    let ends = canvas.boxes.iter().map(|(xy, size)| (xy.x + size.x, xy.y + size.y));
    let points = canvas.curves.iter().flat_map(|curve| &curve.points);
    let corners: Vec<(f64, f64)> =
        ends.chain(points.flat_map(|(a, b)| [(a.x, a.y), (b.x, b.y)])).collect();
    let least = |get: fn(&Point) -> f64| {
        let starts = canvas.boxes.iter().map(|(xy, _)| get(xy));
        let points = canvas.curves.iter().flat_map(|curve| &curve.points);
        starts.chain(points.flat_map(|(a, b)| [get(a), get(b)])).fold(f64::INFINITY, f64::min)
    };
    let (left, top) = (least(|point| point.x), least(|point| point.y));
    let most = |get: fn(&(f64, f64)) -> f64| corners.iter().map(get).fold(0.0, f64::max);
    let place = |point: Point| ((point.x - left) / ZOOM + MARGIN, (point.y - top) / ZOOM + MARGIN);
    let (right, bottom) = place(Point::new(most(|end| end.0), most(|end| end.1)));
    let size = (right + MARGIN, bottom + MARGIN);

    let mut document = Document::new()
        .set("viewBox", format!("0 0 {} {}", at(size.0), at(size.1)))
        .set("width", at(size.0))
        .set("height", at(size.1))
        .set("class", "chart graph")
        .set("role", "img")
        .set("aria-labelledby", "graph-t graph-d")
        .add(Title::new(plain(&format!("Agent graph {}", graph.key))).set("id", "graph-t"))
        .add(Description::new().set("id", "graph-d").add(svg::node::Text::new(prose(graph))))
        .add(Style::new(STYLE));
    for curve in &canvas.curves {
        document = document.add(arrow(curve, &place));
    }
    for (nth, (lines, (xy, size))) in texts.iter().zip(&canvas.boxes).enumerate() {
        let node = graph.nodes.get(nth);
        document = document.add(boxed(lines, node, place(*xy), (size.x / ZOOM, size.y / ZOOM)));
    }
    format!(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Agent graph\">{document}</div>"
    )
}

/// Where everything stands. Each label of an edge is a box of its own between two agents: so it has
/// room, and two edges between the same agents are apart.
fn placed(texts: &[&Vec<Line>], agents: usize, edges: &[(usize, usize, Vec<Line>)]) -> Canvas {
    let down = Orientation::TopToBottom;
    let look = StyleAttr::simple();
    let mut visual = VisualGraph::new(down);
    let handles: Vec<_> = texts
        .iter()
        .enumerate()
        .map(|(nth, lines)| {
            let room = if nth < agents { 2.0 * MARGIN } else { 2.0 };
            let size = (width(lines) * ZOOM, (lines.len() as f64 * LINE + room) * ZOOM);
            let size = Point::new(size.0, size.1);
            visual.add_node(Element::create(ShapeKind::new_box(""), look.clone(), down, size))
        })
        .collect();
    let arrow = |number: usize| Arrow { properties: Some(number.to_string()), ..Arrow::simple("") };
    for (nth, (from, to, _)) in edges.iter().enumerate() {
        let ends = (handles.get(*from), handles.get(agents + nth), handles.get(*to));
        if let (Some(&from), Some(&label), Some(&to)) = ends {
            visual.add_edge(arrow(2 * nth), from, label);
            visual.add_edge(arrow(2 * nth + 1), label, to);
        }
    }
    let mut canvas = Canvas::default();
    visual.do_it(false, false, false, &mut canvas);
    canvas
}

/// A curve, with a head where an agent is reached.
fn arrow(curve: &Curve, place: &impl Fn(Point) -> (f64, f64)) -> Group {
    let point = |point: Point| {
        let (x, y) = place(point);
        format!("{} {}", at(x), at(y))
    };
    let mut path = String::new();
    // A curve begins with its start and the control point of that, and goes on with pairs of a
    // control point and an end.
    let mut rest = curve.points.iter();
    if let Some((start, control)) = rest.next() {
        path += &format!("M{}", point(*start));
        if let Some((second, end)) = rest.next() {
            path += &format!("C{} {} {}", point(*control), point(*second), point(*end));
        }
    }
    for (control, end) in rest {
        path += &format!("S{} {}", point(*control), point(*end));
    }
    let group = Group::new().add(Path::new().set("class", "edge").set("d", path));
    // The second half of an edge ends at an agent.
    if curve.number.is_multiple_of(2) {
        return group;
    }
    let (first, last) = (curve.points.first(), curve.points.last());
    let tip = if curve.backward {
        first.map(|(tip, control)| (*tip, *control))
    } else {
        last.map(|(control, tip)| (*tip, *control))
    };
    let Some((tip, from)) = tip else { return group };
    let ((x, y), (from_x, from_y)) = (place(tip), place(from));
    let length = libm::hypot(x - from_x, y - from_y).max(1e-6);
    let (dx, dy) = ((x - from_x) / length, (y - from_y) / length);
    let corner = |along: f64, across: f64| {
        format!("{},{}", at(x - along * dx - across * dy), at(y - along * dy + across * dx))
    };
    let corners = [corner(0.0, 0.0), corner(9.0, 4.0), corner(9.0, -4.0)].join(" ");
    group.add(Polygon::new().set("class", "head").set("points", corners))
}

/// A box with its lines; a label of an edge has no frame.
fn boxed(
    lines: &[Line],
    node: Option<&DrawnNode>,
    (x, y): (f64, f64),
    (width, height): (f64, f64),
) -> Group {
    let class = match node {
        None => "between",
        Some(node) if node.experiments.is_empty() => "agent-box",
        Some(_) => "agent-box varied",
    };
    let frame = Rectangle::new()
        .set("class", class)
        .set("x", at(x))
        .set("y", at(y))
        .set("width", at(width))
        .set("height", at(height))
        .set("rx", "6");
    let mut group = Group::new().add(frame);
    let top = y + (height - lines.len() as f64 * LINE) / 2.0 + 11.0;
    for (nth, (class, text)) in lines.iter().enumerate() {
        group = group.add(
            Text::new(text.clone())
                .set("class", *class)
                .set("text-anchor", "middle")
                .set("x", at(x + width / 2.0))
                .set("y", at(top + nth as f64 * LINE)),
        );
    }
    group
}

/// The tree as text, for a graph that is too large to draw.
fn fallback(tree: &[String]) -> String {
    maud::html! { div.scroll role="region" tabindex="0" aria-label="Agent graph" { pre.tree { (tree.join("\n")) } } }
        .into_string()
}
