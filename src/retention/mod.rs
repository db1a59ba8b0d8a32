//! Retention, compression and refresh policies: their declaration, the validation that they lose no
//! candle, and the changes that a database needs.
//!
//! All functions here are pure and access no database. `postgres` reads the settings of a database and
//! changes them.

mod conflict;
mod declared;
mod floor;
mod lateness;
mod plan;
mod policy_duration;
mod validate;
mod windows;

pub use conflict::{ConflictingSetting, PolicyConflict};
pub use declared::{RefreshPolicy, RetentionPolicies, TablePolicies};
pub use floor::RetentionFloor;
pub use lateness::late_after;
#[cfg(feature = "postgres")]
pub(crate) use plan::is_table;
pub use plan::{PolicyChange, PolicyKey, PolicyKind, PolicySet, PolicyValue, difference, wanted};
pub use policy_duration::{InvalidPolicyDuration, PolicyDuration};
#[cfg(any(test, feature = "postgres"))]
pub(crate) use validate::ALWAYS_FRESH;
pub use validate::validate;
#[cfg(feature = "postgres")]
pub(crate) use windows::next_start;
pub use windows::{RefreshWindow, RetentionFloors, refresh_windows};

#[cfg(test)]
mod model;
