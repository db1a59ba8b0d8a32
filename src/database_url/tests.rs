use super::*;

fn conninfo(text: &str) -> String {
    let url = DatabaseUrl::parse(text).expect("valid");
    url.connection_string().expose_secret().to_owned()
}

#[test]
fn url_becomes_a_connection_string() {
    assert_eq!(
        conninfo("postgresql://book:s%40cret@localhost:5433/ticks?sslmode=disable"),
        "host='localhost' port='5433' user='book' password='s@cret' dbname='ticks' \
         sslmode='disable'"
    );
    assert_eq!(
        conninfo("postgres://a:1,[::1]:2,c/ticks"),
        "host='a,::1,c' port='1,2,5432' dbname='ticks'"
    );
    assert_eq!(
        conninfo(r"postgres://u:it's\@h/d"),
        r"host='h' port='5432' user='u' password='it\'s\\' dbname='d'"
    );
}

#[test]
fn default_does_not_override_the_url() {
    let url = DatabaseUrl::parse("postgres://h/d?connect_timeout=7").expect("valid");
    let url = url
        .with_default("connect_timeout", "3")
        .with_default("keepalives", "1");
    assert_eq!(url.parameter("connect_timeout"), Some("7"));
    assert_eq!(url.parameter("keepalives"), Some("1"));
}

#[test]
fn passwords_are_never_shown() {
    let secret = "S3cretPw";
    let url = DatabaseUrl::parse(&format!("postgres://user:{secret}@host/db")).expect("valid");
    for shown in [
        format!("{url:?}"),
        url.to_string(),
        url.redact(&format!("bad password {secret}")),
    ] {
        assert!(!shown.contains(secret) && shown.contains("***"), "{shown}");
    }
    for bad in [
        format!("postgres//user:{secret}@host/db"),
        format!("user:{secret}@host/db"),
        format!("postgres://user:{secret}%zz@host/db"),
        format!("postgres://user:{secret}@host:99999/db"),
        format!("postgres://user:{secret}@host:x/db"),
        format!("postgres://user:{secret}@host"),
        format!("postgres://user:{secret}@host/db?nonsense={secret}"),
        format!("postgres://user:a?{secret}@host/db"),
        format!("postgres://user:{secret}%00@host/db"),
        format!("postgres://user:a@{secret}/b@host/db"),
        format!("postgres://user:a/{secret}@host/db"),
        format!("postgres://user:12/{secret}@host/db"),
        format!("postgres://user:a@{secret}/b/c@host/db"),
        format!("postgres://user:1/x?{secret}@host/db"),
    ] {
        let error = DatabaseUrl::parse(&bad).expect_err("malformed");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn credentials_that_end_too_early_are_refused() {
    for text in [
        "postgres://u:p@ss/word@host/db",
        "postgres://u:pa/ss@host/db",
        "postgres://u:12/ss@host/db",
        "postgres://u:pa?ss@host/db",
        "postgres://us/er:pw@host/db",
    ] {
        let error = DatabaseUrl::parse(text).expect_err(text);
        assert_eq!(error, InvalidDatabaseUrl::Credentials, "{text}");
        let shown = error.to_string();
        assert!(shown.contains("%40") && shown.contains("%2F"), "{shown}");
    }
    // escaped, or not to be misread
    for text in [
        "postgres://u:p%40ss%2Fword@host/db",
        "postgres://u:p@ss@host/db",
        "postgres:///db?host=@socket",
    ] {
        DatabaseUrl::parse(text).expect(text);
    }
}

#[test]
fn text_after_a_bracketed_host_is_refused() {
    for text in ["postgres://[::1]5433/d", "postgres://u@[::1]x,h/d"] {
        let error = DatabaseUrl::parse(text).expect_err(text);
        assert_eq!(error, InvalidDatabaseUrl::Port, "{text}");
    }
}
