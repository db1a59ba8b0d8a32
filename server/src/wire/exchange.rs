//! Exchanges as JSON.

use serde::{Deserialize, Deserializer, Serialize};
use tickbook::domain::{Exchange, ExchangeFacts, ExchangeSession, InvalidSession, Page};
use utoipa::ToSchema;

use super::object::Object;
use crate::cursor::ExchangeCursor;

/// An exchange, a broker or a feed that quotes symbols.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "name": "NSE", "description": "National Stock Exchange of India", "code": "XNSE",
    "time_zone": "Asia/Kolkata", "sessions": [
        {"valid_from": "1970-01-01", "weekday": "mon", "open": "09:15", "close": "15:30"}
    ]
}))]
pub struct ExchangeBody {
    /// Its name, unique case-insensitively.
    #[schema(example = "NSE")]
    pub name: String,
    /// A description for people; may be empty.
    #[schema(example = "National Stock Exchange of India")]
    pub description: String,
    /// The code of the venue, such as its MIC (ISO 10383), if known.
    #[schema(example = "XNSE")]
    pub code: Option<String>,
    /// The IANA time zone of the sessions, if known.
    #[schema(example = "Asia/Kolkata")]
    pub time_zone: Option<String>,
    /// The weekly sessions by ascending valid_from, weekday from Monday and opening; empty if unknown.
    pub sessions: Vec<SessionBody>,
}

/// A weekly trading session in the time zone of the exchange. All sessions with one `valid_from` are a week, which
/// is in force until the next `valid_from`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionBody {
    /// The first day on which the session may open; 1970-01-01 if omitted.
    #[serde(default = "first_day")]
    #[schema(example = "1970-01-01", required = false)]
    pub valid_from: String,
    /// The day on which the session opens: mon, tue, wed, thu, fri, sat or sun.
    #[schema(example = "mon")]
    pub weekday: String,
    /// The opening time, inclusive.
    #[schema(example = "09:15")]
    pub open: String,
    /// The closing time, exclusive, 24:00 for midnight. A time that is not after the opening is on the next day.
    #[schema(example = "15:30")]
    pub close: String,
}

fn first_day() -> String {
    chrono::NaiveDate::default().to_string()
}

/// A new exchange. Unknown fields are refused; fields that are omitted or null are unknown.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewExchangeBody {
    /// Its name, 1 to 50 characters without spaces, colons and commas.
    #[schema(example = "NSE")]
    pub name: String,
    /// A description for people.
    #[serde(default)]
    pub description: Option<String>,
    /// The code of the venue, such as its MIC (ISO 10383).
    #[serde(default)]
    #[schema(example = "XNSE")]
    pub code: Option<String>,
    /// The IANA time zone of the sessions, which require it.
    #[serde(default)]
    #[schema(example = "Asia/Kolkata")]
    pub time_zone: Option<String>,
    /// The weekly sessions in any order, at most 1000.
    #[serde(default, deserialize_with = "session_objects")]
    pub sessions: Option<Vec<SessionBody>>,
}

/// Changes to an exchange. Unknown fields are refused; omitted fields do not change, and null clears a field.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExchangeChangesBody {
    /// A description for people.
    #[serde(default, deserialize_with = "given")]
    pub description: Option<String>,
    /// The code of the venue, such as its MIC (ISO 10383).
    #[serde(default, deserialize_with = "given")]
    #[schema(example = "XNSE")]
    pub code: Option<String>,
    /// The IANA time zone of the sessions, which require it.
    #[serde(default, deserialize_with = "given")]
    #[schema(example = "Asia/Kolkata")]
    pub time_zone: Option<String>,
    /// The weekly sessions in any order, at most 1000; they replace all sessions.
    #[serde(default, deserialize_with = "given_sessions")]
    pub sessions: Option<Vec<SessionBody>>,
}

/// Reads a field that is present; null is the empty value.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let value = Option::<T>::deserialize(deserializer)?;
    Ok(Some(value.unwrap_or_default()))
}

/// Reads an array of objects, or null.
fn session_objects<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<SessionBody>>, D::Error> {
    let sessions = Option::<Vec<Object<SessionBody>>>::deserialize(deserializer)?;
    Ok(sessions.map(|sessions| sessions.into_iter().map(|session| session.0).collect()))
}

/// Reads an array of objects that is present; null is the empty array.
fn given_sessions<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<SessionBody>>, D::Error> {
    let sessions = session_objects(deserializer)?;
    Ok(Some(sessions.unwrap_or_default()))
}

/// A page of exchanges, by ascending name without regard to case.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ExchangeList {
    /// The exchanges.
    pub data: Vec<ExchangeBody>,
    /// Pass it as `cursor` to read the next page; null at the end.
    pub next_cursor: Option<String>,
}

impl From<&ExchangeSession> for SessionBody {
    fn from(session: &ExchangeSession) -> Self {
        Self {
            valid_from: session.valid_from.to_string(),
            weekday: session.weekday_name().to_owned(),
            open: session.open_text(),
            close: session.close_text(),
        }
    }
}

impl From<Exchange> for ExchangeBody {
    fn from(exchange: Exchange) -> Self {
        Self {
            name: exchange.name,
            description: exchange.description,
            code: exchange.code,
            time_zone: exchange.time_zone,
            sessions: exchange.sessions.iter().map(Into::into).collect(),
        }
    }
}

impl From<Page<Exchange, String>> for ExchangeList {
    fn from(page: Page<Exchange, String>) -> Self {
        Self {
            data: page.items.into_iter().map(Into::into).collect(),
            next_cursor: page.next.map(|name| ExchangeCursor { name }.encode()),
        }
    }
}

impl SessionBody {
    fn parse(&self) -> Result<ExchangeSession, InvalidSession> {
        let valid_from = Some(self.valid_from.as_str());
        ExchangeSession::from_texts(valid_from, &self.weekday, &self.open, &self.close)
    }
}

/// Parses sessions; the error has the index of the first invalid one.
fn sessions(bodies: &[SessionBody]) -> Result<Vec<ExchangeSession>, String> {
    let parse = |(index, body): (usize, &SessionBody)| {
        let parsed = body.parse();
        parsed.map_err(|error| format!("sessions[{index}]: {error}"))
    };
    bodies.iter().enumerate().map(parse).collect()
}

impl NewExchangeBody {
    /// Converts the body into the exchange to create.
    ///
    /// # Errors
    /// The invalid part.
    pub fn into_exchange(self) -> Result<Exchange, String> {
        let mut exchange = Exchange::named(self.name);
        exchange.description = self.description.unwrap_or_default();
        (exchange.code, exchange.time_zone) = (self.code, self.time_zone);
        exchange.sessions = sessions(&self.sessions.unwrap_or_default())?;
        exchange.validate().map_err(|error| error.to_string())?;
        Ok(exchange.normalized())
    }
}

impl ExchangeChangesBody {
    /// Converts the body into changes.
    ///
    /// # Errors
    /// The first session that is invalid.
    pub fn into_facts(self) -> Result<ExchangeFacts, String> {
        let mut facts = ExchangeFacts::default();
        (facts.description, facts.code) = (self.description, self.code);
        facts.time_zone = self.time_zone;
        facts.sessions = self.sessions.as_deref().map(sessions).transpose()?;
        Ok(facts)
    }
}
