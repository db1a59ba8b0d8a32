use super::super::model::change;
use super::super::order_book::OrderBook;
use super::*;

fn book() -> OrderBook {
    let mut book = OrderBook::new();
    let bids = [change("10.0", "1.5"), change("9.9", "2")];
    let asks = [
        change("10.1", "1"),
        change("10.2", "2"),
        change("10.4", "4.5"),
    ];
    book.load(&bids, &asks).expect("a good snapshot");
    book
}

#[test]
fn cumulative_depth_adds_up() {
    let book = book();
    let view = book.view().expect("valid");
    let sums = |side| -> Vec<_> { view.cumulative(side).map(|(_, sum)| sum).collect() };
    assert_eq!(sums(BookSide::Bid), [15, 35]);
    assert_eq!(sums(BookSide::Ask), [10, 30, 75]);
    assert_eq!(view.depth(BookSide::Ask, 2), 30);
    assert_eq!(view.depth(BookSide::Ask, 0), 0);
    assert_eq!(view.depth(BookSide::Bid, 9), 35);
}

#[test]
fn imbalance_is_from_minus_one_to_one() {
    let book = book();
    let view = book.view().expect("valid");
    let imbalance = |levels| view.imbalance(levels).map(|it| it.to_string());
    assert_eq!(imbalance(0), None);
    // (1.5 - 1) / 2.5, (3.5 - 3) / 6.5, (3.5 - 7.5) / 11
    assert_eq!(imbalance(1).as_deref(), Some("0.2"));
    assert_eq!(imbalance(2).as_deref(), Some("0.076923077"));
    assert_eq!(imbalance(3).as_deref(), Some("-0.363636364"));
    let mut one_sided = OrderBook::new();
    one_sided
        .load(&[], &[change("1", "7")])
        .expect("a good snapshot");
    let view = one_sided.view().expect("valid");
    assert_eq!(view.imbalance(5), Some(Decimal::NEGATIVE_ONE));
}

#[test]
fn fill_takes_the_best_levels_first() {
    let book = book();
    let view = book.view().expect("valid");
    let fill = view.fill(BookSide::Ask, 20).expect("small numbers");
    assert_eq!((fill.quantity, fill.worst_price), (20, Some(102)));
    assert_eq!(fill.notional, 101 * 10 + 102 * 10);
    assert_eq!(
        fill.average_price().map(|it| it.to_string()).as_deref(),
        Some("10.15")
    );
    // 10 at 10.1 and 1 at 10.2: 1112/110 = 10.1090909090…
    let fill = view.fill(BookSide::Ask, 11).expect("small numbers");
    let average = fill.average_price().map(|it| it.to_string());
    assert_eq!(average.as_deref(), Some("10.1090909091"));
    let all = view.fill(BookSide::Bid, 1_000).expect("small numbers");
    assert_eq!((all.quantity, all.worst_price), (35, Some(99)));
    let none = view.fill(BookSide::Bid, 0).expect("small numbers");
    assert_eq!((none.quantity, none.average_price()), (0, None));
}

#[test]
fn fill_of_the_largest_numbers_does_not_overflow() {
    let largest = i64::MAX.to_string();
    let mut book = OrderBook::new();
    let asks = [change(&largest, &largest)];
    book.load(&[], &asks).expect("a good snapshot");
    let view = book.view().expect("valid");
    let fill = view.fill(BookSide::Ask, i128::MAX).expect("126 bits");
    assert_eq!(fill.average_price(), Some(Decimal::from(i64::MAX)));
    let below = (i64::MAX - 1).to_string();
    book.load(
        &[],
        &[
            change(&largest, &largest),
            change(&below, &largest),
            change("1", &largest),
        ],
    )
    .expect("a good snapshot");
    let view = book.view().expect("valid");
    assert!(view.fill(BookSide::Ask, i128::MAX).is_some());
    assert_eq!(view.depth(BookSide::Ask, 3), 3 * i128::from(i64::MAX));
    assert_eq!(view.imbalance(3), Some(Decimal::NEGATIVE_ONE));
}
