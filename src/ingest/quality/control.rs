//! Checks ticks and trades against the rules.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::assessment::{Assessment, RuleAction};
use super::checked::CheckedEvent;
use super::jump::Prices;
use super::rules::{QualityRules, beyond};
use super::symbol_rules::SymbolRules;
use crate::domain::{Rule, Verdict};
use crate::domain::{SymbolId, Tick};

/// The number of messages that are compared to find a repetition.
const REMEMBERED: usize = 16;

/// Checks ticks, or trades, of any symbols one by one, in the order of their arrival.
///
/// A quarantined event does not affect the checks of later events, except that it may be the first one of
/// a new price (`reprice_after`). Allocates only once for each symbol.
///
/// # Examples
///
/// ```
/// use chrono::{DateTime, Utc};
/// use tickbook::domain::{Rule, SymbolId, Tick};
/// use tickbook::ingest::quality::{QualityControl, QualityRules, RuleAction};
///
/// let rules = QualityRules::default().crossed(RuleAction::Quarantine);
/// let mut control = QualityControl::new(rules);
/// let now: DateTime<Utc> = "2024-05-01T12:00:00Z".parse()?;
/// let crossed = Tick::quote(SymbolId::new(7), now, 2.into(), 1.into());
/// let verdict = control.check(&crossed, now).quarantine();
/// assert_eq!(verdict.map(|verdict| verdict.rule), Some(Rule::Crossed));
/// # Ok::<_, chrono::ParseError>(())
/// ```
#[derive(Debug)]
pub struct QualityControl<E: CheckedEvent = Tick> {
    event: PhantomData<fn(&E)>,
    rules: SymbolRules,
    symbols: HashMap<SymbolId, SymbolState>,
}

impl<E: CheckedEvent> QualityControl<E> {
    /// Creates a control with the same rules for every symbol.
    #[must_use]
    pub fn new(rules: QualityRules) -> Self {
        SymbolRules::new(rules).into()
    }

    /// Sets other rules for one symbol; call it before the symbol's first event.
    #[must_use]
    pub fn with_symbol(mut self, symbol_id: SymbolId, rules: QualityRules) -> Self {
        self.rules = self.rules.with_symbol(symbol_id, rules);
        self
    }

    /// Checks an event that arrived at `now`.
    pub fn check(&mut self, event: &E, now: DateTime<Utc>) -> Assessment {
        let symbol_id = event.symbol_id();
        let state = self
            .symbols
            .entry(symbol_id)
            .or_insert_with(|| SymbolState::new(Arc::clone(self.rules.of(symbol_id))));
        state.check(event, now)
    }
}

impl<E: CheckedEvent> From<SymbolRules> for QualityControl<E> {
    fn from(rules: SymbolRules) -> Self {
        Self {
            event: PhantomData,
            rules,
            symbols: HashMap::new(),
        }
    }
}

/// The state of one symbol.
#[derive(Debug)]
struct SymbolState {
    rules: Arc<QualityRules>,
    prices: Prices,
    messages: [u64; REMEMBERED],
    next_message: usize,
    last_key: Option<(DateTime<Utc>, i64)>,
    /// Repetitions in a row.
    repetitions: u32,
    unchanged: Option<UnchangedQuote>,
}

/// A run of unchanged quotes.
#[derive(Debug, Clone, Copy)]
struct UnchangedQuote {
    bid: Option<Decimal>,
    ask: Option<Decimal>,
    since: DateTime<Utc>,
    ticks: u32,
}

impl SymbolState {
    fn new(rules: Arc<QualityRules>) -> Self {
        Self {
            prices: Prices::new(&rules),
            rules,
            messages: [0; REMEMBERED],
            next_message: 0,
            last_key: None,
            repetitions: 0,
            unchanged: None,
        }
    }

    fn check(&mut self, event: &impl CheckedEvent, now: DateTime<Utc>) -> Assessment {
        let rules = Arc::clone(&self.rules);
        let mut found = Assessment::default();
        rules.check_alone(event, now, &mut found);
        found.check(rules.repeated, || {
            self.repeated(event, rules.repeated_limit)
        });
        found.check(rules.frozen_quote, || self.frozen_quote(event, &rules));
        let follows_prices = rules.deviation != RuleAction::Off || rules.z_score != RuleAction::Off;
        let price = event.compared_price();
        if let Some(price) = price.filter(|_| follows_prices) {
            // an event that another rule quarantines gives no information about prices
            if found.quarantine().is_none() {
                self.prices.assess(price, event.time(), &rules, &mut found);
            }
            if found.quarantine().is_none() {
                self.prices.accept(price, event.time(), &rules);
            }
        }
        found
    }

    fn repeated(&mut self, event: &impl CheckedEvent, limit: u32) -> Option<Verdict> {
        let message = fingerprint(event);
        let key = Some((event.time(), event.sequence()));
        let is_repetition = self.messages.contains(&message) || self.last_key == key;
        self.last_key = key;
        if !is_repetition {
            self.repetitions = 0;
            self.messages[self.next_message] = message;
            self.next_message = (self.next_message + 1) % REMEMBERED;
            return None;
        }
        self.repetitions = self.repetitions.saturating_add(1);
        (self.repetitions > limit).then(|| Verdict {
            rule: Rule::Repeated,
            observed: self.repetitions.into(),
            limit: limit.into(),
        })
    }

    fn frozen_quote(&mut self, event: &impl CheckedEvent, rules: &QualityRules) -> Option<Verdict> {
        let [bid, ask] = event.quote()?;
        let unchanged = match &mut self.unchanged {
            Some(unchanged) if unchanged.bid == bid && unchanged.ask == ask => {
                unchanged.ticks = unchanged.ticks.saturating_add(1);
                *unchanged
            }
            unchanged => *unchanged.insert(UnchangedQuote {
                bid,
                ask,
                since: event.time(),
                ticks: 1,
            }),
        };
        if rules.frozen_quote_ticks > 0 && unchanged.ticks > rules.frozen_quote_ticks {
            return Some(Verdict {
                rule: Rule::FrozenQuote,
                observed: unchanged.ticks.into(),
                limit: rules.frozen_quote_ticks.into(),
            });
        }
        if rules.frozen_quote_time.is_zero() {
            return None;
        }
        let lasted = event.time() - unchanged.since;
        beyond(Rule::FrozenQuote, lasted, rules.frozen_quote_time)
    }
}

/// Hashes the time and the numbers of a message; never 0, which stands for no message.
fn fingerprint(event: &impl CheckedEvent) -> u64 {
    let mut hash = 0_u64;
    let mut mix = |word: u64| {
        hash = (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    };
    mix(event.time().timestamp_micros().cast_unsigned());
    event.mix(mix);
    hash | 1
}
