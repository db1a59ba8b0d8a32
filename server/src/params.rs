//! Path and query parameters, read so that an error names the parameter and the remedy.

use std::fmt::Display;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;
use tickbook::domain::{
    PageLimit, SortOrder, SymbolId, TimeRange, earliest_time, excerpt, latest_time, parse_time,
};

use crate::problem::Problem;

/// The parameters behind the `?`.
#[derive(Debug)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Takes a query string apart.
    ///
    /// A `+` stands for itself, as in the offset of a time, and not for a space.
    ///
    /// # Errors
    /// A parameter that is not among `known`, is given twice, or is no percent-encoded UTF-8.
    pub(crate) fn parse(raw: Option<&str>, known: &[&str]) -> Result<Self, Problem> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for pair in raw.unwrap_or_default().split('&') {
            if pair.is_empty() {
                continue;
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode("a parameter's name", name)?;
            if !known.contains(&name.as_str()) {
                let name = excerpt(name);
                return Err(Problem::invalid_parameter(if known.is_empty() {
                    format!("{name} is no parameter here: there are none")
                } else {
                    let known = known.join(", ");
                    format!("{name} is no parameter here: there are {known}")
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

    /// The text of a parameter, if it is there.
    #[must_use]
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The value of a parameter whose type says itself what is wrong with a text.
    ///
    /// # Errors
    /// The parameter and what the type says.
    pub(crate) fn parsed<T>(&self, name: &str) -> Result<Option<T>, Problem>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.text(name)
            .map(|text| text.parse().map_err(|error| invalid(name, &error)))
            .transpose()
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// Anything else.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.text(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(invalid(
                name,
                &format!(
                    "{} is neither true nor false: use one of them",
                    excerpt(other)
                ),
            )),
        }
    }

    /// `limit`: 1 to 10,000, 500 unless given.
    ///
    /// # Errors
    /// No whole number, or out of range.
    pub(crate) fn limit(&self) -> Result<PageLimit, Problem> {
        let Some(text) = self.text("limit") else {
            return Ok(PageLimit::default());
        };
        // every run of digits is a number, however long; only the range is wrong with it
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            let shown = excerpt(text);
            let detail = format!("limit {shown} is no whole number: use 1 to 10000");
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

    /// `order`: `asc` unless given.
    ///
    /// # Errors
    /// Neither `asc` nor `desc`.
    pub(crate) fn order(&self) -> Result<SortOrder, Problem> {
        Ok(self.parsed("order")?.unwrap_or_default())
    }

    /// `from`, itself inside, to `to`, itself outside; all time where they are not given.
    ///
    /// # Errors
    /// No RFC 3339 time, or `from` after `to`.
    pub(crate) fn range(&self) -> Result<TimeRange, Problem> {
        let (from, to) = (self.time("from")?, self.time("to")?);
        // a bound that is not given is never on the wrong side of the other one
        let start =
            from.unwrap_or_else(|| to.map_or_else(earliest_time, |to| to.min(earliest_time())));
        let end = to.unwrap_or_else(|| start.max(latest_time()));
        TimeRange::new(start, end).map_err(Problem::invalid_parameter)
    }

    fn time(&self, name: &str) -> Result<Option<DateTime<Utc>>, Problem> {
        self.text(name)
            .map(|text| parse_time(text).map_err(|error| invalid(name, &error)))
            .transpose()
    }

    /// What `cursor` names, read by `decode`.
    ///
    /// # Errors
    /// What `decode` says.
    pub(crate) fn cursor<C, E: Display>(
        &self,
        decode: impl FnOnce(&str) -> Result<C, E>,
    ) -> Result<Option<C>, Problem> {
        self.text("cursor")
            .map(|text| decode(text).map_err(|error| invalid("cursor", &error)))
            .transpose()
    }

    /// The ids in a parameter that must be there, separated by commas, at most `most`.
    ///
    /// # Errors
    /// None, too many, or a text that is no id.
    pub(crate) fn symbol_ids(&self, name: &str, most: usize) -> Result<Vec<SymbolId>, Problem> {
        let text = self.text(name).unwrap_or_default();
        if text.is_empty() {
            let detail = format!("{name} is missing: give ids, as in {name}=1,2,3");
            return Err(Problem::invalid_parameter(detail));
        }
        let count = text.split(',').count();
        if count > most {
            let detail = format!("{name} has {count} ids: give at most {most}");
            return Err(Problem::invalid_parameter(detail));
        }
        text.split(',').map(|text| symbol_id(name, text)).collect()
    }
}

/// The symbol id in the parameter `name`.
///
/// # Errors
/// No positive whole number.
pub(crate) fn symbol_id(name: &str, text: &str) -> Result<SymbolId, Problem> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<i64>() {
        Ok(id) if plain && id > 0 => Ok(SymbolId::new(id)),
        _ => Err(invalid(
            name,
            &format!(
                "{} is no symbol id: use a positive whole number",
                excerpt(text)
            ),
        )),
    }
}

fn invalid(name: &str, problem: &dyn Display) -> Problem {
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
            &"a broken % escape: write a literal % as %25 and text as UTF-8",
        )),
    }
}
