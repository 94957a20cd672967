//! Read a table in any of its formats, row by row.
//!
//! Does not know: what a column means.

use std::io::BufRead;
use std::ops::ControlFlow;

use super::arrow::each_arrow_row;
use super::parquet::each_parquet_row;
use super::rows::{
    TableColumns, TableFormat, TableRow, TableUnreadable, delimited, json_array, json_lines,
};

/// Reads a table, passes its columns to `begin` and then each row to `tell`, until either breaks.
/// Each row comes with its line, from 1 (in a JSON array, in Parquet and in Arrow its place), or with why it
/// cannot be read. Returns the number of rows, faulty ones included.
///
/// # Errors
/// When the reader fails, or with the reason why the text is no such table.
pub(in super::super) fn each_row(
    input: impl BufRead,
    format: TableFormat,
    begin: impl FnOnce(&TableColumns) -> ControlFlow<()>,
    tell: impl FnMut(u64, Result<TableRow<'_>, String>) -> ControlFlow<()>,
) -> Result<u64, TableUnreadable> {
    match format {
        TableFormat::Delimited(separator) => delimited(input, separator, begin, tell),
        TableFormat::Parquet => each_parquet_row(input, begin, tell),
        TableFormat::Arrow => each_arrow_row(input, begin, tell),
        // A JSON row names its columns itself.
        _ if begin(&TableColumns::default()).is_break() => Ok(0),
        TableFormat::JsonLines => json_lines(input, tell),
        TableFormat::JsonArray => json_array(input, tell),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cells of the column `x` as numbers, and faults, each with its line.
    fn read(text: &str) -> Vec<(u64, Result<Option<f64>, String>)> {
        let format = TableFormat::of(text.as_bytes());
        let column = std::cell::OnceCell::new();
        let mut told = Vec::new();
        let read = each_row(
            text.as_bytes(),
            format,
            |columns| {
                let _ = column.set(columns.find("x").unwrap());
                ControlFlow::Continue(())
            },
            |line, row| {
                told.push((line, row.and_then(|row| row.cell(column.get().unwrap()).number())));
                ControlFlow::Continue(())
            },
        );
        if let Err(TableUnreadable::Text(reason)) = read {
            told.push((0, Err(reason)));
        }
        told
    }

    #[test]
    fn the_same_cells_come_from_every_format() {
        let wanted = vec![(2, Ok(Some(1.5))), (3, Ok(None)), (4, Ok(Some(1.0)))];
        for text in [
            "u,x\na,1.5\nb,\nc,true\n",
            "\u{feff}u,x\r\na,1.5\r\nb,NA\r\nc,TRUE\r\n",
            "u\tx\na\t 1.5\nb\tNaN\nc\tyes\n",
            "u;x\n\"a;b\";1.5\nb;null\nc;1\n",
            "x|u\n1.5|a\n|b\n1|c",
        ] {
            assert_eq!(read(text), wanted, "{text:?}");
        }
        let json = "{\"u\":\"a\",\"x\":1.5}\n{\"u\":\"b\"}\n{\"x\":true}\n";
        let shifted: Vec<_> = wanted.into_iter().map(|(line, cell)| (line - 1, cell)).collect();
        assert_eq!(read(json), shifted);
        let array = format!("[\n{}]", json.trim().replace('\n', ",\n"));
        assert_eq!(read(&array), shifted);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let said = |text: &str, line: u64, said: &str| {
            let told = read(text);
            let (at, cell) = told.last().unwrap();
            let reason = cell.as_ref().unwrap_err();
            assert!(*at == line && reason.contains(said), "{text:?}: {at}: {reason}");
        };
        said("u,x\na,1\nb,12%\n", 3, "write 0.12");
        said("u,x\na,$3.5\n", 2, "write 3.5");
        said("u;x\na;3,5\n", 2, "write 3.5");
        said("u,x\na,\"1,234.5\"\n", 2, "write 1234.5");
        said("u,x\na,120ms\n", 2, "write 120");
        said("u,x\na,inf\n", 2, "a finite number, found `inf`");
        said("u,x\na,cheap\n", 2, "found the text `cheap`");
        said("u,x\na,1,2\n", 2, "3 cells, the first line has 2");
        said("u,x\na\n", 2, "1 cells, the first line has 2");
        said("x,x\n1,2\n", 0, "names the column `x` twice");
        said("1,2\n3,4\n", 0, "numbers (`1, 2`), not names");
        said("[{\"x\":1},{\"x\"", 0, "ends too early");
        said("[{\"x\":1}, 3]", 2, "expected an object");
        said("{\"x\":[1]}", 1, "found a list");
    }
}
