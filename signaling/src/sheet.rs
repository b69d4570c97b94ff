//! Tables that spreadsheets read and write: CSV (RFC 4180) with a header.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a
//! carriage return for a formula and runs it, so such a cell is written behind
//! a `'`, which spreadsheets show as text. What begins with `'` itself gets
//! another, so that what is written is what is read.

use conclave_wire::code::Code;
use conclave_wire::http::Cell;
use std::io;

/// What may not begin a cell.
const FORMULA: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\''];

/// Writes a table.
///
/// # Errors
/// When a row has more or fewer cells than the header.
pub fn write<R: AsRef<[String]>>(header: &[&str], rows: &[R]) -> io::Result<String> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    writer.write_record(header)?;
    for row in rows {
        writer.write_record(row.as_ref().iter().map(|cell| guarded(cell)))?;
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// A row, and in which line of the text it begins.
pub type Row = (u64, Vec<String>);

/// Where a table is none, or holds what cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {}: {code}", cell.line, cell.column, code.as_str())]
pub struct Wrong {
    /// Where.
    pub cell: Cell,
    /// What is wrong there.
    pub code: Code,
}

/// Reads a table that has this header.
///
/// # Errors
/// [`Wrong`] at the first row that is none of the table's.
pub fn read(header: &[&str], text: &str) -> Result<Vec<Row>, Wrong> {
    // Spreadsheets put a byte order mark in front.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(delimiter(text))
        .flexible(true)
        .from_reader(text.as_bytes());
    let wrong = |line, column: usize| Wrong::at((line, column), Code::BadMessage);
    let mut rows = Vec::new();
    let mut lines = Lines::of(text);
    for record in reader.records() {
        let record = record.map_err(|_| wrong(1, 1))?;
        let line = lines.at(record.position());
        if record.len() != header.len() {
            return Err(wrong(line, record.len().min(header.len()) + 1));
        }
        let cells = record
            .iter()
            .map(|cell| cell.strip_prefix('\'').unwrap_or(cell));
        rows.push((line, cells.map(str::to_owned).collect::<Vec<_>>()));
    }
    if rows.is_empty() {
        return Err(wrong(1, 1));
    }
    let (_, first) = rows.remove(0);
    match first
        .iter()
        .zip(header)
        .position(|(cell, name)| cell != name)
    {
        Some(column) => Err(wrong(1, column + 1)),
        None => Ok(rows),
    }
}

/// What stands between cells: a comma, or the semicolon that spreadsheets write
/// where the comma is in numbers. No header has either in a name.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default();
    if header.contains(';') { b';' } else { b',' }
}

impl Wrong {
    /// What is wrong in a line and a column, both from 1.
    pub(crate) fn at((line, column): (u64, usize), code: Code) -> Self {
        let column = u32::try_from(column).unwrap_or(u32::MAX);
        let cell = Cell { line, column };
        Self { cell, code }
    }
}

/// Counts the lines of a text, each once.
struct Lines<'t> {
    /// What was not counted yet.
    rest: &'t [u8],
    /// How many bytes were.
    counted: usize,
    /// In which line the rest begins.
    line: u64,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        Self {
            rest: text.as_bytes(),
            counted: 0,
            line: 1,
        }
    }

    /// The line of a record behind the one before. Where records end with CRLF,
    /// the position of one is that of the LF before it.
    fn at(&mut self, position: Option<&csv::Position>) -> u64 {
        let at = position.and_then(|position| usize::try_from(position.byte()).ok());
        let upto = at.unwrap_or_default().saturating_sub(self.counted);
        let (before, from) = self.rest.split_at(upto.min(self.rest.len()));
        let breaks = from.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
        let upto = before.len() + breaks.count();
        let (before, rest) = self.rest.split_at(upto);
        let breaks = before.iter().filter(|byte| **byte == b'\n');
        self.line = breaks.fold(self.line, |line, _| line + 1);
        (self.rest, self.counted) = (rest, self.counted + upto);
        self.line
    }
}

fn guarded(cell: &str) -> String {
    match cell.starts_with(FORMULA) {
        true => format!("'{cell}"),
        false => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_what_is_read(
            rows in prop::collection::vec(prop::collection::vec(".*|[=+@'\"\\-\t\r\n,;]{0,6}", 3), 0..8),
        ) {
            let header = ["a", "b", "c"];
            let text = write(&header, &rows).unwrap();
            let read: Vec<_> = read(&header, &text).unwrap().into_iter().map(|(_, row)| row).collect();
            prop_assert_eq!(read, rows);
        }
    }

    #[test]
    fn what_is_no_row_is_told_by_line_and_column() {
        let header = ["a", "b"];
        let at = |text| read(&header, text).map_err(|wrong| (wrong.cell.line, wrong.cell.column));
        assert_eq!(at(""), Err((1, 1)));
        assert_eq!(at("a,c\n"), Err((1, 2)));
        assert_eq!(at("a,b\n1,2\n3\n"), Err((3, 2)));
        assert_eq!(at("a,b\n1,\"2\n2\"\n3,4,5\n"), Err((4, 3)));
        assert_eq!(at("a,b\r\n1,2\r\n\r\n3,4\r\n5\r\n"), Err((5, 2)));
        let rows = vec![(2, vec!["1".to_owned(), "2".to_owned()])];
        assert_eq!(at("\u{feff}a,b\r\n1,2\r\n"), Ok(rows));
    }

    #[test]
    fn a_table_of_a_german_spreadsheet_is_read_with_its_semicolons() {
        let rows = vec![(2, vec!["1,5".to_owned(), "2;3".to_owned()])];
        let read = |text| read(&["a", "b"], text);
        assert_eq!(read("\u{feff}a;b\r\n1,5;\"2;3\"\r\n"), Ok(rows.clone()));
        assert_eq!(read("\"a\";\"b\"\r\n1,5;\"2;3\"\r\n"), Ok(rows.clone()));
        assert_eq!(read("a,b\r\n\"1,5\",2;3\r\n"), Ok(rows));
    }

    #[test]
    fn no_cell_begins_a_formula() {
        let cells = [
            "=1+1",
            "+a",
            "-a",
            "@a",
            "\ta",
            "\ra",
            "'a",
            "a",
            "",
            "a\"b,c\nd",
        ];
        let row = cells.map(str::to_owned);
        let text = write(&["h"; 10], &[row]).unwrap();
        let row = text.split_once("\r\n").unwrap().1;
        let expected = "'=1+1,'+a,'-a,'@a,'\ta,\"'\ra\",''a,a,,\"a\"\"b,c\nd\"\r\n";
        assert_eq!(row, expected);
        assert!(write(&["a", "b"], &[vec!["x".to_owned()]]).is_err());
    }
}
