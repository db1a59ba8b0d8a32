use std::cell::RefCell;

use super::*;

fn settings(folder: &Path, seed: u64) -> Settings {
    Settings {
        seed,
        duration: Duration::ZERO,
        folder: folder.to_path_buf(),
    }
}

fn inputs_of(seed: u64) -> Vec<Vec<u8>> {
    let inputs = RefCell::new(Vec::new());
    let fuzz = Fuzz::new("inputs").seed("12,34").words([","]);
    let counts = fuzz.run_with(&settings(Path::new(""), seed), |bytes| {
        inputs.borrow_mut().push(bytes.to_vec());
        bytes.len()
    });
    assert_eq!(counts.inputs, inputs.borrow().len() as u64);
    inputs.into_inner()
}

#[test]
fn inputs_depend_on_the_seed_only() {
    let inputs = inputs_of(7);
    assert!(inputs.len() as u64 >= AT_LEAST);
    assert_eq!(inputs[..2], [b"".to_vec(), b"12,34".to_vec()]);
    assert_eq!(inputs_of(7), inputs);
    assert_ne!(inputs_of(8), inputs);
}

#[test]
fn failing_input_is_written_to_a_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let fuzz = Fuzz::new("longer").seed("1");
    let failed = catch_unwind(|| {
        fuzz.run_with(&settings(folder.path(), 3), |bytes| {
            assert!(bytes.len() < 20, "longer than 19 bytes");
            bytes.len()
        })
    });
    let panic = failed.expect_err("an input of 20 bytes is made");
    assert_eq!(panic.downcast_ref(), Some(&"longer than 19 bytes"));
    let input = std::fs::read(folder.path().join("longer-3")).expect("written");
    assert!(input.len() >= 20);
}

#[test]
fn inputs_with_new_outcomes_are_mutated_further() {
    // the four bytes are unlikely to be found at once
    let prefix = |bytes: &[u8]| {
        let pairs = bytes.iter().zip(b"\x91\xa2\xb3\xc4");
        pairs.take_while(|(one, other)| one == other).count()
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let long = Settings {
        duration: Duration::from_secs(60),
        ..settings(folder.path(), 5)
    };
    let found = catch_unwind(|| {
        Fuzz::new("prefix").run_with(&long, |bytes| {
            assert!(prefix(bytes) < 4, "found");
            prefix(bytes)
        })
    });
    let panic = found.expect_err("the bytes are found");
    assert_eq!(panic.downcast_ref(), Some(&"found"));
}
