use suite::Fuzz;

use super::*;

/// The most distant groups that the model writes as digits.
const MAX_WEIGHT: i32 = 60;

/// The value as text, computed digit by digit; `None` for bytes that are not a finite NUMERIC, and for
/// weights beyond `MAX_WEIGHT`.
fn model(bytes: &[u8]) -> Option<String> {
    let word = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    let (count, weight) = (usize::from(word(0)?), i32::from(word(2)? as i16));
    let sign = match word(4)? {
        0 => "",
        NEGATIVE => "-",
        _ => return None,
    };
    if bytes.len() != HEADER + 2 * count || !(-MAX_WEIGHT..=MAX_WEIGHT).contains(&weight) {
        return None;
    }
    let (mut whole, mut fraction) = (String::new(), String::new());
    if weight < 0 {
        fraction = "0000".repeat(weight.unsigned_abs() as usize - 1);
    }
    for index in 0..count {
        let group = word(HEADER + 2 * index)?;
        if group >= 10_000 {
            return None;
        }
        let part = if index as i32 <= weight {
            &mut whole
        } else {
            &mut fraction
        };
        part.push_str(&format!("{group:04}"));
    }
    let missing = usize::try_from(weight + 1).unwrap_or(0);
    whole.push_str(&"0000".repeat(missing.saturating_sub(count)));
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(match fraction {
        "" => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{fraction}"),
    })
}

/// The decimal in the first 14 bytes.
fn decimal_in(bytes: &[u8]) -> Option<Decimal> {
    let (parts, rest) = bytes.split_first_chunk::<12>()?;
    let (parts, _) = parts.as_chunks::<4>();
    let [low, middle, high] = [parts[0], parts[1], parts[2]].map(u32::from_be_bytes);
    let [scale, sign, ..] = *rest else {
        return None;
    };
    let scale = u32::from(scale) % (MAX_DECIMALS as u32 + 1);
    Some(Decimal::from_parts(low, middle, high, sign % 2 == 1, scale))
}

fn bytes_of(value: Decimal) -> Vec<u8> {
    let (bytes, length) = encoded(value);
    bytes[..length].to_vec()
}

/// Checks that a decimal is read back, and written in the canonical form.
fn round_trip(value: Decimal) {
    let bytes = bytes_of(value);
    let read = decode(&bytes).expect("a decimal fits");
    assert_eq!(read, value);
    assert_eq!(read.scale(), value.normalize().scale());
    let digits = &bytes[HEADER..];
    assert!(!digits.starts_with(&[0, 0]) && !digits.ends_with(&[0, 0]));
    let again = bytes_of(read);
    assert_eq!(again[..6], bytes[..6]);
    assert_eq!(&again[HEADER..], digits);
}

/// Decodes a NUMERIC and compares it with the model. Returns the number of decimals, or the error.
fn decode_and_check(bytes: &[u8]) -> Result<u32, String> {
    let read = decode(bytes);
    let sum = decode_sum(bytes);
    if let Some(text) = model(bytes) {
        match Decimal::from_str_exact(&text) {
            Ok(value) => assert_eq!(read, Ok(value), "{text}"),
            Err(_) => assert_eq!(read, Err(NumericError::TooManyDigits), "{text}"),
        }
    }
    match (read, sum) {
        (Ok(value), Ok((rounded, None))) => assert_eq!(rounded, value),
        (Ok(value), Ok((rounded, Some(exact)))) => {
            assert_eq!(exact, ExactSum::from(value));
            assert_eq!(exact.to_decimal(), Some(rounded));
        }
        (Ok(value), Err(error)) => {
            // the rounded sum exceeds the largest decimal
            assert_eq!(ExactSum::from(value).to_decimal(), None);
            assert_eq!(error, NumericError::TooManyDigits);
        }
        (Err(error), Ok(_)) => assert_eq!(error, NumericError::TooManyDigits),
        (Err(NumericError::TooManyDigits), Err(error)) => assert!(matches!(
            error,
            NumericError::TooManyDigits | NumericError::Malformed
        )),
        (Err(one), Err(other)) => assert_eq!(one, other),
    }
    if let Ok((rounded, _)) = sum {
        round_trip(rounded);
    }
    let value = read.map_err(|error| error.to_string())?;
    assert!(!value.is_zero() || !value.is_sign_negative());
    assert_eq!(value.normalize().scale(), value.scale());
    round_trip(value);
    Ok(value.scale())
}

fn values() -> Vec<Decimal> {
    let mut values: Vec<_> = [
        "1.5",
        "0.00000001",
        "-37.63",
        "999999999999999.999999999999",
    ]
    .map(|text| text.parse().expect("a decimal"))
    .to_vec();
    values.extend([Decimal::MAX, Decimal::MIN, Decimal::ZERO, Decimal::TEN]);
    // a volume in exponent form, and the largest scale
    values.extend([Decimal::new(1, 8), Decimal::new(1, 28)]);
    values
}

#[test]
fn numerics_of_any_bytes_decode_or_fail() {
    let special = [NAN, POSITIVE_INFINITY, NEGATIVE_INFINITY].map(|sign| {
        let mut bytes = bytes_of(Decimal::ZERO);
        bytes[4..6].copy_from_slice(&sign.to_be_bytes());
        bytes
    });
    // 65,535 groups, of which none follows
    let announced = [&[0xff; 2][..], &[0; 6]].concat();
    let padded = [&[0, 4, 0, 1, 0, 0, 0, 0][..], &[0, 0, 0, 9, 0, 9, 0, 0]].concat();
    Fuzz::new("numeric_bytes")
        .seeds(values().into_iter().map(bytes_of))
        .seeds(special)
        .seeds([announced, padded])
        .run(decode_and_check);
}

#[test]
fn decimals_of_any_bytes_read_back() {
    Fuzz::new("numeric_decimal")
        .seeds(values().into_iter().map(|value| {
            let parts = value.unpack();
            let mut bytes = [parts.lo, parts.mid, parts.hi]
                .map(u32::to_be_bytes)
                .concat();
            bytes.extend([value.scale() as u8, u8::from(value.is_sign_negative())]);
            bytes
        }))
        .run(|bytes| {
            let value = decimal_in(bytes)?;
            round_trip(value);
            Some((value.scale(), bytes_of(value).len()))
        });
}
