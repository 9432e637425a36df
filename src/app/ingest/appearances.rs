//! Which message it is that lies at a place: a known one that moved or was copied, one more like it, or a new one.

use std::collections::HashMap;

use super::{Overlay, Parsed, Source};
use crate::app::Result;
use crate::domain::classify::FolderRole;
use crate::domain::identity::appearance;
use crate::domain::request::{MessageId, RequestId};
use crate::domain::verdict::Verdict;
use crate::store::{KnownMessage, Turn};

/// Appearances of one message in one mailbox that are told apart; more are a flood, and share the last one.
const MAX_APPEARANCES: u32 = 1_000;

impl Overlay {
    /// The appearance of a message that lies at this place: the digest that stands for it, and what is known of it.
    ///
    /// The same bytes may lie at several places at once: in two mailboxes, or twice in one folder. They are numbered:
    /// the first bears the message's identity, each further one a digest of its own, per mailbox. What lies here is the
    /// first of them that does not lie in this folder already, so that a message that moved, was copied to another
    /// folder, or got another UID is the one it was, and only a second copy beside the first is one more.
    pub(super) async fn appearance(
        &mut self,
        turn: &mut Turn,
        source: &Source<'_>,
        message: &Parsed<'_>,
    ) -> Result<(String, Option<KnownMessage>)> {
        if let Some(known) = self.same_by_email_id(turn, source, message).await? {
            return Ok((known.digest.clone(), Some(known)));
        }
        let mailbox = source.desk.policy.name.as_str();
        let mut number = self.numbers.get(&message.identity).copied().unwrap_or_default();
        loop {
            let digest = match number {
                0 => message.identity.clone(),
                _ => appearance(&message.identity, &[mailbox, &number.to_string()]),
            };
            let Some(known) = self.known_under(turn, &digest, number).await? else { return Ok((digest, None)) };
            let last = number >= MAX_APPEARANCES;
            if last
                || (may_lie_here(&known, source) && !self.lies_elsewhere_here(turn, source, message, &known).await?)
            {
                return Ok((digest, Some(known)));
            }
            number += 1;
            self.numbers.insert(message.identity.clone(), number);
        }
    }

    /// The message that the server itself says to be this one, wherever and with whatever date it lay. What the server
    /// says is believed only of what looks the same: an identifier that it gave twice must not hide a message.
    async fn same_by_email_id(
        &self,
        turn: &mut Turn,
        source: &Source<'_>,
        message: &Parsed<'_>,
    ) -> Result<Option<KnownMessage>> {
        let named = message.arrived.email_id.as_ref().and_then(|id| self.by_email_id.get(id));
        let looks_the_same = |known: &&KnownMessage| {
            let (message_id, size) = (message.facts.message_id.as_deref().unwrap_or_default(), message.arrived.size);
            known.message_id == message_id && u64::try_from(known.size) == Ok(size) && may_lie_here(known, source)
        };
        for known in named.into_iter().flatten().filter(looks_the_same) {
            if !self.lies_elsewhere_here(turn, source, message, known).await? {
                return Ok(Some(known.clone()));
            }
        }
        Ok(None)
    }

    /// The message known under a digest. Those under an identity were loaded with the batch.
    async fn known_under(&mut self, turn: &mut Turn, digest: &str, number: u32) -> Result<Option<KnownMessage>> {
        if let Some(known) = self.known.get(digest) {
            return Ok(Some(known.clone()));
        }
        if number == 0 {
            return Ok(None);
        }
        let found = turn.known_messages(&[digest.to_owned()]).await?.remove(digest);
        if let Some(known) = &found {
            self.known.insert(digest.to_owned(), known.clone());
        }
        Ok(found)
    }

    /// Whether a known message lies in this folder under another UID.
    async fn lies_elsewhere_here(
        &self,
        turn: &mut Turn,
        source: &Source<'_>,
        message: &Parsed<'_>,
        known: &KnownMessage,
    ) -> Result<bool> {
        let here = (source.cursor.id, source.cursor.uid_validity);
        let uid = i64::from(message.arrived.uid);
        let mut in_batch =
            self.written.locations.iter().filter(|l| l.message.0 == known.id && (l.folder, l.uid_validity) == here);
        if in_batch.any(|location| location.uid != uid) {
            return Ok(true);
        }
        let stored = turn.uids_of(MessageId(known.id), here.0, here.1).await?;
        Ok(!stored.contains(&uid) && !stored.is_empty())
    }
}

/// Whether a known message can be what lies in this folder. What only its folder made spam is judged again where an agent
/// moves it out: the agent says that it is none.
fn may_lie_here(known: &KnownMessage, source: &Source<'_>) -> bool {
    known.mailbox == source.desk.policy.name && (source.role == FolderRole::Junk || !spam_by_folder(known))
}

fn spam_by_folder(known: &KnownMessage) -> bool {
    known.verdict == Verdict::Spam.name() && known.reason == "junk_folder"
}

/// The messages that the server's identifiers name.
pub(super) async fn load_by_email_id(
    turn: &mut Turn,
    source: &Source<'_>,
    batch: &[Parsed<'_>],
) -> Result<HashMap<String, Vec<KnownMessage>>> {
    let ids: Vec<String> = batch.iter().filter_map(|message| message.arrived.email_id.clone()).collect();
    let mut found: HashMap<String, Vec<KnownMessage>> = HashMap::new();
    for known in turn.known_by_email_id(&source.desk.policy.name, &ids).await? {
        found.entry(known.email_id.clone()).or_default().push(known);
    }
    Ok(found)
}

/// The request of the message that a further appearance doubles; `None` where it doubles nothing: what another mailbox
/// saw without owing an answer, be it our own copy of what we sent to this one, is judged here by itself.
pub(super) fn duplicates(source: &Source<'_>, message: &Parsed<'_>, first: &KnownMessage) -> Option<Option<RequestId>> {
    let same_mailbox = first.mailbox == source.desk.policy.name;
    // Without a Message-ID nothing says that two equal header blocks are one message: they stay two.
    let two =
        if same_mailbox { message.facts.message_id.is_none() || spam_by_folder(first) } else { first.request == 0 };
    (!two).then(|| (first.request != 0).then_some(RequestId(first.request)))
}
