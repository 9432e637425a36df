//! The judge's rules one by one: what a message is, given what the store knows of it, and whether it is acknowledged.

use chrono::{DateTime, TimeDelta, Utc};
use vigie::domain::acknowledge::{Acknowledgement, Moment, acknowledge};
use vigie::domain::classify::{Context, FolderRole, Links, ThreadLink, classify};
use vigie::domain::policy::{MailboxPolicy, Mode, RecipientRule, Watch};
use vigie::domain::request::RequestId;
use vigie::mail;

use prefecture::{instant, moment, policy};

mod prefecture;

/// One message in its circumstances.
struct Case {
    header: String,
    policy: MailboxPolicy,
    folder: FolderRole,
    links: Links,
    received: DateTime<Utc>,
}

/// A message to pref-pan; `header` is what it adds to To and Message-ID.
fn message(header: &str) -> Case {
    Case {
        header: header.to_owned(),
        policy: policy("pref-pan"),
        folder: FolderRole::Inbox,
        links: Links::default(),
        received: instant("2026-05-07T14:50:00Z"),
    }
}

/// A message from a citizen.
fn from_alice() -> Case {
    message("From: alice@example.org\nTo: pref-pan@ain.example")
}

impl Case {
    fn within(mut self, folder: FolderRole) -> Self {
        self.folder = folder;
        self
    }

    fn under(mut self, change: impl FnOnce(&mut MailboxPolicy)) -> Self {
        change(&mut self.policy);
        self
    }

    fn linked(mut self, change: impl FnOnce(&mut Links)) -> Self {
        change(&mut self.links);
        self
    }

    /// In the thread of request 7.
    fn threaded(self, by_requester: bool, to_requester: bool, answered: bool) -> Self {
        let link = ThreadLink { request: RequestId(7), answered, by_requester, to_requester };
        self.linked(|links| links.thread = Some(link))
    }

    /// `verdict reason`, then, `->`, `send|withhold|none` and its reason.
    fn judged(&self, change: impl FnOnce(&mut Moment<'_>)) -> String {
        let facts = mail::parse(format!("Message-ID: <a1@example.org>\n{}\n", self.header).as_bytes(), None, 0);
        let context = Context { policy: &self.policy, folder: self.folder, links: self.links.clone() };
        let (verdict, reason) = classify(&facts, &context);
        let mut moment = moment(&self.policy, Some(self.received));
        moment.folder = self.folder;
        change(&mut moment);
        let acknowledgement = match acknowledge(&facts, &verdict, &moment) {
            Acknowledgement::Send { reason, to } => format!("send {} {to}", reason.code),
            Acknowledgement::Withhold(reason) => format!("withhold {}", reason.code),
            Acknowledgement::None => "none".to_owned(),
        };
        format!("{} {} -> {acknowledgement}", verdict.name(), reason.code)
    }
}

#[track_caller]
fn check(case: &Case, expected: &str) {
    assert_eq!(case.judged(|_| {}), expected, "{}", case.header);
}

#[track_caller]
fn check_moment(case: &Case, change: impl FnOnce(&mut Moment<'_>), expected: &str) {
    assert_eq!(case.judged(change), expected, "{}", case.header);
}

const SENT: &str = "request new_request -> send acknowledged alice@example.org";

#[test]
fn acknowledges_a_citizen() {
    check(&from_alice(), SENT);
}

#[test]
fn a_known_identity_is_a_duplicate_whatever_else_it_is() {
    let twice = |request| message("X-Vigie: x\nFrom: alice@example.org").linked(|l| l.duplicate_of = Some(request));
    check(&twice(None), "duplicate known_identity -> none");
    check(&twice(Some(RequestId(7))), "duplicate known_identity -> none");
}

#[test]
fn the_requester_who_adds_to_an_open_request_opens_no_other_clock() {
    check(&from_alice().threaded(true, false, false), "follow_up requester_adds -> none");
}

#[test]
fn the_requester_who_writes_after_our_reply_opens_a_linked_request() {
    let again = "request_again requester_writes_again -> send acknowledged alice@example.org";
    check(&from_alice().threaded(true, false, true), again);
}

#[test]
fn another_person_who_quotes_our_reference_opens_a_request_of_their_own() {
    let other = "request other_sender_in_thread -> send acknowledged alice@example.org";
    check(&from_alice().threaded(false, false, false), other);
    check(&from_alice().threaded(false, false, true), other);
}

#[test]
fn a_forward_is_a_request_of_its_own() {
    let forward = message("From: alice@example.org\nTo: pref-pan@ain.example\nSubject: TR : convocation");
    let expected = "request forwarded_message -> send acknowledged alice@example.org";
    check(&forward.threaded(true, false, false), expected);
}

#[test]
fn our_reply_to_the_requester_stops_the_clock_wherever_it_is_seen() {
    let ours = || message("From: jeanne.agent@ain.example\nTo: alice@example.org\nCc: pref-pan@ain.example");
    check(&ours().within(FolderRole::Sent).threaded(false, true, false), "reply sent_reply -> none");
    check(&ours().threaded(false, true, false), "reply reply_seen -> none");
    let mailbox = || message("From: pref-pan@ain.example\nTo: alice@example.org");
    check(&mailbox().within(FolderRole::Sent).threaded(false, true, true), "reply sent_reply -> none");
}

#[test]
fn a_reply_of_an_unlisted_colleague_in_our_domain_counts() {
    let colleague = message("From: paul@ain.example\nTo: alice@example.org\nCc: pref-pan@ain.example");
    check(&colleague.threaded(false, true, false), "reply reply_from_internal_domain -> none");
}

#[test]
fn a_sent_copy_counts_though_its_author_is_listed_nowhere() {
    let unlisted = || message("From: paul@ministere.example\nTo: alice@example.org").within(FolderRole::Sent);
    check(&unlisted().threaded(false, true, false), "reply sent_reply -> none");
    check(&unlisted(), "internal sent_by_us -> none");
}

#[test]
fn a_transfer_is_no_reply() {
    let transfer = message(
        "From: pref-pan@ain.example\nTo: contact@caf.example\nSubject: TR : demande\nIn-Reply-To: <a0@example.org>",
    );
    check(&transfer.within(FolderRole::Sent).threaded(false, false, false), "internal forwarded_by_us -> none");
}

#[test]
fn an_internal_discussion_is_no_reply() {
    let asking = || message("From: pref-pan@ain.example\nTo: paul@ain.example\nIn-Reply-To: <a0@example.org>");
    check(&asking().within(FolderRole::Sent).threaded(false, false, false), "internal internal_discussion -> none");
    let colleague = message("From: paul@ain.example\nTo: pref-pan@ain.example\nIn-Reply-To: <a0@example.org>");
    check(&colleague.threaded(false, false, false), "internal internal_discussion -> none");
}

#[test]
fn a_direct_answer_to_the_requester_s_other_address_is_a_reply_with_its_own_reason() {
    let other = message("From: pref-pan@ain.example\nTo: alice@travail.example\nIn-Reply-To: <a0@example.org>");
    check(&other.within(FolderRole::Sent).threaded(false, false, false), "reply reply_to_other_address -> none");
}

#[test]
fn our_own_vacation_answer_never_stops_a_clock() {
    let declared = message("From: pref-pan@ain.example\nTo: alice@example.org\nAuto-Submitted: auto-replied");
    check(&declared.within(FolderRole::Sent).threaded(false, true, false), "automated auto_submitted -> none");
    let bare = message("From: pref-pan@ain.example\nTo: alice@example.org\nSubject: Réponse automatique : x");
    check(&bare.within(FolderRole::Sent).threaded(false, true, false), "automated automatic_subject_of_ours -> none");
}

#[test]
fn a_colleague_who_wrote_the_request_is_its_requester() {
    let colleague = || message("From: jeanne.agent@ain.example\nTo: pref-pan@ain.example");
    check(&colleague().threaded(true, false, false), "follow_up requester_adds -> none");
    check(&colleague().threaded(true, false, true), "request_again requester_writes_again -> withhold our_address");
    check(&colleague(), "internal sent_by_us -> none");
    let opens = colleague().under(|policy| policy.internal_opens_request = true);
    check(&opens, "request internal_request -> withhold our_address");
}

#[test]
fn an_internal_request_is_acknowledged_only_where_the_policy_says_so() {
    let colleague =
        || message("From: paul@ain.example\nTo: pref-pan@ain.example").under(|p| p.internal_opens_request = true);
    check(&colleague(), "request internal_request -> withhold internal_sender");
    let acknowledged = colleague().under(|policy| policy.acknowledge_internal = true);
    check(&acknowledged, "request internal_request -> send acknowledged paul@ain.example");
}

#[test]
fn a_citizen_s_mail_moved_into_sent_stays_a_request() {
    let moved = message(
        "Received: from x by y; Thu, 7 May 2026 16:50:00 +0200\nFrom: alice@example.org\nTo: pref-pan@ain.example",
    );
    check(&moved.within(FolderRole::Sent), "request new_request -> withhold sent_folder");
}

#[test]
fn an_automatic_answer_to_our_mail_never_reopens() {
    for header in [
        "From: alice@example.org\nTo: pref-pan@ain.example\nSubject: Automatic reply: x",
        "From: alice@example.org\nTo: pref-pan@ain.example\nSubject: Abwesenheitsnotiz",
    ] {
        let expected = "automated automatic_subject_in_thread -> none";
        check(&message(header).threaded(true, false, true), expected);
        check(&message(header).threaded(true, false, false), expected);
    }
    let declared = message("From: alice@example.org\nAuto-Submitted: auto-replied");
    check(&declared.threaded(true, false, true), "automated auto_submitted -> none");
}

#[test]
fn a_bounce_is_bound_to_the_request_whose_mail_bounced() {
    let report = "From: MAILER-DAEMON@mx.example\nReturn-Path: <>\nSubject: failure notice";
    let bounced = message(report).linked(|links| links.bounced = Some(RequestId(7)));
    check(&bounced, "bounce delivery_failure -> none");
}

#[test]
fn the_junk_folder_makes_spam_but_not_of_a_requester_s_answer() {
    check(&from_alice().within(FolderRole::Junk), "spam junk_folder -> none");
    let answer = || from_alice().within(FolderRole::Junk);
    check(&answer().threaded(true, false, false), "follow_up requester_adds -> none");
    check(&answer().threaded(true, false, true), "request_again requester_writes_again -> withhold junk_folder");
}

#[test]
fn a_list_does_not_take_a_requester_s_answer_away() {
    let post = message("From: alice@example.org\nTo: pref-pan@ain.example\nList-Id: <l.example>");
    check(&post.threaded(true, false, true), "request_again requester_writes_again -> withhold list_header");
}

#[test]
fn sending_over_the_limit_is_abusive_but_a_form_is_no_sender() {
    check(&from_alice().linked(|l| l.recent_from_sender = 59), SENT);
    check(&from_alice().linked(|l| l.recent_from_sender = 60), "abusive abusive_sending -> none");
    let form = message("From: formulaire@service.example\nReply-To: alice@example.org\nTo: pref-pan@ain.example");
    check(
        &form.linked(|l| l.recent_from_sender = 500),
        "request new_request -> send acknowledged formulaire@service.example",
    );
}

#[test]
fn a_disowned_sender_is_neither_us_nor_a_reply() {
    let spoof = message(
        "From: pref-pan@ain.example\nTo: alice@example.org\nAuthentication-Results: mx.ain.example; dmarc=fail",
    );
    check(&spoof.threaded(false, true, false), "request other_sender_in_thread -> withhold own_address");
}

#[test]
fn nothing_is_sent_for_what_came_before_the_watch() {
    let watch = |moment: &mut Moment<'_>, since: &str, acknowledging: Option<&str>| {
        moment.watch = Some(Watch { watched_since: instant(since), acknowledging_since: acknowledging.map(instant) });
    };
    check_moment(&from_alice(), |m| m.watch = None, "request new_request -> withhold before_watch");
    check_moment(&from_alice(), |m| m.watch = Some(Watch::always()), SENT);
    let before_watch = "request new_request -> withhold before_watch";
    check_moment(&from_alice(), |m| watch(m, "2026-05-07T14:50:01Z", None), before_watch);
    let before_switch = "request new_request -> withhold before_switched_on";
    check_moment(&from_alice(), |m| watch(m, "2026-01-01T00:00:00Z", Some("2026-05-07T14:50:01Z")), before_switch);
    check_moment(&from_alice(), |m| watch(m, "2026-01-01T00:00:00Z", None), before_switch);
    check_moment(&from_alice(), |m| watch(m, "2026-01-01T00:00:00Z", Some("2026-05-07T14:50:00Z")), SENT);
}

#[test]
fn nothing_is_sent_for_what_is_too_old_or_from_the_future() {
    let at = |offset: TimeDelta| {
        let mut case = from_alice();
        case.received = instant("2026-05-07T15:00:00Z") + offset;
        case
    };
    check(&at(TimeDelta::minutes(14)), SENT);
    check(&at(TimeDelta::minutes(16)), "request new_request -> withhold received_in_future");
    check(&at(-TimeDelta::days(3)), SENT);
    check(&at(-TimeDelta::days(3) - TimeDelta::seconds(1)), "request new_request -> withhold too_old");
}

#[test]
fn the_policy_chooses_between_from_and_return_path() {
    let differing = || message("Return-Path: <alice@fai.example>\nFrom: alice@example.org\nTo: pref-pan@ain.example");
    check(&differing(), "request new_request -> send acknowledged_to_from alice@example.org");
    let path = |case: Case| case.under(|policy| policy.recipient_rule = RecipientRule::ReturnPath);
    check(&path(differing()), "request new_request -> send acknowledged_to_return_path alice@fai.example");
    check(&path(from_alice()), SENT);
    let garbage = || message("Return-Path: <rien>\nFrom: alice@example.org\nTo: pref-pan@ain.example");
    check(&garbage(), SENT);
    check(&path(garbage()), "request new_request -> withhold no_usable_address");
}

#[test]
fn each_limit_withholds_with_its_own_reason() {
    type Change = fn(&mut Moment<'_>);
    let rules: [(Change, &str); 6] = [
        (|m| m.sent.to_address_today = 10, "limit_per_address"),
        (|m| m.sent.to_domain_this_hour = 200, "limit_per_domain"),
        (|m| m.sent.in_thread_today = 2, "limit_per_thread"),
        (|m| m.sent.by_mailbox_this_hour = 300, "limit_per_mailbox"),
        (|m| m.undeliverable = true, "undeliverable_address"),
        (|m| m.already_acknowledged = true, "already_acknowledged"),
    ];
    for (change, reason) in rules {
        check_moment(&from_alice(), change, &format!("request new_request -> withhold {reason}"));
    }
    check_moment(&from_alice(), |m| m.sent.to_address_today = 9, SENT);
}

#[test]
fn observing_withholds_last_so_that_it_means_would_have_been_sent() {
    let observe = |case: Case| case.under(|policy| policy.mode = Mode::Observe);
    check(&observe(from_alice()), "request new_request -> withhold observe_mode");
    check_moment(
        &observe(from_alice()),
        |m| m.sent.by_mailbox_this_hour = 300,
        "request new_request -> withhold limit_per_mailbox",
    );
    check(
        &observe(message("From: noreply@example.org\nTo: pref-pan@ain.example")),
        "request no_reply_sender -> withhold no_reply_sender",
    );
}

#[test]
fn an_unaddressed_mail_is_acknowledged_only_where_the_policy_says_so() {
    let blind = || message("Delivered-To: pref-pan@ain.example\nFrom: alice@example.org\nTo: x@autre.example");
    check(&blind(), "request new_request -> withhold blind_copy");
    check(&blind().under(|policy| policy.acknowledge_unaddressed = true), SENT);
    check(&message("From: alice@example.org\nTo: x@autre.example"), "request new_request -> withhold not_addressed");
    check(&message("From: alice@example.org\nBcc: pref-pan@ain.example"), SENT);
}

#[test]
fn each_mark_of_a_machine_has_its_own_reason() {
    for (header, expected) in [
        ("Auto-Submitted: auto-generated", "automated auto_submitted -> none"),
        ("X-Autoreply: yes", "automated responder_header -> none"),
        ("Precedence: auto_reply", "automated precedence_auto_reply -> none"),
        ("Precedence: junk", "automated precedence_junk -> none"),
        ("Precedence: bulk\nIn-Reply-To: <a@b>", "automated precedence_bulk -> none"),
        ("Precedence: bulk", "bulk precedence_bulk -> none"),
        ("Precedence: list", "bulk precedence_list -> none"),
        ("List-Unsubscribe: <https://x.example>", "bulk list_header -> none"),
        ("X-Campaign: mai", "bulk campaign_header -> none"),
        ("Return-Path: <>", "automated null_envelope_sender -> none"),
        ("X-Spam-Flag: YES", "spam spam_header -> none"),
        ("X-Auto-Response-Suppress: All", "request new_request -> withhold auto_response_suppress"),
        ("X-Auto-Response-Suppress: DR, NDR", SENT),
        ("X-Loop: x", "request new_request -> withhold weak_machine_header"),
        ("Feedback-ID: x", "request new_request -> withhold bulk_header"),
        ("Subject: Out of Office: x", "request automatic_subject -> withhold automatic_subject"),
        ("Subject: [SPAM] x", "request new_request -> withhold spam_subject"),
        ("Auto-Submitted: no\nPrecedence: normal", SENT),
    ] {
        let mut case = from_alice();
        case.header = format!("{header}\n{}", case.header);
        check(&case, expected);
    }
}

#[test]
fn two_requests_of_the_same_sender_on_the_same_day_are_both_acknowledged() {
    check_moment(&from_alice(), |m| m.sent.to_address_today = 1, SENT);
}

#[test]
fn a_return_path_of_ours_is_never_written_to() {
    let looped =
        message("Return-Path: <pref-etrangers@ain.example>\nFrom: alice@example.org\nTo: pref-pan@ain.example");
    let looped = looped.under(|policy| policy.recipient_rule = RecipientRule::ReturnPath);
    check(&looped, "request new_request -> withhold our_address");
}
