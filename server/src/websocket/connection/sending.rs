//! Sends messages to a client, and ends the connection.

use metrics::counter;
use tokio::time::{Instant, timeout};

use super::super::messages::Message;
use super::super::texts::{MessageText, text};
use super::{ClientConnection, End, code};
use crate::metrics::WEBSOCKET_CLOSED;

impl ClientConnection {
    pub(super) async fn send(&mut self, message: &Message) -> Result<(), End> {
        self.send_text(text(message)).await
    }

    /// Sends the text of a message, with the next number of the connection.
    pub(super) async fn send_text(
        &mut self,
        text: serde_json::Result<MessageText>,
    ) -> Result<(), End> {
        let text = text.map_err(|error| {
            tracing::error!(%error, "cannot write a message as JSON");
            End::Disconnected
        })?;
        if self.socket.is_full() {
            self.flush().await?;
        }
        self.sent += 1;
        self.last_sent = Instant::now();
        self.socket.add_message(self.sent, &text);
        Ok(())
    }

    /// Sends everything that was added, while the client reads.
    pub(super) async fn flush(&mut self) -> Result<(), End> {
        let max = self.config.send_timeout;
        // a timer costs more than to send a message
        let flushed = match self.socket.try_flush().await {
            Some(flushed) => Ok(flushed),
            None => timeout(max, self.socket.flush()).await,
        };
        match flushed {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Disconnected),
            Err(_) => {
                let seconds = max.as_secs_f32();
                let reason = format!("too slow: nothing was read for {seconds} seconds");
                Err(End::Closed(code::TRY_AGAIN_LATER, reason))
            }
        }
    }

    /// Closes the connection, unless it has failed.
    pub(super) async fn say_farewell(&mut self, end: End) {
        match end {
            End::Disconnected => return,
            End::ClosedByClient(code) => self.socket.add_close(code, ""),
            End::Closed(code, reason) => {
                tracing::debug!(code, reason, "a WebSocket is closed");
                counter!(WEBSOCKET_CLOSED, "code" => code.to_string()).increment(1);
                self.socket.add_close(Some(code), &reason);
            }
        }
        // the client may be gone already
        let _ = timeout(self.config.send_timeout, self.socket.end()).await;
    }
}
