//! A function that sees the bytes of all connections.

use std::fmt;
use std::sync::Arc;

/// The direction of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

type Observe = dyn Fn(u64, Direction, &[u8]) + Send + Sync;

#[derive(Clone, Default)]
pub(crate) struct Observer(Option<Arc<Observe>>);

impl Observer {
    pub(crate) fn new(observe: impl Fn(u64, Direction, &[u8]) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(observe)))
    }

    pub(crate) fn see(&self, connection: u64, direction: Direction, bytes: &[u8]) {
        if let Some(observe) = &self.0 {
            observe(connection, direction, bytes);
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observer").field(&self.0.is_some()).finish()
    }
}
