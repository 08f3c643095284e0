//! A call's main face. In: a mean embedding and a picture. Out: bytes to be sealed, and back.

use super::Sealed;

/// A print that only its key opens.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SealedPrint {
    /// Clear views behind it.
    pub views: u32,
    /// [`Print::secret`], sealed to its call.
    pub sealed: Sealed,
}

/// The main face of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Print {
    /// Name of the call's results.
    pub call: String,
    /// The candidate's name, as given.
    pub candidate: String,
    /// Clear views behind the embedding; 0 when no face was to be seen clearly.
    pub views: u32,
    /// Mean embedding.
    pub embedding: Vec<f32>,
    /// The face at its clearest, JPEG; may be empty.
    pub portrait: Vec<u8>,
}

impl Print {
    /// Embedding and portrait: the number of values (u32), the values (f32), the picture; little-endian.
    pub fn secret(&self) -> Vec<u8> {
        let count = u32::try_from(self.embedding.len()).unwrap_or(u32::MAX);
        let values = self.embedding.iter().flat_map(|v| v.to_le_bytes());
        count.to_le_bytes().into_iter().chain(values).chain(self.portrait.iter().copied()).collect()
    }

    /// From [`Print::secret`]; `None` for other bytes.
    pub fn with_secret(call: String, candidate: String, views: u32, secret: &[u8]) -> Option<Self> {
        let (count, rest) = secret.split_first_chunk::<4>()?;
        let bytes = (u32::from_le_bytes(*count) as usize).checked_mul(4)?;
        let (values, portrait) = rest.split_at_checked(bytes)?;
        let embedding = values.as_chunks::<4>().0.iter().map(|v| f32::from_le_bytes(*v)).collect();
        Some(Self { call, candidate, views, embedding, portrait: portrait.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_print_comes_back(embedding in prop::collection::vec(-1.0f32..1.0, 0..200), portrait: Vec<u8>) {
            let (call, candidate, views) = ("a".to_owned(), "Ada".to_owned(), 9);
            let print = Print { call: call.clone(), candidate: candidate.clone(), views, embedding, portrait };
            prop_assert_eq!(Print::with_secret(call, candidate, views, &print.secret()), Some(print));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _either = Print::with_secret("a".into(), "b".into(), 1, &bytes);
        }
    }
}
