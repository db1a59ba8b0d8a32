//! The handlers, one for each route: parse the parameters, call a repository, write the response.

pub mod health;
pub mod ohlc;
mod page;
pub mod symbols;
pub mod ticks;
