//! The words of a mail to the public, in one language or in two: French first, then the other one below it.

use super::notice::AckFields;
use super::template::{Kind, Rendered, Template, TemplateError, Templates};
use super::view::AckView;

/// What stands between the two languages of a plain text.
const RULE: &str = "\n\n* * *\n\n";

/// Which texts were used; of two languages both, joined by `+`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Used {
    /// The names of the templates.
    pub name: String,
    /// Their versions; `–` for a template without one.
    pub version: String,
    /// Their digests.
    pub digest: String,
    /// Their languages, as Content-Language names them.
    pub languages: String,
}

impl Used {
    /// One template.
    pub(super) fn one(template: &Template) -> Self {
        let version = if template.version.is_empty() { "–" } else { &template.version };
        Self {
            name: template.name.clone(),
            version: version.to_owned(),
            digest: template.digest.clone(),
            languages: template.language.clone(),
        }
    }

    fn and(&self, other: &Self) -> Self {
        let joined = |one: &str, two: &str| format!("{one}+{two}");
        Self {
            name: joined(&self.name, &other.name),
            version: joined(&self.version, &other.version),
            digest: joined(&self.digest, &other.digest),
            languages: format!("{}, {}", self.languages, other.languages),
        }
    }
}

/// Words a mail to the public of a kind.
pub(super) fn word(templates: &Templates, fields: &AckFields, kind: Kind) -> Result<(Rendered, Used), TemplateError> {
    let first = of_kind(templates, &fields.template, kind)?;
    let view = AckView::new(fields, &first.language);
    let Some(translation) = &fields.translation else { return Ok((first.render(&view)?, Used::one(first))) };
    let second = of_kind(templates, &translation.template, kind)?;
    let one = first.render(&view.followed_by(&second.announcement, &second.language))?;
    let two = second.render(&AckView::new(translation, &second.language).following())?;
    Ok((joined(one, &two, &second.language), Used::one(first).and(&Used::one(second))))
}

/// A template, which must be of the kind.
pub(super) fn of_kind<'a>(templates: &'a Templates, name: &str, wanted: Kind) -> Result<&'a Template, TemplateError> {
    let template = templates.get(name)?;
    if template.kind == wanted {
        Ok(template)
    } else {
        Err(TemplateError::WrongKind { name: template.name.clone(), is: template.kind, wanted })
    }
}

/// Two wordings in one mail. The second one's HTML lies in the first one's page, marked by its own language (RGAA 4.1,
/// criterion 8.7); where one of them has no HTML, neither has the mail.
fn joined(first: Rendered, second: &Rendered, language: &str) -> Rendered {
    let text = format!("{}{RULE}{}", first.text.trim_end(), second.text.trim_start());
    let html = first.html.zip(second.html.as_deref()).map(|(page, other)| {
        let below = format!("<hr>\n<div lang=\"{language}\">{}</div>\n", body(other));
        match page.rfind("</body>").and_then(|at| page.split_at_checked(at)) {
            Some((above, end)) => format!("{above}{below}{end}"),
            None => format!("{page}\n{below}"),
        }
    });
    Rendered { subject: first.subject, text, html }
}

/// What a page holds between the tags of its body; all of it where it has none.
fn body(page: &str) -> &str {
    let inside = page.split_once("<body").and_then(|(_, rest)| rest.split_once('>')).map_or(page, |(_, inside)| inside);
    inside.rsplit_once("</body>").map_or(inside, |(inside, _)| inside)
}

#[cfg(test)]
mod tests {
    use super::super::template::TemplateSource;
    use super::*;
    use crate::mail::sample;

    fn source(name: &str, language: &str, more: &str, text: &str) -> TemplateSource {
        let page = format!("<html lang=\"{language}\"><body style=\"x\"><p>{text}</p></body></html>");
        TemplateSource {
            name: name.to_owned(),
            text: format!("Kind: acknowledgement\nLanguage: {language}\n{more}Subject: {language}\n\n{text}\n"),
            html: Some(page),
        }
    }

    fn templates() -> Templates {
        Templates::new(vec![
            source(
                "t",
                "fr",
                "Version: 2\n",
                "{% if translation %}{{ translation.text }} {% endif %}Reçu le {{ received.day }}",
            ),
            source(
                "t.en",
                "en",
                "Announcement: English below.\n",
                "Received {{ received.day }}{% if bilingual %} (copy){% endif %}",
            ),
        ])
        .expect("valid")
    }

    fn fields(template: &str, translation: Option<&str>) -> AckFields {
        let fields = |template: &str| AckFields { template: template.to_owned(), ..sample::acknowledgement() };
        AckFields { translation: translation.map(|name| Box::new(fields(name))), ..fields(template) }
    }

    #[test]
    fn french_comes_first_and_announces_the_other_language() {
        let (rendered, used) = word(&templates(), &fields("t", Some("t.en")), Kind::Acknowledgement).expect("worded");
        let text = rendered.text.replace('\u{a0}', " ");
        assert_eq!(text.trim_end(), "English below. Reçu le 7 mai 2026\n\n* * *\n\nReceived 7 May 2026 (copy)");
        let html = rendered.html.expect("HTML").replace('\u{a0}', " ");
        assert!(html.starts_with("<html lang=\"fr\">") && html.matches("<body").count() == 1, "{html}");
        assert!(html.contains("<hr>\n<div lang=\"en\"><p>Received 7 May 2026 (copy)</p></div>\n</body>"), "{html}");
        assert_eq!((rendered.subject.as_str(), used.name.as_str()), ("fr", "t+t.en"));
        assert_eq!((used.version.as_str(), used.languages.as_str()), ("2+–", "fr, en"));
        assert_eq!(used.digest.len(), 129);
    }

    #[test]
    fn one_language_alone_announces_nothing() {
        let (rendered, used) = word(&templates(), &fields("t.en", None), Kind::Acknowledgement).expect("worded");
        assert_eq!(rendered.text.replace('\u{a0}', " ").trim_end(), "Received 7 May 2026");
        assert_eq!((used.name.as_str(), used.languages.as_str()), ("t.en", "en"));
        assert!(word(&templates(), &fields("t", None), Kind::Registration).is_err(), "of another kind");
    }
}
