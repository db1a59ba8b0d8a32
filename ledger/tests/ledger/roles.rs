//! Tests of `manual_sql/roles.sql`: the rights of each role are those of its matrix, and no others.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection as _;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::{Bool, Text};
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use tickbook::db::{DatabaseConfig, DatabasePools};
use tickbook::domain::{NewSymbol, Tick};
use tickbook::{DatabaseUrl, Repositories};
use tickbook_ledger::LedgerRepositories;
use tickbook_ledger::domain::{AccountScope, Currency, Environment, NewAccount, TenantId, Venue};
use tickbook_ledger::domain::{OrderTerms, Side};
use tickbook_ledger::relay::{Relay, RelayRepositories};

use crate::samples::{dec, event, filled, seconds};
use crate::views_setup::Setup;

const ROLES: &str = include_str!("../../../manual_sql/roles.sql");

/// The roles, in the order of the columns of the matrix.
const NAMES: [&str; 6] = [
    "writer",
    "relay",
    "reader",
    "risk",
    "auditor",
    "maintenance",
];

/// Every right to a table, with its letter in the matrix.
const VERBS: [(&str, Option<char>); 7] = [
    ("SELECT", Some('S')),
    ("INSERT", Some('I')),
    ("UPDATE", Some('U')),
    ("DELETE", Some('D')),
    ("TRUNCATE", None),
    ("REFERENCES", None),
    ("TRIGGER", None),
];

/// The letters of each relation, in the order of `NAMES`.
fn matrix() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut matrix = BTreeMap::new();
    for line in ROLES.lines().map(str::trim) {
        let Some(row) = line.strip_prefix("('") else {
            continue;
        };
        let row = row.trim_end_matches(',').strip_suffix("')").expect(line);
        let mut cells = row.split("', '");
        let relation = cells.next().expect("a relation");
        let letters: Vec<_> = cells.collect();
        assert!(letters.len() == NAMES.len(), "{line}");
        assert!(
            matrix.insert(relation, letters).is_none(),
            "{relation} twice"
        );
    }
    matrix
}

/// A database with roles of its own, since roles belong to the server.
struct Granted {
    prefix: String,
    setup: Option<Setup>,
}

impl Granted {
    async fn new(test: &str) -> Self {
        let mut setup = Setup::new().await;
        let prefix = format!("tb_{test}_{}_", std::process::id());
        let roles = ROLES.replace("tickbook_", &prefix);
        setup.execute(&roles);
        // the file may be run again
        setup.execute(&roles);
        Self {
            prefix,
            setup: Some(setup),
        }
    }

    fn setup(&mut self) -> &mut Setup {
        self.setup.as_mut().expect("not dropped")
    }

    fn role(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn verdicts(&mut self, query: &str) -> Vec<Verdict> {
        let connection = &mut self.setup().connection;
        sql_query(query).load(connection).expect(query)
    }
}

impl Drop for Granted {
    fn drop(&mut self) {
        // the rights end with the database
        self.setup = None;
        let server = std::env::var("TIMESCALEDB_URL").expect("TIMESCALEDB_URL is set");
        let mut connection = PgConnection::establish(&server).expect("connected");
        for name in NAMES.into_iter().chain(["backup", "server"]) {
            let dropped =
                connection.batch_execute(&format!("DROP ROLE IF EXISTS {}", self.role(name)));
            if let Err(error) = dropped {
                eprintln!("the role {} stays: {error}", self.role(name));
            }
        }
    }
}

#[derive(QueryableByName)]
struct Verdict {
    #[diesel(sql_type = Text)]
    relation: String,
    #[diesel(sql_type = Bool)]
    holds: bool,
    /// A column that an UPDATE may name; empty for views.
    #[diesel(sql_type = Text)]
    column: String,
}

/// The tables and views of the library, not those of extensions.
const RELATIONS: &str = "pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm') \
     AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid \
     AND deptype = 'e')";

fn with_right(role: &str, verb: &str) -> String {
    format!(
        "SELECT relname::text AS relation, has_table_privilege('{role}', pg_class.oid, '{verb}') AS holds, \
         coalesce((SELECT attname FROM pg_attribute WHERE attrelid = pg_class.oid AND attnum > 0 \
         AND NOT attisdropped AND attgenerated = '' AND attidentity = '' AND relkind IN ('r', 'p') \
         ORDER BY attnum LIMIT 1), '')::text AS column \
         FROM {RELATIONS} ORDER BY relname"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_of_roles_equal_the_matrix() {
    let mut granted = Granted::new("equal").await;
    let matrix = matrix();
    let mut compared = 0;
    let mut wrong = Vec::new();
    for (place, name) in NAMES.into_iter().enumerate() {
        let role = granted.role(name);
        for (verb, letter) in VERBS {
            for verdict in granted.verdicts(&with_right(&role, verb)) {
                let Some(letters) = matrix.get(verdict.relation.as_str()) else {
                    wrong.push(format!("{} is not in the matrix", verdict.relation));
                    continue;
                };
                let is_granted = letter.is_some_and(|letter| letters[place].contains(letter));
                compared += 1;
                if is_granted != verdict.holds {
                    wrong.push(format!(
                        "{name} {verb} {}: {}",
                        verdict.relation, verdict.holds
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 2000, "{compared}");
    let backup = granted.role("backup");
    for (verb, letter) in VERBS {
        let verdicts = granted.verdicts(&with_right(&backup, verb));
        assert!(
            verdicts.iter().all(|it| it.holds == (letter == Some('S'))),
            "{verb}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_without_a_right_are_refused() {
    let mut granted = Granted::new("refused").await;
    let matrix = matrix();
    let mut tried = 0;
    for (place, name) in NAMES.into_iter().enumerate() {
        let role = granted.role(name);
        for (verb, letter) in &VERBS[..5] {
            for Verdict {
                relation, column, ..
            } in granted.verdicts(&with_right(&role, verb))
            {
                let letters = matrix[relation.as_str()][place];
                let holds = letter.is_some_and(|letter| letters.contains(letter));
                // a view is only read
                if column.is_empty() && *verb != "SELECT" {
                    continue;
                }
                let statement = match *verb {
                    "SELECT" => format!("SELECT * FROM {relation} LIMIT 0"),
                    "INSERT" => {
                        format!("INSERT INTO {relation} ({column}) SELECT NULL WHERE false")
                    }
                    "UPDATE" => format!("UPDATE {relation} SET {column} = NULL WHERE false"),
                    "DELETE" => format!("DELETE FROM {relation} WHERE false"),
                    _ => format!("TRUNCATE {relation}"),
                };
                let connection = &mut granted.setup().connection;
                let answer = connection.batch_execute(&format!(
                    "BEGIN; SET LOCAL ROLE {role}; {statement}; ROLLBACK"
                ));
                connection.batch_execute("ROLLBACK").expect("ended");
                tried += 1;
                match answer {
                    Ok(()) => assert!(holds, "{name} may {statement}"),
                    Err(error) => {
                        assert!(!holds, "{name} may not {statement}: {error}");
                        let text = error.to_string();
                        assert!(text.starts_with("permission denied"), "{statement}: {text}");
                    }
                }
            }
        }
    }
    assert!(tried > 1000, "{tried}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_own_and_create_nothing() {
    let mut granted = Granted::new("owned").await;
    for name in NAMES {
        let role = granted.role(name);
        for statement in [
            "CREATE TABLE made_up (id integer)",
            "ALTER TABLE ticks ADD COLUMN made_up integer",
            "DROP TABLE ticks",
            "SELECT drop_chunks('ticks', older_than => now())",
            "ALTER TABLE order_events DISABLE TRIGGER order_events_append_only",
        ] {
            let connection = &mut granted.setup().connection;
            let answer = connection.batch_execute(&format!(
                "BEGIN; SET LOCAL ROLE {role}; {statement}; ROLLBACK"
            ));
            connection.batch_execute("ROLLBACK").expect("ended");
            let Err(Error::DatabaseError(DatabaseErrorKind::Unknown, error)) = answer else {
                panic!("{name} may {statement}: {answer:?}");
            };
            let text = error.message();
            assert!(
                text.starts_with("permission denied") || text.starts_with("must be owner"),
                "{name} {statement}: {text}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_works_with_the_rights_of_its_roles() {
    let mut granted = Granted::new("server").await;
    let (login, writer, relay) = (
        granted.role("server"),
        granted.role("writer"),
        granted.role("relay"),
    );
    granted.setup().execute(&format!(
        "CREATE ROLE {login} LOGIN PASSWORD 'word' IN ROLE {writer}, {relay}"
    ));
    let owner = granted.setup().database.url();
    let (_, rest) = owner.split_once('@').expect("a user");
    let url = || DatabaseUrl::parse(&format!("postgresql://{login}:word@{rest}")).expect("a URL");
    let pools = DatabasePools::new(&DatabaseConfig::new(url(), url()));
    let repositories = Repositories::postgres(&pools);
    let symbol = repositories
        .symbols
        .create(NewSymbol::named("b3", "PETR4"))
        .await;
    let symbol = symbol.expect("created").symbol_id;
    // enough ticks for COPY, and single ones
    let tick = |at: i64| Tick::quote(symbol, seconds(at), dec("1"), dec("2"));
    let many: Vec<_> = (0..100).map(tick).collect();
    for ticks in [many.as_slice(), &[tick(500)]] {
        let receipt = repositories.ticks.insert_batch(ticks).await;
        assert_eq!(receipt.expect("stored").inserted, ticks.len() as u64);
    }
    let ledger = LedgerRepositories::postgres(pools.metadata());
    let (venue, usd) = (
        Venue::new("V").expect("an id"),
        Currency::new("USD").expect("an id"),
    );
    let terms = NewAccount::new(TenantId::new(1), "main", venue, Environment::Live, usd);
    let account = ledger.accounts.create(&AccountScope::all(), terms).await;
    let account = account.expect("created").account_id;
    let buy = OrderTerms::limit(symbol, Side::Buy, dec("2"), dec("5"));
    let created = event(
        "o1",
        tickbook_ledger::domain::OrderEventKind::Created(Box::new(buy)),
    );
    // the second fill is earlier than the first, so that the position is computed again
    for batch in [
        vec![created, filled("o1", "E1", 9, "1", "5")],
        vec![filled("o1", "E2", 3, "1", "4")],
    ] {
        let receipt = ledger
            .ledger
            .append(&AccountScope::all(), account, &batch, None)
            .await;
        assert_eq!(receipt.expect("appended").appended.len(), batch.len());
    }
    let relay = Relay::new(RelayRepositories::postgres(&pools));
    let found = relay.reconcile().await.expect("copied");
    assert_eq!(found.copied.inserted, 3);
    let pending = tickbook::postgres::pending_metadata_migrations(&pools.metadata()).await;
    assert!(pending.expect("listed").is_empty());
}
