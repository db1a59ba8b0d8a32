//! The built-in feeds of the server: replay of files, and simulated quotes.

pub mod quality;
pub mod replay;
pub mod simulated;
mod symbols;

pub use symbols::find_or_create;
