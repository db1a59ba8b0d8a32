use axum::http::{HeaderMap, header};
use flate2::{Decompress, FlushDecompress};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::deflate::{Deflate, Deflater, inflate};
use super::frames::{FrameReader, Incoming, InvalidFrame, MAX_BYTES};
use super::socket::ClientSocket;

/// A masked frame whose first byte is `first`.
pub(super) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(0x80 | length as u8),
        length @ 126..65_536 => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(a, b)| a ^ b));
    frame
}

fn text(text: &str) -> Incoming {
    Incoming::Text(text.to_owned())
}

/// Everything that is decoded from `bytes`, which arrive in pieces of `piece` bytes.
pub(super) fn decode(
    bytes: &[u8],
    piece: usize,
    is_deflating: bool,
) -> Result<Vec<Incoming>, InvalidFrame> {
    let mut reader = FrameReader::new(is_deflating);
    let mut all = Vec::new();
    for piece in bytes.chunks(piece) {
        reader.push(piece);
        while let Some(incoming) = reader.next()? {
            all.push(incoming);
        }
    }
    Ok(all)
}

#[test]
fn messages_are_decoded_in_any_pieces() {
    // the first two are examples of RFC 6455, section 5.7
    let mut bytes = vec![
        0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ];
    bytes.extend(masked(0x89, b"Hello"));
    bytes.extend(masked(0x01, b"Hell"));
    // a control frame within a message
    bytes.extend(masked(0x8a, b""));
    bytes.extend(masked(0x80, b"o"));
    bytes.extend(masked(0x82, &[0; 300]));
    let long = "x".repeat(70_000);
    bytes.extend(masked(0x81, long.as_bytes()));
    bytes.extend(masked(0x88, &[0x03, 0xe8]));
    let expected = [
        text("Hello"),
        Incoming::Ping(b"Hello".to_vec()),
        Incoming::Pong,
        text("Hello"),
        Incoming::Binary,
        text(&long),
        Incoming::Close(Some(1000)),
    ];
    for piece in [1, 3, 4_096, bytes.len()] {
        let decoded = decode(&bytes, piece, false).expect("valid");
        assert_eq!(decoded, expected, "in pieces of {piece}");
    }
}

#[test]
fn invalid_frames_are_refused() {
    let protocol = InvalidFrame::Protocol;
    let not_masked = vec![0x81, 0x01, b'x'];
    let within = [masked(0x01, b"a"), masked(0x81, b"b")].concat();
    let too_long_in_parts = [masked(0x01, &vec![b'x'; MAX_BYTES]), masked(0x80, b"x")].concat();
    // the payload of this frame never arrives
    let too_long = [
        &[0x81, 0xff][..],
        &(MAX_BYTES as u64 + 1).to_be_bytes(),
        &[0; 4],
    ]
    .concat();
    let control = "a control frame is fragmented or has more than 125 bytes";
    let not_begun = "it continues a message that has not begun";
    for (bytes, expected) in [
        (not_masked, protocol("it is not masked")),
        (masked(0x83, b""), protocol("unknown opcode")),
        (masked(0xc1, b"x"), protocol("a reserved bit is set")),
        (masked(0xa1, b"x"), protocol("a reserved bit is set")),
        (masked(0x09, b""), protocol(control)),
        (masked(0x89, &[0; 126]), protocol(control)),
        (masked(0x80, b""), protocol(not_begun)),
        (within, protocol("a message begins within another one")),
        (masked(0x81, &[0xff]), InvalidFrame::NotUtf8),
        (
            masked(0x88, &[3]),
            protocol("the code of a close frame has two bytes"),
        ),
        (masked(0x88, &[0x03, 0xed]), protocol("unknown close code")),
        (masked(0x88, &[0x03, 0xe8, 0xff]), InvalidFrame::NotUtf8),
        (too_long, InvalidFrame::TooLong),
        (too_long_in_parts, InvalidFrame::TooLong),
    ] {
        assert_eq!(decode(&bytes, 4_096, false), Err(expected));
    }
    let compressed = [masked(0x41, b""), masked(0xc0, b"")].concat();
    let only_first = "only the first frame of a message says that it is compressed";
    for bytes in [compressed, masked(0xc9, b"")] {
        assert_eq!(decode(&bytes, 4_096, true), Err(protocol(only_first)));
    }
}

#[test]
fn reader_without_unread_bytes_holds_none() {
    let mut reader = FrameReader::new(false);
    let frame = masked(0x81, &[b'x'; 1_000]);
    let (first, second) = frame.split_at(500);
    reader.push(first);
    assert_eq!(reader.next(), Ok(None));
    assert!((500..=2_000).contains(&reader.held()), "{}", reader.held());
    reader.push(second);
    assert!(matches!(reader.next(), Ok(Some(Incoming::Text(_)))));
    assert_eq!((reader.next(), reader.held()), (Ok(None), 0));
}

#[test]
fn compressed_messages_are_decoded() {
    // the examples of RFC 7692, sections 7.2.3.1, 7.2.3.3 and 7.2.3.4
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let stored = [
        0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
    ];
    let last_block = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    let mut bytes = masked(0xc1, &hello);
    bytes.extend(masked(0x41, &hello[..3]));
    bytes.extend(masked(0x80, &hello[3..]));
    bytes.extend(masked(0xc1, &stored));
    bytes.extend(masked(0xc1, &last_block));
    bytes.extend(masked(0x81, b"Hello"));
    let decoded = decode(&bytes, 5, true).expect("valid");
    assert_eq!(decoded, [const { "Hello" }; 5].map(text));
}

#[test]
fn decompressed_messages_are_bounded() {
    let bomb = |length| {
        let mut deflater = Deflater::new(negotiated("permessage-deflate"));
        deflater.compress(&vec![b'x'; length]).expect("compressed")
    };
    let largest = bomb(MAX_BYTES);
    assert!(largest.len() < MAX_BYTES / 100);
    assert_eq!(
        inflate(&largest, MAX_BYTES).map(|it| it.len()),
        Ok(MAX_BYTES)
    );
    let larger = bomb(MAX_BYTES + 1);
    assert_eq!(inflate(&larger, MAX_BYTES), Err(InvalidFrame::TooLong));
    let much_larger = bomb(20_000_000);
    let used = allocation_counter::measure(|| {
        assert_eq!(inflate(&much_larger, MAX_BYTES), Err(InvalidFrame::TooLong));
    });
    assert!(used.bytes_max < 6 * MAX_BYTES as u64, "{}", used.bytes_max);
    for invalid in [&[0xff; 20][..], &[0x04]] {
        let error = inflate(invalid, MAX_BYTES).expect_err("invalid");
        assert_eq!(error, InvalidFrame::Protocol("its compression is invalid"));
    }
}

fn negotiate(offer: &str) -> Option<Deflate> {
    let mut headers = HeaderMap::new();
    let value = offer.parse().expect("a value");
    headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, value);
    Deflate::negotiate(&headers)
}

fn negotiated(offer: &str) -> Deflate {
    negotiate(offer).expect("it is supported")
}

#[test]
fn offers_of_compression_are_answered() {
    let plain = "permessage-deflate; client_no_context_takeover";
    let window = format!("{plain}; server_max_window_bits=12");
    let each = format!("{plain}; server_no_context_takeover");
    for (offer, expected) in [
        ("permessage-deflate", Some(plain)),
        // a browser
        ("permessage-deflate; client_max_window_bits", Some(plain)),
        (
            "Permessage-Deflate;client_max_window_bits = \"15\"",
            Some(plain),
        ),
        (
            "permessage-deflate; server_max_window_bits=12",
            Some(&*window),
        ),
        (
            "permessage-deflate; server_no_context_takeover",
            Some(&*each),
        ),
        ("x-webkit-deflate-frame, permessage-deflate", Some(plain)),
        // the second offer
        (
            "permessage-deflate; server_max_window_bits=10, permessage-deflate",
            Some(plain),
        ),
        ("permessage-deflate; server_max_window_bits=11", None),
        ("permessage-deflate; server_max_window_bits=16", None),
        ("permessage-deflate; server_max_window_bits", None),
        ("permessage-deflate; client_max_window_bits=7", None),
        ("permessage-deflate; server_no_context_takeover=1", None),
        ("permessage-deflate; unknown", None),
        (
            "permessage-deflate; client_max_window_bits; client_max_window_bits",
            None,
        ),
        ("permessage-bzip2", None),
        ("", None),
    ] {
        let answer = negotiate(offer).map(Deflate::header);
        let answer = answer.as_ref().map(|value| value.to_str().expect("text"));
        assert_eq!(answer, expected, "{offer}");
    }
}

/// Messages of ticks, as the server sends them.
fn ticks(count: u32) -> Vec<String> {
    let tick = |index: u32| {
        let (price, micros) = (38_676 + (index * 7) % 23, (index * 104_729) % 1_000_000);
        format!(
            "{{\"seq\":{index},\"type\":\"tick\",\"symbol_id\":1,\"tick_time\":\"2026-11-30T04:35:{:02}.{micros:06}Z\",\
             \"sequence\":0,\"bid_price\":\"1.{price}\",\"ask_price\":\"1.{}\",\"bid_volume\":\"{}\",\
             \"ask_volume\":\"{}\",\"received_at\":null,\"number\":{}}}",
            index / 10 % 60,
            price + 6,
            index * 37 % 5_000,
            index * 91 % 5_000,
            index * 13
        )
    };
    (1..=count).map(tick).collect()
}

/// Decompresses messages as a client does whose window has 2^`bits` bytes.
fn read_all(messages: &[Vec<u8>], bits: u8, has_history: bool) -> Vec<String> {
    let mut decompressor = Decompress::new_with_window_bits(false, bits);
    let read = |message: &Vec<u8>| {
        if !has_history {
            decompressor.reset(false);
        }
        let input = [&message[..], &[0, 0, 0xff, 0xff]].concat();
        let mut output = Vec::with_capacity(1 << 20);
        let done = decompressor.decompress_vec(&input, &mut output, FlushDecompress::Sync);
        done.expect("valid");
        String::from_utf8(output).expect("text")
    };
    messages.iter().map(read).collect()
}

#[test]
fn client_reads_compressed_messages() {
    let mut texts = ticks(300);
    // longer than the window, and one like the first after it
    texts.push(ticks(400).concat());
    texts.extend(ticks(3));
    for (offer, bits, share) in [
        ("permessage-deflate", 15, 0.35),
        ("permessage-deflate; server_max_window_bits=12", 12, 0.35),
        ("permessage-deflate; server_no_context_takeover", 12, 0.75),
    ] {
        let mut deflater = Deflater::new(negotiated(offer));
        let compress = |text: &String| deflater.compress(text.as_bytes()).expect("it is smaller");
        let messages: Vec<_> = texts.iter().map(compress).collect();
        let has_history = share < 0.5;
        assert_eq!(read_all(&messages, bits, has_history), texts, "{offer}");
        let sent: usize = messages[..300].iter().map(Vec::len).sum();
        let whole: usize = texts[..300].iter().map(String::len).sum();
        let part = sent as f64 / whole as f64;
        assert!(part < share, "{offer}: {part}");
    }
}

#[test]
fn message_that_stays_as_long_is_sent_as_it_is() {
    let mut deflater = Deflater::new(negotiated("permessage-deflate"));
    assert_eq!(deflater.compress(b"short"), None);
    let mut state = 7_u64;
    let random: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    })
    .take(300)
    .collect();
    assert_eq!(deflater.compress(&random), None);
    // the client's window does not have it
    let text = &ticks(1)[0];
    let message = deflater.compress(text.as_bytes()).expect("it is smaller");
    assert_eq!(read_all(&[message], 15, true), std::slice::from_ref(text));
}

fn connected(deflate: Option<Deflate>, room: usize) -> (ClientSocket<DuplexStream>, DuplexStream) {
    let (server, client) = duplex(room);
    (ClientSocket::new(server, b"", deflate), client)
}

#[tokio::test]
async fn cancelled_flush_is_continued() {
    let (mut socket, mut client) = connected(None, 100);
    let long = [&b"{"[..], &[b'x'; 1_000]].concat();
    socket.add_message(u64::MAX, &long);
    let flushed = tokio::select! {
        biased;
        flushed = socket.flush() => Some(flushed),
        () = std::future::ready(()) => None,
    };
    assert!(flushed.is_none(), "the client has read nothing");
    let begin = br#"{"seq":18446744073709551615,"#;
    let expected = [&[0x81, 126, 0x04, 0x04][..], begin, &long[1..]].concat();
    let mut read = vec![0; expected.len()];
    let (flushed, done) = tokio::join!(socket.flush(), client.read_exact(&mut read));
    flushed.expect("flushed");
    done.expect("read");
    assert_eq!(read, expected);
}

#[tokio::test]
async fn ended_connection_waits_for_the_client() {
    let (mut socket, mut client) = connected(None, 1_000);
    socket.add_close(Some(1008), &"é".repeat(100));
    let ending = tokio::spawn(async move { socket.end().await });
    let mut read = Vec::new();
    client.read_to_end(&mut read).await.expect("read");
    // 61 letters of two bytes after the code
    assert_eq!(read[..4], [0x88, 124, 0x03, 0xf0]);
    assert_eq!(read.len(), 2 + 124);
    assert!(!ending.is_finished());
    client.write_all(b"anything").await.expect("it still reads");
    drop(client);
    ending.await.expect("no panic").expect("ended");
}

#[tokio::test]
async fn socket_compresses_what_was_agreed_on() {
    let offer = "permessage-deflate; server_no_context_takeover";
    let (mut socket, mut client) = connected(Some(negotiated(offer)), 1_000);
    let text = &ticks(1)[0];
    socket.add_message(1, text.replace("\"seq\":1,", "").as_bytes());
    socket.add_message(2, b"{}");
    socket.flush().await.expect("flushed");
    drop(socket);
    let mut read = Vec::new();
    client.read_to_end(&mut read).await.expect("read");
    assert_eq!(read[..2], [0xc1, 126]);
    let length = usize::from(u16::from_be_bytes([read[2], read[3]]));
    let (message, rest) = read[4..].split_at(length);
    assert_eq!(
        read_all(&[message.to_vec()], 15, false),
        std::slice::from_ref(text)
    );
    assert_eq!(rest, [&[0x81, 10][..], br#"{"seq":2,}"#].concat());
}
