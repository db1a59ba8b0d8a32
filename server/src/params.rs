//! Parses path and query parameters. Errors name the parameter and the remedy.

mod time;

pub(crate) use time::{MAX_MILLIS, parse as parse_time};

use std::fmt::Display;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;
use rust_decimal::Decimal;
use tickbook::domain::{
    PageLimit, SortOrder, SymbolId, TimeRange, check_tick_decimal, earliest_time, excerpt,
    latest_time, parse_decimal,
};
use tickbook_ledger::domain::AccountId;

use crate::problem::Problem;

/// The parameters of a query string.
#[derive(Debug)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Splits a query string into parameters.
    ///
    /// A `+` is literal, as in the offset of a time, and does not stand for a space.
    ///
    /// # Errors
    /// A parameter is not among `known`, is given twice, or is not percent-encoded UTF-8.
    pub(crate) fn parse(raw: Option<&str>, known: &[&str]) -> Result<Self, Problem> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for pair in raw.unwrap_or_default().split('&') {
            if pair.is_empty() {
                continue;
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode("a parameter name", name)?;
            if !known.contains(&name.as_str()) {
                let name = excerpt(name);
                return Err(Problem::invalid_parameter(if known.is_empty() {
                    format!("unknown parameter {name}: this route has none")
                } else {
                    let known = known.join(", ");
                    format!("unknown parameter {name}: expected {known}")
                }));
            }
            if pairs.iter().any(|(other, _)| *other == name) {
                let detail = format!("{name} is given twice: give it once");
                return Err(Problem::invalid_parameter(detail));
            }
            let value = decode(&name, value)?;
            pairs.push((name, value));
        }
        Ok(Self { pairs })
    }

    /// The text of a parameter, if it is given.
    #[must_use]
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Parses the value of a parameter.
    ///
    /// # Errors
    /// The name of the parameter and the error of the type.
    pub(crate) fn parsed<T>(&self, name: &str) -> Result<Option<T>, Problem>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.text(name)
            .map(|text| text.parse().map_err(|error| invalid(name, &error)))
            .transpose()
    }

    /// Parses `true` or `false`.
    ///
    /// # Errors
    /// The value is anything else.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.text(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(invalid(
                name,
                &format!("invalid value {}: expected true or false", excerpt(other)),
            )),
        }
    }

    /// Parses `limit`: 1 to 10,000, by default 500.
    ///
    /// # Errors
    /// The value is not an integer, or is out of range.
    pub(crate) fn limit(&self) -> Result<PageLimit, Problem> {
        let Some(text) = self.text("limit") else {
            return Ok(PageLimit::default());
        };
        // any run of digits is an integer, however long; only its range can be wrong
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            let shown = excerpt(text);
            let detail = format!("invalid limit {shown}: expected an integer from 1 to 10000");
            return Err(Problem::invalid_parameter(detail));
        }
        text.parse::<i64>()
            .ok()
            .and_then(|limit| PageLimit::try_from(limit).ok())
            .ok_or_else(|| {
                let shown = excerpt(text);
                let shown = shown.trim_matches('"');
                let detail = format!("limit {shown} is out of range: use 1 to 10000");
                Problem::invalid_parameter(detail)
            })
    }

    /// Parses `order`, by default `asc`.
    ///
    /// # Errors
    /// The value is neither `asc` nor `desc`.
    pub(crate) fn order(&self) -> Result<SortOrder, Problem> {
        Ok(self.parsed("order")?.unwrap_or_default())
    }

    /// Parses the range from `from` (inclusive) to `to` (exclusive); a missing bound is unbounded.
    ///
    /// # Errors
    /// A bound is not a time, or `from` is after `to`.
    pub(crate) fn range(&self) -> Result<TimeRange, Problem> {
        let (from, to) = (self.time("from")?, self.time("to")?);
        // a missing bound never conflicts with the other bound
        let start =
            from.unwrap_or_else(|| to.map_or_else(earliest_time, |to| to.min(earliest_time())));
        let end = to.unwrap_or_else(|| start.max(latest_time()));
        TimeRange::new(start, end).map_err(Problem::invalid_parameter)
    }

    /// Parses the range of a request that requires both bounds.
    ///
    /// # Errors
    /// A bound is missing; and the errors of [`range`](Self::range).
    pub(crate) fn required_range(&self) -> Result<TimeRange, Problem> {
        for name in ["from", "to"] {
            if self.text(name).is_none() {
                let detail = format!("{name} is missing: give both ends of the range");
                return Err(Problem::invalid_parameter(detail));
            }
        }
        self.range()
    }

    /// Parses a time, a date or epoch milliseconds: see [`time::parse`].
    ///
    /// # Errors
    /// The value is none of these.
    pub(crate) fn time(&self, name: &str) -> Result<Option<DateTime<Utc>>, Problem> {
        self.text(name)
            .map(|text| time::parse(text).map_err(|error| invalid(name, &error)))
            .transpose()
    }

    /// Parses `cursor` with `decode`.
    ///
    /// # Errors
    /// The errors of `decode`.
    pub(crate) fn cursor<C, E: Display>(
        &self,
        decode: impl FnOnce(&str) -> Result<C, E>,
    ) -> Result<Option<C>, Problem> {
        self.text("cursor")
            .map(|text| decode(text).map_err(|error| invalid("cursor", &error)))
            .transpose()
    }

    /// Parses an id.
    ///
    /// # Errors
    /// The value is not a positive integer.
    pub(crate) fn id(&self, name: &str) -> Result<Option<i64>, Problem> {
        self.text(name)
            .map(|text| positive_id(name, text))
            .transpose()
    }

    /// Parses the number of an event: at least `least`.
    ///
    /// # Errors
    /// The value is not an integer, or is below `least`.
    pub(crate) fn sequence(&self, name: &str, least: i64) -> Result<Option<i64>, Problem> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let number = text.parse::<i64>().ok().filter(|number| *number >= least);
        let number = number.ok_or_else(|| {
            let shown = excerpt(text);
            invalid(
                name,
                &format!("invalid number {shown}: expected an integer from {least} on"),
            )
        });
        number.map(Some)
    }

    /// Parses a decimal that can be stored.
    ///
    /// # Errors
    /// The value is not a decimal, or has too many digits.
    pub(crate) fn decimal(&self, name: &str) -> Result<Option<Decimal>, Problem> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let value = parse_decimal(text).map_err(|error| {
            let shown = excerpt(text);
            invalid(name, &format!("{shown} {error}"))
        })?;
        let checked = check_tick_decimal(value).map_err(|error| invalid(name, &error))?;
        Ok(Some(checked))
    }

    /// All parameters as given, in the order of their names.
    pub(crate) fn canonical(&self) -> String {
        let pairs = self.pairs.iter();
        let mut pairs: Vec<_> = pairs
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.sort();
        pairs.join("&")
    }

    /// All parameters as given, except those that change from page to page.
    pub(crate) fn of_listing(&self) -> String {
        let of_page = ["limit", "cursor"];
        let pairs = self
            .pairs
            .iter()
            .filter(|(name, _)| !of_page.contains(&name.as_str()));
        let mut pairs: Vec<_> = pairs
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.sort();
        pairs.join("&")
    }

    /// Parses the required parameter `name` as ids separated by commas, at most `max`.
    ///
    /// # Errors
    /// The parameter is missing, has too many ids, or a text that is not an id.
    pub(crate) fn symbol_ids(&self, name: &str, max: usize) -> Result<Vec<SymbolId>, Problem> {
        let text = self.text(name).unwrap_or_default();
        if text.is_empty() {
            let detail = format!("{name} is missing: give ids, as in {name}=1,2,3");
            return Err(Problem::invalid_parameter(detail));
        }
        let count = text.split(',').count();
        if count > max {
            let detail = format!("{name} has {count} ids: give at most {max}");
            return Err(Problem::invalid_parameter(detail));
        }
        text.split(',').map(|text| symbol_id(name, text)).collect()
    }
}

/// Parses the symbol id in the parameter `name`.
///
/// # Errors
/// The text is not a positive integer.
pub(crate) fn symbol_id(name: &str, text: &str) -> Result<SymbolId, Problem> {
    positive_id(name, text).map(SymbolId::new)
}

/// Parses the account id in the path.
///
/// # Errors
/// The text is not a positive integer.
pub(crate) fn account_id(text: &str) -> Result<AccountId, Problem> {
    positive_id("account_id", text).map(AccountId::new)
}

/// Parses the id in the parameter `name`.
///
/// # Errors
/// The text is not a positive integer.
pub(crate) fn positive_id(name: &str, text: &str) -> Result<i64, Problem> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<i64>() {
        Ok(id) if plain && id > 0 => Ok(id),
        _ => Err(invalid(
            name,
            &format!("invalid id {}: expected a positive integer", excerpt(text)),
        )),
    }
}

/// The problem of a parameter.
pub(crate) fn invalid(name: &str, problem: &dyn Display) -> Problem {
    Problem::invalid_parameter(format!("{name}: {problem}"))
}

fn decode(what: &str, text: &str) -> Result<String, Problem> {
    let escaped =
        |rest: &str| rest.len() >= 2 && rest.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit);
    let decoded = percent_decode_str(text).decode_utf8();
    match decoded {
        Ok(decoded) if text.split('%').skip(1).all(escaped) => Ok(decoded.into_owned()),
        _ => Err(invalid(
            what,
            &"invalid percent-encoding: write a literal % as %25 and text as UTF-8",
        )),
    }
}
