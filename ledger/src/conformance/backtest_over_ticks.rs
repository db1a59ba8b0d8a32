//! A backtest from its ticks to its results.

use rust_decimal::Decimal;

use super::StrategySubject;
use super::backtest_engine::{CAPITAL, compute, crossover, record, start, ticks};
use super::samples::{all_fills, assert_verified, positions, scope};
use crate::domain::{EquityCurve, Mark, NewArtifact};
use crate::repository::{FinishOutcome, PositionQuery};

const TICKS: u32 = 1_000;

pub async fn orders_and_fills_of_a_run_are_in_the_ledger(store: &StrategySubject) {
    let version = crossover(store).await;
    let ticks = ticks(1, TICKS);
    let computed = compute(&version, &ticks, "0.01");
    assert!(computed.events.len() > 100, "{}", computed.events.len());
    let run = start(store, &version, &ticks).await.run;
    let recorded = record(store, run.account_id, &computed.events).await;
    assert_eq!(recorded, (computed.events.len(), 0));
    let backtests = &store.strategies().backtests;
    let finished = backtests
        .finish(&scope(), run.run_id, &computed.metrics)
        .await;
    assert!(
        matches!(finished, Ok(FinishOutcome::Finished(_))),
        "{finished:?}"
    );

    let fills = all_fills(store.ledger(), run.account_id).await;
    assert_eq!(fills.len() * 2, computed.events.len());
    assert!(
        fills
            .iter()
            .all(|fill| fill.position.strategy_id == Some(version.strategy_id))
    );
    assert_verified(store.ledger(), run.account_id).await;
    let query = PositionQuery::new(run.account_id);
    let entries = positions(store.ledger(), &query).await;
    let position = &entries[0].position;
    assert_eq!((entries.len(), position.quantity), (1, computed.quantity));

    // the equity that the engine computed is the one that the ledger gives
    let last = ticks.last().expect("ticks");
    let mid = (last.bid_price.expect("a bid") + last.ask_price.expect("an ask")) / Decimal::TWO;
    let unrealized = position.unrealized(Mark::Price(mid), Default::default());
    let decimal = |text: String| text.parse::<Decimal>().expect("a decimal");
    let profit = decimal(position.realized.to_string())
        + decimal(unrealized.expect("in range").to_string())
        - computed.fees;
    let equity = computed.curve.points().last().map(|it| it.equity);
    assert_eq!(equity, Some(Decimal::from(CAPITAL) + profit));

    let file = NewArtifact::new(
        EquityCurve::ARTIFACT,
        "application/json",
        computed.curve.to_json(),
    );
    let stored = backtests.put_artifact(&scope(), run.run_id, file).await;
    let sha256 = stored.expect("stored").sha256;
    let read = backtests.artifact(&scope(), sha256).await.expect("read");
    let read = read.map(|it| EquityCurve::from_json(&it.content));
    assert_eq!(read, Some(Ok(computed.curve)));
}

pub async fn rerun_over_equal_ticks_changes_nothing(store: &StrategySubject) {
    let version = crossover(store).await;
    let backtests = &store.strategies().backtests;
    let mut first = None;
    for rerun in [false, true] {
        let ticks = ticks(7, TICKS);
        let computed = compute(&version, &ticks, "0.01");
        let started = start(store, &version, &ticks).await;
        assert_eq!(started.is_new, !rerun);
        let id = *first.get_or_insert(started.run.run_id);
        assert_eq!(started.run.run_id, id);
        let count = computed.events.len();
        let recorded = record(store, started.run.account_id, &computed.events).await;
        assert_eq!(recorded, if rerun { (0, count) } else { (count, 0) });
        let finished = backtests.finish(&scope(), id, &computed.metrics).await;
        match finished.expect("finished") {
            FinishOutcome::Finished(_) => assert!(!rerun),
            outcome => assert!(rerun && matches!(outcome, FinishOutcome::Unchanged(_))),
        }
    }
    // other ticks are another run
    let other = ticks(8, TICKS);
    let account = super::strategy_samples::backtest_account("other ticks");
    let input = super::backtest_engine::input(&version, &other);
    let started = backtests.start(&scope(), account, input).await;
    assert!(started.expect("a new run").is_new);
}

pub async fn rerun_of_a_changed_engine_is_a_conflict(store: &StrategySubject) {
    let version = crossover(store).await;
    let ticks = ticks(3, TICKS);
    let run = start(store, &version, &ticks).await.run;
    let backtests = &store.strategies().backtests;
    let first = compute(&version, &ticks, "0.01").metrics;
    let finished = backtests.finish(&scope(), run.run_id, &first).await;
    finished.expect("finished");
    // it charges other fees, which are not in its parameters
    let changed = compute(&version, &ticks, "0.02").metrics;
    let outcome = backtests.finish(&scope(), run.run_id, &changed).await;
    let Ok(FinishOutcome::Conflict { differences, .. }) = outcome else {
        panic!("the metrics differ: {outcome:?}");
    };
    let names: Vec<_> = differences.iter().map(|it| &*it.metric).collect();
    assert!(names.contains(&"net_profit"), "{names:?}");
    assert!(!names.contains(&"orders"), "{names:?}");
}
