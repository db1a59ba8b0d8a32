//! Random losses between a venue that repeats messages and a session.

use std::collections::BTreeSet;

use suite::Fuzz;

use super::test_peer::Peer;

/// Answers a request for messages up to `next`: with them, with a gap fill, or not at all.
fn answer(peer: &mut Peer, request: &str, kind: u8, next: u64) {
    let range = request.strip_prefix("35=2|");
    let Some((_, range)) = range.and_then(|range| range.split_once("7=")) else {
        return;
    };
    let begin: u64 = range.trim_end_matches("|16=0").parse().expect("a number");
    let earlier = "43=Y|122=20240105-09:59:00";
    match kind {
        0 => {}
        1 => peer.say(&format!("35=4|34={begin}|{earlier}|123=Y|36={next}")),
        _ => {
            for number in begin..next {
                peer.say(&format!("35=W|34={number}|{earlier}"));
            }
        }
    }
}

/// Runs a session. The venue sends a message for each byte, of which some are lost, and answers requests with
/// messages, with a gap fill or not at all. Returns the messages that were used, and those that were lost.
fn run(bytes: &[u8]) -> (Vec<u64>, BTreeSet<u64>) {
    let mut peer = Peer::logged_on();
    let (mut used, mut lost) = (Vec::new(), BTreeSet::new());
    let mut next: u64 = 2;
    let mut seconds = 0.0;
    for byte in bytes {
        match byte % 8 {
            // lost on the way
            0 | 1 => {}
            2 => {
                seconds += 3.0;
                peer.at(seconds);
            }
            _ => peer.say(&format!("35=W|34={next}")),
        }
        if byte % 8 != 2 {
            next += 1;
        }
        // an answer may show the next gap
        loop {
            let requests = peer.sent();
            if requests.is_empty() {
                break;
            }
            for request in requests {
                answer(&mut peer, &request, byte >> 6, next);
            }
        }
        for line in peer.log() {
            let numbers = line.rsplit_once(' ').map_or("", |(left, _)| left);
            match line.strip_prefix("W ") {
                Some(number) => used.push(number.parse().expect("a number")),
                None => {
                    let numbers = numbers.strip_prefix("lost ").expect("a loss");
                    let (first, count) = numbers.split_once('+').expect("a range");
                    let first: u64 = first.parse().expect("a number");
                    let count: u64 = count.parse().expect("a number");
                    lost.extend(first..first + count);
                }
            }
        }
        if peer.end().is_some() {
            break;
        }
    }
    let expected = peer.session.expected();
    let mut all = lost.clone();
    all.extend(&used);
    assert!(
        used.is_sorted_by(|a, b| a < b),
        "in order and once: {used:?}"
    );
    assert_eq!(all.len(), used.len() + lost.len(), "used or lost");
    assert!(all.iter().copied().eq(2..expected), "nothing is forgotten");
    (used, lost)
}

#[test]
fn fuzz_each_message_is_used_once_or_reported_lost() {
    let all: Vec<u8> = (0..=255).collect();
    Fuzz::new("fix_gaps").seed(all).seed([3; 40]).run(|bytes| {
        let (used, lost) = run(&bytes[..bytes.len().min(300)]);
        (used.len().min(20), lost.len().min(20))
    });
}
