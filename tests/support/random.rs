//! Random numbers that a printed seed reproduces.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    /// Takes the seed from `TICKBOOK_SEED`, otherwise chooses one, and prints it.
    pub(crate) fn seeded() -> Self {
        let seed = match std::env::var("TICKBOOK_SEED") {
            Ok(text) => text.parse().expect("TICKBOOK_SEED is a number"),
            Err(_) => RandomState::new().build_hasher().finish(),
        };
        println!("set TICKBOOK_SEED={seed} to see the same numbers again");
        Self(seed)
    }

    /// The numbers of `seed`.
    pub(crate) fn of(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            let other = self.below(end as u64 + 1) as usize;
            items.swap(end, other);
        }
    }
}
