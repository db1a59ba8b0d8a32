//! Sessions of exchanges.

use chrono::{NaiveTime, Weekday};
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::sql_types::{Array, Date, SmallInt, Text, Time};
use diesel::{
    ExpressionMethods as _, PgConnection, QueryDsl as _, QueryResult, RunQueryDsl as _, sql_query,
};

use crate::domain::{Exchange, ExchangeSession};
use crate::error::{Entity, RepositoryError};
use crate::postgres::schema::metadata::exchange_sessions;

/// The sessions of each selected exchange, as texts for [`session`]. A subquery, so that an exchange and its
/// sessions are of one instant.
pub(super) fn session_texts() -> SqlLiteral<Array<Text>> {
    sql(
        "ARRAY(SELECT concat_ws(' ', to_char(valid_from, 'YYYY-MM-DD'), weekday, \
         to_char(open, 'HH24:MI'), to_char(close, 'HH24:MI')) \
         FROM exchange_sessions WHERE exchange = exchanges.name \
         ORDER BY valid_from, weekday, open)",
    )
}

/// Parses a session of an exchange.
pub(super) fn session(exchange: &str, text: &str) -> Result<ExchangeSession, RepositoryError> {
    parsed(text).ok_or_else(|| RepositoryError::Data {
        entity: Entity::Exchange,
        key: exchange.to_owned(),
        reason: format!("exchange_sessions: {text}"),
    })
}

fn parsed(text: &str) -> Option<ExchangeSession> {
    let mut words = text.split(' ');
    let valid_from = words.next()?.parse().ok()?;
    let weekday: u8 = words.next()?.parse().ok()?;
    let weekday = Weekday::try_from(weekday.checked_sub(1)?).ok()?;
    let mut time = || NaiveTime::parse_from_str(words.next()?, "%H:%M").ok();
    let (open, close) = (time()?, time()?);
    Some(ExchangeSession::new(weekday, open, close).valid_from(valid_from))
}

/// Stores the sessions of exchanges that have none.
pub(super) fn store<'a>(
    connection: &mut PgConnection,
    exchanges: impl IntoIterator<Item = &'a Exchange>,
) -> QueryResult<()> {
    let sessions = exchanges.into_iter().flat_map(|exchange| {
        let name = exchange.name.as_str();
        exchange.sessions.iter().map(move |session| (name, session))
    });
    let (names, sessions): (Vec<&str>, Vec<&ExchangeSession>) = sessions.unzip();
    if sessions.is_empty() {
        return Ok(());
    }
    let weekday = |session: &&ExchangeSession| session.weekday.number_from_monday() as i16;
    let valid_from: Vec<_> = sessions.iter().map(|session| session.valid_from).collect();
    let weekdays: Vec<_> = sessions.iter().map(weekday).collect();
    let open: Vec<_> = sessions.iter().map(|session| session.open).collect();
    let close: Vec<_> = sessions.iter().map(|session| session.close).collect();
    sql_query(
        "INSERT INTO exchange_sessions (exchange, valid_from, weekday, open, close) \
         SELECT * FROM UNNEST($1, $2, $3, $4, $5)",
    )
    .bind::<Array<Text>, _>(names)
    .bind::<Array<Date>, _>(valid_from)
    .bind::<Array<SmallInt>, _>(weekdays)
    .bind::<Array<Time>, _>(open)
    .bind::<Array<Time>, _>(close)
    .execute(connection)?;
    Ok(())
}

/// Replaces the sessions of an exchange.
pub(super) fn replace(connection: &mut PgConnection, exchange: &Exchange) -> QueryResult<()> {
    let of_exchange = exchange_sessions::exchange.eq(&exchange.name);
    diesel::delete(exchange_sessions::table.filter(of_exchange)).execute(connection)?;
    store(connection, [exchange])
}
