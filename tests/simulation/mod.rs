//! A prefecture's year, told by a generator that knows what vigie must conclude, and lived through `app` on a database
//! in memory.
//!
//! - [`civil`]: working days by a plain list of holidays, Paris time by a plain rule: nothing of vigie's own code.
//! - [`house`]: six mailboxes and five bureaux, as a configuration that vigie loads.
//! - [`people`]: who writes, from which address; [`letters`]: what they write.
//! - [`story`]: day after day, what arrives; [`agents`]: what is done with it; [`truth`]: what is so of each request.
//! - [`alarms`]: which alert is due when, worked out from that truth.
//! - [`world`]: the story handed to vigie, instant by instant, and what vigie sent.
//! - [`verdict`]: the truth against what vigie says, as tables.
//! - [`calibration`]: what the forecast said against what came true.
//!
//! To add a habit: a way in [`agents`] (what is delivered or done, and what vigie may know from it), and nothing else.
#![allow(dead_code, unreachable_pub, reason = "a test and a bench compile this module and use a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::missing_panics_doc,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::struct_excessive_bools,
    reason = "a story that cannot be told must fail at once; its counts are far below what a float holds"
)]

pub mod agents;
pub mod alarms;
pub mod calibration;
pub mod civil;
pub mod dice;
pub mod house;
pub mod letters;
pub mod people;
pub mod story;
pub mod truth;
pub mod verdict;
pub mod world;
