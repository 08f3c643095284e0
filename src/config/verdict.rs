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
    /// The same two for small or coarsely compressed pictures, of a low `quality.sharpness`; none: as for all others.
    #[serde(default)]
    pub coarse: Option<PoorPoint>,
    /// The same two for faces in little light, of a low `quality.exposure`; none: as for all others.
    #[serde(default)]
    pub dim: Option<PoorPoint>,
}

/// Where signs begin in pictures of a quality that makes genuine faces look masked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoorPoint {
    /// The quality's mean over a face's pictures is below this.
    pub below: f32,
    /// As in [`OperatingPoint`].
    pub signs_at: f32,
    /// As in [`OperatingPoint`].
    pub alarm_at: f32,
}

impl OperatingPoint {
    /// What holds for a face of this sharpness and exposure: the highest of what applies.
    pub fn at(&self, sharpness: f32, exposure: f32) -> Self {
        let mut point = self.clone();
        for (poor, quality) in [(&self.coarse, sharpness), (&self.dim, exposure)] {
            if let Some(poor) = poor.as_ref().filter(|poor| quality < poor.below) {
                point.signs_at = point.signs_at.max(poor.signs_at);
                point.alarm_at = point.alarm_at.max(poor.alarm_at);
            }
        }
        point
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
                signs_at: 0.571,
                alarm_at: 0.808,
                coarse: Some(PoorPoint { below: 0.15, signs_at: 0.693, alarm_at: 0.919 }),
                dim: Some(PoorPoint { below: 0.25, signs_at: 0.593, alarm_at: 0.840 }),
            },
            voice: OperatingPoint {
                seen_share: 0.5,
                false_alarms: 0.02,
                signs_at: 0.797,
                alarm_at: 0.991,
                coarse: None,
                dim: None,
            },
            min_face_s: 2.0,
            min_voice_s: 1.5,
            min_signs_s: 10.0,
        }
    }
}

impl VerdictConfig {
    /// Thresholds of poor pictures are probabilities, and their qualities shares.
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        for (part, point) in [("face", &self.face), ("voice", &self.voice)] {
            for (quality, poor) in [("coarse", &point.coarse), ("dim", &point.dim)] {
                let values = poor.as_ref().map(|poor| [poor.below, poor.signs_at, poor.alarm_at]);
                if let Some(value) = values.into_iter().flatten().find(|value| !(0.0..=1.0).contains(value)) {
                    let (key, value) = (format!("verdict.{part}.{quality}"), value.to_string());
                    return Err(ConfigError::OutOfBounds { key, value, bounds: "0 to 1" });
                }
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
    fn a_poor_picture_has_the_highest_thresholds_that_apply() {
        let poor = |signs_at, alarm_at| Some(PoorPoint { below: 0.2, signs_at, alarm_at });
        let face = VerdictConfig::default().face;
        let face = OperatingPoint { coarse: poor(0.7, 0.8), dim: poor(0.6, 0.9), signs_at: 0.5, alarm_at: 0.6, ..face };
        let at = |sharpness, exposure| {
            let point = face.at(sharpness, exposure);
            (point.signs_at, point.alarm_at)
        };
        assert_eq!([at(0.3, 0.3), at(0.1, 0.3)], [(0.5, 0.6), (0.7, 0.8)]);
        assert_eq!([at(0.3, 0.1), at(0.1, 0.1)], [(0.6, 0.9), (0.7, 0.9)]);
    }

    #[test]
    fn thresholds_of_poor_pictures_are_probabilities() {
        let wrong = Some(PoorPoint { below: 0.15, signs_at: f32::NAN, alarm_at: 0.9 });
        let face = VerdictConfig::default().face;
        for (face, key) in [
            (OperatingPoint { coarse: wrong.clone(), ..face.clone() }, "verdict.face.coarse"),
            (OperatingPoint { dim: wrong, ..face }, "verdict.face.dim"),
        ] {
            let verdict = VerdictConfig { face, ..VerdictConfig::default() };
            let message = Config { verdict, ..Config::default() }.validate().unwrap_err().to_string();
            assert!(message.contains(key), "{message}");
        }
    }
}
