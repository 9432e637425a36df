//! What LIST says of a folder, and which folders hold what was sent.

use imap_proto::{MailboxListData, NameAttribute};

use super::utf7;

/// Names that mail clients give to the folder of sent mail, folded as [`fold`] does.
const SENT_NAMES: [&str; 14] = [
    "elements envoyes",
    "element envoye",
    "objets envoyes",
    "messages envoyes",
    "courriers envoyes",
    "envoyes",
    "envoye",
    "sent",
    "sent items",
    "sent messages",
    "sent mail",
    "gesendet",
    "gesendete elemente",
    "gesendete objekte",
];

/// Names that servers and mail clients give to the folder of spam, folded as [`fold`] does.
const JUNK_NAMES: [&str; 12] = [
    "courrier indesirable",
    "courriers indesirables",
    "indesirable",
    "indesirables",
    "pourriel",
    "pourriels",
    "spam",
    "spams",
    "junk",
    "junk e mail",
    "junk email",
    "unerwunscht",
];

/// The use that a server gives to a folder (RFC 6154).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecialUse {
    /// Every message.
    All,
    /// The archive.
    Archive,
    /// Drafts.
    Drafts,
    /// Flagged messages.
    Flagged,
    /// Spam.
    Junk,
    /// Copies of what was sent.
    Sent,
    /// What was deleted.
    Trash,
}

/// One folder of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFolder {
    /// The whole name in Unicode, hierarchy included.
    pub name: String,
    /// The name as the protocol writes it.
    pub raw_name: String,
    /// What separates the levels of the hierarchy; `None` for a flat name.
    pub delimiter: Option<char>,
    /// Every attribute as the server wrote it, for example `\HasNoChildren`.
    pub attributes: Vec<String>,
    /// The use that the server gives to it.
    pub special_use: Option<SpecialUse>,
}

impl ListedFolder {
    /// From one LIST response.
    pub(super) fn new(data: &MailboxListData<'_>) -> Self {
        let raw_name = unescape(&data.name);
        Self {
            name: utf7::decode(&raw_name),
            raw_name,
            delimiter: data.delimiter.as_deref().and_then(|quoted| unescape(quoted).chars().next()),
            attributes: data.name_attributes.iter().map(|attribute| attribute_name(attribute).to_owned()).collect(),
            special_use: data.name_attributes.iter().find_map(special_use),
        }
    }

    /// Whether the folder can be opened.
    pub fn is_selectable(&self) -> bool {
        !self.attributes.iter().any(|own| ["\\noselect", "\\nonexistent"].contains(&own.to_ascii_lowercase().as_str()))
    }

    /// The name without the folders above it.
    pub fn leaf(&self) -> &str {
        self.delimiter.and_then(|delimiter| self.name.rsplit(delimiter).next()).unwrap_or(&self.name)
    }
}

/// The folders that hold what was sent: those that the server designates, then those with a usual name, at any level
/// of the hierarchy. There are often two, one per mail client in use.
pub fn find_sent(folders: &[ListedFolder]) -> Vec<&ListedFolder> {
    find(folders, SpecialUse::Sent, &SENT_NAMES)
}

/// The folders that hold spam, found in the same way.
pub fn find_junk(folders: &[ListedFolder]) -> Vec<&ListedFolder> {
    find(folders, SpecialUse::Junk, &JUNK_NAMES)
}

fn find<'a>(folders: &'a [ListedFolder], used: SpecialUse, names: &[&str]) -> Vec<&'a ListedFolder> {
    let designated = |folder: &&ListedFolder| folder.special_use == Some(used);
    let named = |folder: &&ListedFolder| folder.special_use.is_none() && names.contains(&fold(folder.leaf()).as_str());
    let selectable = || folders.iter().filter(|folder| folder.is_selectable());
    let others = selectable().filter(|folder| !designated(folder)).filter(named);
    selectable().filter(designated).chain(others).collect()
}

/// Lower case, without French accents, one space between words.
fn fold(name: &str) -> String {
    let plain = |c: char| match c {
        'é' | 'è' | 'ê' => 'e',
        'à' | 'â' => 'a',
        '_' | '-' | '\u{a0}' => ' ',
        // combining accents of decomposed names, as some systems write them
        '\u{300}'..='\u{36f}' => '\0',
        other => other,
    };
    let folded: String = name.to_lowercase().chars().map(plain).filter(|c| *c != '\0').collect();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Undoes the quoting that the parser leaves in quoted strings. A literal carries none: what does not look quoted stays.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('\\', Some(quoted @ ('\\' | '"'))) => {
                plain.push(quoted);
                chars.next();
            }
            ('\\', _) => return text.to_owned(),
            _ => plain.push(c),
        }
    }
    plain
}

/// The use that an attribute designates.
fn special_use(attribute: &NameAttribute<'_>) -> Option<SpecialUse> {
    match attribute {
        NameAttribute::All => Some(SpecialUse::All),
        NameAttribute::Archive => Some(SpecialUse::Archive),
        NameAttribute::Drafts => Some(SpecialUse::Drafts),
        NameAttribute::Flagged => Some(SpecialUse::Flagged),
        NameAttribute::Junk => Some(SpecialUse::Junk),
        NameAttribute::Sent => Some(SpecialUse::Sent),
        NameAttribute::Trash => Some(SpecialUse::Trash),
        _ => None,
    }
}

/// The attribute as the protocol writes it.
fn attribute_name<'a>(attribute: &'a NameAttribute<'_>) -> &'a str {
    match attribute {
        NameAttribute::NoInferiors => "\\Noinferiors",
        NameAttribute::NoSelect => "\\Noselect",
        NameAttribute::Marked => "\\Marked",
        NameAttribute::Unmarked => "\\Unmarked",
        NameAttribute::All => "\\All",
        NameAttribute::Archive => "\\Archive",
        NameAttribute::Drafts => "\\Drafts",
        NameAttribute::Flagged => "\\Flagged",
        NameAttribute::Junk => "\\Junk",
        NameAttribute::Sent => "\\Sent",
        NameAttribute::Trash => "\\Trash",
        NameAttribute::Extension(name) => name,
        // the parser's enum may grow; a name that we do not know has no meaning here
        _ => "\\Unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str, delimiter: char, special_use: Option<SpecialUse>) -> ListedFolder {
        ListedFolder {
            name: name.to_owned(),
            raw_name: utf7::encode(name),
            delimiter: Some(delimiter),
            attributes: Vec::new(),
            special_use,
        }
    }

    #[test]
    fn finds_the_designated_sent_folder_first_and_the_usual_names_after_it() {
        let folders = [
            folder("INBOX", '/', None),
            folder("Boite partagée/pref-pan/Éléments envoyés", '/', None),
            folder("INBOX.Sent", '.', None),
            folder("Envois", '/', Some(SpecialUse::Sent)),
            folder("Non envoyés", '/', None),
        ];
        let found: Vec<_> = find_sent(&folders).iter().map(|folder| folder.name.as_str()).collect();
        assert_eq!(found, ["Envois", "Boite partagée/pref-pan/Éléments envoyés", "INBOX.Sent"]);
    }

    #[test]
    fn knows_the_names_of_the_usual_clients() {
        for name in ["Éléments envoyés", "E\u{301}le\u{301}ments envoye\u{301}s", "Elements envoyes", "Envoyés"] {
            assert_eq!(find_sent(&[folder(name, '/', None)]).len(), 1, "{name}");
        }
        for name in ["Messages envoyés", "Sent", "SENT ITEMS", "Sent Messages", "Gesendet", "Gesendete Elemente"] {
            assert_eq!(find_sent(&[folder(name, '/', None)]).len(), 1, "{name}");
        }
    }

    #[test]
    fn passes_over_a_sent_folder_that_cannot_be_opened() {
        let mut sent = folder("Sent", '/', Some(SpecialUse::Sent));
        sent.attributes.push("\\NonExistent".to_owned());
        assert!(find_sent(&[sent]).is_empty());
    }

    #[test]
    fn undoes_quoting_only_where_there_is_quoting() {
        assert_eq!(unescape("\\\\"), "\\");
        assert_eq!(unescape(r#"a \"b\" c"#), r#"a "b" c"#);
        assert_eq!(unescape(r"shared\boxes"), r"shared\boxes");
    }
}
