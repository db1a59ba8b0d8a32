//! Retention, compression and refresh policies: the declaration, the proof that they lose no candle, and the
//! changes that a database needs.
//!
//! All functions here are pure and access no database. `db::policies` reads the settings of a database and
//! changes them.

mod declared;
mod floor;
mod plan;
mod proof;
mod span;
mod windows;

pub use declared::{Policies, RefreshPolicy, TablePolicies};
pub use floor::RetentionFloor;
pub use plan::{Change, Item, Kind, Settings, Value, difference, wanted};
pub(crate) use proof::ALWAYS_FRESH;
pub use proof::{Clash, ClashingSetting, late_after, prove};
pub use span::{InvalidSpan, Span};
#[cfg(feature = "postgres")]
pub(crate) use windows::next_start;
pub use windows::{Floors, RefreshWindow, refresh_windows};

#[cfg(test)]
mod model;
