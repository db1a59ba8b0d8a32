//! The forms of answers: representations, content codings and validators.

mod accept;
mod coding;
mod csv;
mod decoding;
mod history;
mod list_answer;
mod list_request;
mod representation;

pub(crate) use self::csv::{CsvColumns, push_row};
pub(crate) use coding::{Coding, encode};
pub(crate) use decoding::decode;
pub use history::HistoryValidators;
pub(crate) use history::Validator;
pub(crate) use list_answer::ListAnswer;
pub(crate) use list_request::ListRequest;
pub(crate) use representation::Representation;
