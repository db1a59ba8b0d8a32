//! Quality checks of ticks before they are written, without a database.

use std::hint::black_box;
use std::time::Instant;

use chrono::{DateTime, TimeDelta};
use rust_decimal::Decimal;
use tickbook::domain::{SymbolId, Tick};
use tickbook::ingest::quality::{QualityControl, QualityRules, RuleAction};

use crate::report::Report;
use crate::report::Target::AtMost;

use super::Bench;

const TICKS: i64 = 500_000;
const SYMBOLS: i64 = 100;

impl Bench {
    pub(crate) fn quality(&self, report: &mut Report) {
        let ticks = walk();
        let cases = [
            ("as the defaults are", QualityRules::default()),
            (
                "all on",
                QualityRules::default().all(RuleAction::Quarantine),
            ),
        ];
        for (name, rules) in cases {
            let micros = (0..self.rounds)
                .map(|_| check_micros(&ticks, &rules))
                .collect();
            let what = format!("quality rules {name}, microseconds a tick");
            report.add(what, AtMost(1.0), micros);
        }
    }
}

/// A random walk of each symbol, interleaved.
fn walk() -> Vec<Tick> {
    let mut random = 7_u64;
    let mut bids = vec![138_000_i64; SYMBOLS as usize];
    let start = DateTime::UNIX_EPOCH + TimeDelta::days(16_000);
    let tick = |index| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let symbol = (random >> 33) as i64 % SYMBOLS;
        let bid = &mut bids[symbol as usize];
        *bid += (random >> 40) as i64 % 7 - 3;
        let price = |units| Decimal::new(units, 5);
        let time = start + TimeDelta::milliseconds(index);
        Tick::quote(
            SymbolId::new(symbol + 1),
            time,
            price(*bid),
            price(*bid + 4),
        )
    };
    (0..TICKS).map(tick).collect()
}

fn check_micros(ticks: &[Tick], rules: &QualityRules) -> f64 {
    let mut control = QualityControl::new(rules.clone());
    let begun = Instant::now();
    for tick in ticks {
        black_box(control.check(black_box(tick), tick.tick_time));
    }
    begun.elapsed().as_secs_f64() * 1e6 / ticks.len() as f64
}
