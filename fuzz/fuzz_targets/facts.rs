//! Whatever a header block holds, its facts are read: never a panic, and one identity for the same octets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vigie::clock;
use vigie::domain::identity::identity;
use vigie::domain::receipt::{Times, official};
use vigie::mail::parse::{parse, wants_body};

fuzz_target!(|input: &[u8]| {
    // a NUL parts header and beginning of the body
    let (header, body) = match input.iter().position(|octet| *octet == 0) {
        Some(at) => (&input[..at], Some(&input[at + 1..])),
        None => (input, None),
    };
    let facts = parse(header, body, input.len() as u64);
    let _ = wants_body(&facts);
    let times = Times {
        internal_date: facts.date,
        received: facts.received,
        date: facts.date,
        observed_at: clock::now(),
    };
    let _ = official(&times);
    assert_eq!(identity(&facts, &times), identity(&parse(header, body, input.len() as u64), &times));
});
