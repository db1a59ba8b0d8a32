//! The work of the statements that read stored rows.

use diesel::QueryResult;
use diesel::query_builder::{AstPass, Query, QueryId};
use diesel::sql_types;

use super::super::parts::parts;
use super::super::stored::{SelectTimes, read_instants, read_stored};
use super::*;

/// The plan of a statement with the actual numbers of rows.
struct Explain<'a>(SelectTimes<'a, Tick>);

impl QueryFragment<Pg> for Explain<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) ");
        self.0.walk_ast(out)
    }
}

impl QueryId for Explain<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Explain<'_> {
    type SqlType = sql_types::Text;
}

impl diesel::RunQueryDsl<PgConnection> for Explain<'_> {}

/// The number after `label` in a line of a plan.
fn number_after(line: &str, label: &str) -> Option<usize> {
    let (_, rest) = line.split_once(label)?;
    let digits = rest.split(|next: char| !next.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// The number of rows that all steps of the plans return and discard, for `rows` in time order.
fn visited(connection: &mut PgConnection, rows: &[Tick]) -> usize {
    use diesel::RunQueryDsl as _;
    let mut visited = 0;
    for part in parts(rows) {
        let select = SelectTimes::of(part).expect("rows");
        let plan: Vec<String> = Explain(select).load(connection).expect("a plan");
        let mut loops = 1;
        for line in &plan {
            loops = number_after(line, " loops=").unwrap_or(loops);
            let rows = number_after(line, "(actual rows=");
            let removed = line.contains("Rows Removed by");
            let removed = removed.then(|| number_after(line, ": ")).flatten();
            visited += loops * rows.or(removed).unwrap_or_default();
        }
    }
    visited
}

/// Ticks of a symbol, one in a second of a day.
fn ticks_of(symbol: i64, day: i64, seconds: std::ops::Range<i64>) -> Vec<Tick> {
    let tick = |second| {
        let time = DateTime::UNIX_EPOCH + TimeDelta::days(16_000 + day);
        let time = time + TimeDelta::seconds(second);
        Tick::quote(SymbolId::new(symbol), time, Decimal::ONE, Decimal::TWO)
    };
    seconds.map(tick).collect()
}

/// 3,000 ticks of each of two symbols in two days, in chunks without statistics.
async fn unanalyzed() -> (crate::db::ScratchSchemas, PgConnection) {
    let (schemas, mut connection) = with_trades().await;
    connection
        .batch_execute("ALTER TABLE ticks SET (autovacuum_enabled = false)")
        .expect("altered");
    for (symbol, day) in [(1, 7), (2, 7), (1, 15), (2, 15)] {
        let ticks = ticks_of(symbol, day, 0..3_000);
        let receipt = insert_now(&mut connection, &TableWriter::default(), &ticks);
        assert_eq!(receipt.inserted, 3_000);
    }
    let analyzed = "SELECT count(*) AS number FROM show_chunks('ticks') AS chunk \
                    JOIN pg_class AS c ON c.oid = chunk WHERE c.reltuples >= 0";
    assert_eq!(number(&mut connection, analyzed), 0);
    (schemas, connection)
}

#[tokio::test]
async fn stored_rows_are_read_without_statistics() {
    let (_schemas, mut connection) = unanalyzed().await;
    let last = ticks_of(1, 15, 2_500..3_000);
    // the chunk of another day lies between both days of the batch
    let of_two_days = [ticks_of(1, 5, 0..500), last.clone()].concat();
    let of_two_symbols = [ticks_of(1, 7, 0..1_000), ticks_of(2, 7, 0..1_000)].concat();
    let hourly: Vec<_> = (ticks_of(1, 7, 0..3_000).into_iter().step_by(300)).collect();
    let edges = [hourly[0].clone(), last[499].clone()];
    for (mut rows, stored) in [
        (of_two_days, last.len()),
        (of_two_symbols, 2_000),
        (hourly, 10),
        (edges.to_vec(), 2),
    ] {
        let found = read_stored(&mut connection, &rows).expect("read");
        assert_eq!(found.len(), stored);
        assert!(rows.iter().rev().take(stored).all(|row| {
            let found = found.get(&row.key());
            found.is_some_and(|found| found.has_content_of(row))
        }));
        let found = read_instants(&mut connection, &rows).expect("read");
        assert_eq!(found.len(), stored);
        rows.sort_by_key(|tick| tick.tick_time);
        let visited = visited(&mut connection, &rows);
        // each row at some steps of the plan
        let max = 3 * rows.len();
        assert!((stored..=max).contains(&visited), "{visited} > {max}");
    }
}

#[tokio::test]
async fn rows_of_other_keys_are_not_read() {
    let (_schemas, mut connection) = unanalyzed().await;
    // each symbol at every other second, so that the other has rows at these times
    let mut given = ticks_of(1, 7, 0..200);
    for tick in given.iter_mut().skip(1).step_by(2) {
        tick.symbol_id = SymbolId::new(2);
    }
    for rows in [&given[..], &given[..20]] {
        let found = read_stored(&mut connection, rows).expect("read");
        assert_eq!(found.len(), rows.len());
        assert!(rows.iter().all(|row| found.contains_key(&row.key())));
        let found = read_instants(&mut connection, rows).expect("read");
        assert_eq!(found.len(), rows.len());
    }
    // another row of the same instant
    let later: Vec<_> = (given.iter().cloned())
        .map(|tick| tick.with_sequence(1))
        .collect();
    assert_eq!(read_stored(&mut connection, &later).expect("read").len(), 0);
    let found = read_instants(&mut connection, &later).expect("read");
    assert_eq!(found.len(), given.len());
}

#[tokio::test]
async fn instant_of_many_rows_is_read_once() {
    let (_schemas, mut connection) = unanalyzed().await;
    // more than one statement reads
    let rows = vec![ticks_of(1, 7, 0..1).remove(0); 4_500];
    let found = read_instants(&mut connection, &rows).expect("read");
    assert_eq!(found.len(), 1);
}
