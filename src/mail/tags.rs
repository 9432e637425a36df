//! The tags of a template's HTML, as far as the linter looks at them: read as a browser reads them, so that no spelling
//! of an attribute or of a style hides what it loads.

use mail_parser::decoders::html::html_to_text;

/// What a link may open; a template's own value is somebody's configured address.
const LINKS: [&str; 7] = ["https:", "http:", "mailto:", "tel:", "cid:", "#", "{{"];
/// What a style loads something by.
const LOADING_STYLES: [&str; 6] = ["url(", "src(", "image(", "image-set(", "@import", "expression("];
/// What a style hides its text by: a property and, without spaces, how the value begins that does.
const HIDING_STYLES: [(&str, &str); 7] = [
    ("display", "none"),
    ("visibility", "hidden"),
    ("visibility", "collapse"),
    ("color", "transparent"),
    ("text-indent", "-"),
    ("mso-hide", "all"),
    ("clip-path", ""),
];
/// The properties that hide their text where they are nothing, or less: sizes, and places beside the page.
const HIDING_NOTHING: [&str; 5] = ["font-size", "opacity", "height", "max-height", "max-width"];
/// The properties that push their text off the page where they are negative.
const HIDING_PLACES: [&str; 4] = ["left", "top", "right", "margin-left"];
/// The most digits of an escaped character in a style (CSS Syntax 3, 4.3.7).
const ESCAPED_DIGITS: usize = 6;

/// A tag of the HTML, its name and attributes in lower case.
pub(super) struct Tag {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    /// The value of an attribute, empty where it has none.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        self.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| decoded(value))
    }

    /// What the tag would fetch from elsewhere, or run.
    pub(super) fn remote(&self) -> Option<String> {
        if matches!(
            self.name.as_str(),
            "script" | "link" | "iframe" | "object" | "embed" | "form" | "base" | "audio" | "video"
        ) {
            return Some(format!("l’élément {} n’a pas sa place dans un courriel", self.name));
        }
        if self.name == "meta" && self.attribute("http-equiv").is_some_and(|what| what.contains("refresh")) {
            return Some("l’élément meta renvoie vers une autre page".to_owned());
        }
        if let Some((name, _)) = self.attributes.iter().find(|(name, _)| name.len() > 2 && name.starts_with("on")) {
            return Some(format!("l’attribut {name} de {} exécute un programme", self.name));
        }
        self.loads().or_else(|| self.strange_link()).or_else(|| {
            let style = unescaped(&self.attribute("style").unwrap_or_default());
            LOADING_STYLES
                .into_iter()
                .find(|loading| style.contains(loading))
                .map(|loading| format!("un style charge un contenu ({})", loading.trim_end_matches('(')))
        })
    }

    /// By what the tag hides its text from a reader. Nothing in a mail needs to be hidden: whatever hides is told, without
    /// looking at what.
    pub(super) fn hides(&self) -> Option<String> {
        let name = self.name.as_str();
        if matches!(name, "template" | "noscript" | "details" | "dialog") {
            return Some(format!("l’élément {name} cache son contenu"));
        }
        if self.attribute("hidden").is_some() || self.attribute("aria-hidden").is_some_and(|value| value == "true") {
            return Some(format!("un élément {name} est caché (attribut hidden ou aria-hidden)"));
        }
        let style = unescaped(&self.attribute("style").unwrap_or_default());
        let declarations = style.split([';', '{', '}']).filter_map(|part| part.split_once(':'));
        let hiding = declarations.map(|(name, value)| (name.trim(), value.split_whitespace().collect::<String>()));
        let hiding = hiding.into_iter().find(|(name, value)| is_hiding(name, value));
        hiding.map(|(property, value)| format!("un style cache du texte ({property}: {value})"))
    }

    /// The attribute by which it loads something that is not in the mail itself.
    fn loads(&self) -> Option<String> {
        let own = |value: &str| decoded(value).split(',').all(|one| one.trim().starts_with("cid:"));
        let loading = |name: &str| match name {
            "src" | "srcset" | "background" | "poster" | "dynsrc" | "lowsrc" | "ping" | "formaction" | "xlink:href" => {
                true
            }
            "href" => !self.is_link(),
            _ => false,
        };
        let found = self.attributes.iter().find(|(name, value)| loading(name) && !own(value));
        found.map(|(name, _)| format!("l’attribut {name} de {} charge un contenu", self.name))
    }

    /// A link that opens no page, no mail and no call.
    fn strange_link(&self) -> Option<String> {
        let target = self.attribute("href").filter(|_| self.is_link())?;
        let target: String = target.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
        let known = LINKS.into_iter().any(|start| target.starts_with(start));
        (!known).then(|| format!("un lien n’ouvre ni page, ni courriel, ni appel : {target}"))
    }

    fn is_link(&self) -> bool {
        matches!(self.name.as_str(), "a" | "area")
    }
}

/// The tags of a source, a sheet's text given as the style of its `style` tag.
pub(super) fn tags(source: &str) -> Vec<Tag> {
    let lower = without_statements(&source.to_lowercase());
    let mut tags = Vec::new();
    for piece in lower.match_indices('<').filter_map(|(at, _)| lower.get(at + 1..)) {
        let name: String = piece.chars().take_while(char::is_ascii_alphanumeric).collect();
        let (mut attributes, after) = attributes(piece.get(name.len()..).unwrap_or_default());
        if name == "style" {
            let sheet = after.split("</style").next().unwrap_or_default();
            attributes = vec![(name.clone(), sheet.to_owned())];
        }
        tags.push(Tag { name, attributes });
    }
    tags
}

/// The attributes of a tag, and what comes after the tag (HTML, "attribute name state" and those that follow it).
fn attributes(inside: &str) -> (Vec<(String, String)>, &str) {
    let mut attributes = Vec::new();
    let mut rest = inside;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() || rest.starts_with('>') {
            return (attributes, rest.strip_prefix('>').unwrap_or(rest));
        }
        let ends = |(at, c): (usize, char)| c.is_whitespace() || matches!(c, '/' | '>') || (c == '=' && at > 0);
        let end = rest.char_indices().find(|one| ends(*one)).map_or(rest.len(), |(at, _)| at);
        let (name, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let (value, after) = match after.trim_start().strip_prefix('=') {
            Some(value) => value_of(value.trim_start()),
            None => ("", after),
        };
        attributes.push((name.to_owned(), value.to_owned()));
        rest = after;
    }
}

/// The value at the beginning of a text, and what comes after it.
fn value_of(text: &str) -> (&str, &str) {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    if let Some(quoted) = quote.and_then(|quote| text.strip_prefix(quote)?.split_once(quote)) {
        return quoted;
    }
    let end = text.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// Whether a declaration of a style hides text.
fn is_hiding(property: &str, value: &str) -> bool {
    let number: String = value.chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+')).collect();
    let number = number.parse::<f64>().ok();
    HIDING_STYLES.iter().any(|(own, start)| property == *own && value.starts_with(start))
        || (HIDING_NOTHING.contains(&property) && number.is_some_and(|number| number <= 0.0))
        || (HIDING_PLACES.contains(&property) && number.is_some_and(|number| number < 0.0))
}

/// A template without its statements and comments, which are not in the mail that it words.
fn without_statements(source: &str) -> String {
    let mut kept = String::new();
    let mut rest = source;
    while let Some(at) = ["{%", "{#"].iter().filter_map(|start| rest.find(start)).min() {
        let (before, statement) = rest.split_at_checked(at).unwrap_or((rest, ""));
        kept.push_str(before);
        let end = if statement.starts_with("{%") { "%}" } else { "#}" };
        rest = statement.split_once(end).map_or("", |(_, rest)| rest);
    }
    kept.push_str(rest);
    kept
}

/// A value without its character references.
fn decoded(value: &str) -> String {
    if value.contains('&') { html_to_text(value).to_lowercase() } else { value.to_owned() }
}

/// A style without its escapes (CSS Syntax 3, 4.3.7).
fn unescaped(style: &str) -> String {
    let mut plain = String::new();
    let mut rest = style;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let digits = after.bytes().take(ESCAPED_DIGITS).take_while(u8::is_ascii_hexdigit).count();
        let (code, after) = after.split_at_checked(digits).unwrap_or((after, ""));
        let escaped = u32::from_str_radix(code, 16).ok().and_then(char::from_u32);
        plain.extend(escaped.map(|c| c.to_ascii_lowercase()));
        rest = if code.is_empty() { after } else { after.strip_prefix(char::is_whitespace).unwrap_or(after) };
    }
    plain.push_str(rest);
    plain
}
