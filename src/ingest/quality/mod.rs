//! Checks ticks and trades against data-quality rules before they are stored. A violation flags the event, or
//! quarantines it with the rule, the observed value and the limit. None is dropped.
//!
//! [`QualityControl`] is pure and fast: it takes an event and the current time and returns an [`Assessment`].
//! [`Quarantine`] holds quarantined events until the
//! [`QuarantineRepository`](crate::repository::QuarantineRepository) has them, and [`release`] stores them as
//! if they had never been quarantined.

mod assessment;
mod checked;
mod control;
mod jump;
mod quarantine;
mod releasing;
mod rules;
#[cfg(feature = "config")]
mod setting_value;
mod symbol_rules;
mod window;

pub use assessment::{Assessment, RuleAction};
pub use checked::CheckedEvent;
pub use control::QualityControl;
pub use quarantine::{Quarantine, QuarantineClosed, QuarantineReport};
pub use releasing::{ReleaseReceipt, release};
pub use rules::QualityRules;
pub use symbol_rules::{FoundRules, SymbolRules};

#[cfg(test)]
mod control_tests;
#[cfg(test)]
mod future_tests;
#[cfg(test)]
mod quarantine_tests;
#[cfg(test)]
mod sides_tests;
