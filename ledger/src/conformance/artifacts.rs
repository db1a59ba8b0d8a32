//! Files of backtest runs.

use super::StrategySubject;
use super::samples::{TENANT, assert_invalid, assert_not_found, assert_taken, scope};
use super::strategy_samples::{outside, run, with_versions};
use crate::domain::{AccountScope, Artifact, BacktestRunId, ContentHash, NewArtifact, RunArtifact};
use crate::repository::BacktestRepository;

fn backtests(store: &StrategySubject) -> &dyn BacktestRepository {
    &*store.strategies().backtests
}

async fn put(store: &StrategySubject, id: BacktestRunId, file: &NewArtifact) -> RunArtifact {
    let put = backtests(store)
        .put_artifact(&scope(), id, file.clone())
        .await;
    put.expect("stored")
}

async fn get(store: &StrategySubject, sha256: ContentHash) -> Option<Artifact> {
    let found = backtests(store).artifact(&scope(), sha256).await;
    found.expect("read")
}

pub async fn artifact_reads_back_by_its_digest(store: &StrategySubject) {
    let strategy = with_versions(store).await;
    let id = run(store, strategy, 1).await.run_id;
    let all_bytes: Vec<u8> = (0..=255).collect();
    let binary = NewArtifact::new("z.bin", "application/octet-stream", all_bytes);
    let page = NewArtifact::new("A.html", "text/html; charset=utf-8", "<p>é</p>");
    let empty = NewArtifact::new("a", "text/plain", "");
    for file in [&binary, &page, &empty] {
        let stored = put(store, id, file).await;
        assert_eq!(stored, RunArtifact::of(file));
        let read = get(store, stored.sha256).await.expect("an artifact");
        assert_eq!(read, Artifact::new(&file.media_type, file.content.clone()));
    }
    let sha256 = RunArtifact::of(&page).sha256.to_string();
    let expected = ContentHash::of("<p>é</p>".as_bytes());
    assert_eq!(sha256.parse(), Ok(expected));
    let files = backtests(store)
        .artifacts(&scope(), id)
        .await
        .expect("read");
    let names: Vec<_> = files.iter().map(|it| &*it.name).collect();
    assert_eq!(names, ["A.html", "a", "z.bin"]);
    assert_eq!(get(store, ContentHash::of(b"unknown")).await, None);
}

pub async fn artifact_name_is_given_once(store: &StrategySubject) {
    let strategy = with_versions(store).await;
    let id = run(store, strategy, 1).await.run_id;
    let file = NewArtifact::new("r", "text/plain", "one");
    let stored = put(store, id, &file).await;
    assert_eq!(put(store, id, &file).await, stored);
    for other in [
        NewArtifact::new("r", "text/plain", "two"),
        NewArtifact::new("r", "text/html", "one"),
    ] {
        assert_taken(backtests(store).put_artifact(&scope(), id, other).await);
    }
    let other = run(store, strategy, 2).await.run_id;
    put(store, other, &NewArtifact::new("r", "text/plain", "two")).await;
    let files = backtests(store).artifacts(&scope(), id).await;
    assert_eq!(files.expect("read"), [stored]);
}

pub async fn shared_content_stays_until_its_last_run(store: &StrategySubject) {
    let strategy = with_versions(store).await;
    let first = run(store, strategy, 1).await.run_id;
    let second = run(store, strategy, 2).await.run_id;
    let shared = put(store, first, &NewArtifact::new("r", "text/plain", "x")).await;
    put(store, second, &NewArtifact::new("s", "text/html", "x")).await;
    let own = put(store, first, &NewArtifact::new("o", "text/plain", "y")).await;
    let deleted = backtests(store).delete(&scope(), first).await;
    assert_eq!(deleted.expect("deleted").contents, 1);
    assert_eq!(get(store, own.sha256).await, None);
    let read = get(store, shared.sha256).await.expect("of the other run");
    assert_eq!(read, Artifact::new("text/html", "x"));
    let deleted = backtests(store).delete(&scope(), second).await;
    assert_eq!(deleted.expect("deleted").contents, 1);
    assert_eq!(get(store, shared.sha256).await, None);
}

pub async fn invalid_artifacts_are_refused(store: &StrategySubject) {
    let strategy = with_versions(store).await;
    let id = run(store, strategy, 1).await.run_id;
    let large = vec![0; crate::domain::MAX_ARTIFACT_BYTES + 1];
    for invalid in [
        NewArtifact::new("", "text/plain", "x"),
        NewArtifact::new("a", "text", "x"),
        NewArtifact::new("a", "text/plain\r\n", "x"),
        NewArtifact::new("a", "text/plain", large),
    ] {
        assert_invalid(backtests(store).put_artifact(&scope(), id, invalid).await);
    }
    let unknown = BacktestRunId::new(id.get() + 1);
    let file = NewArtifact::new("a", "text/plain", "x");
    assert_not_found(backtests(store).put_artifact(&scope(), unknown, file).await);
    assert_not_found(backtests(store).artifacts(&scope(), unknown).await);
    let files = backtests(store).artifacts(&scope(), id).await;
    assert_eq!(files.expect("read"), []);
}

pub async fn artifacts_outside_of_the_scope_do_not_exist(store: &StrategySubject) {
    let strategy = with_versions(store).await;
    let begun = run(store, strategy, 1).await;
    let id = begun.run_id;
    let file = NewArtifact::new("r", "text/plain", "x");
    let stored = put(store, id, &file).await;
    let backtests = backtests(store);
    for outside in outside() {
        let read = backtests.artifact(&outside, stored.sha256).await;
        assert_eq!(read.expect("read"), None);
        assert_not_found(backtests.artifacts(&outside, id).await);
        assert_not_found(backtests.put_artifact(&outside, id, file.clone()).await);
    }
    let inside = AccountScope::accounts(TENANT, [begun.account_id]);
    let read = backtests.artifact(&inside, stored.sha256).await;
    assert!(read.expect("read").is_some());
}
