//! Puts a copy of each mail to the public into the mailbox's Sent folder, where the configuration wants it: the only
//! thing that vigie ever writes into a mailbox.
//!
//! The text of a mail is not kept. It is written again from the same facts, and is copied only where it is, to the octet
//! of its digest, what the relay took. The Sent folder is searched for the Message-ID first, so that a crash between
//! writing and noting makes no second copy. What lies there carries vigie's own header: read again, it is no reply.

use std::time::Duration;

use anyhow::Context as _;
use chrono::TimeDelta;
use tokio::time::sleep;

use super::access::Access;
use super::folders::choose;
use super::line::Line;
use super::mailbox::{LEASE_SPAN, Shared, endpoint, is_about_folder};
use crate::app::sending::{self, Ready};
use crate::clock;
use crate::config::MailboxSettings;
use crate::domain::classify::FolderRole;
use crate::imap::{Deadlines, Session};
use crate::store::DueCopy;

/// Copies of one connection.
const COPIES_PER_LINE: i64 = 100;
/// The wait before the first new attempt, doubled with each further one.
const FIRST_RETRY: TimeDelta = TimeDelta::minutes(1);
/// The longest wait between two attempts.
const LONGEST_RETRY: TimeDelta = TimeDelta::hours(1);
/// Attempts after which a copy is given up: about a day.
const MAX_ATTEMPTS: i64 = 30;
/// The longest sleep: the wall clock may be set meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// The shortest sleep between two looks at the queue.
const SHORTEST_SLEEP: Duration = Duration::from_millis(200);
/// How long a place at a crowded server is waited for.
const PLACE_PATIENCE: Duration = Duration::from_secs(20);
/// How long the loop may be without progress before the watchdog starves.
const PATIENCE: Duration = Duration::from_mins(15);

/// Copies what a mailbox has sent until it is told to stop.
pub async fn run(shared: Shared, name: String) -> anyhow::Result<()> {
    let settings = shared.settings.mailbox(&name).context("the mailbox is not in the configuration")?;
    let pulse = shared.heart.pulse(format!("copies {name}"), PATIENCE);
    while !shared.stop.is_cancelled() {
        pulse.beat();
        let news = shared.news.notified();
        tokio::pin!(news);
        news.as_mut().enable();
        let due = shared.store.copies_due(&name, clock::now(), COPIES_PER_LINE).await?;
        if !due.is_empty()
            && let Err(error) = copy_all(&shared, settings, &due).await
        {
            tracing::warn!(mailbox = %name, "mailbox {name}: copies cannot be put into Sent: {error:#}");
            // those of before the trouble lie there already
            for copy in shared.store.copies_due(&name, clock::now(), COPIES_PER_LINE).await? {
                put_off(&shared, &copy).await?;
            }
        }
        let next = shared.store.next_copy(&name).await?;
        let until = next.and_then(|next| (next - clock::now()).to_std().ok()).unwrap_or(LONGEST_SLEEP);
        tokio::select! {
            () = shared.stop.cancelled() => break,
            () = &mut news => {}
            () = sleep(until.clamp(SHORTEST_SLEEP, LONGEST_SLEEP)) => {}
        }
    }
    Ok(())
}

/// Copies over one connection, while this node has the right to the mailbox.
async fn copy_all(shared: &Shared, settings: &MailboxSettings, due: &[DueCopy]) -> anyhow::Result<()> {
    let Shared { store, settings: all, .. } = shared;
    let lease = store.lease(&settings.name, &all.node, LEASE_SPAN, clock::now()).await?;
    lease.context("another node watches the mailbox")?;
    let gate = shared.gates.of(&settings.imap).context("the server has no gate")?;
    let place = gate.enter(PLACE_PATIENCE).await.context("the server has no place")?;
    let access = Access::of(&settings.imap, &shared.tokens)?;
    let mut line = tokio::select! {
        () = shared.stop.cancelled() => return Ok(()),
        line = Line::open(endpoint(&settings.imap), access, &shared.trust, Deadlines::default()) => line?,
    };
    let folders = choose(settings, &line.session.list().await?);
    let sent = folders.into_iter().find(|folder| folder.role == FolderRole::Sent);
    let sent = sent.context("the mailbox has no Sent folder: name it as `sent`")?.name;
    line.session.examine(&sent, None).await?;
    for copy in due {
        match one(shared, &mut line.session, &sent, copy).await {
            Ok(outcome) => store.settle_copy(&copy.mail.effect.id, outcome, clock::now()).await?,
            // the server refuses this one: it keeps no other waiting
            Err(error) if is_about_folder(&error) => {
                let id = &copy.mail.effect.id;
                tracing::warn!(mail = %id, "the mail {id} cannot be put into Sent: {error:#}");
                put_off(shared, copy).await?;
            }
            Err(error) => return Err(error),
        }
    }
    line.session.logout().await;
    drop(place);
    Ok(())
}

/// One copy: how it stands afterwards.
async fn one(shared: &Shared, session: &mut Session, sent: &str, copy: &DueCopy) -> anyhow::Result<&'static str> {
    if session.holds(&copy.mail.message_id).await? {
        return Ok("copied");
    }
    let (office, templates) = (&shared.settings.office, shared.texts.borrow().clone());
    let ready = sending::prepare(&shared.store, office, &templates, &copy.mail, clock::now()).await;
    let id = &copy.mail.effect.id;
    match ready {
        Ok(Ready::Send(prepared)) if prepared.proof.text == copy.text => {
            session.append(sent, &["\\Seen"], &prepared.bytes).await?;
            tracing::info!(mail = %id, "the mail {id} lies in the Sent folder");
            Ok("copied")
        }
        Ok(Ready::Send(_) | Ready::Withdraw(_)) => {
            tracing::warn!(mail = %id, "the mail {id} is not copied: its text is no longer the one that left");
            Ok("failed")
        }
        Err(error) => {
            tracing::error!(mail = %id, "the mail {id} cannot be written again for its copy: {error}");
            Ok("failed")
        }
    }
}

/// Tries later, and in the end no more.
async fn put_off(shared: &Shared, copy: &DueCopy) -> anyhow::Result<()> {
    let doublings = u32::try_from(copy.attempts).unwrap_or(u32::MAX).min(10);
    let next = clock::now() + (FIRST_RETRY * (1 << doublings)).min(LONGEST_RETRY);
    let outcome = if copy.attempts + 1 >= MAX_ATTEMPTS { "failed" } else { "wanted" };
    Ok(shared.store.settle_copy(&copy.mail.effect.id, outcome, next).await?)
}
