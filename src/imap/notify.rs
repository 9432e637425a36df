//! Being told of other folders than the open one while waiting (RFC 5465). A hint, like IDLE: whoever is told looks for
//! himself, and whoever is told nothing looks all the same, only more seldom.

use super::error::Error;
use super::session::Session;
use super::wire::Command;

/// Other folders of which a server is asked to tell.
const MAX_TOLD_OF: usize = 100;
/// What it is asked to tell; a client must ask for all three or for the first two (RFC 5465 §5).
const EVENTS: &str = "(MessageNew MessageExpunge FlagChange)";

/// What the server tells of other folders than the open one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Telling {
    /// It was not asked yet.
    Unasked,
    /// It was asked, and will not: it is not asked again.
    Refused,
    /// It tells of these.
    Of(Vec<String>),
}

impl Session {
    /// Asks the server to tell of changes in other folders too while [`Session::idle`] waits on the open one; whether it
    /// will. A server that does not offer it, or refuses, loses nothing but haste.
    ///
    /// Asked before the folders are read, it leaves no gap between the reading and the telling.
    pub async fn notify(&mut self, others: &[String]) -> Result<bool, Error> {
        match &self.telling {
            Telling::Of(known) if known == others => return Ok(true),
            Telling::Refused => return Ok(false),
            Telling::Of(_) | Telling::Unasked => {}
        }
        if !self.capabilities().notify() {
            return Ok(false);
        }
        let raw: Vec<String> = others.iter().take(MAX_TOLD_OF).map(|folder| self.raw_name(folder)).collect();
        // by name alone Dovecot 2.3 tells nothing of folders whose name has an accent
        let mut command = Command::new("NOTIFY").text(format!(" SET (selected {EVENTS}) (personal {EVENTS})"));
        if let Some((first, rest)) = raw.split_first() {
            // the parenthesis touches the first name: `Command::string` sets a space before each
            command = command.text(" (mailboxes (").bare_string(first);
            command = rest.iter().fold(command, |command, name| command.string(name));
            command = command.text(format!(") {EVENTS})"));
        }
        self.telling = match self.wire.exec(&command, |_| {}).await {
            Ok(()) => Telling::Of(others.to_vec()),
            Err(Error::Refused { .. }) => Telling::Refused,
            Err(other) => return Err(other),
        };
        Ok(self.is_notified())
    }

    /// Whether the server tells of every other folder that it was asked about.
    pub fn is_notified(&self) -> bool {
        let all = matches!(&self.telling, Telling::Of(others) if others.len() <= MAX_TOLD_OF);
        all && !self.has_gone_mute()
    }

    /// Whether the server gave the telling up by itself: it then tells nothing of the open folder either (RFC 5465 §5.8),
    /// and only another session will hear of it.
    pub fn has_gone_mute(&self) -> bool {
        self.wire.hints.overflowed
    }
}
