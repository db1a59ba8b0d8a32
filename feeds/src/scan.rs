//! A reader of JSON as venues write it: without spaces between values, escapes in texts, and exponents.
//!
//! It is several times as fast as a general parser. Every method returns `None` for other text, whether it is valid
//! JSON or not; the caller then reads the text with serde, which decides.

/// The deepest nesting of values that are skipped.
const DEEPEST: usize = 8;

/// A position in a text.
#[derive(Debug, Clone)]
pub(crate) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

/// Reads a whole text.
pub(crate) fn scan<'a, T>(
    text: &'a str,
    read: impl FnOnce(&mut Scan<'a>) -> Option<T>,
) -> Option<T> {
    let mut scan = Scan { text, at: 0 };
    let read = read(&mut scan)?;
    (scan.at == text.len()).then_some(read)
}

/// The place of the first quote, backslash or control character.
#[inline]
fn special(bytes: &[u8]) -> Option<usize> {
    const fn all(byte: u8) -> u64 {
        u64::from_le_bytes([byte; 8])
    }
    // the highest bit of each byte that is below `limit`; the lowest one of these bits is right
    let below = |word: u64, limit: u8| word.wrapping_sub(all(limit)) & !word & all(0x80);
    let mut at = 0;
    while let Some(eight) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let word = u64::from_le_bytes(*eight);
        let found = below(word, 0x20) | below(word ^ all(b'"'), 1) | below(word ^ all(b'\\'), 1);
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?;
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    rest.iter().position(is_special).map(|found| at + found)
}

/// Sets a field that must occur once.
pub(crate) fn set<T>(field: &mut Option<T>, value: T) -> Option<()> {
    field.replace(value).is_none().then_some(())
}

impl<'a> Scan<'a> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Takes a character if it is the next one.
    #[inline]
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Takes a character that must be the next one.
    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> Option<()> {
        self.eat(byte).then_some(())
    }

    /// A text.
    #[inline]
    pub(crate) fn string(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let length = special(&self.text.as_bytes()[self.at..])?;
        let text = self.text.get(self.at..self.at + length)?;
        self.at += length;
        self.take(b'"')?;
        Some(text)
    }

    /// The characters of a number without a sign, in quotes or not.
    #[inline]
    pub(crate) fn number(&mut self) -> Option<&'a str> {
        match self.peek()? {
            b'"' => self.string(),
            _ => self.bare_number(),
        }
    }

    fn bare_number(&mut self) -> Option<&'a str> {
        let start = self.at;
        let whole = self.digits()?;
        if whole.len() > 1 && whole.starts_with('0') {
            return None;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        self.text.get(start..self.at)
    }

    /// One or more digits.
    fn digits(&mut self) -> Option<&'a str> {
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest.iter().position(|byte| !byte.is_ascii_digit());
        let length = length.unwrap_or(rest.len());
        let digits = self.text.get(self.at..self.at + length)?;
        self.at += length;
        (length > 0).then_some(digits)
    }

    /// An integer of at most 18 digits without quotes.
    #[inline]
    pub(crate) fn integer(&mut self) -> Option<i64> {
        let is_negative = self.eat(b'-');
        let rest = &self.text.as_bytes()[self.at..];
        let (mut number, mut length) = (0_i64, 0);
        while let Some(digit @ b'0'..=b'9') = rest.get(length) {
            number = number.wrapping_mul(10).wrapping_add((digit - b'0').into());
            length += 1;
        }
        // zeros before other digits are invalid, and to serde `-0` is no integer
        let is_usual = match rest.first() {
            Some(b'0') => length == 1 && !is_negative,
            _ => (1..=18).contains(&length),
        };
        self.at += length;
        is_usual.then_some(if is_negative { -number } else { number })
    }

    pub(crate) fn boolean(&mut self) -> Option<bool> {
        match self.peek()? {
            b't' => self.word("true").map(|()| true),
            _ => self.word("false").map(|()| false),
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let is_next = self.text.get(self.at..)?.starts_with(word);
        self.at += word.len();
        is_next.then_some(())
    }

    /// An object; `field` reads the value of the field that it gets the name of.
    #[inline]
    pub(crate) fn object(
        &mut self,
        mut field: impl FnMut(&mut Self, &'a str) -> Option<()>,
    ) -> Option<()> {
        self.take(b'{')?;
        if self.eat(b'}') {
            return Some(());
        }
        loop {
            let name = self.name()?;
            field(self, name)?;
            if !self.eat(b',') {
                return self.take(b'}');
            }
        }
    }

    /// The name of a field, and the colon. Most names of Binance are one letter.
    #[inline]
    fn name(&mut self) -> Option<&'a str> {
        if let Some([b'"', letter, b'"', b':']) = self.text.as_bytes()[self.at..].first_chunk()
            && letter.is_ascii_alphabetic()
        {
            let name = self.text.get(self.at + 1..self.at + 2)?;
            self.at += 4;
            return Some(name);
        }
        let name = self.string()?;
        self.take(b':')?;
        Some(name)
    }

    /// An array; `item` reads an item.
    #[inline]
    pub(crate) fn array(&mut self, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.take(b'[')?;
        if self.eat(b']') {
            return Some(());
        }
        loop {
            item(self)?;
            if !self.eat(b',') {
                return self.take(b']');
            }
        }
    }

    /// Any value.
    pub(crate) fn skip(&mut self) -> Option<()> {
        self.skip_within(DEEPEST)
    }

    fn skip_within(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(|_| ()),
            b'0'..=b'9' => self.bare_number().map(|_| ()),
            b't' | b'f' => self.boolean().map(|_| ()),
            b'n' => self.word("null"),
            b'{' => {
                let depth = depth.checked_sub(1)?;
                self.object(|scan, _| scan.skip_within(depth))
            }
            b'[' => {
                let depth = depth.checked_sub(1)?;
                self.array(|scan| scan.skip_within(depth))
            }
            _ => None,
        }
    }
}

/// A text with one character removed, added or replaced at each place.
#[cfg(test)]
pub(crate) fn variants(text: &str) -> Vec<String> {
    let mut variants = vec![text.to_owned()];
    let places: Vec<_> = text.char_indices().map(|(at, _)| at).collect();
    for at in places {
        let (before, after) = text.split_at(at);
        let rest = after
            .chars()
            .next()
            .map_or(after, |one| &after[one.len_utf8()..]);
        variants.push(before.to_owned());
        variants.push(format!("{before}{rest}"));
        for added in ["\"", ",", "0", ".", "[", "}", "\\", "\n", " ", "-", "e5"] {
            variants.push(format!("{before}{added}{after}"));
            variants.push(format!("{before}{added}{rest}"));
        }
    }
    variants
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipped(text: &str) -> bool {
        scan(text, Scan::skip).is_some()
    }

    #[test]
    fn skipped_text_is_valid_json() {
        let texts = [
            r#"{"a":[1,2.50,"x",true,false,null],"b":{},"c":[],"d":{"e":"é"}}"#,
            r#""""#,
            "0",
            "0.5",
            "[[[[[[[[]]]]]]]]",
        ];
        for text in texts {
            assert!(skipped(text), "{text}");
            for changed in variants(text) {
                let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&changed);
                assert!(!skipped(&changed) || is_json.is_ok(), "{changed}");
            }
        }
    }

    #[test]
    fn texts_end_at_their_quote() {
        for length in 0..20 {
            for special in [
                '"', '\\', '\n', '\u{1f}', ' ', '!', '#', '\u{80}', 'ÿ', '\u{7f}',
            ] {
                let text = format!("\"{}{special}x\"", "é~".repeat(length));
                let expected = match special {
                    '"' | '\\' | '\n' | '\u{1f}' => None,
                    _ => text
                        .strip_prefix('"')
                        .and_then(|text| text.strip_suffix('"')),
                };
                assert_eq!(scan(&text, Scan::string), expected, "{text}");
            }
        }
    }

    #[test]
    fn unusual_text_is_declined() {
        let deep = "[".repeat(9) + &"]".repeat(9);
        for text in [
            " 1", "1 ", "[1, 2]", "-1", "1e5", r#""a\n""#, "01", "1.", ".5", "nul", "", &deep,
        ] {
            assert!(!skipped(text), "{text}");
        }
    }

    #[test]
    fn numbers_keep_their_characters() {
        for (text, expected) in [
            ("1.50", Some("1.50")),
            (r#""1.50""#, Some("1.50")),
            (r#""x""#, Some("x")),
            ("1.", None),
            ("00", None),
            ("-1", None),
        ] {
            assert_eq!(scan(text, Scan::number), expected, "{text}");
        }
        let digits = "999999999999999999";
        assert_eq!(scan(digits, Scan::integer), digits.parse().ok());
        assert_eq!(scan("9223372036854775807", Scan::integer), None);
        assert_eq!(scan("0", Scan::integer), Some(0));
        assert_eq!(scan("00", Scan::integer), None);
        assert_eq!(scan("", Scan::integer), None);
        assert_eq!(scan("1.0", Scan::integer), None);
        assert_eq!(scan("-914047754", Scan::integer), Some(-914_047_754));
        assert_eq!(scan("-0", Scan::integer), None);
        let (mut field, twice) = (None, 2);
        assert_eq!(set(&mut field, 1), Some(()));
        assert_eq!(set(&mut field, twice), None);
    }
}
