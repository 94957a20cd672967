//! How often each verdict comes, by number of users.
//!
//! Guarantees: `None` where there is nothing to draw.
//!
//! Does not know: how verdicts are counted.

use super::drawing::{Drawing, WIDTH, room_for};
use super::scale::{Axis, Scale};
use crate::figure;

/// What is drawn.
#[derive(Clone, Debug)]
pub(crate) struct PowerCurve<'t> {
    /// Unique in the page.
    pub(crate) id: &'t str,
    /// What the shares are of.
    pub(crate) title: &'t str,
    /// Numbers of users, ascending.
    pub(crate) users: &'t [u32],
    /// The verdicts: the class of the line, the word, and the share at each number of users.
    pub(crate) verdicts: &'t [(&'t str, &'t str, Vec<f64>)],
    /// The number of users that the experiment has.
    pub(crate) own: u32,
    /// The share that is wanted.
    pub(crate) level: f64,
}

/// The drawing; `None` with fewer than two numbers of users.
#[must_use]
pub(crate) fn power_curve(of: &PowerCurve<'_>) -> Option<String> {
    let last = of.users.last().filter(|_| of.users.len() > 1)?;
    let ends = |(_, word, shares): &(&str, &str, Vec<f64>)| {
        let end = |share: Option<&f64>| share.map_or_else(String::new, |own| figure::percent(*own));
        format!("{word}: {} to {}", end(shares.first()), end(shares.last()))
    };
    let words = format!(
        "From {} to {} users. {}",
        figure::count(of.users.first().copied().unwrap_or(0).into()),
        figure::count((*last).into()),
        of.verdicts.iter().map(ends).collect::<Vec<_>>().join("; ")
    );
    let (top, floor) = (16.0, 130.0);
    let mut drawing = Drawing::new(of.id, floor + 20.0, of.title, &words);
    let y = Scale::linear(0.0, 1.0, (floor, top));
    let left = room_for(&y, Axis::Share);
    let x = Scale::linear(0.0, f64::from(*last), (left, WIDTH - 6.0));
    drawing.axis_left(&y, Axis::Share, left, WIDTH - 6.0);
    drawing.axis_below(&x, Axis::Count, top, floor);
    let now = x.place(of.own.into());
    drawing.line("zero", (now, top - 4.0), (now, floor));
    let anchor = if now > WIDTH - 40.0 { "end" } else { "start" };
    let beside = if now > WIDTH - 40.0 { -4.0 } else { 4.0 };
    drawing.text("value", anchor, (now + beside, top - 4.0), "now");
    let level = y.place(of.level);
    drawing.line("threshold", (left, level), (WIDTH - 6.0, level));
    for (class, _, shares) in of.verdicts {
        let points = of.users.iter().zip(shares);
        let points: Vec<Option<(f64, f64)>> = points
            .map(|(users, share)| Some((x.place((*users).into()), y.place(*share))))
            .collect();
        drawing.curve(&format!("curve {class}"), &points);
    }
    Some(drawing.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_goes_through_its_shares_and_says_its_ends() {
        let verdicts =
            [("arm1", "ship", vec![0.1, 0.5, 0.9]), ("open", "wait", vec![0.9, 0.5, 0.1])];
        let of = PowerCurve {
            id: "p",
            title: "<t>",
            users: &[100, 200, 400],
            verdicts: &verdicts,
            own: 200,
            level: 0.8,
        };
        let drawn = power_curve(&of).unwrap();
        assert!(drawn.contains("ship: 10.0% to 90.0%; wait: 90.0% to 10.0%"), "{drawn}");
        assert!(drawn.contains("&lt;t&gt;") && !drawn.contains("NaN"), "{drawn}");
        assert_eq!(drawn.matches("class=\"curve ").count(), 2);
        assert_eq!(power_curve(&PowerCurve { users: &[100], ..of }), None);
    }
}
