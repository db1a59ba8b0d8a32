//! cTrader over FIX 4.4: instruments, spot quotes and depth of one broker.
//!
//! Every broker has an address and numbers of symbols of its own. [`CtraderAccount`] holds the address and the
//! credentials, from the environment or a file. Symbols are subscribed by their names, such as `EURUSD`, or by their
//! numbers; the list of instruments gives the number of each name.
//!
//! A depth consists of entries with ids, of which several may have one price. The quantity of a level is their sum.

mod account;
#[cfg(test)]
mod depth_tests;
mod entries;
mod entry_id;
mod instruments;
mod protocol;
#[cfg(test)]
mod protocol_tests;
#[cfg_attr(
    not(feature = "replay"),
    allow(dead_code, reason = "only a replay has symbols that nothing names")
)]
mod recorded;
#[cfg(feature = "replay")]
mod replay;
#[cfg(all(test, feature = "replay"))]
mod replay_tests;
mod requests;
mod venue;

pub use account::{CtraderAccount, InvalidAccount};
pub use protocol::Ctrader;
#[cfg(feature = "replay")]
pub(crate) use replay::{CtraderReplay, Verified};
pub use venue::CtraderVenue;
