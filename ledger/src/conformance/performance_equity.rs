//! Equity points.

use chrono::TimeDelta;
use tickbook::RepositoryError;
use tickbook::domain::TimeRange;

use super::PerformanceSubject;
use super::samples::{limit, range, seconds};
use crate::domain::performance::EquityPoint;
use crate::domain::{AccountId, Amount};
use crate::repository::{EquityQuery, EquityReceipt};

pub(super) const ACCOUNT: AccountId = AccountId::new(1);
const OTHER: AccountId = AccountId::new(2);

pub(super) fn amount(text: &str) -> Amount {
    text.parse().expect("an amount")
}

fn point(at: i64, equity: &str) -> EquityPoint {
    EquityPoint::new(ACCOUNT, seconds(at), amount(equity), amount("5"), "broker")
}

pub(super) async fn record(subject: &PerformanceSubject, points: &[EquityPoint]) -> EquityReceipt {
    let recorded = subject.performance().record_equity(points).await;
    recorded.expect("recorded")
}

async fn read(subject: &PerformanceSubject, query: &EquityQuery) -> Vec<EquityPoint> {
    subject
        .performance()
        .equity(query)
        .await
        .expect("read")
        .items
}

fn all(account_id: AccountId) -> EquityQuery {
    EquityQuery::new(account_id, TimeRange::all())
}

pub async fn recorded_points_read_back(subject: &PerformanceSubject) {
    let points = [
        // every digit
        point(0, "123456789012345678901234567890.123456789012345678901234")
            .with_flows(amount("-0.000000000000000000000001")),
        point(1, "-10.5"),
        point(2, "0"),
    ];
    let receipt = record(subject, &points).await;
    assert_eq!((receipt.inserted, receipt.duplicates), (3, 0));
    assert_eq!(read(subject, &all(ACCOUNT)).await, points);
    assert_eq!(record(subject, &[]).await, EquityReceipt::default());
    // times are cut to microseconds
    let mut late = point(3, "1");
    late.as_of += TimeDelta::nanoseconds(999);
    record(subject, &[late]).await;
    let found = read(subject, &all(ACCOUNT)).await;
    assert_eq!(found.last(), Some(&point(3, "1")));
}

pub async fn points_recorded_again_are_duplicates(subject: &PerformanceSubject) {
    let points = [point(1, "10"), point(2, "20"), point(3, "30")];
    record(subject, &points[..2]).await;
    let receipt = record(subject, &points).await;
    assert_eq!((receipt.inserted, receipt.duplicates), (1, 2));
    // within a batch too
    let receipt = record(subject, &[point(4, "1"), point(4, "1")]).await;
    assert_eq!((receipt.inserted, receipt.duplicates), (1, 1));
    assert_eq!(receipt.conflicts, []);
    assert_eq!(read(subject, &all(ACCOUNT)).await.len(), 4);
}

pub async fn other_content_of_an_instant_is_a_conflict(subject: &PerformanceSubject) {
    record(subject, &[point(1, "10")]).await;
    let mut by_another = point(1, "10");
    by_another.source = "program".to_owned();
    let receipt = record(subject, &[by_another.clone(), point(2, "20")]).await;
    assert_eq!((receipt.inserted, receipt.duplicates), (1, 0));
    assert_eq!(receipt.conflicts, [by_another]);
    // of two points in a batch the first counts
    let receipt = record(subject, &[point(3, "30"), point(3, "31")]).await;
    assert_eq!(
        (receipt.inserted, receipt.conflicts),
        (1, vec![point(3, "31")])
    );
    let found = read(subject, &all(ACCOUNT)).await;
    assert_eq!(found, [point(1, "10"), point(2, "20"), point(3, "30")]);
}

pub async fn invalid_point_refuses_the_batch(subject: &PerformanceSubject) {
    let mut without_source = point(1, "1");
    without_source.source = String::new();
    let mut long_source = point(1, "1");
    long_source.source = "x".repeat(101);
    let mut without_account = point(1, "1");
    without_account.account_id = AccountId::new(0);
    let mut early = point(1, "1");
    early.as_of = seconds(-2_000_000_000);
    for invalid in [without_source, long_source, without_account, early] {
        let batch = [point(2, "2"), invalid];
        let error = subject.performance().record_equity(&batch).await;
        let error = error.expect_err("invalid");
        assert!(
            matches!(error, RepositoryError::InvalidInput { .. }),
            "{error:?}"
        );
    }
    assert_eq!(read(subject, &all(ACCOUNT)).await, []);
}

pub async fn points_of_accounts_are_apart(subject: &PerformanceSubject) {
    let mut of_other = point(1, "7");
    of_other.account_id = OTHER;
    let receipt = record(subject, &[point(1, "10"), of_other.clone()]).await;
    assert_eq!(receipt.inserted, 2);
    assert_eq!(read(subject, &all(ACCOUNT)).await, [point(1, "10")]);
    assert_eq!(read(subject, &all(OTHER)).await, [of_other]);
}

pub async fn points_are_found_by_time(subject: &PerformanceSubject) {
    record(subject, &[point(10, "1"), point(20, "2"), point(30, "3")]).await;
    let found = read(subject, &EquityQuery::new(ACCOUNT, range(10, 30))).await;
    assert_eq!(found, [point(10, "1"), point(20, "2")]);
    let found = read(subject, &EquityQuery::new(ACCOUNT, range(11, 20))).await;
    assert_eq!(found, []);
    let after = EquityQuery::new(ACCOUNT, range(10, 31)).after(seconds(20));
    assert_eq!(read(subject, &after).await, [point(30, "3")]);
    // before the range
    let after = EquityQuery::new(ACCOUNT, range(20, 31)).after(seconds(5));
    assert_eq!(read(subject, &after).await.len(), 2);
}

pub async fn pages_of_points_neither_skip_nor_repeat(subject: &PerformanceSubject) {
    // over several chunks
    let points: Vec<_> = (0..9).map(|number| point(number * 250_000, "1")).collect();
    record(subject, &points).await;
    for size in [1, 2, 4, 9, 10] {
        let (mut found, mut query) = (Vec::new(), all(ACCOUNT).limit(limit(size)));
        loop {
            let page = subject.performance().equity(&query).await.expect("read");
            assert!(page.items.len() <= size as usize);
            found.extend(page.items);
            assert!(found.len() <= points.len(), "pages of {size} repeat points");
            let Some(after) = page.next else { break };
            query = query.after(after);
        }
        assert_eq!(found, points, "pages of {size}");
    }
}
