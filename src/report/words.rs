//! Plain words. In: values of records. Out: what people read, the same in every kind of report.

use crate::types::record::{Outcome, Reason};

/// A result in plain words.
pub fn outcome(result: Outcome) -> &'static str {
    match result {
        Outcome::SignsFound => "signs of masking",
        Outcome::NoSignsFound => "no signs found",
        Outcome::Inconclusive => "inconclusive",
        Outcome::NotAssessed => "not assessed",
    }
}

/// A reason in plain words.
pub fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::NoFace => "no face in view",
        Reason::FaceTooSmall => "face too small",
        Reason::FaceCutOff => "face cut off",
        Reason::FaceProfile => "face turned away",
        Reason::FaceExposure => "too dark or too bright",
        Reason::SeveralFaces => "several faces in view",
        Reason::LowFrameRate => "too few frames a second",
        Reason::LipsFollowVoice => "the lips follow the voice",
        Reason::LagJumps => "the time between lips and voice jumps",
        Reason::NoClearLag => "lips and voice do not fit clearly",
        Reason::SpeechWithoutLips => "speech, but the lips are still",
        Reason::NoSpeech => "no speech",
        Reason::VoiceNoisy => "too noisy",
        Reason::VoiceMusic => "music",
        Reason::VoiceOverlap => "several people speak at once",
        Reason::ShortSpeech => "too little speech",
        Reason::NoVideoStream => "no video stream",
        Reason::NoAudioStream => "no audio stream",
        Reason::LowCoverage => "too little to judge",
        Reason::NearThreshold => "too near the threshold",
        Reason::AboveThreshold => "above the threshold",
        Reason::BelowThreshold => "below the threshold",
        Reason::SignsInPart => "signs in a part of the call",
        Reason::FeedMoves => "the picture never repeats",
        Reason::FeedLooped => "the picture plays in a loop",
        Reason::SameFace => "the same face throughout",
        Reason::FaceJumps => "another face shows for moments",
        Reason::FaceChanges => "the face becomes another's",
        Reason::FaceUnclear => "hardly a clear view of the face",
        Reason::Interrupted => "interrupted",
        Reason::OnlySampled => "only a part of it was looked at and listened to",
        Reason::BrokenOff => "the recording broke off",
    }
}

/// `1:02:03` or `2:03.4`.
pub fn clock(seconds: f64) -> String {
    let tenths = (seconds.max(0.0) * 10.0).round() as u64;
    let (h, m, s, t) = (tenths / 36_000, tenths / 600 % 60, tenths / 10 % 60, tenths % 10);
    if h > 0 { format!("{h}:{m:02}:{s:02}") } else { format!("{m}:{s:02}.{t}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_like_a_player() {
        assert_eq!(clock(83.44), "1:23.4");
        assert_eq!(clock(3723.0), "1:02:03");
    }
}
