//! The ledger's second reader: it walks the chain by itself and shares only the canonical encoding with the writer.
//!
//! Four things are checked, in this order: that the chain is whole and passes through every seal, that no seal covers
//! more than there is, that it ends where the head says, and that the table of requests is what the entries say.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Result;
use crate::domain::evidence::{Confidence, Evidence};
use crate::domain::ledger::{Fault, GENESIS, LedgerEntry, rfc3339};
use crate::domain::request::Request;
use crate::domain::seal::Seal;
use crate::store::{RequestFilter, Store};

/// What the verification found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Verification {
    /// Entries read and believed.
    pub entries: i64,
    /// The hash of the last of them, in hexadecimal.
    pub head: String,
    /// Entries covered by a seal.
    pub sealed: i64,
    /// Whether nothing was found.
    pub ok: bool,
    /// The first fault, in words; `null` where there is none.
    pub first_fault: Option<String>,
}

/// Walks the whole ledger, and holds it against seals that were kept elsewhere.
pub async fn verify(store: &Store, seals: &[Seal]) -> Result<Verification> {
    let mut walk =
        Walk { sealed: seals.iter().map(|seal| (seal.head.seq, seal.head.hash.clone())).collect(), ..Walk::default() };
    let mut fault = None;
    'pages: loop {
        let page = store.ledger_after(walk.seq).await?;
        if page.is_empty() {
            break;
        }
        for entry in &page {
            if let Err(found) = walk.step(entry) {
                fault = Some(found);
                break 'pages;
            }
        }
    }
    if fault.is_none() {
        fault = walk.unreached(seals);
    }
    if fault.is_none() {
        fault = check_head(store, &walk).await?;
    }
    if fault.is_none() {
        fault = check_requests(store, &walk.requests).await?;
    }
    let sealed = seals.iter().map(|seal| seal.head.seq).filter(|seq| *seq <= walk.seq).max().unwrap_or_default();
    Ok(Verification { entries: walk.seq, head: walk.hash, sealed, ok: fault.is_none(), first_fault: fault })
}

/// How far the walk came, and what the entries said of each request.
struct Walk {
    /// What seals say: the hash of the entry at a place.
    sealed: HashMap<i64, String>,
    seq: i64,
    hash: String,
    requests: HashMap<String, Told>,
}

impl Default for Walk {
    fn default() -> Self {
        Self { sealed: HashMap::new(), seq: 0, hash: GENESIS.to_owned(), requests: HashMap::new() }
    }
}

/// What the entries say of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Told {
    status: String,
    mailbox: String,
    bureau: String,
    requester: String,
    nature: String,
    commitment: String,
    limit: String,
    received_at: String,
    due_on: String,
    due_at: String,
    backlog: String,
    settled_at: String,
    evidence: String,
    confidence: String,
    holding_at: String,
    substantive_at: String,
    incomplete_since: String,
    suspended: String,
    merged_into: String,
    deleted_at: String,
    forwarded_at: String,
    acknowledgement: String,
    acknowledged_at: String,
}

impl Walk {
    fn step(&mut self, entry: &LedgerEntry) -> Result<(), String> {
        self.follow(entry).map_err(|fault| fault.to_string())?;
        if self.sealed.get(&entry.seq).is_some_and(|sealed| *sealed != entry.hash) {
            return Err(format!("entry {} is not the one that was sealed: the ledger was written anew", entry.seq));
        }
        self.fold(entry);
        Ok(())
    }

    /// A seal that covers more than there is.
    fn unreached(&self, seals: &[Seal]) -> Option<String> {
        let seal = seals.iter().filter(|seal| seal.head.seq > self.seq).max_by_key(|seal| seal.head.seq)?;
        Some(format!("a seal covers {} entries, and there are {}: entries were cut off", seal.head.seq, self.seq))
    }

    fn follow(&mut self, entry: &LedgerEntry) -> Result<(), Fault> {
        if entry.seq != self.seq + 1 {
            return Err(Fault::Place { expected: self.seq + 1, found: entry.seq });
        }
        if entry.previous != self.hash {
            return Err(Fault::Link { seq: entry.seq });
        }
        if entry.expected_hash() != entry.hash {
            return Err(Fault::Content { seq: entry.seq });
        }
        self.seq = entry.seq;
        self.hash.clone_from(&entry.hash);
        Ok(())
    }

    fn fold(&mut self, entry: &LedgerEntry) {
        let Some(reference) = &entry.request else { return };
        let payload: Value = serde_json::from_str(&entry.payload).unwrap_or_default();
        let text = |name: &str| match payload.get(name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let at = rfc3339(entry.occurred_at);
        match entry.kind.as_str() {
            "request_opened" => {
                let mut told = Told {
                    status: "open".into(),
                    mailbox: entry.mailbox.clone().unwrap_or_default(),
                    bureau: text("bureau"),
                    suspended: "0".into(),
                    received_at: text("received_at"),
                    backlog: text("backlog"),
                    acknowledgement: text("acknowledgement"),
                    ..Told::default()
                };
                told.commit(&text);
                self.requests.insert(reference.clone(), told);
            }
            kind => {
                let Some(told) = self.requests.get_mut(reference) else { return };
                told.change(kind, at, &text);
            }
        }
    }
}

impl Told {
    /// What the table shows of a request.
    fn shown(request: &Request) -> Self {
        let instant = |at: Option<DateTime<Utc>>| at.map(rfc3339).unwrap_or_default();
        Self {
            status: request.status.name().to_owned(),
            mailbox: request.mailbox.clone(),
            bureau: request.bureau.clone(),
            requester: request.requester.name().to_owned(),
            nature: request.nature.name().to_owned(),
            commitment: request.commitment.clone(),
            limit: request.limit.to_string(),
            received_at: rfc3339(request.received_at),
            due_on: request.due_on.to_string(),
            due_at: rfc3339(request.due_at),
            backlog: request.backlog.to_string(),
            settled_at: instant(request.settled_at),
            evidence: request.evidence.map_or("", Evidence::name).to_owned(),
            confidence: request.confidence.map_or("", Confidence::name).to_owned(),
            holding_at: instant(request.holding_at),
            substantive_at: instant(request.substantive_at),
            incomplete_since: instant(request.incomplete_since),
            suspended: request.suspended_days.to_string(),
            merged_into: request.merged_into.clone().unwrap_or_default(),
            deleted_at: instant(request.deleted_at),
            forwarded_at: instant(request.forwarded_at),
            acknowledgement: request.acknowledgement.name().to_owned(),
            acknowledged_at: instant(request.acknowledged_at),
        }
    }

    /// What an entry of a kind says of it, at an instant.
    fn change(&mut self, kind: &str, at: String, text: &impl Fn(&str) -> String) {
        match kind {
            "request_answered" => {
                self.settle("answered", at.clone(), text);
                if text("holding") != "true" {
                    self.substantive_at = at;
                }
            }
            "holding_reply_seen" => self.holding_at = at,
            "substantive_reply_seen" => self.substantive_at = at,
            "answer_confirmed" => "medium".clone_into(&mut self.confidence),
            "request_closed" => self.settle("closed", at, text),
            "request_merged" => {
                self.settle("closed", at, text);
                self.merged_into = text("into");
            }
            "request_transferred" => self.settle("transferred", at, text),
            "request_reopened" => {
                self.settle("open", String::new(), &|_| String::new());
                self.substantive_at.clear();
                self.merged_into.clear();
            }
            "request_suspended" => self.incomplete_since = at,
            "request_resumed" => {
                self.incomplete_since.clear();
                self.suspended = text("suspended");
                self.date(text);
            }
            "request_moved" => {
                self.mailbox = text("mailbox");
                self.bureau = text("bureau");
            }
            "request_forwarded" => self.forwarded_at = at,
            "request_message_gone" => self.deleted_at = at,
            "request_message_back" => self.deleted_at.clear(),
            "request_redated" => self.date(text),
            "request_reclassified" => self.commit(text),
            "acknowledgement_state" => {
                self.acknowledgement = text("state");
                self.acknowledged_at = if self.acknowledgement == "sent" { at } else { String::new() };
            }
            _ => {}
        }
    }

    fn settle(&mut self, status: &str, at: String, text: &impl Fn(&str) -> String) {
        status.clone_into(&mut self.status);
        self.settled_at = at;
        self.evidence = text("evidence");
        self.confidence = text("confidence");
        self.incomplete_since.clear();
    }

    fn commit(&mut self, text: &impl Fn(&str) -> String) {
        self.requester = text("requester");
        self.nature = text("nature");
        self.commitment = text("commitment");
        self.limit = text("limit");
        self.date(text);
    }

    fn date(&mut self, text: &impl Fn(&str) -> String) {
        self.due_on = text("due_on");
        self.due_at = text("due_at");
    }
}

async fn check_head(store: &Store, walk: &Walk) -> Result<Option<String>> {
    let head = store.head().await?;
    // Entries written while the walk went on are not a fault: the head may be ahead, never behind or elsewhere.
    let elsewhere = head.seq < walk.seq || (head.seq == walk.seq && head.hash != walk.hash);
    let cut = head.seq > walk.seq && store.ledger_after(walk.seq).await?.is_empty();
    Ok((elsewhere || cut).then(|| {
        format!("the ledger ends at entry {} but its head says {}: entries were cut off or added", walk.seq, head.seq)
    }))
}

async fn check_requests(store: &Store, told: &HashMap<String, Told>) -> Result<Option<String>> {
    let lines = store.list_requests(&RequestFilter::default()).await?;
    for line in &lines {
        let reference = &line.request.reference;
        if told.get(reference) == Some(&Told::shown(&line.request)) || agrees_now(store, reference).await? {
            continue;
        }
        let what = if told.contains_key(reference) { "is not what the ledger says" } else { "is not in the ledger" };
        return Ok(Some(format!("request {reference} {what}")));
    }
    let shown: HashSet<&str> = lines.iter().map(|line| line.request.reference.as_str()).collect();
    let missing = told.keys().filter(|reference| !shown.contains(reference.as_str())).min();
    Ok(missing.map(|reference| format!("request {reference} of the ledger is not in the table")))
}

/// Whether the table and the ledger agree on a request when both are read again: what was written between the walk and
/// the reading of the table is not a fault.
async fn agrees_now(store: &Store, reference: &str) -> Result<bool> {
    let Some(line) = store.request_line(reference).await? else { return Ok(true) };
    let mut walk = Walk::default();
    for entry in store.ledger_of(reference).await? {
        walk.fold(&entry);
    }
    Ok(walk.requests.get(reference) == Some(&Told::shown(&line.request)))
}
