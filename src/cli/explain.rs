//! `vigie explain`: what would be decided of message files, and why.

use std::io::{BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono::{DateTime, Utc};

use super::output::{Format, short_instant};
use super::typed::Moment;
use super::{Answer, names, offline, output};
use crate::app::explain::explain as judge;
use crate::app::query::MessageView;
use crate::clock;
use crate::domain::decide::Desk;
use crate::domain::french::french_date;
use crate::domain::policy::Mode;
use crate::domain::reasons;

/// The largest message file that is read.
const MAX_FILE_OCTETS: u64 = 64 * 1024 * 1024;
/// The most files that are read of one folder.
const MAX_FOLDER_FILES: usize = 1_000_000;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Message files, and folders of them
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The mailbox that receives them
    #[arg(long)]
    mailbox: String,
    /// When they are received (2026-05-07T16:50, civil time, or RFC 3339); by default as their Received header says
    #[arg(long)]
    received_at: Option<Moment>,
    /// Decide as if the mailbox were in this mode
    #[arg(long, value_parser = ["observe", "acknowledge"])]
    mode: Option<String>,
    /// The form of the output
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Explains files, one after the other: a file that cannot be read is said so, and the others go on.
pub fn explain(config: &Path, arguments: &Arguments) -> Answer {
    let mut office = offline(config)?.office;
    if let Some(mode) = arguments.mode.as_deref().and_then(Mode::from_name) {
        office.mailboxes.iter_mut().for_each(|mailbox| mailbox.mode = mode);
    }
    let desk = names::desk(&office, &arguments.mailbox)?;
    let now = clock::now();
    let received_at = arguments.received_at.map(|at| at.past("--received-at", desk.policy.zone, now)).transpose()?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut head = true;
    let mut unread = 0_usize;
    for file in arguments.files.iter().flat_map(|file| within(file)) {
        let file = file.as_path();
        let raw = match read(file) {
            Ok(raw) => raw,
            Err(error) => {
                output::say(&format!("vigie: {}: {error}\n", file.display()));
                unread += 1;
                continue;
            }
        };
        let view = judge(desk, &raw, Some(file.display().to_string()), received_at, now).view;
        let text = match arguments.format {
            Format::Json => serde_json::to_string(&view).map_err(anyhow::Error::from)? + "\n",
            Format::Table => in_words(desk, &view),
            Format::Csv => super::listing::csv_lines(&view, std::mem::take(&mut head))?,
        };
        match out.write_all(text.as_bytes()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
            other => other?,
        }
    }
    out.flush()?;
    Ok(ExitCode::from(u8::from(unread > 0)))
}

/// The files of a folder in the order of their names, without hidden ones and folders in it; a file is itself.
fn within(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(path) else { return vec![path.to_path_buf()] };
    let paths = entries.flatten().map(|entry| entry.path());
    let hidden = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let mut files: Vec<PathBuf> = paths.filter(|p| p.is_file() && !hidden(p)).take(MAX_FOLDER_FILES).collect();
    files.sort_unstable();
    files
}

/// Reads a message file of bounded size; what a device or a pipe says of its own size is not believed.
pub fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut raw = Vec::new();
    std::fs::File::open(file)?.take(MAX_FILE_OCTETS + 1).read_to_end(&mut raw)?;
    if raw.len() as u64 > MAX_FILE_OCTETS {
        return Err(std::io::Error::other(format!("larger than {MAX_FILE_OCTETS} octets")));
    }
    Ok(raw)
}

fn in_words(desk: Desk<'_>, view: &MessageView) -> String {
    let with = |reason: &str, detail: &Option<String>| {
        let detail = detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
        format!("{} [{reason}{detail}]", reasons::french(reason))
    };
    let received = view.received_at.parse::<DateTime<Utc>>().map(|at| short_instant(at, desk.policy.zone));
    let mut text = format!(
        "{}\n  reçu          {}\n  verdict       {}\n  motif         {}\n  accusé        {}\n  motif         {}\n",
        view.file.as_deref().unwrap_or_default(),
        received.unwrap_or_default(),
        reasons::verdict(&view.verdict),
        with(&view.reason, &view.reason_detail),
        super::listing::acknowledgement(&view.acknowledgement),
        with(&view.acknowledgement_reason, &view.acknowledgement_detail),
    );
    if let Some(due) = view.due_on.as_ref().and_then(|day| day.parse().ok()) {
        let why = match &view.commitment {
            Some(commitment) => format!("engagement {commitment}"),
            None => "aucun engagement ne le couvre\u{a0}: date de suivi, qui n’est promise à personne".to_owned(),
        };
        text.push_str(&format!("  échéance      {} ({why})\n", french_date(due)));
    }
    text.push('\n');
    text
}
