//! Rules for connections and for the bytes on them.

use std::time::Duration;

use crate::Message;

/// How the proxy treats clients that connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AcceptMode {
    /// Connects them to the server.
    #[default]
    Pass,
    /// Does not listen.
    Refuse,
    /// Accepts them, and ends the connection with RST immediately.
    Reset,
    /// Accepts them, and ends the connection with FIN immediately.
    Close,
    /// Accepts them and never responds; does not contact the server.
    Silent,
}

/// How the proxy treats the bytes of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flow {
    /// Passes nothing while it is set; no bytes are lost.
    pub stalled: bool,
    /// Delay of all bytes.
    pub delay: Duration,
    /// Maximum random deviation from the delay, in both directions.
    pub jitter: Duration,
    /// Bandwidth; `None` for no limit.
    pub bytes_per_second: Option<u32>,
    /// Writes each byte separately.
    pub sliced: bool,
    /// Resets the connection after this many bytes; `None` for never.
    pub reset_after: Option<u64>,
}

/// A message or response to be lost, together with its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The message itself: the server never receives it.
    Request(Message),
    /// The response to it: the server has executed the request.
    Answer(Message),
}

#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(crate) mode: AcceptMode,
    pub(crate) to_server: Flow,
    pub(crate) to_client: Flow,
    /// Happens once, on the first matching connection.
    pub(crate) loss: Option<Loss>,
    /// Set when the proxy is dropped.
    pub(crate) closed: bool,
}

impl Rules {
    pub(crate) fn accepting(mode: AcceptMode) -> Self {
        Self {
            mode,
            ..Self::default()
        }
    }
}
