//! Connection counts of a pool.

/// The numbers of connections of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ConnectionCounts {
    /// The number of open connections.
    pub open: u32,
    /// The number of idle connections among the open ones.
    pub idle: u32,
}

impl ConnectionCounts {
    /// Creates counts of `open` connections, `idle` of them idle.
    #[must_use]
    pub fn new(open: u32, idle: u32) -> Self {
        Self { open, idle }
    }
}
