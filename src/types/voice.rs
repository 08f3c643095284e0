//! A voice's shape. In: voiced frames of a window. Out: its pitch, and the envelope that the vocal tract gives it.

/// Pitch and spectral envelope of a window of speech.
#[derive(Debug, Clone, PartialEq)]
pub struct VoiceProfile {
    /// Median fundamental frequency, Hz.
    pub pitch_hz: f32,
    /// Mean log power of the voiced frames without their harmonics, on [`VoiceProfile::POINTS`] frequencies from
    /// [`VoiceProfile::LOWEST_HZ`] up, [`VoiceProfile::PER_OCTAVE`] an octave; mean and slope taken off.
    pub envelope: Vec<f32>,
}

impl VoiceProfile {
    /// Frequency of the first point.
    pub const LOWEST_HZ: f32 = 300.0;
    /// Points in an octave: half a semitone apart.
    pub const PER_OCTAVE: usize = 24;
    /// Four octaves, up to 4.8 kHz: what a telephone line leaves, and a little more.
    pub const POINTS: usize = 96;
}
