//! The commands, run as people run them, on a database of their own; no servers.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The shipped configuration on another database, with the ledger sealed into a folder of its own.
pub struct Shell {
    pub folder: tempfile::TempDir,
}

impl Shell {
    /// A configuration beside an embedded database.
    pub fn new() -> Self {
        Self::on("vigie.db", "")
    }

    /// A configuration on a database, with more lines under `[ledger]`.
    pub fn on(url: &str, ledger: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        let text = std::fs::read_to_string(shipped.join("vigie.toml")).unwrap();
        let inside = |name: &str| format!("\"{}\"", shipped.join(name).display());
        let sealed = format!(
            "[ledger]\norigin = \"prefecture.example.org/vigie\"\nkey_file = \"seal.key\"\nseals = \"seals\"\n{ledger}\n[web]\n"
        );
        let text = text
            .replace("/var/lib/vigie/vigie.db", url)
            .replace("= \"templates\"", &format!("= {}", inside("templates")))
            .replace("= \"commitments.toml\"", &format!("= {}", inside("commitments.toml")))
            .replace("= \"requesters.toml\"", &format!("= {}", inside("requesters.toml")))
            .replace("= \"closures.toml\"", &format!("= {}", inside("closures.toml")))
            .replace("\n[web]\n", &format!("\n{sealed}"));
        std::fs::write(folder.path().join("vigie.toml"), text).unwrap();
        Self { folder }
    }

    /// A path in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs vigie; what became of it.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
        command.arg("--config").arg(self.path("vigie.toml")).args(arguments).current_dir(self.folder.path());
        command.env("USER", "camille").output().unwrap()
    }

    /// Starts vigie, and leaves it to itself.
    pub fn start(&self, arguments: &[&str]) -> std::process::Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
        command.arg("--config").arg(self.path("vigie.toml")).args(arguments).current_dir(self.folder.path());
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
    }

    /// What vigie prints; it has to succeed.
    pub fn say(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What vigie prints as JSON, one value a line; it may answer no.
    pub fn json(&self, arguments: &[&str]) -> Vec<serde_json::Value> {
        let output = self.run(&[arguments, &["--format", "json"]].concat());
        let said = String::from_utf8(output.stdout).unwrap();
        let lines = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(!said.is_empty() || output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        lines
    }
}
