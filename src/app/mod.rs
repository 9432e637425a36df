//! The use cases, on data plus `now`: each loads a snapshot, lets the domain decide, and commits what it said.
//!
//! *Owns* the order of one turn. *May import* `domain`, `mail`, `store`, `report`. *Start reading* at [`ingest`], then
//! [`tick`] and [`sending`].
//!
//! Invariants: events, mails, ledger entries and requests of one decision are committed together or not at all; no
//! other path changes a request. Deliberately absent: sockets, clocks, tasks.

mod arrived;
pub mod backup;
pub mod bilan;
pub mod blind_spot;
pub mod breaker;
mod calendars;
mod chronicle;
pub mod commitments;
pub mod custody;
pub mod digest;
pub mod explain;
pub mod export;
pub mod facts;
pub mod forecast;
pub mod gesture;
pub mod import;
pub mod ingest;
mod items;
pub mod letters;
mod marks;
mod promised;
pub mod proof;
pub mod query;
mod reach;
pub mod reconcile;
pub mod refresh;
pub mod register;
pub mod retention;
pub mod sending;
pub mod sighting;
pub mod story;
mod tally;
pub mod texts;
pub mod tick;
mod transfer;
mod unmerge;
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
    /// A text has no registration notice.
    #[error("no registration notice goes with the text {0}")]
    NoNotice(String),
    /// No acknowledgement of a request waits for its day.
    #[error("aucun accusé de réception de {0} n’attend son jour\u{a0}: il est parti, ou n’est pas dû")]
    NothingToHasten(String),
    /// There is no such request.
    #[error("aucune demande ne porte la référence {0}")]
    UnknownRequest(String),
    /// The ledger does not reach so far.
    #[error("le registre n’a pas d’écriture n°\u{a0}{wanted}\u{a0}: la dernière est la n°\u{a0}{last}")]
    NoSuchHead {
        /// The place asked for.
        wanted: i64,
        /// The last place.
        last: i64,
    },
    /// An entry of the ledger does not say what its kind says.
    #[error("the ledger's entry {seq} cannot be read: {what}")]
    Entry {
        /// Its place.
        seq: i64,
        /// What is wrong.
        what: String,
    },
    /// A report cannot be written.
    #[error("the report cannot be written: {0}")]
    Report(String),
    /// A list cannot be imported.
    #[error(transparent)]
    Import(#[from] import::ImportError),
    /// A register refuses what is written into it.
    #[error(transparent)]
    Register(#[from] register::Refused),
    /// There is no such person.
    #[error("aucune personne n’est connue sous l’adresse {0}")]
    UnknownPerson(String),
    /// A person cannot be forgotten while their requests are open.
    #[error("des demandes de cette personne sont encore en cours, répondez-y ou clôturez-les d’abord\u{a0}: {0}")]
    StillOpen(String),
    /// An item of a list may not be purged, or no longer.
    #[error("rien n’est éliminé\u{a0}: la liste nomme ce qui ne peut pas, ou ne peut plus, l’être\u{a0}: {0}")]
    NotPurgeable(String),
    /// An item was opened anew while the list was carried out: what came before it is gone.
    #[error(
        "arrêt à {name}, qui ne peut plus être éliminé ; {done} éléments de la liste l’étaient déjà, et le registre le dit : \
         pour le reste, imprimez une nouvelle liste"
    )]
    PurgeStopped {
        /// What stopped it.
        name: String,
        /// How many items were purged before.
        done: usize,
    },
    /// A list names nothing.
    #[error("rien n’est éliminé\u{a0}: la liste ne nomme rien")]
    NothingListed,
    /// A file that should be written exists.
    #[error("{} existe déjà\u{a0}: rien n’est écrasé, déplacez-le d’abord", .0.display())]
    Exists(std::path::PathBuf),
    /// A backup is not what it was.
    #[error("{} est endommagé et n’est pas restauré\u{a0}: {damage}", path.display())]
    Damaged {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        damage: String,
    },
    /// A file cannot be read or written.
    #[error("{}\u{a0}: {cause}", path.display())]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// There is nothing to release.
    #[error("le disjoncteur n’est pas déclenché\u{a0}: aucun accusé n’est retenu")]
    BreakerNotTripped,
    /// The request refuses the change.
    #[error("{reference}\u{a0}: {refusal}")]
    Refused {
        /// The request.
        reference: String,
        /// Why.
        refusal: crate::domain::request::Refusal,
    },
}

/// What whoever asked can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remedy {
    /// Ask again later.
    Wait,
    /// Ask for something else: what was named is not configured, or cannot be what it says.
    Reword,
    /// Nothing: what is there forbids it.
    Nothing,
}

impl Error {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        self.remedy() == Remedy::Wait
    }

    /// Whether what was asked for could never be done.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        self.remedy() == Remedy::Reword
    }

    fn remedy(&self) -> Remedy {
        match self {
            Self::Store(error) if error.is_temporary() => Remedy::Wait,
            Self::Register(refused) if refused.is_usage() => Remedy::Reword,
            Self::UnknownMailbox(_) | Self::UnknownBureau(_) => Remedy::Reword,
            Self::Store(_)
            | Self::Compose { .. }
            | Self::NoText(_)
            | Self::NoNotice(_)
            | Self::NothingToHasten(_)
            | Self::UnknownRequest(_)
            | Self::NoSuchHead { .. }
            | Self::Entry { .. }
            | Self::Import(_)
            | Self::Register(_)
            | Self::Report(_)
            | Self::UnknownPerson(_)
            | Self::StillOpen(_)
            | Self::NotPurgeable(_)
            | Self::PurgeStopped { .. }
            | Self::NothingListed
            | Self::Exists(_)
            | Self::Damaged { .. }
            | Self::File { .. }
            | Self::BreakerNotTripped
            | Self::Refused { .. } => Remedy::Nothing,
        }
    }
}

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;
