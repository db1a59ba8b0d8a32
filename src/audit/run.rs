//! The audit of the ticks, the trades and the candles of one symbol.

use super::materialized::MaterializedCandles;
use super::repair::Repair;
use super::rows::Rows;
use super::settings::AuditSettings;
use super::summary::AuditSummary;
use super::symbol::{Audit, AuditObserver};
use crate::domain::SymbolId;
use crate::error::RepositoryError;
use crate::repository::{OhlcRepository, TickRepository, TradeRepository};

/// Checks all ticks of a symbol and compares its candles with them.
///
/// Skips buckets that the range cuts and buckets that have not ended at `settings.now`. Ticks may arrive
/// during the audit: a difference is reported only if the candle reads the same before and after its ticks
/// were read. With `materialized`, rows that do not wait for a refresh must equal their ticks as well. With
/// `repair`, differing candles are recomputed day by day until no difference is left or a repair changes
/// nothing: materialized candles, and stored candles of the source
/// [`CandleSource::DOWNSAMPLED`](crate::domain::CandleSource::DOWNSAMPLED). Other stored candles are not changed. Rows
/// that differ and wait for a refresh are recomputed as well and are not findings.
///
/// *Ordering*: findings of a day come after findings of earlier days. *Memory*: 10,000 ticks, and a few
/// copies of the candles of one day, some 6,000.
///
/// # Errors
/// Returns errors of the repositories. A failed repair is reported in its finding. An unreadable row is
/// itself a finding, and the audit continues with the next day.
///
/// # Examples
///
/// ```
/// use chrono::{DateTime, TimeDelta, Utc};
/// use tickbook::Repositories;
/// use tickbook::audit::{AuditObserver, AuditSettings, Finding, audit_symbol};
/// use tickbook::domain::{
///     Candle, CandleSource, PriceBasis, SymbolId, Tick, TimeRange, Timeframe,
/// };
///
/// /// Collects findings as text.
/// #[derive(Debug, Default)]
/// struct Findings(Vec<String>);
///
/// impl AuditObserver for Findings {
///     fn finding(&mut self, finding: &Finding) {
///         self.0.push(finding.problem.to_string());
///     }
///
///     fn progress(&mut self, _: u64, _: DateTime<Utc>) {}
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let Repositories { ticks, ohlc, .. } = Repositories::in_memory();
/// let symbol = SymbolId::new(7);
/// let time: DateTime<Utc> = "2024-05-01T12:00:20Z".parse()?;
/// ticks.insert_batch(&[Tick::quote(symbol, time, 1.into(), 2.into())]).await?;
/// // an imported candle, which takes precedence over the ticks
/// let minute = Timeframe::M1.bucket_start(time);
/// let imported = Candle::new(symbol, Timeframe::M1, PriceBasis::Bid, minute, [3.into(); 4])
///     .source(CandleSource::Stored("import".to_owned()));
/// ohlc.upsert_candles(&[imported]).await?;
///
/// let now = time + TimeDelta::days(1);
/// let settings = AuditSettings::new(TimeRange::all(), now).timeframes(vec![Timeframe::M1]);
/// let mut findings = Findings::default();
/// let summary = audit_symbol(&*ticks, &*ohlc, None, symbol, &settings, None, &mut findings).await?;
/// assert_eq!(summary.left(), 1);
/// assert!(findings.0[0].starts_with("stored_candle_differs: symbol 7 1m bid"));
/// # Ok(())
/// # }
/// ```
pub async fn audit_symbol(
    ticks: &dyn TickRepository,
    ohlc: &dyn OhlcRepository,
    materialized: Option<&dyn MaterializedCandles>,
    symbol_id: SymbolId,
    settings: &AuditSettings,
    repair: Option<Repair<'_>>,
    observer: &mut dyn AuditObserver,
) -> Result<AuditSummary, RepositoryError> {
    let rows = Rows::Ticks(ticks);
    let audit = Audit::new(
        rows,
        ohlc,
        materialized,
        symbol_id,
        settings,
        repair,
        observer,
    );
    audit.run().await
}

/// Compares the candles of the trades of a symbol with its trades, as [`audit_symbol`] does with ticks. Trades have no
/// checks of their own.
///
/// `settings.complete_from` and `settings.incomplete_ranges` are those of trades. The observer's progress counts
/// trades.
///
/// # Errors
/// As for [`audit_symbol`].
pub async fn audit_trades(
    trades: &dyn TradeRepository,
    ohlc: &dyn OhlcRepository,
    materialized: Option<&dyn MaterializedCandles>,
    symbol_id: SymbolId,
    settings: &AuditSettings,
    repair: Option<Repair<'_>>,
    observer: &mut dyn AuditObserver,
) -> Result<AuditSummary, RepositoryError> {
    let rows = Rows::Trades(trades);
    let audit = Audit::new(
        rows,
        ohlc,
        materialized,
        symbol_id,
        settings,
        repair,
        observer,
    );
    audit.run().await
}
