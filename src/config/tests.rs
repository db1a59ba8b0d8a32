use std::path::Path;

use super::*;

fn load(folder: &Path, variables: &[(&str, &str)]) -> Result<Config, InvalidConfig> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load_from(folder, variables)
}

fn nowhere() -> &'static Path {
    Path::new("there-is-no-such-folder")
}

#[test]
fn defaults_are_compiled_in() {
    let config = load(nowhere(), &[]).expect("the defaults are valid");
    assert_eq!(config.database.pool.size, 20);
    assert_eq!(config.ticks.batch_size, 1_000);
    assert_eq!(config.ticks.flush_interval, Duration::from_millis(100));
    assert_eq!(config.database.synchronous_commit, SynchronousCommit::On);
    assert_eq!(config.ticks.queue, 100_000);
    assert_eq!(config.spool.mode, SpoolMode::WriteAhead);
    assert_eq!(config.spool.directory, Path::new("data/spool"));
    assert_eq!(config.spool.max_bytes, 8 << 30);
    assert_eq!(config.spool.on_full, OnFull::Block);
    assert_eq!(
        config.database.metadata_url.database(),
        "orderbook_metadata"
    );
    assert!(config.database.pool.statement_timeout < config.database.pool.call_timeout);
}

#[test]
fn replica_exists_only_when_configured() {
    let config = load(nowhere(), &[]).expect("the defaults are valid");
    assert_eq!(config.database.timeseries_read_url, None);
    let config = load(
        nowhere(),
        &[("TIMESCALEDB_READ_URL", "postgresql://u:p@replica/db")],
    );
    let url = config
        .expect("valid")
        .database
        .timeseries_read_url
        .expect("named");
    assert_eq!(url.database(), "db");
    let error = load(
        nowhere(),
        &[("TIMESCALEDB_READ_URL", "mysql://u:S3cret@replica/db")],
    );
    let problems = error.expect_err("no PostgreSQL").problems;
    assert_eq!(problems.len(), 1);
    assert!(problems[0].contains("TIMESCALEDB_READ_URL"), "{problems:?}");
    assert!(!problems[0].contains("S3cret"), "{problems:?}");
}

#[test]
fn later_layers_override_earlier_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("written");
    };
    write(
        "default.toml",
        "[pool]\nsize = 2\n[ticks]\nbatch_size = 2\nflush_interval_ms = 2",
    );
    write(
        "live.toml",
        "[ticks]\nbatch_size = 3\nflush_interval_ms = 3",
    );
    let config = load(
        folder.path(),
        &[
            ("TICKBOOK_ENVIRONMENT", "live"),
            ("TICKBOOK__TICKS__FLUSH_INTERVAL_MS", "4"),
        ],
    )
    .expect("valid");
    assert_eq!(config.database.pool.size, 2);
    assert_eq!(config.ticks.batch_size, 3);
    assert_eq!(config.ticks.flush_interval, Duration::from_millis(4));
}

#[test]
fn short_variables_override_all_other_layers() {
    let config = load(
        nowhere(),
        &[
            ("DATABASE_URL", "postgres://u:p@h/m"),
            ("TIMESCALEDB_URL", "postgres://u:p@h/t"),
            ("DATABASE_POOL_SIZE", "7"),
            ("TICKBOOK__POOL__SIZE", "8"),
            ("TICK_BATCH_SIZE", "9"),
            ("TICK_FLUSH_INTERVAL_MS", "10"),
        ],
    )
    .expect("valid");
    assert_eq!(config.database.metadata_url.database(), "m");
    assert_eq!(config.database.timeseries_url.database(), "t");
    assert_eq!(config.database.pool.size, 7);
    assert_eq!(config.ticks.batch_size, 9);
    assert_eq!(config.ticks.flush_interval, Duration::from_millis(10));
}

#[test]
fn synchronous_commit_is_on_or_off() {
    let with = |value| {
        let variable = ("TICKBOOK__TICKS__SYNCHRONOUS_COMMIT", value);
        load(nowhere(), &[variable]).map(|config| config.database.synchronous_commit)
    };
    assert_eq!(with("off"), Ok(SynchronousCommit::Off));
    assert_eq!(with("on"), Ok(SynchronousCommit::On));
    let error = with("maybe").expect_err("neither").to_string();
    assert!(error.contains("ticks.synchronous_commit"), "{error}");
}

#[test]
fn all_problems_are_reported_without_passwords() {
    let error = load(
        nowhere(),
        &[
            ("DATABASE_URL", "postgres//u:S3cretPw@h/m"),
            ("TIMESCALEDB_URL", "postgres://u:S3cretPw@h:x/t"),
            ("DATABASE_POOL_SIZE", "0"),
            ("TICK_BATCH_SIZE", "many"),
            ("TICKBOOK__POOL__SIZES", "3"),
            ("TICKBOOK__PUDDLE__SIZE", "3"),
            ("TICKBOOK__SERVER__MAX_REQUESTS", "many"),
        ],
    )
    .expect_err("seven problems");
    assert_eq!(error.problems.len(), 7, "{error}");
    let reported = error.to_string();
    let lines: Vec<_> = reported.lines().skip(1).map(str::trim).collect();
    assert_eq!(lines, error.problems, "one a line");
    let text = format!("{error} {error:?}");
    assert!(!text.contains("S3cretPw"), "{text}");
    for word in [
        "DATABASE_URL",
        "TIMESCALEDB_URL",
        "pool.size ",
        "TICK_BATCH_SIZE",
        "pool.sizes",
        "puddle",
        "server.max_requests",
    ] {
        assert!(text.contains(word), "{word} in {text}");
    }
}

#[test]
fn broken_file_is_named_without_its_text() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "[metadata]\nurl = \"postgres://u:S3cretPw@h/m";
    std::fs::write(folder.path().join("default.toml"), text).expect("written");
    let error = load(folder.path(), &[]).expect_err("broken").to_string();
    assert!(
        error.contains("default.toml") && !error.contains("S3cretPw"),
        "{error}"
    );
}

#[test]
fn settings_can_be_printed_without_a_password() {
    let config = load(nowhere(), &[("DATABASE_URL", "postgres://u:S3cretPw@h/m")]).expect("valid");
    let shown = format!("{config:?}");
    assert!(
        !shown.contains("S3cretPw") && shown.contains("***"),
        "{shown}"
    );
}

#[test]
fn every_wrong_spool_setting_is_reported() {
    let variables = [
        ("TICKBOOK__SPOOL__MODE", "always"),
        ("TICKBOOK__SPOOL__DIRECTORY", ""),
        ("TICKBOOK__SPOOL__MAX_BYTES", "100"),
        ("TICKBOOK__SPOOL__ON_FULL", "drop"),
    ];
    let problems = load(nowhere(), &variables).expect_err("wrong").problems;
    for (name, words) in [
        ("spool.mode", "write_ahead or on_failure or memory"),
        ("spool.directory", "the path of a directory"),
        ("spool.max_bytes", "from 1048576"),
        ("spool.on_full", "block or error"),
    ] {
        let reported = |problem: &String| problem.starts_with(name) && problem.contains(words);
        assert!(problems.iter().any(reported), "{name}: {problems:?}");
    }
}
