//! The fuser. In: frames and voice windows in order of time. Out: their records, events, and at last the verdict.

use std::collections::BTreeMap;

use super::records::{face_record, state, voice_state};
use super::verdict::{finding, inconclusive, not_assessed, overall};
use super::{Alert, BlockMean, Estimate, Smoother, Stretches};
use crate::config::VerdictConfig;
use crate::cues::Aspect;
use crate::types::record::{
    Closely, Coverage, Finding, Frame, Fused, Outcome, Reason, SCOPE, SyncFinding, TrackFinding, Verdict, Voice, round,
    secs,
};
use crate::types::{
    Event, EventKind, FaceEvidence, FrameEvidence, MediaTime, Prob, TimeSpan, TrackId, VoiceEvidence, utc_text_ms,
};

/// A frame stands for the time to the next one, but never for more than this.
const MAX_FRAME: MediaTime = MediaTime(1_000_000_000);

/// A window of speech stands for the second about its middle.
const HALF_STEP: MediaTime = MediaTime(500_000_000);

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// The recording has a video stream.
    pub has_video: bool,
    /// The recording has an audio stream.
    pub has_audio: bool,
    /// Length of the analysed sound.
    pub audio_s: f64,
    /// Why it ended before the recording's end; `None` when it did not.
    pub cut: Option<Reason>,
    /// The stretches that were looked at closely, when the rest was only sampled.
    pub closely: Option<Vec<Closely>>,
}

struct Track {
    first: MediaTime,
    last: MediaTime,
    seen: u64,
    scored: u64,
    scored_s: f64,
    /// Sums over the scored faces.
    sharpness: f64,
    exposure: f64,
    smoother: Smoother,
    mean: BlockMean,
    alert: Alert,
    /// What speaks for masking of this face.
    signs: Stretches,
}

/// Turns evidence into records; constant memory per person in view.
pub struct Fuser {
    config: VerdictConfig,
    tracks: BTreeMap<TrackId, Track>,
    voice: BlockMean,
    voice_smoother: Smoother,
    voice_alert: Alert,
    /// Scored speech so far, and until when windows have been counted.
    speech: (f64, MediaTime),
    /// Windows that were heard but not scored, by reason.
    unscored: BTreeMap<Reason, u64>,
    /// Signs of the face and of the voice.
    signs: (Stretches, Stretches),
    previous: Option<MediaTime>,
    /// Most frames stand alone, far from the next.
    sampled: bool,
    coverage: Coverage,
}

impl Fuser {
    /// An empty call.
    pub fn new(config: VerdictConfig) -> Self {
        Self {
            config,
            tracks: BTreeMap::new(),
            voice: BlockMean::default(),
            voice_smoother: Smoother::of_windows(),
            voice_alert: Alert::new(EventKind::VoiceSuspicious, None),
            speech: (0.0, MediaTime::ZERO),
            unscored: BTreeMap::new(),
            signs: Default::default(),
            previous: None,
            sampled: false,
            coverage: Coverage::default(),
        }
    }

    /// From now on a frame that is far from the one before stands alone: it counts, but a moment is not made of it, and
    /// what lies between was not analysed.
    pub fn sampled(self) -> Self {
        Self { sampled: true, ..self }
    }

    /// Adds a frame and the voice window that covers it.
    pub fn frame(&mut self, frame: FrameEvidence, voice: Option<&VoiceEvidence>) -> (Frame, Vec<Event>) {
        let step = self.previous.map_or(MediaTime::ZERO, |p| frame.pts - p);
        let length = step.min(MAX_FRAME);
        self.previous = Some(frame.pts);
        let alone = self.sampled && step > MAX_FRAME;
        self.coverage.video_s += if self.sampled { length } else { step }.as_secs();
        self.coverage.frames_seen += 1;
        let mut events = Vec::new();
        let mut best: Option<Fused> = None;
        let mut scored = false;
        for face in &frame.faces {
            let (estimate, event) = self.face(face, frame.pts, length, alone);
            scored |= estimate.is_some();
            best = higher(best, estimate.and_then(|e| e.fused(&self.config.face)));
            events.extend(event);
        }
        self.coverage.frames_scored += u64::from(scored);
        let heard = voice.and_then(|v| v.logit);
        let heard = heard.map(|logit| Estimate { logit, sampling: 0.0 });
        best = higher(best, heard.and_then(|e| e.fused(&self.config.voice)));
        let record = Frame {
            index: frame.index,
            pts_s: secs(frame.pts),
            utc: frame.utc.map(utc_text_ms),
            voice: voice_state(voice),
            fused: best,
            reasons: if frame.faces.is_empty() { vec![Reason::NoFace] } else { Vec::new() },
            faces: frame.faces.into_iter().map(face_record).collect(),
        };
        (record, events)
    }

    fn face(
        &mut self,
        face: &FaceEvidence,
        pts: MediaTime,
        length: MediaTime,
        alone: bool,
    ) -> (Option<Estimate>, Option<Event>) {
        let track = self.tracks.entry(face.track).or_insert_with(|| Track {
            first: pts,
            last: pts,
            seen: 0,
            scored: 0,
            scored_s: 0.0,
            sharpness: 0.0,
            exposure: 0.0,
            smoother: Smoother::of_frames(),
            mean: BlockMean::default(),
            alert: Alert::new(EventKind::FaceSuspicious, Some(face.track)),
            signs: Stretches::default(),
        });
        track.last = pts;
        track.seen += 1;
        let Some(logit) = face.logit else { return (None, None) };
        track.scored += 1;
        track.scored_s += length.as_secs();
        track.mean.push(pts, logit, 1.0);
        track.sharpness += f64::from(face.quality.sharpness);
        track.exposure += f64::from(face.quality.exposure);
        let estimate = track.smoother.push(pts, logit);
        let span = TimeSpan { start: pts - length, end: pts };
        if alone {
            return (Some(estimate), track.alert.close());
        }
        let alarm_at = self.config.face.at(face.quality.sharpness, face.quality.exposure).alarm_at;
        let event = Prob::from_logit(estimate.logit).and_then(|p| track.alert.push(span, p, alarm_at));
        (Some(estimate), event)
    }

    /// Nothing was seen or heard until the next frame.
    pub fn gap(&mut self) {
        self.previous = None;
    }

    /// Adds a cue's event.
    pub fn event(&mut self, event: &Event) {
        match event.kind {
            EventKind::FaceSuspicious | EventKind::FaceChanged => {
                self.signs.0.push(event);
                if let Some(track) = event.track.and_then(|id| self.tracks.get_mut(&id)) {
                    track.signs.push(event);
                }
            }
            EventKind::VoiceSuspicious => self.signs.1.push(event),
            _ => {}
        }
    }

    /// Adds a window of speech.
    pub fn voice(&mut self, voice: &VoiceEvidence) -> (Voice, Option<Event>) {
        let p_masked = voice.logit.and_then(Prob::from_logit);
        let mut event = None;
        if let Some(logit) = voice.logit {
            self.voice.push(voice.span.start, logit, voice.speech_ratio.max(0.05));
            let fresh = voice.span.end - voice.span.start.max(self.speech.1);
            self.speech.0 += fresh.as_secs().max(0.0) * f64::from(voice.speech_ratio);
            self.speech.1 = self.speech.1.max(voice.span.end);
            let smoothed = self.voice_smoother.push(voice.span.middle(), logit);
            let heard = TimeSpan { start: voice.span.middle() - HALF_STEP, end: voice.span.middle() + HALF_STEP };
            event = Prob::from_logit(smoothed.logit)
                .and_then(|p| self.voice_alert.push(heard, p, self.config.voice.alarm_at));
        }
        for reason in &voice.reasons {
            *self.unscored.entry(*reason).or_default() += 1;
        }
        let record = Voice {
            start_s: secs(voice.span.start),
            end_s: secs(voice.span.end),
            p_masked,
            speech_ratio: round(f64::from(voice.speech_ratio), 3),
            state: state(p_masked),
            reasons: voice.reasons.clone(),
        };
        (record, event)
    }

    /// Ends the call: events that were still open, and the verdict. `cues` is what the cues say of their parts.
    pub fn finish(mut self, ended: Ended, cues: Vec<(Aspect, Finding)>) -> (Vec<Event>, Verdict) {
        let mut events: Vec<Event> = self.tracks.values_mut().filter_map(|t| t.alert.close()).collect();
        events.extend(self.voice_alert.close());
        events.iter().for_each(|event| self.event(event));
        let mut tracks: Vec<TrackFinding> = self.tracks.iter().map(|(id, track)| self.track(*id, track)).collect();
        let (config, signs) = (&self.config, &self.signs);
        let mut face = signs.0.within(self.face_finding(&tracks, ended.has_video), config.min_signs_s, &config.face);
        let mut voice = signs.1.within(self.voice_finding(ended.has_audio), config.min_signs_s, &config.voice);
        for finding in [&mut face, &mut voice] {
            finding.reasons.extend(ended.cut);
            only_sampled(finding, &ended);
        }
        tracks.iter_mut().for_each(|track| only_sampled(&mut track.finding, &ended));
        // What no cue spoke of.
        let unseen = || not_assessed(if ended.has_video { Reason::LowCoverage } else { Reason::NoVideoStream });
        let mut sync = SyncFinding { finding: unseen(), lag: None };
        let (mut background, mut identity) = (unseen(), unseen());
        for (aspect, mut finding) in cues {
            only_sampled(&mut finding, &ended);
            match aspect {
                Aspect::Sync(lag) => sync = SyncFinding { finding, lag },
                Aspect::Background => background = finding,
                Aspect::Identity => identity = finding,
            }
        }
        let verdict = Verdict {
            overall: overall(&face, &voice, &[&sync.finding, &background, &identity]),
            face,
            voice,
            sync,
            background,
            identity,
            tracks,
            coverage: Coverage {
                video_s: round(self.coverage.video_s, 3),
                audio_s: round(ended.audio_s, 3),
                speech_s: round(self.speech.0, 3),
                closely: ended.closely,
                ..self.coverage
            },
            partial: ended.cut.is_some(),
            scope: SCOPE.into(),
        };
        (events, verdict)
    }

    fn track(&self, id: TrackId, track: &Track) -> TrackFinding {
        let (estimate, config) = (track.mean.estimate(), &self.config);
        let mean = |sum: f64| (sum / track.scored.max(1) as f64) as f32;
        let at = config.face.at(mean(track.sharpness), mean(track.exposure));
        let whole = finding(estimate, track.scored_s, config.min_face_s, Reason::LowCoverage, &at);
        TrackFinding {
            track: id,
            start_s: secs(track.first),
            end_s: secs(track.last),
            frames_seen: track.seen,
            frames_scored: track.scored,
            finding: track.signs.within(whole, self.config.min_signs_s, &self.config.face),
        }
    }

    /// The most alarming track among those with enough coverage; else the best covered.
    fn face_finding(&self, tracks: &[TrackFinding], has_video: bool) -> Finding {
        let covered = tracks.iter().filter(|t| !t.finding.reasons.contains(&Reason::LowCoverage));
        let alarming = covered.map(|t| &t.finding).reduce(|a, b| if p_of(b) > p_of(a) { b } else { a });
        let longest = || tracks.iter().max_by_key(|t| (t.frames_scored, t.frames_seen)).map(|t| &t.finding);
        match alarming.or_else(longest) {
            Some(finding) => finding.clone(),
            None => not_assessed(if has_video { Reason::NoFace } else { Reason::NoVideoStream }),
        }
    }

    fn voice_finding(&self, has_audio: bool) -> Finding {
        let (estimate, commonest) = (self.voice.estimate(), self.unscored.iter().max_by_key(|(_, n)| **n));
        match commonest {
            Some((reason, _)) if estimate.is_none() => inconclusive(*reason),
            _ => {
                let absent = if has_audio { Reason::NoSpeech } else { Reason::NoAudioStream };
                finding(estimate, self.speech.0, self.config.min_voice_s, absent, &self.config.voice)
            }
        }
    }
}

/// What nobody looked at or listened to is not without signs.
fn only_sampled(finding: &mut Finding, ended: &Ended) {
    if ended.closely.is_some() && finding.result == Outcome::NoSignsFound {
        finding.result = Outcome::Inconclusive;
        finding.reasons = vec![Reason::OnlySampled];
    }
}

fn p_of(finding: &Finding) -> f32 {
    finding.p_masked.map_or(-1.0, Prob::get)
}

fn higher(a: Option<Fused>, b: Option<Fused>) -> Option<Fused> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.p_masked > a.p_masked { b } else { a }),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{OperatingPoint, PoorPoint};
    use crate::types::record::Outcome;
    use crate::types::{Quality, fixtures};

    fn frame(index: i64, logits: &[Option<f32>]) -> FrameEvidence {
        let faces = logits.iter().zip(1..).map(|(logit, id)| fixtures::face(id, *logit));
        fixtures::frame(index, 10, faces.collect())
    }

    fn ended() -> Ended {
        Ended { has_video: true, has_audio: false, audio_s: 0.0, cut: None, closely: None }
    }

    fn run(frames: i64, logits: &[Option<f32>]) -> (Vec<Event>, Verdict) {
        let mut fuser = Fuser::new(VerdictConfig::default());
        let mut events = Vec::new();
        for i in 0..frames {
            events.extend(fuser.frame(frame(i, logits), None).1);
        }
        let (last, verdict) = fuser.finish(ended(), vec![]);
        events.extend(last);
        (events, verdict)
    }

    #[test]
    fn a_masked_face_is_found_and_marked() {
        let (events, verdict) = run(100, &[Some(4.0)]);
        assert_eq!(verdict.face.result, Outcome::SignsFound);
        assert_eq!(verdict.overall.result, Outcome::SignsFound);
        assert_eq!(events.len(), 1);
        assert_eq!(verdict.voice.reasons, [Reason::NoAudioStream]);
    }

    #[test]
    fn a_coarse_or_dim_picture_needs_more() {
        // P 0.62 for the call, which is a sign only where the picture is fine.
        let poor = |below| Some(PoorPoint { below, signs_at: 0.7, alarm_at: 0.9 });
        let face = VerdictConfig::default().face;
        let face = OperatingPoint { signs_at: 0.5, coarse: poor(0.15), dim: poor(0.25), ..face };
        let config = VerdictConfig { face, ..VerdictConfig::default() };
        let outcome = |sharpness: f32, exposure: f32| {
            let mut fuser = Fuser::new(config.clone());
            for i in 0..100 {
                let mut frame = frame(i, &[Some(0.8)]);
                let quality = Quality { sharpness, exposure, ..fixtures::QUALITY };
                frame.faces.iter_mut().for_each(|face| face.quality = quality);
                fuser.frame(frame, None);
            }
            fuser.finish(ended(), vec![]).1.face.result
        };
        assert_eq!(outcome(0.2, 0.5), Outcome::SignsFound);
        assert_eq!([outcome(0.1, 0.5), outcome(0.2, 0.1)], [Outcome::Inconclusive; 2]);
    }

    #[test]
    fn no_evidence_is_never_a_clean_result() {
        let (_, verdict) = run(100, &[]);
        assert_eq!((verdict.face.result, verdict.overall.result), (Outcome::NotAssessed, Outcome::NotAssessed));
        let (_, verdict) = run(100, &[None]);
        assert_eq!(verdict.face.result, Outcome::NotAssessed);
        let (_, verdict) = run(5, &[Some(-4.0)]);
        assert_eq!(verdict.face.result, Outcome::Inconclusive, "half a second is too little");
    }

    #[test]
    fn speech_that_cannot_be_scored_is_inconclusive_with_its_commonest_reason() {
        let mut fuser = Fuser::new(VerdictConfig::default());
        for (i, reason) in [Reason::ShortSpeech, Reason::VoiceMusic, Reason::VoiceMusic].into_iter().enumerate() {
            let start = MediaTime::from_secs(i as f64);
            let span = TimeSpan { start, end: start + MediaTime::from_secs(4.0) };
            fuser.voice(&VoiceEvidence {
                span,
                speech_ratio: 0.5,
                logit: None,
                profile: None,
                embedding: None,
                reasons: vec![reason],
            });
        }
        fuser.frame(frame(0, &[Some(2.0)]), None);
        let (_, verdict) = fuser.finish(Ended { has_audio: true, ..ended() }, vec![]);
        assert_eq!((verdict.voice.result, verdict.voice.p_masked), (Outcome::Inconclusive, None));
        assert_eq!(verdict.voice.reasons, [Reason::VoiceMusic]);
        assert_eq!(verdict.overall.p_masked, verdict.face.p_masked, "the face's probability stays in sight");
    }

    #[test]
    fn the_masked_one_of_two_faces_counts() {
        let (_, verdict) = run(100, &[Some(-4.0), Some(4.0)]);
        assert_eq!(verdict.face.result, Outcome::SignsFound);
        assert_eq!(verdict.tracks.len(), 2);
        assert_eq!(verdict.tracks[0].finding.result, Outcome::NoSignsFound);
    }

    #[test]
    fn a_frame_without_a_face_has_its_record() {
        let (record, _) = Fuser::new(VerdictConfig::default()).frame(frame(0, &[]), None);
        assert_eq!(record.reasons, [Reason::NoFace]);
        assert_eq!(record.fused, None);
    }

    #[test]
    fn overlapping_windows_count_their_speech_once() {
        let mut fuser = Fuser::new(VerdictConfig::default());
        for second in 0..7 {
            let span = TimeSpan {
                start: MediaTime::from_secs(f64::from(second)),
                end: MediaTime::from_secs(f64::from(second) + 4.0),
            };
            fuser.voice(&VoiceEvidence {
                span,
                speech_ratio: 1.0,
                logit: Some(-3.0),
                profile: None,
                embedding: None,
                reasons: vec![],
            });
        }
        let (_, verdict) = fuser.finish(
            Ended { has_audio: true, has_video: false, audio_s: 10.0, cut: Some(Reason::Interrupted), closely: None },
            vec![],
        );
        assert!((verdict.coverage.speech_s - 10.0).abs() < 1e-6);
        assert_eq!(verdict.voice.result, Outcome::NoSignsFound);
        assert!(verdict.partial && verdict.voice.reasons.contains(&Reason::Interrupted));
    }
}
