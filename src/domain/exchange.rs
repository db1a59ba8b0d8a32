//! Exchanges, on which symbols are quoted.

use chrono_tz::Tz;

use super::excerpt::excerpt;
use super::exchange_session::{ExchangeSession, InvalidSession, check_sessions};
use super::invalid_symbol::{InvalidSymbol, check_name};
use super::setters::setters;
use super::trading_hours::TradingHours;

/// The largest length of a code, in characters.
const CODE_LENGTH: usize = 20;

/// An exchange, a broker or a feed that quotes symbols.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Exchange {
    /// The name, such as `oanda`, 1 to 50 characters; unique without regard to case.
    pub name: String,
    /// A description for people; may be empty.
    pub description: String,
    /// The code of the venue if known, such as its MIC (ISO 10383) `XNYS`; 1 to 20 ASCII letters, digits and
    /// punctuation characters.
    pub code: Option<String>,
    /// The IANA time zone of the trading hours if known, such as `America/New_York`.
    pub time_zone: Option<String>,
    /// The weekly sessions in that time zone, at most 1,000, ordered by `valid_from`, weekday from Monday and
    /// opening; empty if unknown. Sessions require a time zone.
    #[cfg_attr(feature = "serde", serde(default))]
    pub sessions: Vec<ExchangeSession>,
}

/// Changes to an exchange. `None` leaves a field unchanged; an empty text or list clears it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct ExchangeFacts {
    /// See [`Exchange::description`].
    pub description: Option<String>,
    /// See [`Exchange::code`].
    pub code: Option<String>,
    /// See [`Exchange::time_zone`].
    pub time_zone: Option<String>,
    /// See [`Exchange::sessions`]. Replaces all sessions; may have any order.
    pub sessions: Option<Vec<ExchangeSession>>,
}

setters!(ExchangeFacts {
    some {
        /// Sets the description.
        description: String,
        /// Sets the code of the venue.
        code: String,
        /// Sets the IANA time zone.
        time_zone: String,
        /// Sets all sessions.
        sessions: Vec<ExchangeSession>,
    }
});

/// Why an exchange is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidExchange {
    /// The name is empty, is too long, or contains a separator of names.
    #[error(transparent)]
    Name(#[from] InvalidSymbol),
    /// The code is empty, is too long, or contains other characters.
    #[error(
        "invalid code {}: expected 1 to 20 ASCII letters, digits and punctuation characters",
        excerpt(.0)
    )]
    Code(String),
    /// The IANA database has no time zone of that name.
    #[error(
        "invalid time zone {}: expected a name of the IANA database such as America/New_York",
        excerpt(.0)
    )]
    TimeZone(String),
    /// The description contains a NUL character, which PostgreSQL cannot store.
    #[error("description {} contains a NUL character: remove it", excerpt(.0))]
    Description(String),
    /// A session is invalid, or overlaps another one.
    #[error(transparent)]
    Session(#[from] InvalidSession),
    /// The exchange has sessions and no time zone.
    #[error("time_zone is missing: an exchange with sessions requires it")]
    MissingTimeZone,
}

setters!(Exchange {
    into {
        /// Sets the description.
        description: String,
        /// Sets the sessions, in any order.
        sessions: Vec<ExchangeSession>,
    }
    some {
        /// Sets the code of the venue.
        code: String,
        /// Sets the IANA time zone.
        time_zone: String,
    }
});

impl Exchange {
    /// An exchange with a name only.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            code: None,
            time_zone: None,
            sessions: Vec::new(),
        }
    }

    /// Checks the rules that every store applies to an exchange.
    ///
    /// # Errors
    /// The first invalid field.
    pub fn validate(&self) -> Result<(), InvalidExchange> {
        check_name("exchange", &self.name)?;
        if self.description.contains('\0') {
            return Err(InvalidExchange::Description(self.description.clone()));
        }
        if let Some(code) = &self.code {
            let allowed = code.bytes().all(|byte| byte.is_ascii_graphic());
            if !allowed || !(1..=CODE_LENGTH).contains(&code.len()) {
                return Err(InvalidExchange::Code(code.clone()));
            }
        }
        self.zone()?;
        if self.time_zone.is_none() && !self.sessions.is_empty() {
            return Err(InvalidExchange::MissingTimeZone);
        }
        Ok(check_sessions(&self.sessions)?)
    }

    fn zone(&self) -> Result<Option<Tz>, InvalidExchange> {
        let Some(name) = &self.time_zone else {
            return Ok(None);
        };
        let zone = name.parse();
        zone.map(Some)
            .map_err(|_| InvalidExchange::TimeZone(name.clone()))
    }

    /// Returns this exchange with its sessions in order, as every store has it.
    #[must_use]
    pub fn normalized(mut self) -> Self {
        self.sessions.sort_unstable_by_key(ExchangeSession::order);
        self
    }

    /// The sessions as instants; `None` for an exchange without sessions.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn trading_hours(&self) -> Result<Option<TradingHours>, InvalidExchange> {
        self.validate()?;
        let zone = self.zone()?;
        Ok(zone.and_then(|zone| TradingHours::new(zone, &self.sessions)))
    }

    /// Returns this exchange with `facts` applied. A field that is `None` keeps its value; an empty text or
    /// list clears it.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn described(&self, facts: &ExchangeFacts) -> Result<Self, InvalidExchange> {
        let field = |stated: &Option<String>, known: &Option<String>| {
            let text = stated.as_ref().or(known.as_ref());
            text.filter(|text| !text.is_empty()).cloned()
        };
        let description = facts.description.as_ref().unwrap_or(&self.description);
        let described = Self {
            name: self.name.clone(),
            description: description.clone(),
            code: field(&facts.code, &self.code),
            time_zone: field(&facts.time_zone, &self.time_zone),
            sessions: facts.sessions.as_ref().unwrap_or(&self.sessions).clone(),
        };
        described.validate()?;
        Ok(described.normalized())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_zones_come_from_the_iana_database() {
        let in_zone = |zone: &str| Exchange::named("nyse").time_zone(zone);
        for zone in ["America/New_York", "Europe/Berlin", "Asia/Kolkata", "UTC"] {
            assert_eq!(in_zone(zone).validate(), Ok(()), "{zone}");
        }
        for zone in [
            "",
            "New York",
            "America/Atlantis",
            "+02:00",
            "europe/berlin",
        ] {
            let refused = InvalidExchange::TimeZone(zone.to_owned());
            assert_eq!(in_zone(zone).validate(), Err(refused));
        }
    }

    #[test]
    fn codes_are_short_and_printable() {
        let coded = |code: &str| Exchange::named("nyse").code(code);
        for code in ["XNYS", "x", "NYSE-ARCA", &"X".repeat(20)] {
            assert_eq!(coded(code).validate(), Ok(()), "{code}");
        }
        for code in ["", " ", "X Y", "é", &"X".repeat(21), "X\0"] {
            let refused = InvalidExchange::Code(code.to_owned());
            assert_eq!(coded(code).validate(), Err(refused));
        }
    }
}
