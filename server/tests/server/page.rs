//! The files of the web page over HTTP.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use sha2::{Digest as _, Sha256};

use crate::support::{Answer, Mocks, get, send};

/// The files of `server/page`, by their names below it.
fn files() -> BTreeMap<String, String> {
    fn walk(folder: &Path, root: &Path, files: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, root, files);
                continue;
            }
            let name = path.strip_prefix(root).expect("below the root");
            let name = name.to_str().expect("UTF-8").to_owned();
            files.insert(name, std::fs::read_to_string(&path).expect("UTF-8"));
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
    let mut files = BTreeMap::new();
    walk(&root, &root, &mut files);
    files
}

/// The path of a file in URLs.
fn path_of(name: &str) -> String {
    match name {
        "index.html" => "/".to_owned(),
        name => format!("/page/{name}"),
    }
}

async fn get_known(app: &Router, path: &str, etags: &str) -> Answer {
    let request = Request::get(path).header("if-none-match", etags);
    send(app, request.body(Body::empty()).expect("a request")).await
}

/// The texts between `before` and the next quotation mark.
fn quoted<'a>(text: &'a str, before: &str) -> Vec<&'a str> {
    let parts = text.split(before).skip(1);
    parts
        .filter_map(|part| part.split_once('"').map(|(name, _)| name))
        .collect()
}

#[tokio::test]
async fn every_file_of_the_page_is_served() {
    let app = Mocks::default().app();
    let files = files();
    assert!(files.len() > 30, "{:?}", files.keys());
    for (name, content) in &files {
        let answer = get(&app, &path_of(name)).await;
        assert_eq!(answer.status, 200, "{name}");
        assert!(answer.text == *content, "{name}");
        let kind = match name.rsplit('.').next() {
            Some("html") => "text/html; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => "text/plain; charset=utf-8",
        };
        assert_eq!(answer.header("content-type"), kind, "{name}");
        let is_versioned = name.starts_with("vendor/") && kind.starts_with("text/javascript");
        let caching = match is_versioned {
            true => "public, max-age=31536000, immutable",
            false => "no-cache",
        };
        assert_eq!(answer.header("cache-control"), caching, "{name}");
    }
}

#[tokio::test]
async fn page_has_a_strict_security_policy() {
    let app = Mocks::default().app();
    for path in ["/", "/page/js/main.js"] {
        let answer = get(&app, path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        for weak in ["unsafe-", "http:", "https:", "*", "blob:"] {
            assert!(!policy.contains(weak), "{policy}");
        }
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
    }
}

#[tokio::test]
async fn known_file_is_not_sent_again() {
    let app = Mocks::default().app();
    for name in files().keys() {
        let path = path_of(name);
        let etag = get(&app, &path).await.header("etag").to_owned();
        assert_eq!(etag.len(), 34, "{etag}");
        // that of the compressed file
        let coded = etag.replacen("\"", "", 1).replace('"', "-gzip\"");
        for known in [
            etag.clone(),
            format!("\"other\", W/{etag}"),
            format!("\"{coded}"),
            "*".to_owned(),
        ] {
            let again = get_known(&app, &path, &known).await;
            assert_eq!(again.status, 304, "{path} {known}");
            assert_eq!(again.header("etag"), etag, "{path}");
            assert_eq!(again.text, "", "{path}");
        }
        let changed = get_known(&app, &path, "\"other\"").await;
        assert_eq!(changed.status, 200, "{path}");
    }
}

#[tokio::test]
async fn paths_outside_the_page_are_unknown() {
    let app = Mocks::default().app();
    for path in [
        "/page/",
        "/page/index.html/",
        "/page/js",
        "/page/../Cargo.toml",
        "/page/%2e%2e/Cargo.toml",
        "/page/..%2f..%2fCargo.toml",
        "/page//etc/passwd",
        "/page/js/main.js%00",
    ] {
        get(&app, path).await.problem(404);
    }
}

#[test]
fn page_refers_to_its_own_files_only() {
    let files = files();
    for (name, text) in &files {
        if name.starts_with("vendor/") {
            continue;
        }
        let links = quoted(text, "\"/page/").into_iter().map(str::to_owned);
        let imports = quoted(text, "from \"./").into_iter();
        let imports = imports.map(|name| format!("js/{name}"));
        let vendored = quoted(text, "from \"../").into_iter().map(str::to_owned);
        for other in links.chain(imports).chain(vendored) {
            assert!(files.contains_key(&other), "{name}: {other}");
        }
        // inline code and inline styles would need a weaker policy
        for forbidden in [
            "<script>",
            " style=\"",
            "<style",
            " onclick=",
            "javascript:",
        ] {
            assert!(!text.contains(forbidden), "{name}: {forbidden}");
        }
        let hosts = quoted(text, "https://");
        let others = hosts.iter().filter(|host| **host != "www.tradingview.com/");
        assert_eq!(others.count(), 0, "{name}: {hosts:?}");
    }
}

#[test]
fn vendored_files_have_the_written_checksums() {
    let files = files();
    let sums = &files["vendor/SHA256SUMS"];
    for line in sums.lines() {
        let (sum, name) = line.split_once("  ").expect("sum and name");
        let content = &files[&format!("vendor/{name}")];
        let mut found = String::new();
        for byte in Sha256::digest(content) {
            write!(found, "{byte:02x}").expect("a string");
        }
        assert_eq!(found, sum, "{name}");
    }
    let vendored = files.keys().filter(|name| name.starts_with("vendor/"));
    assert_eq!(
        sums.lines().count() + 1,
        vendored.count(),
        "all but the list"
    );
}
