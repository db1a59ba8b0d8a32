//! The performance of accounts and strategies: returns, drawdowns, ratios, round trips, slippage, latencies and
//! attribution. Pure functions.
//!
//! Amounts are exact. Ratios are `f64`, since roots and powers have no exact value. Each ratio belongs to a named
//! [`Definition`]; where a definition gives no number, the result is the reason, see [`Undefined`].

mod attribution;
mod buckets;
mod days;
mod definitions;
mod drawdown;
mod equity;
mod latency;
mod ratios;
mod report;
mod returns;
mod round_trip;
mod round_trips;
mod slippage;
mod statistics;
mod trade_fill;
mod trade_report;
mod undefined;

pub use attribution::{Attribution, AttributionKey, Contribution, attribute};
pub use buckets::{ActivityBucket, BUCKET, EquityBucket, EquityMark, bucket_start};
pub(crate) use buckets::{activity_buckets, equity_buckets};
pub(crate) use days::daily_performance;
pub use days::{Activity, DailyPerformance, LocalDay, MAX_DAYS, local_days};
pub use definitions::{Definition, MetricValue, ReturnSeries, calendar_growth};
pub use drawdown::{Drawdown, Drawdowns, ReturnDrawdown, drawdowns, max_drawdown};
pub use equity::{EquityPoint, InvalidEquityPoint};
pub use latency::{LatencySummary, OrderLatencies, OrderLatency};
pub use report::{PerformanceReport, SymbolActivity};
pub use returns::{PeriodReturn, TimeWeightedReturns, time_weighted_returns};
pub use round_trip::{Fees, RoundTrip};
pub use round_trips::{RoundTripBook, RoundTripGrouping, RoundTripMatching, round_trips};
pub use slippage::{Slippage, SlippageSummary};
pub use statistics::TradeStatistics;
pub use trade_fill::TradeFill;
pub use trade_report::{TradeReport, TradeReportTerms};
pub use undefined::{Measured, Undefined};

/// Names of time zones are `Tz` of this crate. Using this re-export guarantees the same version.
pub use chrono_tz::Tz;
