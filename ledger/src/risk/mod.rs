//! Rules that raise risk events.
//!
//! [`RiskMonitor`] receives what happens and returns the events to record. It has no database and no clock. A condition
//! that lasts raises one event; it may raise another one after it has ended.

mod monitor;

pub use monitor::{RiskLimits, RiskMonitor};
