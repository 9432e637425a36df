//! `vigie ledger export`: a folder that a reader without vigie verifies, with the verifier in it.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

use super::{Answer, Failure, output};
use crate::app::export::{self, Form};
use crate::config::Settings;
use crate::daemon::seals;
use crate::domain::french::counted;
use crate::store::Store;

/// The verifier: standard Python, no vigie.
const VERIFIER: &str = include_str!("../../deploy/verify/vigie_verify.py");
/// What the folder says of itself.
const READ_ME: &str = "\
Registre de vigie, exporté pour être vérifié sans vigie.

  registre.txt     une écriture par ligne\u{a0}: son empreinte SHA-256, une espace, l’écriture (JSON canonique, RFC 8785)
  tete.txt         la place et l’empreinte de la dernière écriture
  sceaux/          les sceaux (notes signées C2SP, Ed25519), les passages de clé, les horodatages (RFC 3161)
  cles.txt         les clés publiques\u{202f}; comparez-les à celle que vous avez reçue, ne croyez pas celle-ci
  vigie_verify.py  le vérificateur, à lire avant de le lancer

  python3 vigie_verify.py . --key CLE-RECUE [--seal SCEAU-RECU]…

Une ligne «\u{a0}EMPREINTE~ÉCRITURE\u{a0}» est occultée (CRPA L311-6 et L311-7)\u{a0}: seule sa place dans la chaîne se vérifie, et le
vérificateur ne l’admet qu’avec --occulted.
";

/// Writes the folder, whole or not at all.
pub async fn export(settings: &Settings, store: &Store, folder: &Path, redacted: bool) -> Answer {
    if folder.exists() {
        return Err(Failure::Usage(anyhow::anyhow!("{} exists already: give a folder to make", folder.display())));
    }
    let unfinished = folder.with_extension("inachevé");
    if unfinished.exists() {
        std::fs::remove_dir_all(&unfinished).with_context(|| format!("clearing {}", unfinished.display()))?;
    }
    std::fs::create_dir_all(&unfinished).with_context(|| format!("making {}", unfinished.display()))?;
    let form = if redacted { Form::Occulted } else { Form::Whole };
    let entries = write(settings, store, &unfinished, form).await?;
    std::fs::rename(&unfinished, folder).with_context(|| format!("writing {}", folder.display()))?;
    output::print(&format!("{}\u{a0}: {}\n", folder.display(), counted(entries, "écriture", "écritures")))?;
    Ok(ExitCode::SUCCESS)
}

async fn write(settings: &Settings, store: &Store, folder: &Path, form: Form) -> anyhow::Result<i64> {
    let mut export = export::begin(store, form).await?;
    let path = folder.join("registre.txt");
    let what = || format!("writing {}", path.display());
    let mut file = BufWriter::new(File::create(&path).with_context(what)?);
    while let Some(lines) = export.next().await? {
        file.write_all(lines.as_bytes()).with_context(what)?;
    }
    file.into_inner()
        .map_err(std::io::IntoInnerError::into_error)
        .and_then(|file| file.sync_all())
        .with_context(what)?;
    let head = export.head().await?;
    std::fs::write(folder.join("tete.txt"), format!("{} {}\n", head.seq, head.hash))?;
    std::fs::write(folder.join("LISEZMOI.txt"), READ_ME)?;
    std::fs::write(folder.join("vigie_verify.py"), VERIFIER)?;
    let inside = folder.join("sceaux");
    std::fs::create_dir(&inside)?;
    let Some(ledger) = &settings.ledger else { return Ok(head.seq) };
    for path in seals::proofs(&ledger.seals)? {
        let name = path.file_name().with_context(|| format!("{} has no name", path.display()))?;
        std::fs::copy(&path, inside.join(name)).with_context(|| format!("copying {}", path.display()))?;
    }
    if ledger.key_file.exists() {
        let ring = seals::ring(ledger.key()?.verifier(), Some(&ledger.seals), &[])?;
        std::fs::write(folder.join("cles.txt"), ring.encode().join("\n") + "\n")?;
    }
    Ok(head.seq)
}
