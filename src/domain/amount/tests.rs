use proptest::prelude::*;

use super::*;

fn dec(text: &str) -> Decimal {
    text.parse().expect("a decimal literal of the test")
}

fn product(price: &str, quantity: &str) -> Option<String> {
    Amount::of(dec(price), dec(quantity)).map(|amount| amount.to_string())
}

#[test]
fn products_of_the_largest_numbers_are_exact() {
    let most = "999999999999999.999999999999";
    let expected = "999999999999999999999999998000.000000000000000000000001";
    assert_eq!(product(most, most).as_deref(), Some(expected));
    let negative = format!("-{expected}");
    assert_eq!(
        product("-999999999999999.999999999999", most),
        Some(negative)
    );
    let least = "0.000000000001";
    let expected = "0.000000000000000000000001";
    assert_eq!(product(least, least).as_deref(), Some(expected));
    assert_eq!(product("0", most).as_deref(), Some("0"));
    assert_eq!(product("-0.5", "3").as_deref(), Some("-1.5"));
}

#[test]
fn numbers_that_cannot_be_stored_have_no_product() {
    assert_eq!(product("1000000000000000", "1"), None);
    assert_eq!(product("1", "0.0000000000001"), None);
    assert_eq!(product("1.5000000000000000", "2"), Some("3".to_owned()));
}

#[test]
fn sums_beyond_all_products_overflow() {
    let most: Amount = "170141183460469231731687303715884105727"
        .parse()
        .expect("2^127 - 1");
    assert_eq!(most.checked_add(Amount::from(Decimal::ONE)), None);
    assert_eq!(most.to_decimal(), None);
    assert!(!most.is_storable());
    let stored: Amount = "9999999999999999999999999999999999.123456789012345678901234"
        .parse()
        .expect("an amount");
    assert!(stored.is_storable());
}

#[test]
fn texts_that_are_not_amounts_are_refused() {
    for text in ["", ".", "-", "1e5", "1,5", "1.2.3", " 1", "NaN", "--1"] {
        let error = text.parse::<Amount>().expect_err(text);
        assert!(error.to_string().starts_with("invalid amount"), "{error}");
    }
    for (text, read) in [("-.5", "-0.5"), ("+7.", "7"), ("007.500", "7.5")] {
        let amount: Amount = text.parse().expect(text);
        assert_eq!(amount.to_string(), read);
    }
    let digits = format!("0.{}1", "0".repeat(24));
    assert!(digits.parse::<Amount>().is_err(), "25 decimal places");
    assert!(format!("1{}", "0".repeat(39)).parse::<Amount>().is_err());
}

proptest! {
    #[test]
    fn products_equal_those_of_small_integers(
        price in -1_000_000_000_i64..1_000_000_000,
        quantity in 1_i64..1_000_000_000,
        scales in (0_u32..=12, 0_u32..=12),
    ) {
        let amount = Amount::of(Decimal::new(price, scales.0), Decimal::new(quantity, scales.1));
        let amount = amount.expect("fits");
        let units = i128::from(price) * i128::from(quantity);
        let expected = Decimal::from_i128_with_scale(units, scales.0 + scales.1).normalize();
        prop_assert_eq!(amount.to_string(), expected.to_string());
        prop_assert_eq!(amount.to_string().parse(), Ok(amount));
        prop_assert_eq!(amount, Amount::from(expected));
    }
}
