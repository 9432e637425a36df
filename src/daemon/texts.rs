//! The texts in use: checked, and read again when their files change. Texts that lack what the law wants are refused, and
//! those in use stay.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, ensure};
use tokio::time::sleep;

use super::mailbox::Shared;
use crate::app::tick;
use crate::clock;
use crate::config::{self, Settings};
use crate::domain::wording::Text;
use crate::mail::lint::{Finding, lint, word_all};
use crate::mail::template::{Kind, TemplateSource, Templates};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// How long the loop may be without progress before the watchdog starves.
const PATIENCE: Duration = Duration::from_mins(5);

/// The texts of a configuration, as its files hold them.
pub fn templates(settings: &Settings) -> anyhow::Result<Templates> {
    usable(settings, &settings.templates)
}

fn usable(settings: &Settings, files: &[config::TemplateFile]) -> anyhow::Result<Templates> {
    let source = |file: &config::TemplateFile| TemplateSource {
        name: file.name.clone(),
        text: file.text.clone(),
        html: file.html.clone(),
    };
    let templates = Templates::new(files.iter().map(source).collect()).context("a template cannot be used")?;
    word_all(&templates).context("a template cannot be used")?;
    check_kinds(settings, &templates)?;
    Ok(templates)
}

/// A mail of another kind than the one that is wanted could not be written on the day that it is due.
fn check_kinds(settings: &Settings, templates: &Templates) -> anyhow::Result<()> {
    let texts = || settings.office.mailboxes.iter().flat_map(|mailbox| &mailbox.texts);
    let full = texts().map(|text| (&text.template, &text.translations, Kind::Acknowledgement));
    let notices = texts().filter_map(|text| text.registration.as_ref());
    let notices = notices.map(|notice| (&notice.template, &notice.translations, Kind::Registration));
    for (template, translations, wanted) in full.chain(notices) {
        for name in std::iter::once(template.clone()).chain(translations.iter().map(|tag| format!("{template}.{tag}")))
        {
            let is = templates.kind(&name).with_context(|| format!("there is no template {name}"))?;
            ensure!(is == wanted, "template {name} is of kind {}, where {} is needed", is.name(), wanted.name());
        }
    }
    Ok(())
}

/// What is missing or wrong in each text, by its name; one that words a text on which silence decides must also say what
/// silence means.
pub fn findings(settings: &Settings, templates: &Templates) -> anyhow::Result<Vec<(String, Vec<Finding>)>> {
    let demandes = |name: &str| {
        let mut own = settings.office.mailboxes.iter().flat_map(|mailbox| &mailbox.texts);
        own.any(|text| is_worded_by(text, name) && text.silence.is_some())
    };
    templates.names().map(|name| Ok((name.to_owned(), lint(templates, name, demandes(name))?))).collect()
}

/// Whether a template words the text, in French or in another language.
fn is_worded_by(text: &Text, name: &str) -> bool {
    name.strip_prefix(text.template.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Looks at the files until it is told to stop, and takes changed texts into use.
pub async fn run(shared: Shared) -> anyhow::Result<()> {
    let pulse = shared.heart.pulse("texts", PATIENCE);
    let folder = &shared.settings.templates_folder;
    // The first look reads them again: they may have changed since they were read at the start.
    let mut seen = Vec::new();
    let mut before = stamps(folder);
    loop {
        pulse.beat();
        tokio::select! {
            () = shared.stop.cancelled() => return Ok(()),
            () = sleep(LOOK_EVERY) => {}
        }
        let now = stamps(folder);
        // Looked at once more before they are read: whoever writes them has then finished.
        let settled = now == before;
        before.clone_from(&now);
        if now == seen || !settled {
            continue;
        }
        seen = now;
        match reread(&shared.settings) {
            Ok(templates) if templates.digest_of_all() == shared.texts.borrow().digest_of_all() => {}
            Ok(templates) => {
                let digest = templates.digest_of_all();
                tick::note_texts(&shared.store, &digest, clock::now()).await?;
                shared.texts.send_replace(Arc::new(templates));
                tracing::info!("changed texts are in use, digest {digest}");
            }
            Err(error) => tracing::error!("the changed texts are refused, those in use stay: {error:#}"),
        }
    }
}

fn reread(settings: &Settings) -> anyhow::Result<Templates> {
    let templates = usable(settings, &config::read_templates(&settings.templates_folder)?)?;
    let found: Vec<String> =
        findings(settings, &templates)?.iter().flat_map(|(_, findings)| findings).map(ToString::to_string).collect();
    ensure!(found.is_empty(), "{}", found.join(" ; "));
    Ok(templates)
}

/// Names, sizes and dates of the files: what changes when a text does.
fn stamps(folder: &Path) -> Vec<(std::ffi::OsString, u64, Option<SystemTime>)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let stamp = |entry: std::fs::DirEntry| {
        let data = entry.metadata().ok()?;
        Some((entry.file_name(), data.len(), data.modified().ok()))
    };
    let mut stamps: Vec<_> = entries.filter_map(stamp).collect();
    stamps.sort();
    stamps
}
