//! What each reason code means, in the words of the people who read it. A code, once stored in a ledger, keeps its
//! meaning for good: a rule that changes takes a new code.

/// The French explanation of a reason code; of an unknown code, a sentence that says so.
#[must_use]
pub fn french(code: &str) -> &'static str {
    of_verdict(code).or_else(|| of_machines(code)).or_else(|| of_acknowledgement(code)).unwrap_or(UNKNOWN)
}

/// A verdict, by its stable name, in the words of those who read it; a name that this version does not know, as it is.
#[must_use]
pub fn verdict(name: &str) -> &str {
    match name {
        "request" => "demande",
        "follow_up" => "complément d’une demande",
        "request_again" => "nouvelle demande après réponse",
        "reply" => "réponse de notre service",
        "automated" => "envoi automatique",
        "bounce" => "avis de non-remise",
        "bulk" => "envoi en nombre",
        "spam" => "indésirable",
        "abusive" => "envoi abusif",
        "internal" => "message interne",
        "duplicate" => "doublon",
        "unreadable" => "illisible",
        other => other,
    }
}

/// What is said of a code that this version does not know.
const UNKNOWN: &str = "Motif inconnu de cette version de vigie.";

fn of_verdict(code: &str) -> Option<&'static str> {
    Some(match code {
        "known_identity" => "Message déjà enregistré\u{a0}: même identité qu’un message déjà vu.",
        "no_headers" => "Message illisible\u{a0}: aucun en-tête reconnaissable\u{202f}; à examiner par un agent.",
        "vigie_mail" => "Courriel émis par vigie (accusé, alerte ou synthèse).",
        "delivery_failure" => "Avis de non-remise d’un courriel que nous avons envoyé.",
        "delivery_delay" => "Avis de retard de remise d’un courriel que nous avons envoyé.",
        "delivery_success" => "Avis de bonne remise d’un courriel que nous avons envoyé.",
        "read_receipt" => "Confirmation de lecture ou de suppression, produite par la messagerie du destinataire.",
        "abuse_report" => "Rapport d’abus d’un fournisseur de messagerie.",
        "authentication_report" => "Rapport technique d’authentification (DMARC ou TLS).",
        "other_report" => "Rapport technique d’un autre type.",
        "sent_by_us" => "Envoyé par notre service sans répondre à une demande connue.",
        "sent_reply" => "Réponse envoyée au demandeur, trouvée dans les éléments envoyés.",
        "names_our_reference" => "Réponse au demandeur, reconnue à la référence que porte son objet.",
        "same_correspondent_and_subject" => {
            "Courriel au même correspondant, sous le même objet\u{a0}: sans doute une réponse, à confirmer."
        }
        "reply_seen" => "Réponse au demandeur depuis l’une de nos adresses, vue en copie.",
        "reply_to_other_address" => "Réponse directe à la demande, envoyée à une autre adresse extérieure.",
        "reply_from_internal_domain" => "Réponse au demandeur depuis un domaine de l’administration.",
        "forwarded_by_us" => {
            "Demande transférée par notre service à un tiers\u{a0}: un transfert n’est pas une réponse."
        }
        "internal_discussion" => "Échange interne au sujet d’une demande, sans réponse au demandeur.",
        "internal_sender" => "Expéditeur de l’administration elle-même (CRPA, art. L112-7).",
        "internal_request" => "Demande d’un expéditeur interne\u{202f}; la configuration de la boîte les fait suivre.",
        "junk_folder" => "Classé dans le dossier des indésirables.",
        "spam_header" => "Signalé comme indésirable par le serveur de messagerie.",
        "abusive_sending" => "Envois abusifs par leur nombre (CRPA, art. L112-11).",
        "forwarded_message" => "Message transféré par son expéditeur\u{a0}: nouvelle demande.",
        "other_sender_in_thread" => "Une autre personne écrit dans un échange connu\u{a0}: nouvelle demande.",
        "requester_writes_again" => "Le demandeur écrit de nouveau après notre réponse\u{a0}: nouvelle demande liée.",
        "requester_adds" => "Le demandeur complète une demande encore sans réponse.",
        "no_sender" => "Demande sans adresse d’expéditeur exploitable.",
        "duplicate_from" => "Demande portant plusieurs champs From\u{202f}; le premier a été retenu.",
        "relayed_form" => "Demande relayée par un formulaire\u{202f}; le demandeur est dans Reply-To.",
        "new_request" => "Nouvelle demande.",
        _ => return None,
    })
}

fn of_machines(code: &str) -> Option<&'static str> {
    Some(match code {
        "auto_submitted" => "L’en-tête Auto-Submitted déclare un envoi automatique (RFC 3834).",
        "responder_header" => "Un en-tête de répondeur automatique est présent.",
        "precedence_auto_reply" => "L’en-tête Precedence déclare une réponse automatique.",
        "precedence_junk" => "L’en-tête Precedence vaut «\u{a0}junk\u{a0}», comme l’écrivent d’anciens répondeurs.",
        "precedence_bulk" => "L’en-tête Precedence déclare un envoi en nombre.",
        "precedence_list" => "L’en-tête Precedence déclare une liste de diffusion.",
        "null_envelope_sender" => "Expéditeur d’enveloppe vide\u{a0}: envoi automatique auquel nul ne doit répondre.",
        "notification_header" => "Un en-tête d’application déclare une notification.",
        "calendar_reply" => "Réponse ou annulation d’un rendez-vous, produite par un agenda.",
        "mailer_daemon" => "Écrit par un serveur de messagerie.",
        "automatic_subject_of_ours" => "Réponse automatique de l’une de nos adresses\u{a0}: elle ne vaut pas réponse.",
        "automatic_subject_in_thread" => "Objet de réponse automatique, en retour d’un de nos courriels.",
        "automatic_subject_with_reference" => "Objet de réponse automatique, citant une de nos références.",
        "no_reply_notification" => "Adresse que personne ne lit et second indice d’envoi automatique.",
        "list_header" => "Passé par une liste de diffusion (en-têtes List-*).",
        "campaign_header" => "Un en-tête d’outil d’envoi en nombre est présent.",
        "auto_response_suppress" => "L’expéditeur demande qu’aucune réponse automatique ne lui soit faite.",
        "weak_machine_header" => "Un en-tête de règle ou d’outil automatique est présent, sans preuve suffisante.",
        "bulk_header" => "Un en-tête de service d’envoi est présent, sans preuve suffisante.",
        "automatic_subject" => "L’objet ressemble à celui d’une réponse automatique, sans preuve suffisante.",
        "system_title" => "Le nom affiché de l’expéditeur est celui d’un serveur de messagerie.",
        "report_subject" => "L’objet est celui d’un avis de serveur ou de lecture, sans preuve suffisante.",
        "calendar_message" => "Invitation d’agenda\u{a0}: l’accusé reviendrait à l’agenda.",
        _ => return None,
    })
}

fn of_acknowledgement(code: &str) -> Option<&'static str> {
    Some(match code {
        "acknowledged" => "Accusé envoyé à l’expéditeur.",
        "acknowledged_to_from" => {
            "Accusé envoyé à l’adresse From, différente du Return-Path (CRPA, art. R112-11-3\u{202f}; choix de la boîte)."
        }
        "acknowledged_to_return_path" => {
            "Accusé envoyé au Return-Path, différent de l’adresse From (RFC 3834\u{202f}; choix de la boîte)."
        }
        "acknowledged_to_form_user" => "Accusé envoyé à l’usager d’un formulaire de contact (Reply-To).",
        "acknowledged_to_submitter" => "Accusé envoyé à celui des auteurs qui a expédié le message (RFC 5322).",
        "unreadable" => "Pas d’accusé\u{a0}: message illisible, à examiner par un agent.",
        "before_watch" => "Pas d’accusé\u{a0}: reçu avant que la boîte ne soit surveillée.",
        "before_switched_on" => "Pas d’accusé\u{a0}: reçu avant la mise en service des accusés de la boîte.",
        "received_in_future" => {
            "Pas d’accusé\u{a0}: date de réception dans l’avenir\u{202f}; horloge du serveur à vérifier."
        }
        "too_old" => "Pas d’accusé\u{a0}: reçu il y a plus longtemps que l’âge maximal configuré.",
        "duplicate_headers" => "Pas d’accusé\u{a0}: un en-tête unique figure plusieurs fois.",
        "no_usable_address" => "Pas d’accusé\u{a0}: aucune adresse à laquelle répondre.",
        "several_authors" => "Pas d’accusé\u{a0}: plusieurs auteurs, aucun seul à qui répondre.",
        "own_address" => "Pas d’accusé\u{a0}: l’expéditeur est la boîte elle-même (boucle).",
        "our_address" => "Pas d’accusé\u{a0}: l’expéditeur est l’une de nos adresses (boucle).",
        "no_reply_sender" => "Adresse d’expéditeur que personne ne lit.",
        "no_reply_envelope" => "Pas d’accusé\u{a0}: l’adresse d’enveloppe est celle d’un automate ou d’une liste.",
        "verp_sender" => "Pas d’accusé\u{a0}: l’adresse d’enveloppe est celle d’un service d’envoi (VERP).",
        "is_report" => "Pas d’accusé\u{a0}: le message est un rapport automatique.",
        "sent_folder" => "Pas d’accusé\u{a0}: le message est dans les éléments envoyés.",
        "spam_header_elsewhere" => {
            "Pas d’accusé\u{a0}: signalé comme indésirable, mais par un serveur qui n’est pas le nôtre."
        }
        "spam_subject" => "Pas d’accusé\u{a0}: objet marqué par un filtre d’indésirables.",
        "failed_authentication" => "Pas d’accusé\u{a0}: l’authentification de l’expéditeur (DMARC) a échoué.",
        "blind_copy" => "Pas d’accusé\u{a0}: la boîte n’est nommée ni en À ni en Cc (copie cachée ou redirection).",
        "not_addressed" => "Pas d’accusé\u{a0}: la boîte n’est pas destinataire du message.",
        "already_acknowledged" => "Pas d’accusé\u{a0}: cette demande en a déjà reçu un.",
        "undeliverable_address" => "Pas d’accusé\u{a0}: un envoi précédent à cette adresse n’a pu être remis.",
        "looks_like_a_loop" => {
            "Pas d’accusé\u{a0}: répondeur sans en-tête, adresse et objet presque les mêmes (boucle)."
        }
        "limit_per_address" => "Pas d’accusé\u{a0}: limite journalière atteinte pour cette adresse.",
        "limit_per_domain" => "Pas d’accusé\u{a0}: limite horaire atteinte pour ce domaine.",
        "limit_per_thread" => "Pas d’accusé\u{a0}: limite journalière atteinte pour cet échange.",
        "limit_per_mailbox" => "Pas d’accusé\u{a0}: limite horaire atteinte pour cette boîte.",
        "not_owed" => "Pas d’accusé\u{a0}: le message n’ouvre pas de demande.",
        "observe_mode" => "Pas d’accusé\u{a0}: la boîte est en observation\u{202f}; il aurait été envoyé.",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The string literals that open a reason in a source file.
    fn codes(source: &str) -> Vec<&str> {
        let rules = source.split("#[cfg(test)]").next().unwrap_or_default();
        let reasons = rules.split("Reason::new(\"").chain(rules.split("Reason::with(\"")).skip(1);
        // Where verdicts and acknowledgements are judged, codes stand in tables too.
        let judged = ["pub fn classify(", "pub fn acknowledge(", "fn machine("].iter().any(|mark| rules.contains(mark));
        let tables = rules.split(", \"").skip(1).chain(rules.split("=> (").skip(1)).filter(|_| judged);
        reasons.chain(tables).filter_map(|rest| rest.split('"').next()).filter(|code| code.contains('_')).collect()
    }

    #[test]
    fn every_code_that_a_rule_gives_has_a_french_explanation() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/domain");
        let paths = std::fs::read_dir(folder).expect("the rules").map(|entry| entry.expect("a file").path());
        let rules = paths.filter(|path| path.extension().is_some_and(|ending| ending == "rs"));
        let sources: Vec<String> = rules.map(|path| std::fs::read_to_string(path).expect("a source")).collect();
        let sources = sources.iter().filter(|source| source.contains("Reason::") && !source.contains("const UNKNOWN"));
        let reason = |code: &&str| code.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'_');
        let codes: Vec<&str> = sources.flat_map(|source| codes(source)).filter(reason).collect();
        assert!(codes.len() > 60, "the test finds the codes: {codes:?}");
        for far in ["not_owed", "looks_like_a_loop"] {
            assert!(codes.contains(&far), "{far}");
        }
        for code in codes {
            assert_ne!(french(code), UNKNOWN, "{code}");
        }
    }

    #[test]
    fn an_unknown_code_says_so() {
        assert_eq!(french("zorglub"), UNKNOWN);
    }
}
