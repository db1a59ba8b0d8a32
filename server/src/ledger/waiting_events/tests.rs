use super::super::samples::{ACCOUNT, booked};
use super::*;

const OTHER: AccountId = AccountId::new(8);

fn numbers(news: &News) -> (Vec<i64>, i64) {
    let numbers = news.events.iter().map(|event| event.sequence());
    (numbers.collect(), news.through)
}

/// A client of up to `max` events that follows the accounts 7 and 8.
fn client(max: usize, room: &WaitingEvents) -> ClientNews {
    let client = ClientNews::new(max, room.clone());
    for account_id in [ACCOUNT, OTHER] {
        client.pause(account_id);
        client.resume(account_id);
    }
    client
}

/// The numbers that the client takes of each account.
fn taken(client: &ClientNews) -> Vec<(i64, Vec<i64>, i64)> {
    let news = client.take();
    let of_account = |news: &News| {
        let (numbers, through) = numbers(news);
        (news.account_id.get(), numbers, through)
    };
    news.iter().map(of_account).collect()
}

#[test]
fn oldest_events_of_the_account_are_dropped() {
    let (events, room) = (booked(6), WaitingEvents::new(100));
    let client = client(4, &room);
    client.add(OTHER, &events[..2], 2);
    client.add(ACCOUNT, &events[..3], 3);
    client.add(ACCOUNT, &events[3..], 6);
    assert!(!client.is_caught_up());
    let expected = [(7, vec![5, 6], 6), (8, vec![1, 2], 2)];
    assert_eq!(taken(&client), expected);
    assert!(client.is_caught_up() && taken(&client).is_empty());
    assert_eq!(room.0.available_permits(), 100);
}

#[test]
fn account_without_room_still_has_its_last_number() {
    let (events, room) = (booked(5), WaitingEvents::new(3));
    let (first, second) = (client(10, &room), client(10, &room));
    first.add(ACCOUNT, &events[..3], 3);
    // the room of all clients is used
    second.add(ACCOUNT, &events[..3], 3);
    assert_eq!(taken(&second), [(7, vec![], 3)]);
    assert_eq!(taken(&first), [(7, vec![1, 2, 3], 3)]);
    second.add(ACCOUNT, &events[3..], 5);
    assert_eq!(taken(&second), [(7, vec![4, 5], 5)]);
}

#[test]
fn paused_account_collects_its_events() {
    let (events, room) = (booked(3), WaitingEvents::new(100));
    let client = client(10, &room);
    client.pause(ACCOUNT);
    client.add(ACCOUNT, &events, 3);
    client.add(OTHER, &events[..1], 1);
    assert_eq!(taken(&client), [(8, vec![1], 1)]);
    assert!(client.is_caught_up());
    client.resume(ACCOUNT);
    assert_eq!(taken(&client), [(7, vec![1, 2, 3], 3)]);
    // an account that is not followed collects nothing
    client.remove(ACCOUNT);
    client.add(ACCOUNT, &events, 3);
    assert!(taken(&client).is_empty());
}

#[test]
fn large_batch_is_taken_in_parts() {
    let (events, room) = (booked(AT_ONCE + 2), WaitingEvents::new(10_000));
    let client = client(10_000, &room);
    let last = i64::try_from(events.len()).expect("small");
    client.add(ACCOUNT, &events, last);
    let first = client.take();
    assert_eq!(
        (first[0].events.len(), first[0].through),
        (AT_ONCE, last - 2)
    );
    assert_eq!(taken(&client), [(7, vec![last - 1, last], last)]);
    client.add(ACCOUNT, &events, last);
    client.remove(ACCOUNT);
    client.add(OTHER, &events, last);
    drop(client);
    assert_eq!(room.0.available_permits(), 10_000);
}

#[tokio::test]
async fn arrival_wakes_the_client() {
    let (events, room) = (booked(1), WaitingEvents::new(10));
    let client = Arc::new(client(10, &room));
    let waiting = Arc::clone(&client);
    let waiting = tokio::spawn(async move { waiting.arrived().await });
    tokio::task::yield_now().await;
    client.add(ACCOUNT, &events, 1);
    let news = waiting.await.expect("no panic");
    assert_eq!(numbers(&news[0]), (vec![1], 1));
}
