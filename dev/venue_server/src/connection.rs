//! One WebSocket.

use std::future::pending;

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::{Play, Shared, Step};

type Socket = WebSocketStream<TcpStream>;

/// The client ended the connection.
struct Gone;

impl From<Error> for Gone {
    fn from(_: Error) -> Self {
        Self
    }
}

/// Carries out the steps of the play until one side ends the connection.
pub(crate) async fn run<P: Play>(mut socket: Socket, number: usize, shared: &Shared<P>) {
    let client = Client { number, shared };
    loop {
        match step(&mut socket, client).await {
            Ok(Then::Next) => shared.stepped.notify_waiters(),
            Ok(Then::Again) => {}
            Ok(Then::End) | Err(Gone) => return,
        }
    }
}

/// What comes after a step.
enum Then {
    Next,
    /// The next step; nothing has changed for others.
    Again,
    End,
}

/// One of the clients of a play.
struct Client<'s, P> {
    number: usize,
    shared: &'s Shared<P>,
}

impl<P> Clone for Client<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Client<'_, P> {}

/// Carries out a step.
async fn step<P: Play>(socket: &mut Socket, client: Client<'_, P>) -> Result<Then, Gone> {
    // before the play decides, so that no step of another connection is missed
    let stepped = client.shared.stepped.notified();
    take_waiting(socket, client).await?;
    let step = client.shared.play().next_on(client.number);
    match step {
        Step::Send(text) => socket.send(Message::text(text)).await?,
        Step::SendAndWait(text) => {
            socket.send(Message::text(text)).await?;
            wait(socket, client).await?;
        }
        Step::Wait => wait(socket, client).await?,
        Step::Idle => {
            take(socket.next().await, socket, client).await?;
        }
        Step::Follow => {
            tokio::select! {
                message = socket.next() => {
                    take(message, socket, client).await?;
                }
                () = stepped => return Ok(Then::Again),
            }
        }
        Step::Close => {
            socket.close(None).await?;
            // reads the answer of the client
            while let Some(Ok(_)) = socket.next().await {}
            return Ok(Then::End);
        }
        Step::Cut(text) => {
            cut(socket, &text).await;
            return Ok(Then::End);
        }
        Step::Freeze => pending().await,
    }
    Ok(Then::Next)
}

/// Takes the messages that have arrived.
async fn take_waiting<P: Play>(socket: &mut Socket, client: Client<'_, P>) -> Result<(), Gone> {
    while let Some(message) = socket.next().now_or_never() {
        take(message, socket, client).await?;
    }
    Ok(())
}

/// Passes a text to the play. Returns whether the message answers a ping.
async fn take<P: Play>(
    message: Option<Result<Message, Error>>,
    socket: &mut Socket,
    client: Client<'_, P>,
) -> Result<bool, Gone> {
    match message {
        Some(Ok(Message::Text(text))) => client.shared.play().text_on(client.number, &text),
        Some(Ok(Message::Pong(_))) => return Ok(true),
        Some(Ok(Message::Ping(_))) => {
            let text = client.shared.play().pinged_on(client.number);
            // the answer to the ping waits until the next message is written or read
            if let Some(text) = text {
                socket.send(Message::text(text)).await?;
            }
        }
        Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Gone),
        Some(Ok(_)) => {}
    }
    Ok(false)
}

/// Waits until the client has read everything: it answers a ping only then.
async fn wait<P: Play>(socket: &mut Socket, client: Client<'_, P>) -> Result<(), Gone> {
    socket.send(Message::Ping(Vec::new().into())).await?;
    while !take(socket.next().await, socket, client).await? {}
    Ok(())
}

/// Sends the head of a frame and half of its text.
async fn cut(socket: &mut Socket, text: &str) {
    let bytes = text.as_bytes();
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    // a final frame of text with a length of 64 bits
    let mut frame = vec![0x81, 127];
    frame.extend(length.to_be_bytes());
    frame.extend(&bytes[..bytes.len() / 2]);
    let stream = socket.get_mut();
    // the client may be gone
    let _ = stream.write_all(&frame).await;
    let _ = stream.flush().await;
}
