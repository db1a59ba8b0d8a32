use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path as FilePath;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use sha2::{Digest as _, Sha256};
use tower::ServiceExt as _;

use super::files::FILES;
use super::*;

async fn ask(path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).expect("a request");
    // the routes use no state
    let page: Router = Router::new()
        .route("/", get(index))
        .route("/page/{*file}", get(asset));
    page.oneshot(request).await.expect("an answer")
}

fn header_of<'a>(response: &'a Response, name: &str) -> &'a str {
    let value = response.headers().get(name).map(HeaderValue::to_str);
    value.unwrap_or(Ok("")).expect("text")
}

fn paths_of(text: &str, before: &str, after: char) -> Vec<String> {
    let parts = text.split(before).skip(1);
    parts
        .filter_map(|part| part.split_once(after).map(|(path, _)| path.to_owned()))
        .collect()
}

#[tokio::test]
async fn page_is_served_with_a_strict_policy() {
    let response = ask("/", &[]).await;
    assert_eq!(response.status(), 200);
    assert_eq!(
        header_of(&response, "content-type"),
        "text/html; charset=utf-8"
    );
    let policy = header_of(&response, "content-security-policy").to_owned();
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    for weak in ["unsafe-", "http:", "https:", "*", "blob:"] {
        assert!(!policy.contains(weak), "{policy}");
    }
    assert_eq!(header_of(&response, "x-content-type-options"), "nosniff");
    let body = response.into_body().collect().await.expect("a body");
    assert_eq!(body.to_bytes(), INDEX.content);
}

#[tokio::test]
async fn known_file_is_not_sent_again() {
    for file in &FILES {
        let path = format!("/page/{}", file.name);
        let response = ask(&path, &[]).await;
        assert_eq!(response.status(), 200, "{path}");
        let etag = header_of(&response, "etag").to_owned();
        let weak = format!("\"other\", W/{etag}");
        for field in [etag.as_str(), weak.as_str(), "*"] {
            let again = ask(&path, &[("if-none-match", field)]).await;
            assert_eq!(again.status(), 304, "{path} {field}");
            assert_eq!(header_of(&again, "etag"), etag, "{path}");
            let body = again.into_body().collect().await.expect("a body");
            assert!(body.to_bytes().is_empty(), "{path}");
        }
        let changed = ask(&path, &[("if-none-match", "\"other\"")]).await;
        assert_eq!(changed.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn paths_outside_the_table_are_unknown() {
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
        assert_eq!(ask(path, &[]).await.status(), 404, "{path}");
    }
}

#[test]
fn table_has_all_files_of_the_folder() {
    fn walk(folder: &FilePath, root: &FilePath, names: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, root, names);
            } else {
                let name = path.strip_prefix(root).expect("below the root");
                names.insert(name.to_str().expect("UTF-8").to_owned());
            }
        }
    }
    let root = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("page");
    let mut found = BTreeSet::new();
    walk(&root, &root, &mut found);
    let index = std::iter::once(INDEX.name.to_owned());
    let names = FILES.iter().map(|file| file.name.to_owned());
    assert_eq!(found, index.chain(names).collect());
}

#[test]
fn files_refer_to_files_of_the_table_only() {
    let text = |file: &'static File| std::str::from_utf8(file.content).expect("UTF-8");
    let own = FILES
        .iter()
        .filter(|file| !file.name.starts_with("vendor/"));
    for file in own.chain([&INDEX]) {
        let text = text(file);
        let links = paths_of(text, "\"/page/", '"').into_iter();
        let imports = paths_of(text, "from \"./", '"');
        let imports = imports.into_iter().map(|name| format!("js/{name}"));
        let vendored = paths_of(text, "from \"../", '"');
        for name in links.chain(imports).chain(vendored) {
            assert!(find(&name).is_some(), "{}: {name}", file.name);
        }
        // inline code and inline styles would need a weaker policy
        if file.name.ends_with(".html") {
            for forbidden in ["<script>", " style=", "<style", " onclick=", "javascript:"] {
                assert!(!text.contains(forbidden), "{}: {forbidden}", file.name);
            }
        }
        let hosts = paths_of(text, "https://", '"');
        let others = hosts.iter().filter(|host| *host != "www.tradingview.com/");
        assert_eq!(others.count(), 0, "{}: {hosts:?}", file.name);
    }
}

#[test]
fn vendored_files_have_the_written_checksums() {
    let sums = find("vendor/SHA256SUMS").expect("the checksums").content;
    let sums = std::str::from_utf8(sums).expect("UTF-8");
    let mut checked = 0;
    for line in sums.lines() {
        let (sum, name) = line.split_once("  ").expect("sum and name");
        let file = find(&format!("vendor/{name}")).expect("a vendored file");
        let mut found = String::new();
        for byte in Sha256::digest(file.content) {
            write!(found, "{byte:02x}").expect("a string");
        }
        assert_eq!(found, sum, "{name}");
        checked += 1;
    }
    let vendored = FILES.iter().filter(|file| file.name.starts_with("vendor/"));
    assert_eq!(checked + 1, vendored.count(), "every file but the list");
}
