//! How many files and sockets the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit as far as the system lets the process, and returns it; `None` is no limit.
pub fn raise() -> Option<u64> {
    let before = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: before.maximum,
        maximum: before.maximum,
    };
    if before.current != wanted.current
        && let Err(error) = setrlimit(Resource::Nofile, wanted)
    {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
    getrlimit(Resource::Nofile).current
}

/// How many connections there may be where `limit` files may be open and `others` are none of
/// clients.
#[must_use]
pub fn connections(wanted: usize, limit: Option<u64>, others: usize) -> usize {
    let limit = limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    });
    // a few are served whatever the limit is
    wanted.min(limit.saturating_sub(others)).max(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_to_others() {
        assert_eq!(connections(2_000, None, 200), 2_000);
        assert_eq!(connections(2_000, Some(1_024), 200), 824);
        assert_eq!(connections(2_000, Some(100), 200), 8);
    }

    #[test]
    fn limit_is_as_high_as_it_may_be() {
        let raised = raise();
        assert_eq!(raised, getrlimit(Resource::Nofile).maximum);
    }
}
