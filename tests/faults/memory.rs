//! Measures the peak memory of this process.

/// The memory allowed in addition to the given limit.
const SLACK: u64 = 64 << 20;

/// The memory at the start of a measurement.
pub(crate) struct Memory {
    before: u64,
}

impl Memory {
    pub(crate) fn start() -> Self {
        // resets the peak
        std::fs::write("/proc/self/clear_refs", "5").expect("its own");
        Self { before: peak() }
    }

    /// The peak memory above that at the start, in bytes.
    pub(crate) fn grown(&self) -> u64 {
        peak().saturating_sub(self.before)
    }

    /// Asserts that memory never grew by more than `cap` bytes and the slack.
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
