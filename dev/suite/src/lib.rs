//! What the tests of all packages share.
//!
//! Stable libtest cannot skip a test that runs. A test that cannot test anything here calls [`skip`]
//! and returns; the program `suite`, through which `make test` runs cargo, counts it as skipped.
#![forbid(unsafe_code)]

mod clock;
mod program;
mod skip;
mod watch;

pub use clock::{instants, now};
pub use program::{PROGRAMS, program};
pub use skip::{SKIPS, Skip, skip};
pub use watch::{Watch, assert_in_time, asserts_time};
