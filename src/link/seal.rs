//! Prints at rest. In: bytes, a key file of this machine. Out: sealed bytes that only the key opens and that
//! nobody can alter or move to another call unseen (XChaCha20-Poly1305; Y. Nir, A. Langley, RFC 8439, with the extended
//! nonce of S. Arciszewski's draft). Whoever has both the store and the key can open them: keep the key elsewhere.

use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead, AeadCore, KeyInit, OsRng, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use crate::config::{secret, user_file};

/// Length of the key file.
const KEY_BYTES: usize = 32;

/// A sealed print.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Sealed {
    /// Used once.
    pub nonce: Vec<u8>,
    /// The sealed bytes.
    pub bytes: Vec<u8>,
}

/// Something wrong with the key or with what it should open.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key file.
    #[error("{path}: {reason}: name another --link-key, or give it back its 32 bytes", path = path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Neither of the folders where a key could lie is known.
    #[error("no folder for the key: set HOME or XDG_CONFIG_HOME, or name a file with --link-key")]
    NoKeyFolder,
    /// Wrong key, or altered bytes.
    #[error("the print of {call} does not open with this key: it was made with another, or altered")]
    Closed {
        /// Which call.
        call: String,
    },
}

/// Seals and opens with one key.
pub struct Vault(XChaCha20Poly1305);

impl Vault {
    /// Where the key of this user is: `unmask/link.key` in the user's configuration folder.
    pub fn default_path() -> Result<PathBuf, VaultError> {
        user_file("link.key").ok_or(VaultError::NoKeyFolder)
    }

    /// Reads the key, or makes one that only its owner can read.
    pub fn open(path: &Path) -> Result<Self, VaultError> {
        let failed = |reason: String| VaultError::Key { path: path.to_owned(), reason };
        let new = || Ok(XChaCha20Poly1305::generate_key(&mut OsRng).to_vec());
        let key = secret(path, new).map_err(failed)?;
        let cipher = XChaCha20Poly1305::new_from_slice(&key);
        cipher.map(Self).map_err(|_| failed(format!("holds {} bytes, not {KEY_BYTES}", key.len())))
    }

    /// Seals a print to its call.
    pub fn seal(&self, call: &str, print: &[u8]) -> Result<Sealed, VaultError> {
        let nonce = XChaCha20Poly1305::generate_nonce(&mut OsRng);
        let sealed = self.0.encrypt(&nonce, Payload { msg: print, aad: call.as_bytes() });
        let bytes = sealed.map_err(|_| VaultError::Closed { call: call.to_owned() })?;
        Ok(Sealed { nonce: nonce.to_vec(), bytes })
    }

    /// Opens the print of a call.
    pub fn unseal(&self, call: &str, sealed: &Sealed) -> Result<Vec<u8>, VaultError> {
        let closed = || VaultError::Closed { call: call.to_owned() };
        if sealed.nonce.len() != XNonce::default().len() {
            return Err(closed());
        }
        let payload = Payload { msg: &sealed.bytes, aad: call.as_bytes() };
        self.0.decrypt(XNonce::from_slice(&sealed.nonce), payload).map_err(|_| closed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vault() -> (tempfile::TempDir, Vault) {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(&dir.path().join("k/link.key")).unwrap();
        (dir, vault)
    }

    #[test]
    fn a_key_is_made_once_and_is_the_owners_alone() {
        let (dir, vault) = vault();
        let path = dir.path().join("k/link.key");
        let sealed = vault.seal("a", b"print").unwrap();
        let again = Vault::open(&path).unwrap();
        assert_eq!(again.unseal("a", &sealed).unwrap(), b"print");
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions()) & 0o77, 0);
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
        assert!(Vault::open(&path).err().unwrap().to_string().contains("chmod 600"));
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        std::fs::write(&path, b"short").unwrap();
        assert!(Vault::open(&path).err().unwrap().to_string().contains("link.key"));
    }

    #[test]
    fn a_print_belongs_to_its_call_and_its_key() {
        let (_a, vault) = vault();
        let sealed = vault.seal("a", b"print").unwrap();
        assert!(vault.unseal("b", &sealed).is_err());
        let (_b, other) = self::vault();
        assert!(other.unseal("a", &sealed).is_err());
        assert!(!sealed.bytes.windows(5).any(|w| w == b"print"), "it is not readable");
    }

    proptest! {
        #[test]
        fn any_altered_bit_is_noticed(print in prop::collection::vec(any::<u8>(), 1..64), at in 0usize..10_000) {
            let (_dir, vault) = vault();
            let mut sealed = vault.seal("a", &print).unwrap();
            let bit = at % (sealed.bytes.len() * 8);
            sealed.bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(vault.unseal("a", &sealed).is_err());
        }
    }
}
