//! Believable traffic of two mailboxes of a préfecture, with its ground truth, from a seed.
//!
//! The truth is what a person who knows the story would say, written beside each shape and never computed from the
//! message. Every person and place is invented, under `example.org`. Start reading at [`generate`].

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, FixedOffset, TimeDelta};

use super::dovecot::Dovecot;

/// The mailbox of the digital reception desk.
pub const PAN: &str = "pref-pan@prefecture.example.org";
/// The mailbox of the foreigners' bureau.
pub const ETRANGERS: &str = "pref-etrangers@prefecture.example.org";
/// The administration's own domain.
pub const INTERNAL_DOMAIN: &str = "prefecture.example.org";

/// Where a message lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It arrives in the inbox, by LMTP or SMTP.
    Inbox,
    /// It is put into the inbox by IMAP, as a migration does.
    AppendedToInbox,
    /// It is put into the Sent folder by an agent's mail client.
    Sent,
}

/// What a message is, for somebody who knows the story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truth {
    /// The verdict's stable name: `request`, `follow_up`, `reply`…
    pub verdict: &'static str,
    /// The place, in the traffic, of the message that opened the request that this one belongs to: its own for a
    /// request, the first request's for `request_again`.
    pub belongs_to: Option<usize>,
    /// Whether it is acknowledged, by a mailbox in mode acknowledge.
    pub acknowledged: bool,
}

/// One message of the traffic.
#[derive(Debug, Clone)]
pub struct Mailing {
    /// What kind of message it is, for failures: `ask_html_only`.
    pub shape: &'static str,
    /// The message.
    pub bytes: Vec<u8>,
    /// The mailbox: [`PAN`] or [`ETRANGERS`].
    pub mailbox: &'static str,
    /// Where it lies.
    pub place: Place,
    /// The envelope's sender, empty for none.
    pub sender: String,
    /// How long after the beginning.
    pub delay: TimeDelta,
    /// What it is.
    pub truth: Truth,
}

impl Mailing {
    /// Puts the message where it lies, into the mailbox's `sent` folder if it was sent.
    pub fn deliver(&self, dovecot: &Dovecot, sent: &str) {
        match self.place {
            Place::Inbox => dovecot.deliver_from(&self.sender, self.mailbox, &self.bytes),
            Place::AppendedToInbox => drop(dovecot.append(self.mailbox, "INBOX", &self.bytes, None, "")),
            Place::Sent => drop(dovecot.append(self.mailbox, sent, &self.bytes, None, "\\Seen")),
        }
    }
}

/// All of it, in the order of time.
#[derive(Debug)]
pub struct Traffic {
    /// What it grew from: the same seed, the same traffic.
    pub seed: u64,
    /// The messages.
    pub mailings: Vec<Mailing>,
}

/// At least `count` messages from `start` on, each shape once and more; prints the seed, for the report of a failure.
pub fn generate(seed: u64, start: DateTime<FixedOffset>, count: usize) -> Traffic {
    println!("traffic of seed {seed}");
    let mut story =
        Story { random: Random(seed), start, clock: TimeDelta::zero(), people: 0, cases: Vec::new(), told: Vec::new() };
    let mut plan: Vec<&Shape> = SHAPES.iter().collect();
    while plan.len() < count {
        // Four of five messages of a mailbox are what it is for: questions, and their answers.
        let kinds: &[Kind] = if story.random.one_in(5) {
            &[Kind::Machine, Kind::Unanswerable]
        } else {
            &[Kind::Ask, Kind::Ask, Kind::Reply, Kind::FollowUp]
        };
        let kind = *story.random.pick(kinds);
        let shapes: Vec<&Shape> = SHAPES.iter().filter(|shape| shape.kind == kind).collect();
        plan.push(*story.random.pick(&shapes));
    }
    story.random.shuffle(&mut plan);
    for shape in plan {
        story.tell(shape);
    }
    Traffic { seed, mailings: story.told }
}

/// Which circumstances a shape needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A question, acknowledged.
    Ask,
    /// A question that must not be acknowledged automatically.
    Unanswerable,
    /// The requester adds to an unanswered request.
    FollowUp,
    /// Somebody else writes in the thread of an unanswered request: a request of its own.
    Joins,
    /// The agents answer.
    Reply,
    /// The requester writes after the answer.
    Again,
    /// Our side writes without answering.
    Ours,
    /// A machine, a list or a spammer.
    Machine,
    /// A machine in the thread of a request.
    MachineInThread,
    /// The same message once more.
    Duplicate,
}

struct Shape {
    name: &'static str,
    kind: Kind,
    verdict: &'static str,
    change: fn(&mut Draft),
}

/// A message in the making: an ordinary question until its shape changes it.
struct Draft {
    /// From, as written.
    from: String,
    /// The author's bare address.
    author: String,
    sender: String,
    mailbox: &'static str,
    to: String,
    subject: String,
    id: Option<String>,
    date: Option<String>,
    /// Other fields, each ended by CRLF.
    fields: String,
    /// The fields that say how the body is written.
    mime: &'static str,
    body: Vec<u8>,
    place: Place,
    /// Whole, where the fields above do not say it.
    whole: Option<Vec<u8>>,
    /// Of the thread: the request's, or the answer's, Message-ID.
    parent: String,
    /// Of the thread: the requester's address.
    requester: String,
}

/// A request of the story.
struct Case {
    at: usize,
    id: String,
    requester: String,
    mailbox: &'static str,
    reply: Option<String>,
    again: bool,
}

struct Story {
    random: Random,
    start: DateTime<FixedOffset>,
    clock: TimeDelta,
    people: usize,
    cases: Vec<Case>,
    told: Vec<Mailing>,
}

impl Story {
    fn tell(&mut self, shape: &Shape) {
        let needs = |case: &Case| match shape.kind {
            Kind::FollowUp | Kind::Joins | Kind::Reply | Kind::MachineInThread => case.reply.is_none(),
            Kind::Again => case.reply.is_some() && !case.again,
            Kind::Ask | Kind::Unanswerable | Kind::Ours | Kind::Machine | Kind::Duplicate => true,
        };
        match shape.kind {
            Kind::Ask | Kind::Unanswerable | Kind::Ours | Kind::Machine => return self.alone(shape),
            _ if self.cases.iter().any(needs) => {}
            // Nothing to continue yet: somebody asks, is answered if need be, and the story goes on.
            Kind::Again => {
                self.tell(by_name("ask_plain"));
                self.tell(by_name("reply_plain"));
            }
            _ => self.tell(by_name("ask_plain")),
        }
        let fit: Vec<usize> = (0..self.cases.len()).filter(|n| needs(&self.cases[*n])).collect();
        let chosen = *self.random.pick(&fit);
        if shape.kind == Kind::Duplicate { self.repeat(chosen, shape) } else { self.in_thread(chosen, shape) }
    }

    fn alone(&mut self, shape: &Shape) {
        let mut draft = self.draft();
        (shape.change)(&mut draft);
        let at = self.told.len();
        let opens = matches!(shape.verdict, "request" | "unreadable");
        if shape.kind == Kind::Ask && shape.name != "ask_without_message_id" {
            let (id, requester) = (draft.id.clone().unwrap_or_default(), draft.author.clone());
            self.cases.push(Case { at, id, requester, mailbox: draft.mailbox, reply: None, again: false });
        }
        self.push(shape, draft, opens.then_some(at), shape.kind == Kind::Ask);
    }

    fn in_thread(&mut self, chosen: usize, shape: &Shape) {
        let mut draft = self.draft();
        let at = self.told.len();
        let case = &mut self.cases[chosen];
        draft.mailbox = case.mailbox;
        case.mailbox.clone_into(&mut draft.to);
        draft.requester.clone_from(&case.requester);
        draft.parent = case.reply.clone().unwrap_or_else(|| case.id.clone());
        "Re: Ma demande".clone_into(&mut draft.subject);
        let mut belongs_to = Some(case.at);
        match shape.kind {
            Kind::FollowUp | Kind::Again | Kind::MachineInThread => {
                draft.from.clone_from(&case.requester);
                draft.author.clone_from(&case.requester);
                draft.sender.clone_from(&case.requester);
                case.again |= shape.kind == Kind::Again;
            }
            Kind::Reply => {
                draft.from = format!("Accueil <{}>", case.mailbox);
                draft.to.clone_from(&case.requester);
                draft.place = Place::Sent;
                case.reply.clone_from(&draft.id);
            }
            _ => belongs_to = Some(at),
        }
        if shape.kind == Kind::MachineInThread {
            belongs_to = None;
        }
        (shape.change)(&mut draft);
        self.push(shape, draft, belongs_to, matches!(shape.kind, Kind::Again | Kind::Joins));
    }

    fn repeat(&mut self, chosen: usize, shape: &Shape) {
        self.clock += TimeDelta::seconds(30);
        let first = self.cases[chosen].at;
        let truth = Truth { verdict: shape.verdict, belongs_to: Some(first), acknowledged: false };
        self.told.push(Mailing { shape: shape.name, delay: self.clock, truth, ..self.told[first].clone() });
    }

    fn push(&mut self, shape: &Shape, draft: Draft, belongs_to: Option<usize>, acknowledged: bool) {
        let truth = Truth { verdict: shape.verdict, belongs_to, acknowledged };
        let (mailbox, place, sender) = (draft.mailbox, draft.place, draft.sender.clone());
        self.told.push(Mailing {
            shape: shape.name,
            bytes: draft.write(),
            mailbox,
            place,
            sender,
            delay: self.clock,
            truth,
        });
    }

    /// An ordinary question of somebody who has not written before.
    fn draft(&mut self) -> Draft {
        self.clock += TimeDelta::seconds(20 + self.random.below(1_800));
        self.people += 1;
        let first = *self.random.pick(FIRST_NAMES);
        let last = *self.random.pick(LAST_NAMES);
        let domain = *self.random.pick(DOMAINS);
        let author = format!("{}.{}{}@{domain}.example.org", plain(first), plain(last), self.people);
        let (subject, question) = *self.random.pick(QUESTIONS);
        let mailbox = *self.random.pick(&[PAN, ETRANGERS]);
        let date = (self.start + self.clock).format("%a, %d %b %Y %H:%M:%S %z").to_string();
        Draft {
            from: format!("{} <{author}>", encoded(&format!("{first} {last}"))),
            sender: author.clone(),
            mailbox,
            to: mailbox.to_owned(),
            subject: encoded(subject),
            id: Some(format!("<{:016x}.{}@{domain}.example.org>", self.random.next(), self.people)),
            date: Some(date),
            fields: String::new(),
            mime: PLAIN,
            body: format!("Bonjour,\r\n\r\n{question}\r\n\r\nCordialement,\r\n{first} {last}\r\n").into_bytes(),
            place: Place::Inbox,
            whole: None,
            parent: String::new(),
            requester: String::new(),
            author,
        }
    }
}

impl Draft {
    fn field(&mut self, line: &str) {
        let _ = write!(self.fields, "{line}\r\n");
    }

    fn answers(&mut self) {
        let parent = self.parent.clone();
        self.field(&format!("In-Reply-To: {parent}"));
        self.field(&format!("References: {parent}"));
    }

    fn by(&mut self, address: &str) {
        address.clone_into(&mut self.from);
        address.clone_into(&mut self.author);
        address.clone_into(&mut self.sender);
    }

    fn is(&mut self, mime: &'static str, body: &str) {
        self.mime = mime;
        self.body = body.as_bytes().to_vec();
    }

    fn write(self) -> Vec<u8> {
        if let Some(whole) = self.whole {
            return whole;
        }
        let mut head = format!("From: {}\r\nTo: {}\r\n", self.from, self.to);
        for (name, value) in [("Subject", Some(self.subject)), ("Date", self.date), ("Message-ID", self.id)] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                let _ = write!(head, "{name}: {value}\r\n");
            }
        }
        [head.as_bytes(), self.fields.as_bytes(), b"MIME-Version: 1.0\r\n", self.mime.as_bytes(), b"\r\n", &self.body]
            .concat()
    }
}

fn by_name(name: &str) -> &'static Shape {
    SHAPES.iter().find(|shape| shape.name == name).expect("a shape of the table")
}

/// An encoded word where the text is not ASCII (RFC 2047).
fn encoded(text: &str) -> String {
    if text.is_ascii() { text.to_owned() } else { format!("=?UTF-8?B?{}?=", STANDARD.encode(text)) }
}

/// A name as an address writes it.
fn plain(name: &str) -> String {
    let letters = name.to_lowercase().replace(['é', 'è', 'ë', 'ê'], "e").replace(['ï', 'î'], "i").replace('ç', "c");
    letters.replace([' ', '\''], "-")
}

/// `SplitMix64`: small, and the same everywhere.
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 on, below the limit.
    pub fn below(&mut self, limit: u32) -> i64 {
        i64::try_from(self.next() % u64::from(limit)).expect("a small number")
    }

    /// Whether a chance of one in so many falls.
    pub fn one_in(&mut self, chances: u32) -> bool {
        self.below(chances) == 0
    }

    /// One of a list.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let place = usize::try_from(self.below(u32::try_from(from.len()).expect("a short list"))).expect("a place");
        &from[place]
    }

    fn shuffle<T>(&mut self, list: &mut [T]) {
        for place in (1..list.len()).rev() {
            let other = usize::try_from(self.next() % (place as u64 + 1)).expect("a place");
            list.swap(place, other);
        }
    }
}

const PLAIN: &str = "Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n";
const ALTERNATIVE: &str = "Content-Type: multipart/alternative; boundary=\"lim\"\r\n";
const MIXED: &str = "Content-Type: multipart/mixed; boundary=\"lim\"\r\n";
const REPORT: &str = "Content-Type: multipart/report; report-type=delivery-status; boundary=\"lim\"\r\n";
const RECEIPT: &str = "Content-Type: multipart/report; report-type=disposition-notification; boundary=\"lim\"\r\n";
const ABUSE: &str = "Content-Type: multipart/report; report-type=feedback-report; boundary=\"lim\"\r\n";

const FIRST_NAMES: &[&str] = &[
    "Aïcha", "Benoît", "Chloé", "David", "Fatou", "Gaëlle", "Hugo", "Inès", "Joël", "Kadiatou", "Léa", "Mehdi",
    "Noémie",
];
const LAST_NAMES: &[&str] =
    &["Martin", "Lefèvre", "Diallo", "Nguyen", "Besançon", "Petit", "El Idrissi", "Roux", "Faure"];
const DOMAINS: &[&str] = &["messagerie", "courriel", "libre", "boite", "fournisseur", "etudiants", "entreprise"];
const QUESTIONS: &[(&str, &str)] = &[
    (
        "Renouvellement de titre de séjour",
        "Mon titre expire le mois prochain et aucun rendez-vous n'est proposé. Que faire ?",
    ),
    ("Carte grise", "J'ai vendu mon véhicule et la cession n'apparaît pas. Pouvez-vous vérifier ?"),
    ("Permis de conduire", "Mon permis a été volé, comment en obtenir un duplicata ?"),
    ("Demande de rendez-vous", "Je souhaite un rendez-vous pour déposer mon dossier de naturalisation."),
    ("Association : changement de bureau", "Où déclarer le nouveau bureau de notre association ?"),
    ("Passeport pour un mineur", "Quelles pièces faut-il pour le passeport de ma fille de six ans ?"),
    ("Récépissé non reçu", "Ma demande date de mars et je n'ai toujours pas de récépissé."),
    ("Renouvellement automatique du récépissé ?", "Le renouvellement est-il automatique ?"),
    ("Échange de permis étranger", "Mon dossier est bloqué depuis deux mois sur le site."),
    ("Accès handicapé", "Le bâtiment est-il accessible en fauteuil ?"),
];

macro_rules! shapes {
    ($($kind:ident $verdict:literal { $($name:literal: $change:expr,)* })*) => {
        &[$($(Shape { name: $name, kind: Kind::$kind, verdict: $verdict, change: $change },)*)*]
    };
}

const SHAPES: &[Shape] = shapes! {
    Ask "request" {
        "ask_plain": |_| {},
        "ask_quoted_printable_latin1": |m| m.is(
            "Content-Type: text/plain; charset=ISO-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n",
            "Bonjour, je suis n=E9e =E0 Besan=E7on, quel dossier d=E9poser ?\r\n",
        ),
        "ask_base64": |m| m.is(
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n",
            "Qm9uam91ciwgb8O5IGVuIGVzdCBtYSBkZW1hbmRlID8NCg==\r\n",
        ),
        "ask_subject_q_encoded": |m| "=?iso-8859-1?Q?Carte_d'identit=E9_perdue?=".clone_into(&mut m.subject),
        "ask_subject_in_two_words": |m| m.subject = format!("{}\r\n {}", encoded("Demande d’échange"), encoded(" de permis à Nantua")),
        "ask_html_only": |m| m.is("Content-Type: text/html; charset=utf-8\r\n", "<p>Bonjour,<br>où est mon titre&nbsp;?</p>\r\n"),
        "ask_alternative": |m| m.is(ALTERNATIVE, "--lim\r\n\r\nOù est mon titre ?\r\n--lim\r\nContent-Type: text/html\r\n\r\n<p>Où est mon titre ?</p>\r\n--lim--\r\n"),
        "ask_with_pdf": |m| m.is(MIXED, "--lim\r\n\r\nVoici le justificatif.\r\n--lim\r\nContent-Type: application/pdf; name=\"justificatif.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n--lim--\r\n"),
        "ask_with_photo": |m| m.is("Content-Type: multipart/related; boundary=\"lim\"\r\n", "--lim\r\nContent-Type: text/html\r\n\r\n<img src=\"cid:p\">\r\n--lim\r\nContent-Type: image/png\r\nContent-ID: <p>\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--lim--\r\n"),
        "ask_with_forwarded_mail": |m| {
            "Tr: Votre courrier du 3 mars".clone_into(&mut m.subject);
            m.is(MIXED, "--lim\r\n\r\nQue dois-je comprendre ?\r\n--lim\r\nContent-Type: message/rfc822\r\n\r\nFrom: x@example.org\r\nAuto-Submitted: auto-replied\r\n\r\nx\r\n--lim--\r\n");
        },
        "ask_without_subject": |m| m.subject.clear(),
        "ask_empty_body": |m| m.body.clear(),
        "ask_without_message_id": |m| m.id = None,
        "ask_without_date": |m| m.date = None,
        "ask_date_unreadable": |m| m.date = Some("lundi 3 mars à midi".to_owned()),
        "ask_date_of_2099": |m| m.date = Some("Thu, 01 Jan 2099 00:00:00 +0000".to_owned()),
        "ask_in_copy": |m| {
            m.field(&format!("Cc: {}", m.mailbox));
            "Mairie <accueil@commune.example.org>".clone_into(&mut m.to);
        },
        "ask_many_recipients": |m| m.to = format!("maire@commune.example.org,\r\n Préfet <{}>, presse@journal.example.org", m.mailbox),
        "ask_address_in_capitals": |m| m.to = m.mailbox.to_uppercase(),
        "ask_urgent": |m| m.field("X-Priority: 1 (Highest)\r\nImportance: high"),
        "ask_wants_receipt": |m| m.field(&format!("Disposition-Notification-To: {}\r\nReturn-Receipt-To: {0}", m.author)),
        "ask_reply_to_other": |m| m.field("Reply-To: autre.adresse@libre.example.org"),
        "ask_signed": |m| m.is("Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=\"lim\"\r\n", "--lim\r\n\r\nBonjour\r\n--lim\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--lim--\r\n"),
        "ask_from_telephone": |m| m.is(PLAIN, "rdv possible mardi ?\r\n\r\nEnvoyé de mon téléphone\r\n"),
        "ask_in_arabic": |m| { m.subject = encoded("طلب موعد"); m.is(PLAIN, "مرحبا، أريد موعدا.\r\n"); },
        "ask_re_without_thread": |m| "RE: votre courrier".clone_into(&mut m.subject),
        "ask_answers_unknown_mail": |m| m.field("In-Reply-To: <inconnu@ailleurs.example.org>"),
        "ask_about_absence": |m| m.subject = encoded("Absence de réponse à ma demande"),
        "ask_says_spam_words": |m| "URGENT !!! argent gratuit ??".clone_into(&mut m.subject),
        "ask_raw_utf8_headers": |m| "Réclamation à propos d'un délai".clone_into(&mut m.subject),
        "ask_dots_alone": |m| m.is(PLAIN, "Bonjour\r\n.\r\n..\r\nfin\r\n"),
        "ask_long_line": |m| m.body = [vec![b'a'; 900], b"\r\n".to_vec()].concat(),
        "ask_quoted_name": |m| m.from = format!("\"Dupont, Jean (SARL \\\"L'Ain\\\")\" <{}>", m.author),
        "ask_name_in_comment": |m| m.from = format!("{} (Jean Dupont)", m.author),
        "ask_auto_submitted_no": |m| m.field("Auto-Submitted: no"),
        "ask_spam_flag_no": |m| m.field("X-Spam-Flag: NO\r\nX-Spam-Status: No, score=0.3 required=5.0"),
        "ask_many_fields": |m| for n in 0..60 { m.field(&format!("X-Trace-{n}: {}", "abc ".repeat(12).trim_end())); },
        "ask_accented_domain": |m| m.by(&format!("lea{}@xn--lgret-bsa.example.org", m.author.len())),
        "ask_long_address": |m| m.by(&format!("{}{}@libre.example.org", "tres-long-nom.".repeat(4), m.author.len())),
        "complaint": |m| { m.subject = encoded("Réclamation"); m.is(PLAIN, "J'ai attendu trois heures au guichet, c'est inadmissible.\r\n"); },
        "suggestion": |m| { "Suggestion".clone_into(&mut m.subject); m.is(PLAIN, "Affichez les horaires à l'entrée.\r\n"); },
        "elected_mayor": |m| { m.by("maire@mairie-belley.example.org"); m.subject = encoded("Arrêté préfectoral : question du conseil"); },
        "elected_member": |m| { m.by("cabinet@depute-ain.example.org"); m.subject = encoded("Situation d’un administré"); },
        "local_authority": |m| { m.by("dgs@cc-bugey.example.org"); "Dotation : calendrier".clone_into(&mut m.subject); },
    }
    Unanswerable "request" {
        "blind_copy": |m| "undisclosed-recipients:;".clone_into(&mut m.to),
        "no_reply_author": |m| m.by("ne-pas-repondre@formulaires.example.org"),
        "two_authors": |m| m.field("From: Un autre <autre@libre.example.org>"),
        "subject_marked_spam": |m| m.subject = format!("[SPAM] {}", m.subject),
        "suppresses_answers": |m| m.field("X-Auto-Response-Suppress: All"),
        "null_author": |m| "<>".clone_into(&mut m.from),
    }
    Unanswerable "unreadable" {
        "no_headers": |m| { m.whole = Some(b"\r\nBonjour, sans rien d'autre.\r\n".to_vec()); m.place = Place::AppendedToInbox; },
    }
    FollowUp "follow_up" {
        "follow_in_reply_to": |m| { let parent = m.parent.clone(); m.field(&format!("In-Reply-To: {parent}")); },
        "follow_references": |m| { let parent = m.parent.clone(); m.field(&format!("References: <vieux@libre.example.org>\r\n {parent}")); },
        "follow_reminder": |m| { m.answers(); m.subject = encoded("Relance : ma demande, déjà"); },
        "follow_with_attachment": |m| { m.answers(); m.is(MIXED, "--lim\r\n\r\nVoici la pièce.\r\n--lim\r\nContent-Type: image/jpeg\r\nContent-Transfer-Encoding: base64\r\n\r\n/9j/\r\n--lim--\r\n"); },
        "follow_quoting": |m| { m.answers(); m.is(PLAIN, "J'ajoute mon numéro.\r\n\r\nLe 3 mars, vous écriviez :\r\n> Bonjour\r\n> .\r\n"); },
    }
    Joins "request" {
        "spouse_joins": |m| { m.answers(); m.is(PLAIN, "Je suis l'épouse du demandeur, et j'ai la même question.\r\n"); },
    }
    Reply "reply" {
        "reply_plain": |m| m.answers(),
        "reply_html": |m| { m.answers(); m.is("Content-Type: text/html; charset=utf-8\r\n", "<p>Bonjour, votre titre est prêt.</p>\r\n"); },
        "reply_in_inbox": |m| { m.answers(); m.place = Place::Inbox; m.mailbox.clone_into(&mut m.sender); m.field(&format!("Bcc: {}", m.mailbox)); },
        "reply_with_copy": |m| { m.answers(); m.field("Cc: chef@prefecture.example.org"); },
        "reply_other_subject": |m| { m.answers(); m.subject = encoded("Votre titre est arrivé"); },
    }
    Again "request_again" {
        "again_question": |m| { m.answers(); m.is(PLAIN, "Merci, mais où faut-il aller ?\r\n"); },
        "again_thanks": |m| { m.answers(); m.is(PLAIN, "Merci beaucoup.\r\n"); },
    }
    Ours "internal" {
        "ours_to_mayor": |m| { m.from = m.mailbox.to_owned(); "maire@mairie-belley.example.org".clone_into(&mut m.to); m.place = Place::Sent; },
        "ours_to_colleague": |m| { m.from = m.mailbox.to_owned(); "greffe@prefecture.example.org".clone_into(&mut m.to); m.place = Place::Sent; },
        "colleague_writes": |m| m.by("jeanne.agent@prefecture.example.org"),
    }
    Machine "automated" {
        "out_of_office": |m| { m.field("Auto-Submitted: auto-replied"); m.subject = encoded("Réponse automatique : absence"); m.sender.clear(); },
        "out_of_office_exchange": |m| { m.field("Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All"); m.subject = encoded("Réponse automatique : Re"); },
        "autoreply_header": |m| m.field("X-Autoreply: yes"),
        "autorespond_header": |m| m.field("X-Autorespond: Je suis absent"),
        "precedence_auto_reply": |m| m.field("Precedence: auto_reply"),
        "vacation_null_sender": |m| { m.sender.clear(); "Absent".clone_into(&mut m.subject); },
        "read_receipt": |m| { m.sender.clear(); m.subject = encoded("Lu : votre réponse"); m.is(RECEIPT, "--lim\r\n\r\nLu.\r\n--lim\r\nContent-Type: message/disposition-notification\r\n\r\nFinal-Recipient: rfc822; a@libre.example.org\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n\r\n--lim--\r\n"); },
        "application_notification": |m| { m.by("forge@outils.example.org"); m.field("Auto-Submitted: auto-generated\r\nX-GitLab-Project: site"); },
        "cron_output": |m| { m.by("cron@serveur.example.org"); m.field("X-Cron-Env: <SHELL=/bin/sh>\r\nAuto-Submitted: auto-generated"); },
        "calendar_answer": |m| { m.subject = encoded("Accepté : réunion"); m.is("Content-Type: text/calendar; method=REPLY; charset=utf-8\r\n", "BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\nEND:VCALENDAR\r\n"); },
        "abuse_report": |m| { m.by("abuse@fournisseur.example.org"); m.is(ABUSE, "--lim\r\n\r\nPlainte.\r\n--lim\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nVersion: 1\r\nUser-Agent: essai\r\n\r\n--lim--\r\n"); },
    }
    Machine "bounce" {
        "bounce_failed": |m| { "Mailer <MAILER-DAEMON@relais.example.org>".clone_into(&mut m.from); m.sender.clear(); "Undelivered Mail Returned to Sender".clone_into(&mut m.subject); m.field("Auto-Submitted: auto-replied"); m.is(REPORT, "--lim\r\n\r\nNon remis.\r\n--lim\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relais.example.org\r\n\r\nFinal-Recipient: rfc822; x@libre.example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--lim--\r\n"); },
        "bounce_delayed": |m| { "MAILER-DAEMON@relais.example.org".clone_into(&mut m.from); m.sender.clear(); m.is(REPORT, "--lim\r\n\r\nRetard.\r\n--lim\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relais.example.org\r\n\r\nFinal-Recipient: rfc822; x@libre.example.org\r\nAction: delayed\r\nStatus: 4.4.1\r\n\r\n--lim--\r\n"); },
    }
    Machine "bulk" {
        "newsletter": |m| m.field("List-Unsubscribe: <https://lettre.example.org/u>\r\nList-Id: <lettre.example.org>"),
        "discussion_list": |m| m.field("List-Id: Maires <maires.listes.example.org>\r\nList-Post: <mailto:maires@listes.example.org>\r\nPrecedence: list"),
        "bulk_mail": |m| m.field("Precedence: bulk"),
        "campaign": |m| m.field("X-Campaign-Id: printemps-12"),
    }
    Machine "spam" {
        "spam_flag": |m| m.field("X-Spam-Flag: YES"),
        "spam_status": |m| m.field("X-Spam-Status: Yes, score=9.1 required=5.0"),
    }
    MachineInThread "automated" {
        "out_of_office_in_thread": |m| { m.answers(); m.field("Auto-Submitted: auto-replied"); m.sender.clear(); },
        "automatic_subject_in_thread": |m| { m.answers(); m.subject = encoded("Réponse automatique : votre accusé de réception"); },
    }
    Duplicate "duplicate" {
        "same_message_again": |_| {},
    }
};
