use proptest::prelude::*;

use super::*;

fn numeric(digits: &[u16], weight: i16, sign: u16, scale: u16) -> Vec<u8> {
    let mut bytes = (digits.len() as u16).to_be_bytes().to_vec();
    bytes.extend(weight.to_be_bytes());
    bytes.extend(sign.to_be_bytes());
    bytes.extend(scale.to_be_bytes());
    for digit in digits {
        bytes.extend(digit.to_be_bytes());
    }
    bytes
}

fn bytes_of(value: Decimal) -> Vec<u8> {
    let (bytes, length) = encoded(value);
    bytes[..length].to_vec()
}

fn dec(text: &str) -> Decimal {
    text.parse().expect("a decimal literal of the test")
}

#[test]
fn bytes_match_the_server() {
    // results of `SELECT encode(numeric_send(x), 'hex')`
    for (text, digits, weight, sign) in [
        ("0", &[][..], 0, 0),
        ("1", &[1][..], 0, 0),
        ("-1", &[1], 0, NEGATIVE),
        ("10000", &[1], 1, 0),
        ("12345678", &[1234, 5678], 1, 0),
        ("0.5", &[5000], -1, 0),
        ("1.38676", &[1, 3867, 6000], 0, 0),
        ("-37.63", &[37, 6300], 0, NEGATIVE),
        ("0.00000001", &[1], -2, 0),
        ("0.0000000000000000000000000001", &[1], -7, 0),
        (
            "79228162514264337593543950335",
            &[7, 9228, 1625, 1426, 4337, 5935, 4395, 335],
            7,
            0,
        ),
        (
            "7.9228162514264337593543950335",
            &[7, 9228, 1625, 1426, 4337, 5935, 4395, 335],
            0,
            0,
        ),
        (
            "999999999999999.999999999999",
            &[999, 9999, 9999, 9999, 9999, 9999, 9999],
            3,
            0,
        ),
    ] {
        let value = dec(text);
        let bytes = numeric(digits, weight, sign, value.scale() as u16);
        assert_eq!(bytes_of(value), bytes, "{text}");
        assert_eq!(decode(&bytes), Ok(value), "{text}");
    }
}

#[test]
fn trailing_zeros_are_written_and_not_read() {
    let bytes = bytes_of(dec("1.500000"));
    assert_eq!(bytes, numeric(&[1, 5000], 0, 0, 6));
    let read = decode(&bytes).expect("fits");
    assert_eq!((read, read.scale()), (dec("1.5"), 1));
    let read = decode(&bytes_of(dec("0.000"))).expect("fits");
    assert_eq!(read.scale(), 0);
}

#[test]
fn zero_groups_at_the_ends_change_nothing() {
    let padded = numeric(&[0, 0, 12, 3400, 0, 0], 2, NEGATIVE, 8);
    assert_eq!(decode(&padded), Ok(dec("-12.34")));
    let zero = decode(&numeric(&[0, 0], 5, NEGATIVE, 0)).expect("zero");
    assert_eq!((zero, zero.is_sign_negative()), (Decimal::ZERO, false));
}

#[test]
fn invalid_decimals_are_errors_and_never_rounded() {
    use NumericError::{Infinite, Malformed, NotANumber, TooManyDigits};
    for (bytes, expected) in [
        (numeric(&[], 0, NAN, 0), NotANumber),
        (numeric(&[], 0, POSITIVE_INFINITY, 0), Infinite),
        (numeric(&[], 0, NEGATIVE_INFINITY, 0), Infinite),
        // 1e40, 1e-40, 1e-29, 2^96, 33 digits, the largest and the smallest weight
        (numeric(&[1], 10, 0, 0), TooManyDigits),
        (numeric(&[1], -10, 0, 40), TooManyDigits),
        (numeric(&[1000], -8, 0, 29), TooManyDigits),
        (
            numeric(&[7, 9228, 1625, 1426, 4337, 5935, 4395, 336], 7, 0, 0),
            TooManyDigits,
        ),
        (numeric(&[1; 9], 0, 0, 32), TooManyDigits),
        (numeric(&[1], i16::MAX, 0, 0), TooManyDigits),
        (numeric(&[1], i16::MIN, 0, 0), TooManyDigits),
        (numeric(&[10_000], 0, 0, 0), Malformed),
        (numeric(&[1], 0, 0x1234, 0), Malformed),
        (Vec::new(), Malformed),
        (vec![0; 7], Malformed),
        (vec![0, 2, 0, 0, 0, 0, 0, 0, 0, 1], Malformed),
        (vec![0, 0, 0, 0, 0, 0, 0, 0, 1], Malformed),
    ] {
        assert_eq!(decode(&bytes), Err(expected), "{bytes:02x?}");
    }
}

#[test]
fn sum_of_many_digits_is_rounded_and_kept() {
    // 1 2345 6789 0123 4567 . 8901 2345 6785 and digits that do not affect the result
    let long = numeric(
        &[1, 2345, 6789, 123, 4567, 8901, 2345, 6785, 1, 1, 1, 1, 1, 1],
        4,
        0,
        36,
    );
    let (value, sum) = decode_sum(&long).expect("a number");
    assert_eq!(value, dec("12345678901234567.89012345679"));
    assert_eq!(sum.and_then(ExactSum::to_decimal), Some(value));
    // exact with 28 digits, and with one digit far from the point
    for text in ["1234567890123456.789012345678", "1e-28", "0", "-0.5"] {
        let value = Decimal::from_scientific(text).unwrap_or_else(|_| dec(text));
        assert_eq!(decode_sum(&bytes_of(value)), Ok((value, None)), "{text}");
    }
    for (bytes, expected) in [
        // 29 digits below 2^96, in a tenth and as a whole number
        (
            bytes_of(dec("2.0000000000000000000000000005")),
            "2.000000000000000000000000001",
        ),
        (
            bytes_of(dec("20000000000000000000000000004")),
            "20000000000000000000000000000",
        ),
        // 5e-29, 4e-29, 1e-40, 3e-131072
        (
            numeric(&[5000], -8, 0, 29),
            "0.0000000000000000000000000001",
        ),
        (numeric(&[4999], -8, 0, 32), "0"),
        (numeric(&[1], -10, NEGATIVE, 40), "0"),
        (numeric(&[3], i16::MIN, 0, 0), "0"),
        (
            numeric(
                &[1, 2345, 6789, 123, 4567, 8901, 2345, 6785],
                4,
                NEGATIVE,
                12,
            ),
            "-12345678901234567.89012345679",
        ),
    ] {
        let read = decode_sum(&bytes).map(|(value, _)| value);
        assert_eq!(read, Ok(dec(expected)), "{bytes:02x?}");
    }
}

#[test]
fn invalid_sums_are_errors() {
    use NumericError::{Infinite, Malformed, NotANumber, TooManyDigits};
    for (bytes, expected) in [
        (numeric(&[], 0, NAN, 0), NotANumber),
        (numeric(&[], 0, POSITIVE_INFINITY, 0), Infinite),
        // 8e28, 1e40, the largest weight
        (numeric(&[8], 7, 0, 0), TooManyDigits),
        (numeric(&[1], 10, 0, 0), TooManyDigits),
        (numeric(&[1], i16::MAX, 0, 0), TooManyDigits),
        (
            numeric(&[1, 1, 1, 1, 1, 1, 1, 1, 10_000], 4, 0, 0),
            Malformed,
        ),
        (Vec::new(), Malformed),
    ] {
        assert_eq!(
            decode_sum(&bytes).map(|(value, _)| value),
            Err(expected),
            "{bytes:02x?}"
        );
    }
}

fn any_decimal() -> impl Strategy<Value = Decimal> {
    let units = prop_oneof![
        any::<u128>().prop_map(|units| units >> 32),
        any::<u64>().prop_map(u128::from),
        any::<u16>().prop_map(u128::from),
        (0_u32..29).prop_map(|power| 10_u128.pow(power)),
    ];
    (units, 0_u32..=28, any::<bool>()).prop_map(|(units, scale, negative)| {
        let (low, middle, high) = (units as u32, (units >> 32) as u32, (units >> 64) as u32);
        Decimal::from_parts(low, middle, high, negative, scale)
    })
}

proptest! {
    #[test]
    fn every_decimal_reads_back(value in any_decimal()) {
        let read = decode(&bytes_of(value)).expect("was a decimal");
        prop_assert_eq!(read, value);
        prop_assert_eq!(read.scale(), value.normalize().scale());
    }

    #[test]
    fn fields_are_lengths_and_bytes(value in any_decimal(), units in any::<i64>(), scale in 0_u32..=28) {
        for value in [value, Decimal::new(units, scale), Decimal::new(units % 1_000_000, scale)] {
            let (mut field, bytes) = (Vec::new(), bytes_of(value));
            encode_field(value, &mut field);
            let length = (bytes.len() as i32).to_be_bytes();
            prop_assert_eq!(field, [length.as_slice(), &bytes].concat());
        }
    }

    #[test]
    fn bytes_are_canonical(value in any_decimal()) {
        let bytes = bytes_of(value);
        let digits = &bytes[HEADER..];
        prop_assert!(!digits.starts_with(&[0, 0]) && digits.len() <= 2 * MAX_GROUPS);
        prop_assert!(digits.chunks(2).next_back() != Some(&[0, 0]));
    }

    #[test]
    fn arbitrary_bytes_cause_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = decode(&bytes);
        let _ = decode_sum(&bytes);
    }

    #[test]
    fn well_formed_numbers_cause_no_panic(
        digits in proptest::collection::vec(0_u16..10_000, 0..12),
        weight in any::<i16>(),
        negative in any::<bool>(),
    ) {
        let bytes = numeric(&digits, weight, u16::from(negative) * NEGATIVE, 0);
        let _ = decode(&bytes);
        let _ = decode_sum(&bytes);
    }

    #[test]
    fn sum_reads_back_exactly_and_rounds_once(value in any_decimal()) {
        let (rounded, sum) = decode_sum(&bytes_of(value)).expect("was a decimal");
        prop_assert_eq!(sum.unwrap_or_else(|| rounded.into()), ExactSum::from(value));
        prop_assert_eq!(Some(rounded), ExactSum::from(value).to_decimal());
        // 10^28, which may be rounded up to 29 digits, takes the longer path
        let again = decode_sum(&bytes_of(rounded)).map(|(value, _)| value);
        prop_assert_eq!(again, Ok(rounded));
    }
}
