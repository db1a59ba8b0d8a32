//! Tests of `tickbook policies`, `tickbook maintain`, and the refresh at the end of an import.

use serde_json::Value;

use crate::support::{Cli, psql};

fn with_relations() -> Cli {
    let cli = Cli::migrated();
    cli.run(&["aggregates", "apply"]).expect_code(0);
    cli
}

/// Imports ticks of 2014-05-01, in three minutes of two hours.
fn import_three_ticks(cli: &Cli) {
    cli.file(
        "20140501_quote.csv",
        "292,1.1,1.2\n60292,1.1,1.2\n86399000,1.1,1.2\n",
    );
    let import = "import ticks 20140501_quote.csv --symbol EURUSD --create-symbol --format lean";
    let words: Vec<_> = import.split(' ').collect();
    cli.run(&words).expect_code(0);
}

#[tokio::test]
async fn policies_are_planned_applied_shown_and_removed() {
    let cli = with_relations();
    let plan = cli.run(&["policies", "plan"]).expect_code(0);
    for text in [
        "would change:",
        "ticks drop_after: none -> 90d",
        "consistent: yes",
    ] {
        assert!(plan.stdout.contains(text), "{plan:?}");
    }
    let before = cli.run(&["policies", "status"]).expect_code(0);
    assert!(before.stdout.contains("applied: never"), "{before:?}");
    let maintained = cli.run(&["maintain", "--json"]).expect_code(0).json();
    assert_eq!(maintained["state"], "not_applied");

    let applied = cli.run(&["policies", "apply", "--json"]).expect_code(0);
    let changes = applied.json()["changes"].clone();
    let drop = |change: &Value| {
        change["relation"] == "ticks" && change["setting"] == "drop_after" && change["to"] == "90d"
    };
    assert!(changes.as_array().expect("a list").iter().any(drop));
    let again = cli.run(&["policies", "apply"]).expect_code(0);
    assert!(again.stdout.contains("nothing to do"), "{again:?}");
    let status = cli.run(&["policies", "status", "--json"]).json();
    assert!(status["ticks_refused_before"].is_string(), "{status}");
    assert_eq!(status["backlog_oldest_age_seconds"], 0);
    assert_eq!(status["waiting_changes"], 0);
    let status = cli.run(&["policies", "status"]).expect_code(0);
    assert!(status.stdout.contains("changes that wait for a refresh: 0"));
    let maintained = cli.run(&["maintain"]).expect_code(0);
    assert!(maintained.stdout.contains("dropped 0 chunks of ticks"));

    cli.run(&["policies", "remove"]).expect_code(0);
    let status = cli.run(&["policies", "status"]);
    assert!(!status.stdout.contains("job"), "{status:?}");
}

#[tokio::test]
async fn policies_that_drop_at_once_need_confirmation() {
    let cli = with_relations();
    import_three_ticks(&cli);
    let plan = cli.run(&["policies", "plan"]).expect_code(0);
    for text in [
        "dropped by the next maintenance, because it is old enough:",
        "  ticks: 3 ticks before 2014-05-02T00:00:00.000000Z, 1 chunks",
        "  ohlc_1m: 3 candles before ",
    ] {
        assert!(plan.stdout.contains(text), "{text}: {plan:?}");
    }
    let refused = cli.run(&["policies", "apply"]).expect_code(1);
    assert!(refused.stdout.contains("  ticks: 3 ticks"), "{refused:?}");
    assert!(refused.stderr.contains("--yes"), "{refused:?}");
    let refused = cli.run(&["policies", "apply", "--json"]).expect_code(1);
    let due = refused.json()["due_drops"].clone();
    assert_eq!(due[0]["relation"], "ticks");
    assert_eq!((&due[0]["rows"], &due[0]["chunks"]), (&3.into(), &1.into()));
    let status = cli.run(&["policies", "status"]).expect_code(0);
    assert!(status.stdout.contains("applied: never"), "{status:?}");
    assert!(!status.stdout.contains("by , sorted by"), "{status:?}");
    assert_eq!(psql(&cli, "SELECT count(*) FROM ticks"), "3");

    cli.run(&["policies", "apply", "--yes"]).expect_code(0);
    let maintained = cli.run(&["maintain"]).expect_code(0);
    assert!(maintained.stdout.contains("dropped 1 chunks of ticks"));
    assert_eq!(psql(&cli, "SELECT count(*) FROM ticks"), "0");
    // data that was already due is not listed again
    let again = cli.run(&["policies", "apply"]).expect_code(0);
    assert!(again.stdout.contains("nothing to do"), "{again:?}");
}

#[tokio::test]
async fn plan_and_apply_refuse_inconsistent_policies() {
    let cli = with_relations();
    let variables = [("TICKBOOK__POLICIES__TICKS__DROP_AFTER", "5d")];
    let plan = cli.run_with(&["policies", "plan", "--json"], &variables);
    let plan = plan.expect_code(1).json();
    assert_eq!(plan["consistent"], false);
    let conflict = &plan["conflicts"][0];
    assert_eq!(conflict["longer"]["name"], "policies.ticks.drop_after");
    assert_eq!(conflict["longer"]["value"], "5d");
    let refused = cli.run_with(&["policies", "apply"], &variables);
    assert!(
        refused
            .error()
            .contains("policies.ticks.drop_after (5d) is less than"),
        "{refused:?}"
    );
    let status = cli.run(&["policies", "status", "--json"]).json();
    assert!(status["applied_at"].is_null());
}

#[tokio::test]
async fn wrong_duration_is_reported_before_any_change() {
    let cli = Cli::new();
    let variables = [("TICKBOOK__POLICIES__LATENESS", "soon")];
    let refused = cli.run_with(&["policies", "apply"], &variables);
    let error = refused.error();
    assert!(error.contains("policies.lateness: invalid length of time \"soon\""));
}

#[tokio::test]
async fn import_ends_with_refreshed_candles() {
    let cli = with_relations();
    import_three_ticks(&cli);
    // without the rows that a read would compute from ticks
    let query = "SELECT count(*) FROM timescaledb_information.continuous_aggregates \
                 WHERE view_schema = current_schema()";
    if psql(&cli, query) == "0" {
        suite::skip("this is the Apache edition, which has no aggregates");
        return;
    }
    for (relation, candles) in [("ohlc_1m", "3"), ("ohlc_1h", "2"), ("ohlc_1d", "1")] {
        psql(
            &cli,
            &format!("ALTER MATERIALIZED VIEW {relation} SET (timescaledb.materialized_only)"),
        );
        let count = psql(&cli, &format!("SELECT count(*) FROM {relation}"));
        assert_eq!(count, candles, "{relation}");
    }
}
