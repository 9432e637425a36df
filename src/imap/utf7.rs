//! Folder names in the protocol's own encoding: modified UTF-7 (RFC 3501 §5.1.3).
//!
//! Total: no input panics, and a name that is not well-formed stays as it is rather than hiding a folder.

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Base64 with `,` for `/` and without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// A name in Unicode, as the protocol writes it.
pub fn encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    let mut shifted: Vec<u8> = Vec::new();
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            unshift(&mut encoded, &mut shifted);
            encoded.push(c);
            if c == '&' {
                encoded.push('-');
            }
        } else {
            let mut units = [0; 2];
            shifted.extend(c.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    unshift(&mut encoded, &mut shifted);
    encoded
}

/// Ends a run of characters outside printable ASCII.
fn unshift(encoded: &mut String, shifted: &mut Vec<u8>) {
    if !shifted.is_empty() {
        encoded.push('&');
        BASE64.encode_string(&*shifted, encoded);
        encoded.push('-');
        shifted.clear();
    }
}

/// A name as the protocol writes it, in Unicode; as it is where it is not well-formed.
pub fn decode(raw: &str) -> String {
    decode_strict(raw).unwrap_or_else(|| raw.to_owned())
}

/// `None` where a shift is not closed, is not Base64, or is not UTF-16.
fn decode_strict(raw: &str) -> Option<String> {
    let mut name = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, shift)) = rest.split_once('&') {
        name.push_str(plain);
        let (base64, after) = shift.split_once('-')?;
        if base64.is_empty() {
            name.push('&');
        } else {
            name.push_str(&decode_shift(base64)?);
        }
        rest = after;
    }
    name.push_str(rest);
    Some(name)
}

/// The characters of one `&…-`.
fn decode_shift(base64: &str) -> Option<String> {
    let bytes = BASE64.decode(base64).ok()?;
    let (pairs, []) = bytes.as_chunks::<2>() else { return None };
    let units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn encodes_the_names_of_the_field() {
        for (name, raw) in [
            ("INBOX", "INBOX"),
            ("R&D", "R&-D"),
            ("Éléments envoyés", "&AMk-l&AOk-ments envoy&AOk-s"),
            ("Boite partagée/pref-pan", "Boite partag&AOk-e/pref-pan"),
            ("台北", "&U,BTFw-"),
            ("📮", "&2D3c7g-"),
        ] {
            assert_eq!(encode(name), raw);
            assert_eq!(decode(raw), name);
        }
    }

    #[test]
    fn keeps_what_is_not_well_formed() {
        for raw in ["&", "A&B", "&!!!-", "&A-", "&AOk", "&2D0-", "Élé&", "&AAAA", "&AA=-"] {
            assert_eq!(decode(raw), raw);
        }
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in any::<String>()) {
            prop_assert_eq!(decode(&encode(&name)), name);
        }

        #[test]
        fn encoded_names_are_printable_ascii(name in any::<String>()) {
            prop_assert!(encode(&name).bytes().all(|b| (0x20..=0x7e).contains(&b)));
        }

        #[test]
        fn decoding_never_panics(raw in "[&A-Za-z0-9+,=/\u{0}-\u{ff}-]{0,40}") {
            decode(&raw);
        }
    }
}
