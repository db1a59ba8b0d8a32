//! The way through the pages of a history, without socket and clock.

use chrono::{DateTime, Utc};
use tickbook::domain::{FeedGap, GapEdge, Trade};

use crate::history::{HistoryOrder, HistoryPage, TradeHistory};

/// Whether further pages are needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    More,
    /// Every trade of the gap was in a page.
    Done,
    /// The history does not have all trades of the gap. A history that is not finished yet may have them later.
    Short {
        reason: String,
        is_final: bool,
    },
}

/// The trades between the last one before a gap and the first one after it.
#[derive(Debug)]
pub(super) struct Walk {
    order: HistoryOrder,
    is_consecutive: bool,
    /// The number of the last trade before the gap, if it is known.
    after: Option<i64>,
    /// Its time, or the start of the gap.
    since: DateTime<Utc>,
    /// The number of the first trade after the gap.
    end: i64,
    /// The next page begins at this time, in a forward walk.
    start: DateTime<Utc>,
    /// The next page ends before this number, in a backward walk.
    before: i64,
    /// The largest number of the pages of a forward walk.
    highest: Option<i64>,
    /// The number of trades of the gap in the pages.
    found: i64,
}

impl Walk {
    /// The walk for a gap before the trade `next`, which has the number `end`.
    pub(super) fn new(history: &TradeHistory, gap: &FeedGap, end: i64) -> Self {
        let since = gap.last.map_or(gap.from, |last| last.time);
        Self {
            order: history.order(),
            is_consecutive: history.is_consecutive(),
            after: gap.last.and_then(|GapEdge { sequence, .. }| sequence),
            since,
            end,
            start: since,
            before: end,
            highest: None,
            found: 0,
        }
    }

    /// Whether no trade can be in the gap.
    pub(super) fn is_empty(&self) -> bool {
        self.after.is_some_and(|after| self.end <= after + 1)
    }

    /// The next page.
    pub(super) fn page<'a>(&self, symbol: &'a str) -> HistoryPage<'a> {
        HistoryPage {
            symbol,
            start: self.start,
            before: self.before,
        }
    }

    fn is_before_the_gap(&self, trade: &Trade) -> bool {
        match self.after {
            Some(after) => trade.sequence <= after,
            None => trade.trade_time < self.since,
        }
    }

    /// Takes the trades of a page, whose sequences are the numbers of the venue. Returns those of the gap that no
    /// earlier page had.
    pub(super) fn take(&mut self, mut page: Vec<Trade>) -> (Vec<Trade>, Step) {
        page.sort_unstable_by_key(|trade| trade.sequence);
        page.dedup_by_key(|trade| trade.sequence);
        let step = match self.order {
            HistoryOrder::Forward => self.forward(&page),
            HistoryOrder::Backward => self.backward(&page),
        };
        let (known, before) = (self.highest, self.before);
        match self.order {
            HistoryOrder::Forward => {
                if let Some(last) = page.last() {
                    self.highest = known.max(Some(last.sequence));
                    self.start = self.start.max(last.trade_time);
                }
            }
            HistoryOrder::Backward => {
                if let Some(first) = page.first() {
                    self.before = before.min(first.sequence);
                }
            }
        }
        page.retain(|trade| {
            let is_new = match self.order {
                HistoryOrder::Forward => known.is_none_or(|known| trade.sequence > known),
                HistoryOrder::Backward => trade.sequence < before,
            };
            is_new && trade.sequence < self.end && !self.is_before_the_gap(trade)
        });
        self.found += page.len() as i64;
        let step = match step {
            Step::Done => self.checked(),
            step => step,
        };
        (page, step)
    }

    /// The last step of a walk that has reached both ends.
    fn checked(&self) -> Step {
        let Some(after) = self.after.filter(|_| self.is_consecutive) else {
            return Step::Done;
        };
        let expected = self.end - after - 1;
        if self.found == expected {
            return Step::Done;
        }
        let missing = expected - self.found;
        Step::Short {
            reason: format!("the history of the venue lacks {missing} of {expected} trades"),
            is_final: false,
        }
    }

    fn forward(&self, page: &[Trade]) -> Step {
        let Some((first, last)) = page.first().zip(page.last()) else {
            return self.not_finished();
        };
        let is_first_page = self.highest.is_none();
        let begins_late = self.after.is_some_and(|after| first.sequence > after + 1);
        if is_first_page && begins_late {
            return begins_after(first);
        }
        if last.sequence >= self.end {
            return Step::Done;
        }
        match self.highest.is_some_and(|highest| last.sequence <= highest) {
            true => self.not_finished(),
            false => Step::More,
        }
    }

    /// The history does not have the trade after the gap yet.
    fn not_finished(&self) -> Step {
        Step::Short {
            reason: format!("the history of the venue ends before trade {}", self.end),
            is_final: false,
        }
    }

    fn backward(&self, page: &[Trade]) -> Step {
        let reaches = |trade: &Trade| match self.after {
            Some(after) => trade.sequence <= after + 1,
            None => trade.trade_time < self.since,
        };
        let first = page.iter().find(|trade| trade.sequence < self.before);
        match first {
            Some(first) if reaches(first) => Step::Done,
            Some(first) if first.sequence == 0 => Step::Done,
            Some(_) => Step::More,
            None => Step::Short {
                reason: format!(
                    "the history of the venue begins with trade {}, after the start of the gap",
                    self.before
                ),
                is_final: true,
            },
        }
    }
}

fn begins_after(first: &Trade) -> Step {
    let (number, time) = (first.sequence, first.trade_time);
    Step::Short {
        reason: format!(
            "the history of the venue begins with trade {number} of {time}, after the start of the gap"
        ),
        is_final: true,
    }
}
