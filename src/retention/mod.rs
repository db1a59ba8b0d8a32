//! How long ticks and candles are kept, when they are compressed, which candles are refreshed: the
//! declaration, the proof that it loses no candle, and the difference to what a database has.
//!
//! Pure: nothing here knows a database. `db::policies` reads what a database has and changes it.

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
