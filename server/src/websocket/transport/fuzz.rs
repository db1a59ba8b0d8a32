use suite::Fuzz;

use super::frames::MAX_BYTES;
use super::tests::{decode, masked};

/// Frames of every kind, whole and in fragments.
fn frames() -> Vec<Vec<u8>> {
    let compressed = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let text = br#"{"op":"subscribe","channel":"ticks","symbols":[1,2]}"#;
    vec![
        masked(0x81, text),
        [
            masked(0x01, &text[..9]),
            masked(0x89, b"ping"),
            masked(0x80, &text[9..]),
        ]
        .concat(),
        masked(0xc1, &compressed),
        [
            masked(0x41, &compressed[..3]),
            masked(0x80, &compressed[3..]),
        ]
        .concat(),
        masked(0x82, &[0; 300]),
        masked(0x88, &[0x03, 0xe8, b'e', b'n', b'd']),
        masked(0x8a, b""),
    ]
}

#[test]
fn frames_of_any_bytes_decode_or_fail() {
    Fuzz::new("websocket_frames").seeds(frames()).run(|bytes| {
        let mut whole = None;
        let used = allocation_counter::measure(|| {
            whole = Some(decode(bytes, bytes.len().max(1), true));
        });
        // a decompressor has a window of 32 KiB
        let most = 10 * bytes.len() as u64 + 6 * MAX_BYTES as u64;
        assert!(
            used.bytes_max <= most,
            "{} bytes, at most {most}",
            used.bytes_max
        );
        let whole = whole.expect("it ran");
        let pieces = decode(bytes, 3, true);
        assert_eq!(whole, pieces);
        match whole {
            Ok(messages) => format!("{messages:?}").chars().take(60).collect(),
            Err(error) => error.to_string(),
        }
    });
}
