//! A tablespace on the small disk of a server, which tests fill.

use crate::server::Server;
use crate::support::oracle::{ask, try_ask};

/// Creates the tablespace `small` if it is missing, with a table to fill it.
pub(crate) fn attach(server: &Server) {
    let url = server.url();
    let there = ask(&url, "SELECT 1 FROM pg_tablespace WHERE spcname = 'small'");
    if !there.is_empty() {
        return;
    }
    let location = server.small_disk_as_it_sees_it();
    ask(
        &url,
        &format!("CREATE TABLESPACE small LOCATION '{location}'"),
    );
    ask(
        &url,
        "CREATE TABLE filler (text text STORAGE PLAIN) TABLESPACE small",
    );
}

/// Fills the small disk to the last page.
pub(crate) fn fill(url: &str) {
    // in smaller and smaller steps
    let mut full = String::new();
    for rows in [500, 50, 5, 1] {
        let fill =
            format!("INSERT INTO filler SELECT repeat('x', 7000) FROM generate_series(1, {rows})");
        let failed = (0..200).find_map(|_| try_ask(url, &fill).err());
        full = failed.expect("the small disk becomes full");
    }
    // the path is in the message in any language
    assert!(full.contains("pg_tblspc/"), "{full}");
}

pub(crate) fn make_room(url: &str) {
    ask(url, "TRUNCATE filler");
}
