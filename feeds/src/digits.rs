//! The digits of the numbers of a book, over which venues compute checksums.

/// A text of digits.
pub(crate) struct Digits {
    text: Vec<u8>,
    integers: itoa::Buffer,
}

impl Digits {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self {
            text: Vec::with_capacity(capacity),
            integers: itoa::Buffer::new(),
        }
    }

    /// Adds an integer.
    pub(crate) fn integer(&mut self, integer: i64) {
        let digits = self.integers.format(integer);
        self.text.extend_from_slice(digits.as_bytes());
    }

    /// Adds the number of `units` of 10^-`decimals`, 0 or more, without zeros at the end of its fraction.
    pub(crate) fn number(&mut self, units: i64, decimals: u8) {
        let digits = self.integers.format(units).as_bytes();
        let decimals = usize::from(decimals);
        let (whole, fraction) = digits.split_at(digits.len().saturating_sub(decimals));
        let zeros = decimals - fraction.len();
        let last = fraction.iter().rposition(|digit| *digit != b'0');
        let whole = if whole.is_empty() { b"0" } else { whole };
        self.text.extend_from_slice(whole);
        if let Some(last) = last {
            self.text.push(b'.');
            self.text.extend(std::iter::repeat_n(b'0', zeros));
            self.text.extend_from_slice(&fraction[..=last]);
        }
    }

    /// Adds a character.
    pub(crate) fn separator(&mut self, separator: u8) {
        self.text.push(separator);
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use tickbook::domain::book::BookNumber;

    #[test]
    fn digits_are_those_of_normalized_numbers() {
        let units = [0, 1, 5, 10, 35_210_000, 120, 999_999_999_700_000, i64::MAX];
        for units in units {
            for decimals in 0..=18 {
                let mut digits = Digits::with_capacity(0);
                digits.number(units, decimals);
                let number = BookNumber::new(units, decimals).expect("in range");
                let expected = number.normalized().to_string();
                assert_eq!(digits.as_bytes(), expected.as_bytes(), "{number}");
            }
        }
    }
}
