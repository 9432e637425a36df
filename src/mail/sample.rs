//! Notices filled with plausible values, for the linter and for `vigie template preview`.
//!
//! Every value is unlike the others and unlike any wording, so that finding it in a mail proves that its variable is
//! there.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use super::notice::{
    AckFields, AgentHead, AlertFields, Attachment, Condition, Demande, DigestCounts, DigestFields, Gesture, ItemFields,
    Level, Limit, ListFields, Notice, Parent, ReportFields, Sender, Service, Silence,
};
use super::template::Kind;
use crate::domain::address::Address;
use crate::domain::policy::{Nature, Requester};

/// What is tried on a template: each of its cases must be worded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// A *demande* that silence rejects, everything filled in.
    Rejection,
    /// A *demande* that silence accepts.
    Acceptance,
    /// No *demande*, and nothing that may be absent.
    Bare,
}

/// A notice of a kind, to be worded by a template.
#[must_use]
pub fn notice(kind: Kind, case: Case, template: &str) -> Notice {
    let template = template.to_owned();
    match kind {
        Kind::Registration => Notice::RegistrationNotice(Box::new(AckFields { template, ..case_fields(case) })),
        Kind::Acknowledgement => Notice::Acknowledgement(Box::new(AckFields { template, ..case_fields(case) })),
        Kind::Transfer => Notice::TransferNotice(Box::new(AckFields {
            template,
            destination: Some("la direction départementale des territoires de l’Ain".to_owned()),
            ..case_fields(case)
        })),
        Kind::Alert => {
            let mut fields = if case == Case::Bare { bare_alert() } else { alert() };
            fields.head.template = template;
            Notice::Alert(fields)
        }
        Kind::Digest => {
            let mut fields = if case == Case::Bare { bare_digest() } else { digest() };
            fields.head.template = template;
            Notice::Digest(fields)
        }
        Kind::Report => {
            let mut fields = report();
            fields.head.template = template;
            Notice::Report(Box::new(fields))
        }
    }
}

fn case_fields(case: Case) -> AckFields {
    let fields = acknowledgement();
    match case {
        Case::Rejection => fields,
        Case::Acceptance => AckFields {
            demande: Some(Demande {
                on: day(2026, 7, 7),
                silence: Silence::Acceptance {
                    attestation: "Une attestation de cette décision peut vous être délivrée sur simple demande, en \
                                  application de l’article L. 232-3 du code des relations entre le public et \
                                  l’administration."
                        .to_owned(),
                },
            }),
            ..fields
        },
        Case::Bare => AckFields {
            demande: None,
            limit: None,
            original_subject: String::new(),
            requester_name: None,
            service: Service { hours: None, website: None, ..fields.service },
            parent: Parent::default(),
            ..fields
        },
    }
}

/// An acknowledgement with everything filled in.
#[must_use]
pub fn acknowledgement() -> AckFields {
    AckFields {
        template: "sample".to_owned(),
        from: Sender {
            address: address("pref-pan", "ain.gouv.example"),
            name: Some("Préfecture de l’Ain – Point d’accueil numérique".to_owned()),
        },
        to: address("camille.exemple", "example.org"),
        parent: Parent {
            message_id: Some("a1@example.org".to_owned()),
            references: vec!["a0@example.org".to_owned()],
            thread_index: None,
        },
        reference: "PAN-2026-000123".to_owned(),
        received_at: instant(1_778_165_400),
        zone: Tz::Europe__Paris,
        service: Service {
            name: "Préfecture de l’Ain, bureau de la citoyenneté".to_owned(),
            address: "45, avenue Alsace-Lorraine\nCS 80400\n01012 Bourg-en-Bresse Cedex".to_owned(),
            phone: "04\u{a0}99\u{a0}00\u{a0}00\u{a0}01".to_owned(),
            email: address("contact-citoyennete", "ain.gouv.example"),
            hours: Some("du lundi au vendredi, de 9\u{a0}h à 11\u{a0}h\u{a0}45".to_owned()),
            website: Some("https://www.ain.gouv.example".to_owned()),
        },
        original_subject: "Renouvellement de mon permis de conduire".to_owned(),
        requester_name: Some("Camille Exemple".to_owned()),
        limit: Some(Limit { working_days: 5, due_on: day(2026, 5, 18) }),
        demande: Some(Demande {
            on: day(2026, 7, 7),
            silence: Silence::Rejection {
                remedies: "Dans les deux mois suivant cette date, vous pouvez former un recours gracieux auprès de la \
                           préfète, un recours hiérarchique auprès du ministre de l’intérieur, ou un recours \
                           contentieux devant le tribunal administratif de Lyon (www.telerecours.fr)."
                    .to_owned(),
            },
        }),
        data_protection: "Les données de votre message servent à traiter votre demande et à en mesurer les délais ; \
                          vous pouvez y accéder et les faire rectifier auprès du délégué à la protection des données \
                          du ministère de l’intérieur."
            .to_owned(),
        signature: "Le bureau de la citoyenneté\nPréfecture de l’Ain".to_owned(),
        translation: None,
        destination: None,
    }
}

/// An alert with everything filled in.
#[must_use]
pub fn alert() -> AlertFields {
    AlertFields {
        head: head(),
        level: Level::Agents,
        reminder: false,
        items: vec![
            item("PAN-2026-000131"),
            ItemFields { overdue: true, working_days_left: -2, due_on: day(2026, 5, 13), ..item("PAN-2026-000123") },
        ],
        lists: vec![ListFields {
            told: "1\u{a0}courrier ou rendez-vous à traiter".to_owned(),
            title: "Courriers et rendez-vous (1)".to_owned(),
            advice: "Quand c’est fait, donnez la référence et la date à la personne qui tient le registre.".to_owned(),
            lines: vec!["COU-2026-000012 – courrier à répondre".to_owned()],
        }],
        cleared: Vec::new(),
        conditions: vec![condition()],
        gestures: gestures(),
    }
}

/// A digest with everything filled in.
#[must_use]
pub fn digest() -> DigestFields {
    DigestFields {
        head: head(),
        day: day(2026, 5, 18),
        counts: DigestCounts { received: 97, answered: 84, acknowledged: 91, withheld: 6, open: 23 },
        forecast: Some("D’après 412 demandes réglées de ce bureau, aucun dépassement n’est à attendre.".to_owned()),
        items: alert().items,
        lists: vec![ListFields {
            told: "1\u{a0}demande à vérifier".to_owned(),
            title: "À vérifier (1)".to_owned(),
            advice: "La réponse n’est pas certaine.".to_owned(),
            lines: vec!["PAN-2026-000119".to_owned()],
        }],
        conditions: vec![condition()],
        gestures: gestures(),
        attachments: Vec::new(),
        seal: Some("vigie.ain.gouv.example\n4711\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=".to_owned()),
    }
}

/// A report with everything filled in.
#[must_use]
pub fn report() -> ReportFields {
    ReportFields {
        head: head(),
        period: "3e trimestre 2026".to_owned(),
        sentences: vec![
            "Reçus pendant la période\u{a0}: 6\u{202f}189 courriels d’usagers, 474 courriels d’élus.".to_owned(),
            "Courriels, usagers\u{a0}: 98,20\u{a0}% dans le délai.".to_owned(),
        ],
        command: "vigie indicators --period 2026-T3 --at-head 4711".to_owned(),
        attachments: vec![Attachment {
            name: "bilan-2026-T3.pdf".to_owned(),
            media_type: "application/pdf",
            bytes: b"%PDF-1.7".to_vec(),
        }],
    }
}

fn bare_alert() -> AlertFields {
    let head = AgentHead { page: None, ..head() };
    let items = vec![ItemFields { address: None, ..item("PAN-2026-000131") }];
    AlertFields {
        head,
        level: Level::Head,
        reminder: false,
        items,
        lists: Vec::new(),
        cleared: vec!["PAN-2026-000118".to_owned()],
        conditions: Vec::new(),
        gestures: Vec::new(),
    }
}

fn bare_digest() -> DigestFields {
    DigestFields {
        head: AgentHead { page: None, ..head() },
        day: day(2026, 5, 18),
        counts: DigestCounts::default(),
        forecast: None,
        items: Vec::new(),
        lists: Vec::new(),
        attachments: Vec::new(),
        conditions: Vec::new(),
        gestures: Vec::new(),
        seal: None,
    }
}

/// A request that is due on 19 May 2026.
#[must_use]
pub fn item(reference: &str) -> ItemFields {
    ItemFields {
        reference: reference.to_owned(),
        mailbox: "pref-pan".to_owned(),
        requester: Requester::Public,
        nature: Nature::GeneralInfo,
        address: Some(address("camille.exemple", "example.org")),
        received_at: instant(1_778_165_400),
        age: 4,
        due_on: day(2026, 5, 19),
        working_days_left: 1,
        overdue: false,
    }
}

fn condition() -> Condition {
    Condition {
        title: "La boîte pref-etrangers ne répond plus".to_owned(),
        since: instant(1_778_220_000),
        advice: "Vérifier le serveur de messagerie, puis le mot de passe de la boîte.".to_owned(),
    }
}

fn gestures() -> Vec<Gesture> {
    vec![
        Gesture { folder: "Vigie/Répondu par téléphone".to_owned(), meaning: "répondu par téléphone".to_owned() },
        Gesture { folder: "Vigie/Transmis".to_owned(), meaning: "transmis à un autre service".to_owned() },
        Gesture { folder: "Vigie/Sans suite".to_owned(), meaning: "n’appelle pas de réponse".to_owned() },
    ]
}

fn head() -> AgentHead {
    AgentHead {
        template: "sample".to_owned(),
        from: Sender { address: address("vigie", "ain.gouv.example"), name: Some("Vigie".to_owned()) },
        to: vec![address("bureau-citoyennete", "ain.gouv.example")],
        bureau: "Bureau de la citoyenneté".to_owned(),
        zone: Tz::Europe__Paris,
        page: Some("https://vigie.ain.gouv.example/bureaux/citoyennete".to_owned()),
    }
}

/// The samples are constants of this file; a test parses and reads each of them.
fn address(local: &str, domain: &str) -> Address {
    Address::literal(local, domain)
}

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default()
}

fn instant(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}

/// The templates that vigie ships, read from the repository.
#[cfg(test)]
pub(super) fn shipped_sources() -> Vec<super::template::TemplateSource> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/templates");
    let mut sources: Vec<_> = std::fs::read_dir(&folder)
        .expect("config/templates is there")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .map(|path| super::template::TemplateSource {
            name: path.file_stem().expect("a name").to_string_lossy().into_owned(),
            text: std::fs::read_to_string(&path).expect("UTF-8"),
            html: std::fs::read_to_string(path.with_extension("html")).ok(),
        })
        .collect();
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    // the parts put in their places: what takes a mention out of a text must find it there
    let (parts, whole) = super::include::Parts::take(sources);
    let put = |file: String, text: &str| parts.expand(&file, text).expect("its parts are shipped too").text;
    let whole = whole.into_iter().map(|source| super::template::TemplateSource {
        text: put(format!("{}.txt", source.name), &source.text),
        html: source.html.as_deref().map(|html| put(format!("{}.html", source.name), html)),
        name: source.name,
    });
    whole.collect()
}
