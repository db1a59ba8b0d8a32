//! The table of the files of the page.

use std::fmt::Write as _;
use std::sync::OnceLock;

use sha2::{Digest as _, Sha256};

/// A file that is part of the program.
#[derive(Debug)]
pub(super) struct File {
    /// Its path below `server/page/`, and in URLs below `/page/`.
    pub(super) name: &'static str,
    pub(super) content: &'static [u8],
    etag: OnceLock<String>,
}

const fn file(name: &'static str, content: &'static [u8]) -> File {
    File {
        name,
        content,
        etag: OnceLock::new(),
    }
}

/// The page itself, at `/`.
pub(super) static INDEX: File = file("index.html", include_bytes!("../../page/index.html"));

/// All other files, by name.
pub(super) static FILES: [File; 38] = [
    file(
        "css/controls.css",
        include_bytes!("../../page/css/controls.css"),
    ),
    file(
        "css/layout.css",
        include_bytes!("../../page/css/layout.css"),
    ),
    file("css/lower.css", include_bytes!("../../page/css/lower.css")),
    file(
        "css/panels.css",
        include_bytes!("../../page/css/panels.css"),
    ),
    file("css/theme.css", include_bytes!("../../page/css/theme.css")),
    file("icon.svg", include_bytes!("../../page/icon.svg")),
    file("js/account.js", include_bytes!("../../page/js/account.js")),
    file(
        "js/account_tables.js",
        include_bytes!("../../page/js/account_tables.js"),
    ),
    file("js/api.js", include_bytes!("../../page/js/api.js")),
    file("js/book.js", include_bytes!("../../page/js/book.js")),
    file(
        "js/book_table.js",
        include_bytes!("../../page/js/book_table.js"),
    ),
    file("js/candles.js", include_bytes!("../../page/js/candles.js")),
    file("js/chart.js", include_bytes!("../../page/js/chart.js")),
    file(
        "js/connection.js",
        include_bytes!("../../page/js/connection.js"),
    ),
    file("js/decimal.js", include_bytes!("../../page/js/decimal.js")),
    file(
        "js/depth_chart.js",
        include_bytes!("../../page/js/depth_chart.js"),
    ),
    file("js/details.js", include_bytes!("../../page/js/details.js")),
    file("js/equity.js", include_bytes!("../../page/js/equity.js")),
    file("js/feeds.js", include_bytes!("../../page/js/feeds.js")),
    file("js/frame.js", include_bytes!("../../page/js/frame.js")),
    file(
        "js/keyboard.js",
        include_bytes!("../../page/js/keyboard.js"),
    ),
    file("js/legend.js", include_bytes!("../../page/js/legend.js")),
    file("js/main.js", include_bytes!("../../page/js/main.js")),
    file("js/search.js", include_bytes!("../../page/js/search.js")),
    file("js/series.js", include_bytes!("../../page/js/series.js")),
    file("js/socket.js", include_bytes!("../../page/js/socket.js")),
    file("js/state.js", include_bytes!("../../page/js/state.js")),
    file("js/tabs.js", include_bytes!("../../page/js/tabs.js")),
    file("js/tape.js", include_bytes!("../../page/js/tape.js")),
    file("js/theme.js", include_bytes!("../../page/js/theme.js")),
    file("js/time.js", include_bytes!("../../page/js/time.js")),
    file("js/toolbar.js", include_bytes!("../../page/js/toolbar.js")),
    file("js/watch.js", include_bytes!("../../page/js/watch.js")),
    file(
        "vendor/README.txt",
        include_bytes!("../../page/vendor/README.txt"),
    ),
    file(
        "vendor/SHA256SUMS",
        include_bytes!("../../page/vendor/SHA256SUMS"),
    ),
    file(
        "vendor/lightweight-charts-5.2.1.js",
        include_bytes!("../../page/vendor/lightweight-charts-5.2.1.js"),
    ),
    file(
        "vendor/lightweight-charts-LICENSE.txt",
        include_bytes!("../../page/vendor/lightweight-charts-LICENSE.txt"),
    ),
    file(
        "vendor/lightweight-charts-NOTICE.txt",
        include_bytes!("../../page/vendor/lightweight-charts-NOTICE.txt"),
    ),
];

/// The file of this name.
pub(super) fn find(name: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.name == name)
}

impl File {
    /// A strong validator: it changes with every change of the content.
    pub(super) fn etag(&self) -> &str {
        self.etag.get_or_init(|| {
            let digest = Sha256::digest(self.content);
            let mut etag = String::from("\"");
            for byte in &digest[..16] {
                // writing to a string never fails
                let _ = write!(etag, "{byte:02x}");
            }
            etag + "\""
        })
    }

    /// The media type, by the end of the name.
    pub(super) fn content_type(&self) -> &'static str {
        match self.name.rsplit_once('.').map(|(_, end)| end) {
            Some("html") => "text/html; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => "text/plain; charset=utf-8",
        }
    }

    /// Vendored scripts have their version in their name. All other files are revalidated at each use.
    pub(super) fn cache_control(&self) -> &'static str {
        match self.name.starts_with("vendor/") && self.name.ends_with(".js") {
            true => "public, max-age=31536000, immutable",
            false => "no-cache",
        }
    }
}
