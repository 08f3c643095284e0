//! The first two parts of a bundle. In: what a run was made of. Out: what is signed, and the signature.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::container::is_valid_name;
use super::key::unhex;
use super::{EvidenceError, PublicKey, SecretKey};
use crate::infer::hex;
use crate::types::record::{ModelInfo, RuntimeInfo};

/// Name and version of the form of a bundle.
pub const SCHEMA: &str = "unmask-evidence/1";

/// Name of the part that says what is in the bundle.
pub const MANIFEST: &str = "manifest.json";

/// Name of the part that is signed.
pub const SIGNATURE: &str = "signature.json";

/// Largest manifest that is read (some 120 bytes a part).
pub const MAX_MANIFEST: u64 = 1 << 20;

/// Most parts: three stills of each of 1000 events.
const MAX_PARTS: usize = 3100;

/// Largest bundle that is read: a frame takes some 600 bytes, so 12 hours at 60 frames a second take 1.6 GB.
const MAX_BYTES: u64 = 16 << 30;

/// What is in a bundle, and from what it was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`SCHEMA`].
    pub schema: String,
    /// When the bundle was made: RFC 3339, UTC.
    pub made_utc: String,
    /// Whence that time is.
    pub made_utc_from: String,
    /// Version of the program.
    pub tool_version: String,
    /// The recording.
    pub input: InputInfo,
    /// Every network that took part.
    pub models: Vec<ModelInfo>,
    /// What ran them.
    pub runtime: RuntimeInfo,
    /// SHA-256 of `config.json`, hex; also in the records' `start`.
    pub config_sha256: String,
    /// Every other part but the signature, in the order of the archive.
    pub parts: Vec<PartInfo>,
    /// What the signature shows and what not.
    pub signature_means: String,
    /// The sentence every verdict carries.
    pub scope: String,
}

/// The recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputInfo {
    /// Path or URI, without credentials.
    pub uri: String,
    /// SHA-256, hex; null for network sources.
    pub sha256: Option<String>,
    /// Size; null for network sources.
    pub bytes: Option<u64>,
    /// Declared length in seconds.
    pub duration_s: Option<f64>,
    /// True when the file carries a C2PA manifest, which is not verified; its absence is no sign.
    pub c2pa: Option<bool>,
    /// The chain in `input-chain.txt`; null when the recording was no file, so that it could not be read again.
    pub chain: Option<ChainInfo>,
}

/// A chain's outline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainInfo {
    /// How links are made.
    pub rule: String,
    /// Size of each segment but the last.
    pub segment_bytes: u64,
    /// How many.
    pub segments: u64,
    /// The last link, hex.
    pub head: String,
}

/// A part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartInfo {
    /// Its name in the archive.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Hex.
    pub sha256: String,
}

/// The signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// `ed25519`.
    pub algorithm: String,
    /// Whose, hex.
    pub public_key: String,
    /// What is signed is the line `unmask-evidence/1 manifest sha256 <this>` with its line feed.
    pub manifest_sha256: String,
    /// Hex.
    pub signature: String,
}

impl Manifest {
    /// As it stands in the bundle.
    pub fn text(&self) -> Result<Vec<u8>, EvidenceError> {
        text(self, MANIFEST)
    }

    /// Reads a manifest; what no bundle of ours has is refused with the reason.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let manifest: Self = serde_json::from_slice(text).map_err(|e| e.to_string())?;
        if manifest.schema != SCHEMA {
            return Err(format!("its schema is {:?}, known is {SCHEMA}", manifest.schema));
        }
        if manifest.parts.len() > MAX_PARTS {
            return Err(format!("it names more than {MAX_PARTS} parts"));
        }
        let mut seen = HashSet::from([MANIFEST, SIGNATURE]);
        let mut total = 0u64;
        for part in &manifest.parts {
            if !is_valid_name(&part.name) {
                return Err(format!("{:?} is no name for a part", part.name));
            }
            if !seen.insert(&part.name) {
                return Err(format!("it names {} twice", part.name));
            }
            total = total.saturating_add(part.bytes);
        }
        if total > MAX_BYTES {
            return Err(format!("its parts take {total} bytes, more than {MAX_BYTES}"));
        }
        Ok(manifest)
    }

    /// The part of this name.
    pub fn part(&self, name: &str) -> Option<&PartInfo> {
        self.parts.iter().find(|part| part.name == name)
    }
}

impl Signature {
    /// Signs a manifest.
    pub fn of(manifest: &[u8], key: &SecretKey) -> Self {
        let manifest_sha256 = hex(&Sha256::digest(manifest));
        let signature = hex(&key.sign(&message(&manifest_sha256)));
        Self { algorithm: "ed25519".into(), public_key: key.public().hex(), manifest_sha256, signature }
    }

    /// As it stands in the bundle.
    pub fn text(&self) -> Result<Vec<u8>, EvidenceError> {
        text(self, SIGNATURE)
    }

    /// Reads a signature; none when it is not, byte for byte, as [`Signature::text`] writes it.
    pub fn parse(found: &[u8]) -> Option<Self> {
        let signature: Self = serde_json::from_slice(found).ok()?;
        (signature.algorithm == "ed25519" && signature.text().ok()? == found).then_some(signature)
    }

    /// The key it claims to be from.
    pub fn key(&self) -> Option<PublicKey> {
        PublicKey::from_hex(&self.public_key)
    }

    /// True when its key signed a manifest with this SHA-256.
    pub fn fits(&self, manifest_sha256: &str) -> bool {
        let signature = unhex(&self.signature);
        self.key().zip(signature).is_some_and(|(key, signature)| key.fits(&message(manifest_sha256), &signature))
    }
}

fn message(manifest_sha256: &str) -> Vec<u8> {
    format!("{SCHEMA} manifest sha256 {manifest_sha256}\n").into_bytes()
}

fn text(value: &impl Serialize, part: &'static str) -> Result<Vec<u8>, EvidenceError> {
    let failed = |e: serde_json::Error| EvidenceError::Serialise { part, reason: e.to_string() };
    let mut text = serde_json::to_vec_pretty(value).map_err(failed)?;
    text.push(b'\n');
    Ok(text)
}

/// Size of `signature.json`, which never varies.
pub fn signature_bytes() -> u64 {
    let signature = Signature {
        algorithm: "ed25519".into(),
        public_key: hex(&[0; 32]),
        manifest_sha256: hex(&[0; 32]),
        signature: hex(&[0; 64]),
    };
    signature.text().map_or(0, |text| text.len() as u64)
}
