//! A call second by second. In: records, from a run or from a file. Out: what pages, tables and tracks are made of;
//! some hundred bytes a second of recording, however many frames were analysed.

use std::collections::BTreeSet;
use std::io::BufRead;

use serde::Serialize;

use super::{ReportError, Sink};
use crate::types::record::{
    EventRecord, Frame, Fused, Reason, Record, ScoreState, Start, Stats, Verdict, Voice, Warning, round,
};
use crate::types::{Prob, TrackId};

/// Longest line of a record file that is read (a frame with 32 faces takes 12 kB).
const MAX_LINE: u64 = 1 << 20;

/// Longest recording that has a timeline: a week.
const MAX_SECONDS: usize = 7 * 86_400;

/// One call.
#[derive(Debug, Clone)]
pub struct Timeline {
    /// What was analysed, by what.
    pub start: Start,
    /// `[0, 1)`, `[1, 2)`, … to the last second in which something was seen or heard.
    pub seconds: Vec<Second>,
    /// In the order in which they were reported.
    pub events: Vec<EventRecord>,
    /// What a reader should know of the recording.
    pub warnings: Vec<Warning>,
    /// The finding.
    pub verdict: Verdict,
    /// What it cost; absent when the run ended before its end.
    pub stats: Option<Stats>,
}

/// One second of a call.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Second {
    /// Analysed frames.
    pub frames: u32,
    /// Each face in view, by track.
    pub faces: Vec<FaceSecond>,
    /// Mean P(masked) of the scored windows of speech over this second.
    pub voice: Option<Prob>,
    /// Whether there was speech, and whether it was scored.
    pub voice_state: Option<ScoreState>,
    /// Means over the frames of what both branches say together.
    pub fused: Option<Fused>,
    /// Why something was not scored.
    pub reasons: BTreeSet<Reason>,
}

/// One face in one second.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaceSecond {
    /// Who.
    pub track: TrackId,
    /// Frames with this face.
    pub frames: u32,
    /// Of those, scored.
    pub scored: u32,
    /// Mean P(masked) of the scored frames.
    pub mean: Option<Prob>,
    /// Highest P(masked) of a frame.
    pub highest: Option<Prob>,
}

/// Collects a [`Timeline`].
#[derive(Debug, Default)]
pub struct TimelineSink {
    start: Option<Start>,
    seconds: Vec<Sums>,
    events: Vec<EventRecord>,
    warnings: Vec<Warning>,
    verdict: Option<Verdict>,
    stats: Option<Stats>,
}

impl TimelineSink {
    /// The timeline; `None` without a start or a verdict.
    pub fn take(self) -> Option<Timeline> {
        let Self { start, seconds, events, warnings, verdict, stats } = self;
        let seconds = seconds.into_iter().map(Sums::second).collect();
        Some(Timeline { start: start?, seconds, events, warnings, verdict: verdict?, stats })
    }

    fn at(&mut self, second: usize) -> Option<&mut Sums> {
        if second >= MAX_SECONDS {
            return None;
        }
        if self.seconds.len() <= second {
            self.seconds.resize_with(second + 1, Sums::default);
        }
        self.seconds.get_mut(second)
    }

    fn frame(&mut self, frame: &Frame) {
        if let Some(sums) = self.at(frame.pts_s.max(0.0) as usize) {
            sums.frame(frame);
        }
    }

    fn voice(&mut self, voice: &Voice) {
        let (first, end) = (voice.start_s.max(0.0) as usize, voice.end_s.max(0.0).ceil() as usize);
        for second in first..end.min(MAX_SECONDS) {
            if let Some(sums) = self.at(second) {
                sums.voice(voice);
            }
        }
    }
}

impl Sink for TimelineSink {
    fn write(&mut self, record: &Record) -> Result<(), ReportError> {
        match record {
            Record::Start(start) => self.start = Some(start.clone()),
            Record::Frame(frame) => self.frame(frame),
            Record::Voice(voice) => self.voice(voice),
            Record::Event(event) => self.events.push(event.clone()),
            Record::Warning(warning) => self.warnings.push(warning.clone()),
            Record::Verdict(verdict) => self.verdict = Some(verdict.clone()),
            Record::End(end) => self.stats = Some(end.stats.clone()),
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ReportError> {
        Ok(())
    }
}

/// The records of a file or stream, in order; `name` is for messages. A line that is no record is an error, and the
/// last item.
pub fn read_records<R: BufRead>(from: R, name: &str) -> impl Iterator<Item = Result<Record, ReportError>> + use<R> {
    let (mut from, mut text, mut broken) = (from, String::new(), false);
    let name = name.to_owned();
    (1..).map_while(move |line| {
        if broken {
            return None;
        }
        text.clear();
        let read = std::io::Read::take(&mut from, MAX_LINE).read_line(&mut text);
        let record = match read {
            Ok(0) => return None,
            Ok(n) if n as u64 >= MAX_LINE => Err("longer than any record".into()),
            Ok(_) => serde_json::from_str(&text).map_err(|e| e.to_string()),
            Err(e) => Err(e.to_string()),
        };
        broken = record.is_err();
        Some(record.map_err(|reason| ReportError::Read { name: name.clone(), line, reason }))
    })
}

impl Timeline {
    /// Reads a record stream that was kept; `name` is for messages.
    pub fn read(from: impl BufRead, name: &str) -> Result<Self, ReportError> {
        let mut sink = TimelineSink::default();
        read_records(from, name).try_for_each(|record| sink.write(&record?))?;
        sink.take().ok_or_else(|| ReportError::Incomplete { name: name.into() })
    }

    /// Length of what was analysed, in seconds.
    pub fn length_s(&self) -> f64 {
        let coverage = &self.verdict.coverage;
        coverage.video_s.max(coverage.audio_s)
    }
}

/// A second while it is being collected.
#[derive(Debug, Clone, Default)]
struct Sums {
    second: Second,
    voice: Mean,
    fused: [Mean; 3],
    faces: Vec<Mean>,
}

/// A running mean.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: f64,
    n: u32,
}

impl Mean {
    fn add(&mut self, p: Prob) {
        self.sum += f64::from(p.get());
        self.n += 1;
    }

    fn get(self) -> Option<Prob> {
        (self.n > 0).then(|| Prob::new(round(self.sum / f64::from(self.n), 4) as f32)).flatten()
    }
}

impl Sums {
    fn frame(&mut self, frame: &Frame) {
        self.second.frames += 1;
        self.second.reasons.extend(&frame.reasons);
        for face in &frame.faces {
            let known = self.second.faces.iter().position(|f| f.track == face.track);
            let i = known.unwrap_or_else(|| {
                let (track, mean, highest) = (face.track, None, None);
                self.second.faces.push(FaceSecond { track, frames: 0, scored: 0, mean, highest });
                self.faces.push(Mean::default());
                self.faces.len() - 1
            });
            let (seen, mean) = (&mut self.second.faces[i], &mut self.faces[i]);
            seen.frames += 1;
            self.second.reasons.extend(&face.reasons);
            if let Some(p) = face.p_masked {
                seen.scored += 1;
                mean.add(p);
                let higher = seen.highest.is_none_or(|h| p.get() > h.get());
                seen.highest = if higher { Some(p) } else { seen.highest };
            }
        }
        if let Some(fused) = &frame.fused {
            let [p, low, high] = &mut self.fused;
            p.add(fused.p_masked);
            low.add(fused.low);
            high.add(fused.high);
        }
    }

    fn voice(&mut self, voice: &Voice) {
        if let Some(p) = voice.p_masked {
            self.voice.add(p);
        }
        self.second.reasons.extend(&voice.reasons);
        let scored = self.second.voice_state == Some(ScoreState::Scored);
        self.second.voice_state = if scored { Some(ScoreState::Scored) } else { Some(voice.state) };
    }

    fn second(self) -> Second {
        let Self { mut second, voice, fused: [p, low, high], faces } = self;
        for (face, mean) in second.faces.iter_mut().zip(faces) {
            face.mean = mean.get();
        }
        second.faces.sort_by_key(|f| f.track);
        second.voice = voice.get();
        second.fused = match (p.get(), low.get(), high.get()) {
            (Some(p_masked), Some(low), Some(high)) => Some(Fused { p_masked, low, high }),
            _ => None,
        };
        second
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::test_records::call;
    use proptest::prelude::*;

    #[test]
    fn seconds_hold_means_and_the_highest() {
        let timeline = call(3.0);
        assert_eq!(timeline.seconds.len(), 3);
        let second = &timeline.seconds[1];
        assert_eq!((second.frames, second.faces.len()), (10, 1));
        let face = &second.faces[0];
        assert_eq!((face.frames, face.scored), (10, 10));
        assert!(face.highest.unwrap().get() >= face.mean.unwrap().get());
        assert_eq!(second.voice_state, Some(ScoreState::Scored));
    }

    #[test]
    fn a_file_gives_the_same_timeline_as_the_run() {
        let records = crate::report::test_records::records(4.0);
        let mut text = Vec::new();
        for record in &records {
            serde_json::to_writer(&mut text, record).unwrap();
            text.push(b'\n');
        }
        let read = Timeline::read(text.as_slice(), "call.jsonl").unwrap();
        assert_eq!(read.seconds, call(4.0).seconds);
        let cut = &text[..text.len() / 2];
        let message = Timeline::read(cut, "call.jsonl").unwrap_err().to_string();
        assert!(message.contains("call.jsonl") && message.contains("line"), "{message}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
            let _either = Timeline::read(text.as_bytes(), "x");
        }

        #[test]
        fn no_time_is_too_large(at in -1e18f64..1e18) {
            let mut records = crate::report::test_records::records(1.0);
            for record in &mut records {
                if let Record::Frame(frame) = record {
                    frame.pts_s = at;
                }
            }
            let mut sink = TimelineSink::default();
            for record in &records {
                sink.write(record).unwrap();
            }
            prop_assert!(sink.take().unwrap().seconds.len() <= MAX_SECONDS);
        }
    }
}
