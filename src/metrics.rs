//! The metric families that the library records, with their units, labels and descriptions.
//!
//! The library records through the facade of the crate `metrics`. A program that exports metrics installs a
//! recorder, gives each histogram the [buckets](Family::buckets) of its family, and then calls [`describe`].
//! Without a recorder the metrics have no effect.

#[cfg(feature = "postgres")]
pub(crate) mod database;
mod family;
#[cfg(feature = "ingest")]
pub(crate) mod ingest;

use metrics::gauge;

pub use metrics::Unit;

pub use self::family::{Family, FamilyKind};
#[cfg(feature = "ingest")]
pub use self::ingest::FEED_SESSION_EVENTS;

const BUILD_INFO: &str = "tickbook_build_info";

const BUILD: Family = Family::gauge(
    BUILD_INFO,
    Unit::Count,
    "Always 1. The label has the version of the library.",
)
.labels(&["version"]);

/// Every family of the library with the enabled features, grouped by subject.
///
/// Records of other types than ticks and quarantined ticks have families of their own, which their persister
/// and their fan-out describe.
///
/// # Examples
///
/// ```
/// let families = tickbook::metrics::families();
/// let fsync = families.iter().find(|family| family.name == "spool_fsync_seconds");
/// assert_eq!(fsync.map(|family| family.unit), Some(tickbook::metrics::Unit::Seconds));
/// ```
#[must_use]
pub fn families() -> Vec<Family> {
    let mut families = vec![BUILD];
    #[cfg(feature = "postgres")]
    families.extend_from_slice(database::FAMILIES);
    #[cfg(feature = "ingest")]
    families.extend(ingest::families());
    families
}

/// Describes every family to the installed recorder, and sets `tickbook_build_info`.
///
/// Call it once, after the recorder was installed.
pub fn describe() {
    families().iter().for_each(Family::describe);
    gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1);
}

#[cfg(test)]
mod tests;
