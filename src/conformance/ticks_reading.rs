//! Conformance: ranges, orders and pages of ticks.
//!
//! Covers `TickRepository::range` and `TickRepository::count`.

use chrono::TimeDelta;

use super::samples::{
    EURUSD, GBPUSD, Random, WIDE_SEQUENCES, insert_new, limit, micros, quote, range, read_pages,
    seconds, series, stored,
};
use crate::Repositories;
use crate::domain::{
    PageLimit, SortOrder, SymbolId, Tick, TickCursor, TimeRange, earliest_time, latest_time,
};
use crate::repository::{TickQuery, TickRepository};

async fn read(repository: &dyn TickRepository, query: TickQuery) -> Vec<Tick> {
    repository
        .range(&query)
        .await
        .expect("a page is read")
        .items
}

async fn count(repository: &dyn TickRepository, range: TimeRange) -> u64 {
    let counted = repository.count(EURUSD, range).await;
    counted.expect("ticks are counted")
}

pub async fn range_start_is_inclusive(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let all = series(EURUSD, 9);
    insert_new(ticks, &all).await;
    let query = |from| TickQuery::new(EURUSD, range(from, seconds(9)));
    assert_eq!(read(ticks, query(seconds(1))).await, all[3..]);
    assert_eq!(read(ticks, query(micros(1_000_001))).await, all[6..]);
}

pub async fn range_end_is_exclusive(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let all = series(EURUSD, 9);
    insert_new(ticks, &all).await;
    let query = |to| TickQuery::new(EURUSD, range(seconds(0), to));
    assert_eq!(read(ticks, query(seconds(2))).await, all[..6]);
    assert_eq!(read(ticks, query(micros(2_000_001))).await, all);
}

pub async fn range_of_equal_bounds_is_empty(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    insert_new(ticks, &series(EURUSD, 9)).await;
    let empty = range(seconds(1), seconds(1));
    for order in [SortOrder::Ascending, SortOrder::Descending] {
        let query = TickQuery {
            order,
            ..TickQuery::new(EURUSD, empty)
        };
        assert_eq!(read(ticks, query).await, []);
    }
    assert_eq!(count(ticks, empty).await, 0);
}

pub async fn range_without_ticks_is_empty(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let all = TimeRange::all();
    assert_eq!(read(ticks, TickQuery::new(EURUSD, all)).await, []);
    assert_eq!(count(ticks, all).await, 0);
    insert_new(ticks, &series(EURUSD, 3)).await;
    let gap = range(seconds(100), seconds(200));
    assert_eq!(read(ticks, TickQuery::new(EURUSD, gap)).await, []);
    assert_eq!(count(ticks, gap).await, 0);
    for unknown in [SymbolId::new(99), SymbolId::new(0), SymbolId::new(-1)] {
        let page = ticks.range(&TickQuery::new(unknown, all)).await;
        let page = page.expect("an unknown symbol is not an error");
        assert_eq!((page.items, page.next), (vec![], None));
    }
}

pub async fn range_has_ticks_of_its_symbol_only(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let (euro, pound) = (series(EURUSD, 20), series(GBPUSD, 30));
    insert_new(ticks, &[euro.clone(), pound.clone()].concat()).await;
    assert_eq!(stored(ticks, EURUSD).await, euro);
    assert_eq!(stored(ticks, GBPUSD).await, pound);
    assert_eq!(count(ticks, TimeRange::all()).await, 20);
}

pub async fn order_is_by_time_and_sequence_not_by_arrival(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let sorted = series(EURUSD, 100);
    let mut shuffled = sorted.clone();
    Random::seeded().shuffle(&mut shuffled);
    for batch in shuffled.chunks(30) {
        insert_new(ticks, batch).await;
    }
    let query = TickQuery::new(EURUSD, TimeRange::all());
    assert_eq!(read(ticks, query).await, sorted);
    let newest_first = TickQuery {
        order: SortOrder::Descending,
        ..query
    };
    let reversed: Vec<Tick> = sorted.into_iter().rev().collect();
    assert_eq!(read(ticks, newest_first).await, reversed);
}

pub async fn full_range_contains_every_valid_instant(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let last_instant = latest_time() - TimeDelta::microseconds(1);
    let given = [
        quote(earliest_time(), 0, "1", "2"),
        quote(seconds(0), 0, "1", "2"),
        quote(last_instant, 0, "1", "2"),
    ];
    insert_new(ticks, &given).await;
    for size in [1, 10] {
        for order in [SortOrder::Ascending, SortOrder::Descending] {
            let query = TickQuery {
                order,
                limit: limit(size),
                ..TickQuery::new(EURUSD, TimeRange::all())
            };
            let mut read = read_pages(ticks, query).await;
            read.sort_by_key(Tick::key);
            assert_eq!(read, given);
        }
    }
    assert_eq!(count(ticks, TimeRange::all()).await, 3);
}

pub async fn count_covers_the_half_open_range(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    insert_new(ticks, &series(EURUSD, 300)).await;
    insert_new(ticks, &series(GBPUSD, 60)).await;
    assert_eq!(count(ticks, TimeRange::all()).await, 300);
    assert_eq!(count(ticks, range(seconds(10), seconds(20))).await, 30);
    assert_eq!(count(ticks, range(seconds(0), micros(1))).await, 3);
    assert_eq!(count(ticks, range(micros(1), seconds(1))).await, 0);
}

pub async fn page_ends_at_its_limit_and_says_where(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let all = series(EURUSD, 20);
    insert_new(ticks, &all).await;
    let query = |size| TickQuery {
        limit: limit(size),
        ..TickQuery::new(EURUSD, TimeRange::all())
    };
    let page = ticks.range(&query(7)).await.expect("a page is read");
    assert_eq!(page.items, all[..7]);
    assert_eq!(page.next, Some(TickCursor::of(&all[6])));
}

pub async fn page_that_ends_with_the_range_has_no_next(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let all = series(EURUSD, 20);
    insert_new(ticks, &all).await;
    for order in [SortOrder::Ascending, SortOrder::Descending] {
        for (to, size, more) in [
            (seconds(100), 20, false),
            (seconds(100), 19, true),
            // six ticks within the range, more after its end
            (seconds(2), 6, false),
            (seconds(2), 5, true),
        ] {
            let query = TickQuery {
                order,
                limit: limit(size),
                ..TickQuery::new(EURUSD, range(seconds(0), to))
            };
            let page = ticks.range(&query).await.expect("a page is read");
            assert_eq!(page.items.len(), size as usize);
            assert_eq!(page.next.is_some(), more, "{order} {size}");
        }
    }
}

pub async fn pages_across_ties_neither_skip_nor_repeat(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    // 1, 2, 3 … ticks of one instant
    let all: Vec<Tick> = (0..12)
        .flat_map(|second| {
            (0..=second).map(move |sequence| quote(seconds(second), sequence, "1", "2"))
        })
        .collect();
    insert_new(ticks, &all).await;
    let reversed: Vec<Tick> = all.iter().rev().cloned().collect();
    for size in [1, 2, 3, 7, 12, 77, 78, 79] {
        let query = TickQuery {
            limit: limit(size),
            ..TickQuery::new(EURUSD, TimeRange::all())
        };
        assert_eq!(read_pages(ticks, query).await, all, "pages of {size}");
        let newest_first = TickQuery {
            order: SortOrder::Descending,
            ..query
        };
        assert_eq!(read_pages(ticks, newest_first).await, reversed);
    }
}

pub async fn cursors_keep_sequences_of_64_bits(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let instants = (0..3).map(seconds);
    let all: Vec<Tick> = instants
        .flat_map(|time| WIDE_SEQUENCES.map(|sequence| quote(time, sequence, "1", "2")))
        .collect();
    insert_new(ticks, &all).await;
    for order in [SortOrder::Ascending, SortOrder::Descending] {
        for size in [1, 2, 9, 10] {
            let mut query = TickQuery {
                order,
                limit: limit(size),
                ..TickQuery::new(EURUSD, TimeRange::all())
            };
            let mut read = Vec::new();
            loop {
                let page = ticks.range(&query).await.expect("a page is read");
                read.extend(page.items);
                let Some(next) = page.next else { break };
                assert!(next.is_possible(query.range), "{next:?}");
                assert!(read.len() < all.len(), "{order} {size}: the listing ends");
                query.after = Some(next);
            }
            if order == SortOrder::Descending {
                read.reverse();
            }
            assert_eq!(read, all, "{order}, pages of {size}");
        }
    }
}

pub async fn pages_stay_inside_of_the_range(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let all = series(EURUSD, 60);
    insert_new(ticks, &all).await;
    for order in [SortOrder::Ascending, SortOrder::Descending] {
        let query = TickQuery {
            order,
            limit: limit(4),
            ..TickQuery::new(EURUSD, range(seconds(5), seconds(15)))
        };
        let mut read = read_pages(ticks, query).await;
        read.sort_by_key(Tick::key);
        assert_eq!(read, all[15..45]);
    }
}

pub async fn new_ticks_between_pages_are_harmless(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let is_there_from_the_start = |tick: &Tick| tick.sequence % 2 == 1;
    for (symbol, order) in [(1, SortOrder::Ascending), (2, SortOrder::Descending)] {
        let symbol_id = SymbolId::new(symbol);
        let all: Vec<Tick> = (0..100)
            .map(|index| quote(seconds(index / 10), index % 10, "1", "2").with_symbol_id(symbol_id))
            .collect();
        let (early, mut late): (Vec<Tick>, Vec<Tick>) =
            all.into_iter().partition(is_there_from_the_start);
        insert_new(ticks, &early).await;
        Random::seeded().shuffle(&mut late);
        let mut late = late.chunks(5);

        let mut query = TickQuery {
            order,
            limit: limit(4),
            ..TickQuery::new(symbol_id, TimeRange::all())
        };
        let mut read = Vec::new();
        loop {
            let page = ticks.range(&query).await.expect("a page is read");
            read.extend(page.items);
            let Some(next) = page.next else { break };
            assert_ne!(query.after, Some(next), "the cursor advances");
            query.after = Some(next);
            if let Some(batch) = late.next() {
                insert_new(ticks, batch).await;
            }
        }
        if order == SortOrder::Descending {
            read.reverse();
        }
        let strictly_ordered = read.windows(2).all(|pair| pair[0].key() < pair[1].key());
        assert!(strictly_ordered, "{order}: a tick is repeated or misplaced");
        read.retain(is_there_from_the_start);
        assert_eq!(read, early, "{order}: a tick is skipped");
    }
}

pub async fn cursor_need_not_name_a_tick(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let all = series(EURUSD, 9);
    insert_new(ticks, &all).await;
    let read_after = async |order, tick_time, sequence| {
        let query = TickQuery {
            order,
            after: Some(TickCursor {
                tick_time,
                sequence,
            }),
            ..TickQuery::new(EURUSD, TimeRange::all())
        };
        let mut read = read(ticks, query).await;
        read.sort_by_key(Tick::key);
        read
    };
    let (up, down) = (SortOrder::Ascending, SortOrder::Descending);
    assert_eq!(read_after(up, micros(1_500_000), 0).await, all[6..]);
    assert_eq!(read_after(down, micros(1_500_000), 0).await, all[..6]);
    assert_eq!(read_after(up, seconds(1), i64::MAX).await, all[6..]);
    assert_eq!(read_after(down, seconds(1), i64::MAX).await, all[..6]);
    assert_eq!(read_after(up, seconds(500), 0).await, []);
    assert_eq!(read_after(down, seconds(-500), 0).await, []);
    assert_eq!(read_after(up, seconds(-500), 0).await, all);
    assert_eq!(read_after(down, seconds(500), 0).await, all);
}

pub async fn largest_page_holds_ten_thousand_ticks(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let all = series(EURUSD, 10_001);
    insert_new(ticks, &all).await;
    let query = TickQuery {
        limit: PageLimit::MAX,
        ..TickQuery::new(EURUSD, TimeRange::all())
    };
    let page = ticks.range(&query).await.expect("a page is read");
    assert_eq!(page.items, all[..10_000]);
    assert_eq!(read_pages(ticks, query).await, all);
}
