//! What is asked, by words: rules on the subject and, where a mailbox wants it, on the first lines of the text.
//!
//! Words are compared without accents and case. A rule of one word meets that word and its plural; a rule of several words
//! meets them side by side.

use super::policy::{Nature, Requester};
use super::signs::folded;

/// Says what is asked, by words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatureRule {
    /// The rule's id, named in reasons.
    pub id: String,
    /// What is asked.
    pub nature: Nature,
    /// Words, of which one must be there.
    words: Vec<String>,
    /// Words, of which none may be there.
    except: Vec<String>,
    /// Of whom; empty for anyone.
    pub requesters: Vec<Requester>,
    /// In which mailboxes, by name; empty for all.
    pub mailboxes: Vec<String>,
    /// Whether the first lines of the text count too.
    pub first_lines: bool,
}

/// Where a rule holds.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The subject.
    pub subject: &'a str,
    /// The first lines of the text, where they were read.
    pub first_lines: Option<&'a str>,
    /// Who asks.
    pub requester: Requester,
    /// In which mailbox.
    pub mailbox: &'a str,
}

impl NatureRule {
    /// A rule of words and exceptions, for anyone, in all mailboxes, on the subject only.
    #[must_use]
    pub fn new<T: AsRef<str>>(id: &str, nature: Nature, words: &[T], except: &[T]) -> Self {
        let folded = |words: &[T]| words.iter().map(|word| folded(word.as_ref())).collect();
        Self {
            id: id.to_owned(),
            nature,
            words: folded(words),
            except: folded(except),
            requesters: Vec::new(),
            mailboxes: Vec::new(),
            first_lines: false,
        }
    }

    /// The rules of the house, which come after those of the configuration: complaints, suggestions, and appointments that
    /// an élu or a collectivité asks for. A *dépôt de plainte* is a matter of the police, and no complaint against the
    /// service; who writes of booking a *rendez-vous en ligne* asks for help, and not to be received.
    #[must_use]
    pub fn usual() -> Vec<Self> {
        let criminal =
            ["dépôt de plainte", "porter plainte", "plainte contre x", "récépissé de plainte", "plainte pénale"];
        let booking = ["en ligne", "rendez-vous impossible", "compte rendu"];
        let mut appointment =
            Self::new("subject_appointment", Nature::Appointment, &["rendez-vous", "rdv", "audience"], &booking);
        appointment.requesters = vec![Requester::Elected, Requester::LocalOfficial, Requester::LocalAuthority];
        vec![
            Self::new("subject_complaint", Nature::Complaint, &["réclamation", "plainte"], &criminal),
            Self::new("subject_suggestion", Nature::Suggestion, &["suggestion"], &[]),
            appointment,
        ]
    }

    /// Whether the rule says what is asked.
    #[must_use]
    pub fn holds(&self, asked: Asked<'_>) -> bool {
        if !self.requesters.is_empty() && !self.requesters.contains(&asked.requester) {
            return false;
        }
        if !self.mailboxes.is_empty() && !self.mailboxes.iter().any(|name| name == asked.mailbox) {
            return false;
        }
        self.meets(asked.subject) || asked.first_lines.is_some_and(|lines| self.first_lines && self.meets(lines))
    }

    fn meets(&self, text: &str) -> bool {
        let text = folded(text);
        let meets = |wanted: &String| spoken(&text, wanted);
        self.words.iter().any(meets) && !self.except.iter().any(meets)
    }
}

/// Whether words are said in a text, both folded: side by side, and the last one in the plural too.
fn spoken(text: &str, wanted: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let (text, wanted) = (words(text), words(wanted));
    let same = |said: &String, wanted: &String| said == wanted || said.strip_suffix('s') == Some(wanted);
    let meets = |window: &[String]| window.iter().zip(&wanted).all(|(said, wanted)| same(said, wanted));
    !wanted.is_empty() && text.windows(wanted.len()).any(meets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_usual(subject: &str, requester: Requester) -> Option<Nature> {
        let asked = Asked { subject, first_lines: None, requester, mailbox: "pref-pan" };
        NatureRule::usual().into_iter().find(|rule| rule.holds(asked)).map(|rule| rule.nature)
    }

    #[test]
    fn a_word_of_the_subject_makes_a_complaint() {
        for (subject, expected) in [
            ("Réclamation", Some(Nature::Complaint)),
            ("Re: RECLAMATIONS sur l'accueil", Some(Nature::Complaint)),
            ("Plainte : délai de réponse", Some(Nature::Complaint)),
            ("Suggestions pour le site", Some(Nature::Suggestion)),
            ("Dépôt de plainte", None),
            ("Complainte", None),
            ("Titre de séjour", None),
            ("Demande de rendez-vous", None),
        ] {
            assert_eq!(by_usual(subject, Requester::Public), expected, "{subject}");
        }
    }

    #[test]
    fn an_appointment_is_asked_for_by_those_to_whom_it_is_promised() {
        for subject in ["Demande de rendez-vous", "RDV avec Mme la préfète", "Rendez vous"] {
            assert_eq!(by_usual(subject, Requester::Elected), Some(Nature::Appointment), "{subject}");
        }
        for subject in ["Rendez-nous nos routes", "Rendez-vous en ligne impossible", "Compte rendu du rendez-vous"] {
            assert_eq!(by_usual(subject, Requester::Elected), None, "{subject}");
        }
    }

    #[test]
    fn the_first_lines_count_only_where_the_rule_says_so() {
        let mut rule = NatureRule::new("texte.reclamation", Nature::Complaint, &["mécontent"], &[]);
        let asked = |lines| Asked {
            subject: "Titre de séjour",
            first_lines: lines,
            requester: Requester::Public,
            mailbox: "pref-pan",
        };
        assert!(!rule.holds(asked(Some("Je suis très MÉCONTENT du délai"))));
        rule.first_lines = true;
        assert!(rule.holds(asked(Some("Je suis très MÉCONTENT du délai"))));
        assert!(!rule.holds(asked(None)));
        rule.mailboxes = vec!["pref-étrangers".to_owned()];
        assert!(!rule.holds(asked(Some("mécontents"))));
    }
}
