//! Records the statements that a connection sends and prepares.

use std::sync::{Arc, Mutex};

use diesel::connection::InstrumentationEvent;
use diesel::{Connection as _, PgConnection};

/// The recorded statements of a connection, and the statements that diesel prepares, without binds.
#[derive(Clone, Default)]
pub(super) struct Statements {
    sent: Arc<Mutex<Vec<String>>>,
    prepared: Arc<Mutex<Vec<String>>>,
}

impl Statements {
    pub(super) fn record(connection: &mut PgConnection) -> Self {
        let statements = Self::default();
        let Self { sent, prepared } = statements.clone();
        let note = |list: &Mutex<Vec<String>>, sql: &str| {
            let sql = sql.split(" -- binds").next().unwrap_or_default();
            list.lock().expect("no panic").push(sql.to_owned());
        };
        connection.set_instrumentation(move |event: InstrumentationEvent<'_>| match event {
            InstrumentationEvent::StartQuery { query, .. } => note(&sent, &query.to_string()),
            InstrumentationEvent::CacheQuery { sql, .. } => note(&prepared, sql),
            _ => {}
        });
        statements
    }

    /// The statements that were sent since the last call.
    pub(super) fn sent(&self) -> Vec<String> {
        std::mem::take(&mut self.sent.lock().expect("no panic"))
    }

    pub(super) fn prepared(&self) -> Vec<String> {
        self.prepared.lock().expect("no panic").clone()
    }
}
