//! The tables of both databases, as diesel's command line tool prints them.
//!
//! Two modules, so that a query across both databases does not compile.

pub(crate) mod metadata;
pub(crate) mod timeseries;
