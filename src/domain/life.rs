//! The life of a request: the only state machine of the house.
//!
//! Every change is a [`Change`]; [`Request::apply`] is the only way to a new state, and each change is a ledger entry
//! ([`super::change`] says how it is written), so the table of requests is a fold of the ledger.

use chrono::{DateTime, NaiveDate, Utc};

use super::change::{Change, Refusal};
use super::evidence::{Confidence, Evidence};
use super::request::{AcknowledgementState, Request, Status};

impl Request {
    /// Checks a change against the state and applies it.
    pub fn apply(&mut self, change: &Change) -> Result<(), Refusal> {
        match change {
            Change::Answered { at, evidence, confidence, holding, .. } => {
                self.answer(*at, *evidence, *confidence, *holding)
            }
            Change::HoldingReply { at, .. } => self.hold(*at),
            Change::SubstantiveReply { at, .. } => self.substantiate(*at),
            Change::Confirmed { .. } => self.confirm(),
            Change::Closed { at, .. } => self.settle(Status::Closed, *at),
            Change::Merged { at, into, .. } => {
                self.settle(Status::Closed, *at)?;
                self.merged_into = Some(into.clone());
                Ok(())
            }
            Change::Transferred { at, .. } => self.settle(Status::Transferred, *at),
            Change::Reopened { .. } => self.reopen(),
            Change::Suspended { at, .. } => self.suspend(*at),
            Change::Resumed { suspended, due_on, due_at, calendar_revision, .. } => {
                self.resume(*suspended, *due_on, *due_at, calendar_revision)
            }
            Change::Moved { mailbox, bureau, .. } => self.hand_over(mailbox, bureau),
            Change::Forwarded { at } => self.note(*at, |request| &mut request.forwarded_at),
            Change::SourceDeleted { at } => self.note(*at, |request| &mut request.deleted_at),
            Change::SourceRestored { .. } => self.deleted_at.take().map(|_| ()).ok_or(Refusal::NothingNew),
            Change::Acknowledgement { at, state } => self.acknowledge(*state, *at),
            Change::AlertRaised { level, next, .. } => self.raise(*level, *next),
            Change::Reclassified {
                requester, nature, commitment, limit, due_on, due_at, calendar_revision, ..
            } => {
                self.requester = *requester;
                self.nature = *nature;
                self.commitment.clone_from(commitment);
                self.limit = *limit;
                self.redate(*due_on, *due_at, calendar_revision);
                Ok(())
            }
            Change::Redated { due_on, due_at, calendar_revision, next_alert_at, .. } => {
                self.must_be_open()?;
                self.redate(*due_on, *due_at, calendar_revision);
                self.next_alert_at = *next_alert_at;
                Ok(())
            }
        }
    }

    fn must_be_open(&self) -> Result<(), Refusal> {
        if self.status == Status::Open { Ok(()) } else { Err(Refusal::NotOpen(self.status)) }
    }

    /// The first human answer stops the clock. Of several proofs the date of the earliest counts among those at least as
    /// strong as what is known; a guess gives way to any stronger proof, even to a later one, and never the other way
    /// round. An answer found after a closure corrects the closure; a merged request is answered through the other one.
    fn answer(
        &mut self,
        at: DateTime<Utc>,
        evidence: Evidence,
        confidence: Confidence,
        holding: bool,
    ) -> Result<(), Refusal> {
        if at < self.received_at {
            return Err(Refusal::BeforeReceipt);
        }
        match self.status {
            Status::Open => {}
            Status::Closed if self.merged_into.is_none() => {}
            Status::Answered => {
                let known = self.confidence.unwrap_or(Confidence::Low);
                let earlier = self.settled_at.is_none_or(|settled| at < settled);
                let better_word = confidence > known && self.settled_at.is_some_and(|settled| at == settled);
                let guess_proved = known == Confidence::Low && confidence > known;
                if !guess_proved && !better_word && (!earlier || confidence < known) {
                    return Err(Refusal::NothingNew);
                }
            }
            Status::Closed | Status::Transferred => return Err(Refusal::NotOpen(self.status)),
        }
        self.status = Status::Answered;
        self.settled_at = Some(at);
        self.evidence = Some(evidence);
        self.confidence = Some(confidence);
        self.incomplete_since = None;
        if !holding {
            self.substantive_at = Some(at);
        }
        self.gesture = None;
        self.silence();
        Ok(())
    }

    /// An answer that does not stop the clock; the first one is kept.
    fn hold(&mut self, at: DateTime<Utc>) -> Result<(), Refusal> {
        self.must_be_open()?;
        if at < self.received_at {
            return Err(Refusal::BeforeReceipt);
        }
        if self.holding_at.is_some_and(|known| known <= at) {
            return Err(Refusal::NothingNew);
        }
        self.holding_at = Some(at);
        Ok(())
    }

    /// The answer on the substance, after a holding reply that had stopped the clock.
    fn substantiate(&mut self, at: DateTime<Utc>) -> Result<(), Refusal> {
        if self.status != Status::Answered || self.substantive_at.is_some_and(|known| known <= at) {
            return Err(Refusal::NothingNew);
        }
        self.substantive_at = Some(at);
        Ok(())
    }

    /// An agent's word makes a guess as good as a declaration.
    fn confirm(&mut self) -> Result<(), Refusal> {
        if self.status != Status::Answered || self.confidence != Some(Confidence::Low) {
            return Err(Refusal::NothingNew);
        }
        self.confidence = Some(Confidence::Medium);
        Ok(())
    }

    fn settle(&mut self, status: Status, at: DateTime<Utc>) -> Result<(), Refusal> {
        self.must_be_open()?;
        self.status = status;
        self.settled_at = Some(at);
        self.incomplete_since = None;
        self.silence();
        Ok(())
    }

    /// What had settled it is undone: the first clock runs on, as if it had never stopped.
    fn reopen(&mut self) -> Result<(), Refusal> {
        if self.status == Status::Open {
            return Err(Refusal::NothingNew);
        }
        self.status = Status::Open;
        self.settled_at = None;
        self.substantive_at = None;
        self.evidence = None;
        self.confidence = None;
        self.merged_into = None;
        self.gesture = None;
        self.alert_cleared = false;
        Ok(())
    }

    fn suspend(&mut self, at: DateTime<Utc>) -> Result<(), Refusal> {
        self.must_be_open()?;
        if self.incomplete_since.is_some() {
            return Err(Refusal::NothingNew);
        }
        if at < self.received_at {
            return Err(Refusal::BeforeReceipt);
        }
        self.incomplete_since = Some(at);
        self.silence();
        Ok(())
    }

    fn resume(
        &mut self,
        suspended: u16,
        due_on: NaiveDate,
        due_at: DateTime<Utc>,
        calendar_revision: &str,
    ) -> Result<(), Refusal> {
        self.must_be_open()?;
        self.incomplete_since.take().ok_or(Refusal::NothingNew)?;
        self.suspended_days = suspended;
        self.gesture = None;
        self.redate(due_on, due_at, calendar_revision);
        Ok(())
    }

    /// To another mailbox or bureau: the reference and the first clock are kept.
    fn hand_over(&mut self, mailbox: &str, bureau: &str) -> Result<(), Refusal> {
        self.must_be_open()?;
        if self.mailbox == mailbox && self.bureau == bureau {
            return Err(Refusal::NothingNew);
        }
        if self.bureau != bureau {
            // The new bureau was warned of nothing yet.
            self.alert_level = None;
        }
        mailbox.clone_into(&mut self.mailbox);
        bureau.clone_into(&mut self.bureau);
        Ok(())
    }

    /// Notes when something was first seen of an open request.
    fn note(
        &mut self,
        at: DateTime<Utc>,
        field: impl Fn(&mut Self) -> &mut Option<DateTime<Utc>>,
    ) -> Result<(), Refusal> {
        self.must_be_open()?;
        let noted = field(self);
        if noted.is_some() {
            return Err(Refusal::NothingNew);
        }
        *noted = Some(at);
        Ok(())
    }

    fn acknowledge(&mut self, state: AcknowledgementState, at: DateTime<Utc>) -> Result<(), Refusal> {
        if self.acknowledgement == state {
            return Err(Refusal::NothingNew);
        }
        self.acknowledgement = state;
        self.acknowledged_at = (state == AcknowledgementState::Sent).then_some(at);
        Ok(())
    }

    fn raise(&mut self, level: i64, next: Option<DateTime<Utc>>) -> Result<(), Refusal> {
        self.must_be_open()?;
        self.alert_level = Some(level);
        self.next_alert_at = next;
        Ok(())
    }

    fn redate(&mut self, due_on: NaiveDate, due_at: DateTime<Utc>, calendar_revision: &str) {
        if due_on > self.due_on {
            // More time: what was raised about the earlier limit says nothing about this one.
            self.alert_level = None;
        }
        self.due_on = due_on;
        self.due_at = due_at;
        calendar_revision.clone_into(&mut self.calendar_revision);
    }

    fn silence(&mut self) {
        self.alert_cleared |= self.alert_level.is_some() && self.status != Status::Open;
        self.alert_level = None;
        self.next_alert_at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::{Nature, Requester};
    use crate::domain::request::{MessageId, RequestId};

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_778_000_000 + hour * 3_600, 0).expect("in range")
    }

    fn request() -> Request {
        Request {
            id: RequestId(1),
            reference: "PAN-2026-000001".into(),
            mailbox: "pref-pan".into(),
            bureau: "citoyennete".into(),
            message: MessageId(1),
            person: None,
            requester: Requester::Public,
            nature: Nature::GeneralInfo,
            commitment: "mail.user.info".into(),
            limit: 5,
            received_at: at(0),
            due_on: at(100).date_naive(),
            due_at: at(100),
            calendar_revision: "r".into(),
            again_of: None,
            backlog: false,
            flagged: false,
            status: Status::Open,
            settled_at: None,
            holding_at: None,
            substantive_at: None,
            incomplete_since: None,
            suspended_days: 0,
            merged_into: None,
            deleted_at: None,
            forwarded_at: None,
            gesture: None,
            evidence: None,
            confidence: None,
            acknowledgement: AcknowledgementState::Pending,
            acknowledged_at: None,
            alert_level: Some(2),
            next_alert_at: Some(at(90)),
            alert_cleared: false,
        }
    }

    fn answered(hour: i64, evidence: Evidence) -> Change {
        let confidence = evidence.confidence();
        Change::Answered { at: at(hour), evidence, confidence, holding: false, by: None, way: None }
    }

    #[test]
    fn the_first_answer_stops_the_clock_and_silences_the_alert() {
        let mut request = request();
        assert_eq!(request.apply(&answered(99, Evidence::SentReply)), Ok(()));
        assert_eq!(request.apply(&answered(120, Evidence::SentReply)), Err(Refusal::NothingNew));
        assert_eq!((request.status, request.settled_at), (Status::Answered, Some(at(99))));
        assert_eq!(request.within_limit(at(500)), Some(true));
        assert_eq!((request.alert_level, request.next_alert_at), (None, None));
    }

    #[test]
    fn an_answer_found_later_but_dated_earlier_corrects_the_date() {
        let mut request = request();
        request.apply(&answered(120, Evidence::Declaration)).expect("open");
        assert_eq!(request.within_limit(at(500)), Some(false));
        request.apply(&answered(50, Evidence::SentReply)).expect("stronger and earlier");
        assert_eq!(request.within_limit(at(500)), Some(true));
    }

    #[test]
    fn a_weak_guess_never_replaces_a_proof() {
        let mut request = request();
        request.apply(&answered(99, Evidence::SentReply)).expect("open");
        assert_eq!(request.apply(&answered(10, Evidence::Flag)), Err(Refusal::NothingNew));
    }

    #[test]
    fn an_unanswered_request_is_late_only_once_its_last_day_is_over() {
        let request = request();
        assert_eq!(request.within_limit(at(99)), None);
        assert_eq!(request.within_limit(at(100)), Some(false));
    }

    #[test]
    fn nothing_answers_before_the_request() {
        assert_eq!(request().apply(&answered(-1, Evidence::SentReply)), Err(Refusal::BeforeReceipt));
    }

    #[test]
    fn a_closed_request_raises_no_alert() {
        let mut request = request();
        request
            .apply(&Change::Closed { at: at(5), motive: "other".into(), note: None, by: "agent".into() })
            .expect("open");
        let raised = request.apply(&Change::AlertRaised { at: at(6), level: 0, next: None });
        assert_eq!(raised, Err(Refusal::NotOpen(Status::Closed)));
    }

    #[test]
    fn a_guess_gives_way_to_a_proof_even_to_a_later_one_and_once() {
        let mut request = request();
        request.apply(&answered(20, Evidence::Flag)).expect("open");
        assert!(request.is_doubtful());
        request.apply(&answered(30, Evidence::SentReply)).expect("a proof");
        assert_eq!((request.settled_at, request.evidence), (Some(at(30)), Some(Evidence::SentReply)));
        assert_eq!(request.apply(&answered(40, Evidence::SentReply)), Err(Refusal::NothingNew));
        assert!(!request.is_doubtful());
    }

    #[test]
    fn an_agents_word_stands_against_a_later_mail_and_makes_a_guess_firm() {
        let mut request = request();
        request.apply(&answered(20, Evidence::Flag)).expect("open");
        request.apply(&Change::Confirmed { at: at(25), by: "agent".into() }).expect("a guess");
        assert_eq!(request.apply(&answered(30, Evidence::SentReply)), Err(Refusal::NothingNew));
        assert_eq!((request.settled_at, request.confidence), (Some(at(20)), Some(Confidence::Medium)));
    }

    fn held(hour: i64) -> Change {
        let evidence = Evidence::SentReply;
        Change::HoldingReply { at: at(hour), evidence, confidence: evidence.confidence(), by: None, way: None }
    }

    #[test]
    fn a_holding_reply_is_the_first_answer_and_stops_nothing() {
        let mut request = request();
        request.apply(&held(10)).expect("open");
        assert_eq!(request.apply(&held(20)), Err(Refusal::NothingNew));
        assert_eq!((request.status, request.first_answer_at()), (Status::Open, Some(at(10))));
        request.apply(&answered(120, Evidence::SentReply)).expect("open");
        assert_eq!((request.first_answer_at(), request.substantive_at), (Some(at(10)), Some(at(120))));
        assert_eq!(request.within_limit(at(500)), Some(false));
    }

    #[test]
    fn a_reopened_request_has_its_first_clock_and_can_be_answered_again() {
        let mut request = request();
        request.apply(&answered(20, Evidence::Gesture)).expect("open");
        let reopened = Change::Reopened { at: at(30), why: "gesture_undone".into(), note: None, by: None };
        request.apply(&reopened).expect("answered");
        assert_eq!(request.apply(&reopened), Err(Refusal::NothingNew));
        assert_eq!((request.status, request.settled_at, request.substantive_at), (Status::Open, None, None));
        assert_eq!(request.within_limit(at(100)), Some(false));
        request.apply(&answered(110, Evidence::SentReply)).expect("open");
        assert_eq!(request.within_limit(at(500)), Some(false));
    }

    #[test]
    fn missing_pieces_stop_the_clock_until_they_come() {
        let mut request = request();
        let suspended =
            |hour| Change::Suspended { at: at(hour), motive: "missing_items".into(), note: None, by: None, way: None };
        request.apply(&suspended(50)).expect("open");
        assert_eq!(request.apply(&suspended(60)), Err(Refusal::NothingNew));
        assert_eq!((request.is_running(), request.within_limit(at(500))), (false, None));
        assert_eq!((request.alert_level, request.next_alert_at), (None, None));
        let (due_on, due_at) = (at(148).date_naive(), at(148));
        let resumed = Change::Resumed {
            at: at(98),
            suspended: 2,
            due_on,
            due_at,
            calendar_revision: "r".into(),
            by: None,
            way: None,
        };
        request.apply(&resumed).expect("suspended");
        assert_eq!(request.apply(&resumed), Err(Refusal::NothingNew));
        assert_eq!((request.due_at, request.allowed_days(), request.is_running()), (at(148), 7, true));
    }

    #[test]
    fn pieces_asked_for_after_the_limit_do_not_make_it_in_time() {
        let mut request = request();
        let suspended =
            Change::Suspended { at: at(101), motive: "missing_items".into(), note: None, by: None, way: None };
        request.apply(&suspended).expect("open");
        assert_eq!(request.within_limit(at(500)), Some(false));
    }

    #[test]
    fn a_merged_request_is_closed_for_good_and_no_answer_reopens_it() {
        let mut request = request();
        request.apply(&Change::Merged { at: at(5), into: "PAN-2026-000002".into(), by: "a".into() }).expect("open");
        assert_eq!(request.apply(&answered(9, Evidence::SentReply)), Err(Refusal::NotOpen(Status::Closed)));
        assert_eq!((request.within_limit(at(500)), request.next_alert_at), (None, None));
    }

    #[test]
    fn a_request_handed_over_keeps_its_clock_and_starts_its_alerts_anew() {
        let mut request = request();
        let moved = Change::Moved {
            at: at(30),
            mailbox: "pref-dre".into(),
            bureau: "dre".into(),
            from_mailbox: "pref-pan".into(),
            from_bureau: "citoyennete".into(),
            by: None,
        };
        request.apply(&moved).expect("open");
        assert_eq!((request.mailbox.as_str(), request.due_at, request.alert_level), ("pref-dre", at(100), None));
        assert_eq!(request.apply(&moved), Err(Refusal::NothingNew));
    }

    #[test]
    fn a_message_that_is_gone_unanswered_is_shown_and_stays_due() {
        let mut request = request();
        request.apply(&Change::SourceDeleted { at: at(9) }).expect("open");
        assert!(request.is_doubtful() && request.is_running());
        request.apply(&Change::SourceRestored { at: at(10) }).expect("deleted");
        assert!(!request.is_doubtful());
    }

    #[test]
    fn no_merging_hides_a_missed_limit() {
        use crate::domain::gesture::may_merge;
        let earlier = request();
        let later = Request { received_at: at(10), due_at: at(110), ..request() };
        assert_eq!(may_merge(&later, &earlier, at(20)), Ok(()));
        assert_eq!(may_merge(&earlier, &later, at(20)), Err(Refusal::OtherIsLater));
        assert_eq!(may_merge(&later, &earlier, at(110)), Err(Refusal::Late));
        let elected = Request { requester: Requester::Elected, ..request() };
        assert_eq!(may_merge(&later, &elected, at(20)), Err(Refusal::OtherPromise));
        let mut answered_before = request();
        answered_before.apply(&answered(5, Evidence::SentReply)).expect("open");
        assert_eq!(may_merge(&later, &answered_before, at(20)), Err(Refusal::OtherWasAnswered));
    }
}
