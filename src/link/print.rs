//! What a call's candidate looks and sounds like. In: mean embeddings and a picture. Out: bytes to be sealed, and back.

use serde::{Deserialize, Serialize};

/// The prints of a call, with whose they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Print {
    /// Name of the call's results.
    pub call: String,
    /// The candidate's name, as given.
    pub candidate: String,
    /// The face that was most seen; none when no face was to be seen clearly.
    pub face: Option<FacePrint>,
    /// The voice that was heard most; none when there was too little speech to tell.
    pub voice: Option<VoicePrint>,
}

/// A face of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FacePrint {
    /// Clear views behind the embedding.
    pub views: u32,
    /// Mean embedding, in the units of `face.embedder`.
    pub embedding: Vec<f32>,
    /// The face at its clearest, JPEG in base64; may be empty.
    pub portrait: String,
}

/// A voice of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VoicePrint {
    /// Windows of speech behind the embedding.
    pub windows: u32,
    /// Mean embedding, in the units of `voice.embedder`.
    pub embedding: Vec<f32>,
}

/// What is sealed of a print: all but whose it is.
#[derive(Serialize, Deserialize)]
struct Secret<F, V> {
    face: F,
    voice: V,
}

impl Print {
    /// The bytes to seal.
    pub fn secret(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&Secret { face: &self.face, voice: &self.voice })
    }

    /// From [`Print::secret`]; `None` for other bytes.
    pub fn with_secret(call: String, candidate: String, secret: &[u8]) -> Option<Self> {
        let Secret { face, voice } = serde_json::from_slice(secret).ok()?;
        Some(Self { call, candidate, face, voice })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_print_comes_back(row in prop::collection::vec(-1.0f32..1.0, 0..200), portrait: String, heard: bool) {
            let face = Some(FacePrint { views: 9, embedding: row.clone(), portrait });
            let voice = heard.then_some(VoicePrint { windows: 7, embedding: row });
            let print = Print { call: "a".into(), candidate: "Ada".into(), face, voice };
            let secret = print.secret().unwrap();
            prop_assert_eq!(Print::with_secret("a".into(), "Ada".into(), &secret), Some(print));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _either = Print::with_secret("a".into(), "b".into(), &bytes);
        }
    }
}
