//! Named templates: a head, a plain text, and a simple HTML.
//!
//! The plain text begins with a head of `Key: value` lines, then an empty line:
//!
//! ```text
//! Kind: acknowledgement
//! Language: fr
//! Version: 3
//! Subject: [{{ reference }}] Votre message du {{ received.day }}
//!
//! Madame, Monsieur,
//! ```
//!
//! `Version` is whatever the keepers of the texts number them by; it stands in the ledger beside the digest. A template
//! in another language is named after the French one (`pref-pan.en.txt`), and may say in its head by which words a mail
//! in two languages announces it (`Announcement: English version below.`).
//!
//! What several templates share stands in parts (`include.rs`), put in place before anything else is done: a template is
//! one whole text, so that its digest in the ledger says what was sent. Deliberately absent: inheritance; and the filter
//! `safe`, so that nothing that a stranger wrote reaches the HTML unescaped.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::include::{Parts, Place, Whole};
use super::view;

/// Raised when the same template would give another mail: it enters every template's digest.
const COMPOSER_VERSION: &str = "1";
/// The most templates that can be loaded.
const MAX_TEMPLATES: usize = 500;
/// The largest template, in octets, text or HTML.
pub(super) const MAX_SOURCE: usize = 200_000;
/// The longest version of a template, in characters.
const MAX_VERSION: usize = 32;
/// The largest rendered text, in octets.
const MAX_RENDERED: usize = 2_000_000;

/// A template as its files hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateSource {
    /// Its name: `pref-pan`.
    pub name: String,
    /// The head and the plain text: `pref-pan.txt`.
    pub text: String,
    /// The HTML: `pref-pan.html`; mails are plain text only where it is absent.
    pub html: Option<String>,
}

/// What a template words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// *Accusé d'enregistrement*.
    Registration,
    /// *Accusé de réception*.
    Acknowledgement,
    /// What a requester is told of a transfer to another administration.
    Transfer,
    /// An alert to agents.
    Alert,
    /// The morning digest.
    Digest,
    /// The report of a period.
    Report,
}

impl Kind {
    /// The stable name in a template's head, and in `X-Vigie`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::Acknowledgement => "acknowledgement",
            Self::Transfer => "transfer",
            Self::Alert => "alert",
            Self::Digest => "digest",
            Self::Report => "report",
        }
    }

    /// The kind of a stable name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Registration, Self::Acknowledgement, Self::Transfer, Self::Alert, Self::Digest, Self::Report]
            .into_iter()
            .find(|k| k.name() == name)
    }
}

/// What is wrong with a template; names the file's part and line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Two templates of one name, or too many, or too large.
    #[error("template {name}: {why}")]
    Set {
        /// The template.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// The head cannot be read.
    #[error("template {name}.txt, line {line}: {why}")]
    Head {
        /// The template.
        name: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// The template cannot be read or rendered.
    #[error("template {file}, line {line}: {why}")]
    Body {
        /// The file: `pref-pan.html`.
        file: String,
        /// The line, from 1; 0 where it is not known.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// It uses a variable that its kind of mail does not have.
    #[error("template {file}, line {line}: there is no variable {variable} in a mail of kind {}", kind.name())]
    UnknownVariable {
        /// The file.
        file: String,
        /// The line of its first use, from 1.
        line: usize,
        /// The variable.
        variable: String,
        /// The kind.
        kind: Kind,
    },
    /// No template has this name.
    #[error("there is no template {name}")]
    Missing {
        /// The name.
        name: String,
    },
    /// The template is there, and is of another kind.
    #[error("template {name} is of kind {}, where {} is needed", is.name(), wanted.name())]
    WrongKind {
        /// The template.
        name: String,
        /// Its kind.
        is: Kind,
        /// The kind that is needed.
        wanted: Kind,
    },
}

/// A template, checked.
#[derive(Debug, Clone)]
pub(super) struct Template {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) language: String,
    pub(super) version: String,
    /// By which words a mail in two languages announces this one.
    pub(super) announcement: String,
    pub(super) subject: Part,
    pub(super) text: Part,
    pub(super) html: Option<Part>,
    pub(super) digest: String,
}

/// One source of a template; renders on its own.
#[derive(Debug, Clone)]
pub(super) struct Part {
    file: String,
    source: String,
    escaped: bool,
    /// Where each line of the source stands.
    places: Vec<Place>,
}

/// A rendered mail, before MIME.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rendered {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: Option<String>,
}

/// All templates, by name.
#[derive(Debug, Clone, Default)]
pub struct Templates {
    by_name: BTreeMap<String, Template>,
}

impl Templates {
    /// Checks and keeps templates.
    ///
    /// # Errors
    /// The first template that cannot be read, or uses a variable that does not exist.
    pub fn new(sources: Vec<TemplateSource>) -> Result<Self, TemplateError> {
        let mut by_name = BTreeMap::new();
        let (parts, sources) = Parts::take(sources);
        for source in sources {
            let name = source.name.clone();
            let fault = |why: &str| TemplateError::Set { name: name.clone(), why: why.to_owned() };
            if by_name.len() >= MAX_TEMPLATES {
                return Err(fault("there are more than 500 templates"));
            }
            if by_name.insert(name.clone(), Template::read(source, &parts)?).is_some() {
                return Err(fault("two templates have this name"));
            }
        }
        Ok(Self { by_name })
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// The kind of a template.
    #[must_use]
    pub fn kind(&self, name: &str) -> Option<Kind> {
        self.by_name.get(name).map(|template| template.kind)
    }

    /// The other languages in which a template is there: `en` where there are `pref-pan` and `pref-pan.en`.
    #[must_use]
    pub fn translations(&self, name: &str) -> Vec<String> {
        let language = |own: &str| own.strip_prefix(name)?.strip_prefix('.').map(str::to_owned);
        self.names().filter_map(language).collect()
    }

    /// The digest of a template: SHA-256, in hex, over the composer's version, the text and the HTML with their parts.
    #[must_use]
    pub fn digest(&self, name: &str) -> Option<&str> {
        self.by_name.get(name).map(|template| template.digest.as_str())
    }

    /// The version in a template's head; empty where it has none.
    #[must_use]
    pub fn version(&self, name: &str) -> Option<&str> {
        self.by_name.get(name).map(|template| template.version.as_str())
    }

    /// The digest of all templates together: SHA-256, in hex, over their names and digests.
    #[must_use]
    pub fn digest_of_all(&self) -> String {
        let parts: Vec<&str> =
            self.by_name.iter().flat_map(|(name, template)| [name.as_str(), template.digest.as_str()]).collect();
        digest(&parts)
    }

    pub(super) fn get(&self, name: &str) -> Result<&Template, TemplateError> {
        self.by_name.get(name).ok_or_else(|| TemplateError::Missing { name: name.to_owned() })
    }
}

impl Template {
    fn read(source: TemplateSource, parts: &Parts) -> Result<Self, TemplateError> {
        let TemplateSource { name, text, html } = source;
        if text.len().max(html.as_ref().map_or(0, String::len)) > MAX_SOURCE {
            return Err(TemplateError::Set { name, why: "a file is larger than 200 kB".to_owned() });
        }
        let (file, html_file) = (format!("{name}.txt"), format!("{name}.html"));
        let Whole { text, places } = parts.expand(&file, &text)?;
        let html = html.map(|html| parts.expand(&html_file, &html)).transpose()?;
        let digest = digest(&[COMPOSER_VERSION, &text, html.as_ref().map_or("", |html| &html.text)]);
        let Head { kind, language, version, announcement, subject, lines } = Head::read(&name, &text)?;
        let body: String = text.split_inclusive('\n').skip(lines).collect();
        let part = |file: &str, source, escaped, places| Part { file: file.to_owned(), source, escaped, places };
        let subject_places = places.get(subject.0..).unwrap_or_default().to_vec();
        let body_places = places.get(lines..).unwrap_or_default().to_vec();
        let template = Self {
            kind,
            language,
            version,
            announcement,
            subject: part(&file, subject.1, false, subject_places),
            text: part(&file, body, false, body_places),
            html: html.map(|html| part(&html_file, html.text, true, html.places)),
            digest,
            name,
        };
        for part in template.parts() {
            part.check(kind)?;
        }
        Ok(template)
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = &Part> {
        [&self.subject, &self.text].into_iter().chain(&self.html)
    }

    /// Words a mail.
    pub(super) fn render(&self, context: &impl Serialize) -> Result<Rendered, TemplateError> {
        let context = Value::from(minijinja::value::Serde(context));
        Ok(Rendered {
            subject: self.subject.render(&context)?,
            text: self.text.render(&context)?,
            html: self.html.as_ref().map(|part| part.render(&context)).transpose()?,
        })
    }
}

impl Part {
    /// The source, for the linter.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// The file that it comes from.
    pub(super) fn file(&self) -> &str {
        &self.file
    }

    fn check(&self, kind: Kind) -> Result<(), TemplateError> {
        let unknown = self.variables()?.into_iter().find(|variable| !view::has_variable(kind, variable));
        match unknown {
            Some(variable) => {
                let (file, line) = self.place(self.line_of(&variable));
                Err(TemplateError::UnknownVariable { file, line, variable, kind })
            }
            None => Ok(()),
        }
    }

    /// The file and line of a line of the source, which is counted from 1; line 0 where it is not known.
    fn place(&self, line: usize) -> (String, usize) {
        let place = line.checked_sub(1).and_then(|index| self.places.get(index).or_else(|| self.places.last()));
        place.map_or_else(|| (self.file.clone(), 0), |(file, line)| (file.to_string(), *line))
    }

    /// The line of the source on which a variable is first written: minijinja says which are unknown, not where.
    fn line_of(&self, variable: &str) -> usize {
        let whole = |line: &str| {
            let around = |side: Option<char>| side.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '.');
            line.match_indices(variable).any(|(at, _)| {
                let (before, after) = (line.get(..at), line.get(at + variable.len()..));
                around(before.and_then(|text| text.chars().last()))
                    && around(after.and_then(|text| text.chars().next()))
            })
        };
        1 + self.source.lines().position(whole).unwrap_or_default()
    }

    /// The variables that the source uses: `service.phone`.
    fn variables(&self) -> Result<BTreeSet<String>, TemplateError> {
        let environment = environment(self.escaped);
        let template = environment.template_from_str(&self.source).map_err(|error| self.fault(&error))?;
        Ok(template.undeclared_variables(true).into_iter().collect())
    }

    fn render(&self, context: &Value) -> Result<String, TemplateError> {
        let environment = environment(self.escaped);
        let rendered = environment
            .template_from_str(&self.source)
            .and_then(|template| template.render(context.clone()))
            .map_err(|error| self.fault(&error))?;
        if rendered.len() > MAX_RENDERED {
            let why = format!("it renders to more than {MAX_RENDERED} octets");
            return Err(TemplateError::Body { file: self.file.clone(), line: 0, why });
        }
        Ok(rendered)
    }

    fn fault(&self, error: &minijinja::Error) -> TemplateError {
        let (file, line) = self.place(error.line().unwrap_or_default());
        let why = match error.detail() {
            Some(detail) => format!("{}: {detail}", error.kind()),
            None => error.kind().to_string(),
        };
        TemplateError::Body { file, line, why }
    }
}

/// The `Key: value` lines that open a template's text.
struct Head {
    kind: Kind,
    language: String,
    version: String,
    announcement: String,
    /// The line's number less one, and the subject.
    subject: (usize, String),
    /// How many lines it takes, the empty one included.
    lines: usize,
}

impl Head {
    fn read(name: &str, text: &str) -> Result<Self, TemplateError> {
        let fault = |line: usize, why: String| TemplateError::Head { name: name.to_owned(), line, why };
        let (mut kind, mut language, mut subject) = (None, None, None);
        let (mut version, mut announcement) = (String::new(), String::new());
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_end();
            if line.is_empty() {
                let missing = |key: &str| fault(index + 1, format!("the head has no {key} line"));
                return Ok(Self {
                    kind: kind.ok_or_else(|| missing("Kind"))?,
                    language: language.ok_or_else(|| missing("Language"))?,
                    version,
                    announcement,
                    subject: subject.ok_or_else(|| missing("Subject"))?,
                    lines: index + 1,
                });
            }
            let (key, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.trim();
            match key.trim() {
                "Kind" => {
                    let known = "it is one of registration, acknowledgement, transfer, alert, digest, report";
                    let unknown = || fault(index + 1, format!("the kind {value:?} is not known: {known}"));
                    kind = Some(Kind::from_name(value).ok_or_else(unknown)?);
                }
                "Language" if is_language_tag(value) => language = Some(value.to_owned()),
                "Language" => return Err(fault(index + 1, format!("{value:?} is no language tag, such as fr"))),
                "Version" if is_version(value) => value.clone_into(&mut version),
                "Version" => {
                    let what = format!("{value:?} is no version: up to {MAX_VERSION} letters, digits, \".\" and \"-\"");
                    return Err(fault(index + 1, what));
                }
                "Announcement" => value.clone_into(&mut announcement),
                "Subject" if !value.is_empty() => subject = Some((index, value.to_owned())),
                "Subject" => return Err(fault(index + 1, "the subject is empty".to_owned())),
                other => {
                    let keys = "the head has Kind, Language, Version, Announcement and Subject, then an empty line";
                    return Err(fault(index + 1, format!("{other:?} is not known: {keys}")));
                }
            }
        }
        Err(fault(text.lines().count().max(1), "the head is not ended by an empty line".to_owned()))
    }
}

fn is_version(text: &str) -> bool {
    (1..=MAX_VERSION).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b))
}

/// Whether the text looks like a language tag (BCP 47), enough for a header.
fn is_language_tag(text: &str) -> bool {
    (2..=35).contains(&text.len())
        && text.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// The language's rules: undefined variables are errors, an absent value is never written as "none".
fn environment<'source>(escaped: bool) -> Environment<'source> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.remove_filter("safe");
    environment.set_auto_escape_callback(move |_| if escaped { AutoEscape::Html } else { AutoEscape::None });
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    environment.set_formatter(|out, state, value| {
        if value.is_none() {
            return Err(minijinja::Error::new(ErrorKind::UndefinedError, "this value may be absent: test it with if"));
        }
        minijinja::escape_formatter(out, state, value)
    });
    environment
}

/// SHA-256 in hex over parts, each preceded by its length so that no two lists of parts look the same.
pub(super) fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex(&hash.finalize())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "Kind: acknowledgement\nLanguage: fr\nSubject: [{{ reference }}]\n\n";

    fn load(text: &str, html: Option<&str>) -> Result<Templates, TemplateError> {
        let html = html.map(str::to_owned);
        Templates::new(vec![TemplateSource { name: "essai".to_owned(), text: text.to_owned(), html }])
    }

    fn fault(text: &str, html: Option<&str>) -> String {
        load(text, html).map(drop).expect_err("the template is faulty").to_string()
    }

    #[test]
    fn names_the_template_the_line_and_the_fault() {
        for (text, html, expected) in [
            ("Kind: poem\n\n", None, "template essai.txt, line 1: the kind \"poem\" is not known"),
            ("Kind: alert\nSubject: x\n\n", None, "template essai.txt, line 3: the head has no Language line"),
            ("Bonjour\n\n", None, "template essai.txt, line 1: \"Bonjour\" is not known"),
            ("Kind: alert\nLanguage: fr\nSubject:\n\n", None, "line 3: the subject is empty"),
            ("Kind: alert\nLanguage: français\n\n", None, "line 2: \"français\" is no language tag"),
            ("Kind: alert", None, "line 1: the head is not ended"),
        ] {
            assert!(fault(text, html).contains(expected), "{} / {expected}", fault(text, html));
        }
        let broken = format!("{HEAD}Bonjour\n{{% if x %}}\n");
        assert!(fault(&broken, None).starts_with("template essai.txt, line 6"), "{}", fault(&broken, None));
        assert!(fault(HEAD, Some("<p>\n{{ reference")).starts_with("template essai.html, line 2"));
    }

    #[test]
    fn refuses_a_variable_that_does_not_exist() {
        assert_eq!(
            fault(&format!("{HEAD}{{{{ service.fone }}}}"), None),
            "template essai.txt, line 5: there is no variable service.fone in a mail of kind acknowledgement"
        );
    }

    #[test]
    fn refuses_to_include_another_template() {
        assert!(fault(&format!("{HEAD}{{% include 'x' %}}"), None).contains("essai.txt"));
    }

    #[test]
    fn a_part_is_of_the_digest_and_its_faults_are_told_by_its_own_lines() {
        let with = |part: &str| {
            let source =
                |name: &str, text: &str| TemplateSource { name: name.to_owned(), text: text.to_owned(), html: None };
            let text = format!("{HEAD}Bonjour\n{{% include \"_pied.txt\" %}}\nFin\n");
            Templates::new(vec![source("essai", &text), source("_pied", part)])
        };
        let digest = |part: &str| with(part).expect("valid").digest("essai").map(str::to_owned);
        assert_eq!(
            digest("A\n"),
            load(&format!("{HEAD}Bonjour\nA\nFin\n"), None).expect("valid").digest("essai").map(str::to_owned)
        );
        assert_ne!(digest("A\n"), digest("B\n"));
        assert_eq!(with("A\n").expect("valid").names().collect::<Vec<_>>(), ["essai"], "a part is no template");
        let fault = |part: &str| with(part).map(drop).expect_err("faulty").to_string();
        assert!(fault("A\n{{ service.fone }}\n").starts_with("template _pied.txt, line 2: there is no variable"));
        assert!(fault("A\n\n{% if x %}\n").contains("line"), "an end that is missing is told");
        assert!(fault("{% include \"_pied.txt\" %}\n").contains("_pied.txt, line 1"), "no parts within parts");
    }

    #[test]
    fn refuses_to_mark_a_value_as_safe() {
        let templates = load(HEAD, Some("{{ reference|safe }}")).expect("syntax is fine");
        let template = templates.get("essai").expect("loaded");
        assert!(template.render(&serde_json::json!({"reference": "<b>"})).is_err());
    }

    #[test]
    fn escapes_in_html_and_not_in_text() {
        let templates = load(&format!("{HEAD}{{{{ reference }}}}"), Some("{{ reference }}")).expect("valid");
        let rendered = templates.get("essai").expect("loaded").render(&serde_json::json!({"reference": "<b>&"}));
        let rendered = rendered.expect("renders");
        assert_eq!((rendered.text.as_str(), rendered.html.as_deref()), ("<b>&", Some("&lt;b&gt;&amp;")));
    }

    #[test]
    fn never_writes_an_absent_value() {
        let templates = load(&format!("{HEAD}\n{{{{ service.hours }}}}"), None).expect("valid");
        let context = serde_json::json!({"reference": "R", "service": {"hours": null}});
        let error = templates.get("essai").expect("loaded").render(&context).expect_err("hours is absent");
        assert!(error.to_string().starts_with("template essai.txt, line 6"), "{error}");
    }

    #[test]
    fn every_octet_of_a_template_counts_in_its_digest() {
        let digest = |text: &str, html: Option<&str>| {
            load(text, html).expect("valid").digest("essai").map(str::to_owned).expect("loaded")
        };
        let one = digest(HEAD, Some("a"));
        assert_eq!(one, digest(HEAD, Some("a")));
        assert_ne!(one, digest(HEAD, Some("b")));
        assert_ne!(one, digest(&format!("{HEAD} "), Some("a")));
        assert_eq!(one.len(), 64);
    }

    #[test]
    fn refuses_two_templates_of_one_name() {
        let source = TemplateSource { name: "a".to_owned(), text: HEAD.to_owned(), html: None };
        assert!(Templates::new(vec![source.clone(), source]).is_err());
    }
}
