//! Helpers for the tests of all packages.
//!
//! On stable Rust, libtest cannot skip a test at run time. A test that cannot run here calls [`skip`] and
//! returns; the program `suite`, through which `make test` runs cargo, counts it as skipped.
#![forbid(unsafe_code)]

mod clock;
mod fuzzing;
mod port;
mod program;
mod skip;
mod watch;

pub use clock::{instants, now};
pub use fuzzing::Fuzz;
pub use port::free_port;
pub use program::{PROGRAMS, optional_program, program};
pub use skip::{SKIPS, Skip, skip};
pub use watch::{Watch, assert_in_time, asserts_time};
