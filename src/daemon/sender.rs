//! Takes due mails to the relay, one after the other.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::sleep;

use super::mailbox::Shared;
use crate::app::sending::{self, Attempt, Prepared, Proof, Ready};
use crate::clock;
use crate::config::{self, Settings};
use crate::domain::effect::{Outcome, Settlement};
use crate::domain::policy::SentCopy;
use crate::smtp::{self, Deadlines, Login, Relay, SecretKind, Sender, Submission};
use crate::store::{Claim, DueEffect};

/// The longest sleep: the wall clock may be set meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// The shortest sleep between two looks at the queue.
const SHORTEST_SLEEP: Duration = Duration::from_millis(50);
/// The wait before an outcome that could not be written down is written again.
const SETTLE_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// How long the loop may be without progress before the watchdog starves: longer than a submission's deadlines.
const PATIENCE: Duration = Duration::from_mins(30);

/// Sends until it is told to stop.
pub async fn run(shared: Shared) -> anyhow::Result<()> {
    let pulse = shared.heart.pulse("sender", PATIENCE);
    recover(&shared).await?;
    let mut sender = Sender::new(relay(&shared.settings));
    loop {
        pulse.beat();
        let news = shared.news.notified();
        tokio::pin!(news);
        news.as_mut().enable();
        let (node, quotas) = (&shared.settings.node, &shared.settings.smtp.quotas);
        let mut wait = None;
        while !shared.stop.is_cancelled() {
            // the claim waits for the disk: meanwhile the relay says whether it is still there
            let now = clock::now();
            let claim = shared.store.claim_due(node, quotas, now);
            let (claim, ()) = tokio::join!(claim, sender.refresh(now, &shared.stop));
            match claim? {
                Claim::Mail(due) => send(&shared, &mut sender, &due).await?,
                Claim::Wait(until) => {
                    tracing::debug!("the relay's quota is used up until {until}");
                    wait = Some(until);
                    break;
                }
                Claim::Nothing => break,
            }
            pulse.beat();
        }
        let next = shared.store.next_due().await?.max(wait);
        let until = next.and_then(|next| (next - clock::now()).to_std().ok()).unwrap_or(LONGEST_SLEEP);
        tokio::select! {
            () = shared.stop.cancelled() => break,
            () = &mut news => {}
            () = sleep(until.clamp(SHORTEST_SLEEP, LONGEST_SLEEP)) => {}
        }
    }
    sender.close().await;
    Ok(())
}

/// What an earlier sender left unsettled, of this process or of the one before: nobody knows what became of it.
async fn recover(shared: &Shared) -> anyhow::Result<()> {
    let Shared { store, settings, .. } = shared;
    let wait = settings.smtp.unknown_retry_after;
    let recovered = sending::recover(store, &settings.office, &settings.node, wait, clock::now()).await?;
    if recovered > 0 {
        tracing::warn!("{recovered} mails were being sent when the sender ended last: their fate is unknown");
    }
    Ok(())
}

async fn send(shared: &Shared, sender: &mut Sender, due: &DueEffect) -> anyhow::Result<()> {
    let office = &shared.settings.office;
    let templates = Arc::clone(&shared.texts.borrow());
    let attempt = match sending::prepare(&shared.store, office, &templates, due, clock::now()).await {
        Ok(Ready::Send(prepared)) => match submit(shared, sender, due, *prepared).await {
            Some(attempt) => attempt,
            None => return Ok(shared.store.give_back(&due.effect.id).await?),
        },
        Ok(Ready::Withdraw(why)) => {
            Attempt { outcome: Outcome::Withdrawn { why: why.clone() }, summary: why, proof: Proof::default() }
        }
        Err(error) => {
            tracing::error!(mail = %due.effect.id, "the mail {} cannot be written: {error}", due.effect.id);
            let outcome = Outcome::Refused { temporary: true, answer: error.to_string() };
            Attempt { outcome, summary: "the mail could not be written".to_owned(), proof: Proof::default() }
        }
    };
    let wait = shared.settings.smtp.unknown_retry_after;
    let settlement = settle(shared, due, &attempt, wait).await?;
    let (id, summary) = (&due.effect.id, &attempt.summary);
    match settlement {
        Settlement::Accepted => {
            tracing::info!(mail = %id, "the mail {id} was {summary}");
            let desk = office.desk(&due.effect.mailbox);
            if desk.is_some_and(|desk| desk.policy.sent_copy == SentCopy::Always) {
                shared.news.notify_waiters();
            }
        }
        Settlement::Retry(at) => tracing::warn!(mail = %id, "the mail {id}: {summary}; next attempt at {at}"),
        Settlement::Refused | Settlement::Unknown => {
            tracing::error!(mail = %id, "the mail {id} is given up: {summary}");
        }
        Settlement::Withdrawn => tracing::info!(mail = %id, "the mail {id} is withdrawn: {summary}"),
    }
    Ok(())
}

/// Settles an attempt, however long the database takes no writing: what the relay said must not be forgotten, or the mail
/// would be sent once more.
async fn settle(shared: &Shared, due: &DueEffect, attempt: &Attempt, wait: TimeDelta) -> anyhow::Result<Settlement> {
    let office = &shared.settings.office;
    loop {
        match sending::settle(&shared.store, office, due, attempt, wait, clock::now()).await {
            Err(error) if error.is_temporary() && !shared.stop.is_cancelled() => {
                let id = &due.effect.id;
                tracing::error!(mail = %id, "what became of the mail {id} cannot be written down yet: {error}");
                tokio::select! {
                    () = shared.stop.cancelled() => {}
                    () = sleep(SETTLE_AGAIN_AFTER) => {}
                }
            }
            other => return Ok(other?),
        }
    }
}

/// `None` where vigie was told to stop before the relay could take the mail.
pub(super) async fn submit(
    shared: &Shared,
    sender: &mut Sender,
    due: &DueEffect,
    prepared: Prepared,
) -> Option<Attempt> {
    // Every mail of vigie is automatic: a null reverse-path keeps answers and reports from looping (RFC 3834 §3.3).
    let named = !shared.settings.smtp.null_reverse_path || !due.effect.kind.is_public();
    let submission = Submission {
        reverse_path: named.then_some(&prepared.sender),
        recipients: &prepared.recipients,
        bytes: &prepared.bytes,
    };
    let outcome = sender.submit(submission, clock::now(), &shared.stop).await;
    let summary = outcome.summary();
    let outcome = match outcome {
        smtp::Outcome::Accepted { answer, queue_id, .. } => Outcome::Accepted { answer, queue_id },
        smtp::Outcome::Refused { temporary, answer, .. } => Outcome::Refused { temporary, answer },
        smtp::Outcome::Unknown { why } => Outcome::Unknown { why },
        smtp::Outcome::Stopped => return None,
    };
    Some(Attempt { outcome, summary, proof: prepared.proof })
}

/// The relay in smtp's words.
#[must_use]
pub fn relay(settings: &Settings) -> Relay {
    let server = &settings.smtp.server;
    let login = server.login.clone().zip(server.password.clone());
    Relay {
        host: server.host.clone(),
        port: server.port,
        security: match server.security {
            config::Security::Implicit => smtp::Security::Implicit,
            config::Security::StartTls => smtp::Security::StartTls,
            config::Security::Plain => smtp::Security::Plain,
        },
        ca_file: server.ca_file.clone(),
        login: login.map(|(user, secret)| Login { user, secret, kind: SecretKind::Password }),
        hello_name: None,
        deadlines: Deadlines::default(),
    }
}
