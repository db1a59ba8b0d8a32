//! Lines taken apart, and their columns read exactly.

use rust_decimal::Decimal;

/// The longest part of a malformed column that is repeated in an error.
const SHOWN_CHARACTERS: usize = 40;
/// More digits after the point than this a `Decimal` does not have.
const LARGEST_SCALE: i64 = 28;

/// The columns of one line.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Columns {
    /// Takes `line` apart at its commas; a column may stand in quotation marks.
    ///
    /// Each line is taken for itself, so that a stray quotation mark spoils no other line.
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
        // reading bytes from memory into rows of any width leaves nothing that could fail
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

    /// The column of that index without surrounding spaces; empty where the line has fewer.
    pub(crate) fn get(&self, index: usize) -> &[u8] {
        let Some(&end) = self.ends.get(index) else {
            return b"";
        };
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..end]
    }

    /// The number in the column of that index; `name` is what an error calls it.
    pub(crate) fn decimal(&self, index: usize, name: &str) -> Result<Decimal, String> {
        let field = self.get(index);
        decimal(field).map_err(|problem| problem.describe(name, field))
    }

    /// The text in the column of that index.
    pub(crate) fn text(&self, index: usize, name: &str) -> Result<&str, String> {
        let field = self.get(index);
        std::str::from_utf8(field).map_err(|_| {
            let shown = shown(field);
            format!("{name} {shown} is no UTF-8 text: convert the file to UTF-8")
        })
    }
}

/// A column as an error shows it: quoted, cut, and without bytes that are no text.
pub(crate) fn shown(field: &[u8]) -> String {
    let text = String::from_utf8_lossy(field);
    let cut: String = text.chars().take(SHOWN_CHARACTERS).collect();
    if cut.len() < text.len() {
        format!("{cut:?}…")
    } else {
        format!("{cut:?}")
    }
}

enum Problem {
    Empty,
    NoDecimal,
    TooManyDigits,
}

impl Problem {
    fn describe(&self, name: &str, field: &[u8]) -> String {
        let shown = shown(field);
        match self {
            Self::Empty => format!("{name} is empty: write a number like 1.38676"),
            Self::NoDecimal => {
                format!("{name} {shown} is no decimal: write it like 1.38676")
            }
            Self::TooManyDigits => {
                format!("{name} {shown} has more digits than are kept exactly: send at most 28")
            }
        }
    }
}

/// Reads `-1.5` and `5e-05` to the last digit; nothing is ever rounded.
fn decimal(field: &[u8]) -> Result<Decimal, Problem> {
    if field.is_empty() {
        return Err(Problem::Empty);
    }
    let (number, exponent) = match field.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (&field[..at], exponent(&field[at + 1..])?),
        None => (field, 0),
    };
    let (negative, digits) = match number {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let mut mantissa: i128 = 0;
    let mut scale: Option<i64> = None;
    let mut any = false;
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                any = true;
                scale = scale.map(|scale| scale + 1);
                mantissa = mantissa
                    .checked_mul(10)
                    .and_then(|mantissa| mantissa.checked_add(i128::from(byte - b'0')))
                    .ok_or(Problem::TooManyDigits)?;
            }
            b'.' if scale.is_none() => scale = Some(0),
            _ => return Err(Problem::NoDecimal),
        }
    }
    if !any {
        return Err(Problem::NoDecimal);
    }
    let scaled = with_scale(mantissa, scale.unwrap_or(0) - exponent);
    let value = scaled.ok_or(Problem::TooManyDigits)?;
    Ok(if negative { -value } else { value })
}

fn exponent(digits: &[u8]) -> Result<i64, Problem> {
    // a longer one means a number that no decimal holds
    if digits.len() > 5 {
        return Err(Problem::TooManyDigits);
    }
    std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .ok_or(Problem::NoDecimal)
}

fn with_scale(mut mantissa: i128, mut scale: i64) -> Option<Decimal> {
    if mantissa == 0 {
        return Some(Decimal::ZERO);
    }
    while scale > LARGEST_SCALE && mantissa % 10 == 0 {
        mantissa /= 10;
        scale -= 1;
    }
    while scale < 0 {
        mantissa = mantissa.checked_mul(10)?;
        scale += 1;
    }
    let scale = u32::try_from(scale).ok()?;
    Decimal::try_from_i128_with_scale(mantissa, scale).ok()
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
    fn numbers_are_read_to_the_last_digit() {
        for (text, value) in [
            ("1.38676", "1.38676"),
            ("-37.63", "-37.63"),
            ("+.5", "0.5"),
            ("5.", "5"),
            ("5e-05", "0.00005"),
            ("2.5E+2", "250"),
            ("0e-99", "0"),
            (
                "9999999999999999999999999999",
                "9999999999999999999999999999",
            ),
            (
                "1.0000000000000000000000000000",
                "1.0000000000000000000000000000",
            ),
        ] {
            assert_eq!(read(text).as_deref(), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused_with_a_remedy() {
        for text in [
            "1.2.3", "NaN", "inf", "1_000", "1 000", "0x10", "-", ".", "e5", "1e", "1e1.5", "--1",
            "1,5e",
        ] {
            let text = text.replace(',', ";");
            let error = read(&text).expect_err(&text);
            assert!(error.contains("write it like 1.38676"), "{text}: {error}");
        }
        assert!(read("").is_err_and(|error| error.contains("bid is empty")));
    }

    #[test]
    fn what_would_have_to_be_rounded_is_refused() {
        let long = "1".repeat(4_000);
        for text in [
            "0.12345678901234567890123456789",
            "99999999999999999999999999999999",
            "1e29",
            "1e-29",
            "1e999999999999",
            &long,
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains("more digits"), "{error}");
            assert!(error.len() < 200, "{error}");
        }
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
    fn bytes_that_are_no_text_are_named_and_do_no_harm() {
        let mut columns = Columns::default();
        columns.read(b"\xff\xfe,\"\xff");
        assert!(columns.text(0, "symbol").is_err());
        assert!(columns.decimal(0, "bid").is_err());
        assert!(columns.decimal(1, "ask").is_err());
    }
}
