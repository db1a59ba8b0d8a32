//! Tests of the symbol of a replay.

use tickbook::Repositories;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::{SymbolId, TimeRange};
use tickbook::repository::SymbolQuery;

use crate::binary::{Program, fails};
use crate::databases::{prepare, variables};

const QUOTES: &str = "time,bid,ask\n2014-05-01T00:00:00Z,1,2\n2014-05-01T00:00:01Z,1,2\n";

async fn names(repositories: &Repositories) -> Vec<String> {
    let page = repositories.symbols.list(&SymbolQuery::default()).await;
    let symbols = page.expect("listed").items.into_iter();
    symbols
        .map(|it| format!("{}:{}", it.exchange, it.name))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replay_takes_the_id_of_a_symbol() {
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("quotes.csv");
    std::fs::write(&path, QUOTES).expect("written");
    let file = path.to_str().expect("UTF-8");
    let of = |symbol| {
        [
            "--feed", "replay", "--speed", "max", "--replay", file, "--symbol", symbol,
        ]
    };
    let repositories = Repositories::postgres(&DatabasePools::new(&schemas.config()));
    let (output, line) = fails(&of("93"), &variables(&schemas));
    assert_eq!(output.status.code(), Some(1));
    assert!(line.contains("no symbol has the id 93"), "{line}");
    let server = Program::start(&of("1"), &variables(&schemas));
    let (id, all) = (SymbolId::new(1), TimeRange::all());
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while repositories.ticks.count(id, all).await.expect("counted") < 2 {
        assert!(std::time::Instant::now() < deadline, "not stored");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    server.stop("TERM");
    assert_eq!(names(&repositories).await, ["oanda:EURUSD"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_cannot_be_replayed_create_no_symbol() {
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("unknown.csv");
    std::fs::write(&path, "a,b\n1,2\n").expect("written");
    let unknown = path.to_str().expect("UTF-8");
    let repositories = Repositories::postgres(&DatabasePools::new(&schemas.config()));
    for file in ["no-such-file.csv", unknown] {
        let arguments = [
            "--feed",
            "replay",
            "--replay",
            file,
            "--symbol",
            "oanda:NEW",
        ];
        let (output, line) = fails(&arguments, &variables(&schemas));
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(line.contains(file), "{line}");
        assert_eq!(names(&repositories).await, ["oanda:EURUSD"]);
    }
}
