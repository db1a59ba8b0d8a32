//! Tests of commands that cannot run: they print one line, without a password, and exit with 2.

use crate::support::{Cli, Run};
use fault_proxy::FaultProxy;
use tickbook::Database;

const IMPORT: [&str; 7] = [
    "import",
    "ticks",
    "20140501_quote.csv",
    "--format",
    "lean",
    "--symbol",
    "EURUSD",
];

/// Runs every command that needs a database, with another URL for `database`.
fn with_url(cli: &Cli, database: Database, url: &str) -> Vec<Run> {
    cli.file("20140501_quote.csv", "1,1,1\n");
    let migrate: &[&str] = match database {
        Database::Metadata => &["migrate", "--metadata"],
        _ => &["migrate", "--timeseries"],
    };
    [migrate, &IMPORT]
        .map(|command| cli.run_with(command, &[(database.url_variable(), url)]))
        .into()
}

#[test]
fn malformed_url_names_its_variable() {
    let cli = Cli::new();
    for url in [
        "mysql://u:S3cretPw@h/d",
        "postgresql://u:S3cretPw@h",
        "postgresql://u:S3cretPw%zz@h/d",
    ] {
        for run in with_url(&cli, Database::Metadata, url) {
            assert!(run.error().contains("DATABASE_URL"), "{run:?}");
        }
    }
}

#[test]
fn connection_errors_name_their_variable() {
    let cli = Cli::migrated();
    for database in [Database::Metadata, Database::Timeseries] {
        let url = cli.scratch.url(database);
        let (user, rest) = url.split_once('@').expect("a user");
        let (user, _) = user.rsplit_once(':').expect("a password");
        let wrong = format!("{user}:S3cretPw@{rest}");
        for run in with_url(&cli, database, &wrong) {
            let error = run.error();
            assert!(
                error.contains("password") && error.contains(database.url_variable()),
                "{run:?}"
            );
        }
        let (server, _) = url.rsplit_once('/').expect("a database");
        for run in with_url(&cli, database, &format!("{server}/no_such_database")) {
            let error = run.error();
            assert!(
                error.contains("no_such_database") && error.contains("create it"),
                "{run:?}"
            );
        }
    }
}

#[test]
fn database_that_is_down_is_named() {
    let cli = Cli::migrated();
    for database in [Database::Metadata, Database::Timeseries] {
        let nobody = FaultProxy::refusing();
        let port = nobody.port();
        let url = format!("postgresql://u:S3cretPw@127.0.0.1:{port}/d");
        for (index, run) in with_url(&cli, database, &url).into_iter().enumerate() {
            if index == 1 {
                let waited_for = run.waited_for.as_deref().unwrap_or_default();
                let shown = format!(":***@127.0.0.1:{port}/d");
                assert!(waited_for.contains(&shown), "{run:?}");
            }
            let error = run.error();
            assert!(
                error.contains(database.as_str()) && error.contains("unavailable"),
                "{run:?}"
            );
        }
        let status = cli.run_with(&["status"], &[(database.url_variable(), &url)]);
        assert!(
            status
                .expect_code(1)
                .stdout
                .contains(&format!("{database}: down: "))
        );
    }
}

#[test]
fn symbol_import_needs_only_the_metadata_database() {
    let cli = Cli::migrated();
    cli.file(
        "symbols.csv",
        "market,symbol,type,description,quote_currency,contract_multiplier,\
         minimum_price_variation,lot_size\n\
         oanda,EURUSD,forex,Euro,USD,1,0.00001,1\n",
    );
    let import = [
        "import",
        "symbols",
        "symbols.csv",
        "--format",
        "lean",
        "--market",
        "oanda",
    ];
    let nowhere = ("TIMESCALEDB_URL", "postgresql://u:S3cretPw@127.0.0.1:1/d");
    let run = cli.run_with(&import, &[nowhere]).expect_code(0);
    assert!(run.stdout.contains("created 1"), "{run:?}");
}

#[test]
fn missing_timescaledb_is_named() {
    let cli = Cli::new();
    let url = cli.scratch.url(Database::Metadata);
    let migrate = ["migrate", "--timeseries"];
    let run = cli.run_with(&migrate, &[("TIMESCALEDB_URL", url)]);
    if run.code == 0 {
        suite::skip("the metadata server has TimescaleDB as well");
        return;
    }
    let error = run.error();
    assert!(
        error.contains("TimescaleDB") && error.contains("TIMESCALEDB_URL"),
        "{run:?}"
    );
}

#[test]
fn missing_migrations_are_reported_before_an_import() {
    let cli = Cli::new();
    cli.file("20140501_quote.csv", "1,1,1\n");
    let nothing = cli.run(&IMPORT);
    assert!(
        nothing.error().contains("metadata database is not ready"),
        "{nothing:?}"
    );
    assert!(nothing.error().contains("tickbook migrate"), "{nothing:?}");
    cli.run(&["migrate", "--metadata"]).expect_code(0);
    let half = cli.run(&IMPORT);
    assert!(
        half.error().contains("timeseries database is not ready"),
        "{half:?}"
    );
    cli.run(&["aggregates", "apply"]).expect_code(2);
}

#[test]
fn unknown_formats_and_invalid_symbols_are_refused() {
    let cli = Cli::new();
    let format = cli.run(&[
        "import", "ticks", "x.csv", "--format", "xml", "--symbol", "EURUSD",
    ]);
    assert!(
        format
            .expect_code(2)
            .stderr
            .contains("possible values: lean, csv")
    );
    let symbol = cli.run(&[
        "import", "ticks", "x.csv", "--format", "lean", "--symbol", "EUR\tUSD",
    ]);
    assert!(
        symbol
            .expect_code(2)
            .stderr
            .contains("expected 1 to 100 printable characters")
    );
}

#[test]
fn every_command_has_help() {
    let cli = Cli::new();
    for command in [
        &[][..],
        &["migrate"],
        &["status"],
        &["config"],
        &["completions"],
        &["man"],
        &["aggregates", "apply"],
        &["import", "symbols"],
        &["import", "ticks"],
    ] {
        let help = cli.run(&[command, &["--help"]].concat()).expect_code(0);
        assert!(help.stdout.contains("tickbook "), "{command:?}");
    }
}
