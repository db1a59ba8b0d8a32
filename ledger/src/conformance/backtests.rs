//! Backtest runs.

use super::StrategySubject;
use super::samples::{
    append, assert_invalid, assert_not_found, assert_taken, create, created, dec, range, scope,
    terms,
};
use super::strategy_samples::{
    OTHER_TENANT, backtest_account, input, json, metrics, run, with_versions,
};
use crate::domain::{
    AccountScope, BacktestInput, BacktestMetric, BacktestRun, BacktestRunId, BacktestState,
    BacktestValue, ContentHash, Environment, JournalLevel, Side, StrategyId,
};
use crate::repository::{BacktestQuery, BacktestRepository, FinishOutcome, OrderEventQuery};

fn backtests(store: &StrategySubject) -> &dyn BacktestRepository {
    &*store.strategies().backtests
}

async fn get(store: &StrategySubject, id: BacktestRunId) -> Option<BacktestRun> {
    backtests(store).get(&scope(), id).await.expect("read")
}

async fn finish(store: &StrategySubject, id: BacktestRunId) -> FinishOutcome {
    let finished = backtests(store).finish(&scope(), id, &metrics()).await;
    finished.expect("finished")
}

pub async fn started_run_has_an_account_of_its_own(store: &StrategySubject) {
    let strategy = with_versions(store).await;
    let input = input(strategy, -7)
        .parameters(json(r#"{"fee":"0.001"}"#))
        .starting_capital(dec("100000.0"))
        .journal_level(JournalLevel::Fills);
    let account = backtest_account("a");
    let started = backtests(store)
        .start(&scope(), account.clone(), input.clone())
        .await;
    let started = started.expect("a new run");
    assert!(started.is_new);
    let run = started.run;
    assert_eq!(Ok(&run.input), input.clone().normalized().as_ref());
    assert_eq!(run.parameters_hash, input.parameters_hash(&account));
    assert_eq!((run.state, run.finished_at), (BacktestState::Running, None));
    assert_eq!(get(store, run.run_id).await, Some(run.clone()));
    let accounts = &store.ledger().accounts;
    let own = accounts.get(&scope(), run.account_id).await.expect("read");
    assert_eq!(own.expect("an account").terms, account);
    let found = backtests(store).metrics(&scope(), run.run_id).await;
    assert_eq!(found.expect("read"), []);
}

pub async fn equal_input_is_one_run(store: &StrategySubject) {
    let strategy = with_versions(store).await;
    let first = run(store, strategy, 1).await;
    let mut again = input(strategy, 1).journal_level(JournalLevel::None);
    again.engine_version = "engine 2".to_owned();
    let again = backtests(store)
        .start(&scope(), backtest_account("other"), again)
        .await;
    let again = again.expect("the same run");
    assert_eq!((again.run, again.is_new), (first, false));
    // no account was created for it
    create(store.ledger(), terms("other")).await;
}

pub async fn concurrent_starts_create_one_run(store: &StrategySubject) {
    let strategy = with_versions(store).await;
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let backtests = store.strategies().backtests.clone();
            let account = backtest_account(&format!("a{number}"));
            tokio::spawn(
                async move { backtests.start(&scope(), account, input(strategy, 1)).await },
            )
        })
        .collect();
    let mut ids = Vec::new();
    let mut new = 0;
    for task in tasks {
        let started = task.await.expect("no panic").expect("a run");
        new += u32::from(started.is_new);
        ids.push(started.run.run_id);
    }
    ids.dedup();
    assert_eq!((ids.len(), new), (1, 1));
}

pub async fn each_part_of_the_input_makes_another_run(store: &StrategySubject) {
    let strategy = with_versions(store).await;
    let base = || input(strategy, 1);
    let (mut version, mut data, mut longer) = (base(), base(), base());
    version.version = 2;
    data.data_hash = ContentHash::of(b"other ticks");
    longer.range = range(0, 3_601);
    let inputs: Vec<BacktestInput> = vec![
        base(),
        version,
        data,
        longer,
        base().seed(2),
        base().parameters(json("{\"fee\":1}")),
        base().starting_capital(dec("1")),
    ];
    let mut ids = Vec::new();
    for (number, input) in inputs.into_iter().enumerate() {
        let account = backtest_account(&number.to_string());
        let started = backtests(store).start(&scope(), account, input).await;
        let started = started.expect("a new run");
        assert!(started.is_new, "{number}");
        ids.push(started.run.run_id);
    }
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
}

pub async fn finished_run_has_its_metrics(store: &StrategySubject) {
    let strategy = with_versions(store).await;
    let begun = run(store, strategy, 1).await;
    let mut shuffled = metrics();
    shuffled.reverse();
    let finished = backtests(store)
        .finish(&scope(), begun.run_id, &shuffled)
        .await;
    let FinishOutcome::Finished(finished) = finished.expect("finished") else {
        panic!("it was not finished before");
    };
    assert_eq!(finished.state, BacktestState::Finished);
    assert!(
        finished
            .finished_at
            .is_some_and(|it| it >= begun.started_at)
    );
    assert_eq!(get(store, begun.run_id).await, Some(finished));
    let found = backtests(store).metrics(&scope(), begun.run_id).await;
    assert_eq!(found.expect("read"), metrics());
    // a run may have no metrics
    let other = run(store, strategy, 2).await.run_id;
    let none = backtests(store).finish(&scope(), other, &[]).await;
    assert!(matches!(none, Ok(FinishOutcome::Finished(_))), "{none:?}");
}

pub async fn rerun_with_equal_metrics_changes_nothing(store: &StrategySubject) {
    let strategy = with_versions(store).await;
    let id = run(store, strategy, 1).await.run_id;
    finish(store, id).await;
    let before = get(store, id).await.expect("a run");
    let mut equal = metrics();
    equal.reverse();
    for metric in &mut equal {
        if let BacktestValue::Defined(value) = &mut metric.value {
            value.rescale(value.scale() + 1);
        }
    }
    let again = backtests(store).finish(&scope(), id, &equal).await;
    assert_eq!(
        again.expect("equal"),
        FinishOutcome::Unchanged(before.clone())
    );
    assert_eq!(get(store, id).await, Some(before));
}

pub async fn rerun_with_other_metrics_is_a_conflict(store: &StrategySubject) {
    let strategy = with_versions(store).await;
    let id = run(store, strategy, 1).await.run_id;
    finish(store, id).await;
    let before = get(store, id).await.expect("a run");
    let other = [
        BacktestMetric::new("Net", "d1", dec("-12.5")),
        BacktestMetric::new("profit_factor", "gross_1", dec("3")),
        BacktestMetric::new("sharpe", "a", dec("1.9")),
        BacktestMetric::new("sharpe", "c", dec("2")),
    ];
    let outcome = backtests(store).finish(&scope(), id, &other).await;
    let FinishOutcome::Conflict { run, differences } = outcome.expect("read") else {
        panic!("the metrics differ");
    };
    assert_eq!(run, before);
    let found: Vec<_> = differences
        .iter()
        .map(|it| {
            (
                &*it.metric,
                &*it.definition,
                it.stored.is_some(),
                it.given.is_some(),
            )
        })
        .collect();
    let expected = [
        ("profit_factor", "gross_1", true, true),
        ("sharpe", "a", true, true),
        ("sharpe", "b", true, false),
        ("sharpe", "c", false, true),
    ];
    assert_eq!(found, expected);
    let stored = backtests(store).metrics(&scope(), id).await;
    assert_eq!(stored.expect("read"), metrics());
    assert_eq!(get(store, id).await, Some(before));
}

pub async fn failed_run_is_started_again(store: &StrategySubject) {
    let strategy = with_versions(store).await;
    let begun = run(store, strategy, 1).await;
    let id = begun.run_id;
    let failed = backtests(store).fail(&scope(), id, "no data").await;
    let failed = failed.expect("failed");
    assert_eq!(
        (failed.state, failed.error.as_deref()),
        (BacktestState::Failed, Some("no data"))
    );
    assert!(failed.finished_at.is_some_and(|it| it >= begun.started_at));
    let again = backtests(store).fail(&scope(), id, "another reason").await;
    assert_eq!(again.expect("failed"), failed);
    assert_eq!(get(store, id).await, Some(failed));
    let mut next = input(strategy, 1);
    next.engine_version = "engine 2".to_owned();
    let started = backtests(store)
        .start(&scope(), backtest_account("x"), next)
        .await;
    let started = started.expect("the same run");
    assert_eq!((started.run.run_id, started.is_new), (id, false));
    assert_eq!(started.run.state, BacktestState::Running);
    assert_eq!((started.run.finished_at, started.run.error), (None, None));
    assert_eq!(started.run.input.engine_version, "engine 2");
    assert!(matches!(
        finish(store, id).await,
        FinishOutcome::Finished(_)
    ));
}

pub async fn final_states_do_not_change(store: &StrategySubject) {
    let strategy = with_versions(store).await;
    let failed = run(store, strategy, 1).await.run_id;
    let reason = backtests(store).fail(&scope(), failed, "no data").await;
    reason.expect("failed");
    assert_invalid(backtests(store).finish(&scope(), failed, &metrics()).await);
    let finished = run(store, strategy, 2).await.run_id;
    finish(store, finished).await;
    assert_invalid(backtests(store).fail(&scope(), finished, "late").await);
    let known = get(store, finished).await.expect("a run");
    let again = backtests(store)
        .start(&scope(), backtest_account("x"), input(strategy, 2))
        .await;
    assert_eq!(again.expect("the same run").run, known);
    for wrong in ["", "a\nb", &"x".repeat(1_001)] {
        assert_invalid(backtests(store).fail(&scope(), failed, wrong).await);
    }
    let twice = [metrics(), metrics()].concat();
    assert_invalid(backtests(store).finish(&scope(), finished, &twice).await);
}

pub async fn invalid_runs_are_refused(store: &StrategySubject) {
    let strategy = with_versions(store).await;
    let all = AccountScope::all();
    let start = async |account, input| backtests(store).start(&all, account, input).await;
    let (mut live, mut foreign) = (backtest_account("a"), backtest_account("a"));
    live.environment = Environment::Live;
    foreign.tenant_id = OTHER_TENANT;
    for account in [live, foreign, backtest_account("")] {
        assert_invalid(start(account, input(strategy, 1)).await);
    }
    let (mut empty, mut unnamed) = (input(strategy, 1), input(strategy, 1));
    empty.range = range(5, 5);
    unnamed.engine_version.clear();
    for input in [
        empty,
        unnamed,
        input(strategy, 1).starting_capital(dec("0")),
    ] {
        assert_invalid(start(backtest_account("a"), input).await);
    }
    let mut unknown = input(strategy, 1);
    unknown.version = 3;
    let missing = input(StrategyId::new(strategy.get() + 1), 1);
    for input in [unknown, missing] {
        assert_not_found(start(backtest_account("a"), input).await);
    }
    create(store.ledger(), terms("taken")).await;
    assert_taken(start(backtest_account("taken"), input(strategy, 1)).await);
    let runs = backtests(store).runs(&all, &BacktestQuery::default()).await;
    assert_eq!(runs.expect("read").items, []);
}

pub async fn deleted_run_leaves_nothing(store: &StrategySubject) {
    let strategy = with_versions(store).await;
    let kept = run(store, strategy, 1).await;
    let deleted = run(store, strategy, 2).await;
    let event = created("o", Side::Buy, "1");
    for run in [&kept, &deleted] {
        append(store.ledger(), run.account_id, std::slice::from_ref(&event)).await;
        finish(store, run.run_id).await;
    }
    let gone = backtests(store).delete(&scope(), deleted.run_id).await;
    let gone = gone.expect("deleted");
    assert_eq!((gone.account_id, gone.events), (deleted.account_id, 1));
    assert_eq!(get(store, deleted.run_id).await, None);
    assert_not_found(backtests(store).delete(&scope(), deleted.run_id).await);
    let ledger = &store.ledger().ledger;
    let journal = OrderEventQuery::new(deleted.account_id);
    assert_not_found(ledger.events(&scope(), &journal).await);
    let late = ledger
        .append(&scope(), deleted.account_id, &[event], None)
        .await;
    assert_not_found(late);
    let journal = OrderEventQuery::new(kept.account_id);
    let journal = ledger.events(&scope(), &journal).await.expect("read");
    assert_eq!(journal.items.len(), 1);
    // the same input is another run, and no id is used again
    let next = run(store, strategy, 2).await;
    assert!(next.run_id > deleted.run_id);
    assert!(next.account_id > deleted.account_id);
    let found = backtests(store).metrics(&scope(), next.run_id).await;
    assert_eq!(found.expect("read"), []);
}
