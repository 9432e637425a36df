//! Sessions with IMAP servers: what a mailbox holds, read without changing it.
//!
//! *Owns* the dialogue with the server: dialling, TLS, logging in, listing, examining, fetching headers, IDLE. It
//! yields folders, UIDs, flags and header blocks as bytes, and errors that say whether they pass by themselves.
//! *May import* `domain`, and needs nothing of it. *Start reading* at [`session`], then `wire` (the one `exec` under
//! every command), then [`fetch`].
//!
//! Invariants:
//! - Nothing is believed before the tagged OK: NO, BAD, BYE, end of file and silence are errors, always.
//! - A dialogue that ended in any other way than by its tagged answer leaves a session that refuses further commands.
//! - Folders are opened with EXAMINE and bodies with BODY.PEEK: reading leaves no trace in the mailbox. APPEND is the
//!   only command here that writes.
//!
//! Deliberately absent: ENVELOPE and BODYSTRUCTURE (recursive parsers on hostile input; headers travel as literals and
//! are parsed elsewhere), `async-imap`'s own fetch, search and IDLE (they take a dead line for an empty answer),
//! reconnection and waiting (the daemon's), what a message means (the domain's), and COMPRESS (RFC 4978): headers are few
//! once a mailbox is known, and a compressor costs each of hundreds of idle sessions a quarter of a megabyte.

pub mod capabilities;
pub mod credentials;
pub mod endpoint;
pub mod error;
pub mod fetch;
pub mod flags;
pub mod folder;
mod idle;
mod login;
mod notify;
pub mod session;
pub mod token;
pub mod uid;
pub mod utf7;
mod wire;

pub use capabilities::Capabilities;
pub use credentials::{Credentials, Secret};
pub use endpoint::{Deadlines, Endpoint, Security, tls_config};
pub use error::{Error, ServerText};
pub use fetch::{FetchReport, Fetched, HeaderQueue, Outline};
pub use flags::Flags;
pub use folder::{ListedFolder, SpecialUse, find_junk, find_sent};
pub use idle::IdleEnd;
pub use session::{Known, Selected, Session, connect};
pub use token::{AccessToken, TokenSource, fetch_token};
pub use uid::UidRange;
