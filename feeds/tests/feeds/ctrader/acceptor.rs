//! The acceptor of quickfix-tokio in the part of the broker.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use quickfix_tokio::{
    Application, ApplicationError, Engine, MemoryStoreFactory, Message, NullLogFactory,
    SessionHandle, SessionId, Settings,
};
use tokio::sync::{Mutex, mpsc};

use super::market::{Body, Market};

/// The password that the broker accepts.
pub(crate) const PASSWORD: &str = "swordfish";
/// The name of the client.
pub(super) const CLIENT: &str = "demo.broker.1234567";

/// A question of the acceptor to its application.
struct Broker {
    messages: mpsc::UnboundedSender<Message>,
    refusals: Arc<AtomicUsize>,
}

#[async_trait]
impl Application for Broker {
    async fn from_admin(&self, message: &Message, _: &SessionId) -> Result<(), ApplicationError> {
        let field = |tag| message.body.get_raw(tag).unwrap_or_default();
        match message.msg_type().as_deref() {
            Ok("A") if field(554) != PASSWORD.as_bytes() || field(553) != b"1234567" => {
                let text = "InternalError: RET_INVALID_DATA";
                return Err(ApplicationError::RejectLogon(text.to_owned()));
            }
            Ok("3") => {
                self.refusals.fetch_add(1, Ordering::SeqCst);
            }
            _ => {}
        }
        Ok(())
    }

    async fn from_app(&self, message: &Message, _: &SessionId) -> Result<(), ApplicationError> {
        if matches!(message.msg_type().as_deref(), Ok("j")) {
            self.refusals.fetch_add(1, Ordering::SeqCst);
        }
        let _ = self.messages.send(message.clone());
        Ok(())
    }
}

/// A running acceptor.
pub(crate) struct Acceptor {
    engine: Engine,
    pub(crate) port: u16,
    handle: SessionHandle,
    pub(super) market: Arc<Mutex<Market>>,
    refusals: Arc<AtomicUsize>,
}

fn message(msg_type: &str, body: Body) -> Message {
    let mut message = Message::with_type(msg_type);
    for (tag, value) in body {
        let tag = i32::try_from(tag).expect("a tag");
        message.body.push(tag, value.as_str());
    }
    message
}

impl Acceptor {
    pub(crate) async fn start() -> Self {
        let (messages, received) = mpsc::unbounded_channel();
        let refusals = Arc::new(AtomicUsize::new(0));
        let broker = Arc::new(Broker {
            messages,
            refusals: Arc::clone(&refusals),
        });
        let mut attempts = 0;
        let (engine, port) = loop {
            // another process may take the port meanwhile
            let port = suite::free_port();
            let settings = format!(
                "[SESSION]\nConnectionType=acceptor\nBeginString=FIX.4.4\nSenderCompID=CSERVER\n\
                 TargetCompID={CLIENT}\nSocketAcceptPort={port}\nHeartBtInt=30\n\
                 UseDataDictionary=N\n"
            );
            let settings = Settings::parse(&settings).expect("settings");
            let store = Arc::new(MemoryStoreFactory::new());
            let log = Arc::new(NullLogFactory);
            let broker = Arc::clone(&broker);
            match Engine::start(&settings, broker, store, log).await {
                Ok(engine) => break (engine, port),
                Err(error) => {
                    attempts += 1;
                    assert!(attempts < 20, "{error}");
                }
            }
        };
        let handle = engine.session("FIX.4.4", "CSERVER", CLIENT);
        let handle = handle.expect("the session");
        let market = Arc::new(Mutex::new(Market::new()));
        tokio::spawn(answer(received, Arc::clone(&market), handle.clone()));
        Self {
            engine,
            port,
            handle,
            market,
            refusals,
        }
    }

    /// Sends the next quote.
    pub(super) async fn quote(&self) {
        let mut market = self.market.lock().await;
        let body = market.quote();
        // without a connection the message waits for a resend, which a reset forgets
        let _ = self.handle.send(message("W", body)).await;
    }

    /// Changes the depth.
    pub(super) async fn change(&self, step: i64) {
        let mut market = self.market.lock().await;
        let body = market.change(step);
        let _ = self.handle.send(message("X", body)).await;
    }

    /// Leaves numbers out, as if messages were lost that cannot be repeated.
    pub(super) async fn skip(&self, count: u64) {
        let status = self.handle.status().await.expect("a status");
        let next = status.next_sender_seq_num + count;
        let set = self.handle.set_next_sender_seq_num(next).await;
        set.expect("the number is set");
    }

    /// The number of quotes.
    pub(super) async fn quotes(&self) -> i64 {
        self.market.lock().await.quotes
    }

    pub(super) async fn levels(&self) -> Vec<String> {
        self.market.lock().await.levels()
    }

    /// The number of messages of the client, or of the acceptor, that the other side refused.
    pub(super) fn refusals(&self) -> usize {
        self.refusals.load(Ordering::SeqCst)
    }

    pub(super) async fn is_logged_on(&self) -> bool {
        self.handle.is_logged_on().await
    }

    pub(super) async fn stop(self) {
        self.engine.stop().await;
    }
}

/// Answers the requests of the client.
async fn answer(
    mut received: mpsc::UnboundedReceiver<Message>,
    market: Arc<Mutex<Market>>,
    handle: SessionHandle,
) {
    while let Some(request) = received.recv().await {
        let field = |tag| request.body.get_string(tag).unwrap_or_default();
        let (kind, action, depth) = (request.msg_type(), field(263), field(264));
        let mut market = market.lock().await;
        let answer = match (kind.as_deref(), &*action, &*depth) {
            (Ok("x"), ..) => message("y", Market::list()),
            (Ok("V"), "1", "1") => message("W", market.quote()),
            (Ok("V"), "1", "0") => message("W", market.depth()),
            _ => continue,
        };
        let _ = handle.send(answer).await;
    }
}
