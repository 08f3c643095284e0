//! A bundle that was opened. In: its path. Out: what it holds, once it has been checked.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::chain::segment_bytes;
use super::{Chain, Comparison, EvidenceError, Found, Manifest, PublicKey, Verification, verify};
use crate::config::Config;
use crate::infer::hex;
use crate::report::{Sink, read_records};
use crate::types::record::ModelInfo;

/// Largest part that is read into memory: a configuration, or a chain's links (1 MB).
const MAX_PART: u64 = 4 << 20;

/// A checked bundle, in order or not.
#[derive(Debug)]
pub struct Bundle {
    file: File,
    name: String,
    verification: Verification,
}

/// A copy of the recording beside the recording that was analysed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Copy {
    /// Not a byte differs.
    Same,
    /// It differs; where, when the bundle has a chain.
    Differs(Option<Comparison>),
}

impl Bundle {
    /// Opens and checks a bundle.
    pub fn open(path: &Path) -> Result<Self, EvidenceError> {
        let name = path.display().to_string();
        let failed = |source| EvidenceError::Read { name: name.clone(), source };
        let file = File::open(path).map_err(failed)?;
        let verification = verify(&file, &name)?;
        Ok(Self { file, name, verification })
    }

    /// What the check found.
    pub fn verification(&self) -> &Verification {
        &self.verification
    }

    /// The manifest and the key that vouches for it; refused when anything was altered, or when another key signed.
    pub fn intact(&self, expected: Option<&PublicKey>) -> Result<(&Manifest, PublicKey), EvidenceError> {
        let altered = |parts| EvidenceError::Altered { name: self.name.clone(), parts };
        if let Some(parts) = self.verification.altered_names() {
            return Err(altered(parts));
        }
        let both = self.verification.manifest.as_ref().zip(self.verification.key);
        let (manifest, key) = both.ok_or_else(|| altered("signature.json".into()))?;
        if expected.is_some_and(|expected| *expected != key) {
            return Err(EvidenceError::OtherKey { name: self.name.clone(), found: key.hex() });
        }
        Ok((manifest, key))
    }

    /// Holds a copy of the recording against the one that was analysed.
    pub fn hold(&self, manifest: &Manifest, copy: &Path) -> Result<Copy, EvidenceError> {
        let name = || copy.display().to_string();
        let failed = |source| EvidenceError::Read { name: name(), source };
        let file = File::open(copy).map_err(failed)?;
        let Some(chain) = self.chain(manifest)? else {
            let Some(expected) = &manifest.input.sha256 else {
                return Err(EvidenceError::NoInputHash { name: self.name.clone() });
            };
            let size = file.metadata().map_err(failed)?.len();
            let (_, found) = Chain::of(file, segment_bytes(size)).map_err(failed)?;
            return Ok(if hex(&found) == *expected { Copy::Same } else { Copy::Differs(None) });
        };
        let comparison = chain.compare(BufReader::new(file)).map_err(failed)?;
        Ok(if comparison.is_same() { Copy::Same } else { Copy::Differs(Some(comparison)) })
    }

    fn chain(&self, manifest: &Manifest) -> Result<Option<Chain>, EvidenceError> {
        let Some(info) = &manifest.input.chain else { return Ok(None) };
        let text = self.text("input-chain.txt")?;
        let chain = Chain::parse(&text, manifest.input.bytes.unwrap_or(0), info.segment_bytes);
        let chain = chain.filter(|chain| hex(&chain.head()) == info.head);
        chain.ok_or_else(|| self.refused("input-chain.txt is not the chain of its manifest")).map(Some)
    }

    /// The configuration of the run, exactly.
    pub fn config(&self, manifest: &Manifest) -> Result<Config, EvidenceError> {
        let text = self.text("config.json")?;
        let (name, version) = (self.name.clone(), manifest.tool_version.clone());
        let other = |reason| EvidenceError::Config { name, reason, version };
        let config: Config = match serde_json::from_str(&text) {
            Ok(config) => config,
            Err(e) => return Err(other(e.to_string())),
        };
        match config.validate() {
            Err(e) => Err(other(e.to_string())),
            Ok(()) if config.sha256() != manifest.config_sha256 => Err(other("it has settings of its own now".into())),
            Ok(()) => Ok(config),
        }
    }

    /// Refuses networks other than those of the run.
    pub fn check_models(&self, manifest: &Manifest, now: &[ModelInfo]) -> Result<(), EvidenceError> {
        let missing = |here: &[ModelInfo], there: &[ModelInfo]| -> Vec<String> {
            let other =
                here.iter().filter(|model| !there.iter().any(|m| (&m.id, &m.sha256) == (&model.id, &model.sha256)));
            other.map(|model| format!("{} (sha256 {})", model.id, model.sha256)).collect()
        };
        let (then, now) = (missing(&manifest.models, now), missing(now, &manifest.models));
        if then.is_empty() && now.is_empty() {
            return Ok(());
        }
        let differences = format!("{} then, {} now", or_none(&then), or_none(&now));
        Err(EvidenceError::Models { name: self.name.clone(), differences })
    }

    /// What is compared of the records.
    pub fn records(&self) -> Result<Found, EvidenceError> {
        let part = format!("records.jsonl in {}", self.name);
        let mut found = Found::default();
        let reader = BufReader::new(self.part("records.jsonl")?);
        for record in read_records(reader, &part) {
            record.and_then(|record| found.write(&record)).map_err(|e| self.refused(&e.to_string()))?;
        }
        Ok(found)
    }

    fn part(&self, name: &str) -> Result<impl Read, EvidenceError> {
        let failed = |source| EvidenceError::Read { name: self.name.clone(), source };
        let file = self.file.try_clone().map_err(failed)?;
        let part = self.verification.open_part(file, name).map_err(failed)?;
        part.ok_or_else(|| self.refused(&format!("it holds no {name}")))
    }

    fn text(&self, name: &str) -> Result<String, EvidenceError> {
        let mut text = String::new();
        let read = self.part(name)?.take(MAX_PART).read_to_string(&mut text);
        read.map_err(|e| self.refused(&format!("{name}: {e}")))?;
        Ok(text)
    }

    fn refused(&self, reason: &str) -> EvidenceError {
        EvidenceError::Refused { name: self.name.clone(), reason: reason.into() }
    }
}

fn or_none(models: &[String]) -> String {
    if models.is_empty() { "none besides".into() } else { models.join(", ") }
}

impl Copy {
    /// In words: that it is the same, or from where on it differs. Seconds are estimated from `duration_s` as if every
    /// second took as many bytes.
    pub fn words(&self, duration_s: Option<f64>) -> String {
        let c = match self {
            Self::Same => return "is the recording that was analysed, byte for byte".into(),
            Self::Differs(None) => return "is not the recording that was analysed (its SHA-256 is another)".into(),
            Self::Differs(Some(comparison)) => comparison,
        };
        let at = |byte: u64| {
            let second = duration_s.filter(|_| c.bytes > 0).map(|d| d * byte as f64 / c.bytes as f64);
            let second = second.map(|s| format!(" (about second {s:.1})")).unwrap_or_default();
            format!("byte {byte}{second}")
        };
        let mut said = Vec::new();
        if let Some(from) = c.altered.first().map(|range| range.start) {
            let altered: u64 = c.altered.iter().map(|range| range.end - range.start).sum();
            let shown: Vec<String> = c.altered.iter().take(4).map(|r| format!("{}–{}", r.start, r.end)).collect();
            let more = if c.altered.len() > shown.len() { ", …" } else { "" };
            let ranges = shown.join(", ");
            said.push(format!("differs from {} on: {altered} of {} bytes, namely {ranges}{more}", at(from), c.bytes));
        }
        if c.found < c.bytes {
            let (judged, last) = (c.unjudged.start, c.unjudged.end - c.unjudged.start);
            said.push(match (c.altered.is_empty(), judged) {
                (true, 0) => format!("is shorter, and too short to be judged: {} of {} bytes", c.found, c.bytes),
                (true, _) => {
                    format!("is cut: unaltered up to byte {judged}, it ends at {} of {}", at(c.found), c.bytes)
                }
                (false, _) => format!("it ends at {} of {}", at(c.found), c.bytes),
            });
            if last > 0 && judged > 0 {
                said.push(format!("its last {last} bytes cannot be judged, as their segment is incomplete"));
            }
        }
        if c.found > c.bytes {
            said.push(format!("has {} bytes put behind its end", c.found - c.bytes));
        }
        said.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_say_where_and_claim_no_more_than_is_known() {
        let bytes: Vec<u8> = (0..100u8).collect();
        let chain = Chain::of(&*bytes, 16).unwrap().0;
        let words = |copy: &[u8]| {
            let comparison = chain.compare(copy).unwrap();
            if comparison.is_same() { Copy::Same } else { Copy::Differs(Some(comparison)) }.words(Some(50.0))
        };
        assert!(words(&bytes).contains("byte for byte"));
        assert_eq!(
            words(&bytes[..40]),
            "is cut: unaltered up to byte 32, it ends at byte 40 (about second 20.0) of 100; \
             its last 8 bytes cannot be judged, as their segment is incomplete"
        );
        assert!(words(b"another").starts_with("is shorter, and too short to be judged"));
        assert_eq!(words(&[&bytes[..], b"xy"].concat()), "has 2 bytes put behind its end");
        let mut altered = bytes.clone();
        (altered[20], altered[40], altered[90]) = (0, 0, 0);
        let said = words(&altered);
        assert_eq!(said, "differs from byte 16 (about second 8.0) on: 48 of 100 bytes, namely 16–48, 80–96");
    }
}
