use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::{Scope, Token};

fn record(name: &str) -> TokenRecord {
    let digest = Token::generate().expect("random").digest();
    let created = "2026-11-30T12:00:00Z".parse().expect("a time");
    TokenRecord::new(name, digest, [Scope::Read], created).expect("valid")
}

fn folder() -> (tempfile::TempDir, TokenFile) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = TokenFile::new(folder.path().join("tokens"));
    (folder, file)
}

fn names(file: &TokenFile) -> Vec<String> {
    let (list, _) = file.read().expect("readable");
    list.records().iter().map(|it| it.name.clone()).collect()
}

#[test]
fn added_and_revoked_tokens_are_read_again() {
    let (folder, file) = folder();
    assert!(matches!(file.read(), Err(TokenFileError::Missing(_))));
    assert!(matches!(file.revoke("a"), Err(TokenFileError::Missing(_))));
    file.add(record("a")).expect("added");
    let before = file.version().expect("there");
    file.add(record("b")).expect("added");
    assert_ne!(file.version().expect("there"), before);
    assert_eq!(names(&file), ["a", "b"]);
    assert!(matches!(
        file.add(record("a")),
        Err(TokenFileError::List(_))
    ));
    assert_eq!(file.revoke("a").expect("revoked").name, "a");
    assert_eq!(names(&file), ["b"]);
    let files = fs::read_dir(folder.path()).expect("a folder");
    assert_eq!(files.count(), 1, "no other file is left");
}

#[test]
fn file_is_for_its_owner_only() {
    let (_folder, file) = folder();
    for name in ["a", "b"] {
        file.add(record(name)).expect("added");
        let mode = fs::metadata(file.path())
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o7777, 0o600);
    }
    for mode in [0o640, 0o604, 0o602, 0o620] {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(file.path(), permissions).expect("changed");
        for error in [file.read().err(), file.add(record("c")).err()] {
            let text = error.expect("others can access it").to_string();
            assert!(text.contains(&format!("{mode:04o}")), "{text}");
            assert!(text.contains("chmod 600"), "{text}");
        }
    }
}

#[test]
fn damaged_file_is_not_changed() {
    let (_folder, file) = folder();
    file.add(record("a")).expect("added");
    let text = fs::read_to_string(file.path()).expect("read");
    fs::write(file.path(), format!("{text}x\n")).expect("written");
    let error = file.add(record("b")).expect_err("damaged").to_string();
    assert!(error.contains("line 2"), "{error}");
    assert_eq!(
        fs::read_to_string(file.path()).expect("read"),
        format!("{text}x\n")
    );
    let large = vec![b'\n'; usize::try_from(MAX_FILE_BYTES).expect("small") + 1];
    fs::write(file.path(), large).expect("written");
    assert!(matches!(file.read(), Err(TokenFileError::TooLarge(_))));
}

#[test]
fn link_to_a_file_stays_a_link() {
    let (folder, file) = folder();
    file.add(record("a")).expect("added");
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(file.path(), &link).expect("linked");
    TokenFile::new(&link).add(record("b")).expect("added");
    assert!(link.is_symlink());
    assert_eq!(names(&file), ["a", "b"]);
}

#[test]
fn changes_at_the_same_time_are_all_stored() {
    let (_folder, file) = folder();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let file = &file;
            scope.spawn(move || {
                for number in 0..10 {
                    file.add(record(&format!("{writer}-{number}")))
                        .expect("added");
                }
                file.revoke(&format!("{writer}-3")).expect("revoked");
            });
        }
    });
    let mut all = names(&file);
    all.sort();
    let expected = (0..4).flat_map(|writer| (0..10).map(move |number| (writer, number)));
    let expected = expected.filter(|(_, number)| *number != 3);
    let expected: Vec<_> = expected
        .map(|(writer, number)| format!("{writer}-{number}"))
        .collect();
    assert_eq!(all, expected);
}
