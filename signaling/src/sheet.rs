//! Tables that spreadsheets read and write: CSV (RFC 4180) with a header.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a
//! carriage return for a formula and runs it, so such a cell is written behind
//! a `'`, which spreadsheets show as text. What begins with `'` itself gets
//! another, so that what is written is what is read.

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

fn guarded(cell: &str) -> String {
    match cell.starts_with(FORMULA) {
        true => format!("'{cell}"),
        false => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
