//! Parts that several templates share: files whose names begin with `_`, such as `_service.txt`.
//!
//! A line of its own, `{% include "_service.txt" %}`, stands for the part's lines. It is replaced when the templates are
//! read: whatever looks at a template afterwards (its digest, its linter, its variables) sees one whole text, and a part
//! that changes changes the digest of every template that holds it. Deliberately absent: parts within parts.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::template::{MAX_SOURCE, TemplateError, TemplateSource};

/// By what the name of a part begins.
const MARK: char = '_';

/// Whether a name is that of a part, and of no template of its own.
fn is_part(name: &str) -> bool {
    name.starts_with(MARK)
}

/// A line's file, and its number there, from 1.
pub(super) type Place = (Arc<str>, usize);

/// A source without includes, and where each of its lines stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Whole {
    pub(super) text: String,
    pub(super) places: Vec<Place>,
}

/// The shared parts, by the names of their files.
#[derive(Debug, Default)]
pub(super) struct Parts(BTreeMap<String, String>);

impl Parts {
    /// Takes the parts out of what the folder holds.
    pub(super) fn take(sources: Vec<TemplateSource>) -> (Self, Vec<TemplateSource>) {
        let (parts, templates): (Vec<_>, Vec<_>) = sources.into_iter().partition(|source| is_part(&source.name));
        let files = parts.into_iter().flat_map(|TemplateSource { name, text, html }| {
            let html = html.map(|html| (format!("{name}.html"), html));
            std::iter::once((format!("{name}.txt"), text)).chain(html)
        });
        (Self(files.collect()), templates)
    }

    /// A file with its includes replaced.
    pub(super) fn expand(&self, file: &str, source: &str) -> Result<Whole, TemplateError> {
        let own: Arc<str> = file.into();
        let mut whole = Whole::default();
        for (line, number) in source.split_inclusive('\n').zip(1..) {
            let Some(name) = included(line) else {
                whole.text.push_str(line);
                whole.places.push((Arc::clone(&own), number));
                continue;
            };
            let part = self.0.get(name).ok_or_else(|| TemplateError::Body {
                file: file.to_owned(),
                line: number,
                why: format!("there is no part {name}: a part is a file whose name begins with \"{MARK}\""),
            })?;
            whole.text.push_str(part);
            if !part.ends_with('\n') {
                whole.text.push('\n');
            }
            let name: Arc<str> = name.into();
            whole.places.extend((1..=part.lines().count()).map(|number| (Arc::clone(&name), number)));
            if whole.text.len() > MAX_SOURCE {
                let why = "with its parts it is larger than 200 kB".to_owned();
                return Err(TemplateError::Set { name: file.to_owned(), why });
            }
        }
        Ok(whole)
    }
}

/// The file that a line includes; none where the line does something else.
fn included(line: &str) -> Option<&str> {
    let statement = line.trim().strip_prefix("{%")?.strip_suffix("%}")?;
    statement.trim().strip_prefix("include")?.trim().strip_prefix('"')?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> Parts {
        let part = TemplateSource { name: "_service".to_owned(), text: "A\nB".to_owned(), html: None };
        let (parts, templates) = Parts::take(vec![part]);
        assert!(templates.is_empty(), "a part is no template");
        parts
    }

    #[test]
    fn a_part_stands_for_its_line_and_its_lines_keep_their_places() {
        let whole = parts().expand("x.txt", "1\n  {% include \"_service.txt\" %}\n3\n").expect("the part is there");
        assert_eq!(whole.text, "1\nA\nB\n3\n");
        let places: Vec<(&str, usize)> = whole.places.iter().map(|(file, line)| (&**file, *line)).collect();
        assert_eq!(places, [("x.txt", 1), ("_service.txt", 1), ("_service.txt", 2), ("x.txt", 3)]);
    }

    #[test]
    fn a_part_that_is_not_there_is_told_with_its_line() {
        let error = parts().expand("x.txt", "1\n{% include \"_absent.txt\" %}\n").expect_err("absent").to_string();
        assert!(error.starts_with("template x.txt, line 2: there is no part _absent.txt"), "{error}");
    }
}
