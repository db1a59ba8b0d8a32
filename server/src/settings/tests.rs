use std::path::Path;
use std::time::Duration;

use super::*;

fn load(folder: &Path, variables: &[(&str, &str)]) -> Result<ServerSettings, InvalidConfig> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    ServerSettings::load_from(folder, variables)
}

fn nowhere() -> &'static Path {
    Path::new("there-is-no-such-folder")
}

#[test]
fn defaults_are_compiled_in() {
    let settings = load(nowhere(), &[]).expect("the defaults are valid");
    assert_eq!(settings.server, ServerConfig::default());
    assert_eq!(settings.websocket, WebSocketConfig::default());
    assert_eq!(settings.rabbitmq.url, None);
    let library = Config::load_from(nowhere(), []).expect("the defaults are valid");
    assert_eq!(settings.library, library);
}

#[test]
fn later_layers_override_earlier_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("written");
    };
    write(
        "default.toml",
        "[pool]\nsize = 2\n[server]\nmax_requests = 2\nheader_timeout_ms = 2",
    );
    write(
        "live.toml",
        "[server]\nmax_requests = 3\nheader_timeout_ms = 3",
    );
    let variables = [
        ("TICKBOOK_ENVIRONMENT", "live"),
        ("TICKBOOK__SERVER__HEADER_TIMEOUT_MS", "4"),
        ("TICKBOOK__SERVER__LISTEN", "127.0.0.1:0"),
    ];
    let settings = load(folder.path(), &variables).expect("valid");
    assert_eq!(settings.library.database.pool.size, 2);
    assert_eq!(settings.server.max_requests, 3);
    assert_eq!(settings.server.header_timeout, Duration::from_millis(4));
    assert_eq!(settings.server.listen.port(), 0);
}

#[test]
fn library_and_server_mistakes_are_reported_together() {
    let variables = [
        ("DATABASE_URL", "postgres//u:S3cretPw@h/m"),
        ("TICKBOOK__POOL__SIZES", "3"),
        ("TICKBOOK__SERVER__LISTEN", "here"),
        ("TICKBOOK__SERVER__LISTENS", "here"),
    ];
    let error = load(nowhere(), &variables).expect_err("wrong in four ways");
    let text = error.to_string();
    // the first line is a heading
    assert_eq!(text.lines().count(), 1 + 4, "one a line: {text}");
    for word in [
        "DATABASE_URL",
        "pool.sizes",
        "server.listen:",
        "server.listens",
    ] {
        let lines = text.lines().filter(|line| line.contains(word));
        assert_eq!(lines.count(), 1, "{word} in {text}");
    }
    assert!(!format!("{text}{error:?}").contains("S3cretPw"), "{text}");
}

#[test]
fn every_wrong_server_setting_is_reported_once() {
    let variables = [
        ("TICKBOOK__SERVER__MAX_REQUESTS", "many"),
        ("TICKBOOK__SERVER__BUFFER_BYTES", "100"),
        ("TICKBOOK__WEBSOCKET__QUEUE", "0"),
        ("TICKBOOK__RABBITMQ__EXCHANGE", ""),
        ("TICKBOOK__RABBITMQ__URL", "http://u:S3cretPw@h"),
        ("TICKBOOK__RABBITMQ__QUEUE", "none"),
    ];
    let problems = load(nowhere(), &variables).expect_err("wrong").problems;
    let expected = [
        "server.max_requests must be a whole number from 1 to 100000",
        "server.buffer_bytes must be a whole number from 8388608",
        "websocket.queue must be a whole number from 1",
        "rabbitmq.queue must be a whole number from 1",
        "rabbitmq.exchange must have 1 to 255 bytes",
        "invalid rabbitmq.url",
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.starts_with(expected), "{expected}: {problem}");
    }
}

#[test]
fn broker_is_off_without_a_url_which_is_never_shown() {
    let settings = load(nowhere(), &[]).expect("the defaults are valid");
    assert_eq!(settings.rabbitmq.url, None);
    let url = "amqp://u:S3cretPw@h:5672/%2f";
    let settings = load(nowhere(), &[("TICKBOOK__RABBITMQ__URL", url)]).expect("valid");
    let shown = format!("{settings:?}");
    assert!(!shown.contains("S3cretPw"), "{shown}");
    let kept = settings.rabbitmq.url.expect("given");
    assert_eq!(kept.with_password(), url);
    let bad = [("TICKBOOK__RABBITMQ__URL", "http://u:S3cretPw@h")];
    let error = load(nowhere(), &bad).expect_err("no AMQP").to_string();
    assert!(
        error.contains("rabbitmq.url") && !error.contains("S3cretPw"),
        "{error}"
    );
}

#[test]
fn listen_takes_the_name_of_a_host() {
    let listen = |text| parse_listen(text).map(|address| address.to_string());
    assert_eq!(listen("127.0.0.1:3000").as_deref(), Ok("127.0.0.1:3000"));
    assert_eq!(listen("[::1]:3000").as_deref(), Ok("[::1]:3000"));
    assert_eq!(listen("localhost:3000").as_deref(), Ok("127.0.0.1:3000"));
    for bad in [
        "",
        "localhost",
        "3000",
        ":",
        "localhost:http",
        "localhost:70000",
    ] {
        let no_port = InvalidListen::NoPort(bad.to_owned());
        assert_eq!(listen(bad), Err(no_port), "{bad:?}");
    }
    let error = listen("a b:1").expect_err("no host");
    assert!(matches!(error, InvalidListen::NotFound { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("\"a b:1\"") && text.contains("127.0.0.1:3000"),
        "{text}"
    );
}
