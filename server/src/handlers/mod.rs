//! One function for each route: reads the parameters, asks a repository, writes the answer.

pub mod health;
pub mod ohlc;
mod page;
pub mod symbols;
pub mod ticks;
