//! Sound. In: a decoder's samples. Out: 16 kHz mono chunks, and the windows of speech cut from them.

use super::{MediaTime, TimeSpan};

/// A run of samples in sequence.
#[derive(Debug, Clone)]
pub struct AudioChunk {
    /// Presentation time of the first sample.
    pub pts: MediaTime,
    /// −1..=1, mono, at [`AudioChunk::RATE_HZ`].
    pub samples: Vec<f32>,
}

impl AudioChunk {
    /// Every chunk's sampling rate.
    pub const RATE_HZ: u32 = 16_000;
}

/// A window of sound that a voice network may score.
#[derive(Debug, Clone)]
pub struct SpeechWindow {
    /// Where it lies in the stream.
    pub span: TimeSpan,
    /// −1..=1, mono, [`AudioChunk::RATE_HZ`]; exactly the window's length, repeated where the sound ended early.
    pub samples: Vec<f32>,
    /// Part of the span that the voice activity detector took for speech, 0..=1.
    pub speech_ratio: f32,
    /// Speech in the span, in seconds.
    pub speech_s: f32,
}
