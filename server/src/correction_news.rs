//! Announces recorded corrections of trades to WebSocket clients.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use tickbook::RepositoryError;
use tickbook::domain::{SymbolId, Trade, TradeCorrection, truncate_to_micros};
use tickbook::repository::CorrectionReceipt;
use tokio::sync::broadcast;

/// Number of announcements that a client may lag behind.
pub(crate) const CAPACITY: usize = 4_096;

/// Number of instants whose trades may arrive after their corrections.
const PENDING: usize = 10_000;

/// A correction that was recorded.
#[derive(Debug)]
pub(crate) struct Announced {
    pub(crate) correction: TradeCorrection,
    /// The trade may arrive later, and is corrected then.
    pub(crate) is_pending: bool,
    /// `false` if the database did not answer, so that the correction may not be recorded.
    pub(crate) is_certain: bool,
}

/// Announces corrections. Clones share the receivers.
#[derive(Debug, Clone)]
pub struct CorrectionNews {
    sender: broadcast::Sender<Arc<Announced>>,
    pending: Arc<RwLock<Instants>>,
}

/// Symbols and times of trades, the oldest announcement first.
#[derive(Debug, Default)]
struct Instants {
    order: VecDeque<(SymbolId, DateTime<Utc>)>,
    known: HashSet<(SymbolId, DateTime<Utc>)>,
}

impl Default for CorrectionNews {
    fn default() -> Self {
        Self {
            sender: broadcast::channel(CAPACITY).0,
            pending: Arc::default(),
        }
    }
}

impl CorrectionNews {
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<Announced>> {
        self.sender.subscribe()
    }

    /// Announces the corrections of one call of the repository by its result.
    pub(crate) fn announce(
        &self,
        corrections: Vec<TradeCorrection>,
        recorded: &Result<CorrectionReceipt, RepositoryError>,
    ) {
        let (is_pending, is_certain) = match recorded {
            // what was recorded before was announced before
            Ok(receipt) if receipt.duplicates == corrections.len() as u64 => return,
            Ok(receipt) => (receipt.pending > 0, true),
            // if they are sent again they count as duplicates, which are not announced
            Err(error) if !error.is_certainly_not_applied() => (true, false),
            Err(_) => return,
        };
        for correction in corrections {
            if is_pending {
                let mut pending = self.pending.write().unwrap_or_else(PoisonError::into_inner);
                pending.add((correction.symbol_id, correction.trade_time));
            }
            // it fails only without clients
            let _ = self.sender.send(Arc::new(Announced {
                correction,
                is_pending,
                is_certain,
            }));
        }
    }

    /// Whether a correction of a trade of that instant may have been recorded before the trade arrived.
    pub(crate) fn precedes(&self, trade: &Trade) -> bool {
        let pending = self.pending.read().unwrap_or_else(PoisonError::into_inner);
        let instant = (trade.symbol_id, truncate_to_micros(trade.trade_time));
        pending.known.contains(&instant)
    }
}

impl Instants {
    fn add(&mut self, instant: (SymbolId, DateTime<Utc>)) {
        if !self.known.insert(instant) {
            return;
        }
        self.order.push_back(instant);
        if self.order.len() > PENDING
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use tickbook::domain::TradeReference;

    use super::*;

    fn correction(second: i64) -> TradeCorrection {
        let at = DateTime::UNIX_EPOCH + TimeDelta::seconds(second);
        TradeCorrection::new(
            SymbolId::new(1),
            at,
            TradeReference::Sequence(1),
            at,
            "venue",
        )
    }

    fn trade(second: i64) -> Trade {
        let at = DateTime::UNIX_EPOCH + TimeDelta::seconds(second);
        Trade::new(SymbolId::new(1), at, 1.into(), 1.into())
    }

    fn receipt(pending: u64, duplicates: u64) -> CorrectionReceipt {
        let mut receipt = CorrectionReceipt::default();
        (receipt.pending, receipt.duplicates) = (pending, duplicates);
        receipt
    }

    #[test]
    fn repeated_corrections_are_not_announced() {
        let news = CorrectionNews::default();
        let mut receiver = news.subscribe();
        news.announce(vec![correction(1)], &Ok(receipt(0, 1)));
        assert!(receiver.try_recv().is_err());
        news.announce(vec![correction(1), correction(2)], &Ok(receipt(0, 1)));
        let first = receiver.try_recv().expect("one of them is new");
        assert!(first.is_certain && !first.is_pending);
        assert_eq!(first.correction, correction(1));
    }

    #[test]
    fn unanswered_corrections_are_uncertain() {
        let news = CorrectionNews::default();
        let mut receiver = news.subscribe();
        let lost = RepositoryError::Ambiguous {
            database: tickbook::Database::Timeseries,
            operation: "correct_trades",
            source: "the connection ended".into(),
        };
        news.announce(vec![correction(1)], &Err(lost));
        let announced = receiver.try_recv().expect("it may be recorded");
        assert!(!announced.is_certain && announced.is_pending);
        let refused = RepositoryError::invalid("no");
        news.announce(vec![correction(2)], &Err(refused));
        assert!(receiver.try_recv().is_err(), "nothing was recorded");
    }

    #[test]
    fn waiting_instants_are_bounded() {
        let news = CorrectionNews::default();
        let count = i64::try_from(PENDING).expect("small");
        let many = (0..=count).map(correction).collect();
        news.announce(many, &Ok(receipt(1, 0)));
        assert!(!news.precedes(&trade(0)), "the oldest is forgotten");
        assert!(news.precedes(&trade(1)) && news.precedes(&trade(count)));
        assert!(!news.precedes(&trade(count + 1)));
    }
}
