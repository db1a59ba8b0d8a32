//! Parser of the output of libtest and cargo, line by line.

/// The results of one test program, or of the doctests of one package.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Section {
    /// The file name of the program, including the hash that cargo adds.
    pub(crate) program: String,
    pub(crate) passed: usize,
    pub(crate) failed: Vec<String>,
    /// Names and reasons.
    pub(crate) ignored: Vec<(String, String)>,
    /// Whether the last line with the totals was printed. A killed program prints none.
    pub(crate) is_whole: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Output {
    sections: Vec<Section>,
    /// Names since the last line `failures:`.
    names: Vec<String>,
}

impl Output {
    pub(crate) fn read(&mut self, line: &str) {
        let line = without_colours(line);
        let line = line.trim_end();
        if let Some(program) = beginning(line) {
            self.names.clear();
            self.sections.push(Section {
                program,
                ..Section::default()
            });
            return;
        }
        let Some(section) = self.sections.last_mut() else {
            return;
        };
        if line == "failures:" {
            self.names.clear();
        } else if let Some(name) = line.strip_prefix("    ") {
            self.names.push(name.to_owned());
        } else if let Some((passed, failed)) = sums(line) {
            // the last list counts: a test may have run this program itself
            let first = self.names.len().saturating_sub(failed);
            section.passed = passed;
            section.failed = self.names.split_off(first);
            section
                .failed
                .resize_with(failed, || "(a test without a name)".to_owned());
            section.is_whole = true;
        } else if let Some(ignored) = ignored(line) {
            section.ignored.push(ignored);
        }
    }

    pub(crate) fn into_sections(self) -> Vec<Section> {
        self.sections
    }
}

/// The program whose tests follow this line.
fn beginning(line: &str) -> Option<String> {
    let line = line.trim_start();
    if let Some(package) = line.strip_prefix("Doc-tests ") {
        return Some(format!("{package} (documentation)"));
    }
    // Running tests/executor.rs (target/debug/deps/executor-0f1e2d3c4b5a6978)
    let path = line.strip_prefix("Running ")?.strip_suffix(')')?;
    let (_, path) = path.rsplit_once('(')?;
    let name = path.rsplit(['/', '\\']).next()?;
    Some(name.strip_suffix(".exe").unwrap_or(name).to_owned())
}

/// The numbers of passed and failed tests.
fn sums(line: &str) -> Option<(usize, usize)> {
    // the output of a test may precede it on the same line
    let (_, sums) = line.rsplit_once("test result: ")?;
    let (_, sums) = sums.split_once(". ")?;
    let number = |what: &str| {
        let part = sums.split("; ").find(|part| part.ends_with(what))?;
        part.split(' ').next()?.parse().ok()
    };
    Some((number(" passed")?, number(" failed")?))
}

fn ignored(line: &str) -> Option<(String, String)> {
    let (name, reason) = line.strip_prefix("test ")?.split_once(" ... ignored")?;
    let reason = reason.strip_prefix(", ").unwrap_or("ignored");
    Some((name.to_owned(), reason.to_owned()))
}

fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, code)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        // `[` and digits up to a letter, or two characters
        let mut ends = code.char_indices();
        let end = if code.starts_with('[') {
            ends.find(|(_, c)| c.is_ascii_alphabetic())
        } else {
            ends.nth(1)
        };
        rest = end.map_or("", |(at, c)| &code[at + c.len_utf8()..]);
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
