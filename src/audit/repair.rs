//! How candles are made right.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::RepositoryError;
use crate::retention::RefreshWindow;

/// Makes candles anew where a backend keeps made candles.
///
/// # Examples
///
/// ```
/// use async_trait::async_trait;
/// use tickbook::RepositoryError;
/// use tickbook::audit::{CandleRefresh, RefreshWindow, Repair};
///
/// /// Drops windows from a cache, so that the next read makes their candles anew.
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
///             println!("drop {} from {}", window.timeframe, window.range.from());
///         }
///         // none was left out
///         Ok(Vec::new())
///     }
/// }
///
/// let repair = Repair::new(Some(&Cache));
/// ```
#[async_trait]
pub trait CandleRefresh: Debug + Send + Sync {
    /// Makes the candles of `windows` anew, whether anything is known to have changed there or not.
    /// Returns the parts that it left out, since candles there, of any symbol, know more ticks than
    /// are kept and would be lost.
    ///
    /// *Ordering*: smaller timeframes come first, since larger candles are made of smaller ones.
    /// May be repeated.
    async fn refresh(
        &self,
        windows: &[RefreshWindow],
    ) -> Result<Vec<RefreshWindow>, RepositoryError>;
}

/// What may be mended with.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Repair<'a> {
    /// Makes made candles anew; `None` where they are computed at every read, so that there is
    /// nothing to make anew.
    pub refresh: Option<&'a dyn CandleRefresh>,
}

impl<'a> Repair<'a> {
    /// Repairs with what makes made candles anew; `None` where candles are computed at every read.
    #[must_use]
    pub fn new(refresh: Option<&'a dyn CandleRefresh>) -> Self {
        Self { refresh }
    }
}
