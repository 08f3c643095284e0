//! Evidence as records have it. In: evidence. Out: its parts of a frame's record.

use crate::types::record::{Face, FaceQuality, ScoreState, VoiceState, round};
use crate::types::{FaceEvidence, Prob, Quality, VoiceEvidence};

/// Whether there is a score.
pub(super) fn state(p: Option<Prob>) -> ScoreState {
    if p.is_some() { ScoreState::Scored } else { ScoreState::NotScored }
}

/// The voice about a frame.
pub(super) fn voice_state(voice: Option<&VoiceEvidence>) -> VoiceState {
    match voice {
        None => VoiceState { p_masked: None, state: ScoreState::Absent },
        Some(v) => {
            let p_masked = v.logit.and_then(Prob::from_logit);
            VoiceState { p_masked, state: state(p_masked) }
        }
    }
}

/// A face of a frame.
pub(super) fn face_record(face: FaceEvidence) -> Face {
    let p_masked = face.logit.and_then(Prob::from_logit);
    let b = face.bbox;
    Face {
        track: face.track,
        box_px: [b.x, b.y, b.w, b.h].map(|v| round(f64::from(v), 1)),
        p_masked,
        state: state(p_masked),
        quality: quality_record(&face.quality),
        reasons: face.reasons,
    }
}

fn quality_record(q: &Quality) -> FaceQuality {
    let one = |v: f32| round(f64::from(v), 1);
    let three = |v: f32| round(f64::from(v), 3);
    FaceQuality {
        size_px: one(q.size_px),
        sharpness: three(q.sharpness),
        yaw_deg: one(q.yaw_deg),
        pitch_deg: one(q.pitch_deg),
        roll_deg: one(q.roll_deg),
        exposure: three(q.exposure),
        cut_off: three(q.cut_off),
    }
}
