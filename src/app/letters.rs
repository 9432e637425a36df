//! What the public is told: the text chosen for a request, in the languages chosen for its requester.

use chrono::{DateTime, Datelike, NaiveDate, Utc};

use super::explain::Explained;
use super::texts::Written;
use super::{Error, Result};
use crate::domain::acknowledge::Acknowledgement;
use crate::domain::address::Address;
use crate::domain::decide::Desk;
use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::language::language_of;
use crate::domain::ledger::rfc3339;
use crate::domain::office::{Office, Service as OfficeService, Translation};
use crate::domain::policy::{Nature, Requester};
use crate::domain::request::{Request, Status};
use crate::domain::requester::asker_name;
use crate::domain::wording::{FRENCH, ImplicitDecision, Silence as Meaning, Spoken, Text, choose};
use crate::mail::compose::{Stamp, compose};
use crate::mail::notice::{AckFields, Demande, Limit, Notice, Parent, Sender, Service, Silence};
use crate::mail::template::{Kind, Templates};
use crate::store::{RequestLine, Store};

/// The template of the mail that tells of a transfer.
const TRANSFER: &str = "transmission";
/// To whom a previewed transfer goes.
const SAMPLE_DESTINATION: &str = "l’administration compétente";
/// How to have an implicit acceptance attested (CRPA L232-3).
const ATTESTATION: &str = "Sur votre demande, la préfecture vous délivre une attestation de cette décision (article L. 232-3 du code des \
     relations entre le public et l’administration).";
/// The same in English, for information.
const ATTESTATION_IN_ENGLISH: &str = "At your request, the prefecture will issue a certificate of this decision (article L. 232-3 of the French code \
     of relations between the public and the administration).";

/// The acknowledgement of a request; none where it is settled before an acknowledgement that was to follow a
/// registration notice: the answer itself says all.
pub async fn acknowledgement(store: &Store, office: &Office, effect: &Effect) -> Result<Written> {
    let Some((letter, request, mailbox)) = about(store, office, effect).await? else { return Ok(None) };
    let text = text_of(letter.desk, request.requester, request.nature)?;
    let settled = text.registration.is_some() && request.status != Status::Open;
    Ok((!settled).then(|| (letter.notice(text, Kind::Acknowledgement), mailbox)))
}

/// The registration notice of a request.
pub async fn registration_notice(store: &Store, office: &Office, effect: &Effect) -> Result<Written> {
    let Some((letter, request, mailbox)) = about(store, office, effect).await? else { return Ok(None) };
    let text = text_of(letter.desk, request.requester, request.nature)?;
    // The configuration may have changed since: then the acknowledgement that follows says all.
    Ok(text.registration.is_some().then(|| (letter.notice(text, Kind::Registration), mailbox)))
}

/// Makes the acknowledgement that waits for its day leave now, in the name of `by`; how many mails.
pub async fn hasten(store: &Store, reference: &str, by: &str, now: DateTime<Utc>) -> Result<u64> {
    let mut turn = store.begin().await?;
    let request = turn.request_by_reference(reference).await?;
    let request = request.ok_or_else(|| Error::UnknownRequest(reference.to_owned()))?;
    let hastened = turn.hasten(request.id, now).await?;
    if hastened == 0 {
        return Err(Error::NothingToHasten(reference.to_owned()));
    }
    let (reference, mailbox, by) = (request.reference, request.mailbox, by.to_owned());
    turn.write_down(&Event::AcknowledgementHastened { reference, mailbox, by, at: now }, now);
    turn.commit().await?;
    Ok(hastened)
}

/// A mail about a request, before its text is chosen; the request, and the mailbox's address.
async fn about<'a>(
    store: &Store,
    office: &'a Office,
    effect: &Effect,
) -> Result<Option<(Letter<'a>, Request, Address)>> {
    let unknown = || Error::UnknownMailbox(effect.mailbox.clone());
    let desk = office.desk(&effect.mailbox).ok_or_else(unknown)?;
    let service = office.services.get(&effect.mailbox).ok_or_else(unknown)?;
    let (Some(id), Some(to)) = (effect.request, effect.recipients.first()) else { return Ok(None) };
    let Some(line) = store.request_line_by_id(id).await? else { return Ok(None) };
    let letter = Letter::about(desk, service, &line, to);
    Ok(Some((letter, line.request, desk.policy.address.clone())))
}

/// The mail that tells a requester to whom the request was handed; none where that was undone meanwhile.
pub async fn transfer_notice(
    store: &Store,
    office: &Office,
    templates: &Templates,
    effect: &Effect,
) -> Result<Written> {
    let unknown = || Error::UnknownMailbox(effect.mailbox.clone());
    let desk = office.desk(&effect.mailbox).ok_or_else(unknown)?;
    let service = office.services.get(&effect.mailbox).ok_or_else(unknown)?;
    let (Some(id), Some(to), [_, destination, since]) =
        (effect.request, effect.recipients.first(), effect.about.as_slice())
    else {
        return Ok(None);
    };
    let still = |request: &Request| {
        request.status == Status::Transferred && request.settled_at.map(rfc3339).as_ref() == Some(since)
    };
    let line = store.request_line_by_id(id).await?.filter(|line| still(&line.request));
    let Some(line) = line else { return Ok(None) };
    let letter = Letter::about(desk, service, &line, to);
    Ok(Some((letter.transfer(destination, &templates.translations(TRANSFER)), desk.policy.address.clone())))
}

/// The mail of a kind that an explained message would get; of no kind given, the one that would leave first: the
/// registration notice where the text has one, else the acknowledgement.
pub fn preview(
    office: &Office,
    mailbox: &str,
    explained: &Explained,
    templates: &Templates,
    kind: Option<Kind>,
) -> Result<Vec<u8>> {
    let unknown = || Error::UnknownMailbox(mailbox.to_owned());
    let (desk, service) =
        (office.desk(mailbox).ok_or_else(unknown)?, office.services.get(mailbox).ok_or_else(unknown)?);
    let letter = Letter::foreseen(desk, service, explained);
    let text = text_of(desk, explained.judgement.requester, explained.judgement.nature)?;
    let id = "apercu";
    let stamp = Stamp {
        effect_id: id.to_owned(),
        date: explained.judgement.received_at,
        domain: desk.policy.address.domain().to_owned(),
    };
    let first = if text.registration.is_some() { Kind::Registration } else { Kind::Acknowledgement };
    let notice = match kind.unwrap_or(first) {
        Kind::Registration if text.registration.is_none() => return Err(Error::NoNotice(text.template.clone())),
        Kind::Transfer => letter.transfer(SAMPLE_DESTINATION, &templates.translations(TRANSFER)),
        kind => letter.notice(text, kind),
    };
    let composed = compose(&notice, templates, &stamp);
    Ok(composed.map_err(|cause| Error::Compose { effect: id.to_owned(), cause: Box::new(cause) })?.bytes)
}

fn text_of(desk: Desk<'_>, requester: Requester, nature: Nature) -> Result<&Text> {
    choose(&desk.policy.texts, requester, nature).ok_or_else(|| Error::NoText(desk.policy.name.clone()))
}

/// All that a mail to a requester says, before its text and languages are chosen.
struct Letter<'a> {
    desk: Desk<'a>,
    service: &'a OfficeService,
    nature: Nature,
    language: String,
    /// What does not depend on the text; template and silence are still to come.
    fields: AckFields,
}

impl<'a> Letter<'a> {
    fn about(desk: Desk<'a>, service: &'a OfficeService, line: &RequestLine, to: &Address) -> Self {
        let request = &line.request;
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let parent = Parent {
            message_id: some(&line.message_id),
            references: line.thread_refs.split_whitespace().map(str::to_owned).collect(),
            thread_index: some(&line.thread_index),
        };
        let fields = AckFields {
            to: to.clone(),
            parent,
            reference: request.reference.clone(),
            received_at: request.received_at,
            original_subject: line.subject.clone(),
            requester_name: some(&line.name),
            limit: promised(&request.commitment, request.limit, request.due_on),
            ..blank(desk, service)
        };
        Self { desk, service, nature: request.nature, language: line.language.clone(), fields }
    }

    /// What a message that only was explained would be told: it has no reference yet.
    fn foreseen(desk: Desk<'a>, service: &'a OfficeService, explained: &Explained) -> Self {
        let (facts, judgement) = (&explained.facts, &explained.judgement);
        let to = match &judgement.acknowledgement {
            Acknowledgement::Send { to, .. } => to.clone(),
            Acknowledgement::Withhold(_) | Acknowledgement::None => {
                facts.author().cloned().unwrap_or_else(|| desk.policy.address.clone())
            }
        };
        let year = desk.calendar.civil(judgement.received_at).year();
        let fields = AckFields {
            to,
            parent: Parent {
                message_id: facts.message_id.clone(),
                references: facts.references.clone(),
                thread_index: facts.thread_index.clone(),
            },
            reference: format!("{}-{year}-000000", desk.policy.reference_prefix),
            received_at: judgement.received_at,
            original_subject: facts.subject.clone(),
            requester_name: asker_name(facts, desk.policy).map(str::to_owned),
            limit: (judgement.deadline.as_ref())
                .and_then(|due| promised(&judgement.commitment, judgement.limit, due.due_on)),
            ..blank(desk, service)
        };
        Self { desk, service, nature: judgement.nature, language: language_of(facts), fields }
    }

    /// The mail of a kind, by a text, in the languages that the mailbox speaks with this requester.
    fn notice(&self, text: &Text, kind: Kind) -> Notice {
        let full = (&text.template, &text.translations);
        let notice = text.registration.as_ref().map(|notice| (&notice.template, &notice.translations));
        let (template, translations) = if kind == Kind::Registration { notice.unwrap_or(full) } else { full };
        let fields = self.spoken(translations, |language| self.in_language(text, template, language));
        if kind == Kind::Registration { Notice::RegistrationNotice(fields) } else { Notice::Acknowledgement(fields) }
    }

    /// The mail that tells of a transfer, in the same languages as any other.
    fn transfer(&self, destination: &str, translations: &[String]) -> Notice {
        Notice::TransferNotice(self.spoken(translations, |language| {
            let fields = AckFields { destination: Some(destination.to_owned()), limit: None, ..self.fields.clone() };
            if language == FRENCH {
                return AckFields { template: TRANSFER.to_owned(), ..fields };
            }
            let template = format!("{TRANSFER}.{language}");
            AckFields { template, ..translated(fields, &self.said_in(language)) }
        }))
    }

    /// What is said in the languages that the mailbox speaks with this requester, of those that the text is there in.
    fn spoken(&self, translations: &[String], say: impl Fn(&str) -> AckFields) -> Box<AckFields> {
        let Spoken { first, second } = self.service.languages.choose(&self.language, translations);
        let translation = second.map(|language| Box::new(say(&language)));
        Box::new(AckFields { translation, ..say(&first) })
    }

    /// What the service says otherwise in a language.
    fn said_in(&self, language: &str) -> Translation {
        self.service.translations.get(language).cloned().unwrap_or_default()
    }

    /// What is said in one language.
    fn in_language(&self, text: &Text, template: &str, language: &str) -> AckFields {
        let received_on = self.desk.calendar.civil(self.fields.received_at);
        let meaning = text.silence_on(self.nature);
        let fields = self.fields.clone();
        if language == FRENCH {
            let demande = meaning.and_then(|meaning| demande(meaning, received_on, ATTESTATION, &meaning.remedies));
            return AckFields { template: template.to_owned(), demande, ..fields };
        }
        let said = self.said_in(language);
        let demande = meaning.and_then(|meaning| {
            let remedies = or(&said.remedies, &meaning.remedies);
            demande(
                meaning,
                received_on,
                if language == "en" { ATTESTATION_IN_ENGLISH } else { ATTESTATION },
                &remedies,
            )
        });
        let template = format!("{template}.{language}");
        AckFields { template, demande, ..translated(fields, &said) }
    }
}

/// The limit that the public is told: only what a commitment promises, never the one that keeps what none covers in sight.
fn promised(commitment: &str, working_days: u16, due_on: NaiveDate) -> Option<Limit> {
    (!commitment.is_empty()).then_some(Limit { working_days, due_on })
}

/// A mail of a mailbox that says nothing yet.
fn blank(desk: Desk<'_>, service: &OfficeService) -> AckFields {
    AckFields {
        template: String::new(),
        from: Sender { address: desk.policy.address.clone(), name: Some(service.name.clone()) },
        to: desk.policy.address.clone(),
        parent: Parent::default(),
        reference: String::new(),
        received_at: DateTime::UNIX_EPOCH,
        zone: desk.policy.zone,
        service: presented(desk, service),
        original_subject: String::new(),
        requester_name: None,
        limit: None,
        demande: None,
        data_protection: service.data_protection.clone(),
        signature: service.signature.clone(),
        translation: None,
        destination: None,
    }
}

fn presented(desk: Desk<'_>, service: &OfficeService) -> Service {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Service {
        name: service.name.clone(),
        address: service.postal_address.clone(),
        phone: service.telephone.clone(),
        email: desk.policy.address.clone(),
        hours: some(&service.opening_hours),
        website: some(&service.website),
    }
}

/// The fields with what a service says otherwise in another language.
fn translated(fields: AckFields, said: &Translation) -> AckFields {
    let hours = if said.opening_hours.is_empty() { fields.service.hours } else { Some(said.opening_hours.clone()) };
    AckFields {
        service: Service { name: or(&said.name, &fields.service.name), hours, ..fields.service },
        data_protection: or(&said.data_protection, &fields.data_protection),
        signature: or(&said.signature, &fields.signature),
        ..fields
    }
}

fn or(said: &str, usual: &str) -> String {
    if said.is_empty() { usual } else { said }.to_owned()
}

/// What silence means for what was received on a day.
fn demande(meaning: &Meaning, received_on: NaiveDate, attestation: &str, remedies: &str) -> Option<Demande> {
    let silence = match meaning.decision {
        ImplicitDecision::Acceptance => Silence::Acceptance { attestation: attestation.to_owned() },
        ImplicitDecision::Rejection => Silence::Rejection { remedies: remedies.to_owned() },
    };
    Some(Demande { on: meaning.falls_on(received_on)?, silence })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_commitment_nothing_is_promised() {
        let due_on = NaiveDate::default();
        assert_eq!(promised("mail.user.info", 3, due_on), Some(Limit { working_days: 3, due_on }));
        assert_eq!(promised("", 5, due_on), None);
    }
}
