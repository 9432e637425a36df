//! What checks found: all findings are told, not the first only.

use std::process::ExitCode;

use super::{Answer, output};

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    text: String,
    bad: usize,
}

impl Report {
    /// Something is as it should be.
    pub fn good(&mut self, text: &str) {
        self.text.push_str(&format!("  bon    {text}\n"));
    }

    /// Something is no fault, and yet should be known.
    pub fn note(&mut self, text: &str) {
        self.text.push_str(&format!("  à voir {text}\n"));
    }

    /// Something is not.
    pub fn bad(&mut self, text: &str) {
        self.bad += 1;
        self.text.push_str(&format!("  FAUTE  {text}\n"));
    }

    /// Prints all findings; the answer is no where one is bad.
    pub fn print(&self) -> Answer {
        output::print(&self.text)?;
        Ok(ExitCode::from(u8::from(self.bad > 0)))
    }

    /// A check that succeeded or failed.
    pub fn add<E: std::fmt::Display>(&mut self, what: &str, found: Result<String, E>) {
        match found {
            Ok(text) => self.good(&format!("{what}\u{a0}: {text}")),
            Err(error) => self.bad(&format!("{what}\u{a0}: {error}")),
        }
    }
}
