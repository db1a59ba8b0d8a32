//! Cursor codec of exchanges.

use tickbook::domain::Exchange;

use super::{CursorError, VERSION, open, seal, strip};

const EXCHANGES: u8 = b'e';

/// The name of the last exchange of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeCursor {
    /// The name, as it is stored.
    pub name: String,
}

impl ExchangeCursor {
    /// Encodes this position in the listing of exchanges.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = vec![VERSION, EXCHANGES];
        bytes.extend(self.name.as_bytes());
        seal(bytes)
    }

    /// Decodes a position in that listing.
    ///
    /// # Errors
    /// The text is not a cursor, or belongs to another version or another listing.
    pub fn decode(text: &str) -> Result<Self, CursorError> {
        let bytes = open(text)?;
        let name = strip(&bytes, &[VERSION, EXCHANGES])?;
        let name = String::from_utf8(name.to_vec()).map_err(|_| CursorError::Broken)?;
        match Exchange::named(&name).validate() {
            Ok(()) => Ok(Self { name }),
            Err(_) => Err(CursorError::Broken),
        }
    }
}
