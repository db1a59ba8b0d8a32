//! How candles are made right.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::domain::{TimeRange, Timeframe};
use crate::error::RepositoryError;

/// The source of candles that were stored before their ticks went.
pub const SEALED: &str = "sealed";

/// Candles to make anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshWindow {
    /// Of this timeframe.
    pub timeframe: Timeframe,
    /// Whole buckets.
    pub range: TimeRange,
}

/// Makes candles anew where a backend keeps made candles.
#[async_trait]
pub trait CandleRefresh: Debug + Send + Sync {
    /// Makes all candles of `windows` anew, whether anything is known to have changed there or not.
    ///
    /// *Ordering*: smaller timeframes come first, since larger candles are made of smaller ones.
    /// May be repeated.
    async fn refresh(&self, windows: &[RefreshWindow]) -> Result<(), RepositoryError>;
}

/// What may be mended with.
#[derive(Debug, Clone, Copy)]
pub struct Repair<'a> {
    /// Makes made candles anew; `None` where they are computed at every read, so that there is
    /// nothing to make anew.
    pub refresh: Option<&'a dyn CandleRefresh>,
}
