//! Reads of backtest runs.

use tickbook::domain::SortOrder;

use super::StrategySubject;
use super::samples::{assert_invalid, assert_not_found, dec, limit, scope};
use super::strategy_samples::{
    OTHER_TENANT, backtest_account, input, metrics, outside, run, with_versions,
};
use crate::domain::{
    AccountScope, BacktestMetric, BacktestRunId, BacktestState, BacktestValue, StrategyId,
};
use crate::repository::{BacktestQuery, BacktestRepository, MAX_COMPARED_RUNS};

fn backtests(store: &StrategySubject) -> &dyn BacktestRepository {
    &*store.strategies().backtests
}

async fn finish(store: &StrategySubject, id: BacktestRunId) {
    let finished = backtests(store).finish(&scope(), id, &metrics()).await;
    finished.expect("finished");
}

pub async fn runs_are_filtered_and_paged(store: &StrategySubject) {
    let strategy = with_versions(store).await;
    let mut ids = Vec::new();
    for seed in 0..5 {
        ids.push(run(store, strategy, seed).await.run_id);
    }
    let mut second = input(strategy, 9);
    second.version = 2;
    let second = backtests(store)
        .start(&scope(), backtest_account("v2"), second)
        .await;
    ids.push(second.expect("a new run").run.run_id);
    finish(store, ids[1]).await;
    let failed = backtests(store).fail(&scope(), ids[2], "no data").await;
    failed.expect("failed");
    let found = async |query: BacktestQuery| -> Vec<BacktestRunId> {
        let page = backtests(store).runs(&scope(), &query).await.expect("read");
        page.items.iter().map(|it| it.run_id).collect()
    };
    let all = BacktestQuery::default;
    assert_eq!(found(all()).await, ids);
    assert_eq!(found(all().state(BacktestState::Finished)).await, ids[1..2]);
    assert_eq!(found(all().state(BacktestState::Failed)).await, ids[2..3]);
    assert_eq!(found(all().version(2)).await, ids[5..]);
    assert_eq!(found(all().strategy_id(strategy)).await, ids);
    let other = StrategyId::new(strategy.get() + 1);
    assert_eq!(found(all().strategy_id(other)).await, []);
    let mut reversed = ids.clone();
    reversed.reverse();
    for (order, expected) in [
        (SortOrder::Ascending, &ids),
        (SortOrder::Descending, &reversed),
    ] {
        for size in [1, 4, 6, 7] {
            let mut query = all().order(order).limit(limit(size));
            let mut paged = Vec::new();
            loop {
                let page = backtests(store).runs(&scope(), &query).await.expect("read");
                assert!(page.items.len() <= size as usize);
                paged.extend(page.items.iter().map(|it| it.run_id));
                match page.next {
                    Some(next) => query = query.after(next),
                    None => break,
                }
            }
            assert_eq!(&paged, expected, "pages of {size}");
        }
    }
}

pub async fn runs_are_compared_side_by_side(store: &StrategySubject) {
    let strategy = with_versions(store).await;
    let first = run(store, strategy, 1).await.run_id;
    let second = run(store, strategy, 2).await.run_id;
    let unfinished = run(store, strategy, 3).await.run_id;
    finish(store, first).await;
    let one = [BacktestMetric::new("sharpe", "a", dec("0.5"))];
    let finished = backtests(store).finish(&scope(), second, &one).await;
    finished.expect("finished");
    let ids = [second, unfinished, first];
    let compared = backtests(store).compare(&scope(), &ids).await;
    let compared = compared.expect("read");
    let runs: Vec<_> = compared.runs.iter().map(|it| it.run_id).collect();
    assert_eq!(runs, ids);
    let values: Vec<_> = compared
        .metrics
        .iter()
        .map(|it| {
            let values = it.values.iter().map(Option::is_some).collect::<Vec<_>>();
            (&*it.metric, &*it.definition, values)
        })
        .collect();
    let expected = [
        ("Net", "d1", vec![false, false, true]),
        ("profit_factor", "gross_1", vec![false, false, true]),
        ("sharpe", "a", vec![true, false, true]),
        ("sharpe", "b", vec![false, false, true]),
    ];
    assert_eq!(values, expected);
    let sharpe = compared.metrics[2].values[0].as_ref();
    assert_eq!(sharpe.and_then(BacktestValue::value), Some(dec("0.5")));
}

pub async fn impossible_comparisons_are_refused(store: &StrategySubject) {
    let strategy = with_versions(store).await;
    let id = run(store, strategy, 1).await.run_id;
    let compare = async |ids: &[BacktestRunId]| backtests(store).compare(&scope(), ids).await;
    assert_invalid(compare(&[]).await);
    assert_invalid(compare(&[id, id]).await);
    let many: Vec<_> = (1..=MAX_COMPARED_RUNS as i64 + 1)
        .map(BacktestRunId::new)
        .collect();
    assert_invalid(compare(&many).await);
    assert_not_found(compare(&[id, BacktestRunId::new(id.get() + 1)]).await);
}

pub async fn runs_outside_of_the_scope_do_not_exist(store: &StrategySubject) {
    let strategy = with_versions(store).await;
    let id = run(store, strategy, 1).await.run_id;
    let store = backtests(store);
    for outside in outside() {
        assert_eq!(store.get(&outside, id).await.expect("read"), None);
        let page = store.runs(&outside, &BacktestQuery::default()).await;
        assert_eq!(page.expect("read").items, []);
        assert_not_found(store.finish(&outside, id, &[]).await);
        assert_not_found(store.fail(&outside, id, "x").await);
        assert_not_found(store.metrics(&outside, id).await);
        assert_not_found(store.compare(&outside, &[id]).await);
        assert_not_found(store.delete(&outside, id).await);
    }
    let other = AccountScope::tenant(OTHER_TENANT);
    let mut account = backtest_account("a");
    account.tenant_id = OTHER_TENANT;
    assert_not_found(store.start(&other, account, input(strategy, 1)).await);
    let found = store.get(&scope(), id).await.expect("read");
    assert!(found.is_some_and(|it| it.state == BacktestState::Running));
}
