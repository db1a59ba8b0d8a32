//! Reads of ticks and trades: pages of a range, the newest row of each of many symbols, parts to delete.
//!
//! They are the same for every table whose rows have a symbol, a time and a sequence, which are the first three
//! of its [`COLUMNS`](super::writing::TableRow::COLUMNS).

mod newest;
mod part;
mod range;

pub(super) use newest::{distinct_ids, newest_of};
pub(super) use part::first_part;
pub(super) use range::{
    Listing, count, first_time, first_time_with, newest_in, page, page_with, up_to,
};
