use std::fmt::Display;
use std::io::Write as _;
use std::path::Path;

/// The variable with the path of the file that receives a line for each skip.
pub const SKIPS: &str = "TICKBOOK_SKIPS";

/// Counts the calling test as skipped, with a reason that completes "skipped: …".
///
/// Call it on the thread of the test, which has the test's name, and return from the test afterwards. Further
/// calls have no effect. A test that fails afterwards counts as failed.
pub fn skip(reason: impl Display) {
    let thread = std::thread::current();
    let test = thread.name().filter(|&name| name != "main");
    let program = std::env::current_exe().expect("the path of this program");
    let skip = Skip {
        program: stem(&program).to_owned(),
        test: test.expect("the thread has the name of a test").to_owned(),
        reason: reason.to_string(),
    };
    println!("skipped: {}", skip.reason);
    let Some(path) = std::env::var_os(SKIPS) else {
        return;
    };
    let file = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path);
    // a single short write to a file in append mode is atomic
    file.and_then(|mut file| file.write_all(skip.line().as_bytes()))
        .expect("an uncounted skip would count as passed");
}

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skip {
    /// The file name of the test program, including the hash that cargo adds.
    pub program: String,
    pub test: String,
    pub reason: String,
}

impl Skip {
    fn line(&self) -> String {
        let one_line = self.reason.split_whitespace().collect::<Vec<_>>().join(" ");
        format!("{}\t{}\t{one_line}\n", self.program, self.test)
    }

    /// Parses a line; `None` if it is invalid.
    pub fn parse(line: &str) -> Option<Self> {
        let mut parts = line.splitn(3, '\t').map(str::to_owned);
        Some(Self {
            program: parts.next()?,
            test: parts.next()?,
            reason: parts.next()?,
        })
    }
}

pub(crate) fn stem(program: &Path) -> &str {
    program
        .file_stem()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written() {
        let skip = Skip {
            program: "faults-0f1e2d3c4b5a6978".to_owned(),
            test: "gate::tests::one".to_owned(),
            reason: "no root:\n\tnothing can be mounted".to_owned(),
        };
        let line = skip.line();
        assert!(line.ends_with('\n') && line.matches('\n').count() == 1);
        let read = Skip::parse(line.trim_end()).expect("a line");
        assert_eq!(
            read,
            Skip {
                reason: "no root: nothing can be mounted".to_owned(),
                ..skip
            }
        );
        assert_eq!(Skip::parse("faults-0f\tgate"), None);
    }
}
