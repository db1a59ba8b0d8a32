//! Repair of candles.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::RepositoryError;
use crate::retention::RefreshWindow;

/// Recomputes candles, for backends that materialize them.
///
/// # Examples
///
/// ```
/// use async_trait::async_trait;
/// use tickbook::RepositoryError;
/// use tickbook::audit::{CandleRefresh, RefreshWindow, Repair};
///
/// /// Drops windows from a cache, so that the next read recomputes their candles.
/// #[derive(Debug)]
/// struct Cache;
///
/// #[async_trait]
/// impl CandleRefresh for Cache {
///     async fn refresh(
///         &self,
///         windows: &[RefreshWindow],
///     ) -> Result<Vec<RefreshWindow>, RepositoryError> {
///         for window in windows {
///             println!("drop {} from {}", window.timeframe, window.range.start());
///         }
///         // nothing was skipped
///         Ok(Vec::new())
///     }
/// }
///
/// let repair = Repair::new(Some(&Cache));
/// ```
#[async_trait]
pub trait CandleRefresh: Debug + Send + Sync {
    /// Recomputes the candles of `windows`, even if no change is recorded there. Returns the parts that it
    /// skipped because candles there, of any symbol, include ticks that were dropped and would be lost.
    ///
    /// *Ordering*: pass smaller timeframes first, since larger candles are computed from smaller ones. May be
    /// repeated.
    async fn refresh(
        &self,
        windows: &[RefreshWindow],
    ) -> Result<Vec<RefreshWindow>, RepositoryError>;
}

/// The means of a repair.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Repair<'a> {
    /// Recomputes materialized candles; `None` if the backend computes candles at every read.
    pub refresh: Option<&'a dyn CandleRefresh>,
}

impl<'a> Repair<'a> {
    /// Creates a repair with a refresh of materialized candles; `None` if candles are computed at every read.
    #[must_use]
    pub fn new(refresh: Option<&'a dyn CandleRefresh>) -> Self {
        Self { refresh }
    }
}
