//! cTrader against acceptors of FIX that were written elsewhere.

pub(crate) mod acceptor;
pub(crate) mod client;
mod killed;
mod market;
mod proxy;
mod quickfix;
#[cfg(feature = "replay")]
mod recorded;
mod sessions;
#[cfg(feature = "ingest")]
mod stored;
