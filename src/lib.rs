//! vigie: the lookout over the functional mailboxes of a préfecture.
//!
//! The map, one line per room; imports run strictly downward (`tests/architecture.rs` fails on any other arrow):
//!
//! - [`domain`]: pure; what vigie means and every decision. Imports nothing.
//! - [`mail`]: pure; bytes → facts, notice → bytes. Imports `domain`.
//! - [`config`]: TOML → checked settings. Imports `domain`.
//! - [`store`]: sqlx; snapshots in, decisions out, one transaction. Imports `domain`.
//! - [`app`]: the use cases, on data plus `now`. Imports `domain`, `mail`, `store`, `report`.
pub mod app;
pub mod config;
pub mod domain;
pub mod mail;
pub mod store;
