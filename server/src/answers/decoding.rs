//! Content codings of request bodies.

use std::io::Read as _;

use flate2::bufread::GzDecoder;
use tokio::task::yield_now;
use zstd::zstd_safe::{find_frame_compressed_size, get_frame_content_size};

use super::coding::Coding;
use crate::buffer::Buffer;
use crate::http::Held;
use crate::problem::Problem;

/// The number of bytes between two yields to other requests.
const AT_ONCE: usize = 32 * 1_024;

/// Decompresses a body that was received completely, to at most `max_bytes` bytes. `held` grows by the memory of the
/// plain body, and holds that alone afterwards.
///
/// # Errors
/// 413 if the plain body is longer; 400 if the body is damaged; 503 if the memory is not available.
pub(crate) async fn decode(
    coding: Coding,
    coded: Buffer,
    max_bytes: usize,
    held: &Held,
) -> Result<Buffer, Problem> {
    let plain = match coding {
        Coding::Gzip => gzip(&coded, max_bytes, held).await?,
        Coding::Zstd => zstd(&coded, max_bytes, held)?,
    };
    drop(coded);
    held.shrink(plain.len());
    Ok(plain)
}

/// Reads one member. Several members would be several bodies.
async fn gzip(coded: &[u8], max_bytes: usize, held: &Held) -> Result<Buffer, Problem> {
    let damaged = |error: std::io::Error| damaged(Coding::Gzip, &error);
    let mut plain = Buffer::with_room(max_bytes);
    let mut decoder = GzDecoder::new(coded);
    let mut part = vec![0; AT_ONCE];
    loop {
        let length = decoder.read(&mut part).map_err(damaged)?;
        if length == 0 {
            break;
        }
        let total = plain.len() + length;
        if total > max_bytes {
            return Err(Problem::body_too_large(max_bytes));
        }
        held.grow_at_once(coded.len() + total.next_multiple_of(2 * AT_ONCE))?;
        append(&mut plain, &part[..length])?;
        yield_now().await;
    }
    match decoder.into_inner() {
        [] => Ok(plain),
        _ => Err(damaged(std::io::Error::other("bytes follow its end"))),
    }
}

/// Decompresses in one step, into memory that is reserved before: so no window is needed in addition, however large
/// the frame says that it is.
fn zstd(coded: &[u8], max_bytes: usize, held: &Held) -> Result<Buffer, Problem> {
    let declared = get_frame_content_size(coded).ok().flatten();
    let declared = declared.filter(|_| find_frame_compressed_size(coded) == Ok(coded.len()));
    let room = match declared.map(usize::try_from) {
        Some(Ok(declared)) if declared <= max_bytes => declared,
        Some(_) => return Err(Problem::body_too_large(max_bytes)),
        None => max_bytes,
    };
    held.grow_at_once(coded.len() + room)?;
    let damaged = |error: std::io::Error| match error.to_string() {
        text if text.contains("too small") => Problem::body_too_large(max_bytes),
        _ => damaged(Coding::Zstd, &error),
    };
    let mut decoder = zstd::bulk::Decompressor::new().map_err(damaged)?;
    let bytes = decoder.decompress(coded, room).map_err(damaged)?;
    let mut plain = Buffer::with_room(bytes.len());
    append(&mut plain, &bytes)?;
    Ok(plain)
}

fn append(plain: &mut Buffer, part: &[u8]) -> Result<(), Problem> {
    plain.extend(part).map_err(|error| {
        tracing::warn!(%error, "cannot allocate memory for a body");
        Problem::no_memory()
    })
}

fn damaged(coding: Coding, error: &std::io::Error) -> Problem {
    let coding = coding.as_str();
    Problem::invalid_body(format!("the body is not valid {coding}: {error}"))
}
