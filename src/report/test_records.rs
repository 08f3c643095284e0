//! Records for tests: a call of any length with one face, speech, a sign and a context event.

use std::collections::BTreeMap;

use super::{Sink, Timeline, TimelineSink};
use crate::types::record::{
    Coverage, EventRecord, Face, FaceQuality, Finding, Frame, Fused, ModelInfo, Outcome, Reason, Record, RuntimeInfo,
    SCHEMA, SCOPE, ScoreState, SourceInfo, Start, SyncFinding, TrackFinding, Verdict, Voice, VoiceState,
};
use crate::types::{EventKind, Prob, TrackId};

fn p(value: f64) -> Prob {
    Prob::new(value.clamp(0.0, 1.0) as f32).expect("BUG: test records are whole")
}

fn start(length_s: f64) -> Start {
    let model = ModelInfo {
        id: "fake-face".into(),
        task: "face_score".into(),
        sha256: "00".into(),
        licence: "MIT".into(),
        about: None,
    };
    Start {
        schema: SCHEMA.into(),
        tool_version: "0.0.0".into(),
        source: SourceInfo { uri: "calls/<a> & \"b\".mp4".into(), duration_s: Some(length_s), ..SourceInfo::default() },
        models: vec![model],
        runtime: RuntimeInfo {
            provider: "cpu".into(),
            provider_note: None,
            onnxruntime: "none".into(),
            gstreamer: "none".into(),
        },
        config_sha256: "00".into(),
    }
}

fn frame(index: u64, pts_s: f64, score: f64) -> Frame {
    let quality = FaceQuality {
        size_px: 120.0,
        sharpness: 0.3,
        yaw_deg: 0.0,
        pitch_deg: 0.0,
        roll_deg: 0.0,
        exposure: 0.5,
        cut_off: 0.0,
    };
    let face = Face {
        track: TrackId(1),
        box_px: [100.0, 60.0, 90.0, 120.0],
        p_masked: Some(p(score)),
        state: ScoreState::Scored,
        quality,
        reasons: vec![],
    };
    let fused = Fused { p_masked: p(score), low: p(score - 0.1), high: p(score + 0.1) };
    let voice = VoiceState { p_masked: Some(p(0.3)), state: ScoreState::Scored };
    Frame { index, pts_s, utc: None, faces: vec![face], voice, fused: Some(fused), reasons: vec![] }
}

fn event(kind: EventKind, start_s: f64, end_s: f64) -> EventRecord {
    EventRecord {
        kind,
        start_s,
        end_s,
        class: kind.class(),
        score: p(0.9),
        track: Some(TrackId(1)),
        detail: BTreeMap::from([("length_s".to_owned(), end_s - start_s)]),
        why: kind.why().into(),
    }
}

fn verdict(length_s: f64) -> Verdict {
    let finding = |result, p_masked: Option<f64>, why| Finding {
        result,
        p_masked: p_masked.map(p),
        low: p_masked.map(|v| p(v - 0.1)),
        high: p_masked.map(|v| p(v + 0.1)),
        reasons: vec![why],
    };
    let face = finding(Outcome::SignsFound, Some(0.8), Reason::SignsInPart);
    Verdict {
        overall: face.clone(),
        face: face.clone(),
        voice: finding(Outcome::NoSignsFound, Some(0.3), Reason::BelowThreshold),
        sync: SyncFinding { finding: finding(Outcome::Inconclusive, None, Reason::NoClearLag), lag: None },
        background: finding(Outcome::NoSignsFound, None, Reason::FeedMoves),
        identity: finding(Outcome::NotAssessed, None, Reason::FaceUnclear),
        tracks: vec![TrackFinding {
            track: TrackId(1),
            start_s: 0.0,
            end_s: length_s,
            frames_seen: (length_s * 10.0) as u64,
            frames_scored: (length_s * 10.0) as u64,
            finding: face,
        }],
        coverage: Coverage {
            video_s: length_s,
            audio_s: length_s,
            speech_s: length_s,
            frames_seen: (length_s * 10.0) as u64,
            frames_scored: (length_s * 10.0) as u64,
            closely: None,
        },
        partial: false,
        scope: SCOPE.into(),
    }
}

/// Ten frames a second, a window of speech a second, high scores in the second quarter.
pub fn records(length_s: f64) -> Vec<Record> {
    let mut out = vec![Record::Start(start(length_s))];
    for i in 0..(length_s * 10.0) as u64 {
        let t = i as f64 / 10.0;
        let masked = (0.25..0.5).contains(&(t / length_s));
        out.push(Record::Frame(frame(i, t, if masked { 0.8 } else { 0.2 } + (i % 10) as f64 / 100.0)));
        if i % 10 == 0 {
            let (start_s, end_s, state) = (t, (t + 4.0).min(length_s), ScoreState::Scored);
            let p_masked = Some(p(0.3));
            out.push(Record::Voice(Voice { start_s, end_s, p_masked, speech_ratio: 0.8, state, reasons: vec![] }));
        }
    }
    out.push(Record::Event(event(EventKind::FaceSuspicious, length_s * 0.25, length_s * 0.5)));
    out.push(Record::Event(event(EventKind::ProfileTurn, length_s * 0.6, length_s * 0.62)));
    out.push(Record::Verdict(verdict(length_s)));
    out
}

/// The timeline of these records.
pub fn call(length_s: f64) -> Timeline {
    let mut sink = TimelineSink::default();
    for record in records(length_s) {
        sink.write(&record).expect("BUG: test records are whole");
    }
    sink.take().expect("BUG: test records are whole")
}
