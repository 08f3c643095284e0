//! From evidence to a finding: where signs begin, and how much must have been seen.

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// From evidence to a finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VerdictConfig {
    /// When a face shows signs.
    pub face: OperatingPoint,
    /// When a voice shows signs.
    pub voice: OperatingPoint,
    /// Scored face time that a finding about a face needs.
    pub min_face_s: f64,
    /// Scored speech that a finding about the voice needs.
    pub min_voice_s: f64,
    /// Signs that last so long in all are signs of the call, however long it is.
    pub min_signs_s: f64,
}

/// Where signs begin, and what that costs honest people. `scripts/eval/operating_point.py` computes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatingPoint {
    /// Share of masks, by tools it was not shown, that the network can see at all.
    pub seen_share: f32,
    /// At most this share of genuine calls is flagged, as far as the calls it was fitted on go.
    pub false_alarms: f32,
    /// P(masked) of a whole call from which there are signs.
    pub signs_at: f32,
    /// Smoothed P(masked) of a moment from which it is an event.
    pub alarm_at: f32,
    /// The same two for coarse pictures, which make genuine faces look masked; none: as for all others.
    #[serde(default)]
    pub coarse: Option<CoarsePoint>,
}

/// Where signs begin in pictures that are small or coarsely compressed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoarsePoint {
    /// Faces of a mean sharpness (`quality.sharpness`) below this are coarse.
    pub below_sharpness: f32,
    /// As in [`OperatingPoint`].
    pub signs_at: f32,
    /// As in [`OperatingPoint`].
    pub alarm_at: f32,
}

impl OperatingPoint {
    /// What holds for a face of this sharpness.
    pub fn at_sharpness(&self, sharpness: f32) -> Self {
        match &self.coarse {
            Some(coarse) if sharpness < coarse.below_sharpness => {
                Self { signs_at: coarse.signs_at, alarm_at: coarse.alarm_at, ..self.clone() }
            }
            _ => self.clone(),
        }
    }
}

impl Default for VerdictConfig {
    fn default() -> Self {
        Self {
            // seen_share is set, not fitted: nothing on the training side tells how unlike ours real tools are. The
            // rest is printed by scripts/eval/operating_point.py; README.md says from which calls.
            face: OperatingPoint {
                seen_share: 0.5,
                false_alarms: 0.02,
                signs_at: 0.558,
                alarm_at: 0.814,
                coarse: Some(CoarsePoint { below_sharpness: 0.15, signs_at: 0.691, alarm_at: 0.917 }),
            },
            voice: OperatingPoint {
                seen_share: 0.5,
                false_alarms: 0.02,
                signs_at: 0.797,
                alarm_at: 0.991,
                coarse: None,
            },
            min_face_s: 2.0,
            min_voice_s: 1.5,
            min_signs_s: 10.0,
        }
    }
}

impl VerdictConfig {
    /// Thresholds of coarse pictures are probabilities, and their sharpness a share.
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        for (key, point) in [("face", &self.face), ("voice", &self.voice)] {
            let Some(coarse) = &point.coarse else { continue };
            let values = [coarse.below_sharpness, coarse.signs_at, coarse.alarm_at];
            if let Some(value) = values.iter().find(|value| !(0.0..=1.0).contains(*value)) {
                let (key, value) = (format!("verdict.{key}.coarse"), value.to_string());
                return Err(ConfigError::OutOfBounds { key, value, bounds: "0 to 1" });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_coarse_picture_has_its_own_thresholds() {
        let face = VerdictConfig::default().face;
        let (fine, coarse) = (face.at_sharpness(0.2), face.at_sharpness(0.1));
        assert!(fine == face && coarse.signs_at > fine.signs_at && coarse.alarm_at > fine.alarm_at);
        let point = CoarsePoint { below_sharpness: 0.15, signs_at: f32::NAN, alarm_at: 0.9 };
        let verdict =
            VerdictConfig { face: OperatingPoint { coarse: Some(point), ..face }, ..VerdictConfig::default() };
        let message = Config { verdict, ..Config::default() }.validate().unwrap_err().to_string();
        assert!(message.contains("verdict.face.coarse"), "{message}");
    }
}
