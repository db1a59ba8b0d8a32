//! What happens to connections and to the bytes on them.

use std::time::Duration;

use crate::Message;

/// What happens to clients that connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AcceptMode {
    /// They are connected with the server.
    #[default]
    Pass,
    /// Nobody listens.
    Refuse,
    /// They are accepted, and their connection ends with RST at once.
    Reset,
    /// They are accepted, and their connection ends with FIN at once.
    Close,
    /// They are accepted and never answered; the server never hears of them.
    Silent,
}

/// What happens to the bytes of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flow {
    /// Nothing passes while it is set; nothing is lost.
    pub stalled: bool,
    /// How long everything is on its way …
    pub delay: Duration,
    /// … and by how much that varies, in both directions.
    pub jitter: Duration,
    /// How fast bytes pass; `None`: without limit.
    pub bytes_per_second: Option<u32>,
    /// Writes each byte alone.
    pub sliced: bool,
    /// Resets the connection when so many bytes have passed on it; `None`: never.
    pub reset_after: Option<u64>,
}

/// What is lost when the client sends a certain message, and the connection with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The message itself: the server never sees it.
    Request(Message),
    /// The server's answer to it: the server has done what it was asked to do.
    Answer(Message),
}

#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(crate) mode: AcceptMode,
    pub(crate) to_server: Flow,
    pub(crate) to_client: Flow,
    /// Happens once, on whichever connection comes first.
    pub(crate) loss: Option<Loss>,
    /// The proxy was dropped.
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
