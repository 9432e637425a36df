//! A CSV file of addresses, as a directory exports it → patterns of requesters.
//!
//! The column is found by its head, whatever stands beside it; fields are separated by `;`, `,` or a tab. A line without an
//! address is refused with its number: somebody of the list would be taken for the public.

use std::path::Path;

use super::Error;
use crate::domain::address::Address;

/// The most addresses of one file.
const MAX_ADDRESSES: usize = 20_000;
/// The heads under which the address may stand.
const HEADS: [&str; 7] = ["address", "adresse", "courriel", "email", "e-mail", "mail", "domaine"];

/// The patterns of a file: each address as it is, and each domain (`@mairie-x.fr`, `mairie-x.fr`) for all that lies in it.
pub(super) fn patterns(path: &Path, text: &str) -> Result<Vec<String>, Error> {
    let wrong = |line: usize, what: String| Error::Syntax { path: path.to_owned(), line, what };
    let text = text.trim_start_matches('\u{feff}');
    let head = text.lines().next().unwrap_or_default();
    let separator = [';', '\t', ','].into_iter().max_by_key(|c| head.matches(*c).count()).unwrap_or(';');
    let heads: Vec<String> = fields(head, separator).iter().map(|field| field.trim().to_lowercase()).collect();
    let column = heads.iter().position(|head| HEADS.contains(&head.as_str())).ok_or_else(|| {
        wrong(1, format!("no column is called {}: the first line must name the columns", HEADS.join(", ")))
    })?;
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty()) {
        let fields = fields(line, separator);
        let value = fields.get(column).map(|field| field.trim()).unwrap_or_default();
        let what = || format!("{value:?} is neither a mail address nor a domain");
        found.push(pattern(value).ok_or_else(|| wrong(number + 1, what()))?);
        if found.len() > MAX_ADDRESSES {
            return Err(wrong(number + 1, format!("more than {MAX_ADDRESSES} addresses")));
        }
    }
    Ok(found)
}

fn pattern(value: &str) -> Option<String> {
    if value.contains('@') && !value.starts_with('@') {
        return Address::parse(value).map(|address| address.canonical());
    }
    let domain = value.strip_prefix('@').unwrap_or(value);
    Address::parse(&format!("x@{domain}")).filter(|_| domain.contains('.')).map(|_| format!("*@{domain}"))
}

/// The fields of a line; one between quotation marks may hold the separator, and a doubled mark is one.
fn fields(line: &str, separator: char) -> Vec<String> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if quoted && rest.peek() == Some(&'"') => {
                rest.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            c if c == separator && !quoted => fields.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    fields.push(field);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, String> {
        patterns(Path::new("elus.csv"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn finds_the_column_whatever_stands_beside_it() {
        let text =
            "\u{feff}Nom;Courriel;Commune\n\"Durand; maire\";Maire@Bourg.example.org;Bourg\n;@agglo.example.org;\n";
        assert_eq!(read(text).expect("read"), ["maire@bourg.example.org", "*@agglo.example.org"]);
        assert_eq!(read("email\nmairie.example.org\n\n").expect("read"), ["*@mairie.example.org"]);
    }

    #[test]
    fn refuses_a_line_without_an_address_by_its_number() {
        let error = read("nom,mail\nA,a@example.org\nB,\n").expect_err("refused");
        assert!(error.starts_with("elus.csv:3: \"\" is neither"), "{error}");
        let error = read("nom,ville\nA,B\n").expect_err("refused");
        assert!(error.contains("elus.csv:1: no column is called address"), "{error}");
    }
}
