//! Pages of listings.

use std::fmt;
use std::str::FromStr;

use super::excerpt::excerpt;

/// The largest number of items of a page: 1 to 10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "i64"))]
pub struct PageLimit(u32);

impl PageLimit {
    /// The largest limit.
    pub const MAX: Self = Self(10_000);

    /// Creates a limit.
    ///
    /// # Errors
    /// 0, or more than 10,000.
    pub fn new(limit: u32) -> Result<Self, InvalidPageLimit> {
        if limit == 0 || limit > Self::MAX.0 {
            return Err(InvalidPageLimit(i64::from(limit)));
        }
        Ok(Self(limit))
    }

    /// The number of items.
    #[must_use]
    pub fn get(self) -> usize {
        // a u32 of at most 10,000 fits in every usize
        self.0 as usize
    }
}

impl Default for PageLimit {
    /// 500 items.
    fn default() -> Self {
        Self(500)
    }
}

impl TryFrom<i64> for PageLimit {
    type Error = InvalidPageLimit;

    fn try_from(limit: i64) -> Result<Self, Self::Error> {
        u32::try_from(limit)
            .map_err(|_| InvalidPageLimit(limit))
            .and_then(Self::new)
    }
}

/// The limit is not from 1 to 10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid limit {0}: expected 1 to 10000")]
#[non_exhaustive]
pub struct InvalidPageLimit(pub i64);

/// The direction of a listing in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortOrder {
    /// Oldest first.
    #[default]
    Ascending,
    /// Newest first.
    Descending,
}

impl SortOrder {
    /// Both orders.
    pub const ALL: &'static [Self] = &[Self::Ascending, Self::Descending];

    /// `asc` or `desc`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ascending => "asc",
            Self::Descending => "desc",
        }
    }
}

impl fmt::Display for SortOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not an order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid order {shown}: expected asc or desc", shown = excerpt(.0))]
#[non_exhaustive]
pub struct UnknownSortOrder(pub String);

impl FromStr for SortOrder {
    type Err = UnknownSortOrder;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "asc" => Ok(Self::Ascending),
            "desc" => Ok(Self::Descending),
            _ => Err(UnknownSortOrder(text.to_owned())),
        }
    }
}

/// A page of a listing and the cursor of the next page.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Page<T, C> {
    /// The items, in the requested order.
    pub items: Vec<T>,
    /// The value of `after` for the next page; `None` if there were no further items at the time of the call.
    pub next: Option<C>,
}

impl<T, C> Page<T, C> {
    /// Creates a page that continues at `next`.
    #[must_use]
    pub fn new(items: Vec<T>, next: Option<C>) -> Self {
        Self { items, next }
    }

    /// Creates a page of `items`, which may hold one item more than `limit`. The additional item is removed;
    /// it shows that the listing continues after the last item of the page.
    #[must_use]
    pub fn from_limit_plus_one(
        mut items: Vec<T>,
        limit: PageLimit,
        cursor: impl Fn(&T) -> C,
    ) -> Self {
        let more = items.len() > limit.get();
        items.truncate(limit.get());
        let next = if more { items.last().map(cursor) } else { None };
        Self { items, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_is_1_to_10000() {
        assert!(PageLimit::new(0).is_err());
        assert!(PageLimit::new(1).is_ok());
        assert!(PageLimit::new(10_000).is_ok());
        assert!(PageLimit::new(10_001).is_err());
        assert_eq!(PageLimit::try_from(-1), Err(InvalidPageLimit(-1)));
    }

    #[test]
    fn full_page_without_a_rest_has_no_next() {
        let limit = PageLimit::new(2).expect("in range");
        assert_eq!(
            Page::from_limit_plus_one(vec![1, 2], limit, |item| *item).next,
            None
        );
        let page = Page::from_limit_plus_one(vec![1, 2, 3], limit, |item| *item);
        assert_eq!((page.items, page.next), (vec![1, 2], Some(2)));
    }
}
