//! Looks at ticks before they are written: what is odd is flagged, or put into quarantine with the
//! rule, what was observed and the limit. Nothing is ever dropped.
//!
//! [`QualityControl`] is pure and quick: a tick and the time go in, an [`Assessment`] comes out.
//! [`Quarantine`] keeps what is held back until the
//! [`QuarantineRepository`](crate::repository::QuarantineRepository) has it, and [`release`] stores
//! it as if it had never been held back.

mod assessment;
mod control;
mod jump;
mod quarantine;
mod releasing;
mod rules;
mod symbol_rules;
mod window;

pub use assessment::{Assessment, RuleAction};
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
