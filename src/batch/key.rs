//! What a call was analysed with. In: the configuration. Out: one hash; a call with another is scanned again.

use sha2::{Digest, Sha256};

use crate::config::Config;
use crate::error::Error;
use crate::infer::{InferError, ModelStore, hex};
use crate::report::Redact;

/// Hash of the program's version, the configuration, who is unrecognisable in pictures, and the descriptions of all
/// models, which hold the hashes of their weights; hex. A model that is missing, or whose licence forbids its use, is
/// an error here already.
pub fn analysis_key(config: &Config, redact: Redact) -> Result<String, Error> {
    let store = ModelStore::open(&config.runtime)?;
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.update(config.sha256());
    hash.update(serde_json::to_string(&redact).unwrap_or_default());
    let (face, voice) = (&config.face, &config.voice);
    for id in [&face.detector, &face.scorer, &face.embedder, &voice.vad, &voice.scorer, &voice.embedder] {
        let path = store.find(id)?.dir.join("model.toml");
        let read = std::fs::read(&path);
        let bytes = read.map_err(|e| InferError::Manifest { path, message: e.to_string() })?;
        hash.update(Sha256::digest(&bytes));
    }
    Ok(hex(&hash.finalize()))
}
