//! Excerpts of invalid input for error messages.

/// The number of characters of an invalid text that an error shows.
const SHOWN_CHARACTERS: usize = 40;

/// Quotes `text`, cut to 40 characters, with invalid UTF-8 replaced.
#[must_use]
pub fn excerpt(text: impl AsRef<[u8]>) -> String {
    let text = text.as_ref();
    // a character has at most four bytes, so the cost does not depend on the length of the text
    let start = &text[..text.len().min(4 * (SHOWN_CHARACTERS + 1))];
    let start = String::from_utf8_lossy(start);
    let cut: String = start.chars().take(SHOWN_CHARACTERS).collect();
    if cut.len() < start.len() {
        format!("{cut:?}…")
    } else {
        format!("{cut:?}")
    }
}

/// Escapes the control characters of `text`, so that it cannot control a terminal.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => printable.extend(c.escape_default()),
            false => printable.push(c),
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forty_characters_are_shown_and_a_cut_is_marked() {
        let forty = "\u{1F600}".repeat(40);
        assert_eq!(excerpt(&forty), format!("\"{forty}\""));
        assert_eq!(excerpt(format!("{forty}x")), format!("\"{forty}\"…"));
        assert_eq!(excerpt("9".repeat(4_000_000)).chars().count(), 43);
        assert_eq!(excerpt(b"a\xff\n"), "\"a\u{FFFD}\\n\"");
        assert_eq!(excerpt(""), "\"\"");
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(printable("a\u{1b}[2J\u{9b}é\"'"), "a\\u{1b}[2J\\u{9b}é\"'");
    }
}
