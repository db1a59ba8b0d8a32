//! Formats tables of text.

use tickbook::domain::printable;

/// Formats rows under a header; each column is as wide as its widest text, without trailing spaces.
pub(crate) fn table<const COLUMNS: usize>(
    header: [&str; COLUMNS],
    rows: &[[String; COLUMNS]],
) -> String {
    let rows: Vec<_> = std::iter::once(header.map(str::to_owned))
        .chain(
            rows.iter()
                .map(|row| row.each_ref().map(|it| printable(it))),
        )
        .collect();
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    let line = |row: &[String; COLUMNS]| {
        let padded = row.iter().zip(widths);
        let padded = padded.map(|(text, width)| format!("{text:<width$}"));
        let padded: Vec<_> = padded.collect();
        padded.join("  ").trim_end().to_owned()
    };
    let lines: Vec<_> = rows.iter().map(line).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_texts() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let rows = [row(["1", "é\n", ""]), row(["10", "long", "x"])];
        let text = table(["ID", "NAME", "Z"], &rows);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "ID  NAME  Z");
        assert_eq!(lines[2], "10  long  x");
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[1].starts_with("1   é"), "{text}");
        assert!(!lines[1].ends_with(' '));
    }
}
