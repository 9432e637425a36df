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
//! A key gives way to the next one by a *rotation*: a checkpoint with one extension line, `rotation OLD NEW`, signed by
//! both. Whoever trusts one key of such a chain trusts the others ([`KeyRing`]); an old key seals nothing beyond it.
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
/// The most signatures of one seal that are looked at; other tools may add theirs.
const MAX_SIGNATURES: usize = 100;
/// The dash and space before each signature.
const SIGNATURE_MARK: &str = "\u{2014} ";
/// The first word of the extension line that hands over from a key to the next.
const ROTATION: &str = "rotation";

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

/// The keys of one ledger, each trusted because of the others.
#[derive(Debug, Clone)]
pub struct KeyRing {
    keys: Vec<RingKey>,
}

#[derive(Debug, Clone)]
struct RingKey {
    key: Verifier,
    /// The last entry that it may seal; `None` for the key in use.
    until: Option<i64>,
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
    /// Signed by the key of another ledger.
    #[error("its origin is not the name of its key: it is of another ledger")]
    Origin,
    /// Signed by a key that was retired before.
    #[error("it was signed by a key after that key was retired")]
    Retired,
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
        let text = checkpoint(&self.name, head);
        format!("{text}\n{}", self.sign(&text))
    }

    /// Hands over to the next key at a head: signed by both.
    #[must_use]
    pub fn hand_over(&self, next: &Self, head: &Head) -> String {
        let (old, new) = (self.verifier().encode(), next.verifier().encode());
        let text = format!("{}{ROTATION} {old} {new}\n", checkpoint(&self.name, head));
        format!("{text}\n{}{}", self.sign(&text), next.sign(&text))
    }

    /// The signature line under a text.
    fn sign(&self, text: &str) -> String {
        let mut signed = self.verifier().id().to_vec();
        signed.extend_from_slice(&self.key.sign(text.as_bytes()).to_bytes());
        format!("{SIGNATURE_MARK}{} {}\n", self.name, BASE64.encode(signed))
    }
}

/// The three lines of a checkpoint.
fn checkpoint(origin: &str, head: &Head) -> String {
    let hash = unhex(&head.hash).unwrap_or_default();
    format!("{origin}\n{}\n{}\n", head.seq, BASE64.encode(hash))
}

/// Whether a text can name a key: no space, no plus (signed-note, "Format").
#[must_use]
pub fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
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

    /// Reads a seal of the ledger whose name the key bears, and checks its signature.
    pub fn open(&self, note: &str) -> Result<Seal, SealError> {
        let seal = self.text(note).and_then(|text| read(&text))?;
        if seal.origin == self.name { Ok(seal) } else { Err(SealError::Origin) }
    }

    /// The text of a note that this key signed. Signatures of other keys are ignored, even under the same name; one of
    /// this key that does not fit condemns the note.
    pub fn text(&self, note: &str) -> Result<String, SealError> {
        let control = |c: char| c < ' ' && c != '\n';
        if note.len() > MAX_SEAL_OCTETS || note.contains(control) || !note.ends_with('\n') {
            return Err(SealError::Form);
        }
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(SealError::Form)?;
        let text = format!("{text}\n");
        let mut signed = false;
        for line in signatures.lines().take(MAX_SIGNATURES) {
            let (name, octets) =
                line.strip_prefix(SIGNATURE_MARK).and_then(|rest| rest.split_once(' ')).ok_or(SealError::Form)?;
            let octets = BASE64.decode(octets).map_err(|_| SealError::Form)?;
            let (id, signature) = octets.split_at_checked(KEY_ID_OCTETS).ok_or(SealError::Form)?;
            if name == self.name && id == self.id() {
                let signature = Signature::from_slice(signature).map_err(|_| SealError::Forged)?;
                self.key.verify_strict(text.as_bytes(), &signature).map_err(|_| SealError::Forged)?;
                signed = true;
            }
        }
        if signed { Ok(text) } else { Err(SealError::Unsigned) }
    }
}

impl KeyRing {
    /// The keys that one trusted key vouches for through rotations, in any order; what vouches for nothing is ignored.
    #[must_use]
    pub fn new(trusted: Verifier, rotations: &[String]) -> Self {
        let mut ring = Self { keys: vec![RingKey { key: trusted, until: None }] };
        let mut left: Vec<(Verifier, Verifier, i64)> = rotations.iter().filter_map(|note| rotation(note)).collect();
        // Each round takes at least one rotation, so the rounds are as many as the rotations at most.
        while let Some(place) = left.iter().position(|(old, new, _)| ring.has(old) || ring.has(new)) {
            let (old, new, seq) = left.swap_remove(place);
            ring.add(new, None);
            ring.add(old, Some(seq));
        }
        ring
    }

    fn has(&self, key: &Verifier) -> bool {
        self.keys.iter().any(|known| known.key == *key)
    }

    fn add(&mut self, key: Verifier, until: Option<i64>) {
        match self.keys.iter_mut().find(|known| known.key == key) {
            Some(known) => known.until = known.until.into_iter().chain(until).min(),
            None => self.keys.push(RingKey { key, until }),
        }
    }

    /// The published form of every key, the trusted one first.
    #[must_use]
    pub fn encode(&self) -> Vec<String> {
        self.keys.iter().map(|known| known.key.encode()).collect()
    }

    /// Reads a seal that one of the keys signed while it might.
    pub fn open(&self, note: &str) -> Result<Seal, SealError> {
        let mut refused = SealError::Unsigned;
        for RingKey { key, until } in &self.keys {
            match key.open(note) {
                Ok(seal) if until.is_none_or(|until| seal.head.seq <= until) => return Ok(seal),
                Ok(_) => refused = SealError::Retired,
                // A rotation bears the name of the old key, also where the new one has another.
                Err(SealError::Origin) => refused = SealError::Origin,
                Err(SealError::Unsigned) => {}
                Err(error) => return Err(error),
            }
        }
        Err(refused)
    }
}

/// The two keys of a rotation and where it stands in the ledger; `None` unless both signed it.
fn rotation(note: &str) -> Option<(Verifier, Verifier, i64)> {
    let mut words = note.lines().nth(3)?.split(' ');
    let (ROTATION, old, new) = (words.next()?, words.next()?, words.next()?) else { return None };
    let (old, new) = (Verifier::decode(old).ok()?, Verifier::decode(new).ok()?);
    let seal = old.open(note).ok()?;
    (new.text(note).is_ok() && old != new).then_some((old, new, seal.head.seq))
}

/// The checkpoint's lines: origin, size, hash; extension lines after them are ignored.
fn read(text: &str) -> Result<Seal, SealError> {
    let mut lines = text.lines();
    let origin = lines.next().filter(|line| !line.is_empty()).ok_or(SealError::Form)?;
    let size = lines.next().ok_or(SealError::Form)?;
    let seq: i64 = size.parse().map_err(|_| SealError::Form)?;
    if seq < 0 || size != seq.to_string() {
        return Err(SealError::Form);
    }
    let hash = lines.next().and_then(|line| BASE64.decode(line).ok()).filter(|hash| hash.len() == 32);
    let hash = hash.ok_or(SealError::Form)?;
    if lines.any(str::is_empty) {
        return Err(SealError::Form);
    }
    Ok(Seal { origin: origin.to_owned(), head: Head { seq, hash: hex(&hash) } })
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

    #[test]
    fn a_note_of_another_tool_is_believed() {
        // The example of golang.org/x/mod/sumdb/note, after which the format was written down.
        let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let text = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n";
        let note = format!(
            "{text}\n\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
        );
        let verifier = Verifier::decode(key).expect("a key");
        assert_eq!(verifier.text(&note).as_deref(), Ok(text));
    }

    #[test]
    fn signatures_of_other_keys_are_ignored_also_under_the_same_name() {
        let other = SealKey::new("prefecture.example.org/vigie/chain", &[8; 32]);
        let text = checkpoint("prefecture.example.org/vigie/chain", &head(42));
        let note = format!("{text}\n{}{}", other.sign(&text), key().sign(&text));
        assert_eq!(key().verifier().open(&note).map(|seal| seal.head), Ok(head(42)));
    }

    #[test]
    fn a_size_is_written_in_one_way_only() {
        for size in ["042", "+42", "-1", "42 "] {
            let text = format!("prefecture.example.org/vigie/chain\n{size}\n{}\n", BASE64.encode([1; 32]));
            let note = format!("{text}\n{}", key().sign(&text));
            assert_eq!(key().verifier().open(&note), Err(SealError::Form), "{size}");
        }
    }

    #[test]
    fn whoever_trusts_one_key_of_a_chain_trusts_the_others() {
        let keys: Vec<SealKey> = (1..=3).map(|n| SealKey::new("prefecture.example.org", &[n; 32])).collect();
        let rotations = vec![keys[1].hand_over(&keys[2], &head(20)), keys[0].hand_over(&keys[1], &head(10))];
        for trusted in &keys {
            let ring = KeyRing::new(trusted.verifier(), &rotations);
            assert_eq!(ring.open(&keys[0].seal(&head(9))).map(|seal| seal.head.seq), Ok(9));
            assert_eq!(ring.open(&keys[1].seal(&head(20))).map(|seal| seal.head.seq), Ok(20));
            assert_eq!(ring.open(&keys[2].seal(&head(99))).map(|seal| seal.head.seq), Ok(99));
            assert_eq!(ring.open(&rotations[1]).map(|seal| seal.head.seq), Ok(10), "a rotation is a seal");
            assert_eq!(ring.open(&keys[0].seal(&head(11))), Err(SealError::Retired));
        }
    }

    #[test]
    fn a_rotation_that_only_one_key_signed_vouches_for_nothing() {
        let (old, new) = (key(), SealKey::new("prefecture.example.org/vigie/chain", &[8; 32]));
        let whole = old.hand_over(&new, &head(10));
        let lines: Vec<&str> = whole.lines().collect();
        let half = format!("{}\n", lines[..6].join("\n"));
        let ring = KeyRing::new(old.verifier(), &[half]);
        assert_eq!(ring.open(&new.seal(&head(11))), Err(SealError::Unsigned));
    }
}
