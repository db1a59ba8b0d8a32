//! The protocols of venues against recorded sessions, damaged sessions and invalid messages.

mod bad_books;
mod bad_frames;
mod binance;
mod coinbase;
mod damaged;
mod instruments;
mod kraken;
mod okx;
mod oracle;
mod programs;
mod reframed;
mod replay;
mod sessions;
mod values;
