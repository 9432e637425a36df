//! Fetching headers: in slices, streamed, and past any message that cannot be read.
//!
//! A [`HeaderQueue`] outlives the sessions that work on it. When an answer cannot be parsed the connection is lost, and
//! nobody knows which message did it: the queue narrows its slice, the caller connects anew and goes on with the same
//! queue, until the culprit is alone; then it is given as [`Fetched::Poison`] and the rest goes on.
//! ```text
//! let mut queue = HeaderQueue::new(uids);
//! while !session.fetch_slice(&mut queue, &mut sink).await? {}      // on an error: connect, examine, go on
//! ```
//! Each message is given at least once; a slice that was cut short by dropping its future is given again.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use imap_proto::{AttributeValue, MessageSection, Response, SectionPath};

use super::error::Error;
use super::flags::Flags;
use super::session::Session;
use super::uid::sequence_set;
use super::wire::Command;

/// Messages asked in one command.
const SLICE: usize = 200;
/// Octets of a header block beyond which it is cut: an ordinary one has 2 to 10 thousand.
const HEADER_LIMIT: usize = 128 * 1024;
/// Connections that may be lost on one slice, without a message from it, before it is narrowed.
const MAX_STALLS: u8 = 3;
/// Poison messages in a row without a readable one, after which the fault is the server's and not theirs.
const MAX_POISON_RUN: usize = 50;

/// What one UID gave.
#[derive(Debug, Clone)]
pub enum Fetched {
    /// A message that can be read.
    Message {
        /// Its UID in the open folder.
        uid: u32,
        /// The server's INTERNALDATE: when it was delivered or, for a copy, what its copier says; `None` where it gave none
        /// that can be read.
        internal_date: Option<DateTime<Utc>>,
        /// Octets of the whole message (RFC822.SIZE); 0 where the server does not say.
        size: u64,
        /// Its flags.
        flags: Flags,
        /// Its modification sequence, where the server keeps them.
        modseq: Option<u64>,
        /// Its identifier across moves (RFC 8474), where the server gives one.
        email_id: Option<String>,
        /// Its header block as the server gave it.
        header: Vec<u8>,
        /// Whether the header block was longer and has been cut.
        header_cut: bool,
    },
    /// A message whose answer cannot be read. It is there, and a human must look at it.
    Poison {
        /// Its UID in the open folder.
        uid: u32,
        /// What happened when it was asked for.
        error: Error,
    },
}

/// What is known of a message whose header cannot be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    /// The server's INTERNALDATE.
    pub internal_date: Option<DateTime<Utc>>,
    /// Octets of the whole message; 0 where the server does not say.
    pub size: u64,
    /// Its identifier across moves, where the server gives one.
    pub email_id: Option<String>,
}

/// What became of the UIDs asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FetchReport {
    /// Messages given.
    pub received: u64,
    /// UIDs of which the server said nothing, twice: expunged meanwhile, most likely.
    pub missing: Vec<u32>,
    /// UIDs given as poison.
    pub poisoned: Vec<u32>,
}

/// UIDs asked together.
#[derive(Debug, Default)]
struct Slice {
    uids: Vec<u32>,
    /// Connections lost on it without a message from it.
    stalls: u8,
    /// The server stayed silent about them once.
    retried: bool,
    /// The next trouble halves it; otherwise its first message, the likely culprit, is tried alone.
    halve: bool,
}

/// What is still to be fetched.
#[derive(Debug, Default)]
pub struct HeaderQueue {
    slices: VecDeque<Slice>,
    report: FetchReport,
    poison_run: usize,
}

impl HeaderQueue {
    /// A queue of these UIDs, to be fetched in ascending order.
    pub fn new(uids: impl IntoIterator<Item = u32>) -> Self {
        let mut uids: Vec<u32> = uids.into_iter().collect();
        uids.sort_unstable();
        uids.dedup();
        let slices = uids.chunks(SLICE).map(|chunk| Slice { uids: chunk.to_vec(), ..Slice::default() }).collect();
        Self { slices, ..Self::default() }
    }

    /// Whether every UID has been given, found missing, or found to be poison.
    pub fn is_done(&self) -> bool {
        self.slices.is_empty()
    }

    /// What became of the UIDs so far.
    pub fn report(&self) -> &FetchReport {
        &self.report
    }

    /// Takes the silent ones of an answered slice: asked once more, then missing.
    fn answered(&mut self, slice: &Slice, silent: Vec<u32>) {
        match (silent.is_empty(), slice.retried) {
            (true, _) => {}
            (false, true) => self.report.missing.extend(silent),
            (false, false) => self.slices.push_front(Slice { uids: silent, retried: true, ..Slice::default() }),
        }
    }

    /// Puts back what was not received, narrowed where the trouble may be in it. Gives the poison if it is alone.
    fn failed(&mut self, slice: &Slice, left: Vec<u32>, error: &Error) -> Option<u32> {
        let progress = left.len() < slice.uids.len();
        let stalls = if progress { 0 } else { slice.stalls.saturating_add(1) };
        let suspicious = match error {
            Error::Unparsable { .. } | Error::Refused { .. } => true,
            Error::Closed { .. } | Error::Bye { .. } | Error::Deadline { .. } => stalls >= MAX_STALLS,
            _ => false,
        };
        let rest = |uids, halve, stalls| Slice { uids, stalls, retried: slice.retried, halve };
        match left.as_slice() {
            [] => None,
            _ if !suspicious => {
                self.slices.push_front(rest(left, slice.halve, stalls));
                None
            }
            [alone] => {
                if self.poison_run >= MAX_POISON_RUN {
                    self.slices.push_front(rest(left, slice.halve, stalls));
                    return None;
                }
                if let Some(next) = self.slices.front_mut() {
                    next.halve = false;
                }
                Some(*alone)
            }
            _ => {
                let middle = if slice.halve && !progress { left.len() / 2 } else { 1 };
                let (first, second) = left.split_at_checked(middle)?;
                self.slices.push_front(rest(second.to_vec(), true, 0));
                self.slices.push_front(rest(first.to_vec(), true, 0));
                None
            }
        }
    }

    fn give_poison(&mut self, uid: u32, error: Error, sink: &mut impl FnMut(Fetched)) {
        self.report.poisoned.push(uid);
        self.poison_run += 1;
        sink(Fetched::Poison { uid, error });
    }
}

impl Session {
    /// Fetches everything that is left in the queue. After an error that does not leave the session usable, connect
    /// and examine anew, see that UIDVALIDITY is the same, and go on with the same queue.
    pub async fn fetch_headers(
        &mut self,
        queue: &mut HeaderQueue,
        mut sink: impl FnMut(Fetched) + Send,
    ) -> Result<FetchReport, Error> {
        while !self.fetch_slice(queue, &mut sink).await? {}
        Ok(queue.report.clone())
    }

    /// Fetches the next slice of the queue, of at most 200 messages; whether the queue is done.
    pub async fn fetch_slice(
        &mut self,
        queue: &mut HeaderQueue,
        mut sink: impl FnMut(Fetched) + Send,
    ) -> Result<bool, Error> {
        let Some(slice) = queue.slices.front() else { return Ok(true) };
        let items = self.header_items();
        let command = Command::new("UID FETCH").text(format!(" {} {items}", sequence_set(&slice.uids)));
        let mut asked = Asked { uids: &slice.uids, given: vec![false; slice.uids.len()], readable: 0 };
        let outcome = self.wire.exec(&command, |response| asked.hear(response, &mut sink)).await;
        let (left, readable) = (asked.left(), asked.readable);
        queue.report.received += readable;
        if readable > 0 {
            queue.poison_run = 0;
        }
        let slice = queue.slices.pop_front().unwrap_or_default();
        match outcome {
            Ok(()) => queue.answered(&slice, left),
            Err(error) => {
                let alone = queue.failed(&slice, left, &error);
                let given_up = alone.is_none() && queue.poison_run >= MAX_POISON_RUN;
                if let Some(uid) = alone {
                    queue.give_poison(uid, error.clone(), &mut sink);
                }
                if given_up || !error.leaves_session_usable() {
                    return Err(error);
                }
            }
        }
        Ok(queue.is_done())
    }

    /// The header block of one message alone, where something beside it may be what cannot be read; `None` if the server
    /// says nothing of it.
    pub async fn fetch_header(&mut self, uid: u32) -> Result<Option<Vec<u8>>, Error> {
        let command = Command::new("UID FETCH").text(format!(" {uid} (UID BODY.PEEK[HEADER]<0.{HEADER_LIMIT}>)"));
        let mut header = None;
        let outcome = self.wire.exec(&command, |response| {
            let Response::Fetch(_, items) = response else { return };
            let answer = Answer::read(items);
            if answer.uid == Some(uid) {
                header = answer.header.map(<[u8]>::to_vec).or(header.take());
            }
        });
        outcome.await?;
        Ok(header)
    }

    /// What can be known of a message without its header, where the header is what cannot be read; `None` if the server
    /// says nothing of it.
    pub async fn fetch_outline(&mut self, uid: u32) -> Result<Option<Outline>, Error> {
        let email_id = if self.capabilities().objectid() { " EMAILID" } else { "" };
        let command = Command::new("UID FETCH").text(format!(" {uid} (UID INTERNALDATE RFC822.SIZE{email_id})"));
        let mut outline = None;
        let outcome = self.wire.exec(&command, |response| {
            let Response::Fetch(_, items) = response else { return };
            let answer = Answer::read(items);
            if answer.uid == Some(uid) {
                let internal_date = answer.internal_date.and_then(read_internal_date);
                outline = Some(Outline { internal_date, size: answer.size, email_id: answer.email_id });
            }
        });
        outcome.await?;
        Ok(outline)
    }

    /// The items asked: literals and scalars only, and nothing that sets `\Seen`.
    fn header_items(&self) -> String {
        let modseq = if self.capabilities().condstore() { " MODSEQ" } else { "" };
        let email_id = if self.capabilities().objectid() { " EMAILID" } else { "" };
        format!("(UID FLAGS INTERNALDATE RFC822.SIZE{modseq}{email_id} BODY.PEEK[HEADER]<0.{HEADER_LIMIT}>)")
    }
}

/// The UIDs of one command, and what came of them.
struct Asked<'a> {
    uids: &'a [u32],
    given: Vec<bool>,
    readable: u64,
}

impl Asked<'_> {
    /// Takes one response. A FETCH without a header is another session's change of flags, not an answer.
    fn hear(&mut self, response: &Response<'_>, sink: &mut impl FnMut(Fetched)) {
        let Response::Fetch(_, items) = response else { return };
        let answer = Answer::read(items);
        let (Some(uid), Some(header)) = (answer.uid, answer.header) else { return };
        let Some(given) = self.uids.binary_search(&uid).ok().and_then(|at| self.given.get_mut(at)) else { return };
        if std::mem::replace(given, true) {
            return;
        }
        self.readable += 1;
        sink(Fetched::Message {
            uid,
            internal_date: answer.internal_date.and_then(read_internal_date),
            size: answer.size,
            flags: answer.flags,
            modseq: answer.modseq,
            email_id: answer.email_id,
            header: header.to_vec(),
            header_cut: header.len() >= HEADER_LIMIT,
        });
    }

    /// UIDs of which nothing came.
    fn left(&self) -> Vec<u32> {
        self.uids.iter().zip(&self.given).filter(|(_, given)| !**given).map(|(uid, _)| *uid).collect()
    }
}

/// The items of one FETCH response.
#[derive(Default)]
struct Answer<'a> {
    uid: Option<u32>,
    internal_date: Option<&'a str>,
    size: u64,
    flags: Flags,
    modseq: Option<u64>,
    email_id: Option<String>,
    header: Option<&'a [u8]>,
}

impl<'a> Answer<'a> {
    fn read(items: &'a [AttributeValue<'_>]) -> Self {
        let mut answer = Self::default();
        for item in items {
            match item {
                AttributeValue::Uid(uid) => answer.uid = Some(*uid),
                AttributeValue::InternalDate(date) => answer.internal_date = Some(date),
                AttributeValue::Rfc822Size(size) => answer.size = u64::from(*size),
                AttributeValue::Flags(flags) => answer.flags = Flags::new(flags),
                AttributeValue::ModSeq(modseq) => answer.modseq = Some(*modseq),
                AttributeValue::EmailId(id) => answer.email_id = Some(id.to_string()),
                AttributeValue::BodySection {
                    section: Some(SectionPath::Full(MessageSection::Header)), data, ..
                } => answer.header = Some(data.as_deref().unwrap_or_default()),
                _ => {}
            }
        }
        answer
    }
}

/// `17-Jul-1996 02:44:25 -0700` (RFC 9051 §9, date-time); the day may be padded with a space.
fn read_internal_date(text: &str) -> Option<DateTime<Utc>> {
    let date = DateTime::parse_from_str(text.trim(), "%d-%b-%Y %H:%M:%S %z").ok()?;
    Some(date.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_an_internal_date_with_its_offset() {
        for (text, utc) in [
            ("17-Jul-1996 02:44:25 -0700", "1996-07-17T09:44:25Z"),
            (" 7-May-2026 16:50:00 +0200", "2026-05-07T14:50:00Z"),
            ("07-May-2026 23:59:60 +0000", "2026-05-07T23:59:60Z"),
        ] {
            let expected: DateTime<Utc> = utc.parse().unwrap();
            assert_eq!(read_internal_date(text), Some(expected), "{text}");
        }
        assert_eq!(read_internal_date("yesterday"), None);
    }

    fn unparsable() -> Error {
        Error::Unparsable { host: "h".to_owned(), command: "UID FETCH" }
    }

    /// Drives a queue against a server on which `poison` kills the connection, answering in the order of `order`.
    fn drive(count: u32, poison: &[u32], descending: bool) -> (HeaderQueue, Vec<u32>, usize) {
        let (mut queue, mut poisoned, mut connections) = (HeaderQueue::new(1..=count), Vec::new(), 1);
        while let Some(slice) = queue.slices.pop_front() {
            let mut order = slice.uids.clone();
            if descending {
                order.reverse();
            }
            let received: Vec<u32> = order.iter().copied().take_while(|uid| !poison.contains(uid)).collect();
            let left: Vec<u32> = slice.uids.iter().copied().filter(|uid| !received.contains(uid)).collect();
            queue.report.received += received.len() as u64;
            if left.is_empty() {
                continue;
            }
            connections += 1;
            if let Some(uid) = queue.failed(&slice, left, &unparsable()) {
                queue.give_poison(uid, unparsable(), &mut |_| {});
                poisoned.push(uid);
            }
        }
        poisoned.sort_unstable();
        (queue, poisoned, connections)
    }

    #[test]
    fn isolates_every_poison_message_and_loses_no_other() {
        for descending in [false, true] {
            let (queue, poisoned, connections) = drive(1000, &[1, 7, 199, 200, 1000], descending);
            assert_eq!(poisoned, [1, 7, 199, 200, 1000]);
            assert_eq!(queue.report().received, 995);
            assert!(connections < 60, "{connections}");
        }
    }

    #[test]
    fn needs_two_more_connections_for_a_poison_message_when_the_server_answers_in_order() {
        assert_eq!(drive(200, &[73], false).2, 3);
    }

    #[test]
    fn keeps_a_slice_whole_while_the_line_is_what_fails() {
        let mut queue = HeaderQueue::new(1..=10);
        let closed = Error::Closed { host: "h".to_owned(), command: "UID FETCH", source: None };
        for stall in 1..MAX_STALLS {
            let slice = queue.slices.pop_front().unwrap();
            let left = slice.uids.clone();
            assert_eq!(queue.failed(&slice, left, &closed), None);
            assert_eq!(queue.slices.len(), 1);
            assert_eq!(queue.slices[0].stalls, stall);
        }
        let slice = queue.slices.pop_front().unwrap();
        let left = slice.uids.clone();
        queue.failed(&slice, left, &closed);
        assert_eq!(queue.slices.len(), 2, "narrowed at last");
    }
}
