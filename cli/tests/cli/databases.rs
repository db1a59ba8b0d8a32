//! Tests of migrate, aggregates, status and config on real databases.

use crate::support::Cli;

#[test]
fn migrations_run_once_and_status_reports_them() {
    let cli = Cli::new();
    let before = cli.run(&["status", "--json"]).expect_code(1).json();
    assert_eq!(before["ready"], false);
    for database in ["metadata", "timeseries"] {
        let status = &before[database];
        assert_eq!(status["state"], "not ready");
        assert!(
            status["reason"]
                .as_str()
                .is_some_and(|it| it.contains("tickbook migrate"))
        );
        assert!(
            !status["pending_migrations"]
                .as_array()
                .expect("a list")
                .is_empty()
        );
    }

    let first = cli.run(&["migrate"]).expect_code(0);
    assert!(first.stdout.contains("metadata: applied "), "{first:?}");
    assert!(first.stdout.contains("timeseries: applied "), "{first:?}");
    let second = cli.run(&["migrate"]).expect_code(0);
    assert!(!second.stdout.contains(": applied "), "{second:?}");
    assert_eq!(
        second.stdout.matches("nothing to do").count(),
        2,
        "{second:?}"
    );

    let after = cli.run(&["status", "--json"]).expect_code(0).json();
    assert_eq!(after["ready"], true);
    assert_eq!(
        after["timeseries"]["pending_migrations"],
        serde_json::json!([])
    );
    assert!(after["timeseries"]["edition"].is_string());
    let text = cli.run(&["status"]).expect_code(0).stdout;
    assert!(
        text.contains("ready: yes") && text.contains("TimescaleDB"),
        "{text}"
    );
    assert!(text.contains(":***@"), "{text}");
}

#[test]
fn databases_can_be_migrated_one_at_a_time() {
    let cli = Cli::new();
    let metadata = cli.run(&["migrate", "--metadata"]).expect_code(0);
    assert!(!metadata.stdout.contains("timeseries"), "{metadata:?}");
    let status = cli.run(&["status", "--json"]).expect_code(1).json();
    assert_eq!(status["metadata"]["state"], "up");
    assert_eq!(status["timeseries"]["state"], "not ready");
    let timeseries = cli.run(&["migrate", "--timeseries"]).expect_code(0);
    assert!(!timeseries.stdout.contains("metadata"), "{timeseries:?}");
    cli.run(&["status"]).expect_code(0);
}

#[test]
fn candle_relations_are_created_once() {
    let cli = Cli::migrated();
    let missing = cli.run(&["status"]).expect_code(0).stdout;
    assert!(missing.contains("ohlc_1m missing"), "{missing}");
    assert!(missing.contains("tickbook aggregates apply"), "{missing}");
    let first = cli.run(&["aggregates", "apply"]).expect_code(0).stdout;
    assert_eq!(first.matches("created now").count(), 14, "{first}");
    let second = cli.run(&["aggregates", "apply"]).expect_code(0).stdout;
    assert!(!second.contains("created now"), "{second}");
    let status = cli.run(&["status"]).expect_code(0).stdout;
    assert!(!status.contains("missing"), "{status}");
    assert!(!status.contains("aggregates apply"), "{status}");
}

#[test]
fn settings_are_shown_without_passwords() {
    let cli = Cli::new();
    let url = "postgresql://someone:S3cretPw@db.example/metadata";
    let variables = [("DATABASE_URL", url), ("TICK_BATCH_SIZE", "77")];
    let shown = cli.run_with(&["config"], &variables).expect_code(0).stdout;
    assert!(
        shown.contains("postgresql://someone:***@db.example"),
        "{shown}"
    );
    assert!(shown.contains("batch_size = 77"), "{shown}");
}

#[test]
fn applied_aggregates_are_json() {
    let cli = Cli::migrated();
    for made_now in [true, false] {
        let run = cli.run(&["aggregates", "apply", "--json"]).expect_code(0);
        let reported = run.json();
        let edition = reported["edition"].as_str().expect("a text");
        assert!(["apache", "community"].contains(&edition), "{run:?}");
        let relations = reported["relations"].as_array().expect("an array");
        let names: Vec<_> = relations.iter().map(|it| it["name"].as_str()).collect();
        assert_eq!(names.first(), Some(&Some("ohlc_1m")));
        assert_eq!(names.len(), 14);
        let is_so = |it: &serde_json::Value| it["made_now"] == made_now && it["kind"].is_string();
        assert!(relations.iter().all(is_so), "{run:?}");
    }
}
