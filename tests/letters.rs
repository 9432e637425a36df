//! Which text answers whom, in which language: the shipped configuration and the shipped texts, worded as they leave.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails at the line that could not")]

mod support;

use support::app::{Vigie, at, message, plain_text};
use vigie::domain::effect::EffectKind;
use vigie::domain::wording::Bilingual;

/// A message to the mailbox of foreign nationals, with more header lines.
fn to_foreigners(id: &str, subject: &str, more: &str) -> Vec<u8> {
    format!(
        "From: alex@example.org\r\nTo: pref-etrangers@prefecture.example.org\r\nSubject: {subject}\r\n\
         Message-ID: <{id}@example.org>\r\n{more}\r\nBonjour,\r\n"
    )
    .into_bytes()
}

/// The acknowledgement of one message received by a mailbox: its text, and the name of its template in the ledger.
async fn acknowledged(vigie: &mut Vigie, mailbox: usize, bytes: Vec<u8>) -> (String, String) {
    vigie.receive_in(mailbox, &[bytes], at(1)).await;
    let sent = vigie.send_all(at(2)).await;
    let sent: Vec<_> = sent.iter().filter(|sent| sent.due.effect.kind == EffectKind::Acknowledgement).collect();
    assert_eq!(sent.len(), 1, "one acknowledgement");
    let reference = sent[0].due.effect.about[0].clone();
    let entries = vigie.store.ledger_of(&reference).await.unwrap();
    let settled = entries.iter().find(|entry| entry.kind == "mail_settled").unwrap();
    let payload: serde_json::Value = serde_json::from_str(&settled.payload).unwrap();
    assert!(!payload["template_version"].as_str().unwrap().is_empty());
    vigie.verify().await;
    (plain_text(&sent[0].bytes), payload["template_name"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn each_requester_and_nature_gets_its_own_text() {
    for (from, to, subject, template) in [
        ("alice@example.org", "pref-pan", "Permis de conduire", "pref-pan"),
        ("contact@mairie-bourg.example.org", "pref-pan", "Conseil en urbanisme", "elus"),
        ("alice@example.org", "pref-pan", "Réclamation : accueil au guichet", "reclamation"),
        ("depute@assemblee-nationale.fr", "pref-pan", "Dossier de subvention", "elus"),
    ] {
        let mut vigie = Vigie::new(|_| ()).await;
        let bytes = message(from, &format!("{to}@prefecture.example.org"), "m@example.org", subject);
        let (text, used) = acknowledged(&mut vigie, 0, bytes).await;
        assert_eq!(used, template, "{from} {subject}");
        let said = match template {
            "elus" => "J’ai l’honneur d’accuser réception",
            "reclamation" => "votre réclamation ou votre suggestion",
            _ => "point d’accueil numérique",
        };
        assert!(text.contains(said), "{text}");
    }
}

#[tokio::test]
async fn foreign_nationals_read_french_then_english() {
    let mut vigie = Vigie::new(|_| ()).await;
    let (text, used) = acknowledged(&mut vigie, 1, to_foreigners("a", "Titre de sejour", "")).await;
    assert_eq!(used, "pref-etrangers+pref-etrangers.en");
    let (french, english) = (text.find("Madame, Monsieur").unwrap(), text.find("Dear Sir or Madam").unwrap());
    assert!(french < english, "French first");
    let text = text.replace('\u{a0}', " ");
    assert!(text.contains("Only the French text") || text.contains("French text above is the one"), "{text}");
    // Received on 5 May 2026: four months of silence, in both languages.
    assert!(text.contains("rejetée le samedi 5 septembre 2026"), "{text}");
    assert!(text.contains("rejected on Saturday 5 September 2026"), "{text}");
    assert!(text.contains("Tuesdays, 1.30 p.m."), "the service in English: {text}");
}

#[tokio::test]
async fn the_requester_s_language_decides_where_the_mailbox_answers_in_one() {
    for (subject, more, expected) in [
        ("Residence permit", "Content-Language: en-GB\r\n", "pref-etrangers.en"),
        ("Titre de sejour", "Content-Language: fr-FR\r\n", "pref-etrangers"),
        ("Titre de sejour", "", "pref-etrangers"),
        (
            "=?utf-8?b?0J/RgNC+0LTQu9C10L3QuNC1INCy0LjQtNCwINC90LAg0LbQuNGC0LXQu9GM0YHRgtCy0L4=?=",
            "",
            "pref-etrangers.en",
        ),
    ] {
        let mut vigie = Vigie::new(|office| {
            office.services.get_mut("pref-étrangers").unwrap().languages.bilingual = Bilingual::Never;
        })
        .await;
        let (_, used) = acknowledged(&mut vigie, 1, to_foreigners("a", subject, more)).await;
        assert_eq!(used, expected, "{subject} {more}");
    }
}
