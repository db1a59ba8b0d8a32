use std::sync::PoisonError;

use chrono::{DateTime, TimeDelta};
use rust_decimal::Decimal;
use tickbook::RepositoryError;
use tickbook::domain::{NewSymbol, Tick};
use tickbook::ingest::fanout::Published;
use tickbook::repository::MockSymbolRepository;
use tickbook::{Database, Repositories};
use tokio::sync::Notify;

use super::*;

type Taken = Arc<std::sync::Mutex<Vec<(String, String)>>>;

/// Records the keys and ids of published messages, and how often the connection was closed.
#[derive(Debug, Default)]
struct Notes {
    taken: Taken,
    cuts: Arc<std::sync::Mutex<usize>>,
    news: Arc<Notify>,
}

#[async_trait]
impl Broker for Notes {
    async fn publish(&mut self, outgoing: &mut Vec<Outgoing>) -> anyhow::Result<()> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.extend(outgoing.drain(..).map(|message| (message.key, message.id)));
        self.news.notify_one();
        Ok(())
    }

    fn cut(&mut self) -> bool {
        *self.cuts.lock().expect("no panic") += 1;
        true
    }
}

fn event(symbol: i64, number: u64) -> Event {
    let seconds = i64::try_from(number).expect("small");
    let time = DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
    let tick = Tick::quote(SymbolId::new(symbol), time, Decimal::ONE, Decimal::TWO);
    Event::Record(Published::new(number, tick))
}

fn away() -> RepositoryError {
    RepositoryError::Unavailable {
        database: Database::Metadata,
        reason: "away".to_owned(),
    }
}

/// A repository that always finds symbol 1, and the others if `is_there` returns true.
fn symbols(is_there: impl Fn() -> bool + Send + 'static) -> MockSymbolRepository {
    let mut symbols = MockSymbolRepository::new();
    symbols.expect_get_many().returning(move |ids| {
        if ids.iter().any(|id| id.get() > 1) && !is_there() {
            return Err(away());
        }
        let named = |id: &SymbolId| NewSymbol::named("x", format!("S{id}")).into_symbol(*id);
        Ok(ids.iter().map(named).collect())
    });
    symbols
}

async fn until(notes: &Notes, taken: &Taken, count: usize) -> Vec<(String, String)> {
    let news = Arc::clone(&notes.news);
    let waiting = async {
        loop {
            let so_far = taken.lock().expect("no panic").clone();
            if so_far.len() >= count {
                return so_far;
            }
            news.notified().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    waited.expect("they are published")
}

#[tokio::test(start_paused = true)]
async fn failed_lookup_delays_no_other_symbol() {
    let notes = Notes::default();
    let (taken, cuts) = (Arc::clone(&notes.taken), Arc::clone(&notes.cuts));
    let watch = Notes {
        taken: Arc::clone(&taken),
        cuts: Arc::clone(&cuts),
        news: Arc::clone(&notes.news),
    };
    let is_there = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let there = Arc::clone(&is_there);
    let repository = symbols(move || there.load(std::sync::atomic::Ordering::SeqCst));
    let mut sink = RabbitMqSink::over(Box::new(notes), Arc::new(repository));
    sink.deliver(vec![event(1, 1)]).await.expect("delivered");
    until(&watch, &taken, 1).await;
    // the look-up of symbol 2 fails
    let both = vec![event(2, 2), event(1, 3), event(2, 4)];
    sink.deliver(both).await.expect("delivered");
    sink.deliver(vec![event(1, 5)]).await.expect("delivered");
    let so_far = until(&watch, &taken, 3).await;
    assert!(so_far.iter().all(|(key, _)| key == "x.S1"), "{so_far:?}");
    assert_eq!(*cuts.lock().expect("no panic"), 0, "the link is healthy");
    is_there.store(true, std::sync::atomic::Ordering::SeqCst);
    let all = until(&watch, &taken, 5).await;
    let of_two: Vec<_> = all[3..].to_vec();
    let expected = [2, 4].map(|second| ("x.S2".to_owned(), format!("2/{second}000000/0")));
    assert_eq!(of_two, expected);
}

#[tokio::test(start_paused = true)]
async fn symbol_that_is_created_later_gets_its_key() {
    let repositories = Repositories::in_memory();
    let notes = Notes::default();
    let taken = Arc::clone(&notes.taken);
    let watch = Notes {
        taken: Arc::clone(&taken),
        news: Arc::clone(&notes.news),
        ..Notes::default()
    };
    let mut sink = RabbitMqSink::over(Box::new(notes), Arc::clone(&repositories.symbols));
    sink.deliver(vec![event(1, 1)]).await.expect("delivered");
    assert_eq!(until(&watch, &taken, 1).await[0].0, "unknown.1");
    let new = NewSymbol::named("x", "LATER");
    repositories.symbols.create(new).await.expect("memory");
    tokio::time::advance(Duration::from_secs(61)).await;
    sink.deliver(vec![event(1, 2)]).await.expect("delivered");
    assert_eq!(until(&watch, &taken, 2).await[1].0, "x.LATER");
}

#[tokio::test(start_paused = true)]
async fn ticks_that_wait_too_long_become_a_gap() {
    let notes = Notes::default();
    let taken = Arc::clone(&notes.taken);
    let watch = Notes {
        taken: Arc::clone(&taken),
        news: Arc::clone(&notes.news),
        ..Notes::default()
    };
    let is_there = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let there = Arc::clone(&is_there);
    let repository = symbols(move || there.load(std::sync::atomic::Ordering::SeqCst));
    let mut sink = RabbitMqSink::over(Box::new(notes), Arc::new(repository));
    let many = (1..=1_500).map(|number| event(2, number)).collect();
    sink.deliver(many).await.expect("delivered");
    is_there.store(true, std::sync::atomic::Ordering::SeqCst);
    let all = until(&watch, &taken, 500).await;
    assert_eq!(all[0].1, "gap/2/1/1001");
    assert_eq!(all[1].1, "2/1002000000/0");
    assert_eq!(all.len(), 500);
}

#[test]
fn invalid_url_is_not_shown() {
    let symbols = Repositories::in_memory().symbols;
    let url = BrokerUrl::parse("amqp://u:S3cretPw@h:port/").expect("the scheme is right");
    let error = RabbitMqSink::<Tick>::new(url, "ticks".to_owned(), symbols).expect_err("no port");
    assert!(!format!("{error:?}").contains("S3cretPw"), "{error:?}");
}
