//! Real servers for the integration tests, as ordinary processes on free loopback ports in a temporary folder.
//!
//! Each server is stopped by its own process group when its value is dropped, also when the test panics (its log is
//! then printed and its folder kept), and by a guardian when the test process itself is killed. Start reading at
//! [`dovecot::Dovecot`]; `tests/lab.rs` shows each server at work.
#![allow(dead_code, unreachable_pub, reason = "each test binary compiles this module and uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::missing_panics_doc,
    reason = "a test that cannot set its scene must fail at once, at the line that could not"
)]

pub mod app;
pub mod chance;
pub mod cyrus;
pub mod decade;
pub mod dovecot;
pub mod generator;
pub mod house;
pub mod imap;
pub mod odd;
pub mod post;
pub mod postfix;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod shell;
pub mod sink;
pub mod smtp;
pub mod tls;
pub mod tokens;
