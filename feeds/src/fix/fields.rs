//! Fields by their tags, and repeating groups.

use std::fmt;

use chrono::{DateTime, Utc};

use super::error::{FieldError, FieldFault};
use super::redacted::write_field;
use super::tag::Tag;
use super::value;

/// The position of a field in the bytes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) tag: Tag,
    start: u32,
    end: u32,
}

impl Span {
    /// The positions fit, since the decoder refuses longer messages.
    pub(super) fn new(tag: Tag, start: usize, end: usize) -> Self {
        let position = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self {
            tag,
            start: position(start),
            end: position(end),
        }
    }
}

/// Fields of a message, or of an entry of a repeating group, in their order.
#[derive(Clone, Copy)]
pub struct Fields<'m> {
    bytes: &'m [u8],
    spans: &'m [Span],
}

impl<'m> Fields<'m> {
    pub(super) fn new(bytes: &'m [u8], spans: &'m [Span]) -> Self {
        Self { bytes, spans }
    }

    fn value(&self, span: &Span) -> &'m [u8] {
        let range = span.start as usize..span.end as usize;
        self.bytes.get(range).unwrap_or_default()
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = (Tag, &'m [u8])> + use<'m> {
        let fields = *self;
        let spans = self.spans.iter();
        spans.map(move |span| (span.tag, fields.value(span)))
    }

    /// The value of the first field with this tag.
    #[must_use]
    pub fn get(&self, tag: Tag) -> Option<&'m [u8]> {
        let span = self.spans.iter().find(|span| span.tag == tag);
        span.map(|span| self.value(span))
    }

    /// The value of a field, of which at least one byte is required.
    ///
    /// # Errors
    /// No such field, or an empty value.
    pub fn required(&self, tag: Tag) -> Result<&'m [u8], FieldError> {
        match self.get(tag) {
            None => Err(FieldError::new(tag, FieldFault::Missing)),
            Some([]) => Err(FieldError::new(tag, FieldFault::Empty)),
            Some(value) => Ok(value),
        }
    }

    fn parsed<T>(
        &self,
        tag: Tag,
        parse: impl FnOnce(&'m [u8]) -> Option<T>,
    ) -> Result<Option<T>, FieldError> {
        let fault = match self.get(tag) {
            None => return Ok(None),
            Some([]) => FieldFault::Empty,
            Some(value) => match parse(value) {
                Some(parsed) => return Ok(Some(parsed)),
                None => FieldFault::Format,
            },
        };
        Err(FieldError::new(tag, fault))
    }

    /// The text of a field.
    ///
    /// # Errors
    /// An empty value, and one that is not UTF-8.
    pub fn text(&self, tag: Tag) -> Result<Option<&'m str>, FieldError> {
        self.parsed(tag, |value| std::str::from_utf8(value).ok())
    }

    /// The number of a field: up to 18 digits.
    ///
    /// # Errors
    /// Any other value.
    pub fn integer(&self, tag: Tag) -> Result<Option<u64>, FieldError> {
        self.parsed(tag, value::unsigned)
    }

    /// The number of a required field.
    ///
    /// # Errors
    /// No such field, and a value that is not a number.
    pub fn required_integer(&self, tag: Tag) -> Result<u64, FieldError> {
        let missing = FieldError::new(tag, FieldFault::Missing);
        self.integer(tag)?.ok_or(missing)
    }

    /// Whether a field is `Y`; an absent one is `N`.
    ///
    /// # Errors
    /// Any other value than `Y` and `N`.
    pub fn flag(&self, tag: Tag) -> Result<bool, FieldError> {
        match self.get(tag) {
            None | Some(b"N") => Ok(false),
            Some(b"Y") => Ok(true),
            Some([]) => Err(FieldError::new(tag, FieldFault::Empty)),
            Some(_) => Err(FieldError::new(tag, FieldFault::Value)),
        }
    }

    /// The time of a field, `YYYYMMDD-HH:MM:SS` with up to nine digits of a fraction, in whole microseconds.
    ///
    /// # Errors
    /// Any other value.
    pub fn time(&self, tag: Tag) -> Result<Option<DateTime<Utc>>, FieldError> {
        self.parsed(tag, value::time)
    }

    /// The entries of the repeating group that `count` counts. Each entry begins with the tag `first`; the last one
    /// includes the fields behind the group.
    ///
    /// # Errors
    /// No count, and a count that differs from the number of entries.
    pub fn group(&self, count: Tag, first: Tag) -> Result<Group<'m>, FieldError> {
        let stated = self.required_integer(count)?;
        let at = self.spans.iter().position(|span| span.tag == count);
        let spans = at.map_or(&[][..], |at| &self.spans[at + 1..]);
        let entries = spans.iter().filter(|span| span.tag == first).count();
        let found = entries as u64;
        let begins = spans.first().is_some_and(|span| span.tag == first);
        if found != stated || (found > 0 && !begins) {
            return Err(FieldError::new(count, FieldFault::Count { stated, found }));
        }
        let spans = if begins { spans } else { &[] };
        Ok(Group {
            rest: Fields::new(self.bytes, spans),
            first,
            entries,
        })
    }
}

/// The fields in a readable form, without secret values.
impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (tag, value)) in self.iter().enumerate() {
            if at > 0 {
                f.write_str("|")?;
            }
            write_field(f, tag, value)?;
        }
        Ok(())
    }
}

/// The entries of a repeating group.
#[derive(Debug, Clone)]
pub struct Group<'m> {
    rest: Fields<'m>,
    first: Tag,
    entries: usize,
}

impl<'m> Iterator for Group<'m> {
    type Item = Fields<'m>;

    fn next(&mut self) -> Option<Fields<'m>> {
        let (_, others) = self.rest.spans.split_first()?;
        let next = others.iter().position(|span| span.tag == self.first);
        let length = next.map_or(self.rest.spans.len(), |next| next + 1);
        let (entry, rest) = self.rest.spans.split_at(length);
        self.rest.spans = rest;
        self.entries -= 1;
        Some(Fields::new(self.rest.bytes, entry))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.entries, Some(self.entries))
    }
}

impl ExactSizeIterator for Group<'_> {}
