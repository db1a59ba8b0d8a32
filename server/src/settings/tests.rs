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
    assert_eq!(settings.access, AccessConfig::default());
    assert_eq!(settings.websocket, WebSocketConfig::default());
    assert_eq!(settings.rabbitmq.url, None);
    assert_eq!(settings.symbols, SymbolsConfig::default());
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
fn origins_and_hosts_are_lists() {
    let variables = [
        (
            "TICKBOOK__ACCESS__ORIGINS",
            "https://a.example, http://localhost:8080",
        ),
        ("TICKBOOK__ACCESS__HOSTS", "Quotes.example"),
        ("TICKBOOK__ACCESS__TOKENS_FILE", "tokens"),
    ];
    let access = load(nowhere(), &variables).expect("valid").access;
    let origins: Vec<_> = access.origins.iter().map(ToString::to_string).collect();
    assert_eq!(origins, ["https://a.example", "http://localhost:8080"]);
    assert_eq!(access.hosts, ["quotes.example".parse().expect("valid")]);
    assert_eq!(access.tokens_file.as_deref(), Some(Path::new("tokens")));
    // the command-line tool, which does not read them, accepts the same variables
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Config::load_from(nowhere(), variables).expect("valid");
    let wrong = [
        ("TICKBOOK__ACCESS__ORIGINS", "*,https://a.example/"),
        ("TICKBOOK__ACCESS__HOSTS", "a.example:80"),
        ("TICKBOOK__ACCESS__REQUESTS_PER_SECOND", "-1"),
    ];
    let problems = load(nowhere(), &wrong).expect_err("wrong").problems;
    let expected = [
        "access.origins: invalid origin \"*\"",
        "access.origins: invalid origin \"https://a.example/\"",
        "access.hosts: invalid host \"a.example:80\"",
        "access.requests_per_second must be a whole number",
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.starts_with(expected), "{expected}: {problem}");
    }
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

#[test]
fn feeds_are_read_by_their_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "[feeds.kraken]\nsymbols = [\"BTC/USD\", \"ETH/USD\"]\n\
                channels = [\"quotes\", \"trades\", \"book:100\"]\n\
                [feeds.second]\nvenue = \"okx\"\nsymbols = [\"BTC-USDT\"]\n\
                websocket = \"ws://localhost:1/\"\nhttp = \"http://localhost:1\"\n\
                [feeds.old]\nvenue = \"replay\"\nfiles = [\"a.zip\"]\nspeed = \"max\"\n\
                [feeds.simulated]\nseed = 7\n";
    std::fs::write(folder.path().join("default.toml"), text).expect("written");
    let variables = [("TICKBOOK__FEEDS__OLD__SYMBOLS", "oanda:EURUSD")];
    let feeds = load(folder.path(), &variables).expect("valid").feeds;
    let names: Vec<_> = feeds.keys().map(String::as_str).collect();
    assert_eq!(names, ["kraken", "old", "second", "simulated"]);
    let kraken = &feeds["kraken"];
    assert_eq!(kraken.kind.to_string(), "kraken");
    assert_eq!(kraken.symbols, ["BTC/USD", "ETH/USD"]);
    let channels: Vec<_> = kraken.channels.iter().map(ToString::to_string).collect();
    assert_eq!(channels, ["quotes", "trades", "book:100"]);
    let second = &feeds["second"];
    assert_eq!(second.kind.to_string(), "okx");
    assert_eq!(second.websocket.as_deref(), Some("ws://localhost:1"));
    let channels: Vec<_> = second.channels.iter().map(ToString::to_string).collect();
    assert_eq!(channels, ["quotes", "trades"]);
    let old = &feeds["old"];
    assert_eq!((old.kind, old.symbols.len()), (FeedKind::Replay, 1));
    assert_eq!(
        (old.files.len(), old.speed.to_string()),
        (1, "max".to_owned())
    );
    assert_eq!(feeds["simulated"].seed, Some(7));
}

#[test]
fn mistakes_in_feeds_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    for (text, problem) in [
        (
            "[feeds.mtgox]",
            "feeds.mtgox has no venue: write venue = one of binance",
        ),
        (
            "[feeds.a]\nvenue = \"mtgox\"",
            "feeds.a.venue: unknown kind of feed \"mtgox\"",
        ),
        (
            "[feeds.\"a b\"]\nvenue = \"kraken\"",
            "invalid name \"a b\" in [feeds]",
        ),
        ("[feeds]\nkraken = 7", "feeds.kraken must be a section"),
        (
            "[feeds.kraken]\nsymbol = \"a\"",
            "feeds.kraken.symbol is not a setting",
        ),
        (
            "[feeds.kraken]\nseed = 7",
            "feeds.kraken.seed is not a setting",
        ),
        (
            "[feeds.kraken]\nsymbols = 7.5\nchannels = [\"l3\"]",
            "invalid channel \"l3\"",
        ),
        (
            "[feeds.kraken]\nchannels = [\"instruments\"]",
            "always read",
        ),
        (
            "[feeds.kraken]\nwebsocket = \"ws://a\"",
            "needs both websocket and http",
        ),
        (
            "[feeds.kraken]\nwebsocket = \"a\"\nhttp = \"https://a\"",
            "expected wss:// or ws://",
        ),
        (
            "[feeds.simulated]\nseed = -1",
            "feeds.simulated.seed: expected a whole number",
        ),
        ("[feeds.kraken]\nrecord = \"soon\"", "feeds.kraken.record: "),
        (
            "[feeds.replay]\nspeed = \"fast\"",
            "feeds.replay.speed: invalid speed",
        ),
    ] {
        std::fs::write(folder.path().join("default.toml"), text).expect("written");
        let problems = load(folder.path(), &[]).expect_err(text).problems;
        assert!(
            problems.iter().any(|it| it.contains(problem)),
            "{text}: {problems:?}"
        );
    }
}

#[test]
fn interval_of_syncs_is_a_length_or_none() {
    let sync_every = |text: &str| load(nowhere(), &[("TICKBOOK__SYMBOLS__SYNC_EVERY", text)]);
    for (text, expected) in [("1h30m", Some(Duration::from_secs(5_400))), ("none", None)] {
        let settings = sync_every(text).expect("valid");
        assert_eq!(settings.symbols.sync_every, expected);
    }
    for text in ["0s", "5", "never"] {
        let problems = sync_every(text).expect_err("no length").problems;
        assert!(
            problems[0].starts_with("symbols.sync_every: "),
            "{problems:?}"
        );
    }
}

#[test]
fn sync_is_of_all_or_of_existing_symbols() {
    let sync = |text: &str| load(nowhere(), &[("TICKBOOK__SYMBOLS__SYNC", text)]);
    for (text, expected) in [("all", true), ("existing", false)] {
        let settings = sync(text).expect("valid");
        assert_eq!(settings.symbols.sync_all, expected);
    }
    let problems = sync("some").expect_err("another text").problems;
    assert!(
        problems[0].starts_with("symbols.sync: ") && problems[0].contains("all or existing"),
        "{problems:?}"
    );
}
