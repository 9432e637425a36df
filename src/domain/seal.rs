//! Seals: the ledger's head, signed, in a form that other tools can read.
//!
//! A seal is a C2SP *checkpoint* (an origin, a size, a hash in base64, each on its line) as the text of a C2SP *signed
//! note* (an empty line, then `— NAME BASE64` for each signature). Its size is the place of the last sealed entry, its
//! hash that entry's hash. The signature is Ed25519 over the text up to and including the last line break before the
//! empty line; the octets in base64 are the key's id (four octets) and the signature (sixty-four).
//!
//! Whoever kept a seal can prove any later rewriting of what it covers, a truncation included: the chain up to the
//! sealed entry either still ends in the sealed hash, or it was changed.
//!
//! Sources: c2sp.org/signed-note, c2sp.org/tlog-checkpoint. A checkpoint's hash is elsewhere the root of a Merkle tree;
//! here it is the head of a hash chain, which the origin's last word, `chain`, says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use super::ledger::{Head, hex, unhex};

/// The signature algorithm's number in key ids and verifier keys: Ed25519.
const ALGORITHM: u8 = 1;
/// The octets of a key's id.
const KEY_ID_OCTETS: usize = 4;
/// The largest seal that is read.
const MAX_SEAL_OCTETS: usize = 16 * 1024;
/// The dash and space before each signature.
const SIGNATURE_MARK: &str = "\u{2014} ";

/// A key that signs seals, under a name.
#[derive(Clone)]
pub struct SealKey {
    name: String,
    key: SigningKey,
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealKey({})", self.verifier().encode())
    }
}

/// The public half: what an auditor needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    key: VerifyingKey,
}

/// The ledger's head, as it was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// Whose ledger: the origin line.
    pub origin: String,
    /// The place and hash of the last sealed entry.
    pub head: Head,
}

/// Why a seal or a key cannot be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not a signed checkpoint.
    #[error("this is no signed checkpoint")]
    Form,
    /// Not signed by the key.
    #[error("no signature of the given key stands under it")]
    Unsigned,
    /// The signature is wrong.
    #[error("the signature does not fit the text")]
    Forged,
    /// Not a key.
    #[error("this is no Ed25519 verifier key (NAME+ID+KEY)")]
    Key,
}

impl SealKey {
    /// A key from its 32 secret octets.
    #[must_use]
    pub fn new(name: &str, secret: &[u8; 32]) -> Self {
        Self { name: name.to_owned(), key: SigningKey::from_bytes(secret) }
    }

    /// The public half.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        Verifier { name: self.name.clone(), key: self.key.verifying_key() }
    }

    /// Signs a head.
    #[must_use]
    pub fn seal(&self, head: &Head) -> String {
        let hash = unhex(&head.hash).unwrap_or_default();
        let text = format!("{}\n{}\n{}\n", self.name, head.seq, BASE64.encode(hash));
        let mut signed = self.verifier().id().to_vec();
        signed.extend_from_slice(&self.key.sign(text.as_bytes()).to_bytes());
        format!("{text}\n{SIGNATURE_MARK}{} {}\n", self.name, BASE64.encode(signed))
    }
}

impl Verifier {
    /// The key's id: the head of SHA-256 over name, line break, algorithm and key.
    fn id(&self) -> [u8; KEY_ID_OCTETS] {
        let mut hasher = Sha256::new();
        hasher.update(&self.name);
        hasher.update([b'\n', ALGORITHM]);
        hasher.update(self.key.as_bytes());
        let digest: [u8; 32] = hasher.finalize().into();
        [digest[0], digest[1], digest[2], digest[3]]
    }

    /// The verifier key as it is published: `NAME+ID+KEY`.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut key = vec![ALGORITHM];
        key.extend_from_slice(self.key.as_bytes());
        format!("{}+{}+{}", self.name, hex(&self.id()), BASE64.encode(key))
    }

    /// Reads a published verifier key.
    pub fn decode(text: &str) -> Result<Self, SealError> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(SealError::Key);
        };
        let octets = BASE64.decode(key).map_err(|_| SealError::Key)?;
        let Some((&ALGORITHM, key)) = octets.split_first() else { return Err(SealError::Key) };
        let key: [u8; 32] = key.try_into().map_err(|_| SealError::Key)?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| SealError::Key)?;
        let verifier = Self { name: name.to_owned(), key };
        if hex(&verifier.id()) == id { Ok(verifier) } else { Err(SealError::Key) }
    }

    /// Reads a seal and checks its signature.
    pub fn open(&self, note: &str) -> Result<Seal, SealError> {
        if note.len() > MAX_SEAL_OCTETS {
            return Err(SealError::Form);
        }
        let (text, signatures) = note.split_once("\n\n").ok_or(SealError::Form)?;
        let text = format!("{text}\n");
        let head = format!("{SIGNATURE_MARK}{} ", self.name);
        let signature = signatures.lines().find_map(|line| line.strip_prefix(&head)).ok_or(SealError::Unsigned)?;
        let octets = BASE64.decode(signature).map_err(|_| SealError::Form)?;
        let (id, signature) = octets.split_at_checked(KEY_ID_OCTETS).ok_or(SealError::Form)?;
        if id != self.id() {
            return Err(SealError::Unsigned);
        }
        let signature = Signature::from_slice(signature).map_err(|_| SealError::Form)?;
        self.key.verify_strict(text.as_bytes(), &signature).map_err(|_| SealError::Forged)?;
        read(&text)
    }
}

/// The checkpoint's lines: origin, size, hash; extension lines after them are ignored.
fn read(text: &str) -> Result<Seal, SealError> {
    let mut lines = text.lines();
    let origin = lines.next().filter(|line| !line.is_empty()).ok_or(SealError::Form)?;
    let size = lines.next().and_then(|line| line.parse().ok()).filter(|size| *size >= 0).ok_or(SealError::Form)?;
    let hash = lines.next().and_then(|line| BASE64.decode(line).ok()).filter(|hash| hash.len() == 32);
    let hash = hash.ok_or(SealError::Form)?;
    Ok(Seal { origin: origin.to_owned(), head: Head { seq: size, hash: hex(&hash) } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SealKey {
        SealKey::new("prefecture.example.org/vigie/chain", &[7; 32])
    }

    fn head(seq: i64) -> Head {
        Head { seq, hash: "ab".repeat(32) }
    }

    #[test]
    fn a_seal_is_a_signed_checkpoint() {
        let note = key().seal(&head(42));
        let lines: Vec<&str> = note.lines().collect();
        assert_eq!(
            lines[..4],
            ["prefecture.example.org/vigie/chain", "42", "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=", ""]
        );
        assert!(lines[4].starts_with("\u{2014} prefecture.example.org/vigie/chain "), "{}", lines[4]);
    }

    #[test]
    fn what_was_signed_is_read_back_by_the_published_key() {
        let verifier = Verifier::decode(&key().verifier().encode()).expect("a key");
        let seal = verifier.open(&key().seal(&head(42))).expect("a seal");
        assert_eq!(seal.head, head(42));
    }

    #[test]
    fn every_changed_octet_is_found() {
        let note = key().seal(&head(42));
        let verifier = key().verifier();
        let signed = note.find("\n\n").expect("signed") + 2;
        for at in 0..note.len() {
            let mut octets = note.clone().into_bytes();
            octets[at] ^= 1;
            let Ok(changed) = String::from_utf8(octets) else { continue };
            // A base64 text has spare bits at its end; what they say is the same signature.
            let same = at >= signed && verifier.open(&changed).is_ok_and(|seal| seal.head == head(42));
            assert!(same || verifier.open(&changed).is_err(), "octet {at}");
        }
    }

    #[test]
    fn another_key_under_the_same_name_is_not_believed() {
        let other = SealKey::new("prefecture.example.org/vigie/chain", &[8; 32]);
        assert_eq!(other.verifier().open(&key().seal(&head(1))), Err(SealError::Unsigned));
        assert_eq!(Verifier::decode("name+00000000+AAAA"), Err(SealError::Key));
    }
}
