//! `[[gestures]]` and `[[mailboxes.gestures]]`: what the places and marks of a message in the mail client mean.

use serde::Deserialize;

use super::Error;
use super::file::{MailboxFile, Source};
use super::locate::Step;
use super::locate::Step::{Index, Key};
use crate::domain::gesture::{GestureRule, Means, Sign, Way};

/// The most gestures that one mailbox may know, those of all mailboxes included.
const MAX_GESTURES: usize = 100;
/// The code of a closure whose gesture gives no motive.
const NO_REPLY_NEEDED: &str = "no_reply_needed";
/// The code of a closure as spam.
const SPAM: &str = "spam";

/// A gesture: either a folder or a keyword, and what it means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GestureFile {
    /// The folder into which the message is moved or copied.
    pub folder: Option<String>,
    /// The keyword with which it is marked.
    pub keyword: Option<String>,
    /// `answered`, `holding`, `transferred`, `no_reply_needed`, `incomplete` or `spam`.
    pub means: String,
    /// Answered by which way: `phone`, `counter`, `letter`, `mail`.
    pub by: Option<String>,
    /// Transferred to whom: a watched mailbox's name, or another administration.
    pub to: Option<String>,
    /// Why no reply is needed: a word or two that name nobody.
    pub motive: Option<String>,
}

/// The gestures of a mailbox: its own first, then those of all mailboxes.
pub(super) fn rules(source: &Source, index: usize, file: &MailboxFile) -> Result<Vec<GestureRule>, Error> {
    let mut rules = Vec::new();
    for (at, gesture) in file.gestures.iter().enumerate() {
        let steps = [Key("mailboxes"), Index(index), Key("gestures"), Index(at)];
        rules.push(rule(gesture).map_err(|(key, what)| wrong(source, &steps, key, what))?);
    }
    for (at, gesture) in source.file.gestures.iter().enumerate() {
        let steps = [Key("gestures"), Index(at)];
        rules.push(rule(gesture).map_err(|(key, what)| wrong(source, &steps, key, what))?);
    }
    if rules.len() > MAX_GESTURES {
        let steps = [Key("mailboxes"), Index(index), Key("gestures")];
        return Err(source.error(&steps, format!("at most {MAX_GESTURES} gestures are expected")));
    }
    Ok(rules)
}

/// The folders of gestures, which are watched where they exist.
pub(super) fn folders(rules: &[GestureRule]) -> Vec<String> {
    let folder = |rule: &GestureRule| match &rule.sign {
        Sign::Folder(folder) => Some(folder.clone()),
        Sign::Keyword(_) => None,
    };
    rules.iter().filter_map(folder).collect()
}

fn wrong(source: &Source, steps: &[Step<'_>], key: &str, what: String) -> Error {
    let mut steps = steps.to_vec();
    steps.push(Key(key));
    source.error(&steps, what)
}

type Wrong = (&'static str, String);

fn rule(file: &GestureFile) -> Result<GestureRule, Wrong> {
    Ok(GestureRule { sign: sign(file)?, means: means(file)? })
}

fn sign(file: &GestureFile) -> Result<Sign, Wrong> {
    match (&file.folder, &file.keyword) {
        (Some(folder), None) if !folder.trim().is_empty() => Ok(Sign::Folder(folder.clone())),
        (None, Some(keyword)) if is_keyword(keyword) => Ok(Sign::Keyword(keyword.clone())),
        (None, Some(keyword)) => {
            let what =
                format!("{keyword:?} is no IMAP keyword: letters, digits and signs of ASCII, without \\ and spaces");
            Err(("keyword", what))
        }
        (Some(_), None) => Err(("folder", "a folder's name is expected".to_owned())),
        (Some(_), Some(_)) | (None, None) => Err(("folder", "either folder or keyword is expected".to_owned())),
    }
}

/// A keyword is an atom (RFC 9051 §9): system flags begin with a backslash and mean something else.
fn is_keyword(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !"(){%*\"\\]".contains(c))
}

fn means(file: &GestureFile) -> Result<Means, Wrong> {
    let unused = [("by", file.by.is_some(), "answered"), ("to", file.to.is_some(), "transferred")]
        .into_iter()
        .chain([("motive", file.motive.is_some(), NO_REPLY_NEEDED)])
        .find(|(_, given, goes_with)| *given && file.means != *goes_with);
    if let Some((key, _, goes_with)) = unused {
        return Err((key, format!("goes with means = {goes_with:?} only")));
    }
    Ok(match file.means.as_str() {
        "answered" => {
            let by = file.by.as_deref().unwrap_or_default();
            let expected = || ("by", "\"phone\", \"counter\", \"letter\" or \"mail\" is expected".to_owned());
            Means::Answered(Way::from_name(by).ok_or_else(expected)?)
        }
        "transferred" => {
            let to = file.to.clone().filter(|to| !to.trim().is_empty());
            Means::Transferred(to.ok_or_else(|| ("to", "to whom is expected".to_owned()))?)
        }
        NO_REPLY_NEEDED => Means::NoReplyNeeded(file.motive.clone().unwrap_or_else(|| NO_REPLY_NEEDED.to_owned())),
        SPAM => Means::NoReplyNeeded(SPAM.to_owned()),
        "incomplete" => Means::Incomplete,
        "holding" => Means::Holding,
        other => {
            let known = "\"answered\", \"holding\", \"transferred\", \"no_reply_needed\", \"incomplete\", \"spam\"";
            return Err(("means", format!("{other:?} is none of {known}")));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<GestureRule, String> {
        rule(&toml::from_str(text).expect("the form")).map_err(|(key, what)| format!("{key}: {what}"))
    }

    #[test]
    fn reads_each_kind_of_gesture() {
        let phone = read("folder = 'Vigie/Répondu par téléphone'\nmeans = 'answered'\nby = 'phone'").expect("valid");
        assert_eq!(phone.means, Means::Answered(Way::Phone));
        assert_eq!(phone.name(), "folder:Vigie/Répondu par téléphone");
        let spam = read("keyword = '$VigieSpam'\nmeans = 'spam'").expect("valid");
        assert_eq!(spam.means, Means::NoReplyNeeded("spam".into()));
        assert!(read("folder = 'Vigie/DDT'\nmeans = 'transferred'\nto = 'DDT'").is_ok());
        assert!(read("folder = 'Vigie/Incomplet'\nmeans = 'incomplete'").is_ok());
        assert!(read("folder = 'Vigie/Attente'\nmeans = 'holding'").is_ok());
    }

    #[test]
    fn says_what_is_wrong_with_a_gesture() {
        for (text, expected) in [
            ("means = 'incomplete'", "folder: either"),
            ("folder = 'A'\nkeyword = 'b'\nmeans = 'incomplete'", "folder: either"),
            ("keyword = '\\Answered'\nmeans = 'incomplete'", "keyword: "),
            ("keyword = 'Répondu'\nmeans = 'incomplete'", "keyword: "),
            ("folder = 'A'\nmeans = 'answered'", "by: "),
            ("folder = 'A'\nmeans = 'transferred'", "to: "),
            ("folder = 'A'\nmeans = 'incomplete'\nmotive = 'x'", "motive: goes with"),
            ("folder = 'A'\nmeans = 'done'", "means: \"done\" is none of"),
        ] {
            let error = read(text).expect_err("refused");
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
