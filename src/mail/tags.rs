//! The tags of a template's HTML, as far as the linter looks at them.

/// A tag of the HTML, its name and attributes in lower case.
pub(super) struct Tag {
    pub(super) name: String,
    attributes: String,
}

impl Tag {
    /// The value of an attribute, between any quotes.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        let padded = self.attributes.replace(['\n', '\t', '\r'], " ");
        let (_, rest) = padded.split_once(&format!(" {name}="))?;
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let rest = quote.map_or(rest, |quote| rest.strip_prefix(quote).unwrap_or(rest));
        let end = |c: char| quote.map_or(c == ' ', |quote| c == quote);
        Some(rest.split(end).next().unwrap_or_default().to_owned())
    }

    /// What the tag would fetch from elsewhere, or run.
    pub(super) fn remote(&self) -> Option<String> {
        if matches!(
            self.name.as_str(),
            "script" | "link" | "iframe" | "object" | "embed" | "form" | "base" | "audio" | "video"
        ) {
            return Some(format!("l’élément {} n’a pas sa place dans un courriel", self.name));
        }
        let loads = ["src", "srcset", "background", "poster"];
        if let Some(name) = loads.into_iter().find(|name| self.attribute(name).is_some_and(|v| !v.starts_with("cid:")))
        {
            return Some(format!("l’attribut {name} de {} charge un contenu", self.name));
        }
        let style = self.attribute("style").unwrap_or_default();
        (style.contains("url(") || style.contains("@import"))
            .then(|| "un style charge un contenu (url ou @import)".to_owned())
    }
}

/// The tags of a source, a sheet's text given as the attributes of its `style` tag.
pub(super) fn tags(source: &str) -> Vec<Tag> {
    let lower = source.to_lowercase();
    let mut tags = Vec::new();
    for piece in lower.split('<').skip(1) {
        let (inside, after) = piece.split_once('>').unwrap_or((piece, ""));
        let name: String = inside.chars().take_while(char::is_ascii_alphanumeric).collect();
        let attributes = if name == "style" { format!(" style=\"{after}\"") } else { format!(" {inside}") };
        tags.push(Tag { name, attributes });
    }
    tags
}
