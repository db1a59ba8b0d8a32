//! Tests of `tickbook strategies` and `tickbook backtests`.

use serde_json::{Value, json};
use tickbook::Database;
use tickbook::domain::TimeRange;
use tickbook_ledger::domain::{
    AccountScope, BacktestInput, BacktestMetric, ContentHash, Currency, Environment, EquityCurve,
    EquityPoint, NewAccount, NewArtifact, StrategyId, TenantId, Venue,
};

use crate::ledger::{CREATE, lines, run};
use crate::support::{Cli, psql_in};

/// Databases with the account `main`, and the strategy `ema` with a version.
fn with_version() -> Cli {
    let cli = Cli::migrated();
    run(&cli, CREATE).expect_code(0);
    let created = run(&cli, "strategies create ema --type trend").expect_code(0);
    assert_eq!(created.stdout, "created ema (1)\n");
    let add = [
        "strategies",
        "add-version",
        "ema",
        "--code",
        "git:1",
        "--parameters",
        "{\"fast\": 9}",
    ];
    let added = cli.run(&add).expect_code(0);
    assert_eq!(added.stdout, "added version 1 of ema (1)\n");
    let again = cli.run(&add).expect_code(0);
    assert_eq!(again.stdout, "unchanged: version 1 of ema (1)\n");
    cli
}

#[test]
fn strategies_are_created_and_shown() {
    let cli = with_version();
    let table = run(&cli, "strategies list").expect_code(0).stdout;
    assert_eq!(
        table,
        "ID  TENANT  NAME  TYPE   VERSIONS  DESCRIPTION\n1   1       ema   trend  1\n"
    );
    let shown = run(&cli, "strategies show ema --json")
        .expect_code(0)
        .json();
    assert_eq!(shown["versions"][0]["parameters"], json!({"fast": 9}));
    assert_eq!(shown["deployments"], json!([]));
    let text = run(&cli, "strategies show 1").expect_code(0).stdout;
    assert!(text.contains("git:1  {\"fast\":9}"), "{text}");
    for (command, error) in [
        ("strategies create ema", "strategy \"ema\" already exists"),
        ("strategies show other", "there is no strategy other"),
        (
            "strategies add-version ema --code x --symbol oanda:X",
            "there is no symbol oanda:X",
        ),
    ] {
        let refused = run(&cli, command);
        assert!(refused.error().contains(error), "{command}: {refused:?}");
    }
    let command = "strategies add-version ema --code x --parameters [1]";
    let refused = run(&cli, command).expect_code(2);
    assert!(refused.stderr.contains("expected an object"), "{refused:?}");
}

#[test]
fn deployments_begin_and_stop() {
    let cli = with_version();
    let deploy = "strategies deploy ema --version 1 --account main --capital 1000.5 --json";
    let begun = run(&cli, deploy).expect_code(0).json();
    assert_eq!(
        (&begun["running"], &begun["allocated_capital"]),
        (&json!(true), &json!("1000.5"))
    );
    let twice = run(&cli, deploy);
    assert!(twice.error().contains("already exists"), "{twice:?}");
    let shown = run(&cli, "strategies show ema --json")
        .expect_code(0)
        .json();
    assert_eq!(shown["deployments"][0], begun);
    let stopped = run(&cli, "strategies stop 1").expect_code(0);
    assert_eq!(stopped.stdout, "stopped deployment 1\n");
    let stopped = run(&cli, "strategies stop 1 --json").expect_code(0).json();
    assert!(stopped["stopped_at"].is_string(), "{stopped}");
    run(&cli, deploy).expect_code(0);
}

/// Stores the runs 1 and 2 as an engine does.
async fn store_runs(cli: &Cli) {
    let repositories = cli.strategies();
    let (backtests, scope) = (&repositories.backtests, AccountScope::all());
    let time = |text: &str| text.parse().expect("a time");
    let (start, end) = (time("2024-01-01T00:00:00Z"), time("2024-02-01T00:00:00Z"));
    for seed in 1..=2 {
        let range = TimeRange::new(start, end).expect("ordered");
        let data = ContentHash::of(b"ticks");
        let input = BacktestInput::new(StrategyId::new(1), 1, data, range, "engine 1").seed(seed);
        let (venue, usd) = (
            Venue::new("sim").expect("an id"),
            Currency::new("USD").expect("an id"),
        );
        let (tenant, name) = (TenantId::new(1), format!("run {seed}"));
        let account = NewAccount::new(tenant, name, venue, Environment::Backtest, usd);
        let run = backtests
            .start(&scope, account, input)
            .await
            .expect("a run")
            .run;
        let metrics = [
            BacktestMetric::new("net", "d1", seed.into()),
            BacktestMetric::undefined("sharpe", "d1", "fewer than two days"),
        ];
        let count = if seed == 1 { 2 } else { 1 };
        let finished = backtests
            .finish(&scope, run.run_id, &metrics[..count])
            .await;
        finished.expect("finished");
        let points = vec![
            EquityPoint::new(start, 100.into()),
            EquityPoint::new(end, 90.into()),
        ];
        let curve = EquityCurve::new(points).expect("ordered").to_json();
        let file = NewArtifact::new(EquityCurve::ARTIFACT, "application/json", curve);
        let stored = backtests.put_artifact(&scope, run.run_id, file).await;
        stored.expect("stored");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_compared_reported_and_deleted() {
    let cli = with_version();
    let none = run(&cli, "backtests list").expect_code(0);
    assert_eq!(
        (&*none.stdout, &*none.stderr),
        ("", "there is no such run\n")
    );
    store_runs(&cli).await;
    let listed = lines(&run(&cli, "backtests list --strategy ema --json").expect_code(0));
    let seeds: Vec<&Value> = listed.iter().map(|it| &it["seed"]).collect();
    assert_eq!(seeds, [&json!(1), &json!(2)]);
    let failed = run(&cli, "backtests list --state failed --json").expect_code(0);
    assert_eq!(failed.stdout, "");
    let shown = run(&cli, "backtests show 1 --json").expect_code(0).json();
    assert_eq!(shown["metrics"][1]["reason"], "fewer than two days");
    assert_eq!(shown["artifacts"][0]["name"], "equity.json");
    let text = run(&cli, "backtests show 1").expect_code(0).stdout;
    assert!(text.contains("net (d1) 1\n"), "{text}");
    let compared = run(&cli, "backtests compare 2 1").expect_code(0).stdout;
    let rows: Vec<Vec<_>> = compared
        .lines()
        .skip(1)
        .map(|it| it.split_whitespace().collect())
        .collect();
    let expected = [
        ["net", "d1", "2", "2"],
        ["net", "d1", "1", "1"],
        ["sharpe", "d1", "2", "-"],
        ["sharpe", "d1", "1", "undefined"],
    ];
    assert_eq!(rows, expected);
    let report = "backtests report 1 --output report.html";
    run(&cli, report).expect_code(0);
    let refused = run(&cli, report);
    assert!(refused.error().contains("already exists"), "{refused:?}");
    let page = std::fs::read_to_string(cli.folder.path().join("report.html"));
    let page = page.expect("a report");
    assert!(
        page.starts_with("<!DOCTYPE html>") && page.contains("<svg"),
        "{page}"
    );
    let json = run(&cli, "backtests report 1 --format json")
        .expect_code(0)
        .json();
    assert_eq!(json["max_drawdown"]["amount"], "10");
    let deleted = run(&cli, "backtests delete 1 2").expect_code(0);
    assert_eq!(
        deleted.stdout,
        "deleted run 1 with account 2 and 0 events\ndeleted run 2 with account 3 and 0 events\n"
    );
    let count = "SELECT count(*) FROM artifacts";
    assert_eq!(psql_in(&cli, Database::Metadata, count), "0");
    let gone = run(&cli, "backtests show 1");
    assert!(
        gone.error().contains("backtest run 1 does not exist"),
        "{gone:?}"
    );
}
