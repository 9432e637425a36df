//! What a mailbox says to the public: which text answers whom, in which languages, and the mentions that the law wants.

use super::check::At;
use super::file::{MailboxFile, TextFile, TranslationFile};
use super::locate::Step::{self, Index, Key};
use super::{Error, TemplateFile};
use crate::domain::office::{Service, Translation};
use crate::domain::policy::{Nature, Requester};
use crate::domain::wording::{Bilingual, FRENCH, ImplicitDecision, Languages, Registration, Silence, Text};

/// After how many months silence decides where nothing else is said (CRPA L231-1, L231-4).
const SILENCE_MONTHS: u32 = 2;
/// The longest silence that a decree gives an administration, in months, and then some.
const MAX_SILENCE_MONTHS: u32 = 36;
/// The working day on which a full acknowledgement leaves by itself after a registration notice.
const FULL_AFTER: u16 = 5;
/// The working days within which it is owed (CRPA R112-11-2).
const MAX_FULL_AFTER: u16 = 10;

/// The digits of the shortest telephone number of a service: 3939.
const FEWEST_DIGITS: usize = 4;

/// The texts of a mailbox: its own, then those of all mailboxes, then its usual one, which answers whoever is left.
pub(super) fn texts(at: &At<'_>, file: &MailboxFile, templates: &[TemplateFile]) -> Result<Vec<Text>, Error> {
    let common = &at.source.file.texts;
    let mailbox = [Key("mailboxes"), Index(at.index)];
    let own = |n| [&mailbox[..], &[Key("texts"), Index(n)]].concat();
    let rules = file.texts.iter().enumerate().map(|(n, text)| (own(n), text));
    let shared = common.iter().enumerate().map(|(n, text)| (vec![Key("texts"), Index(n)], text));
    let mut texts = Vec::new();
    for (place, text) in rules.chain(shared) {
        texts.push(Rule { at, file, templates, place: &place }.read(text)?);
    }
    let usual = TextFile {
        requesters: Vec::new(),
        natures: Vec::new(),
        template: file.template.clone(),
        registration: file.registration.clone(),
        full_after: file.full_after,
        implicit_decision: None,
        silence_months: None,
        remedies: None,
    };
    let usual = Rule { at, file, templates, place: &mailbox }.read(&usual)?;
    if let Some(missing) = file.languages.iter().find(|language| !usual.translations.contains(language)) {
        let what = format!("no template is called {:?}", format!("{}.{missing}", usual.template));
        return Err(at.error("languages", what));
    }
    texts.push(usual);
    Ok(texts)
}

/// A text's place in the file, and all that its values are checked against.
struct Rule<'a> {
    at: &'a At<'a>,
    file: &'a MailboxFile,
    templates: &'a [TemplateFile],
    place: &'a [Step<'a>],
}

impl Rule<'_> {
    fn error(&self, key: &str, what: impl Into<String>) -> Error {
        self.at.source.error(&[self.place, &[Key(key)]].concat(), what)
    }

    fn read(&self, text: &TextFile) -> Result<Text, Error> {
        let unknown = |key: &'static str, name: &str| self.error(key, format!("{name:?} is not known"));
        let requester = |name: &String| Requester::from_name(name).ok_or_else(|| unknown("requesters", name));
        let nature = |name: &String| Nature::from_name(name).ok_or_else(|| unknown("natures", name));
        Ok(Text {
            requesters: text.requesters.iter().map(requester).collect::<Result<_, _>>()?,
            natures: text.natures.iter().map(nature).collect::<Result<_, _>>()?,
            translations: self.translations("template", &text.template)?,
            template: text.template.clone(),
            registration: self.registration(text)?,
            silence: self.silence(text)?,
        })
    }

    /// The languages of a template, which must be there in French.
    fn translations(&self, key: &str, name: &str) -> Result<Vec<String>, Error> {
        let known = || self.templates.iter().map(|template| template.name.as_str());
        if !known().any(|own| own == name) {
            let known: Vec<&str> = known().collect();
            return Err(self.error(key, format!("no template is called {name:?}; there are {}", known.join(", "))));
        }
        let other = |own: &str| own.strip_prefix(name)?.strip_prefix('.').map(str::to_owned);
        Ok(known().filter_map(other).collect())
    }

    fn registration(&self, text: &TextFile) -> Result<Option<Registration>, Error> {
        let Some(template) = &text.registration else {
            let alone = || self.error("full_after", "it follows a registration notice: give registration too");
            return text.full_after.map_or(Ok(None), |_| Err(alone()));
        };
        let full_after = text.full_after.unwrap_or(FULL_AFTER);
        if !(1..=MAX_FULL_AFTER).contains(&full_after) {
            let what = format!("between 1 and {MAX_FULL_AFTER} working days are expected (CRPA R112-11-2)");
            return Err(self.error("full_after", what));
        }
        let translations = self.translations("registration", template)?;
        Ok(Some(Registration { template: template.clone(), translations, full_after }))
    }

    /// What silence means: as the text says, else as the mailbox's service does.
    fn silence(&self, text: &TextFile) -> Result<Option<Silence>, Error> {
        let service = &self.file.service;
        let named = text.implicit_decision.as_ref();
        let name = named.unwrap_or(&service.implicit_decision);
        if name.is_empty() || name == "none" {
            return Ok(None);
        }
        let (place, key) = match named {
            Some(_) => (self.place.to_vec(), "implicit_decision"),
            None => (vec![Key("mailboxes"), Index(self.at.index), Key("service")], "implicit_decision"),
        };
        let fault = |key: &'static str, what: String| self.at.source.error(&[&place[..], &[Key(key)]].concat(), what);
        let decision = ImplicitDecision::from_name(name)
            .ok_or_else(|| fault(key, "\"rejection\", \"acceptance\" or \"none\" is expected".to_owned()))?;
        let remedies = text.remedies.as_ref().unwrap_or(&service.remedies).clone();
        if decision == ImplicitDecision::Rejection && remedies.trim().is_empty() {
            return Err(fault("remedies", "an implicit rejection needs its remedies (CRPA R112-11-1)".to_owned()));
        }
        let months = text.silence_months.or(service.silence_months).unwrap_or(SILENCE_MONTHS);
        if !(1..=MAX_SILENCE_MONTHS).contains(&months) {
            let what = format!("between 1 and {MAX_SILENCE_MONTHS} months are expected (CRPA L231-6)");
            return Err(fault("silence_months", what));
        }
        Ok(Some(Silence { decision, months, remedies }))
    }
}

/// The mandatory mentions (CRPA R112-11-1), none of them empty.
pub(super) fn service(at: &At<'_>, file: &MailboxFile) -> Result<Service, Error> {
    let service = &file.service;
    for (key, value) in [
        ("name", &service.name),
        ("postal_address", &service.postal_address),
        ("telephone", &service.telephone),
        ("data_protection", &service.data_protection),
    ] {
        if value.trim().is_empty() {
            let steps = [Key("mailboxes"), Index(at.index), Key("service"), Key(key)];
            return Err(at.source.error(&steps, "is a mandatory mention (CRPA R112-11-1) and may not be empty"));
        }
    }
    let fault = |key: &'static str, what: &str| {
        at.source.error(&[Key("mailboxes"), Index(at.index), Key("service"), Key(key)], what)
    };
    if service.telephone.bytes().filter(u8::is_ascii_digit).count() < FEWEST_DIGITS {
        return Err(fault("telephone", "a telephone number is expected (CRPA R112-11-1, 2°)"));
    }
    let website = service.website.as_str();
    if !website.is_empty() && !["https://", "http://"].into_iter().any(|start| website.starts_with(start)) {
        return Err(fault("website", "an address that begins with \"https://\" is expected"));
    }
    let signature = match service.signature.trim() {
        "" => format!("{}\n{}", service.name, at.source.file.prefecture.name),
        given => given.to_owned(),
    };
    Ok(Service {
        name: service.name.clone(),
        postal_address: service.postal_address.clone(),
        telephone: service.telephone.clone(),
        opening_hours: service.opening_hours.clone(),
        website: service.website.clone(),
        data_protection: service.data_protection.clone(),
        signature,
        languages: languages(at, file)?,
        translations: service.translations.iter().map(|(tag, file)| (tag.clone(), translation(file))).collect(),
    })
}

fn translation(file: &TranslationFile) -> Translation {
    let TranslationFile { name, opening_hours, data_protection, remedies, signature } = file.clone();
    Translation { name, opening_hours, data_protection, remedies, signature }
}

fn languages(at: &At<'_>, file: &MailboxFile) -> Result<Languages, Error> {
    let bilingual = Bilingual::from_name(&file.bilingual);
    let bilingual = bilingual.ok_or_else(|| {
        at.error("bilingual", format!("{:?} is none of \"never\", \"foreign\", \"always\"", file.bilingual))
    })?;
    if file.languages.iter().any(|language| language == FRENCH) {
        return Err(at.error("languages", "French is always there: name the others only"));
    }
    if let Some(other) = file.other_language.as_ref().filter(|other| !file.languages.contains(other)) {
        return Err(at.error("other_language", format!("{other:?} is not among the languages of the mailbox")));
    }
    Ok(Languages { offered: file.languages.clone(), other: file.other_language.clone(), bilingual })
}
