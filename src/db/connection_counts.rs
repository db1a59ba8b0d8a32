//! How many connections a pool has.

/// Connections of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ConnectionCounts {
    /// How many are open.
    pub open: u32,
    /// How many of them are idle.
    pub idle: u32,
}

impl ConnectionCounts {
    /// `open` connections, of which `idle` are idle.
    #[must_use]
    pub fn new(open: u32, idle: u32) -> Self {
        Self { open, idle }
    }
}
