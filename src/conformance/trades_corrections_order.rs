//! Conformance: corrections of trades that arrive in any order.
//!
//! Covers `TradeRepository::correct`.

use super::samples::{Random, micros};
use super::trades_corrections::{correct, corrected, correction};
use super::trades_samples::{insert_trades, stored_trades, trade};
use crate::Repositories;
use crate::domain::{SymbolId, Trade, TradeCorrection};

/// One step of the venue: a trade, or the correction of one.
#[derive(Debug, Clone)]
enum Step {
    Trade(Trade),
    Correction(TradeCorrection),
}

pub async fn corrections_in_any_order_give_the_same_trades(repositories: &Repositories) {
    let repository = repositories.trades.as_ref();
    let mut random = Random::seeded();
    let symbol = |number: u64| SymbolId::new(1_000 + number as i64);
    let mut expected = Vec::new();
    for round in 0..4 {
        let mut random_order = Vec::new();
        let mut left = Vec::new();
        for number in 0..30 {
            let time = micros(number % 5);
            let mut trade = trade(time, number, "1", "2").with_symbol_id(symbol(round));
            random_order.push(Step::Trade(trade.clone()));
            let mut is_cancelled = false;
            for change in 0..random.below(3) {
                let price = format!("{}", 10 * number + change as i64 + 1);
                let mut one = correction(time, number, 60 + change as i64, &price);
                (one.symbol_id, is_cancelled) = (symbol(round), random.below(3) == 0);
                if is_cancelled {
                    one.content = None;
                } else {
                    trade = corrected(&trade, &price);
                }
                random_order.push(Step::Correction(one));
            }
            if !is_cancelled {
                left.push(trade);
            }
        }
        // some steps are sent again
        for _ in 0..20 {
            let again = random.below(random_order.len() as u64) as usize;
            random_order.push(random_order[again].clone());
        }
        for at in (1..random_order.len()).rev() {
            random_order.swap(at, random.below(at as u64 + 1) as usize);
        }
        left.sort_by_key(Trade::key);
        expected.push((symbol(round), left));
        for steps in random_order.chunks(7) {
            let (mut trades, mut corrections) = (Vec::new(), Vec::new());
            for step in steps {
                match step {
                    Step::Trade(trade) => trades.push(trade.clone()),
                    Step::Correction(correction) => corrections.push(correction.clone()),
                }
            }
            let inserting = async { insert_trades(repository, &trades).await };
            let correcting = async { correct(repository, &corrections).await };
            tokio::join!(inserting, correcting);
        }
    }
    for (symbol, left) in expected {
        let stored = stored_trades(repository, symbol).await;
        let stored: Vec<_> = stored
            .into_iter()
            .map(|it| (it.key(), it.price, it.quantity))
            .collect();
        let left = left.iter().map(|it| (it.key(), it.price, it.quantity));
        assert_eq!(stored, left.collect::<Vec<_>>(), "{symbol}");
    }
}
