//! A session: one login, one folder at a time.
//!
//! After any error for which [`Error::leaves_session_usable`] is false the session refuses every command: drop it and
//! [`connect`] anew. The same holds when the future of a command is dropped before its end.

use std::collections::HashMap;
use std::sync::Arc;

use imap_proto::rfc4315::UidSetMember;
use imap_proto::{AttributeValue, MailboxDatum, Response, ResponseCode};

use super::capabilities::Capabilities;
use super::credentials::Credentials;
use super::endpoint::{Deadlines, Endpoint};
use super::error::Error;
use super::flags::Flags;
use super::folder::ListedFolder;
use super::login;
use super::notify::Telling;
use super::uid::UidRange;
use super::utf7;
use super::wire::{Command, Wire};

/// Messages up to which a folder's UIDs are asked in one answer; the parser's work on one line grows with its square.
const SEARCH_WHOLE: u32 = 20_000;
/// Folders that one LIST may give; the rest is dropped.
const MAX_FOLDERS: usize = 20_000;
/// The most octets of a message's start that may be asked: a literal is held in memory whole.
const START_LIMIT: u32 = 1 << 20;

/// What is known of a folder from an earlier session, for QRESYNC (RFC 7162 §3.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The UIDVALIDITY under which it was read.
    pub uidvalidity: u32,
    /// The HIGHESTMODSEQ up to which it was read.
    pub highestmodseq: u64,
}

/// What the server said of a folder that it opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selected {
    /// UIDs mean the same as long as this stays the same. 0 is against the rules, occurs, and is as good as any.
    pub uidvalidity: u32,
    /// The UID that the next message will have at least; `None` where the server does not say.
    pub uidnext: Option<u32>,
    /// Messages in the folder.
    pub exists: u32,
    /// The highest modification sequence; `None` where the folder has none.
    pub highestmodseq: Option<u64>,
    /// Whether QRESYNC was asked of the server: only then are `vanished` and `changed` complete, provided that
    /// `uidvalidity` is the known one.
    pub resynchronised: bool,
    /// UIDs that vanished since the known modification sequence. They may name UIDs that never were.
    pub vanished: Vec<UidRange>,
    /// Flags of the messages that appeared or changed since the known modification sequence.
    pub changed: Vec<(u32, Flags)>,
}

/// A logged-in line to a server.
pub struct Session {
    pub(super) wire: Wire,
    capabilities: Capabilities,
    qresync: bool,
    /// The folder's UIDNEXT when it was opened.
    uidnext: Option<u32>,
    /// Raw names that do not come back from their Unicode form.
    odd_names: HashMap<String, String>,
    /// What the server tells of other folders than the open one.
    pub(super) telling: Telling,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("host", &self.wire.host()).finish_non_exhaustive()
    }
}

/// Dials, secures the line, logs in, probes what the server offers, and introduces vigie.
///
/// `tls` comes from [`super::tls_config`] and is used unless the endpoint is [`super::Security::Plain`].
pub async fn connect(
    endpoint: &Endpoint,
    credentials: &Credentials,
    tls: &Arc<rustls::ClientConfig>,
    deadlines: Deadlines,
) -> Result<Session, Error> {
    let (mut wire, capabilities) = login::open(endpoint, credentials, tls, deadlines).await?;
    login::identify(&mut wire, &capabilities).await?;
    let qresync = login::enable_qresync(&mut wire, &capabilities).await?;
    let telling = Telling::Unasked;
    Ok(Session { wire, capabilities, qresync, uidnext: None, odd_names: HashMap::new(), telling })
}

impl Session {
    /// What the server offers to this login.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Every folder that the login can see.
    pub async fn list(&mut self) -> Result<Vec<ListedFolder>, Error> {
        let extended = self.capabilities.special_use() && self.capabilities.has("LIST-EXTENDED");
        let arguments = if extended { " \"\" \"*\" RETURN (SPECIAL-USE)" } else { " \"\" \"*\"" };
        let folders = match self.list_with(arguments).await {
            Err(Error::Refused { .. }) if extended => self.list_with(" \"\" \"*\"").await?,
            other => other?,
        };
        let odd = folders.iter().filter(|folder| utf7::encode(&folder.name) != folder.raw_name);
        self.odd_names = odd.map(|folder| (folder.name.clone(), folder.raw_name.clone())).collect();
        Ok(folders)
    }

    async fn list_with(&mut self, arguments: &'static str) -> Result<Vec<ListedFolder>, Error> {
        let mut folders = Vec::new();
        let command = Command::new("LIST").text(arguments);
        self.wire
            .exec(&command, |response| {
                if let Response::MailboxData(MailboxDatum::List(data)) = response
                    && folders.len() < MAX_FOLDERS
                {
                    folders.push(ListedFolder::new(data));
                }
            })
            .await?;
        Ok(folders)
    }

    /// Opens a folder for reading only, by its name in Unicode. With `known`, and where the server offers QRESYNC, it
    /// also says what vanished and changed since.
    pub async fn examine(&mut self, folder: &str, known: Option<Known>) -> Result<Selected, Error> {
        let raw = self.raw_name(folder);
        let known = known.filter(|known| self.qresync && known.uidvalidity > 0 && known.highestmodseq > 0);
        let how = match known {
            Some(Known { uidvalidity, highestmodseq }) => format!(" (QRESYNC ({uidvalidity} {highestmodseq}))"),
            None if self.capabilities.condstore() => " (CONDSTORE)".to_owned(),
            None => String::new(),
        };
        let mut opening = Opening::default();
        let command = Command::new("EXAMINE").string(&raw).text(how);
        let outcome = self.wire.exec(&command, |response| opening.hear(response)).await;
        outcome.map_err(|error| folder_error(error, folder))?;
        let Some(uidvalidity) = opening.uidvalidity else {
            return Err(Error::Incomplete { host: self.wire.host(), command: "EXAMINE", item: "UIDVALIDITY" });
        };
        let selected = Selected { uidvalidity, resynchronised: known.is_some(), ..opening.selected };
        self.uidnext = selected.uidnext;
        self.wire.hints.exists = selected.exists;
        self.wire.hints.changed = false;
        Ok(selected)
    }

    /// Whether clients may invent keywords in a folder and have them kept (RFC 9051 §7.1, PERMANENTFLAGS with `\*`), as
    /// far as this account may. A folder that is opened for reading only never says so, hence SELECT: for `vigie check`
    /// alone, it changes no flag that agents see.
    pub async fn keeps_keywords(&mut self, folder: &str) -> Result<bool, Error> {
        let mut kept = true;
        let command = Command::new("SELECT").string(&self.raw_name(folder));
        let hear = |response: &Response<'_>| {
            if let Response::Data { outcome, .. } | Response::Done { outcome, .. } = response
                && let Some(ResponseCode::PermanentFlags(flags)) = &outcome.code
            {
                kept = flags.iter().any(|flag| flag == "\\*");
            }
        };
        let outcome = self.wire.exec(&command, hear).await;
        outcome.map_err(|error| folder_error(error, folder))?;
        Ok(kept)
    }

    /// The UIDs of every message in the folder, ascending: the truth against which everything else is a hint.
    pub async fn uids(&mut self) -> Result<Vec<u32>, Error> {
        self.wire.hints.changed = false;
        let mut found = Vec::new();
        if self.wire.hints.exists <= SEARCH_WHOLE {
            let answered = self.search(UidRange::ALL, " ALL".to_owned(), &mut found).await?;
            if !answered && self.wire.hints.exists > 0 {
                return Err(Error::Incomplete { host: self.wire.host(), command: "UID SEARCH", item: "the UIDs" });
            }
        } else {
            self.search_in_slices(&mut found).await?;
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// The UIDs from `first` on, ascending: what appeared since everything below it was read.
    pub async fn uids_from(&mut self, first: u32) -> Result<Vec<u32>, Error> {
        self.wire.hints.changed = false;
        let mut found = Vec::new();
        let range = UidRange { first, last: u32::MAX };
        self.search(range, format!(" UID {}", range.to_set()), &mut found).await?;
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Asks at once whether the open folder changed since it was last read: the server looks before it answers NOOP
    /// (RFC 3501 §6.1.2).
    pub async fn has_news(&mut self) -> Result<bool, Error> {
        self.wire.exec(&Command::new("NOOP"), |_| {}).await?;
        Ok(std::mem::take(&mut self.wire.hints.changed))
    }

    /// Whether the open folder holds a message of this Message-ID, given without brackets.
    pub async fn holds(&mut self, message_id: &str) -> Result<bool, Error> {
        let mut found = false;
        let wanted = format!("<{message_id}>");
        let command = Command::new("UID SEARCH").text(" HEADER Message-ID").string(&wanted);
        self.wire
            .exec(&command, |response| {
                if let Response::MailboxData(MailboxDatum::Search(uids)) = response {
                    found |= !uids.is_empty();
                }
            })
            .await?;
        Ok(found)
    }

    /// Slices by UID, as sequence numbers shift under an expunge; wider where UIDs are sparse.
    async fn search_in_slices(&mut self, found: &mut Vec<u32>) -> Result<(), Error> {
        let end = self.uidnext.unwrap_or(u32::MAX);
        let mut width = SEARCH_WHOLE;
        let mut first = 1_u32;
        loop {
            let last = first.saturating_add(width - 1);
            let last = if last >= end { u32::MAX } else { last };
            let range = UidRange { first, last };
            let before = found.len();
            self.search(range, format!(" UID {}", range.to_set()), found).await?;
            if last == u32::MAX {
                return Ok(());
            }
            first = last + 1;
            if found.len() - before < SEARCH_WHOLE as usize / 4 {
                width = width.saturating_mul(2);
            } else if width > SEARCH_WHOLE {
                width = SEARCH_WHOLE;
            }
        }
    }

    /// Adds the UIDs of one search; whether the server answered at all.
    async fn search(&mut self, range: UidRange, criteria: String, found: &mut Vec<u32>) -> Result<bool, Error> {
        let mut answered = false;
        let command = Command::new("UID SEARCH").text(criteria);
        self.wire
            .exec(&command, |response| {
                if let Response::MailboxData(MailboxDatum::Search(uids)) = response {
                    answered = true;
                    found.extend(uids.iter().copied().filter(|uid| range.contains(*uid)));
                }
            })
            .await?;
        Ok(answered)
    }

    /// The flags of a range of messages; only of those that changed since a modification sequence, where one is given
    /// and the server offers CONDSTORE.
    pub async fn flags(&mut self, range: UidRange, changed_since: Option<u64>) -> Result<Vec<(u32, Flags)>, Error> {
        let since = match changed_since.filter(|_| self.capabilities.condstore()) {
            Some(modseq) => format!(" (CHANGEDSINCE {modseq})"),
            None => String::new(),
        };
        let mut heard = Vec::new();
        let command = Command::new("UID FETCH").text(format!(" {} (UID FLAGS){since}", range.to_set()));
        self.wire
            .exec(&command, |response| {
                heard.extend(uid_and_flags(response).filter(|(uid, _)| range.contains(*uid)));
            })
            .await?;
        Ok(heard)
    }

    /// The first octets of a message, header included; `None` if the message is gone.
    pub async fn fetch_start(&mut self, uid: u32, octets: u32) -> Result<Option<Vec<u8>>, Error> {
        if octets > START_LIMIT {
            return Err(Error::TooMuch { host: self.wire.host(), octets, limit: START_LIMIT });
        }
        let mut start = None;
        let command = Command::new("UID FETCH").text(format!(" {uid} (UID BODY.PEEK[]<0.{octets}>)"));
        self.wire
            .exec(&command, |response| {
                if let Response::Fetch(_, items) = response
                    && items.contains(&AttributeValue::Uid(uid))
                {
                    let body = items.iter().find_map(|item| match item {
                        AttributeValue::BodySection { section: None, data, .. } => Some(data.as_deref()),
                        _ => None,
                    });
                    start = body.map(|data| data.unwrap_or_default().to_vec()).or(start.take());
                }
            })
            .await?;
        Ok(start)
    }

    /// Writes a message into a folder; its UIDVALIDITY and UID where the server offers UIDPLUS.
    ///
    /// `flags` are in the protocol's form, such as `\Seen`. A lost connection leaves open whether it was written.
    pub async fn append(&mut self, folder: &str, flags: &[&str], bytes: &[u8]) -> Result<Option<(u32, u32)>, Error> {
        let raw = self.raw_name(folder);
        let mut place = None;
        let command = Command::new("APPEND").string(&raw).text(format!(" ({}) ", flags.join(" "))).literal(bytes);
        let outcome = self.wire.exec(&command, |response| place = appended(response).or(place)).await;
        outcome.map_err(|error| folder_error(error, folder))?;
        Ok(place)
    }

    /// Ends the session politely. It ends in any case: what the server answers changes nothing.
    pub async fn logout(mut self) {
        // dropped on purpose: a server that does not say good-bye is left without it
        drop(self.wire.exec(&Command::new("LOGOUT"), |_| {}).await);
    }

    /// A folder's name as the protocol writes it.
    pub(super) fn raw_name(&self, folder: &str) -> String {
        self.odd_names.get(folder).cloned().unwrap_or_else(|| utf7::encode(folder))
    }
}

/// What EXAMINE says before its OK.
#[derive(Default)]
struct Opening {
    selected: Selected,
    uidvalidity: Option<u32>,
}

impl Opening {
    fn hear(&mut self, response: &Response<'_>) {
        match response {
            Response::MailboxData(MailboxDatum::Exists(count)) => self.selected.exists = *count,
            Response::Vanished { uids, .. } => {
                let ranges = uids.iter().map(|range| UidRange::new(*range.start(), *range.end()));
                self.selected.vanished.extend(ranges);
            }
            Response::Fetch(..) => self.selected.changed.extend(uid_and_flags(response)),
            Response::Data { outcome, .. } | Response::Done { outcome, .. } => {
                let text = outcome.information.as_deref().unwrap_or_default();
                match outcome.code {
                    Some(ResponseCode::UidValidity(value)) => self.uidvalidity = Some(value),
                    Some(ResponseCode::UidNext(value)) => self.selected.uidnext = Some(value),
                    Some(ResponseCode::HighestModSeq(value)) => self.selected.highestmodseq = Some(value),
                    // RFC 7162 §3.2.11: what came before speaks of the folder that was open until now
                    None if text.starts_with("[CLOSED]") => *self = Self::default(),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

/// The UID and the flags of a FETCH response that has both.
fn uid_and_flags(response: &Response<'_>) -> Option<(u32, Flags)> {
    let Response::Fetch(_, items) = response else { return None };
    let uid = items.iter().find_map(|item| match item {
        AttributeValue::Uid(uid) => Some(*uid),
        _ => None,
    })?;
    let flags = items.iter().find_map(|item| match item {
        AttributeValue::Flags(flags) => Some(Flags::new(flags)),
        _ => None,
    })?;
    Some((uid, flags))
}

/// Where APPEND put the message (RFC 4315 §3).
fn appended(response: &Response<'_>) -> Option<(u32, u32)> {
    let Response::Done { outcome, .. } = response else { return None };
    let Some(ResponseCode::AppendUid(uidvalidity, uids)) = &outcome.code else { return None };
    match uids.as_slice() {
        [UidSetMember::Uid(uid)] => Some((*uidvalidity, *uid)),
        _ => None,
    }
}

/// A refusal to open a folder, by that folder's name.
fn folder_error(error: Error, folder: &str) -> Error {
    match error {
        Error::Refused { host, server_text, .. } => Error::FolderMissing { host, name: folder.to_owned(), server_text },
        other => other,
    }
}
