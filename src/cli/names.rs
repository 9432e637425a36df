//! What people name on the command line, looked up in one way: a name that nobody bears is an error of usage, which says
//! what names there are.

use super::Failure;
use crate::domain::decide::Desk;
use crate::domain::french::quoted;
use crate::domain::office::Office;

fn nobody(what: &str, name: &str, known: &[&str]) -> Failure {
    Failure::Usage(anyhow::anyhow!(
        "{what} {}\u{202f}; la configuration connaît\u{a0}: {}",
        quoted(name),
        known.join(", ")
    ))
}

/// The desk of a mailbox.
pub fn desk<'a>(office: &'a Office, name: &str) -> Result<Desk<'a>, Failure> {
    office.desk(name).ok_or_else(|| {
        let known: Vec<&str> = office.mailboxes.iter().map(|mailbox| mailbox.name.as_str()).collect();
        nobody("aucune boîte ne s’appelle", name, &known)
    })
}

/// Refuses a mailbox of which nothing is known: neither the configuration has it nor, by what was `found`, the database.
pub fn mailbox(office: &Office, wanted: Option<&str>, found: bool) -> Result<(), Failure> {
    match wanted {
        Some(name) if !found => desk(office, name).map(|_| ()),
        Some(_) | None => Ok(()),
    }
}

/// Refuses a bureau that is not configured.
pub fn bureau(office: &Office, key: &str) -> Result<(), Failure> {
    if office.bureau(key).is_some() {
        return Ok(());
    }
    let known: Vec<&str> = office.bureaux.iter().map(|bureau| bureau.key.as_str()).collect();
    Err(nobody("aucun bureau n’a la clé", key, &known))
}

/// Refuses an indicator that is not configured.
pub fn indicator(office: &Office, key: &str) -> Result<(), Failure> {
    if office.indicators.iter().any(|rule| rule.key == key) {
        return Ok(());
    }
    let known: Vec<&str> = office.indicators.iter().map(|rule| rule.key.as_str()).collect();
    Err(nobody("aucun indicateur n’a la clé", key, &known))
}
