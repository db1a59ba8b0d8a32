//! Values and entries of messages, and what they do to a book.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use tickbook::domain::book::{
    BookError, BookNumberError, BookSide, EntryBook, EntryChange, LevelChange, LevelCounts,
    StaleReason,
};
use tickbook::domain::excerpt;

use super::entry_id::EntryId;
use crate::error::ProtocolError;
use crate::event::{BookChange, FeedEvent, Request, StaleBook, VenueQuote};
use crate::fix::{FieldError, FieldFault, Fields, Message, tag};
use crate::protocol::EventSink;
use crate::wire::Number;

/// The largest number of entries of a depth.
const MAX_ENTRIES: usize = 200_000;

/// A change of an entry of a depth.
pub(super) type Change = EntryChange<EntryId>;

/// Why a message is not applied to a book.
pub(super) enum Fault {
    Field(FieldError),
    Book(BookError),
    Number(StaleReason, String),
}

impl From<FieldError> for Fault {
    fn from(error: FieldError) -> Self {
        Self::Field(error)
    }
}

impl Fault {
    fn described(&self) -> (StaleReason, String) {
        match self {
            Self::Field(error) => (StaleReason::Malformed, error.to_string()),
            Self::Book(error) => (
                error.stale_reason().unwrap_or(StaleReason::Malformed),
                error.to_string(),
            ),
            Self::Number(reason, detail) => (*reason, detail.clone()),
        }
    }
}

/// The subscribed name of the symbol in a message or an entry.
pub(super) fn name_of<'n>(
    names: &'n BTreeMap<String, String>,
    fields: &Fields<'_>,
) -> Result<&'n str, ProtocolError> {
    let number = fields
        .text(tag::SYMBOL)
        .map_err(|error| unreadable(&error))?;
    let missing = FieldError::new(tag::SYMBOL, FieldFault::Missing);
    let number = number.ok_or_else(|| unreadable(&missing))?;
    let name = names.get(number).map(String::as_str);
    name.ok_or_else(|| ProtocolError::UnknownSymbol(excerpt(number)))
}

pub(super) fn unreadable(error: &FieldError) -> ProtocolError {
    ProtocolError::Unreadable(error.to_string())
}

pub(super) fn invalid(symbol: &str, field: &'static str, error: &FieldError) -> ProtocolError {
    ProtocolError::InvalidField {
        symbol: symbol.to_owned(),
        field,
        detail: error.to_string(),
    }
}

pub(super) fn refusal(message: &Message<'_>) -> String {
    let shown = |tag| {
        let value = message.get(tag).unwrap_or_default();
        value.escape_ascii().to_string()
    };
    let (request, text) = (shown(tag::MD_REQ_ID), shown(tag::TEXT));
    match request.is_empty() {
        true => format!("{} {text}", shown(tag::REF_MSG_TYPE))
            .trim()
            .to_owned(),
        false => format!("{request}: {text}"),
    }
}

/// The time of a message, or of its first sending if it is repeated.
pub(super) fn time_of(message: &Message<'_>) -> Result<Option<DateTime<Utc>>, FieldError> {
    let first = match message.flag(tag::POSS_DUP_FLAG)? {
        true => message.time(tag::ORIG_SENDING_TIME)?,
        false => None,
    };
    Ok(first.or(message.time(tag::SENDING_TIME)?))
}

pub(super) fn quote<'n>(
    name: &'n str,
    message: &Message<'_>,
    entries: impl Iterator<Item = Fields<'n>>,
    received_at: DateTime<Utc>,
) -> Result<VenueQuote<'n>, ProtocolError> {
    let time = time_of(message).map_err(|error| invalid(name, "time", &error))?;
    let mut quote = VenueQuote {
        symbol: name,
        time: time.unwrap_or(received_at),
        received_at,
        sequence: None,
        bid: None,
        ask: None,
    };
    for entry in entries {
        let side = side(&entry).map_err(|error| invalid(name, "side", &error))?;
        let decimal = |tag, field| {
            let text = entry
                .text(tag)
                .map_err(|error| invalid(name, field, &error))?;
            let number = text.map(|text| Number::of(text).decimal(name, field));
            number.transpose()
        };
        let missing = FieldError::new(tag::MD_ENTRY_PX, FieldFault::Missing);
        let price = decimal(tag::MD_ENTRY_PX, "price")?;
        let price = price.ok_or_else(|| invalid(name, "price", &missing))?;
        let best = Some((price, decimal(tag::MD_ENTRY_SIZE, "quantity")?));
        match side {
            BookSide::Bid => quote.bid = best,
            BookSide::Ask => quote.ask = best,
        }
    }
    Ok(quote)
}

pub(super) fn side(entry: &Fields<'_>) -> Result<BookSide, FieldError> {
    match entry.required(tag::MD_ENTRY_TYPE)? {
        b"0" => Ok(BookSide::Bid),
        b"1" => Ok(BookSide::Ask),
        _ => Err(FieldError::new(tag::MD_ENTRY_TYPE, FieldFault::Value)),
    }
}

pub(super) fn entry_id(entry: &Fields<'_>) -> Result<EntryId, FieldError> {
    let id = entry.required(tag::MD_ENTRY_ID)?;
    EntryId::new(id).ok_or(FieldError::new(tag::MD_ENTRY_ID, FieldFault::Format))
}

pub(super) fn new_entry(entry: &Fields<'_>) -> Result<Change, Fault> {
    let number = |tag| {
        let missing = FieldError::new(tag, FieldFault::Missing);
        let text = entry.text(tag)?.ok_or(missing)?;
        Number::of(text).0.map_err(|error| {
            let reason = match error {
                BookNumberError::TooManyDigits => StaleReason::Overflow,
                _ => StaleReason::Malformed,
            };
            Fault::Number(reason, format!("number of a level {error}"))
        })
    };
    Ok(EntryChange::New {
        id: entry_id(entry)?,
        side: side(entry)?,
        level: LevelChange::new(number(tag::MD_ENTRY_PX)?, number(tag::MD_ENTRY_SIZE)?),
    })
}

/// A new entry, one that is replaced, or one that is deleted.
pub(super) fn changed_entry(entry: &Fields<'_>) -> Result<Change, Fault> {
    match entry.required(tag::MD_UPDATE_ACTION)? {
        b"0" | b"1" => new_entry(entry),
        b"2" => Ok(EntryChange::Delete {
            id: entry_id(entry)?,
        }),
        _ => Err(FieldError::new(tag::MD_UPDATE_ACTION, FieldFault::Value).into()),
    }
}

/// Reports a book after a message.
pub(super) fn report(
    symbol: &str,
    book: &mut EntryBook<EntryId>,
    applied: Result<LevelCounts, Fault>,
    (message, received_at, is_snapshot): (&Message<'_>, DateTime<Utc>, bool),
    sink: &mut EventSink<'_>,
) {
    let applied = applied.and_then(|counts| match book.entries() > MAX_ENTRIES {
        true => {
            let detail = format!("more than {MAX_ENTRIES} entries");
            Err(Fault::Number(StaleReason::Malformed, detail))
        }
        false => Ok((counts, time_of(message)?)),
    });
    let (counts, time) = match applied {
        Ok(applied) => applied,
        Err(fault) => {
            let (reason, detail) = fault.described();
            book.refuse(reason);
            let detail = &detail;
            sink(FeedEvent::BookStale(StaleBook {
                symbol,
                reason,
                detail,
            }));
            sink(FeedEvent::Request(Request::Resubscribe { symbol }));
            return;
        }
    };
    let (bids, asks) = book.changes();
    let change = BookChange {
        symbol,
        time,
        received_at,
        sequence: None,
        checksum: None,
        bids,
        asks,
        counts,
        book: book.book(),
    };
    sink(match is_snapshot {
        true => FeedEvent::BookSnapshot(change),
        false => FeedEvent::BookUpdate(change),
    });
}
