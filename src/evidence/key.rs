//! The signing key. In: a file with a secret, made on first use. Out: signatures; and, from a public key, whether one fits.

use std::path::{Path, PathBuf};

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};

use super::EvidenceError;
use crate::config::{secret, seed, user_file};
use crate::infer::hex;

/// A secret Ed25519 key (RFC 8032). Its memory is wiped when it is dropped.
pub struct SecretKey(SigningKey);

/// A public Ed25519 key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl SecretKey {
    /// Where the key of this user is: `unmask/evidence.key` in `XDG_CONFIG_HOME`, or in `.config` at home.
    pub fn default_path() -> Result<PathBuf, EvidenceError> {
        user_file("evidence.key").ok_or(EvidenceError::NoKeyFolder)
    }

    /// Reads the key, or makes it when the file is not there: 64 hexadecimal digits, readable by its owner alone.
    pub fn open(path: &Path) -> Result<Self, EvidenceError> {
        let new = || Ok((hex(&seed()?) + "\n").into_bytes());
        let text = secret(path, new).map_err(|reason| bad(path, &reason))?;
        let seed = std::str::from_utf8(&text).ok().and_then(|text| unhex(text.trim_end()));
        let wrong = || bad(path, "is not 64 hexadecimal digits: restore it, or move it away to have a new one made");
        Ok(Self(SigningKey::from_bytes(&seed.ok_or_else(wrong)?)))
    }

    /// A key from 32 secret bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// What others need to check signatures.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl PublicKey {
    /// From 64 hexadecimal digits in lower case.
    pub fn from_hex(text: &str) -> Option<Self> {
        VerifyingKey::from_bytes(&unhex(text)?).ok().map(Self)
    }

    /// From what a user gave: the digits, or a file with them.
    pub fn parse(text: &str) -> Result<Self, EvidenceError> {
        let digits = |text: &str| Self::from_hex(&text.trim().to_ascii_lowercase());
        let of_file = || std::fs::read_to_string(text).ok().and_then(|read| digits(&read));
        digits(text).or_else(of_file).ok_or_else(|| EvidenceError::PublicKey { text: text.into() })
    }

    /// 64 hexadecimal digits.
    pub fn hex(&self) -> String {
        hex(self.0.as_bytes())
    }

    /// True when this key's owner signed the message; keys and signatures of ambiguous form never fit.
    pub fn fits(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
    }
}

/// `N` bytes from twice as many hexadecimal digits in lower case.
pub(super) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    let text = text.as_bytes();
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

fn bad(path: &Path, reason: &str) -> EvidenceError {
    EvidenceError::Key { path: path.display().to_string(), reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_is_made_once_and_kept_secret() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/folder/evidence.key");
        let made = SecretKey::open(&path).unwrap().public();
        assert_eq!(SecretKey::open(&path).unwrap().public(), made);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            let message = SecretKey::open(&path).err().unwrap().to_string();
            assert!(message.contains("chmod 600") && message.contains("evidence.key"), "{message}");
        }
    }

    #[test]
    fn rfc_8032_test_vector_2() {
        let secret = unhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb").unwrap();
        let key = SecretKey::from_seed(&secret);
        assert_eq!(key.public().hex(), "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        let expected = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                        085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
        assert_eq!(hex(&key.sign(&[0x72])), expected);
        assert!(key.public().fits(&[0x72], &key.sign(&[0x72])));
        assert!(!key.public().fits(&[0x73], &key.sign(&[0x72])));
    }

    #[test]
    fn a_public_key_is_given_as_digits_or_as_a_file() {
        let key = SecretKey::from_seed(&[7; 32]).public();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), key.hex() + "\n").unwrap();
        assert_eq!(PublicKey::parse(&key.hex()).unwrap(), key);
        assert_eq!(PublicKey::parse(file.path().to_str().unwrap()).unwrap(), key);
        assert!(PublicKey::parse("abc").is_err());
    }

    proptest! {
        #[test]
        fn digits_are_read_back(bytes in any::<[u8; 32]>()) {
            prop_assert_eq!(unhex(&hex(&bytes)), Some(bytes));
            prop_assert_eq!(unhex::<31>(&hex(&bytes)), None);
        }
    }
}
