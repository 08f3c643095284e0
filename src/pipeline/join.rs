//! Joining the branches. In: frames and voice messages, each in order of time, as they come. Out: each frame with the
//! window that covers it, and every window once, in an order that depends on nothing but the recording. Neither branch
//! ever waits for the other: what came early is kept here.

use std::collections::VecDeque;

use super::voice_stage::VoiceMessage;
use crate::types::{FrameEvidence, MediaTime, SoundEvidence, VoiceEvidence};

/// Frames that wait for the voice branch, some 300 bytes each: over two minutes at 30 frames a second. When the sound
/// has a longer gap the oldest frame goes on without a voice score.
const MAX_WAITING: usize = 4_096;

/// A live frame waits for its sound no longer than this.
const LIVE_WAIT: MediaTime = MediaTime(1_000_000_000);

/// A voice that was heard so lately still counts for a live frame.
const LIVE_VOICE: MediaTime = MediaTime(2_000_000_000);

/// What was heard, in order of time.
#[derive(Debug, Default)]
pub struct Heard {
    pub sounds: Vec<SoundEvidence>,
    pub windows: Vec<VoiceEvidence>,
}

/// What has come and not yet been written.
pub struct Waiting {
    frames: VecDeque<FrameEvidence>,
    /// Sound that no frame has taken along yet, some 200 bytes each.
    sounds: VecDeque<SoundEvidence>,
    /// Windows that are not written yet, some 100 bytes a second of speech.
    new: VecDeque<VoiceEvidence>,
    /// Written windows that may still cover a frame.
    past: VecDeque<VoiceEvidence>,
    /// No window will begin before this time.
    watermark: MediaTime,
    end: MediaTime,
    /// Frames wait for sound alone, not for windows of it, and not for long.
    live: bool,
    newest: MediaTime,
}

impl Waiting {
    /// Nothing yet. Without an audio stream no frame waits.
    pub fn new(has_audio: bool, live: bool) -> Self {
        let watermark = MediaTime(if has_audio { i64::MIN } else { i64::MAX });
        let (frames, sounds, new, past) = Default::default();
        Self { frames, sounds, new, past, watermark, end: MediaTime::ZERO, live, newest: MediaTime::ZERO }
    }

    /// Keeps a frame.
    pub fn frame(&mut self, frame: FrameEvidence) {
        self.newest = self.newest.max(frame.pts);
        self.frames.push_back(frame);
    }

    /// Keeps what the voice branch says.
    pub fn voice(&mut self, message: VoiceMessage) {
        match message {
            VoiceMessage::Window(window) => {
                self.end = self.end.max(window.span.end);
                self.new.push_back(window);
            }
            VoiceMessage::Sound(sound) => {
                self.end = self.end.max(sound.span.end);
                self.sounds.push_back(sound);
            }
            VoiceMessage::Watermark(time) => {
                self.watermark = self.watermark.max(time);
                self.end = self.end.max(time);
            }
            VoiceMessage::End(time) => self.end = self.end.max(time),
        }
    }

    /// The voice branch has ended.
    pub fn voice_ended(&mut self) {
        self.watermark = MediaTime(i64::MAX);
    }

    /// The next frame that need not wait any longer, behind what begins before it.
    pub fn next_frame(&mut self) -> Option<(Heard, FrameEvidence)> {
        let pts = self.frames.front()?.pts;
        let heard_out = self.watermark > pts || self.frames.len() > MAX_WAITING;
        let live = self.live && (self.end > pts || self.newest - pts > LIVE_WAIT);
        if !heard_out && !live {
            return None;
        }
        let heard = self.heard_until(pts);
        self.past.extend(heard.windows.iter().cloned());
        let kept = if self.live { LIVE_VOICE } else { MediaTime::ZERO };
        while self.past.front().is_some_and(|w| w.span.end + kept <= pts) {
            self.past.pop_front();
        }
        Some((heard, self.frames.pop_front()?))
    }

    /// The newest scored window that was heard out before a live frame; windows end before they are known.
    pub fn lately(&self, pts: MediaTime) -> Option<&VoiceEvidence> {
        let known = self.past.iter().chain(&self.new).rev();
        let mut lately = known.filter(|w| w.span.end + LIVE_VOICE > pts);
        let newest = lately.next()?;
        Some(if newest.logit.is_some() { newest } else { lately.find(|w| w.logit.is_some()).unwrap_or(newest) })
    }

    /// True when live sound is so far ahead of the frames that there seem to be none.
    pub fn is_without_frames(&self) -> bool {
        self.live && self.end - self.newest > LIVE_WAIT
    }

    /// Everything heard that is left; nothing while frames wait.
    pub fn rest(&mut self) -> Heard {
        if self.frames.is_empty() { self.heard_until(MediaTime(i64::MAX)) } else { Heard::default() }
    }

    fn heard_until(&mut self, pts: MediaTime) -> Heard {
        let windows = self.new.partition_point(|w| w.span.start <= pts);
        let sounds = self.sounds.partition_point(|s| s.span.start <= pts);
        Heard { sounds: self.sounds.drain(..sounds).collect(), windows: self.new.drain(..windows).collect() }
    }

    /// The window that covers `pts`: among scored ones, else all, the one whose middle is nearest.
    pub fn covering(&self, pts: MediaTime) -> Option<&VoiceEvidence> {
        let covering = self.past.iter().filter(|w| w.span.contains(pts));
        covering.min_by_key(|w| (w.logit.is_none(), (w.span.middle() - pts).0.abs()))
    }

    /// How far the sound reached.
    pub fn end(&self) -> MediaTime {
        self.end
    }

    /// Frames and windows that wait now.
    pub fn len(&self) -> (usize, usize) {
        (self.frames.len(), self.new.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Glance, TimeSpan};

    fn window(start: f64, logit: Option<f32>) -> VoiceMessage {
        let span = TimeSpan { start: MediaTime::from_secs(start), end: MediaTime::from_secs(start + 4.0) };
        VoiceMessage::Window(VoiceEvidence {
            span,
            speech_ratio: 1.0,
            logit,
            profile: None,
            embedding: None,
            reasons: vec![],
        })
    }

    fn frame(index: u64, seconds: f64) -> FrameEvidence {
        FrameEvidence { index, pts: MediaTime::from_secs(seconds), utc: None, faces: vec![], glance: Glance::default() }
    }

    #[test]
    fn a_frame_waits_for_its_windows_and_gets_the_one_whose_middle_is_nearest() {
        let mut waiting = Waiting::new(true, false);
        waiting.frame(frame(0, 3.2));
        for second in 0..5 {
            waiting.voice(window(f64::from(second), Some(second as f32)));
        }
        assert!(waiting.next_frame().is_none(), "a window might still begin before it");
        waiting.voice(VoiceMessage::Watermark(MediaTime::from_secs(5.0)));
        let (heard, _) = waiting.next_frame().unwrap();
        assert_eq!(heard.windows.len(), 4, "the fifth begins behind the frame");
        // middles at 2, 3, 4 and 5
        assert_eq!(waiting.covering(MediaTime::from_secs(3.2)).unwrap().logit, Some(1.0));
        assert!(waiting.covering(MediaTime::from_secs(9.0)).is_none());
        assert_eq!(waiting.rest().windows.len(), 1);
    }

    #[test]
    fn a_scored_window_beats_a_nearer_one_without_a_score() {
        let mut waiting = Waiting::new(true, false);
        waiting.voice(window(0.0, Some(1.0)));
        waiting.voice(window(1.0, None));
        waiting.voice_ended();
        waiting.frame(frame(0, 3.0));
        waiting.next_frame().unwrap();
        assert_eq!(waiting.covering(MediaTime::from_secs(3.0)).unwrap().logit, Some(1.0));
    }

    #[test]
    fn without_sound_nothing_waits() {
        let mut waiting = Waiting::new(false, false);
        waiting.frame(frame(0, 1.0));
        assert!(waiting.next_frame().is_some());
    }

    #[test]
    fn a_long_gap_in_the_sound_does_not_hold_frames_for_ever() {
        let mut waiting = Waiting::new(true, false);
        for i in 0..=MAX_WAITING as u64 {
            assert!(waiting.next_frame().is_none());
            waiting.frame(frame(i, i as f64));
        }
        assert_eq!(waiting.next_frame().unwrap().1.index, 0);
        assert!(waiting.next_frame().is_none());
    }

    #[test]
    fn a_live_frame_waits_for_its_sound_and_not_for_windows() {
        let sound = |end: f64| {
            let span = TimeSpan { start: MediaTime::from_secs(end - 0.25), end: MediaTime::from_secs(end) };
            VoiceMessage::Sound(SoundEvidence { span, level_db: vec![], speech: vec![] })
        };
        let mut waiting = Waiting::new(true, true);
        waiting.frame(frame(0, 4.0));
        waiting.voice(sound(4.0));
        assert!(waiting.next_frame().is_none());
        waiting.voice(window(0.0, Some(1.0)));
        waiting.voice(window(1.0, None));
        assert_eq!(waiting.lately(MediaTime::from_secs(4.0)).unwrap().logit, Some(1.0), "before it is let go");
        waiting.voice(sound(4.25));
        let (heard, _) = waiting.next_frame().unwrap();
        assert_eq!((heard.windows.len(), heard.sounds.len()), (2, 2));
        assert!(waiting.lately(MediaTime::from_secs(9.0)).is_none(), "too long ago");
        waiting.frame(frame(1, 5.5));
        assert!(waiting.next_frame().is_none());
        waiting.frame(frame(2, 7.0));
        assert_eq!(waiting.next_frame().unwrap().1.index, 1, "silence holds nothing up");
        waiting.voice(sound(8.5));
        assert!(waiting.is_without_frames());
    }
}
