use proptest::prelude::*;

use super::*;

fn dec(text: &str) -> Decimal {
    text.parse().expect("a decimal literal of the test")
}

fn sum(values: &[Decimal]) -> ExactSum {
    values.iter().fold(ExactSum::default(), |sum, value| {
        sum.checked_add(*value).expect("within the range")
    })
}

/// A non-negative number of any length as its decimal digits, least significant first. The first digit stands
/// for 10^-28.
#[derive(Debug, Default)]
struct Digits(Vec<u8>);

impl Digits {
    fn add(&mut self, value: Decimal) {
        let mut text = vec![b'0'; 28 - value.scale() as usize];
        let units = value.mantissa().unsigned_abs().to_string();
        text.extend(units.bytes().rev());
        let mut carry = 0;
        let length = text.len().max(self.0.len()) + 1;
        self.0.resize(length, 0);
        for (place, digit) in self.0.iter_mut().enumerate() {
            let all = *digit + carry + text.get(place).map_or(0, |text| text - b'0');
            (*digit, carry) = (all % 10, all / 10);
        }
    }

    /// Rounds to 28 significant digits as by hand: replaces the digits after them by zeros, and adds one if
    /// the first replaced digit is 5 or more.
    fn rounded(mut self) -> Self {
        let length = self
            .0
            .iter()
            .rposition(|digit| *digit > 0)
            .map_or(0, |at| at + 1);
        let Some(cut) = length.checked_sub(28).filter(|cut| *cut > 0) else {
            return self;
        };
        let mut carry = u8::from(self.0[cut - 1] >= 5);
        self.0[..cut].fill(0);
        self.0.push(0);
        for digit in &mut self.0[cut..] {
            (*digit, carry) = ((*digit + carry) % 10, (*digit + carry) / 10);
        }
        self
    }

    fn text(&self) -> String {
        let digit = |place: usize| char::from(b'0' + self.0.get(place).copied().unwrap_or(0));
        let top = self.0.len().max(29);
        let whole: String = (28..top).rev().map(digit).collect();
        let decimals: String = (0..28).rev().map(digit).collect();
        let whole = whole.trim_start_matches('0');
        let decimals = decimals.trim_end_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        if decimals.is_empty() {
            whole.to_owned()
        } else {
            format!("{whole}.{decimals}")
        }
    }
}

fn volumes() -> impl Strategy<Value = Vec<Decimal>> {
    let units = prop_oneof![
        (0_u128..10_u128.pow(28)),
        any::<u64>().prop_map(u128::from),
        (0_u32..28).prop_map(|power| 10_u128.pow(power)),
        (1_u32..29).prop_map(|power| 10_u128.pow(power) - 1),
        // values that end in half of the previous digit
        any::<u64>().prop_map(|units| u128::from(units) * 10 + 5),
        Just(999_999_999_999_999_999_999_999_999),
    ];
    let volume = (units, 0_u32..=28)
        .prop_map(|(units, scale)| Decimal::from_i128_with_scale(units as i128, scale))
        .prop_filter("a volume that can be stored", |volume| {
            *volume < Decimal::from(10_u128.pow(25))
        });
    proptest::collection::vec(volume, 1..60)
}

proptest! {
    #[test]
    fn sum_is_rounded_once_and_half_away(volumes in volumes()) {
        let mut model = Digits::default();
        for volume in &volumes {
            model.add(*volume);
        }
        let exact = sum(&volumes);
        let rounded = exact.to_decimal().expect("a decimal");
        prop_assert_eq!(rounded.to_string(), model.rounded().text());

        let negative: Vec<_> = volumes.iter().map(|volume| -*volume).collect();
        prop_assert_eq!(sum(&negative).to_decimal(), Some(-rounded));
    }

    #[test]
    fn sums_may_be_merged_in_any_way(volumes in volumes(), at in 0_usize..60) {
        let (left, right) = volumes.split_at(at.min(volumes.len()));
        let merged = sum(left).checked_merge(sum(right));
        prop_assert_eq!(merged, Some(sum(&volumes)));
        let backwards: Vec<_> = volumes.iter().rev().copied().collect();
        prop_assert_eq!(sum(&backwards), sum(&volumes));
    }

    #[test]
    fn sum_plus_its_negation_is_zero(volumes in volumes()) {
        let mut all = volumes.clone();
        all.extend(volumes.iter().map(|volume| -*volume));
        prop_assert_eq!(sum(&all), ExactSum::default());
    }
}

#[test]
fn sum_stays_exact_where_decimal_addition_rounds() {
    let exact = sum(&[dec("999999999999999"), dec("0.000000000001")]);
    assert_eq!(
        exact.to_decimal(),
        Some(dec("999999999999999.000000000001"))
    );
}

#[test]
fn digit_29_is_rounded_where_a_decimal_holds_it() {
    for (values, expected) in [
        // 29 digits below 2^96 whose last digit rounds down, up, and up as half
        (
            ["12345678901234567.890123456784", "0"],
            "12345678901234567.89012345678",
        ),
        (
            ["12345678901234567.890123456786", "0"],
            "12345678901234567.89012345679",
        ),
        (
            ["12345678901234567.890123456785", "0"],
            "12345678901234567.89012345679",
        ),
        (
            ["99999999999999999.99999999999", "0.000000000009"],
            "100000000000000000",
        ),
        (
            ["0.9999999999999999999999999999", "0"],
            "0.9999999999999999999999999999",
        ),
        (
            ["20000000000000000000000000005", "0"],
            "20000000000000000000000000010",
        ),
    ] {
        let exact = sum(&values.map(dec));
        assert_eq!(exact.to_decimal(), Some(dec(expected)), "{values:?}");
        let negative = sum(&values.map(|value| -dec(value)));
        assert_eq!(negative.to_decimal(), Some(-dec(expected)), "-{values:?}");
    }
}

#[test]
fn billion_of_the_largest_decimals_do_not_overflow() {
    // doubled 30 times: 1,073,741,824
    let mut exact = ExactSum::from(Decimal::MAX);
    for _ in 0..30 {
        exact = exact.checked_merge(exact).expect("within the range");
    }
    assert_eq!(exact.to_decimal(), None, "but are no decimal");

    let largest = dec("999999999999999.999999999999");
    let mut volume = sum(&[largest, largest]);
    for _ in 0..30 {
        volume = volume.checked_merge(volume).expect("within the range");
    }
    // 2147483647999999999999999.997852516352
    assert_eq!(
        volume.to_decimal(),
        Some(dec("2147483647999999999999999.998"))
    );
}

#[test]
fn negative_zero_becomes_zero() {
    let zero = sum(&[-Decimal::ZERO, dec("-1"), dec("1")]).to_decimal();
    assert_eq!(zero.map(|zero| zero.to_string()), Some("0".to_owned()));
}
