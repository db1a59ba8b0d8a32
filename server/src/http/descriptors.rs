//! The limit of open file descriptors.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit as far as the system allows, and returns it; `None` means unlimited.
pub fn raise() -> Option<u64> {
    let before = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: before.maximum,
        maximum: before.maximum,
    };
    if before.current != wanted.current
        && let Err(error) = setrlimit(Resource::Nofile, wanted)
    {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
    getrlimit(Resource::Nofile).current
}

/// The number of connections if `limit` descriptors may be open and the process needs `others` of them for
/// other purposes.
#[must_use]
pub fn connections(wanted: usize, limit: Option<u64>, others: usize) -> usize {
    let limit = limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    });
    // at least eight connections, even if the limit is lower
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
    fn descriptor_limit_is_raised_to_the_maximum() {
        let raised = raise();
        assert_eq!(raised, getrlimit(Resource::Nofile).maximum);
    }
}
