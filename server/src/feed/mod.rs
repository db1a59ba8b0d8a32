//! The feeds that the server has itself: files played again, and made-up quotes.

pub mod quality;
pub mod replay;
pub mod simulated;
mod symbols;

pub use symbols::find_or_create;
