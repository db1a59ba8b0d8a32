//! The performance of accounts: metrics and round trips against the results of other programs, pinned figures,
//! properties, and days of time zones.

mod attribution;
mod days;
mod metrics;
mod orders;
mod pinned;
mod properties;
mod round_trips;
mod stores;
