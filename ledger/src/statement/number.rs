//! Numbers as brokers write them.

use rust_decimal::Decimal;
use tickbook::domain::{excerpt, parse_decimal};

/// How numbers are written. It is never guessed: `1,500` is 1500 or 1.5.
///
/// # Examples
/// ```
/// use tickbook_ledger::statement::NumberFormat;
///
/// let mut german = NumberFormat::default();
/// (german.decimal_comma, german.thousands) = (true, Some('.'));
/// assert_eq!(german.parse("-1.234,50").map(|it| it.to_string()).as_deref(), Ok("-1234.5"));
/// assert!(NumberFormat::default().parse("1,500").is_err());
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NumberFormat {
    /// Whether decimals are written with a comma instead of a point.
    pub decimal_comma: bool,
    /// The character between groups of three digits; `None` refuses such groups.
    pub thousands: Option<char>,
}

impl NumberFormat {
    /// Reads a number. A number in parentheses is negative.
    ///
    /// # Errors
    /// The reason, with the text.
    pub fn parse(self, text: &str) -> Result<Decimal, String> {
        let shown = excerpt(text);
        let trimmed = text.trim();
        let (text, negative) = match trimmed
            .strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'))
        {
            Some(inner) => (inner, true),
            None => (trimmed, false),
        };
        let point = if self.decimal_comma { ',' } else { '.' };
        let (whole, decimals) = match text.split_once(point) {
            Some((whole, decimals)) => (whole, Some(decimals)),
            None => (text, None),
        };
        let whole = self
            .without_groups(whole)
            .ok_or_else(|| format!("{shown} has groups that are not of three digits"))?;
        let rest_has_separator = |separator| {
            whole.contains(separator) || decimals.is_some_and(|it| it.contains(separator))
        };
        if !self.decimal_comma && rest_has_separator(',') {
            return Err(format!(
                "{shown} has a comma: state whether it is the decimal comma or separates thousands"
            ));
        }
        if self.decimal_comma && rest_has_separator('.') {
            return Err(format!(
                "{shown} has a point, although decimals have a comma: state whether it separates thousands"
            ));
        }
        let number = match decimals {
            Some(decimals) => format!("{whole}.{decimals}"),
            None => whole,
        };
        let value = parse_decimal(&number).map_err(|error| format!("{shown} {error}"))?;
        Ok(if negative { -value } else { value })
    }

    /// The digits before the decimal point without separators; `None` if a group does not have three digits.
    fn without_groups(self, whole: &str) -> Option<String> {
        let Some(separator) = self.thousands.filter(|it| whole.contains(*it)) else {
            return Some(whole.to_owned());
        };
        let mut groups = whole.split(separator);
        let first = groups.next()?;
        let digits = first.trim_start_matches(['-', '+']);
        let is_first = (1..=3).contains(&digits.len());
        let is_group =
            |group: &str| group.len() == 3 && group.bytes().all(|it| it.is_ascii_digit());
        let is_grouped = is_first && groups.clone().all(is_group);
        is_grouped.then(|| std::iter::once(first).chain(groups).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(comma: bool, thousands: Option<char>, text: &str) -> Result<String, String> {
        let format = NumberFormat {
            decimal_comma: comma,
            thousands,
        };
        format.parse(text).map(|value| value.to_string())
    }

    #[test]
    fn numbers_are_read_as_stated() {
        for (comma, thousands, text, expected) in [
            (false, None, "1.50", "1.5"),
            (false, None, " -0.5 ", "-0.5"),
            (false, None, "(12.50)", "-12.5"),
            (false, Some(','), "1,234,567.8", "1234567.8"),
            (false, Some('\''), "-1'234", "-1234"),
            (true, None, "1,5", "1.5"),
            (true, Some('.'), "1.234,5", "1234.5"),
            (true, Some('\u{a0}'), "1\u{a0}234,5", "1234.5"),
            (true, Some('.'), "12", "12"),
            (false, None, "1e-8", "0.00000001"),
        ] {
            let found = parse(comma, thousands, text);
            assert_eq!(found.as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn numbers_that_need_a_guess_are_refused() {
        for (comma, thousands, text, reason) in [
            (false, None, "1,500", "has a comma"),
            (false, None, "1.234,5", "has a comma"),
            (true, None, "1.500", "has a point"),
            (true, Some('.'), "1.50", "three digits"),
            (false, Some(','), "1,5", "three digits"),
            (false, Some(','), "1234,567", "three digits"),
            (false, None, "", "empty"),
            (false, None, "$5", "not a decimal"),
            (false, None, "1.2.3", "not a decimal"),
        ] {
            let error = parse(comma, thousands, text).expect_err(text);
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
