//! Tests of a program's own sections beside the sections of the library.

use super::*;

const MYAPP: &str =
    "[myapp]\nworkers = 4\nname = \"x\"\nratio = 0.5\nquick = true\nhosts = [\"a\"]\n";

fn reader(variables: &[(&str, &str)]) -> SettingsReader {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let reader = SettingsReader::of_folder("no-such-folder").defaults(MYAPP);
    reader.variables(variables)
}

#[test]
fn sections_of_a_program_are_read_and_written() {
    let reader = reader(&[("TICKBOOK__MYAPP__WORKERS", "8")]);
    let settings = reader.read(|sections| {
        let workers: usize = sections.number("myapp.workers", 1, 64);
        let (name, quick) = (sections.text("myapp.name"), sections.flag("myapp.quick"));
        Some((workers, name, quick))
    });
    let settings = settings.expect("valid");
    assert_eq!(settings.program, (8, "x".to_owned(), true));
    let written = settings.to_string();
    assert!(
        written.contains("[myapp]\nworkers = 8\nname = \"x\""),
        "{written}"
    );
}

#[test]
fn mistakes_of_library_and_program_are_one_report() {
    let reader = reader(&[
        ("DATABASE_POOL_SIZE", "0"),
        ("TICKBOOK__MYAPP__WORKERS", "65"),
        ("TICKBOOK__MYAPP__QUICK", "perhaps"),
        ("TICKBOOK__MYAPP__SPEED", "1"),
    ]);
    let read = reader.read(|sections| {
        let workers: u32 = sections.number("myapp.workers", 1, 64);
        let even = sections.parsed("myapp.name", |name| match name {
            "x" => Err("it is x: choose another one"),
            other => Ok(other.to_owned()),
        });
        sections.flag("myapp.quick");
        sections.problem("myapp.hosts has no host: write one");
        Some((workers, even?))
    });
    let problems = read.expect_err("six mistakes").problems;
    let expected = [
        "myapp.speed is not a setting: expected one of hosts, name, quick, ratio, workers",
        "pool.size (DATABASE_POOL_SIZE) must be a whole number from 1 to 1000",
        "myapp.workers must be a whole number from 1 to 64",
        "myapp.name: it is x: choose another one",
        "myapp.quick must be true or false",
        "myapp.hosts has no host: write one",
    ];
    assert_eq!(problems, expected);
}

#[test]
fn unread_settings_have_the_type_of_their_default() {
    let read = |variables: &[(&str, &str)]| reader(variables).read(|_| Some(()));
    let valid = [
        ("TICKBOOK__SERVER__MAX_REQUESTS", "7"),
        // the server checks its range and form
        ("TICKBOOK__SERVER__BUFFER_BYTES", "-1"),
        ("TICKBOOK__SERVER__LISTEN", "here"),
        ("TICKBOOK__MYAPP__RATIO", "2"),
        ("TICKBOOK__MYAPP__QUICK", "false"),
    ];
    read(&valid).expect("of the right types");
    let wrong = [
        ("TICKBOOK__SERVER__MAX_REQUESTS", "many"),
        ("TICKBOOK__WEBSOCKET__QUEUE", "1.5"),
        ("TICKBOOK__RABBITMQ__EXCHANGE__NAME", "x"),
        ("TICKBOOK__MYAPP__RATIO", "half"),
        ("TICKBOOK__MYAPP__QUICK", "perhaps"),
        ("TICKBOOK__MYAPP__HOSTS__A", "b"),
    ];
    let problems = read(&wrong).expect_err("six mistakes").problems;
    let expected = [
        "myapp.hosts must be a list in brackets",
        "myapp.quick must be true or false",
        "myapp.ratio must be a number",
        "rabbitmq.exchange must be a text in quotes",
        "server.max_requests must be a whole number",
        "websocket.queue must be a whole number",
    ];
    assert_eq!(problems, expected);
}

#[test]
fn mistakes_of_the_programmer_are_reported() {
    let broken = SettingsReader::own().defaults("[myapp").read(|_| Some(()));
    let problems = broken.expect_err("no TOML").problems;
    assert!(problems[0].contains("invalid TOML"), "{problems:?}");
    let silent = reader(&[]).read(|_| None::<()>);
    let problems = silent.expect_err("no reason").problems;
    assert!(problems[0].contains("without a reason"), "{problems:?}");
}
