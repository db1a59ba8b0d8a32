//! Tests of the families of the library.

use std::collections::BTreeSet;

use super::*;

#[test]
fn names_are_different_and_end_with_their_unit() {
    let families = families();
    let names: BTreeSet<_> = families.iter().map(|family| &*family.name).collect();
    assert_eq!(names.len(), families.len());
    for family in &families {
        let name = &*family.name;
        let is_counter = family.kind == FamilyKind::Counter;
        assert_eq!(name.ends_with("_total"), is_counter, "{name}");
        let base = name.trim_end_matches("_total");
        let units = [(Unit::Seconds, "_seconds"), (Unit::Bytes, "_bytes")];
        for (unit, suffix) in units {
            assert_eq!(family.unit == unit, base.ends_with(suffix), "{name}");
        }
        assert!(
            !base.ends_with("_count") && !base.ends_with("_sum"),
            "{name}"
        );
    }
}

#[test]
fn families_have_help_and_histograms_have_buckets() {
    for family in families() {
        let (name, help) = (&family.name, &family.help);
        assert!(
            help.ends_with('.') && !help.contains('\n'),
            "{name}: {help}"
        );
        let is_histogram = family.kind == FamilyKind::Histogram;
        assert_eq!(!family.buckets.is_empty(), is_histogram, "{name}");
        assert!(
            family.buckets.is_sorted_by(|left, right| left < right),
            "{name}"
        );
        for word in family.labels.iter().copied().chain([&**name]) {
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(word.chars().all(is_plain), "{name}: {word}");
        }
    }
}
