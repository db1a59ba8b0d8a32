use proptest::prelude::*;

use super::*;

fn dec(text: &str) -> Decimal {
    text.parse().expect("a decimal literal of the test")
}

fn amount(text: &str) -> Amount {
    text.parse().expect("an amount of the test")
}

const MOST: &str = "999999999999999.999999999999";
const LARGEST: &str = "999999999999999999999999999999.999999999999999999999999";

#[test]
fn products_of_the_largest_numbers_are_exact() {
    let product = Amount::of(dec(MOST), dec(MOST)).expect("fits");
    let expected = "999999999999999999999999998000.000000000000000000000001";
    assert_eq!(product.to_string(), expected);
    assert_eq!((-product).to_string(), format!("-{expected}"));
    let least = dec("0.000000000001");
    let product = Amount::of(-least, least).expect("fits");
    assert_eq!(product.to_string(), "-0.000000000000000000000001");
    // a Decimal has too few digits for it
    let (a, b) = (dec("123456789012.12345678"), dec("98765.43210987"));
    let product = Amount::of(a, b).expect("fits");
    assert_eq!(product.to_string(), "12193263113679423.8549720331564186");
}

#[test]
fn amounts_over_the_range_are_refused() {
    let largest = amount(LARGEST);
    let least = amount("0.000000000000000000000001");
    assert_eq!(largest.plus(least), Err(AmountError::OutOfRange));
    assert_eq!((-largest).minus(least), Err(AmountError::OutOfRange));
    assert_eq!(largest.times(dec("2")), Err(AmountError::OutOfRange));
    assert_eq!(largest.times(dec(MOST)), Err(AmountError::OutOfRange));
    assert_eq!(least.times(dec("0.5")), Err(AmountError::TooManyDecimals));
    let long = dec("0.0000000000000000000000000001");
    assert_eq!(Amount::try_from(long), Err(AmountError::TooManyDecimals));
    assert_eq!(largest.minus(largest), Ok(Amount::ZERO));
}

#[test]
fn shares_are_rounded_half_to_even() {
    let share = |units: &str, part: &str, whole: &str| {
        let share = amount(units).share(dec(part), dec(whole));
        share.expect("in range").to_string()
    };
    let last = |digit: &str| format!("0.00000000000000000000000{digit}");
    assert_eq!(share(&last("1"), "1", "2"), "0");
    assert_eq!(share(&last("3"), "1", "2"), last("2"));
    assert_eq!(share(&last("5"), "1", "2"), last("2"));
    assert_eq!(
        share(&format!("-{}", last("3")), "0.5", "1"),
        format!("-{}", last("2"))
    );
    assert_eq!(share("100", "1", "3"), "33.333333333333333333333333");
    assert_eq!(share("-100", "2", "3"), "-66.666666666666666666666667");
    assert_eq!(share(LARGEST, MOST, MOST), LARGEST);
    assert_eq!(share(LARGEST, "0", MOST), "0");
    for (part, whole) in [("2", "1"), ("-1", "1"), ("0", "0")] {
        assert!(amount("1").share(dec(part), dec(whole)).is_err());
    }
}

#[test]
fn averages_have_twelve_decimals() {
    let average = |cost: &str, quantity: &str| amount(cost).per_unit(dec(quantity));
    assert_eq!(average("200", "300"), Some(dec("0.666666666667")));
    assert_eq!(average("-100001.5", "-100000"), Some(dec("1.000015")));
    assert_eq!(average("-1", "3"), Some(dec("-0.333333333333")));
    assert_eq!(average("1", "0"), None);
    let least = "0.000000000000000000000001";
    assert_eq!(average(least, MOST), Some(Decimal::ZERO));
    assert_eq!(average(LARGEST, "0.000000000001"), None);
}

#[test]
fn quotients_are_rounded_half_to_even() {
    let quotient = |a: &str, b: &str| Amount::quotient(amount(a), dec(b));
    let third = "0.333333333333333333333333";
    assert_eq!(quotient("1", "3"), Ok(amount(third)));
    let two_thirds = "0.666666666666666666666667";
    assert_eq!(quotient("2", "3"), Ok(amount(two_thirds)));
    assert_eq!(quotient("2", "-3"), Ok(-amount(two_thirds)));
    assert_eq!(quotient("-1", "3"), Ok(-amount(third)));
    assert_eq!(quotient("1", "-3"), Ok(-amount(third)));
    assert_eq!(
        quotient("100000", "375.95"),
        Ok(amount("265.992818193908764463359489"))
    );
    assert_eq!(quotient("1", "0"), Err(AmountError::OutOfRange));
}

#[test]
fn texts_that_are_not_amounts_are_refused() {
    for text in [
        "", ".", "-", "1e5", "1,5", "1.2.3", " 1", "NaN", "--1", "+-1",
    ] {
        let error = text.parse::<Amount>().expect_err(text);
        assert!(error.to_string().starts_with("invalid amount"), "{error}");
    }
    for (text, read) in [
        ("-.5", "-0.5"),
        ("+7.", "7"),
        ("007.500", "7.5"),
        ("-0", "0"),
    ] {
        assert_eq!(amount(text).to_string(), read);
    }
    assert_eq!(amount(LARGEST).to_string(), LARGEST);
    let digits = format!("0.{}1", "0".repeat(24));
    assert!(digits.parse::<Amount>().is_err(), "25 decimal places");
    assert!(format!("1{}", "0".repeat(30)).parse::<Amount>().is_err());
}

proptest! {
    #[test]
    fn amounts_agree_with_those_of_candles(
        price in -1_000_000_000_000_i64..1_000_000_000_000,
        quantity in 1_i64..1_000_000_000_000,
        scales in (0_u32..=12, 0_u32..=12),
    ) {
        let (price, quantity) = (Decimal::new(price, scales.0), Decimal::new(quantity, scales.1));
        let of_candle = tickbook::domain::Amount::of(price, quantity).expect("fits");
        let amount = Amount::of(price, quantity).expect("fits");
        prop_assert_eq!(amount.to_string(), of_candle.to_string());
        prop_assert_eq!(amount.to_string().parse(), Ok(amount));
    }

    #[test]
    fn share_and_its_rest_are_the_whole(
        units in any::<i64>(), part in 0_i64..1_000_000, more in 0_i64..1_000_000,
    ) {
        let cost = Amount::of(Decimal::new(units, 10), Decimal::new(7, 3)).expect("fits");
        // an odd number of units, so that no share is half of the last place
        let whole = part + more + 1 - (part + more) % 2;
        let part = part.min(whole);
        let (part, whole) = (Decimal::new(part, 4), Decimal::new(whole, 4));
        let share = cost.share(part, whole).expect("in range");
        let rest = cost.share(whole - part, whole).expect("in range");
        prop_assert_eq!(share.plus(rest), Ok(cost));
    }
}
