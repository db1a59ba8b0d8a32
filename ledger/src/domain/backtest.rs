//! Backtest runs.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use tickbook::domain::{InvalidTimeRange, TimeRange, truncate_to_micros};

use super::account::{Environment, InvalidAccount, NewAccount};
use super::checked_text::{InvalidText, check_text};
use super::deployment::{InvalidDeployment, positive};
use super::event_key::{ContentHash, Hasher};
use super::ids::{AccountId, BacktestRunId, MAX_ID_CHARS, StrategyId};
use super::json_object::JsonObject;
use super::names::names;

/// The largest number of characters of the reason why a run failed.
pub const MAX_ERROR_CHARS: usize = 1_000;

/// The events that a run appends to its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum JournalLevel {
    /// None: only metrics and artifacts are kept.
    None,
    /// Orders and their fills.
    Fills,
    /// All events.
    #[default]
    All,
}

names!(JournalLevel, "journal level" {
    None => "none",
    Fills => "fills",
    All => "all",
});

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum BacktestState {
    /// It was started and has no result.
    Running,
    /// It has metrics, which do not change.
    Finished,
    /// It ended without metrics. It may be started again.
    Failed,
}

names!(BacktestState, "state" {
    Running => "running",
    Finished => "finished",
    Failed => "failed",
});

/// Why a run is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBacktest {
    /// The account is invalid.
    #[error("invalid account: {0}")]
    Account(#[from] InvalidAccount),
    /// The account is not in the environment `backtest`.
    #[error("invalid environment {0} of the account of a backtest: expected backtest")]
    Environment(Environment),
    /// A text is invalid.
    #[error(transparent)]
    Text(#[from] InvalidText),
    /// The range of the data is empty.
    #[error("invalid range of the data: expected an end after the start")]
    EmptyRange,
    /// The range of the data is out of bounds.
    #[error("invalid range of the data: {0}")]
    Range(#[from] InvalidTimeRange),
    /// The starting capital is invalid.
    #[error(transparent)]
    Capital(#[from] InvalidDeployment),
}

/// The input of a run: what it computes from, and with which program.
///
/// Two runs are the same if strategy version, data, [`parameters_hash`](Self::parameters_hash) and seed are equal.
///
/// # Examples
/// ```
/// use tickbook::domain::TimeRange;
/// use tickbook_ledger::domain::{BacktestInput, ContentHash, StrategyId};
///
/// let range = TimeRange::new("2024-01-01T00:00:00Z".parse()?, "2024-02-01T00:00:00Z".parse()?)?;
/// let data = ContentHash::of(b"all ticks of January");
/// let input = BacktestInput::new(StrategyId::new(1), 3, data, range, "engine 1.2").seed(42);
/// assert!(input.normalized().is_ok());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BacktestInput {
    /// The strategy.
    pub strategy_id: StrategyId,
    /// The version of the strategy.
    pub version: i32,
    /// A SHA-256 digest of the market data.
    pub data_hash: ContentHash,
    /// The seed of random numbers; 0 by default.
    pub seed: i64,
    /// Name and version of the program; 1 to 100 printable characters. It does not belong to the identity of the run.
    pub engine_version: String,
    /// Parameters beside those of the strategy version, such as the model of fees.
    pub parameters: JsonObject,
    /// The range of the market data; includes the start, excludes the end.
    pub range: TimeRange,
    /// The capital at the start, in the base currency of the account; greater than 0.
    pub starting_capital: Option<Decimal>,
    /// The events that the run appends; all by default. It does not belong to the identity of the run.
    pub journal_level: JournalLevel,
}

impl BacktestInput {
    /// An input without parameters, with the seed 0.
    #[must_use]
    pub fn new(
        strategy_id: StrategyId,
        version: i32,
        data_hash: ContentHash,
        range: TimeRange,
        engine_version: impl Into<String>,
    ) -> Self {
        Self {
            strategy_id,
            version,
            data_hash,
            seed: 0,
            engine_version: engine_version.into(),
            parameters: JsonObject::default(),
            range,
            starting_capital: None,
            journal_level: JournalLevel::default(),
        }
    }

    /// Sets the seed.
    #[must_use]
    pub fn seed(mut self, seed: i64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the parameters.
    #[must_use]
    pub fn parameters(mut self, parameters: JsonObject) -> Self {
        self.parameters = parameters;
        self
    }

    /// Sets the capital at the start.
    #[must_use]
    pub fn starting_capital(mut self, capital: impl Into<Option<Decimal>>) -> Self {
        self.starting_capital = capital.into();
        self
    }

    /// Sets which events the run appends.
    #[must_use]
    pub fn journal_level(mut self, level: JournalLevel) -> Self {
        self.journal_level = level;
        self
    }

    /// Returns the input in its stored form: times in whole microseconds, and the capital without trailing zeros.
    ///
    /// # Errors
    /// The first invalid field.
    pub fn normalized(mut self) -> Result<Self, InvalidBacktest> {
        check_text("engine_version", &self.engine_version, 1, MAX_ID_CHARS)?;
        let (start, end) = (self.range.start(), self.range.end());
        self.range = TimeRange::new(truncate_to_micros(start), truncate_to_micros(end))?;
        if self.range.is_empty() {
            return Err(InvalidBacktest::EmptyRange);
        }
        self.starting_capital = positive("starting_capital", self.starting_capital)?;
        Ok(self)
    }

    /// Returns the digest of the parameters, the range, the starting capital, and the terms of the account except its
    /// name.
    #[must_use]
    pub fn parameters_hash(&self, account: &NewAccount) -> ContentHash {
        let mut hasher = Hasher::default();
        hasher.field(&self.parameters);
        hasher.field(self.range.start().timestamp_micros());
        hasher.field(self.range.end().timestamp_micros());
        hasher.optional(self.starting_capital.map(|it| it.normalize()));
        hasher.field(&account.venue).field(&account.base_currency);
        hasher.field(&account.time_zone).field(account.cost_method);
        hasher.field(account.position_mode);
        hasher.finish()
    }
}

/// Checks the account of a run.
///
/// # Errors
/// The first invalid field, or an environment other than `backtest`.
pub(crate) fn check_backtest_account(account: &NewAccount) -> Result<(), InvalidBacktest> {
    account.check()?;
    match account.environment {
        Environment::Backtest => Ok(()),
        other => Err(InvalidBacktest::Environment(other)),
    }
}

/// Checks the reason why a run failed.
pub(crate) fn check_error(error: &str) -> Result<(), InvalidText> {
    check_text("error", error, 1, MAX_ERROR_CHARS)
}

/// A run of a strategy over stored market data. Its orders and fills are those of its account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BacktestRun {
    /// The id.
    pub run_id: BacktestRunId,
    /// The account of the run, in the environment `backtest`. It is deleted with the run.
    pub account_id: AccountId,
    /// The input.
    pub input: BacktestInput,
    /// The digest of the parameters, see [`BacktestInput::parameters_hash`].
    pub parameters_hash: ContentHash,
    /// The state.
    pub state: BacktestState,
    /// When it was started last, in whole microseconds.
    pub started_at: DateTime<Utc>,
    /// When it finished or failed; `None` while it is running.
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it failed; `None` if it did not fail.
    pub error: Option<String>,
}

impl BacktestRun {
    /// A running run.
    #[must_use]
    pub fn new(
        run_id: BacktestRunId,
        account_id: AccountId,
        input: BacktestInput,
        parameters_hash: ContentHash,
        started_at: DateTime<Utc>,
    ) -> Self {
        Self {
            run_id,
            account_id,
            input,
            parameters_hash,
            state: BacktestState::Running,
            started_at,
            finished_at: None,
            error: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CostMethod, Currency, TenantId, Venue};

    fn range(from: &str, to: &str) -> TimeRange {
        let time = |text: &str| text.parse().expect("a time");
        TimeRange::new(time(from), time(to)).expect("ordered")
    }

    fn input() -> BacktestInput {
        let january = range("2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z");
        BacktestInput::new(StrategyId::new(1), 1, ContentHash::of(b"x"), january, "e1")
    }

    fn account() -> NewAccount {
        let (venue, usd) = (Venue::new("sim"), Currency::new("USD"));
        let venue = venue.expect("an id");
        let usd = usd.expect("an id");
        NewAccount::new(TenantId::new(1), "a", venue, Environment::Backtest, usd)
    }

    #[test]
    fn parameters_hash_has_all_that_changes_results() {
        let hash = input().parameters_hash(&account());
        let mut named = account();
        named.name = "b".to_owned();
        let mut later = input().journal_level(JournalLevel::None).seed(7);
        later.engine_version = "e2".to_owned();
        assert_eq!(later.parameters_hash(&named), hash);
        let mut shorter = input();
        shorter.range = range("2024-01-01T00:00:00Z", "2024-01-31T00:00:00Z");
        let json: JsonObject = "{\"fee\":1}".parse().expect("an object");
        for other in [
            shorter.parameters_hash(&account()),
            input().parameters(json).parameters_hash(&account()),
            input()
                .starting_capital(Decimal::TEN)
                .parameters_hash(&account()),
            input().parameters_hash(&account().cost_method(CostMethod::Fifo)),
            input().parameters_hash(&account().time_zone("Asia/Kolkata")),
        ] {
            assert_ne!(other, hash);
        }
    }

    #[test]
    fn invalid_inputs_are_refused() {
        let mut empty = input();
        empty.range = range("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z");
        assert_eq!(empty.normalized(), Err(InvalidBacktest::EmptyRange));
        let zero = input().starting_capital(Decimal::ZERO).normalized();
        let zero = zero.expect_err("no capital").to_string();
        assert_eq!(zero, "invalid starting_capital 0: expected more than 0");
        let mut unnamed = input();
        unnamed.engine_version.clear();
        assert!(unnamed.normalized().is_err());
        let mut live = account();
        live.environment = Environment::Live;
        let error = check_backtest_account(&live).expect_err("live").to_string();
        assert!(error.contains("expected backtest"), "{error}");
    }
}
