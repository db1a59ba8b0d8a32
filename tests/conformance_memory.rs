//! The in-memory repositories do what every backend does.
#![cfg(feature = "conformance")]

use tickbook::Repositories;
use tickbook::conformance::Subject;

async fn empty_store() -> Subject {
    Subject::new(Repositories::in_memory())
}

tickbook::conformance_tests!(empty_store);

mod with_a_floor {
    use std::sync::Arc;

    use tickbook::memory::InMemoryTickRepository;
    use tickbook::policies::{RetentionFloor, Span};

    use super::*;

    async fn empty_store() -> Subject {
        let ticks = InMemoryTickRepository::new();
        ticks.set_floor(RetentionFloor {
            drop_after: Some(Span::days(30)),
            ..RetentionFloor::default()
        });
        Subject::new(Repositories {
            ticks: Arc::new(ticks),
            ..Repositories::in_memory()
        })
    }

    tickbook::conformance_floor_tests!(empty_store);
}

/// The list in the macro and the functions are kept in step by this test alone.
#[test]
fn every_behaviour_is_stamped() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/conformance");
    let stamp = std::fs::read_to_string(folder.join("stamp.rs")).expect("the macro");
    let stamped: Vec<&str> = stamp.split_whitespace().collect();
    let mut behaviours = 0;
    for file in std::fs::read_dir(folder).expect("the folder of the suite") {
        let source = std::fs::read_to_string(file.expect("a file").path()).expect("a source file");
        for line in source.lines() {
            let Some(rest) = line.strip_prefix("pub async fn ") else {
                continue;
            };
            let name = rest.split('(').next().expect("split gives a first part");
            assert!(stamped.contains(&name), "{name} is in no test");
            behaviours += 1;
        }
    }
    assert!(behaviours > 80, "only {behaviours} behaviours were found");
}
