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

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::http::{FREE, Http};
    use crate::settings::ServerConfig;

    const LIMIT: usize = 4 << 20;

    fn buffer(bytes: &[u8]) -> Buffer {
        let mut buffer = Buffer::with_room(bytes.len());
        buffer.extend(bytes).expect("memory");
        buffer
    }

    fn bombs() -> [(Coding, Vec<u8>); 3] {
        let blank = vec![b' '; 16 * LIMIT];
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&blank).expect("memory");
        [
            (Coding::Gzip, gzip.finish().expect("memory")),
            (
                Coding::Zstd,
                zstd::bulk::compress(&blank, 1).expect("memory"),
            ),
            (
                Coding::Zstd,
                zstd::stream::encode_all(&*blank, 1).expect("memory"),
            ),
        ]
    }

    #[test]
    fn decompression_bombs_take_bounded_memory() {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime");
        let http = Http::new(ServerConfig::default());
        for (coding, bomb) in bombs() {
            let held = http.memory().for_body();
            let coded = buffer(&bomb);
            let measured = allocation_counter::measure(|| {
                let refused = runtime.block_on(decode(coding, coded, LIMIT, &held));
                let problem = refused.expect_err("too long");
                assert_eq!(problem.status(), 413, "{coding:?}: {problem}");
            });
            // the buffer of the plain body is a mapping of its own, of at most the limit
            let most = (LIMIT + (1 << 20)) as u64;
            assert!(measured.bytes_max < most, "{coding:?}: {measured:?}");
            drop(held);
            assert_eq!(http.memory().taken(), 0);
        }
    }

    #[tokio::test]
    async fn plain_body_counts_alone_afterwards() {
        let http = Http::new(ServerConfig::default());
        let plain = vec![b' '; 1 << 20];
        for coded in [
            zstd::bulk::compress(&plain, 1).expect("memory"),
            zstd::stream::encode_all(&*plain, 1).expect("memory"),
        ] {
            let held = http.memory().for_body();
            let decoded = decode(Coding::Zstd, buffer(&coded), LIMIT, &held).await;
            assert_eq!(*decoded.expect("plain"), *plain);
            assert_eq!(http.memory().taken(), plain.len() - FREE);
        }
    }

    #[tokio::test]
    async fn body_without_free_memory_is_refused() {
        let http = Http::new(ServerConfig {
            buffer_bytes: 1 << 20,
            ..ServerConfig::default()
        });
        let other = http.memory().for_body();
        other.grow_at_once(1 << 20).expect("free");
        for (coding, bomb) in bombs() {
            let held = http.memory().for_body();
            let refused = decode(coding, buffer(&bomb), 32 * LIMIT, &held).await;
            assert_eq!(refused.expect_err("no memory").status(), 503, "{coding:?}");
        }
    }
}
