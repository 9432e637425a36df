//! The report of a period, gathered from the ledger.

use chrono::{DateTime, Utc};

use super::facts;
use super::texts::Written;
use super::{Error, Result};
use crate::domain::calendar::civil_time;
use crate::domain::effect::{Effect, EffectKind, effect_id};
use crate::domain::indicator::annex::Annex;
use crate::domain::indicator::outline::{By, Scope};
use crate::domain::indicator::value::Value;
use crate::domain::office::Office;
use crate::domain::period::Period;
use crate::mail::notice::{AgentHead, Attachment, Notice, ReportFields, Sender};
use crate::report::bilan::{Bilan, NOTABLE};
use crate::store::Store;

/// The template of the mail that brings a report.
const TEMPLATE: &str = "bilan";
/// The type of a spreadsheet.
const ODS: &str = "application/vnd.oasis.opendocument.spreadsheet";

/// The type of a seal: any name, so that no mail client changes its line breaks.
const SEAL: &str = "application/octet-stream";

/// How many periods the trend shows, by their length: a year and its like quarter, half a year of months, three years.
fn trail(period: Period) -> Vec<Period> {
    period.trail(match period {
        Period::Year(_) => 3,
        Period::Quarter(..) => 5,
        Period::Month(..) => 6,
    })
}

/// Gathers the report of a period, as the ledger was at a head: the last one by default.
pub async fn gather(store: &Store, office: &Office, period: Period, at_head: Option<i64>) -> Result<Bilan> {
    let zone = office.zone();
    let periods = trail(period);
    let from = periods.first().map_or(period, |first| *first).span(zone).0;
    let span = period.span(zone);
    let folded = facts::load(store, office, (from, span.1), at_head).await?;
    let seen = facts::messages(store, span, folded.stamp.head.seq).await?;
    let material = folded.material(office);
    let mut notable = material.delays(period);
    notable.sort_by(|a, b| b.days.cmp(&a.days).then_with(|| a.reference.cmp(&b.reference)));
    notable.truncate(NOTABLE);
    let known = |annex: &Annex| annex.lines.iter().any(|line| line.value != Value::Missing);
    // The trend begins with the first period of which anything is known.
    let trail: Vec<Annex> = periods
        .iter()
        .map(|period| material.annex(*period))
        .skip_while(|annex| annex.period != period && !known(annex))
        .collect();
    Ok(Bilan {
        trail,
        mailboxes: material.groups(period, By::Mailbox, Scope::All),
        bureaux: material.groups(period, By::Bureau, Scope::All),
        tracking: material.mail_rows(period, &seen),
        notable,
        seal: office.seal_key.as_ref().map(|key| key.seal(&folded.stamp.head)),
        stamp: folded.stamp,
    })
}

/// The report as a spreadsheet.
pub fn ods(bilan: &Bilan) -> Result<Vec<u8>> {
    bilan.ods().map_err(|error| Error::Report(error.to_string()))
}

/// The report for printing.
pub fn pdf(bilan: &Bilan) -> Result<Vec<u8>> {
    bilan.pdf().map_err(|error| Error::Report(error.to_string()))
}

/// The mail that brings the report of the last whole quarter, as the ledger is at `head`: rendered when it is sent, and
/// the same at every attempt, because it names the head.
#[must_use]
pub fn due(office: &Office, head: i64, now: DateTime<Utc>) -> Option<Effect> {
    let rule = office.report.as_ref()?;
    let today = civil_time(office.zone(), now).date();
    let period = Period::quarter_of(today).previous().to_string();
    Some(Effect {
        id: effect_id(EffectKind::Report, &[&period]),
        kind: EffectKind::Report,
        mailbox: String::new(),
        bureau: String::new(),
        request: None,
        recipients: rule.recipients.clone(),
        about: vec![period, head.to_string()],
        level: None,
        created_at: now,
        due_at: now,
        warn_at: None,
    })
}

/// What the mail says, and its documents.
pub async fn notice(store: &Store, office: &Office, effect: &Effect) -> Result<Written> {
    let [period, head] = effect.about.as_slice() else { return Ok(None) };
    let (Ok(period), Ok(head)) = (period.parse::<Period>(), head.parse()) else { return Ok(None) };
    let report = gather(store, office, period, Some(head)).await?;
    let document =
        |ending: &str, media_type, bytes| Attachment { name: format!("bilan-{period}.{ending}"), media_type, bytes };
    let documents = [
        Some(document("pdf", "application/pdf", pdf(&report)?)),
        Some(document("ods", ODS, ods(&report)?)),
        // As the verifiers read it; in the document it can only be read by eye.
        report.seal.as_ref().map(|seal| document("seal", SEAL, seal.clone().into_bytes())),
    ];
    let fields = ReportFields {
        head: AgentHead {
            template: TEMPLATE.to_owned(),
            from: Sender { address: office.sender.clone(), name: Some("vigie".to_owned()) },
            to: effect.recipients.clone(),
            bureau: office.name.clone(),
            zone: office.zone(),
            page: None,
        },
        period: period.french(),
        sentences: report.summary(),
        command: format!("vigie indicators --period {period} --at-head {head}"),
        attachments: documents.into_iter().flatten().collect(),
    };
    Ok(Some((Notice::Report(Box::new(fields)), office.sender.clone())))
}
