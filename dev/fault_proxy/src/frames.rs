//! Parser of client messages of the PostgreSQL protocol, sufficient to find a certain message.

/// A message of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// The end of a `COPY`, which commits it.
    CopyDone,
    /// The execution of a prepared statement.
    Execute,
    /// The parameters of a prepared statement, if they have more bytes than this.
    ParametersLonger(usize),
    /// A simple query with this text.
    Query(&'static str),
}

const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;

/// Splits the bytes of a client into messages.
#[derive(Debug, Default)]
pub(crate) struct ClientFrames {
    started: bool,
    rest: Vec<u8>,
}

impl ClientFrames {
    /// Returns where in `bytes`, which follow the bytes of earlier calls, the first wanted message begins. A
    /// message is found when it is complete; one that began in earlier bytes begins at 0.
    pub(crate) fn find(&mut self, bytes: &[u8], wanted: Option<Message>) -> Option<usize> {
        let before = self.rest.len();
        self.rest.extend_from_slice(bytes);
        let (mut at, mut found) = (0, None);
        while let Some(length) = self.length_at(at) {
            let frame = &self.rest[at..at + length];
            if !self.started {
                let code = u32_at(frame, 4).unwrap_or_default();
                self.started = code != SSL_REQUEST && code != GSS_REQUEST;
            } else if found.is_none() && wanted.is_some_and(|wanted| is(wanted, frame)) {
                found = Some(at.saturating_sub(before));
            }
            at += length;
        }
        self.rest.drain(..at);
        found
    }

    /// The length of the message at `at`, if it is complete.
    fn length_at(&self, at: usize) -> Option<usize> {
        let kind = usize::from(self.started);
        let length = u32_at(&self.rest, at + kind)? as usize + kind;
        (self.rest.len() >= at + length && length >= 4).then_some(length)
    }
}

fn is(wanted: Message, frame: &[u8]) -> bool {
    match wanted {
        Message::CopyDone => frame[0] == b'c',
        Message::Execute => frame[0] == b'E',
        Message::ParametersLonger(bytes) => frame[0] == b'B' && frame.len() > bytes,
        Message::Query(text) => {
            frame[0] == b'Q' && frame[5..].strip_suffix(b"\0") == Some(text.as_bytes())
        }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes(bytes.try_into().expect("four bytes")))
}

/// Whether the bytes of the server end with `ReadyForQuery`.
pub(crate) fn ends_ready(tail: &[u8]) -> bool {
    matches!(tail, [.., b'Z', 0, 0, 0, 5, b'I' | b'T' | b'E'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_found_however_they_are_cut() {
        let mut bytes = vec![0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f];
        bytes.extend([0, 0, 0, 9, 0, 3, 0, 0, 0]);
        bytes.extend(b"Q\0\0\0\x0bCOMMIT\0");
        let message = bytes.len();
        bytes.extend(b"c\0\0\0\x04");
        for size in 1..bytes.len() {
            let mut frames = ClientFrames::default();
            let (mut seen, mut found) = (0, None);
            for part in bytes.chunks(size) {
                if let Some(at) = frames.find(part, Some(Message::CopyDone)) {
                    found = Some(seen + at);
                }
                seen += part.len();
            }
            let found = found.expect("it is there");
            assert!((message..message + 5).contains(&found), "{size}: {found}");
        }
        let found = ClientFrames::default().find(&bytes, Some(Message::Query("COMMIT")));
        assert_eq!(found, Some(17));
    }
}
