use std::sync::Mutex;

use mockall::Sequence;
use tickbook::{Clock, Database};
use tickbook_ledger::LedgerRepositories;
use tickbook_ledger::mockall;
use tickbook_ledger::repository::MockLedgerRepository;

use super::super::samples::{ACCOUNT, booked, order_events};
use super::super::waiting_events::{ClientNews, WaitingEvents};
use super::*;

/// A ledger that publishes, and a client that follows the account.
struct Followed {
    ledger: PublishingLedger,
    client: Arc<ClientNews>,
    _following: super::super::Following,
}

fn followed(mock: MockLedgerRepository) -> Followed {
    let news = OrderNews::default();
    let client = Arc::new(ClientNews::new(100, WaitingEvents::new(100)));
    let following = news.follow(ACCOUNT, &client);
    following.resume();
    let statistics = AppendStatistics::new(Clock::system());
    Followed {
        ledger: PublishingLedger::new(Arc::new(mock), news, statistics),
        client,
        _following: following,
    }
}

/// Numbers of the events that the client got, and the last number.
fn got(client: &ClientNews) -> Vec<(Vec<i64>, i64)> {
    let news = client.take().into_iter();
    let numbers = |events: &[Arc<BookedEvent>]| events.iter().map(|it| it.sequence()).collect();
    news.map(|news| (numbers(&news.events), news.through))
        .collect()
}

fn receipt(events: &[Arc<BookedEvent>]) -> AppendReceipt {
    let mut receipt = AppendReceipt::default();
    for (index, event) in events.iter().enumerate() {
        let outcome = tickbook_ledger::domain::Outcome::Appended {
            recorded: event.recorded.clone(),
            effect: Box::new(event.effect.clone()),
            adjusted: None,
            overfill: None,
        };
        receipt.add(index, &outcome);
        receipt.sequence = event.sequence();
    }
    receipt
}

fn page(events: &[Arc<BookedEvent>]) -> Page<RecordedEvent, i64> {
    let items = events.iter().map(|event| event.recorded.clone());
    Page::new(items.collect(), None)
}

fn lost() -> RepositoryError {
    RepositoryError::Ambiguous {
        database: Database::Metadata,
        operation: "append",
        source: "the connection ended".into(),
    }
}

async fn append(ledger: &PublishingLedger, count: usize) -> Result<AppendReceipt, RepositoryError> {
    let scope = AccountScope::all();
    ledger
        .append(&scope, ACCOUNT, &order_events(count), None)
        .await
}

#[tokio::test]
async fn booked_events_are_published_after_the_append() {
    let events = booked(3);
    let mut mock = MockLedgerRepository::new();
    let (given, client) = (
        events.clone(),
        Arc::new(Mutex::new(None::<Arc<ClientNews>>)),
    );
    let seen = Arc::clone(&client);
    mock.expect_append().once().returning(move |_, _, _, _| {
        let client = seen.lock().expect("no panic");
        assert!(
            got(client.as_ref().expect("set")).is_empty(),
            "it is not booked yet"
        );
        Ok(receipt(&given))
    });
    let given = events.clone();
    mock.expect_events().once().returning(move |_, query| {
        assert_eq!((query.after, query.limit.get()), (Some(0), 3));
        Ok(page(&given))
    });
    let followed = followed(mock);
    *client.lock().expect("no panic") = Some(Arc::clone(&followed.client));
    append(&followed.ledger, 3).await.expect("booked");
    assert_eq!(got(&followed.client), [(vec![1, 2, 3], 3)]);
}

#[tokio::test]
async fn account_without_followers_is_not_read() {
    let mut mock = MockLedgerRepository::new();
    let events = booked(1);
    // no call of `events`
    mock.expect_append()
        .returning(move |_, _, _, _| Ok(receipt(&events)));
    let news = OrderNews::default();
    let statistics = AppendStatistics::new(Clock::system());
    let ledger = PublishingLedger::new(Arc::new(mock), news.clone(), statistics.clone());
    append(&ledger, 1).await.expect("booked");
    assert_eq!((statistics.appended(), news.followed_accounts()), (1, 0));
    assert_eq!(news.known_accounts(), 0, "the account is forgotten");
}

#[tokio::test]
async fn unreadable_journal_leaves_the_last_number() {
    let events = booked(2);
    let mut mock = MockLedgerRepository::new();
    mock.expect_append()
        .returning(move |_, _, _, _| Ok(receipt(&events)));
    mock.expect_events().returning(|_, _| Err(lost()));
    let followed = followed(mock);
    append(&followed.ledger, 2).await.expect("booked");
    assert_eq!(got(&followed.client), [(vec![], 2)]);
}

#[tokio::test]
async fn refused_append_publishes_nothing() {
    let mut mock = MockLedgerRepository::new();
    let refused = |_: &_, _, _: &[_], _| Err(RepositoryError::invalid("no"));
    mock.expect_append().once().returning(refused);
    let followed = followed(mock);
    append(&followed.ledger, 2).await.expect_err("refused");
    assert!(got(&followed.client).is_empty());
}

#[tokio::test(start_paused = true)]
async fn lost_append_is_looked_up_until_it_is_known() {
    let mut mock = MockLedgerRepository::new();
    let mut calls = Sequence::new();
    for _ in 0..2 {
        let given = mock.expect_append().once().in_sequence(&mut calls);
        given.returning(|_, _, events, _| {
            assert!(!events.is_empty());
            Err(lost())
        });
    }
    // only one task asks
    for answer in [None, Some(5)] {
        let given = mock.expect_append().once().in_sequence(&mut calls);
        given.returning(move |_, _, events, _| {
            assert!(events.is_empty());
            let mut receipt = AppendReceipt::default();
            receipt.sequence = answer.ok_or_else(lost)?;
            Ok(receipt)
        });
    }
    let followed = followed(mock);
    append(&followed.ledger, 2).await.expect_err("lost");
    append(&followed.ledger, 2).await.expect_err("lost");
    let news = followed.client.arrived().await;
    assert_eq!((news[0].events.len(), news[0].through), (0, 5));
    let (failures, last) = followed.ledger.statistics.failures();
    assert_eq!((failures, last.is_some()), (2, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_appends_are_published_in_order() {
    let store = LedgerRepositories::in_memory();
    let news = OrderNews::default();
    let statistics = AppendStatistics::new(Clock::system());
    let ledger = PublishingLedger::new(store.ledger, news.clone(), statistics);
    let scope = AccountScope::all();
    let account = store
        .accounts
        .create(&scope, super::super::samples::terms())
        .await;
    let account_id = account.expect("new").account_id;
    let client = Arc::new(ClientNews::new(1_000, WaitingEvents::new(1_000)));
    let following = news.follow(account_id, &client);
    following.resume();
    let events = order_events(201);
    ledger
        .append(&scope, account_id, &events[..1], None)
        .await
        .expect("booked");
    let tasks: Vec<_> = events[1..]
        .chunks(10)
        .map(|chunk| {
            let (ledger, scope, chunk) = (ledger.clone(), scope.clone(), chunk.to_vec());
            tokio::spawn(async move { ledger.append(&scope, account_id, &chunk, None).await })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic").expect("booked");
    }
    let numbers: Vec<_> = got(&client)
        .into_iter()
        .flat_map(|(numbers, _)| numbers)
        .collect();
    assert_eq!(numbers, Vec::from_iter(1..=201));
}
