//! A connection between the client and the acceptor that loses messages.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use tickbook_feeds::fix::{Framed, Framer, Redacted};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What happens to a message of the acceptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    Drop,
    /// Half of the message is passed, then the connection ends.
    Cut,
}

/// Decides about each message, by its readable form.
type Judge = Arc<Mutex<dyn FnMut(&str) -> Verdict + Send>>;

/// Passes connections on to `port`. Returns its own port.
pub(super) async fn start(port: u16, judge: impl FnMut(&str) -> Verdict + Send + 'static) -> u16 {
    let judge: Judge = Arc::new(Mutex::new(judge));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.expect("a port");
    let own = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(connection(client, port, Arc::clone(&judge)));
        }
    });
    own
}

async fn connection(client: TcpStream, port: u16, judge: Judge) {
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let upwards = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
        let _ = to_server.shutdown().await;
    });
    let mut framer = Framer::new();
    let mut chunk = vec![0; 4_096];
    'reading: while let Ok(length @ 1..) = from_server.read(&mut chunk).await {
        framer.push(&chunk[..length]);
        while let Some(Framed::Message(bytes)) = framer.next_message() {
            let verdict = {
                let mut judge = judge.lock().unwrap_or_else(PoisonError::into_inner);
                judge(&Redacted(bytes).to_string())
            };
            let bytes = match verdict {
                Verdict::Pass => bytes,
                Verdict::Drop => continue,
                Verdict::Cut => &bytes[..bytes.len() / 2],
            };
            if to_client.write_all(bytes).await.is_err() || verdict == Verdict::Cut {
                break 'reading;
            }
        }
    }
    upwards.abort();
}
