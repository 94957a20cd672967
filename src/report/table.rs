//! Tables as data, and as aligned columns of text.
//!
//! Guarantees: a table is never wider than asked, as long as numbers leave room: first optional
//! columns go, then text columns are cut. Widths are those of a terminal, where some letters take
//! two cells.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::escape::plain;
pub(crate) use super::palette::Tone;

use super::palette::Palette;

/// A cell's text, as it came, and what it means.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) tone: Tone,
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Plain }
    }

    pub(crate) fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }
}

/// A column's heading and how it behaves.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) heading: String,
    /// Words are aligned left and may be cut, numbers right and may not.
    pub(crate) words: bool,
    /// 0 is never left out; of the others the highest goes first.
    pub(crate) optional: u8,
    /// A drawing in letters, for terminals; other formats have charts.
    pub(crate) sketch: bool,
}

impl Column {
    pub(crate) fn words(heading: impl Into<String>) -> Self {
        Self { heading: heading.into(), words: true, optional: 0, sketch: false }
    }

    pub(crate) fn number(heading: impl Into<String>) -> Self {
        Self { heading: heading.into(), words: false, optional: 0, sketch: false }
    }

    pub(crate) fn optional(self, optional: u8) -> Self {
        Self { optional, ..self }
    }

    pub(crate) fn sketch(self) -> Self {
        Self { sketch: true, ..self }
    }
}

/// One row.
#[derive(Clone, Debug)]
pub(crate) enum Row {
    /// A cell for each column.
    Cells(Vec<Cell>),
    /// A heading over the rows that follow, and a remark on it.
    Group(String, String),
}

/// Columns and rows.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Row>,
}

/// A column that there is room for.
struct Shown<'t> {
    /// Its place in the table.
    at: usize,
    column: &'t Column,
    width: usize,
}

/// Cells between two columns.
const GAP: usize = 2;
/// A text column is not cut below this.
const NARROWEST: usize = 8;

impl Table {
    /// The table for formats that have charts.
    pub(crate) fn without_sketches(&self) -> Self {
        let kept = |at: usize| self.columns.get(at).is_none_or(|column| !column.sketch);
        let columns = self.columns.iter().filter(|column| !column.sketch).cloned().collect();
        let rows = self.rows.iter().map(|row| match row {
            Row::Group(..) => row.clone(),
            Row::Cells(cells) => {
                let cells = cells.iter().enumerate().filter(|(at, _)| kept(*at));
                Row::Cells(cells.map(|(_, cell)| cell.clone()).collect())
            }
        });
        Self { columns, rows: rows.collect() }
    }

    /// The lines of the table, `indent` cells in and at most `width` wide.
    pub(crate) fn lines(&self, indent: usize, width: usize, palette: &Palette) -> Vec<String> {
        let room = width.saturating_sub(indent);
        let shown = self.layout(room);
        let grouped = self.rows.iter().any(|row| matches!(row, Row::Group(..)));
        let mut lines = Vec::new();
        let mut push = |line: String| lines.push(format!("{:indent$}{}", "", line.trim_end()));
        let headings: Vec<Vec<&str>> =
            shown.iter().map(|own| own.column.heading.split('\n').collect()).collect();
        let height = headings.iter().map(Vec::len).max().unwrap_or(0);
        for level in 0..height {
            // Headings stand on the last line.
            let cells = headings.iter().map(|own| {
                let text = (level + own.len()).checked_sub(height).and_then(|at| own.get(at));
                Cell::toned(text.copied().unwrap_or_default(), Tone::Dim)
            });
            push(line(&shown, &cells.collect::<Vec<_>>(), false, palette));
        }
        for row in &self.rows {
            match row {
                Row::Group(name, remark) => {
                    let name = cut(&plain(name), room);
                    let remark = cut(&plain(remark), room.saturating_sub(name.width() + GAP));
                    push(format!(
                        "{}{:GAP$}{}",
                        palette.paint(Tone::Strong, &name),
                        "",
                        palette.paint(Tone::Dim, &remark)
                    ));
                }
                Row::Cells(cells) => {
                    let own: Vec<Cell> = shown
                        .iter()
                        .map(|own| cells.get(own.at).cloned().unwrap_or_default())
                        .collect();
                    push(line(&shown, &own, grouped, palette));
                }
            }
        }
        lines
    }

    /// The columns that are shown.
    fn layout(&self, room: usize) -> Vec<Shown<'_>> {
        let grouped = usize::from(self.rows.iter().any(|row| matches!(row, Row::Group(..)))) * GAP;
        let columns = self.columns.iter().enumerate();
        let mut shown: Vec<Shown<'_>> = columns
            .map(|(at, column)| {
                let heading =
                    column.heading.split('\n').map(UnicodeWidthStr::width).max().unwrap_or(0);
                let cells = self.rows.iter().filter_map(|row| match row {
                    Row::Cells(cells) => cells
                        .get(at)
                        .map(|cell| plain(&cell.text).width() + if at == 0 { grouped } else { 0 }),
                    Row::Group(..) => None,
                });
                Shown { at, column, width: cells.max().unwrap_or(0).max(heading) }
            })
            .collect();
        let total = |shown: &[Shown<'_>]| {
            shown.iter().map(|own| own.width).sum::<usize>() + GAP * shown.len().saturating_sub(1)
        };
        while total(&shown) > room {
            let optional = shown.iter().filter(|own| own.column.optional > 0);
            let Some(out) = optional.max_by_key(|own| own.column.optional).map(|own| own.at) else {
                break;
            };
            shown.retain(|own| own.at != out);
        }
        // No text column is wider than the room: a text of a megabyte is not cut cell by cell.
        if total(&shown) > room {
            let words =
                shown.iter_mut().filter(|own| own.column.words && own.width > room.max(NARROWEST));
            words.for_each(|own| own.width = room.max(NARROWEST));
        }
        // Cut the widest text column, a cell at a time, until it fits.
        while total(&shown) > room {
            let words = shown.iter_mut().filter(|own| own.column.words && own.width > NARROWEST);
            let Some(widest) = words.max_by_key(|own| own.width) else { break };
            widest.width -= 1;
        }
        shown
    }
}

/// A line of these cells, one for each column that is shown.
fn line(shown: &[Shown<'_>], cells: &[Cell], nested: bool, palette: &Palette) -> String {
    let mut line = String::new();
    for (place, (cell, own)) in cells.iter().zip(shown).enumerate() {
        if place > 0 {
            line.push_str("  ");
        }
        let inset = if nested && place == 0 { GAP } else { 0 };
        let text = cut(&plain(&cell.text), own.width.saturating_sub(inset));
        let pad = own.width.saturating_sub(inset + text.width());
        let text = palette.paint(cell.tone, &text);
        if own.column.words {
            line.push_str(&format!("{:inset$}{text}{:pad$}", "", ""));
        } else {
            line.push_str(&format!("{:pad$}{text}", ""));
        }
    }
    line
}

/// `text` in at most `width` cells, with an ellipsis where it was cut.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let own = c.width().unwrap_or(0);
        if used + own + 1 > width {
            break;
        }
        used += own;
        out.push(c);
    }
    if width > 0 {
        out.push('…');
    }
    out
}

/// `text` in lines of at most `width` cells, broken between words where there are some.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines: Vec<String> = Vec::new();
    let (mut line, mut used) = (String::new(), 0);
    for word in text.split_whitespace() {
        let (mut word, mut own) = (word, word.width());
        if !line.is_empty() && used + 1 + own > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        while own > width && !word.is_empty() {
            // At least one letter, and as many as there is room for.
            let (mut end, mut taken) = (0, 0);
            for c in word.chars() {
                let cells = c.width().unwrap_or(0);
                if end > 0 && taken + cells > width {
                    break;
                }
                end += c.len_utf8();
                taken += cells;
            }
            let (head, rest) = word.split_at_checked(end).unwrap_or((word, ""));
            lines.push(head.to_owned());
            own -= taken.min(own);
            word = rest;
        }
        own = own.min(width);
        if !line.is_empty() {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += own;
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapping_and_cutting_count_cells_not_letters() {
        assert_eq!(wrap("a bc def", 4), ["a bc", "def"]);
        assert_eq!(wrap("日本語日本語", 5), ["日本", "語日", "本語"]);
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("plain", 5), "plain");
    }
}
