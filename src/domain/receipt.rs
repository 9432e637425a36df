//! When a message was received: which of the three known times is the official one, and why (DESIGN §3).

use chrono::{DateTime, TimeDelta, Utc};

use super::names::names;

/// How far the mail server's clock may run ahead of ours before its date is not believed.
const MAX_CLOCK_SKEW: TimeDelta = TimeDelta::minutes(10);
/// Dates before this one (1 January 1995) come from broken clocks: no functional mailbox is older.
const OLDEST_PLAUSIBLE: DateTime<Utc> = match DateTime::from_timestamp(788_918_400, 0) {
    Some(instant) => instant,
    None => DateTime::UNIX_EPOCH,
};

/// The times known of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// INTERNALDATE: when the mail server stored the message; `None` where it gave none that can be read.
    pub internal_date: Option<DateTime<Utc>>,
    /// The topmost Received header: when our own server took the message in.
    pub received: Option<DateTime<Utc>>,
    /// The Date header: what the sender's clock said.
    pub date: Option<DateTime<Utc>>,
    /// When vigie saw the message.
    pub observed_at: DateTime<Utc>,
}

/// The rule that chose the official date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The mail server's INTERNALDATE.
    InternalDate,
    /// INTERNALDATE is absurd or missing: the topmost Received header.
    ReceivedHeader,
    /// INTERNALDATE is absurd or missing and no Received header helps: when vigie saw it.
    Observed,
}

names!(Rule { InternalDate => "internaldate", ReceivedHeader => "received_header", Observed => "observed" });

/// Chooses the official date of receipt. The sender's Date never decides: his clock is not ours.
#[must_use]
pub fn official(times: &Times) -> (DateTime<Utc>, Rule) {
    let plausible =
        |instant: DateTime<Utc>| instant >= OLDEST_PLAUSIBLE && instant <= times.observed_at + MAX_CLOCK_SKEW;
    if let Some(internal_date) = times.internal_date.filter(|date| plausible(*date)) {
        return (internal_date, Rule::InternalDate);
    }
    match times.received.filter(|received| plausible(*received)) {
        Some(received) => (received, Rule::ReceivedHeader),
        None => (times.observed_at, Rule::Observed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("an RFC 3339 date")
    }

    fn times(internal_date: &str, received: Option<&str>) -> Times {
        Times {
            internal_date: Some(at(internal_date)),
            received: received.map(at),
            date: Some(at("2024-01-01T00:00:00Z")),
            observed_at: at("2026-05-07T15:00:00Z"),
        }
    }

    #[test]
    fn the_mail_server_decides_whatever_the_sender_says() {
        let chosen = official(&times("2026-05-07T14:50:00Z", Some("2026-05-07T14:49:59Z")));
        assert_eq!(chosen, (at("2026-05-07T14:50:00Z"), Rule::InternalDate));
    }

    #[test]
    fn an_absurd_date_of_the_server_gives_way_to_the_received_header_then_to_our_clock() {
        for absurd in ["1970-01-01T00:00:00Z", "2031-01-01T00:00:00Z"] {
            let chosen = official(&times(absurd, Some("2026-05-07T14:49:59Z")));
            assert_eq!(chosen, (at("2026-05-07T14:49:59Z"), Rule::ReceivedHeader));
            assert_eq!(official(&times(absurd, None)).1, Rule::Observed);
        }
    }

    #[test]
    fn what_the_server_gives_no_date_for_was_received_when_it_was_seen() {
        let none = Times { internal_date: None, ..times("2026-05-07T14:50:00Z", None) };
        assert_eq!(official(&none), (at("2026-05-07T15:00:00Z"), Rule::Observed));
    }
}
