//! Fields by which machines and servers declare themselves → [`MachineMarks`] and [`TrustMarks`].

use crate::domain::message::{MachineMarks, SpamMark, TrustMarks, Writer};

use super::values::{keyword, tokens, without_comments};

/// The most marks of one sort that are kept.
const MAX_MARKS: usize = 32;
/// The longest server name that is kept.
const MAX_SERVER_CHARS: usize = 255;

/// Fields of mailing lists beside `List-*` (RFC 2369, RFC 2919): what Mailman, Sympa, Majordomo, ezmlm, Ecartis, Lyris,
/// FML and groups add.
const LIST_FIELDS: &[&str] = &[
    "mailing-list",
    "x-mailinglist",
    "x-list",
    "x-listname",
    "x-listserver",
    "x-listprocessor-version",
    "x-listar-version",
    "x-ecartis-version",
    "x-lyris-message-id",
    "x-beenthere",
    "x-mlserver",
    "x-egroups-return",
    "x-topica-id",
    "x-google-group-id",
    "x-listmember",
    "archived-at",
];

/// Beginnings of the names of such fields.
const LIST_HEADS: &[&str] = &["list-", "x-list-", "x-mailing-list", "x-mailman-", "x-ml-", "x-sympa-"];

/// Beginnings of the names of fields that only automatic answers carry, whatever their value and however they are
/// spelt: X-Autoreply, X-Auto-Reply-From, X-Autoresponder, X-Auto-Response… (X-Auto-Response-Suppress is another thing).
const RESPONDER_HEADS: &[&str] = &["x-autorepl", "x-auto-repl", "x-autorespon", "x-auto-respon", "x-spamarrest"];
/// Other such fields.
const RESPONDER_FIELDS: &[&str] = &[
    "x-mail-autoreply",
    "x-mail-autoresponder",
    "x-amazon-auto-reply",
    "x-fc-machinegenerated",
    "auto-generated",
    "x-auto-generated",
    "x-auto-submitted",
    "x-vacation",
    "x-out-of-office",
    "x-challenge",
    "x-challenge-response",
    "x-tmda-confirm",
    "x-boxbe-challenge",
    "x-bluebottle-request",
];

/// Fields of senders in bulk. Those of campaigns are told apart by `domain`.
const BULK_FIELDS: &[&str] = &[
    "x-feedback-id",
    "x-mc-user",
    "x-mandrill-user",
    "x-mailer-lid",
    "x-mailer-recptid",
    "x-mj-mid",
    "x-mailin-eid",
    "x-sib-id",
    "x-msfbl",
    "x-sg-eid",
    "x-mailgun-sid",
    "x-ses-outgoing",
    "x-sfmc-stack",
    "x-hubspot-message-id",
    "x-csa-complaints",
    "x-unsubscribe",
    "x-unsubscribe-web",
    "cfbl-address",
];

/// Beginnings of the names of such fields: Eloqua, Marketo, Klaviyo, `EmailVision`, Sarbacane, Constant Contact, Emarsys.
const BULK_HEADS: &[&str] =
    &["x-elq", "x-mkt", "x-marketo", "x-klaviyo-", "x-emv-", "x-sarbacane", "x-roving-", "x-emarsys", "x-mailchimp"];

/// Words by which the program that sent names itself a responder or a sender in bulk. A human's form may be sent by the
/// same tools: they withhold, and decide nothing.
const AUTOMATIC_PROGRAMS: &[&str] = &[
    "vacation",
    "mailchimp",
    "phplist",
    "acymailing",
    "sarbacane",
    "mailpoet",
    "sendinblue",
    "cakemail",
    "mass mailer",
    "newsletter",
];

/// Parts of the address to which a list wants its errors, as lists of the nineties say it.
const LIST_ERRORS: &[&str] = &["owner-", "-owner", "bounce", "-request", "-errors", "-admin@", "listserv", "majordomo"];

/// Words in the names of fields that campaigns carry.
const CAMPAIGN_WORDS: &[&str] = &["campaign", "campagne", "newsletter"];

/// The last part of a Feedback-ID that personal mail services write on every mail of their users.
const PERSONAL_SERVICES: &[&str] = &["fastmail", "proton", "zohomail"];

/// Fields of applications that notify.
const APPLICATION_FIELDS: &[&str] = &[
    "x-cron-env",
    "x-ms-exchange-generated-message-source",
    "x-servicenow-generated",
    "x-amazon-mail-relay-type",
    "x-nagios-notification",
    "x-facebook-notify",
    "x-facebook",
    "x-twitteremailid",
];
/// Beginnings of the names of such fields.
const APPLICATION_HEADS: &[&str] = &[
    "x-github-",
    "x-gitlab-",
    "x-jira-",
    "x-redmine-",
    "x-bugzilla-",
    "x-trac-",
    "x-phabricator-",
    "x-discourse-",
    "x-linkedin-",
    "x-jenkins-",
];

/// Fields that machines write, and that also ride on what a human wrote: rules that redirect, tools that answer.
const WEAK_FIELDS: &[&str] = &[
    "x-loop",
    "x-otrs-loop",
    "x-rt-loop-prevention",
    "x-kayako-loop",
    "x-glpi-loop",
    "x-zammad-loop",
    "x-zendesk-from-account-id",
];

/// Reads a field into the marks. `name` is in lower case; `line` is the value on one line.
pub(super) fn read_machine(name: &str, line: &str, marks: &mut MachineMarks) {
    match name {
        "auto-submitted" => auto_submitted(line, marks),
        // Some responders misspell the name, some add an `X-`.
        "precedence" | "x-precedence" | "preference" => {
            push(&mut marks.precedence, &keyword(line).unwrap_or_default());
        }
        "x-auto-response-suppress" => {
            for token in tokens(line) {
                push(&mut marks.auto_response_suppress, &token);
            }
        }
        "x-post-messageclass" if contains(line, "autorespond") => push(&mut marks.responder_headers, name),
        "x-autogenerated" => push(autogenerated(line, marks), name),
        "x-freescout-mail-type" if contains(line, "auto") => push(&mut marks.responder_headers, name),
        "x-mailer" | "user-agent" if AUTOMATIC_PROGRAMS.iter().any(|word| contains(line, word)) => {
            push(&mut marks.weak_headers, name);
        }
        "errors-to" if LIST_ERRORS.iter().any(|part| contains(line, part)) => push(&mut marks.weak_headers, name),
        "delivered-to" if contains(line, "autoresponder") => push(&mut marks.responder_headers, name),
        "x-apple-action" if contains(line, "vacation") => push(&mut marks.responder_headers, name),
        "content-class" => marks.calendar_class |= contains(line, "calendarmessage"),
        "feedback-id" if is_personal(line) => {}
        "feedback-id" => push(&mut marks.bulk_headers, name),
        // Yahoo writes it on what its users send, too.
        "x-yahoo-newman-property" if contains(line, "groups") => list(name, line, marks),
        _ if is_list(name) => list(name, line, marks),
        _ if is_responder(name) && says_no(line) => {}
        _ if is_responder(name) => push(&mut marks.responder_headers, name),
        _ if is_bulk(name) || is_campaign(name) => push(&mut marks.bulk_headers, name),
        _ if is_application(name) => push(&mut marks.application_headers, name),
        _ if WEAK_FIELDS.contains(&name) => push(&mut marks.weak_headers, name),
        _ => {}
    }
}

fn is_list(name: &str) -> bool {
    LIST_FIELDS.contains(&name) || LIST_HEADS.iter().any(|head| name.starts_with(head))
}

fn is_responder(name: &str) -> bool {
    RESPONDER_FIELDS.contains(&name) || RESPONDER_HEADS.iter().any(|head| name.starts_with(head))
}

fn is_bulk(name: &str) -> bool {
    BULK_FIELDS.contains(&name) || BULK_HEADS.iter().any(|head| name.starts_with(head))
}

fn is_campaign(name: &str) -> bool {
    name.starts_with("x-") && CAMPAIGN_WORDS.iter().any(|word| name.contains(word))
}

fn is_application(name: &str) -> bool {
    APPLICATION_FIELDS.contains(&name) || APPLICATION_HEADS.iter().any(|head| name.starts_with(head))
}

/// Whether a Feedback-ID is that of a mail service for persons, who write each of their mails themselves.
fn is_personal(line: &str) -> bool {
    let service = line.trim().rsplit(':').next().unwrap_or_default();
    PERSONAL_SERVICES.iter().any(|name| service.eq_ignore_ascii_case(name))
}

/// Reads a field into the servers' verdicts. `above` is the server of the nearest Received field above, empty where that
/// one names none, `None` where there is none. Returns whether the field is a verdict on spam.
pub(super) fn read_trust(
    name: &str,
    line: &str,
    seen_spam_verdict: bool,
    above: Option<&str>,
    trust: &mut TrustMarks,
) -> bool {
    if name == "authentication-results" {
        if let Some(result) = dmarc(line).filter(|_| trust.dmarc.len() < MAX_MARKS) {
            trust.dmarc.push(result);
        }
        return false;
    }
    match spam_verdict(name, line) {
        // Servers write on top: a verdict further down was given before, elsewhere.
        Some(true) if !seen_spam_verdict || !trust.spam.is_empty() => {
            if trust.spam.len() < MAX_MARKS && !trust.spam.iter().any(|mark| mark.name == name) {
                let by = above.map_or(Writer::Last, |server| Writer::Server(server.to_owned()));
                trust.spam.push(SpamMark { name: name.to_owned(), by });
            }
            true
        }
        Some(_) => true,
        None => false,
    }
}

fn auto_submitted(line: &str, marks: &mut MachineMarks) {
    // RFC 3834 §5 allows one field and one keyword; of several, any that is not `no` counts.
    if marks.auto_submitted.as_deref().is_none_or(|earlier| earlier == "no")
        && let Some(first) = keyword(line)
    {
        let shown = without_comments(line);
        let listed = shown.split(';').next().unwrap_or_default().split(',');
        let other = listed.filter_map(keyword).find(|word| word != "no").filter(|_| first == "no");
        marks.auto_submitted = Some(other.unwrap_or(first));
    }
}

/// `CommuniGate` Pro says what its rule did: a reply is a machine's, a redirected mail is its author's.
fn autogenerated<'m>(line: &str, marks: &'m mut MachineMarks) -> &'m mut Vec<String> {
    let redirected = ["forward", "redirect", "mirror"].into_iter().any(|word| contains(line, word));
    if redirected { &mut marks.weak_headers } else { &mut marks.responder_headers }
}

fn list(name: &str, line: &str, marks: &mut MachineMarks) {
    push(&mut marks.list_headers, name);
    if name == "list-id" && marks.list_id.is_none() {
        let id = line.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(line, |(id, _)| id);
        marks.list_id =
            Some(id.trim().to_ascii_lowercase()).filter(|id| !id.is_empty() && id.len() <= MAX_SERVER_CHARS);
    }
}

/// What a header says about spam; `None` where it is no verdict.
fn spam_verdict(name: &str, line: &str) -> Option<bool> {
    match name {
        "x-spam-flag" | "x-spam" | "x-spam-status" | "x-spamflag" | "x-gmx-antispam-flag" => {
            let word = keyword(line)?;
            Some(matches!(word.as_str(), "yes" | "true" | "spam" | "1"))
        }
        "x-bogosity" | "x-dspam-result" | "x-vr-spamstate" | "x-ovh-spam-status" => {
            Some(keyword(line)?.starts_with("spam"))
        }
        "x-rspamd-action" => Some(matches!(keyword(line)?.as_str(), "reject" | "add" | "rewrite")),
        // Exchange: a spam confidence level of 5 and more goes to the junk folder.
        "x-ms-exchange-organization-scl" => Some(line.trim().parse::<i8>().ok()? >= 5),
        "x-forefront-antispam-report" => {
            Some(["SFV:SPM", "SFV:SKB"].into_iter().any(|mark| line.split(';').any(|part| part.trim() == mark)))
        }
        _ => None,
    }
}

/// The server's name and its dmarc= result (RFC 8601 §2.2); Exchange Online leaves the name out.
fn dmarc(line: &str) -> Option<(String, String)> {
    let text = without_comments(line);
    let mut parts = text.split(';').map(str::trim);
    let first = parts.next()?;
    let server = first.split_whitespace().next().filter(|word| !word.contains('=')).unwrap_or_default();
    let server = server.trim_matches('"');
    let results = std::iter::once(first).chain(parts).filter_map(|part| {
        let (method, rest) = part.split_once('=')?;
        let method = method.split('/').next().unwrap_or(method);
        method.trim().eq_ignore_ascii_case("dmarc").then(|| keyword(rest)).flatten()
    });
    // Of several results, a failure counts.
    let result = results.reduce(|kept, next| if next == "fail" { next } else { kept })?;
    (server.len() <= MAX_SERVER_CHARS).then(|| (server.to_ascii_lowercase(), result))
}

fn says_no(line: &str) -> bool {
    keyword(line).is_some_and(|word| matches!(word.as_str(), "no" | "false" | "0" | "none"))
}

fn contains(line: &str, word: &str) -> bool {
    line.to_ascii_lowercase().contains(word)
}

/// Keeps a mark once, within bounds.
fn push(marks: &mut Vec<String>, mark: &str) {
    if !mark.is_empty() && marks.len() < MAX_MARKS && !marks.iter().any(|kept| kept == mark) {
        marks.push(mark.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(name: &str, value: &str) -> MachineMarks {
        let mut marks = MachineMarks::default();
        read_machine(name, value, &mut marks);
        marks
    }

    #[test]
    fn knows_the_fields_of_responders() {
        for (name, value, expected) in [
            ("x-autoreply", "yes", true),
            ("x-autoresponder", "anything <a@b>", true),
            ("x-autoreply", "no", false),
            ("x-autoresponse-version", "3", true),
            ("x-auto-reply-from", "a@b.example", true),
            ("x-auto-replied", "yes", true),
            ("x-spamarrest-probe", "1", true),
            ("x-freescout-mail-type", "auto.reply", true),
            ("x-freescout-mail-type", "user.message", false),
            ("x-auto-response-suppress", "All", false),
            ("x-post-messageclass", "9; Autoresponder", true),
            ("x-post-messageclass", "1; Note", false),
            ("x-autogenerated", "Reply", true),
            ("x-autogenerated", "Redirect", false),
            ("delivered-to", "Autoresponder", true),
            ("delivered-to", "pref-pan@ain.example", false),
            ("x-mailer", "Autoreply", false),
        ] {
            assert_eq!(!marks(name, value).responder_headers.is_empty(), expected, "{name}: {value}");
        }
    }

    #[test]
    fn knows_what_withholds_without_deciding() {
        for (name, value, expected) in [
            ("user-agent", "Vacation/1.4.6.1", true),
            ("x-mailer", "MailChimp Mailer - **CID0123**", true),
            ("x-mailer", "Microsoft Outlook 16.0", false),
            ("errors-to", "owner-maires@listes.example", true),
            ("errors-to", "maires-bounces@listes.example", true),
            ("errors-to", "jeanne@example.org", false),
        ] {
            assert_eq!(!marks(name, value).weak_headers.is_empty(), expected, "{name}: {value}");
        }
        for name in ["x-elqpod", "x-mktmailtracking", "x-emv-memberid", "x-klaviyo-message-id"] {
            assert_eq!(marks(name, "7").bulk_headers, [name]);
        }
    }

    #[test]
    fn knows_the_fields_of_lists() {
        for (name, value, expected) in [
            ("list-archive", "<https://a.example>", true),
            ("x-mailing-list", "a@b.example", true),
            ("x-ml-name", "a", true),
            ("x-sympa-from", "a@b.example", true),
            ("x-listmember", "a@b.example", true),
            ("x-yahoo-newman-property", "groups-email-ff-m", true),
            ("x-yahoo-newman-property", "ymail-3", false),
            ("x-lists", "a", false),
            ("listener", "smtp3", false),
        ] {
            assert_eq!(!marks(name, value).list_headers.is_empty(), expected, "{name}: {value}");
        }
    }

    #[test]
    fn a_personal_mail_service_is_no_sender_in_bulk() {
        for (name, value, expected) in [
            ("feedback-id", "12345:transac:acme", true),
            ("feedback-id", "1.eu-west-1.x:1.eu-west-1.y:AmazonSES", true),
            ("feedback-id", "i1234567:Fastmail", false),
            ("feedback-id", "1234567:user:proton", false),
            ("x-report-abuse-to", "abuse@relay.example", false),
            ("x-campaignid", "a", true),
            ("x-rpcampaign", "a", true),
            ("x-sg-eid", "a", true),
        ] {
            assert_eq!(!marks(name, value).bulk_headers.is_empty(), expected, "{name}: {value}");
        }
    }

    #[test]
    fn knows_the_fields_of_applications() {
        for (name, expected) in [
            ("x-cron-env", true),
            ("x-gitlab-project-id", true),
            ("x-ms-exchange-generated-message-source", true),
            ("disposition-notification-to", false),
            ("x-mailer", false),
        ] {
            assert_eq!(!marks(name, "x").application_headers.is_empty(), expected, "{name}");
        }
    }

    #[test]
    fn any_auto_submitted_field_that_is_not_no_counts() {
        let mut marks = marks("auto-submitted", "no");
        read_machine("auto-submitted", "auto-replied", &mut marks);
        read_machine("auto-submitted", "no", &mut marks);
        assert_eq!(marks.auto_submitted.as_deref(), Some("auto-replied"));
    }

    #[test]
    fn any_keyword_of_auto_submitted_that_is_not_no_counts() {
        for (value, expected) in [
            ("no,auto-replied", "auto-replied"),
            ("no (really), no , auto-generated; x=y", "auto-generated"),
            ("auto-replied, no", "auto-replied"),
            ("no, no", "no"),
            ("no; owner-email=\"a,b@c.example\"", "no"),
        ] {
            assert_eq!(marks("auto-submitted", value).auto_submitted.as_deref(), Some(expected), "{value}");
        }
    }

    #[test]
    fn names_the_list() {
        assert_eq!(marks("list-id", "Le PAN <Pref-PAN.ain.example>").list_id.as_deref(), Some("pref-pan.ain.example"));
        assert_eq!(marks("list-id", "liste.example").list_id.as_deref(), Some("liste.example"));
        assert_eq!(marks("x-beenthere", "liste@example.org").list_headers, ["x-beenthere"]);
    }

    #[test]
    fn the_topmost_verdict_on_spam_decides() {
        for (fields, expected) in [
            (&[("x-spam-flag", "YES"), ("x-spam-status", "Yes, score=9")][..], 2),
            (&[("x-spam-flag", "NO"), ("x-spam-flag", "YES")], 0),
            (&[("x-spam-status", "No, score=-2"), ("x-spam-flag", "YES")], 0),
            (&[("x-ms-exchange-organization-scl", "6")], 1),
            (&[("x-ms-exchange-organization-scl", "-1")], 0),
            (&[("x-forefront-antispam-report", "CIP:1.2.3.4; SFV:SPM; X")], 1),
            (&[("x-bogosity", "Ham, tests=bogofilter")], 0),
        ] {
            let (mut trust, mut seen) = (TrustMarks::default(), false);
            for (name, value) in fields {
                seen |= read_trust(name, value, seen, None, &mut trust);
            }
            assert_eq!(trust.spam.len(), expected, "{fields:?}");
        }
    }

    #[test]
    fn reads_the_dmarc_result_with_its_server() {
        for (value, expected) in [
            ("mx.ain.example; spf=pass; dmarc=fail (p=none dis=none) header.from=x", Some(("mx.ain.example", "fail"))),
            ("MX.ain.example 1; dmarc=Pass", Some(("mx.ain.example", "pass"))),
            ("spf=fail (x; dmarc=fail); dkim=none; dmarc=pass action=none", Some(("", "pass"))),
            ("mx.ain.example; spf=pass (dmarc=fail)", None),
            ("mx.ain.example; none", None),
            ("\"mx.ain.example\" 1; dmarc=fail", Some(("mx.ain.example", "fail"))),
            ("mx.ain.example; dmarc/1=fail", Some(("mx.ain.example", "fail"))),
            ("mx.ain.example; dmarc / 1 = fail", Some(("mx.ain.example", "fail"))),
            ("mx.ain.example; dmarc=pass; dmarc=fail; dmarc=none", Some(("mx.ain.example", "fail"))),
            ("mx.ain.example; dmarc=pass; dmarc=none", Some(("mx.ain.example", "pass"))),
            ("", None),
        ] {
            let found = dmarc(value);
            assert_eq!(found.as_ref().map(|(s, r)| (s.as_str(), r.as_str())), expected, "{value}");
        }
    }
}
