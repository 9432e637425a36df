//! Who watches a mailbox: one node at a time, by a lease with a fencing number.

use chrono::{DateTime, TimeDelta, Utc};

use super::rows::{instant, millis};
use super::turn::{Turn, on_turn};
use super::{Error, Result, Store, on_write};

/// A node's right to watch a mailbox until an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The mailbox.
    pub mailbox: String,
    /// The node.
    pub holder: String,
    /// The fencing number: grows with each change of holder, and is checked in every commit.
    pub epoch: i64,
    /// Until when, by the database's clock.
    pub until: DateTime<Utc>,
}

impl Store {
    /// Takes or renews the lease of a mailbox; `None` while another node holds it.
    pub async fn lease(
        &self,
        mailbox: &str,
        holder: &str,
        span: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<Option<Lease>> {
        let now = self.clock(now).await?;
        let row: Option<(i64, i64)> = on_write!(self, pool => sqlx::query_as(TAKE_LEASE)
            .bind(mailbox.to_owned())
            .bind(holder.to_owned())
            .bind(millis(now + span))
            .bind(millis(now))
            .fetch_optional(pool)
            .await)?;
        Ok(row.map(|(epoch, until)| Lease {
            mailbox: mailbox.to_owned(),
            holder: holder.to_owned(),
            epoch,
            until: instant(until),
        }))
    }

    /// Gives a lease back, so that another node need not wait for its end.
    pub async fn release(&self, lease: &Lease) -> Result<()> {
        on_write!(self, pool => sqlx::query(RELEASE_LEASE)
            .bind(lease.mailbox.clone())
            .bind(lease.epoch)
            .execute(pool)
            .await
            .map(drop))
        .map_err(Error::from)
    }
}

impl Turn {
    /// Fails unless the lease is still the mailbox's: a node that was thought dead commits nothing.
    pub async fn check_lease(&mut self, lease: &Lease) -> Result<()> {
        let epoch: Option<i64> = on_turn!(self, connection => sqlx::query_scalar(LEASE_EPOCH)
            .bind(lease.mailbox.clone())
            .fetch_optional(connection)
            .await)?;
        if epoch == Some(lease.epoch) { Ok(()) } else { Err(Error::LeaseLost { mailbox: lease.mailbox.clone() }) }
    }
}

pub(super) const TAKE_LEASE: &str = "INSERT INTO lease (mailbox, holder, until, epoch) VALUES ($1, $2, $3, 1) \
     ON CONFLICT (mailbox) DO UPDATE SET until = excluded.until, holder = excluded.holder, \
     epoch = CASE WHEN lease.holder = excluded.holder THEN lease.epoch ELSE lease.epoch + 1 END \
     WHERE lease.until < $4 OR lease.holder = excluded.holder RETURNING epoch, until";
pub(super) const RELEASE_LEASE: &str = "UPDATE lease SET until = 0 WHERE mailbox = $1 AND epoch = $2";
pub(super) const LEASE_EPOCH: &str = "SELECT epoch FROM lease WHERE mailbox = $1";
