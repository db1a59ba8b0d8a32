//! Tests that create the candle relations: with the library, with psql, repeatedly, over views and over
//! aggregates.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use std::process::{Command, Output};

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use tickbook::db::{DatabasePools, ScratchSchemas, TimeseriesDb};
use tickbook::postgres::{
    CandleRelationKind, CandleRelationState, Edition, apply_aggregates, candle_relations,
    detect_edition, migrate_timeseries,
};
use tickbook::{Database, RepositoryError};

const RELATIONS: [&str; 14] = [
    "ohlc_1m",
    "ohlc_5m",
    "ohlc_15m",
    "ohlc_30m",
    "ohlc_1h",
    "ohlc_4h",
    "ohlc_1d",
    "trade_ohlc_1m",
    "trade_ohlc_5m",
    "trade_ohlc_15m",
    "trade_ohlc_30m",
    "trade_ohlc_1h",
    "trade_ohlc_4h",
    "trade_ohlc_1d",
];

const CANDLE_VIEWS: &str = include_str!("../../manual_sql/candle_views.sql");

fn all(kind: CandleRelationKind) -> Vec<CandleRelationState> {
    RELATIONS
        .map(|name| CandleRelationState::new(name, kind))
        .to_vec()
}

async fn migrated(schemas: &ScratchSchemas) -> (TimeseriesDb, PgConnection, Edition) {
    let db = DatabasePools::new(&schemas.config()).timeseries();
    migrate_timeseries(&db).await.expect("up");
    let mut connection = schemas.connection(Database::Timeseries);
    let edition = detect_edition(&mut connection)
        .expect("has the extension")
        .edition;
    (db, connection, edition)
}

fn kind_of(edition: Edition) -> CandleRelationKind {
    match edition {
        Edition::Apache => CandleRelationKind::View,
        Edition::Community => CandleRelationKind::Aggregate,
    }
}

fn file_of(edition: Edition) -> &'static str {
    match edition {
        Edition::Apache => "candle_views.sql",
        Edition::Community => "continuous_aggregates.sql",
    }
}

fn psql(schemas: &ScratchSchemas, file: &str) -> Output {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/manual_sql");
    Command::new("psql")
        .args(["-X", "-v", "ON_ERROR_STOP=1", "-f"])
        .arg(format!("{folder}/{file}"))
        .arg(schemas.url(Database::Timeseries))
        .output()
        .expect("psql is on the PATH")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[derive(QueryableByName)]
struct Object {
    #[diesel(sql_type = BigInt)]
    oid: i64,
    #[diesel(sql_type = Text)]
    comment: String,
}

/// The candle relations with their oids; a different oid means a different relation.
fn objects(connection: &mut PgConnection) -> Vec<Object> {
    sql_query(
        "SELECT c.oid::bigint AS oid, coalesce(obj_description(c.oid, 'pg_class'), '') AS comment \
         FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace \
         WHERE nspname = current_schema() AND relname LIKE '%ohlc\\_%' AND relkind = 'v' \
         ORDER BY c.oid",
    )
    .load(connection)
    .expect("answers")
}

fn oids(connection: &mut PgConnection) -> Vec<i64> {
    objects(connection)
        .iter()
        .map(|object| object.oid)
        .collect()
}

#[tokio::test]
async fn second_apply_changes_nothing() {
    let schemas = ScratchSchemas::create();
    let (db, mut connection, edition) = migrated(&schemas).await;
    assert_eq!(
        candle_relations(&mut connection).expect("answers"),
        all(CandleRelationKind::Missing)
    );
    let first = apply_aggregates(&db).await.expect("applies");
    assert_eq!(first.edition, edition);
    assert_eq!(first.relations, all(kind_of(edition)));
    assert_eq!(first.changed, RELATIONS);
    let before = oids(&mut connection);
    let second = apply_aggregates(&db).await.expect("applies again");
    assert_eq!(second.relations, all(kind_of(edition)));
    assert_eq!(second.changed, [""; 0]);
    assert_eq!(oids(&mut connection), before);
    assert_eq!(
        candle_relations(&mut connection).expect("answers"),
        second.relations
    );
    for object in objects(&mut connection) {
        assert!(
            object.comment.starts_with("Candles of "),
            "{:?}",
            object.comment
        );
    }
}

#[tokio::test]
async fn concurrent_applies_succeed() {
    let schemas = ScratchSchemas::create();
    let (db, _, _) = migrated(&schemas).await;
    let (one, two, three) = tokio::join!(
        apply_aggregates(&db),
        apply_aggregates(&db),
        apply_aggregates(&db)
    );
    let reports = [one, two, three].map(|report| report.expect("applies"));
    let changed: Vec<_> = reports
        .iter()
        .flat_map(|report| report.changed.clone())
        .collect();
    assert_eq!(changed, RELATIONS);
}

#[tokio::test]
async fn missing_migrations_name_the_command_to_run() {
    let schemas = ScratchSchemas::create();
    let db = DatabasePools::new(&schemas.config()).timeseries();
    let error = apply_aggregates(&db).await.expect_err("no ticks");
    assert!(matches!(error, RepositoryError::Schema { .. }), "{error:?}");
    assert!(error.to_string().contains("tickbook migrate"), "{error}");
}

#[tokio::test]
async fn relations_of_other_schemas_do_not_count() {
    let (near, far) = (ScratchSchemas::create(), ScratchSchemas::create());
    let (db, _, _) = migrated(&far).await;
    apply_aggregates(&db).await.expect("applies");
    let (_, mut connection, _) = migrated(&near).await;
    connection
        .batch_execute(&format!(
            "SET search_path = {}, {}, public",
            near.name(),
            far.name()
        ))
        .expect("set");
    assert_eq!(
        candle_relations(&mut connection).expect("answers"),
        all(CandleRelationKind::Missing)
    );
}

#[tokio::test]
async fn psql_applies_the_file_of_the_edition_twice() {
    let schemas = ScratchSchemas::create();
    let (_, mut connection, edition) = migrated(&schemas).await;
    let mut before = Vec::new();
    for round in 0..2 {
        let output = psql(&schemas, file_of(edition));
        assert!(
            output.status.success(),
            "round {round}: {}",
            stderr(&output)
        );
        assert_eq!(
            candle_relations(&mut connection).expect("answers"),
            all(kind_of(edition))
        );
        let now = oids(&mut connection);
        assert_eq!(now.len(), RELATIONS.len());
        assert!(round == 0 || now == before);
        before = now;
    }
}

#[tokio::test]
async fn apache_refuses_aggregates_and_names_the_view_file() {
    let schemas = ScratchSchemas::create();
    let (_, mut connection, edition) = migrated(&schemas).await;
    if edition == Edition::Community {
        suite::skip("the server has the Community edition, which refuses no aggregate");
        return;
    }
    let output = psql(&schemas, "continuous_aggregates.sql");
    assert!(!output.status.success());
    assert!(
        stderr(&output).contains("candle_views.sql"),
        "{}",
        stderr(&output)
    );
    assert_eq!(
        candle_relations(&mut connection).expect("answers"),
        all(CandleRelationKind::Missing)
    );
}

fn community(edition: Edition) -> bool {
    if edition == Edition::Apache {
        suite::skip("the server has the Apache edition, which has no continuous aggregates");
    }
    edition == Edition::Community
}

#[tokio::test]
async fn views_become_aggregates_where_the_edition_has_them() {
    let schemas = ScratchSchemas::create();
    let (db, mut connection, edition) = migrated(&schemas).await;
    if !community(edition) {
        return;
    }
    for by_psql in [false, true] {
        connection.batch_execute(CANDLE_VIEWS).expect("views");
        assert_eq!(
            candle_relations(&mut connection).expect("answers"),
            all(CandleRelationKind::View)
        );
        if by_psql {
            let output = psql(&schemas, "continuous_aggregates.sql");
            assert!(output.status.success(), "{}", stderr(&output));
        } else {
            let report = apply_aggregates(&db).await.expect("applies");
            assert_eq!(report.changed, RELATIONS);
        }
        let relations = candle_relations(&mut connection).expect("answers");
        assert_eq!(relations, all(CandleRelationKind::Aggregate));
        for name in RELATIONS.iter().rev() {
            connection
                .batch_execute(&format!("DROP MATERIALIZED VIEW {name}"))
                .expect("dropped");
        }
    }
}

#[tokio::test]
async fn aggregate_is_never_dropped() {
    let schemas = ScratchSchemas::create();
    let (db, mut connection, edition) = migrated(&schemas).await;
    if !community(edition) {
        return;
    }
    apply_aggregates(&db).await.expect("applies");
    let before = oids(&mut connection);
    let output = psql(&schemas, "candle_views.sql");
    assert!(output.status.success(), "{}", stderr(&output));
    for name in RELATIONS {
        let notice = format!("{name} is a continuous aggregate and stays one");
        assert!(stderr(&output).contains(&notice), "{}", stderr(&output));
    }
    assert_eq!(
        candle_relations(&mut connection).expect("answers"),
        all(CandleRelationKind::Aggregate)
    );
    assert_eq!(oids(&mut connection), before);
    connection
        .batch_execute("DROP MATERIALIZED VIEW ohlc_1d")
        .expect("dropped");
    connection
        .batch_execute(CANDLE_VIEWS)
        .expect("fills the gap");
    let relations = candle_relations(&mut connection).expect("answers");
    let mut expected = all(CandleRelationKind::Aggregate);
    expected[6] = CandleRelationState::new("ohlc_1d", CandleRelationKind::View);
    assert_eq!(relations, expected);
}

#[derive(QueryableByName)]
struct Index {
    #[diesel(sql_type = Text)]
    definition: String,
}

#[tokio::test]
async fn aggregates_have_one_unique_index() {
    let schemas = ScratchSchemas::create();
    let (db, mut connection, edition) = migrated(&schemas).await;
    if !community(edition) {
        return;
    }
    apply_aggregates(&db).await.expect("applies");
    let indexes: Vec<Index> = sql_query(
        "SELECT regexp_replace(indexdef, 'INDEX .* USING', 'INDEX USING') AS definition \
         FROM timescaledb_information.continuous_aggregates \
         JOIN pg_indexes ON schemaname = materialization_hypertable_schema \
           AND tablename = materialization_hypertable_name \
         WHERE view_schema = current_schema()",
    )
    .load(&mut connection)
    .expect("answers");
    let definitions = indexes.iter().map(|index| index.definition.as_str());
    let definitions: Vec<_> = definitions.collect();
    let expected = "CREATE UNIQUE INDEX USING btree (symbol_id, open_time)";
    assert_eq!(definitions, [expected; RELATIONS.len()]);
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    aggregates: i64,
}

#[tokio::test]
async fn aggregates_are_real_time() {
    let schemas = ScratchSchemas::create();
    let (db, mut connection, edition) = migrated(&schemas).await;
    if !community(edition) {
        return;
    }
    apply_aggregates(&db).await.expect("applies");
    let count: Count = sql_query(
        "SELECT count(*) AS aggregates FROM timescaledb_information.continuous_aggregates \
         WHERE view_schema = current_schema() AND NOT materialized_only",
    )
    .get_result(&mut connection)
    .expect("answers");
    assert_eq!(count.aggregates, RELATIONS.len() as i64);
}
