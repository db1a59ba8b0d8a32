//! The instruments, quotes and depth of a broker, and its messages.

use std::collections::BTreeMap;

use tickbook::domain::book::BookSide;

/// The number of the only instrument that is subscribed.
pub(super) const NUMBER: &str = "41";
/// Its name.
pub(super) const NAME: &str = "XAUUSD";

/// The tags and values of the body of a message.
pub(super) type Body = Vec<(u32, String)>;

/// The state of the broker.
#[derive(Debug, Default)]
pub(super) struct Market {
    /// The depth by the ids of its entries: side, price in hundredths, size.
    entries: BTreeMap<u64, (BookSide, i64, u64)>,
    next_id: u64,
    /// The number of the last quote, which is its bid in hundredths.
    pub(super) quotes: i64,
}

fn price(hundredths: i64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn side(side: BookSide) -> String {
    match side {
        BookSide::Bid => "0".to_owned(),
        BookSide::Ask => "1".to_owned(),
    }
}

impl Market {
    /// A depth of three entries on each side.
    pub(super) fn new() -> Self {
        let mut market = Self::default();
        for (side, price) in [
            (BookSide::Bid, 198_000),
            (BookSide::Bid, 198_000),
            (BookSide::Bid, 197_950),
            (BookSide::Ask, 198_010),
            (BookSide::Ask, 198_020),
            (BookSide::Ask, 198_020),
        ] {
            market.next_id += 1;
            market.entries.insert(market.next_id, (side, price, 100));
        }
        market
    }

    /// The list of instruments. Its last fields follow the entries, as some engines write them.
    pub(super) fn list() -> Body {
        let mut body = vec![
            (320, "instruments".to_owned()),
            (322, "responce:instruments".to_owned()),
            (560, "0".to_owned()),
            (146, "2".to_owned()),
        ];
        for (number, name, digits) in [("1", "EURUSD", "5"), (NUMBER, NAME, "2")] {
            body.push((55, number.to_owned()));
            body.push((1_007, name.to_owned()));
            body.push((1_008, digits.to_owned()));
        }
        body
    }

    /// The next spot quote.
    pub(super) fn quote(&mut self) -> Body {
        self.quotes += 1;
        vec![
            (55, NUMBER.to_owned()),
            (268, "2".to_owned()),
            (269, "0".to_owned()),
            (270, price(self.quotes)),
            (269, "1".to_owned()),
            (270, price(self.quotes + 1)),
        ]
    }

    /// The whole depth.
    pub(super) fn depth(&self) -> Body {
        let mut body = vec![
            (55, NUMBER.to_owned()),
            (268, self.entries.len().to_string()),
        ];
        for (id, (of, at, size)) in &self.entries {
            body.push((269, side(*of)));
            body.push((270, price(*at)));
            body.push((271, size.to_string()));
            body.push((278, id.to_string()));
        }
        body
    }

    /// Moves the best bid: new entries come before the deletion of the oldest one, and cross it for a moment.
    pub(super) fn change(&mut self, step: i64) -> Body {
        let mut entry = |of, at, size| {
            self.next_id += 1;
            self.entries.insert(self.next_id, (of, at, size));
            vec![
                (279, "0".to_owned()),
                (269, side(of)),
                (278, self.next_id.to_string()),
                (55, NUMBER.to_owned()),
                (270, price(at)),
                (271, size.to_string()),
            ]
        };
        let at = 198_000 + step % 7;
        let mut body = vec![(268, String::new())];
        body.extend(entry(BookSide::Bid, at, 10 + step.unsigned_abs()));
        body.extend(entry(BookSide::Ask, at + 8, 5));
        let mut count = 2;
        // an ask that is not above the new bid, and the oldest entry
        let oldest = self.entries.keys().next().copied();
        let crossed = self.entries.iter().filter(|(_, (of, price, _))| match of {
            BookSide::Bid => *price >= at + 8,
            BookSide::Ask => *price <= at,
        });
        let mut deleted: Vec<u64> = crossed.map(|(id, _)| *id).chain(oldest).collect();
        deleted.dedup();
        for id in deleted {
            if self.entries.remove(&id).is_some() {
                body.push((279, "2".to_owned()));
                body.push((278, id.to_string()));
                body.push((55, NUMBER.to_owned()));
                count += 1;
            }
        }
        body[0].1 = i32::to_string(&count);
        body
    }

    /// The levels: side, price and quantity.
    pub(super) fn levels(&self) -> Vec<String> {
        let mut sums = BTreeMap::new();
        for (of, at, size) in self.entries.values() {
            *sums.entry((*of, *at)).or_insert(0) += size;
        }
        let level =
            |((of, at), size): (&(BookSide, i64), &u64)| format!("{of} {} {size}", price(*at));
        sums.iter().map(level).collect()
    }
}
