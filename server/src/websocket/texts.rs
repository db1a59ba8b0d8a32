//! The texts of published records, written once for all clients that follow a symbol.

use std::sync::{Arc, Mutex, PoisonError};

use tickbook::ingest::Record;
use tickbook::ingest::fanout::Published;

use super::messages::Message;
use super::record_channel::StreamedRecord;

/// The number of records whose texts are retained. A client that is further behind than the last ones writes them again.
const SLOTS: usize = 256;

/// The text of a message: a JSON object without the number of the message.
pub(super) type MessageText = Arc<[u8]>;

/// The texts of the last records. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct RecordTexts<R: Record>(Arc<[TextSlot<R>]>);

/// A record and its text. The number of the record is that of the slot, modulo the number of slots.
type TextSlot<R> = Mutex<Option<(Published<R>, MessageText)>>;

impl<R: Record> Default for RecordTexts<R> {
    fn default() -> Self {
        Self((0..SLOTS).map(|_| Mutex::default()).collect())
    }
}

impl<R: StreamedRecord> RecordTexts<R> {
    /// The text of a record, which is written if no other client has needed it yet.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub(super) fn of(&self, published: &Published<R>) -> serde_json::Result<MessageText> {
        let index = usize::try_from(published.number % SLOTS as u64).unwrap_or(0);
        let mut slot = self.0[index].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, text)) = &*slot
            && of == published
        {
            return Ok(Arc::clone(text));
        }
        // others that need the text wait for it, which takes less time than to write it, too
        let record = published.record.clone();
        let text = text(&record.message(Some(published.number), false))?;
        // an older record makes no room for itself: others are further ahead
        if slot
            .as_ref()
            .is_none_or(|(of, _)| of.number <= published.number)
        {
            *slot = Some((published.clone(), Arc::clone(&text)));
        }
        Ok(text)
    }
}

/// The text of a message.
///
/// # Errors
/// It cannot be written as JSON.
pub(super) fn text(message: &Message) -> serde_json::Result<MessageText> {
    Ok(serde_json::to_vec(message)?.into())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use rust_decimal::Decimal;
    use tickbook::domain::{SymbolId, Tick};

    use super::*;

    fn published(number: u64, bid: i64) -> Published<Tick> {
        let (bid, ask) = (Decimal::from(bid), Decimal::from(bid + 1));
        let tick = Tick::quote(SymbolId::new(7), DateTime::UNIX_EPOCH, bid, ask);
        Published::new(number, tick)
    }

    #[test]
    fn text_of_a_record_is_written_once() {
        let texts = RecordTexts::default();
        let first = texts.of(&published(1, 5)).expect("JSON");
        let second = texts.of(&published(1, 5)).expect("JSON");
        assert!(Arc::ptr_eq(&first, &second));
        let text = std::str::from_utf8(&first).expect("UTF-8");
        assert!(
            text.starts_with(r#"{"type":"tick","symbol_id":7,"#),
            "{text}"
        );
        assert!(text.ends_with(r#","number":1}"#), "{text}");
    }

    #[test]
    fn records_of_one_slot_keep_their_own_texts() {
        let texts = RecordTexts::default();
        let next = SLOTS as u64 + 1;
        for (number, bid) in [(1, 5), (next, 6), (1, 5), (next, 7)] {
            let text = texts.of(&published(number, bid)).expect("JSON");
            let text = std::str::from_utf8(&text).expect("UTF-8");
            assert!(text.contains(&format!(r#""bid_price":"{bid}""#)), "{text}");
            assert!(text.ends_with(&format!(r#""number":{number}}}"#)), "{text}");
        }
    }
}
