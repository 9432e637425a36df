//! Where a key stands in a TOML text: an error that names its line is mended in seconds.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A step on the way to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// Into a table.
    Key(&'a str),
    /// Into an array.
    Index(usize),
}

/// The line, from 1, of the value at the end of the steps; of the nearest that exists on the way.
#[must_use]
pub fn line(text: &str, steps: &[Step<'_>]) -> usize {
    let Ok(root) = DeTable::parse(text) else { return 1 };
    let mut offset = 0;
    let root = Spanned::new(root.span(), DeValue::Table(root.into_inner()));
    let mut here = &root;
    for step in steps {
        let next = match (step, here.get_ref()) {
            (Step::Key(key), DeValue::Table(table)) => {
                table.iter().find(|(name, _)| name.get_ref() == key).map(|(name, value)| (name.span().start, value))
            }
            (Step::Index(index), DeValue::Array(array)) => array.get(*index).map(|value| (value.span().start, value)),
            (Step::Key(_) | Step::Index(_), _) => None,
        };
        let Some((start, value)) = next else { break };
        offset = start;
        here = value;
    }
    line_of(text, offset)
}

/// The line, from 1, of an octet.
#[must_use]
pub fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|octet| *octet == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_line_of_a_nested_key() {
        let text = "a = 1\n[[mailboxes]]\nname = 'x'\n\n[[mailboxes]]\nname = 'y'\nbureau = 'z'\n";
        let steps = [Step::Key("mailboxes"), Step::Index(1), Step::Key("bureau")];
        assert_eq!(line(text, &steps), 7);
        let missing = [Step::Key("mailboxes"), Step::Index(1), Step::Key("prefix")];
        assert_eq!(line(text, &missing), 5);
    }
}
