//! `vigie request show|acknowledge|answer|holding|close|transfer|suspend|resume|reopen|confirm|merge|reclassify REF`: one request, and what a person decides about it.

use std::path::Path;
use std::process::ExitCode;

use chrono::{DateTime, Utc};

use super::output::{self, Format, french_instant, told_instant};
use super::proof::{Proven, tell};
use super::{Answer, Failure, open, person};
use crate::app::gesture::{Word, gesture};
use crate::app::proof::MailView;
use crate::app::{letters, proof, query, story};
use crate::clock;
use crate::config::Settings;
use crate::domain::clocks::clocks;
use crate::domain::deadline::explain;
use crate::domain::french::french_date;
use crate::domain::gesture::{Gesture, Way};
use crate::domain::policy::{Nature, Requester};
use crate::domain::request::Request;
use crate::domain::visible::plain;
use crate::store::{RequestLine, Store};

/// Who says it, and when.
#[derive(Debug, clap::Args)]
pub struct Who {
    /// When (RFC 3339); now by default
    #[arg(long)]
    at: Option<DateTime<Utc>>,
    /// Who says so; the login by default
    #[arg(long, env = "USER", default_value = "inconnu", value_parser = super::typed::words)]
    agent: String,
}

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Show a request: its dates, its proofs, its story
    Show {
        /// Its reference, such as PAN-2026-000123
        reference: String,
        /// The form of the output
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Send the acknowledgement that waits for its day after a registration notice
    Acknowledge {
        /// Its reference
        reference: String,
        /// Who says so; the login by default
        #[arg(long, env = "USER", default_value = "inconnu", value_parser = super::typed::words)]
        agent: String,
    },
    /// Say that it was answered by a way that vigie cannot see
    Answer {
        /// Its reference
        reference: String,
        /// The way
        #[arg(long, value_parser = ["phone", "counter", "letter", "mail"])]
        by: String,
        #[command(flatten)]
        who: Who,
    },
    /// Say that the answer seen was only a holding reply, or that one was given: the clock runs on
    Holding {
        /// Its reference
        reference: String,
        #[command(flatten)]
        who: Who,
    },
    /// Say that no answer is needed
    Close {
        /// Its reference
        reference: String,
        /// Why: `no_reply_needed`, `withdrawn`, `out_of_scope`, `spam`, `unproven`, or free words (kept apart from the ledger)
        #[arg(long, value_parser = super::typed::words)]
        motive: String,
        #[command(flatten)]
        who: Who,
    },
    /// Say that it was handed to another watched mailbox, or to another administration
    Transfer {
        /// Its reference
        reference: String,
        /// To whom: a mailbox's name or address, or free words (kept apart from the ledger)
        #[arg(long, value_parser = super::typed::words)]
        to: String,
        #[command(flatten)]
        who: Who,
    },
    /// Say that pieces are missing: the clock stands still
    Suspend {
        /// Its reference
        reference: String,
        /// Which, in free words (kept apart from the ledger)
        #[arg(long, value_parser = super::typed::words)]
        motive: Option<String>,
        #[command(flatten)]
        who: Who,
    },
    /// Say that the missing pieces came: the clock runs on
    Resume {
        /// Its reference
        reference: String,
        #[command(flatten)]
        who: Who,
    },
    /// Deny the answer or the closure: the first clock runs on
    Reopen {
        /// Its reference
        reference: String,
        /// Why, in free words (kept apart from the ledger)
        #[arg(long, value_parser = super::typed::words)]
        why: String,
        #[command(flatten)]
        who: Who,
    },
    /// Confirm an answer that was only guessed
    Confirm {
        /// Its reference
        reference: String,
        #[command(flatten)]
        who: Who,
    },
    /// Say that it is the same as another request, whose clock counts
    Merge {
        /// Its reference
        reference: String,
        /// The other request's reference
        into: String,
        #[command(flatten)]
        who: Who,
    },
    /// Correct who asks, or for what
    Reclassify {
        /// Its reference
        reference: String,
        /// Who asks
        #[arg(long, value_parser = ["public", "elected", "local_official", "local_authority"])]
        requester: String,
        /// What is asked
        #[arg(long, value_parser = ["general_info", "advice", "complaint", "suggestion", "appointment"])]
        nature: String,
        #[command(flatten)]
        who: Who,
    },
}

/// Motives of a closure that are codes of the ledger; any other is an agent's own words.
const MOTIVES: &[&str] = &["no_reply_needed", "withdrawn", "out_of_scope", "spam", "unproven"];
/// The code of a motive in an agent's own words.
const OTHER: &str = "other";
/// The code of a suspension.
const MISSING: &str = "missing_items";

/// Carries the verb out.
pub async fn request(config: &Path, verb: Verb) -> Answer {
    let (settings, store) = open(config).await?;
    let now = clock::now();
    let (reference, wanted, text, who) = match verb {
        Verb::Show { reference, format } => return show(&settings, &store, &reference, format).await,
        Verb::Acknowledge { reference, agent } => {
            letters::hasten(&store, &reference, &agent, now).await?;
            output::print(&format!("{reference}\u{a0}: l’accusé de réception part dès maintenant\n"))?;
            return Ok(ExitCode::SUCCESS);
        }
        Verb::Holding { reference, who } => (reference, Gesture::Holding, None, who),
        Verb::Answer { reference, by, who } => {
            (reference, Gesture::Answer(Way::from_name(&by).ok_or_else(|| unknown(&by))?), None, who)
        }
        Verb::Close { reference, motive, who } => {
            let known = MOTIVES.contains(&motive.as_str());
            let (motive, text) = if known { (motive, None) } else { (OTHER.to_owned(), Some(motive)) };
            (reference, Gesture::Close { motive }, text, who)
        }
        Verb::Transfer { reference, to, who } => (reference, Gesture::Transfer { to: to.clone() }, Some(to), who),
        Verb::Suspend { reference, motive, who } => {
            (reference, Gesture::Suspend { motive: MISSING.to_owned() }, motive, who)
        }
        Verb::Resume { reference, who } => (reference, Gesture::Resume, None, who),
        Verb::Reopen { reference, why, who } => (reference, Gesture::Reopen { why: "denied" }, Some(why), who),
        Verb::Confirm { reference, who } => (reference, Gesture::Confirm, None, who),
        Verb::Merge { reference, into, who } => (reference, Gesture::Merge { into }, None, who),
        Verb::Reclassify { reference, requester, nature, who } => {
            let requester = Requester::from_name(&requester).ok_or_else(|| unknown(&requester))?;
            let nature = Nature::from_name(&nature).ok_or_else(|| unknown(&nature))?;
            (reference, Gesture::Reclassify { requester, nature }, None, who)
        }
    };
    let at = who.at.unwrap_or(now);
    if at > now {
        return Err(Failure::Usage(anyhow::anyhow!("--at {at} is in the future")));
    }
    let corrected = matches!(wanted, Gesture::Reclassify { .. });
    let word = Word { gesture: wanted, by: who.agent, at, text };
    let request = gesture(&store, &settings.office, &reference, word, now).await?;
    output::print(&format!("{}\u{a0}: {}\n", request.reference, state(&request)))?;
    if corrected {
        let line = query::request(&store, &reference).await?;
        let shown = usize::from(!line.address.is_empty());
        person::note_access(&store, settings.office.retention, "request reclassify", &reference, shown).await?;
        output::print(&proposal(&line))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The rule that would have judged so by itself: proposed, and never learnt in silence.
fn proposal(line: &RequestLine) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let Some((_, domain)) = line.address.rsplit_once('@') else { return String::new() };
    format!(
        "\nRien n’est appris de cette correction. Pour que les prochains messages de cette adresse soient jugés ainsi, ajoutez \
         à requesters.toml :\n\n[[rules]]\nid = \"correction.{}\"\npatterns = [{}]   # ou toute l’organisation : {}\n\
         requester = \"{}\"\nnature = \"{}\"\n",
        line.request.reference,
        quoted(&line.address),
        quoted(&format!("*@{domain}")),
        line.request.requester.name(),
        line.request.nature.name(),
    )
}

fn unknown(name: &str) -> Failure {
    Failure::Usage(anyhow::anyhow!("unknown name {name:?}"))
}

/// Where a request stands, in words.
fn state(request: &Request) -> String {
    let state = request.status.french();
    if let Some(into) = &request.merged_into {
        return format!("{state}, fusionnée dans {into}");
    }
    match (request.incomplete_since, request.is_doubtful()) {
        (Some(_), _) => format!("{state}, incomplète (délai suspendu)"),
        (None, true) => format!("{state}, à confirmer"),
        (None, false) => state.to_owned(),
    }
}

async fn show(settings: &Settings, store: &Store, reference: &str, format: Format) -> Answer {
    let line = query::request(store, reference).await?;
    let now = clock::now();
    let risks = query::risks(store, &settings.office, now).await?;
    let view = query::request_view(&settings.office, &line, now).with_risk(&risks);
    let clocks = query::clocks_view(&settings.office, &line.request, now);
    let mails = proof::mails(store, &line.request).await?;
    let bureaux = story::shares(store, &settings.office, &line.request, now).await?;
    person::note_access(store, settings.office.retention, "request show", reference, 1).await?;
    match format {
        Format::Json => output::json(&Proven::new(view, clocks, mails, &bureaux))?,
        Format::Csv => output::listing(format, &[view], crate::report::table::Table::default)?,
        Format::Table => output::print(&told(settings, store, (&line, &mails), now).await?)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// All of a request, to be read: its dates, what its requester was told, its clocks, the count day by day, its story.
async fn told(
    settings: &Settings,
    store: &Store,
    (line, mails): (&RequestLine, &[MailView]),
    now: DateTime<Utc>,
) -> Result<String, Failure> {
    let request = &line.request;
    let mut text = head(settings, line);
    let zone = settings.office.zone();
    text.push_str(&tell(line, mails, zone));
    text.push_str("\nÉchéances\n");
    if let Some(desk) = settings.office.desk(&request.mailbox) {
        for clock in clocks(desk, request, now) {
            let stopped = clock.stopped_at.map(|at| format!(" le {}", french_instant(at, zone))).unwrap_or_default();
            text.push_str(&format!(
                "  {:<24} {} ({} j) : {}{stopped}\n",
                clock.kind.french(),
                french_date(clock.due_on),
                clock.limit,
                clock.state.french()
            ));
        }
        text.push_str("\nCalcul de l’échéance\n");
        let stood = story::suspensions(store, &settings.office, request).await?;
        let steps = explain(desk.calendar, request.received_at, request.allowed_days(), &stood);
        let steps = steps.map_err(anyhow::Error::from)?;
        let ends_on = steps.last().map(|step| step.date);
        for step in steps {
            let counted = step.counted.map_or("   –".to_owned(), |day| format!("J+{day:<2}"));
            text.push_str(&format!("  {counted}  {} : {}\n", french_date(step.date), step.why));
        }
        if ends_on != Some(request.due_on) {
            text.push_str(&format!(
                "  L’échéance du {} a été fixée sous un autre calendrier (révision {}) et n’a pas changé depuis.\n",
                french_date(request.due_on),
                request.calendar_revision
            ));
        }
    }
    let shares = story::shares(store, &settings.office, &line.request, now).await?;
    if shares.len() > 1 {
        text.push_str("\nTemps passé par bureau\n");
        for share in shares {
            let label = settings.office.bureau(&share.bureau).map_or(share.bureau.as_str(), |bureau| &bureau.label);
            text.push_str(&format!("  {label}\u{a0}: {} jour(s) ouvré(s)\n", share.working_days));
        }
    }
    text.push_str("\nHistoire, d’après le registre\n");
    for told in story::of(store, &request.reference, zone).await? {
        text.push_str(&format!(
            "  n° {:<6} {} : {}\n",
            told.seq,
            told_instant(told.at, told.written_at, zone),
            told.text
        ));
    }
    Ok(text)
}

fn head(settings: &Settings, line: &RequestLine) -> String {
    let request = &line.request;
    let zone = settings.office.zone();
    let mut text = format!(
        "{}\n  objet         {}\n  demandeur     {} <{}>\n  boîte         {}\n  reçue         {}\n  échéance      {} ({} jours ouvrés, engagement {})\n  état          {}\n",
        request.reference,
        plain(&line.subject),
        plain(&line.name),
        plain(&line.address),
        request.mailbox,
        french_instant(request.received_at, zone),
        french_date(request.due_on),
        request.limit,
        if request.commitment.is_empty() { "–" } else { &request.commitment },
        state(request),
    );
    for (label, at) in [
        ("attente      ", request.holding_at),
        ("incomplète   ", request.incomplete_since),
        ("transférée   ", request.forwarded_at),
        ("disparue     ", request.deleted_at),
    ] {
        if let Some(at) = at {
            text.push_str(&format!("  {label} {}\n", french_instant(at, zone)));
        }
    }
    if let (Some(at), Some(evidence)) = (request.settled_at, request.evidence) {
        text.push_str(&format!("  réponse       {} : {}\n", french_instant(at, zone), evidence.french()));
    }
    text.push_str(&format!("  accusé        {}\n", request.acknowledgement.french()));
    text
}
