//! How many acknowledgements left lately, as the decisions of one turn need it: asked of the store once a key, then
//! counted here, so that a burst costs one look per address, domain and thread, and not one per message.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::Result;
use crate::domain::acknowledge::SentCounts;
use crate::domain::address::Address;
use crate::domain::breaker::Breaker;
use crate::domain::echo::{MAX_RECENT, Recent};
use crate::domain::effect::Effect;
use crate::domain::request::{Request, RequestId};
use crate::store::{SentKey, Turn};

/// The span of the limits per address and thread.
const DAY: TimeDelta = TimeDelta::days(1);
/// The span of the limits per domain and mailbox, and of the breaker.
const HOUR: TimeDelta = TimeDelta::hours(1);

/// The counts of one turn.
#[derive(Debug, Default)]
pub struct Tally {
    /// What the store said at the beginning of the turn.
    stored: HashMap<SentKey, u32>,
    /// What the turn has queued since.
    queued: HashMap<SentKey, u32>,
    /// What came from each domain within a day, the newest last.
    recent: HashMap<String, Vec<Recent>>,
}

impl Tally {
    /// What left lately, seen from an acknowledgement of `mailbox` to `to`, in the thread of a request.
    pub async fn counts(
        &mut self,
        turn: &mut Turn,
        (to, thread, mailbox): (&Address, Option<RequestId>, &str),
        breaker: &Breaker,
        now: DateTime<Utc>,
    ) -> Result<SentCounts> {
        let counted = breaker.counted_from.map_or(now - HOUR, |from| from.max(now - HOUR));
        let in_thread_today = match thread {
            Some(thread) => self.count(turn, SentKey::Thread(thread), now - DAY).await?,
            None => 0,
        };
        Ok(SentCounts {
            to_address_today: self.count(turn, SentKey::Address(to.canonical()), now - DAY).await?,
            to_domain_this_hour: self.count(turn, SentKey::Domain(to.domain().to_owned()), now - HOUR).await?,
            in_thread_today,
            by_mailbox_this_hour: self.count(turn, SentKey::Mailbox(mailbox.to_owned()), now - HOUR).await?,
            by_all_this_hour: self.count(turn, SentKey::All, counted).await?,
        })
    }

    /// What came within a day from the domain of `to`, the turn's own messages with it.
    pub async fn recent(&mut self, turn: &mut Turn, to: &Address, now: DateTime<Utc>) -> Result<&[Recent]> {
        let domain = to.domain();
        if !self.recent.contains_key(domain) {
            let mut recent = turn.recent_of_domain(domain, now - DAY).await?;
            recent.reverse();
            self.recent.insert(domain.to_owned(), recent);
        }
        let recent = self.recent.get(domain).map(Vec::as_slice).unwrap_or_default();
        Ok(recent.get(recent.len().saturating_sub(MAX_RECENT)..).unwrap_or_default())
    }

    /// Remembers a message of the turn, for those that follow from its domain.
    pub fn remember(&mut self, author: &Address, subject: &str, looped: bool) {
        if let Some(recent) = self.recent.get_mut(author.domain()) {
            recent.push(Recent { address: author.canonical(), subject: subject.to_owned(), looped });
        }
    }

    async fn count(&mut self, turn: &mut Turn, key: SentKey, since: DateTime<Utc>) -> Result<u32> {
        let queued = self.queued.get(&key).copied().unwrap_or_default();
        if let Some(stored) = self.stored.get(&key) {
            return Ok(stored.saturating_add(queued));
        }
        let stored = turn.sent_since(&key, since).await?;
        self.stored.insert(key, stored);
        Ok(stored.saturating_add(queued))
    }

    /// Counts a mail that the turn has queued, for a request.
    pub fn add(&mut self, effect: &Effect, request: Option<&Request>) {
        if !effect.kind.is_public() {
            return;
        }
        let mut keys = vec![SentKey::All, SentKey::Mailbox(effect.mailbox.clone())];
        if let Some(to) = effect.recipients.first() {
            keys.extend([SentKey::Address(to.canonical()), SentKey::Domain(to.domain().to_owned())]);
        }
        keys.extend(effect.request.map(SentKey::Thread));
        keys.extend(request.and_then(|request| request.again_of).map(SentKey::Thread));
        for key in keys {
            *self.queued.entry(key).or_default() += 1;
        }
    }
}
