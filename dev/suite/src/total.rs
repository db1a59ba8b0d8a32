//! The results of a whole run: failed tests, skipped tests with their reasons, and totals.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::allowed::Allowed;
use crate::output::Section;
use suite::Skip;

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Total {
    pub(crate) programs: usize,
    pub(crate) passed: usize,
    pub(crate) failed: Vec<String>,
    /// Names and reasons.
    pub(crate) skipped: Vec<(String, String)>,
}

impl Total {
    pub(crate) fn of(sections: Vec<Section>, skips: &[Skip]) -> Self {
        let mut total = Self {
            programs: sections.len(),
            ..Self::default()
        };
        for section in sections {
            let program = without_hash(&section.program);
            let name = |test: &str| format!("{program}::{test}");
            // a test may have skipped twice; a test that failed afterwards counts as failed
            let skipped: BTreeMap<_, _> = skips
                .iter()
                .filter(|skip| skip.program == section.program)
                .filter(|skip| !section.failed.contains(&skip.test))
                .map(|skip| (name(&skip.test), skip.reason.clone()))
                .collect();
            total.passed += section.passed.saturating_sub(skipped.len());
            total.skipped.extend(skipped);
            let ignored = section.ignored.iter();
            total
                .skipped
                .extend(ignored.map(|(test, reason)| (name(test), reason.clone())));
            total
                .failed
                .extend(section.failed.iter().map(|test| name(test)));
            if !section.is_whole {
                total
                    .failed
                    .push(format!("{program}: ended without a result"));
            }
        }
        total
    }

    /// The names of skipped tests that are not allowed to be skipped.
    pub(crate) fn beyond(&self, allowed: &Allowed) -> Vec<&str> {
        let names = self.skipped.iter().map(|(name, _)| name.as_str());
        names.filter(|name| !allowed.contains(name)).collect()
    }

    /// The report; its last line has the totals, and before it are the tests in `beyond`, which
    /// are not allowed to be skipped.
    pub(crate) fn text(&self, beyond: &[&str]) -> String {
        let mut text = String::new();
        for (name, reason) in &self.skipped {
            let _ = writeln!(text, "skipped: {name}: {reason}");
        }
        for name in &self.failed {
            let _ = writeln!(text, "FAILED: {name}");
        }
        for name in beyond {
            let _ = writeln!(text, "not allowed to be skipped where CI is set: {name}");
        }
        let _ = writeln!(
            text,
            "total: {} passed, {} failed, {} skipped, in {} programs",
            self.passed,
            self.failed.len(),
            self.skipped.len(),
            self.programs
        );
        text
    }
}

/// The name without the 16-digit hash that cargo adds.
fn without_hash(program: &str) -> &str {
    match program.rsplit_once('-') {
        Some((name, hash)) if hash.chars().all(|c| c.is_ascii_hexdigit()) => name,
        _ => program,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skip(program: &str, test: &str) -> Skip {
        Skip {
            program: program.to_owned(),
            test: test.to_owned(),
            reason: "no root".to_owned(),
        }
    }

    #[test]
    fn skips_are_subtracted_from_passed_tests() {
        let section = |program: &str, failed: &[&str]| Section {
            program: program.to_owned(),
            passed: 3,
            failed: failed.iter().map(|&name| name.to_owned()).collect(),
            is_whole: true,
            ..Section::default()
        };
        let skips = [
            skip("a-0f", "one"),
            skip("a-0f", "one"),
            skip("b-0f", "two"),
            skip("b-0f", "three"),
        ];
        let sections = vec![section("a-0f", &[]), section("b-0f", &["two"])];
        let total = Total::of(sections, &skips);
        assert_eq!((total.passed, total.failed.len()), (4, 1));
        let skipped: Vec<_> = total.skipped.iter().map(|(name, _)| name).collect();
        assert_eq!(skipped, ["a::one", "b::three"]);
        assert_eq!(
            total.text(&[]),
            "skipped: a::one: no root\nskipped: b::three: no root\nFAILED: b::two\n\
             total: 4 passed, 1 failed, 2 skipped, in 2 programs\n"
        );
    }

    #[test]
    fn programs_without_a_result_have_failed() {
        let killed = Section {
            program: "a-0f".to_owned(),
            ..Section::default()
        };
        let total = Total::of(vec![killed], &[]);
        assert_eq!(total.failed, ["a: ended without a result"]);
    }

    #[test]
    fn skips_that_are_not_allowed_are_listed() {
        let total = Total {
            skipped: ["a::one", "a::m::two", "b::one"]
                .map(|name| (name.to_owned(), "no root".to_owned()))
                .into(),
            ..Total::default()
        };
        let allowed = Allowed::parse("# why\na::one\n\na::m::* \n");
        assert_eq!(total.beyond(&allowed), ["b::one"]);
    }
}
