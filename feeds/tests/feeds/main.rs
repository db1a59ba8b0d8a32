//! The protocols of venues against recorded sessions, damaged sessions and invalid messages.

mod bad_books;
mod bad_frames;
mod binance;
mod coinbase;
#[cfg(feature = "transport")]
mod ctrader;
mod damaged;
mod instruments;
mod kraken;
mod okx;
mod oracle;
mod programs;
mod recorded;
mod reframed;
mod replay;
#[cfg(feature = "transport")]
mod served;
mod sessions;
mod values;
