//! Mutations of byte strings.

use fastrand::Rng;

/// The longest input in bytes, unless an input of the corpus is longer.
const MAX_BYTES: usize = 4_096;

/// Bytes at the bounds of ranges, and delimiters.
const BYTES: &[u8] = b"\0\x01\x7f\x80\xff 09+-.,:;/?#%@&='\"\\\t\r\n";
/// Numbers at the bounds of integers; an announced length that exceeds the input is among them.
const NUMBERS: [u64; 12] = [
    0,
    1,
    u64::MAX,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0x8000_0000_0000_0000,
];

/// Mutates inputs; the seed decides all choices.
pub(super) struct Mutator {
    random: Rng,
    words: Vec<Vec<u8>>,
}

impl Mutator {
    pub(super) fn new(seed: u64, words: Vec<Vec<u8>>) -> Self {
        Self {
            random: Rng::with_seed(seed),
            words,
        }
    }

    pub(super) fn choose<'a, T>(&mut self, items: &'a mut [T]) -> &'a mut T {
        &mut items[self.random.usize(..items.len())]
    }

    /// Applies one to eight changes to an input of `corpus`, which is not empty.
    pub(super) fn mutate(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = corpus[self.random.usize(..corpus.len())].clone();
        let most = bytes.len().max(MAX_BYTES);
        for _ in 0..1 << self.random.u32(0..4) {
            self.change(&mut bytes, corpus);
        }
        bytes.truncate(most);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let kind = self.random.u32(0..12);
        if bytes.is_empty() || kind < 4 {
            return self.insert(bytes, corpus);
        }
        let at = self.random.usize(..bytes.len());
        match kind {
            4 => bytes[at] ^= 1 << self.random.u32(0..8),
            5 => bytes[at] = self.random.u8(..),
            6 => bytes[at] = self.one_of(BYTES),
            7 => bytes[at] = bytes[at].wrapping_add(self.one_of(&[1, 0xff])),
            8 => self.set_number(&mut bytes[at..]),
            9 => {
                let end = self.end(at, bytes.len());
                bytes.drain(at..end);
            }
            10 => {
                let end = self.end(at, bytes.len());
                let copy = bytes[at..end].to_vec();
                let to = self.random.usize(..=bytes.len());
                bytes.splice(to..to, copy);
            }
            _ => bytes.truncate(at),
        }
    }

    fn insert(&mut self, bytes: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let at = self.random.usize(..=bytes.len());
        let new = match self.random.u32(0..4) {
            0 if !self.words.is_empty() => {
                let word = self.random.usize(..self.words.len());
                self.words[word].clone()
            }
            1 => {
                let other = &corpus[self.random.usize(..corpus.len())];
                let from = self.random.usize(..=other.len());
                other[from..self.end(from, other.len())].to_vec()
            }
            2 => vec![self.one_of(BYTES)],
            _ => {
                let count = self.random.usize(1..=8);
                (0..count).map(|_| self.random.u8(..)).collect()
            }
        };
        bytes.splice(at..at, new);
    }

    /// Overwrites the first bytes with an integer of two, four or eight bytes, in either byte order.
    fn set_number(&mut self, bytes: &mut [u8]) {
        let width = self.one_of(&[2_usize, 4, 8]).min(bytes.len());
        let number = self.one_of(&NUMBERS);
        let number = match self.random.bool() {
            true => number,
            false => number.wrapping_sub(1),
        };
        if self.random.bool() {
            bytes[..width].copy_from_slice(&number.to_le_bytes()[..width]);
        } else {
            bytes[..width].copy_from_slice(&number.to_be_bytes()[8 - width..]);
        }
    }

    /// The end of a range from `from`; short ranges are as likely as long ones.
    fn end(&mut self, from: usize, length: usize) -> usize {
        let longest = match self.random.bool() {
            true => length - from,
            false => (length - from).min(8),
        };
        from + self.random.usize(..=longest)
    }

    fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.random.usize(..items.len())]
    }
}
