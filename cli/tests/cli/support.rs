//! Runs the program in schemas of its own, from a directory without settings.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::{Database, Repositories};
use tickbook_ledger::StrategyRepositories;

/// A working directory and two empty schemas.
pub(crate) struct Cli {
    pub(crate) folder: TempDir,
    pub(crate) scratch: ScratchSchemas,
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    /// Without the line about waiting for a database.
    pub(crate) stderr: String,
    pub(crate) waited_for: Option<String>,
}

impl Cli {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            scratch: ScratchSchemas::create(),
        }
    }

    pub(crate) fn migrated() -> Self {
        let cli = Self::new();
        cli.run(&["migrate"]).expect_code(0);
        cli
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, &[])
    }

    /// A command that runs the program in the directory with the databases.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tickbook"));
        command.args(arguments).current_dir(self.folder.path());
        for variable in ["RUST_LOG", "NO_COLOR", "TICKBOOK_ENVIRONMENT"] {
            command.env_remove(variable);
        }
        for database in [Database::Metadata, Database::Timeseries] {
            command.env(database.url_variable(), self.scratch.url(database));
        }
        if arguments.first() == Some(&"verify") {
            // it reads the catalog, which other tests have filled
            command.env("TICKBOOK__POOL__STATEMENT_TIMEOUT_MS", "50000");
            command.env("TICKBOOK__POOL__CALL_TIMEOUT_MS", "60000");
        }
        command
    }

    /// Runs with other values of these variables.
    pub(crate) fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        let run = Run::of(command.output().expect("the binary starts"));
        for secret in self
            .passwords()
            .iter()
            .map(String::as_str)
            .chain(["S3cretPw"])
        {
            let said = format!("{}{}", run.stdout, run.stderr);
            assert!(
                !said.contains(secret),
                "a password is shown by {arguments:?}"
            );
        }
        assert!(!run.stderr.contains("panicked"), "{run:?}");
        run
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).expect("written");
        path
    }

    pub(crate) fn repositories(&self) -> Repositories {
        Repositories::postgres(&DatabasePools::new(&self.scratch.config()))
    }

    pub(crate) fn strategies(&self) -> StrategyRepositories {
        let pools = DatabasePools::new(&self.scratch.config());
        StrategyRepositories::postgres(pools.metadata())
    }

    /// The passwords of both URLs, except those that also occur elsewhere in the URL.
    fn passwords(&self) -> Vec<String> {
        let urls = [Database::Metadata, Database::Timeseries].map(|it| self.scratch.url(it));
        let password = |url: &str| {
            let (before, after) = url.split_once('@')?;
            let (user, password) = before.rsplit_once(':')?;
            let elsewhere = format!("{user}{after}").contains(password);
            (!elsewhere && !password.is_empty()).then(|| password.to_owned())
        };
        urls.into_iter().filter_map(password).collect()
    }
}

impl Run {
    pub(crate) fn of(output: Output) -> Self {
        let stderr = String::from_utf8(output.stderr).expect("UTF-8");
        let waits = |line: &&str| line.starts_with("waiting for ");
        let reported = stderr.split_inclusive('\n').filter(|line| !waits(line));
        Self {
            code: output.status.code().expect("it was not killed"),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: reported.collect(),
            waited_for: stderr.lines().find(waits).map(str::to_owned),
        }
    }

    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// The result printed by `--json`, without its duration.
    pub(crate) fn json(&self) -> Value {
        let mut value: Value = serde_json::from_str(&self.stdout).expect("one JSON object");
        if let Some(object) = value.as_object_mut() {
            object.remove("seconds");
        }
        value
    }

    /// The error line of a command that could not run.
    pub(crate) fn error(&self) -> &str {
        assert_eq!(self.code, 2, "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        let error = self.stderr.trim_end().strip_prefix("error: ");
        error.unwrap_or_else(|| panic!("no `error: `: {self:?}"))
    }
}

/// The directory with real market data; if it is missing, the test counts as skipped.
pub(crate) fn market_data() -> Option<PathBuf> {
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/market-data");
    let folder = std::env::var_os("TICKBOOK_MARKET_DATA").map_or(usual, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    suite::skip("there is no market data");
    None
}

/// The result of a query in the time-series schema, with `|` between columns.
pub(crate) fn psql(cli: &Cli, query: &str) -> String {
    psql_in(cli, Database::Timeseries, query)
}

pub(crate) fn psql_in(cli: &Cli, database: Database, query: &str) -> String {
    let output = Command::new("psql")
        .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", query])
        .arg(cli.scratch.url(database))
        .output()
        .expect("psql is on the PATH");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{query}: {text}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
