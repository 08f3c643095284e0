//! Lip sync. In: how far the mouth is open, how loud the sound is, where there is speech. Out: how late the sound is,
//! jumps of that lag, stretches of speech with still lips and the reverse, and what can be said of the whole call.
//!
//! A constant lag is the connection's. A lag that jumps, again and again, is a sign: the pictures and the sound have
//! not come through the same camera and microphone at the same pace. Speech with still lips, or lips that move
//! without sound, is context: the other side of the call speaks, or the microphone is off.
//!
//! Only a single face is measured, near enough, turned to the camera and lit. The call is cut into windows of
//! `window_s` that overlap by half, from the first speech on (silence before it would only add noise); in each the
//! opening is correlated with the square root of the amplitude at each lag and drift ([`lag`]). The call's lag is the
//! peak of the windows' mean. Memory: half a minute of three signals.
//!
//! Worked example: sound that comes 240 ms late in a talk of 20 s. Four windows of 8 s peak near 240 ms; their mean
//! gives `lag_ms` = 240, and the stretch is one `lip_sync_lag` event, since 240 ≥ `late_ms` = 125 (what viewers notice,
//! ITU-R BT.1359-1). The finding: `no_signs_found`, the lips follow the voice.

mod config;
mod grid;
mod lag;
mod tally;

use std::collections::BTreeMap;

pub use self::config::LipSyncConfig;
use self::grid::Grid;
use self::lag::{RATE, REACH, band, fits, peak};
use self::tally::Tally;
use super::stretch::Stretch;
use super::{Aspect, Cue, CueEnd};
use crate::types::record::{Finding, Outcome, Reason};
use crate::types::{Event, EventKind, FrameEvidence, Prob, SoundEvidence, TimeSpan, TrackId};

/// Sound beside a window that lags and drifts reach: 1.1 s, in slots.
const BESIDE: i64 = REACH as i64 + 48;

/// A longer pause between two looks at the mouth is a gap: 15 slots, 0.12 s.
const MAX_STEP: i64 = 15;

/// Windows begin so long before the first speech: half a second, in slots.
const BEFORE_SPEECH: i64 = 63;

/// Stillness and speech are compared second by second.
const BEAT: i64 = RATE as i64;

/// A shorter rest at the call's end is no window of its own: 2 s, in slots.
const SHORTEST: i64 = 2 * RATE as i64;

/// Voice activity at or above this is speech.
const SPEECH: f32 = 0.5;

/// Measures lips against the voice.
pub struct LipSync {
    config: LipSyncConfig,
    mouth: Grid,
    voice: Grid,
    speech: Grid,
    /// The last look at the mouth: slot, whose, how open.
    look: Option<(i64, TrackId, f32)>,
    /// Begin of the next window, once there has been speech; and of the next beat, once there has been a frame.
    next_window: Option<i64>,
    next_beat: Option<i64>,
    /// Slot of the newest frame.
    now: i64,
    voice_alone: Stretch,
    lips_alone: Stretch,
    tally: Tally,
    /// Why frames could not be used.
    refused: BTreeMap<Reason, u64>,
    used: u64,
    /// Speech was heard while the lips were in view and still.
    still_speech: bool,
}

impl LipSync {
    /// Nothing seen or heard yet.
    pub fn new(config: LipSyncConfig) -> Self {
        let (mouth, voice, speech, voice_alone, lips_alone, refused) = Default::default();
        Self {
            tally: Tally::new(&config),
            config,
            mouth,
            voice,
            speech,
            look: None,
            next_window: None,
            next_beat: None,
            now: i64::MIN,
            voice_alone,
            lips_alone,
            refused,
            used: 0,
            still_speech: false,
        }
    }

    /// The mouth of the only face in view, if it can be measured.
    fn mouth_of(&self, frame: &FrameEvidence) -> Result<(TrackId, f32), Reason> {
        let face = match frame.faces.as_slice() {
            [] => return Err(Reason::NoFace),
            [face] => face,
            _ => return Err(Reason::SeveralFaces),
        };
        if let Some(reason) = face.reasons.first() {
            return Err(*reason);
        }
        if face.quality.size_px < self.config.min_size_px {
            return Err(Reason::FaceTooSmall);
        }
        if face.quality.yaw_deg.abs() > self.config.max_yaw_deg {
            return Err(Reason::FaceProfile);
        }
        face.mouth_open.map(|open| (face.track, open)).ok_or(Reason::FaceExposure)
    }

    /// Adds a look at the mouth; between two near looks at one mouth it moves evenly.
    fn look(&mut self, slot: i64, track: TrackId, open: f32) {
        let step = |before: i64| slot - before;
        match self.look {
            Some((before, whose, was)) if whose == track && step(before) <= MAX_STEP => {
                for at in before + 1..=slot {
                    let part = (at - before) as f32 / step(before).max(1) as f32;
                    self.mouth.push(at, was + (open - was) * part);
                }
                self.used += 1;
            }
            Some((before, ..)) if step(before) > MAX_STEP => {
                *self.refused.entry(Reason::LowFrameRate).or_default() += 1
            }
            _ => self.mouth.push(slot, open),
        }
        self.look = Some((slot, track, open));
    }

    /// Measures one window; gives what it shows.
    fn window(&mut self, from: i64, to: i64) -> Vec<Event> {
        let (mouth, speech) = (self.mouth.slice(from, to), self.speech.slice(from, to));
        let seconds = known(&mouth) as f64 / RATE;
        let spoken = mouth.iter().zip(&speech).filter(|(m, s)| !m.is_nan() && **s >= SPEECH).count() as f64 / RATE;
        if spoken < self.config.min_speech_s {
            return Vec::new();
        }
        if spread(&mouth) < self.config.still {
            self.still_speech = true;
            return Vec::new();
        }
        let voice = self.voice.slice(from - BESIDE, to + BESIDE);
        let Some(fits) = fits(&band(&mouth), &band(&voice), BESIDE as usize) else { return Vec::new() };
        let Some(lag) = peak(&fits, seconds) else { return Vec::new() };
        let span = TimeSpan { start: Grid::time(from), end: Grid::time(to) };
        self.tally.add(span, &fits, lag, seconds)
    }

    /// Compares one second of lips and voice; gives the stretches that have ended.
    fn beat(&mut self, from: i64) -> Vec<Event> {
        let (mouth, speech) = (self.mouth.slice(from, from + BEAT), self.speech.slice(from, from + BEAT));
        let span = TimeSpan { start: Grid::time(from), end: Grid::time(from + BEAT) };
        let seen = known(&mouth).min(known(&speech)) as i64 * 5 >= BEAT * 4;
        let spoken = speech.iter().filter(|s| **s >= SPEECH).count() as i64;
        let moved = spread(&mouth);
        let voice = seen && spoken * 5 >= BEAT * 3 && moved < self.config.still;
        let lips = seen && spoken * 20 <= BEAT && moved >= self.config.moving;
        self.still_speech |= voice;
        let ended = (self.voice_alone.push(span, voice), self.lips_alone.push(span, lips));
        self.apart(ended)
    }

    /// Tells of long stretches of speech with still lips, and of moving lips without speech.
    fn apart(&self, (voice, lips): (Option<TimeSpan>, Option<TimeSpan>)) -> Vec<Event> {
        let kinds = [(EventKind::SpeechWithoutLips, voice), (EventKind::LipsWithoutSpeech, lips)];
        let long = kinds.into_iter().filter_map(|(kind, span)| Some((kind, span?)));
        long.filter(|(_, span)| span.secs() >= self.config.apart_s)
            .map(|(kind, span)| {
                let detail = vec![("length_s", span.secs())];
                Event { kind, span, score: Prob::ONE, track: self.look.map(|l| l.1), detail }
            })
            .collect()
    }

    /// Every window and beat that is over, with the sound beside it heard.
    fn due(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        let length = (self.config.window_s * RATE) as i64;
        while let Some(from) = self.next_window.filter(|from| from + length + BESIDE <= self.now) {
            events.extend(self.window(from, from + length));
            self.next_window = Some(from + length / 2);
        }
        while let Some(from) = self.next_beat.filter(|from| from + BEAT <= self.now) {
            events.extend(self.beat(from));
            self.next_beat = Some(from + BEAT);
        }
        events
    }

    fn finding(&self) -> Finding {
        let commonest = self.refused.iter().max_by_key(|(_, n)| **n).filter(|(_, n)| **n > self.used);
        let sure = self.tally.lag().is_some_and(|lag| lag.confidence >= self.config.sure);
        let (result, reason) = match (self.tally.lag(), commonest) {
            (Some(_), _) if sure && self.tally.jittered() => (Outcome::SignsFound, Reason::LagJumps),
            (Some(_), _) if sure => (Outcome::NoSignsFound, Reason::LipsFollowVoice),
            (Some(_), _) => (Outcome::Inconclusive, Reason::NoClearLag),
            (None, Some((reason, _))) => (Outcome::NotAssessed, *reason),
            (None, None) if self.used == 0 => (Outcome::NotAssessed, Reason::NoFace),
            (None, None) if self.still_speech => (Outcome::Inconclusive, Reason::SpeechWithoutLips),
            (None, None) => (Outcome::NotAssessed, Reason::NoSpeech),
        };
        Finding { result, p_masked: None, low: None, high: None, reasons: vec![reason] }
    }
}

/// How many values are known.
fn known(values: &[f32]) -> usize {
    values.iter().filter(|v| !v.is_nan()).count()
}

/// Standard deviation of what is known; zero for nothing.
fn spread(values: &[f32]) -> f32 {
    let count = known(values).max(1) as f32;
    let all = || values.iter().filter(|v| !v.is_nan());
    let mean = all().sum::<f32>() / count;
    (all().map(|v| (v - mean) * (v - mean)).sum::<f32>() / count).sqrt()
}

impl Cue for LipSync {
    fn frame(&mut self, frame: &FrameEvidence) -> Vec<Event> {
        let slot = Grid::slot(frame.pts);
        self.now = slot;
        self.next_beat.get_or_insert(slot);
        match self.mouth_of(frame) {
            Ok((track, open)) => self.look(slot, track, open),
            Err(reason) => *self.refused.entry(reason).or_default() += 1,
        }
        self.due()
    }

    fn sound(&mut self, sound: &SoundEvidence) -> Vec<Event> {
        let first = Grid::slot(sound.span.start);
        for (slot, level_db) in (first..).zip(&sound.level_db) {
            // The square root of the amplitude: loudness, near enough.
            self.voice.push(slot, 10f32.powf(level_db / 40.0));
        }
        let steps = (SoundEvidence::FRAME.0 / SoundEvidence::STEP.0) as usize;
        for (slot, speech) in (first..).zip(sound.speech.iter().flat_map(|s| std::iter::repeat_n(*s, steps))) {
            self.speech.push(slot, speech);
            if speech >= SPEECH && self.next_window.is_none() {
                self.next_window = Some(slot - BEFORE_SPEECH);
            }
        }
        Vec::new()
    }

    fn finish(&mut self) -> CueEnd {
        let mut events = self.due();
        if let Some(from) = self.next_window.filter(|from| self.now.saturating_sub(*from) >= SHORTEST) {
            events.extend(self.window(from, self.now + 1));
        }
        let open = (self.voice_alone.end(), self.lips_alone.end());
        events.extend(self.apart(open));
        events.extend(self.tally.end());
        CueEnd { events, finding: Some((Aspect::Sync(self.tally.record()), self.finding())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{FaceEvidence, MediaTime, Quality, fixtures};
    use proptest::prelude::*;

    /// How open the mouth is, and how loud the voice, at a time in seconds.
    type Signal<'a> = &'a dyn Fn(f64) -> f32;

    fn frame(pts: f64, open: Option<f32>, faces: usize) -> FrameEvidence {
        let quality = Quality { size_px: 120.0, ..fixtures::QUALITY };
        let face = |id| FaceEvidence { quality, mouth_open: open, ..fixtures::face(id, None) };
        let faces = (1..=faces as u32).map(face).collect();
        FrameEvidence { pts: MediaTime::from_secs(pts), ..fixtures::frame(0, 1, faces) }
    }

    /// A call: sound in runs of 0.256 s before the frames it begins before.
    fn call(
        seconds: f64,
        fps: f64,
        mouth: Signal<'_>,
        level_db: Signal<'_>,
        speech: Signal<'_>,
    ) -> (Vec<Event>, CueEnd) {
        let mut cue = LipSync::new(LipSyncConfig::default());
        let (mut events, mut heard) = (Vec::new(), 0.0);
        for i in 0..(seconds * fps) as usize {
            let pts = i as f64 / fps;
            while heard <= pts {
                let steps = |n: usize, s: Signal<'_>| (0..n).map(|k| s(heard + k as f64 * 0.256 / n as f64)).collect();
                let (start, end) = (MediaTime::from_secs(heard), MediaTime::from_secs(heard + 0.256));
                let (level_db, speech) = (steps(32, level_db), steps(8, speech));
                events.extend(cue.sound(&SoundEvidence { span: TimeSpan { start, end }, level_db, speech }));
                heard += 0.256;
            }
            events.extend(cue.frame(&frame(pts, Some(mouth(pts)), 1)));
        }
        let mut end = cue.finish();
        events.append(&mut end.events);
        (events, end)
    }

    /// Random values every 0.11 s with smooth ways between them, −1..=1.
    fn babble(seed: f64, t: f64) -> f32 {
        let (knot, part) = ((t / 0.11).floor(), (t / 0.11).fract().rem_euclid(1.0));
        let at = |k: f64| ((k + seed) * 12.9898).sin() * 43_758.545;
        let ease = 0.5 - 0.5 * (std::f64::consts::PI * part).cos();
        let mix = at(knot).rem_euclid(2.0) * (1.0 - ease) + at(knot + 1.0).rem_euclid(2.0) * ease;
        (mix - 1.0) as f32
    }

    fn open(seed: f64) -> impl Fn(f64) -> f32 {
        move |t| 0.1 + 0.02 * babble(seed, t)
    }

    fn loud(seed: f64, lag_s: f64) -> impl Fn(f64) -> f32 {
        move |t| -30.0 + 12.0 * babble(seed, t - lag_s)
    }

    fn lag_of(end: &CueEnd) -> (Option<crate::types::record::SyncLag>, Outcome, Vec<Reason>) {
        match end.finding.clone() {
            Some((Aspect::Sync(lag), finding)) => (lag, finding.result, finding.reasons),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn sound_without_pictures_is_not_assessed() {
        let mut cue = LipSync::new(LipSyncConfig::default());
        let span = TimeSpan { start: MediaTime::ZERO, end: MediaTime::from_secs(4.0) };
        cue.sound(&SoundEvidence { span, level_db: vec![-20.0; 500], speech: vec![1.0; 125] });
        let (_, finding) = cue.finish().finding.unwrap();
        assert_eq!(finding.result, Outcome::NotAssessed);
    }

    #[test]
    fn the_worked_example() {
        let (events, end) = call(20.0, 25.0, &open(2.0), &loud(2.0, 0.24), &|_| 0.9);
        let (lag, result, reasons) = lag_of(&end);
        assert_eq!((result, reasons), (Outcome::NoSignsFound, vec![Reason::LipsFollowVoice]));
        assert!((lag.unwrap().lag_ms - 240.0).abs() <= 16.0 && lag.unwrap().confidence > 0.95, "{lag:?}");
        assert_eq!(events.iter().map(|e| e.kind).collect::<Vec<_>>(), [EventKind::LipSyncLag]);
        assert!((events[0].detail[0].1 - 240.0).abs() <= 16.0 && events[0].span.secs() > 15.0, "{events:?}");
    }

    #[test]
    fn a_lag_that_jumps_again_and_again_is_a_sign() {
        let jumping = |t: f64| loud(1.0, if (t / 10.0) as i64 % 2 == 0 { -0.15 } else { 0.25 })(t);
        let (events, end) = call(90.0, 25.0, &open(1.0), &jumping, &|_| 0.9);
        assert!(events.iter().any(|e| e.kind == EventKind::LipSyncJitter), "{events:?}");
        assert!(lag_of(&end).0.unwrap().jitter_ms.unwrap() > 100.0);
    }

    #[test]
    fn silence_and_a_missing_face_are_not_assessed() {
        let (events, end) = call(20.0, 25.0, &|_| 0.1, &|_| -90.0, &|_| 0.0);
        assert_eq!(lag_of(&end), (None, Outcome::NotAssessed, vec![Reason::NoSpeech]));
        assert_eq!(events, []);
        let mut cue = LipSync::new(LipSyncConfig::default());
        assert_eq!(lag_of(&cue.finish()), (None, Outcome::NotAssessed, vec![Reason::NoFace]));
        for i in 0..100 {
            cue.frame(&frame(f64::from(i) / 25.0, Some(0.1), 2));
        }
        assert_eq!(lag_of(&cue.finish()).2, [Reason::SeveralFaces]);
        let (_, slow) = call(20.0, 5.0, &open(1.0), &loud(1.0, 0.0), &|_| 0.9);
        assert_eq!(lag_of(&slow), (None, Outcome::NotAssessed, vec![Reason::LowFrameRate]));
    }

    #[test]
    fn lips_and_voice_apart_are_told_and_no_sign() {
        let (events, end) = call(12.0, 25.0, &|_| 0.1, &loud(3.0, 0.0), &|_| 0.9);
        assert_eq!(events.iter().map(|e| e.kind).collect::<Vec<_>>(), [EventKind::SpeechWithoutLips]);
        assert_eq!(lag_of(&end), (None, Outcome::Inconclusive, vec![Reason::SpeechWithoutLips]));
        let (events, end) = call(12.0, 25.0, &open(3.0), &|_| -90.0, &|_| 0.0);
        assert_eq!(events.iter().map(|e| e.kind).collect::<Vec<_>>(), [EventKind::LipsWithoutSpeech]);
        assert_eq!(lag_of(&end).1, Outcome::NotAssessed);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn the_lag_is_found_behind_leading_silence(lag_ms in -400i64..400, seed in 0.0f64..100.0, silence in 0.0f64..10.0) {
            let lag_s = lag_ms as f64 / 1e3;
            let level = |t: f64| if t < silence { -90.0 } else { loud(seed, lag_s)(t) };
            let mouth = |t: f64| if t < silence { 0.1 } else { open(seed)(t) };
            let (_, end) = call(silence + 9.0, 30.0, &mouth, &level, &|t| if t < silence { 0.0 } else { 0.9 });
            let lag = lag_of(&end).0.unwrap();
            prop_assert!((lag.lag_ms - lag_ms as f64).abs() <= 40.0, "{:?}", lag);
        }

        #[test]
        fn an_unrelated_voice_gives_no_sign(seed in 0.0f64..100.0) {
            let (events, _) = call(60.0, 25.0, &open(seed), &loud(seed + 1234.5, 0.0), &|_| 0.9);
            prop_assert!(events.iter().all(|e| e.kind.class() == crate::types::EventClass::Context), "{:?}", events);
        }
    }
}
