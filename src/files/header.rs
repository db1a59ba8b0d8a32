//! Header rows: the positions of columns.

use crate::domain::{excerpt, printable};

use super::error::{FileError, LineError};
use super::field::Columns;
use super::lines::Lines;

/// The names of the columns, from the first line that is neither blank nor a comment.
#[derive(Debug)]
pub(crate) struct Header {
    names: Vec<String>,
}

impl Header {
    pub(crate) fn read(lines: &mut Lines<'_>) -> Result<Self, FileError> {
        let mut line = Vec::new();
        loop {
            let found = lines
                .next_into(&mut line)
                .map_err(|error| unusable(lines, &error))?;
            if !found {
                let reason = "has no header row: add one with the names of the columns";
                return Err(FileError::new(lines.place(), reason));
            }
            if !line.starts_with(b"#") {
                break;
            }
        }
        let is_text = std::str::from_utf8(&line).is_ok_and(|line| !line.contains(is_of_no_text));
        if !is_text {
            let shown = excerpt(&line);
            let reason = format!("is not text, it starts with {shown}: convert it to CSV in UTF-8");
            return Err(FileError::new(lines.place(), reason));
        }
        let mut columns = Columns::default();
        columns.read(&line);
        let names = (0..columns.len())
            .map(|index| String::from_utf8_lossy(columns.get(index)).into_owned())
            .collect();
        Ok(Self { names })
    }

    /// Returns the columns with one of these names, compared without regard to case.
    pub(crate) fn find(&self, names: &[&str]) -> Vec<usize> {
        let wanted = |name: &String| names.iter().any(|wanted| name.eq_ignore_ascii_case(wanted));
        let all = self.names.iter().enumerate();
        all.filter(|(_, name)| wanted(name))
            .map(|(index, _)| index)
            .collect()
    }

    pub(crate) fn width(&self) -> usize {
        self.names.len()
    }

    /// Refuses a row with another number of columns than the header.
    pub(crate) fn check_width(&self, columns: &Columns) -> Result<(), String> {
        let (width, wanted) = (columns.len(), self.names.len());
        if width == wanted {
            return Ok(());
        }
        Err(format!(
            "has {width} columns, not {wanted} as the header: correct it, and write decimals with \
             points, since commas separate columns"
        ))
    }

    /// Lists the names without control characters, cut to a readable number.
    pub(crate) fn list(&self) -> String {
        let shown: Vec<_> = self.names.iter().take(30).map(String::as_str).collect();
        let text: String = shown.join(", ").chars().take(400).collect();
        printable(&text)
    }
}

fn is_of_no_text(c: char) -> bool {
    c.is_control() && c != '\t'
}

fn unusable(lines: &Lines<'_>, error: &LineError) -> FileError {
    let reason = format!("line {}: {}", error.line(), error.reason());
    FileError::new(lines.place(), reason)
}
