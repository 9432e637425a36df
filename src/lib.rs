//! vigie: the lookout over the functional mailboxes of a préfecture.
//!
//! The map, one line per room; imports run strictly downward (`tests/architecture.rs` fails on any other arrow):
//!
//! - [`domain`]: pure; what vigie means and every decision. Imports nothing.
//! - [`mail`]: pure; bytes → facts, notice → bytes. Imports `domain`.
//! - [`config`]: TOML → checked settings. Imports `domain`.
//! - [`store`]: sqlx; snapshots in, decisions out, one transaction. Imports `domain`.
//! - [`imap`]: sessions with mail servers, read without changing them. Imports `domain`.
//! - [`smtp`]: submits bytes; accepted, refused or unknown. Imports `domain`.
//! - [`report`]: figures and listings → what people open. Imports `domain`.
//! - [`app`]: the use cases, on data plus `now`. Imports `domain`, `mail`, `store`, `report`.
//! - [`web`]: pages and health. Imports `domain`, `app`, `report`.
//! - [`daemon`]: tasks, supervision, signals. Imports all but `cli`.
//! - [`cli`]: the commands, one file a verb. Imports all.
//! - [`clock`]: the only reader of the system's clock.

// A print macro panics where the other end is closed; `cli::output` prints.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod domain;
pub mod imap;
pub mod mail;
pub mod report;
pub mod smtp;
pub mod store;
pub mod web;
