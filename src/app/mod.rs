//! The use cases, on data plus `now`: each loads a snapshot, lets the domain decide, and commits what it said.
//!
//! *Owns* the order of one turn. *May import* `domain`, `mail`, `store`, `report`. *Start reading* at [`ingest`], then
//! [`tick`] and [`sending`].
//!
//! Invariants: events, mails, ledger entries and requests of one decision are committed together or not at all; no
//! other path changes a request. Deliberately absent: sockets, clocks, tasks.

pub mod breaker;
pub mod commitments;
pub mod digest;
pub mod explain;
pub mod forecast;
pub mod gesture;
pub mod ingest;
pub mod letters;
pub mod query;
mod reach;
pub mod reconcile;
pub mod refresh;
pub mod sending;
pub mod sighting;
pub mod story;
mod tally;
pub mod texts;
pub mod tick;
pub mod verify;

pub use crate::store::{Error as StoreError, Lease, Store};

/// What can go wrong with a use case.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A mail could not be written.
    #[error("the mail {effect} cannot be written: {cause}")]
    Compose {
        /// The mail's id.
        effect: String,
        /// What the template or a field made impossible.
        cause: Box<crate::mail::compose::ComposeError>,
    },
    /// The configuration no longer knows a mailbox.
    #[error("the mailbox {0} is not in the configuration any more")]
    UnknownMailbox(String),
    /// The configuration no longer knows a bureau.
    #[error("the bureau {0} is not in the configuration any more")]
    UnknownBureau(String),
    /// No text of a mailbox answers a request.
    #[error("no text of the mailbox {0} answers this request")]
    NoText(String),
    /// No acknowledgement of a request waits for its day.
    #[error("aucun accusé de réception de {0} n’attend son jour : il est parti, ou n’est pas dû")]
    NothingToHasten(String),
    /// There is no such request.
    #[error("aucune demande ne porte la référence {0}")]
    UnknownRequest(String),
    /// There is nothing to release.
    #[error("le disjoncteur n’est pas déclenché : aucun accusé n’est retenu")]
    BreakerNotTripped,
    /// The request refuses the change.
    #[error("{reference} : {refusal}")]
    Refused {
        /// The request.
        reference: String,
        /// Why.
        refusal: crate::domain::request::Refusal,
    },
}

impl Error {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Store(error) => error.is_temporary(),
            Self::Compose { .. }
            | Self::UnknownMailbox(_)
            | Self::UnknownBureau(_)
            | Self::NoText(_)
            | Self::NothingToHasten(_)
            | Self::UnknownRequest(_)
            | Self::BreakerNotTripped
            | Self::Refused { .. } => false,
        }
    }
}

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;
