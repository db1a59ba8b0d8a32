//! Splits lines into columns and parses their values exactly.

use rust_decimal::Decimal;

use crate::domain::{DecimalTextError, excerpt, parse_decimal};

/// The columns of one line.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Columns {
    /// Splits `line` at its commas. A column may be quoted.
    ///
    /// Each line is parsed separately, so a stray quotation mark affects no other line.
    pub(crate) fn read(&mut self, line: &[u8]) {
        self.bytes.clear();
        self.ends.clear();
        if !line.contains(&b'"') {
            line.split(|&byte| byte == b',')
                .for_each(|column| self.push(column));
            return;
        }
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(line);
        // reading bytes in memory into rows of any width cannot fail
        for record in reader.byte_records().map_while(Result::ok) {
            record.iter().for_each(|column| self.push(column));
        }
    }

    fn push(&mut self, column: &[u8]) {
        self.bytes.extend_from_slice(column.trim_ascii());
        self.ends.push(self.bytes.len());
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns the column at `index` without surrounding spaces; empty if the line has fewer columns.
    pub(crate) fn get(&self, index: usize) -> &[u8] {
        let Some(&end) = self.ends.get(index) else {
            return b"";
        };
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..end]
    }

    /// Parses the number in the column at `index`. Errors call it `name`.
    pub(crate) fn decimal(&self, index: usize, name: &str) -> Result<Decimal, String> {
        decimal(self.get(index), name)
    }

    /// Returns the text in the column at `index`.
    pub(crate) fn text(&self, index: usize, name: &str) -> Result<&str, String> {
        text(self.get(index), name)
    }
}

/// Parses the number of a field. Errors call it `name`.
pub(crate) fn decimal(field: &[u8], name: &str) -> Result<Decimal, String> {
    parse_decimal(field).map_err(|error| match error {
        DecimalTextError::Empty => format!("{name} {error}"),
        _ => format!("{name} {} {error}", excerpt(field)),
    })
}

/// Returns the text of a field. Errors call it `name`.
pub(crate) fn text<'a>(field: &'a [u8], name: &str) -> Result<&'a str, String> {
    std::str::from_utf8(field).map_err(|_| {
        let shown = excerpt(field);
        format!("{name} {shown} is not UTF-8: convert the file to UTF-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        let mut columns = Columns::default();
        columns.read(text.as_bytes());
        columns.decimal(0, "bid").map(|value| value.to_string())
    }

    #[test]
    fn invalid_number_is_named_with_a_remedy() {
        assert_eq!(read("5e-05").as_deref(), Ok("0.00005"));
        let error = read("1.2.3").expect_err("no number");
        assert_eq!(
            error,
            "bid \"1.2.3\" is not a decimal: expected a number like 1.38676"
        );
        let error = read("").expect_err("nothing");
        assert_eq!(error, "bid is empty: expected a number like 1.38676");
        let error = read(&"1".repeat(4_000)).expect_err("too long");
        assert!(error.contains("more digits"), "{error}");
        assert!(error.len() < 200, "{error}");
    }

    #[test]
    fn columns_may_be_quoted_and_missing_ones_are_empty() {
        let mut columns = Columns::default();
        columns.read(b"a, \"b, c\" ,d");
        assert_eq!(columns.get(0), b"a");
        columns.read(b"\"b, c\",d");
        assert_eq!((columns.get(0), columns.get(1)), (&b"b, c"[..], &b"d"[..]));
        columns.read(b"x,");
        assert_eq!(
            (columns.len(), columns.get(1), columns.get(7)),
            (2, &b""[..], &b""[..])
        );
    }

    #[test]
    fn invalid_utf8_is_named_and_harmless() {
        let mut columns = Columns::default();
        columns.read(b"\xff\xfe,\"\xff");
        assert!(columns.text(0, "symbol").is_err());
        assert!(columns.decimal(0, "bid").is_err());
        assert!(columns.decimal(1, "ask").is_err());
    }
}
