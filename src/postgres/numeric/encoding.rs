//! Encoding of decimals as binary NUMERIC.

use rust_decimal::Decimal;

use super::{GROUP, HEADER, MAX_GROUPS, NEGATIVE};

/// Encodes `value` as binary NUMERIC. Returns the buffer and the number of its bytes that are used. Keeps the
/// number of decimals, so `1.50` stays `1.50`.
pub(crate) fn encoded(value: Decimal) -> ([u8; HEADER + 2 * MAX_GROUPS], usize) {
    // a decimal has at most 28 decimals, which fit every integer
    let scale = value.scale();
    let fraction_groups = scale.div_ceil(GROUP);
    let padding = (fraction_groups * GROUP - scale) as usize;
    let units = value.mantissa().unsigned_abs();
    let padded = u64::try_from(units).ok();
    let padded = padded.and_then(|units| units.checked_mul(POWERS[padding].into()));
    let (groups, first) = match padded {
        Some(units) => groups_of_short(units),
        None => groups_of(units * u128::from(POWERS[padding])),
    };
    let end = groups
        .iter()
        .rposition(|group| *group != 0)
        .map_or(first, |last| last + 1);
    let weight = if first == end {
        0
    } else {
        MAX_GROUPS as i16 - 1 - first as i16 - fraction_groups as i16
    };
    let negative = first != end && value.is_sign_negative();

    let mut bytes = [0; HEADER + 2 * MAX_GROUPS];
    bytes[0..2].copy_from_slice(&((end - first) as u16).to_be_bytes());
    bytes[2..4].copy_from_slice(&weight.to_be_bytes());
    bytes[4..6].copy_from_slice(&(if negative { NEGATIVE } else { 0 }).to_be_bytes());
    bytes[6..8].copy_from_slice(&(scale as u16).to_be_bytes());
    let mut length = HEADER;
    for group in &groups[first..end] {
        bytes[length..length + 2].copy_from_slice(&group.to_be_bytes());
        length += 2;
    }
    (bytes, length)
}

/// Appends `value` as a field: the number of bytes in four bytes, and the bytes.
#[inline]
pub(crate) fn encode_field(value: Decimal, out: &mut Vec<u8>) {
    if let Some((field, length)) = short_field(value) {
        let end = out.len() + length;
        // a copy of a constant length is faster
        out.extend_from_slice(&field);
        out.truncate(end);
        return;
    }
    let (bytes, length) = encoded(value);
    // at most 24
    out.extend_from_slice(&(length as i32).to_be_bytes());
    out.extend_from_slice(&bytes[..length]);
}

/// The bytes of a field with at most four groups, as those of almost all numbers, and their number.
#[inline]
fn short_field(value: Decimal) -> Option<([u8; 20], usize)> {
    const GROUPS: u32 = 4;
    const BOUND: u64 = 10_u64.pow(GROUP * GROUPS);
    const HALF: u64 = 10_u64.pow(GROUP * GROUPS / 2);
    let scale = value.scale();
    let fraction_groups = scale.div_ceil(GROUP);
    let padding = (fraction_groups * GROUP - scale) as usize;
    let units = u64::try_from(value.mantissa().unsigned_abs()).ok()?;
    let units = units.checked_mul(POWERS[padding].into())?;
    if units == 0 || units >= BOUND {
        return None;
    }
    // both fit: they are less than 10^8
    let (high, low) = ((units / HALF) as u32, (units % HALF) as u32);
    let group = |number: u32, place: u32| u64::from(number) << (16 * (GROUPS - 1 - place));
    let all = group(high / 10_000, 0)
        | group(high % 10_000, 1)
        | group(low / 10_000, 2)
        | group(low % 10_000, 3);
    let (first, behind) = (all.leading_zeros() / 16, all.trailing_zeros() / 16);
    let count = GROUPS - first - behind;
    let length = HEADER as u32 + 2 * count;
    let weight = (GROUPS - 1) as i16 - first as i16 - fraction_groups as i16;
    let sign = if value.is_sign_negative() {
        NEGATIVE
    } else {
        0
    };
    let mut field = [0; 20];
    field[0..4].copy_from_slice(&length.to_be_bytes());
    field[4..6].copy_from_slice(&(count as u16).to_be_bytes());
    field[6..8].copy_from_slice(&weight.to_be_bytes());
    field[8..10].copy_from_slice(&sign.to_be_bytes());
    // at most 28
    field[10..12].copy_from_slice(&(scale as u16).to_be_bytes());
    field[12..20].copy_from_slice(&(all << (16 * first)).to_be_bytes());
    Some((field, 4 + length as usize))
}

/// The factors that fill the last group.
const POWERS: [u32; GROUP as usize] = [1, 10, 100, 1_000];

/// As [`groups_of`], for almost all numbers: divides only as often as the number has digits.
#[inline]
fn groups_of_short(mut units: u64) -> ([u16; MAX_GROUPS], usize) {
    let (mut groups, mut first) = ([0; MAX_GROUPS], MAX_GROUPS);
    for group in groups.iter_mut().rev() {
        if units == 0 {
            break;
        }
        *group = (units % 10_000) as u16;
        units /= 10_000;
        first -= 1;
    }
    (groups, first)
}

/// The base-10,000 digits of `units`, most significant first, and the place of the first one that is not zero;
/// [`MAX_GROUPS`] for zero.
fn groups_of(units: u128) -> ([u16; MAX_GROUPS], usize) {
    const HALF: u128 = 10_u128.pow(GROUP * MAX_GROUPS as u32 / 2);
    // 64-bit division is several times as fast as 128-bit division, and sufficient for most numbers
    let halves = if units < HALF {
        [0, units as u64]
    } else {
        [(units / HALF) as u64, (units % HALF) as u64]
    };
    let mut groups = [0; MAX_GROUPS];
    for (half, digits) in halves.into_iter().zip(groups.chunks_exact_mut(4)) {
        let mut rest = half;
        for digit in digits.iter_mut().rev() {
            *digit = (rest % 10_000) as u16;
            rest /= 10_000;
        }
    }
    let first = groups.iter().position(|group| *group != 0);
    (groups, first.unwrap_or(MAX_GROUPS))
}
