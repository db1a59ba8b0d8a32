//! The database of the tests of views: both sets of migrations, candles and all views.

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Text;
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use tickbook::DatabaseUrl;
use tickbook::db::{DatabaseConfig, DatabasePools};

use crate::scratch_database::ScratchDatabase;

pub(crate) const VIEWS: [&str; 3] = [
    include_str!("../../../manual_sql/compatibility_views.sql"),
    include_str!("../../../manual_sql/compatibility_market_data.sql"),
    include_str!("../../../manual_sql/compatibility_oversight.sql"),
];

/// One database with both sets of migrations, candles and all views.
pub(crate) struct Setup {
    pub(crate) pools: DatabasePools,
    pub(crate) connection: PgConnection,
    pub(crate) database: ScratchDatabase,
}

impl Setup {
    pub(crate) async fn new() -> Self {
        let database = ScratchDatabase::create();
        let url = || DatabaseUrl::parse(&database.url()).expect("a URL");
        let pools = DatabasePools::new(&DatabaseConfig::new(url(), url()));
        let metadata = tickbook::postgres::migrate_metadata(&pools.metadata()).await;
        metadata.expect("migrations of the metadata database");
        let timeseries = tickbook::postgres::migrate_timeseries(&pools.timeseries()).await;
        timeseries.expect("migrations of the time-series database");
        let candles = tickbook::postgres::apply_aggregates(&pools.timeseries()).await;
        candles.expect("candles");
        let mut connection = PgConnection::establish(&database.url()).expect("connected");
        for views in VIEWS {
            connection.batch_execute(views).expect("views");
        }
        Self {
            pools,
            connection,
            database,
        }
    }

    #[track_caller]
    pub(crate) fn execute(&mut self, sql: &str) {
        self.connection.batch_execute(sql).expect(sql);
    }

    /// The plan of a query.
    pub(crate) fn plan(&mut self, query: &str) -> String {
        #[derive(QueryableByName)]
        struct Line {
            #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
            line: String,
        }
        let lines: Vec<Line> = sql_query(format!("EXPLAIN (COSTS OFF) {query}"))
            .load(&mut self.connection)
            .expect(query);
        let lines: Vec<_> = lines.into_iter().map(|it| it.line).collect();
        lines.join("\n")
    }

    /// The rows of a query, each as the text of a record.
    pub(crate) fn rows(&mut self, query: &str) -> Vec<String> {
        let query = format!("SELECT (found.*)::text AS text FROM ({query}) AS found");
        let rows: Vec<Row> = sql_query(&query).load(&mut self.connection).expect(&query);
        rows.into_iter().map(|row| row.text).collect()
    }

    #[track_caller]
    pub(crate) fn expect(&mut self, query: &str, expected: &[&str]) {
        assert_eq!(self.rows(query), expected, "{query}");
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    text: String,
}
