//! Settings of the audit log and of the rules of risk.

use std::path::PathBuf;

use chrono::TimeDelta;
use rust_decimal::Decimal;
use tickbook::config::Sections;
use tickbook_ledger::KeySource;
use tickbook_ledger::risk::RiskLimits;

/// Settings of the audit log and of the rules of risk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OversightConfig {
    /// Where the keys of the audit log are; `None`: changes are not recorded.
    pub audit_keys: Option<KeySource>,
    /// File to which heads of the audit log are appended.
    pub audit_anchor_file: Option<PathBuf>,
    /// Limits of the rules.
    pub limits: RiskLimits,
}

pub(super) fn read(sections: &mut Sections<'_>) -> OversightConfig {
    let keys = sections.text("audit.keys");
    let keys = match keys.is_empty() {
        true => None,
        false => keys
            .parse()
            .map_err(|error| sections.problem(format!("audit.keys: {error}")))
            .ok(),
    };
    let anchors = sections.text("audit.anchor_file");
    let stale: i64 = sections.number("risk.stale_feed_after_ms", 0, 86_400_000);
    let limits = RiskLimits::default()
        .max_position(limit(sections, "risk.max_position", Decimal::MAX))
        .max_conflict_rate(limit(sections, "risk.max_conflict_rate", Decimal::ONE))
        .stale_feed_after((stale > 0).then(|| TimeDelta::milliseconds(stale)));
    OversightConfig {
        audit_keys: keys,
        audit_anchor_file: (!anchors.is_empty()).then(|| anchors.into()),
        limits,
    }
}

/// A number from 0 to `max`; `None` if the setting is empty.
fn limit(sections: &mut Sections<'_>, key: &str, max: Decimal) -> Option<Decimal> {
    let text = sections.text(key);
    if text.is_empty() {
        return None;
    }
    let number = text.parse().ok();
    let number = number.filter(|it| (Decimal::ZERO..=max).contains(it));
    if number.is_none() {
        let problem = format!("{key}: invalid number \"{text}\": expected a number from 0");
        sections.problem(match max == Decimal::MAX {
            true => problem,
            false => format!("{problem} to {max}"),
        });
    }
    number
}
