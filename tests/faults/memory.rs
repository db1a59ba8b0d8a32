//! How much memory this process takes at most.

/// What may come on top of what is said to be taken.
const SLACK: u64 = 64 << 20;

/// The memory at the start of something.
pub(crate) struct Memory {
    before: u64,
}

impl Memory {
    pub(crate) fn start() -> Self {
        // forgets what was the most so far
        std::fs::write("/proc/self/clear_refs", "5").expect("its own");
        Self { before: peak() }
    }

    /// The most bytes more than at the start.
    pub(crate) fn grown(&self) -> u64 {
        peak().saturating_sub(self.before)
    }

    /// Checks that never more was taken than `cap` bytes, and a little.
    pub(crate) fn assert_within(&self, cap: u64) {
        let grown = self.grown();
        assert!(
            grown <= cap + SLACK,
            "{grown} bytes more, of {cap} and {SLACK} at most"
        );
    }
}

fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a /proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    let kilobytes: u64 = number.expect("a peak").parse().expect("a number");
    kilobytes * 1_024
}
