//! A separate database on the server of `TIMESCALEDB_URL`, without extensions.

use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// Dropping the value drops the database.
pub(crate) struct ScratchDatabase {
    name: String,
    server: String,
}

impl ScratchDatabase {
    pub(crate) fn create() -> Self {
        let server = std::env::var("TIMESCALEDB_URL").expect("TIMESCALEDB_URL is set");
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tickbook_test_{}_{count}", std::process::id());
        // template1 may have the extension
        execute(
            &server,
            &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        );
        execute(
            &server,
            &format!("CREATE DATABASE {name} TEMPLATE template0"),
        );
        Self { name, server }
    }

    pub(crate) fn url(&self) -> String {
        let (address, parameters) = match self.server.split_once('?') {
            Some((address, parameters)) => (address, format!("?{parameters}")),
            None => (self.server.as_str(), String::new()),
        };
        let (server, _) = address.rsplit_once('/').expect("it names a database");
        format!("{server}/{}{parameters}", self.name)
    }
}

impl Drop for ScratchDatabase {
    fn drop(&mut self) {
        execute(
            &self.server,
            &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name),
        );
    }
}

fn execute(url: &str, sql: &str) {
    PgConnection::establish(url)
        .unwrap_or_else(|error| panic!("no test database: {error}"))
        .batch_execute(sql)
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}
