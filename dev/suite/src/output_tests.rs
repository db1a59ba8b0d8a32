use super::*;

fn sections(text: &str) -> Vec<Section> {
    let mut output = Output::default();
    text.lines().for_each(|line| output.read(line));
    output.into_sections()
}

const RED: &str = "\
   Compiling tickbook v0.1.0
    Finished `test` profile in 3.1s
     Running unittests src/lib.rs (target/debug/deps/tickbook-00f1)

running 4 tests
test a::one ... ok
test a::two ... FAILED
test b ... ignored, it measures
test c ... ok

failures:

---- a::two stdout ----
test result: ok. 9 passed; 7 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
failures:
    not_this_one

thread 'a::two' panicked

failures:
    a::two

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s

error: test failed, to rerun pass `-p tickbook --lib`
     Running tests/executor.rs (target/debug/deps/executor-00f2)

running 1 test
test x ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.00s

   Doc-tests tickbook

running 1 test
test src/lib.rs - (line 3) ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.30s
";

#[test]
fn results_are_read_program_by_program() {
    let section = |program: &str, passed| Section {
        program: program.to_owned(),
        passed,
        is_whole: true,
        ..Section::default()
    };
    let expected = [
        Section {
            failed: vec!["a::two".to_owned()],
            ignored: vec![("b".to_owned(), "it measures".to_owned())],
            ..section("tickbook-00f1", 2)
        },
        section("executor-00f2", 1),
        section("tickbook (documentation)", 1),
    ];
    assert_eq!(sections(RED), expected);
}

#[test]
fn colours_change_nothing() {
    let coloured = RED
        .replace("Running", "\u{1b}[1m\u{1b}[92mRunning\u{1b}[0m")
        .replace("FAILED", "\u{1b}[31mFAILED\u{1b}(B\u{1b}[m")
        .replace(" ok", " \u{1b}[32mok\u{1b}(B\u{1b}[m");
    let (coloured, plain) = (sections(&coloured), sections(RED));
    assert_eq!(coloured, plain);
}

#[test]
fn program_that_is_killed_is_not_whole() {
    let killed = "     Running tests/a.rs (target/debug/deps/a-1)\n\nrunning 2 tests\n\
        test one ... ok\nerror: test failed, to rerun pass `--test a`\n\
        \x20    Running tests/b.rs (target/debug/deps/b-1)\n\nrunning 0 tests\n\n\
        test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0s\n";
    let whole: Vec<_> = sections(killed)
        .into_iter()
        .map(|section| (section.program, section.is_whole))
        .collect();
    assert_eq!(whole, [("a-1".to_owned(), false), ("b-1".to_owned(), true)]);
}

#[test]
fn results_after_other_words_are_read() {
    let text = "Running tests/a.rs (target/debug/deps/a-1)\n\
        dropping the rest test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
    assert_eq!(sections(text)[0].passed, 3);
}
