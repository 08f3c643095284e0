//! The graph. In: an opened source. Out: the record stream. Reads like the diagram in the crate's documentation.

use std::thread::{Builder, Scope, ScopedJoinHandle};

use crossbeam_channel::{Receiver, Select, bounded, never};

use super::Engines;
use super::attention::{Attention, Listening, Sampler};
use super::face_stage::{self, DetectedFrame, Faces};
use super::join::{Heard, Waiting};
use super::live::Live;
use super::people::{Gather, People};
use super::stats::Meter;
use super::voice_stage::{self, Networks, VoiceMessage};
use crate::config::Config;
use crate::cues::{self, Cue, CueEnd};
use crate::error::Error;
use crate::face::detect::Follow;
use crate::face::track::Tracker;
use crate::fuse::{Ended, Fuser};
use crate::infer::thread_cpu_time;
use crate::media::{AudioStream, BROKE_OFF, Cancel, Glimpse, Source, VideoStream};
use crate::report::Sink;
use crate::types::record::{Closely, End, EventRecord, Fused, Reason, Record, SCHEMA, Start, Verdict, Warning};
use crate::types::{Event, EventClass, FrameEvidence, MediaTime, VoiceEvidence};

/// Frames between detection and scoring; each holds a decoded picture (1.4 MB at 1280×720).
const DETECTED: usize = 4;

/// Evidence on its way to the joiner, which takes it at once; some 300 bytes each.
const EVIDENCE: usize = 64;

/// What a run needs besides its source.
pub struct Run<'a> {
    /// How to analyse.
    pub config: &'a Config,
    /// The networks.
    pub engines: &'a mut Engines,
    /// Where records go.
    pub sink: &'a mut dyn Sink,
    /// Asks for an early end.
    pub cancel: &'a Cancel,
    /// Told how far the analysis is.
    pub progress: &'a mut dyn FnMut(MediaTime),
}

/// What is known at the end of a run.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// The finding, as in the records.
    pub verdict: Verdict,
    /// Who was in view and who spoke; in memory only.
    pub people: People,
}

/// Analyses a source to its end, or until cancelled, and writes every record. The source must be opened with the
/// same cancel token.
pub fn analyze(source: &mut dyn Source, run: Run<'_>) -> Result<Analysis, Error> {
    let Run { config, engines, sink, cancel, progress } = run;
    let started = thread_cpu_time();
    let meter = Meter::start(engines.cpu_time());
    sink.write(&Record::Start(Start {
        schema: SCHEMA.into(),
        tool_version: env!("CARGO_PKG_VERSION").into(),
        source: source.info().clone(),
        models: engines.models.clone(),
        runtime: engines.runtime.clone(),
        config_sha256: config.sha256(),
    }))?;
    let streams = source.streams();
    let (has_video, has_audio) = (streams.video.is_some(), streams.audio.is_some());
    let stop = Cancel::default();
    let (fuser, cues) = (Fuser::new(config.verdict.clone()), cues::all(&config.cues));
    let fuser = if source.glimpse().is_some() { fuser.sampled() } else { fuser };
    let people = Gather::new(&config.cues);
    let attention = Attention::new(MediaTime::from_secs(config.live.attention_s));
    let live = source.live().map(|state| Live::new(state, &attention, config));
    let closely = source.glimpse().map(|glimpse| glimpse.closely.iter().map(Closely::from).collect());
    let picks = picks(config, source.glimpse(), live.as_ref().map(|_| &attention));
    let mut joiner = Joiner { meter: &meter, cues, fuser, people, sink, progress, live };
    let audio_end = std::thread::scope(|scope| {
        let stages = start_stages(scope, (streams.video, streams.audio), picks, config, engines, &stop, &meter);
        let Stages { frames, voice, handles } = stages?;
        let joined = joiner.join(frames, voice);
        if joined.is_err() {
            stop.cancel();
        }
        let ended = handles.into_iter().map(|(name, handle)| handle.join().unwrap_or(Err(Error::StagePanicked(name))));
        let failed = ended.filter_map(Result::err).next();
        match (failed, joined) {
            (Some(error), _) | (None, Err(error)) => Err(error),
            (None, Ok(end)) => Ok(end),
        }
    })?;
    let warnings = source.warnings();
    let cut = cut(cancel, &warnings);
    let ended = Ended { has_video, has_audio, audio_s: audio_end.as_secs(), cut, closely };
    let live = joiner.live.take();
    let (verdict, people, sink) = joiner.finish(ended)?;
    for warning in warnings {
        sink.write(&Record::Warning(warning))?;
    }
    sink.write(&Record::Verdict(verdict.clone()))?;
    let fuse = thread_cpu_time().saturating_sub(started);
    let mut stats = meter.stats(engines.cpu_time(), fuse, &verdict.coverage);
    if let Some(live) = live {
        live.add_to(&mut stats);
    }
    sink.write(&Record::End(End { stats }))?;
    sink.finish()?;
    Ok(Analysis { verdict, people })
}

/// Which frames and which sound are analysed; `attention` is a live source's.
fn picks<'a>(config: &Config, glimpse: Option<&Glimpse>, attention: Option<&'a Attention>) -> (Sampler<'a>, Listening) {
    let sampler = match (attention, glimpse) {
        (Some(attention), _) => {
            Sampler::adaptive(config.fps.unwrap_or(config.live.fps), config.live.full_fps, attention)
        }
        (None, Some(glimpse)) => Sampler::glimpse(config.fps, glimpse),
        (None, None) => Sampler::new(config.fps),
    };
    let rest = MediaTime::from_secs(config.triage.as_ref().map_or(0.0, |triage| triage.rest_s));
    (sampler, Listening::glimpse(rest, glimpse))
}

/// Why the run ended before the recording's end.
fn cut(cancel: &Cancel, warnings: &[Warning]) -> Option<Reason> {
    match (cancel.is_cancelled(), warnings.iter().any(|w| w.code == BROKE_OFF)) {
        (true, _) => Some(Reason::Interrupted),
        (false, true) => Some(Reason::BrokenOff),
        (false, false) => None,
    }
}

type Handle<'scope> = (&'static str, ScopedJoinHandle<'scope, Result<(), Error>>);

struct Stages<'scope> {
    frames: Option<Receiver<FrameEvidence>>,
    voice: Option<Receiver<VoiceMessage>>,
    handles: Vec<Handle<'scope>>,
}

type BothStreams = (Option<Box<dyn VideoStream>>, Option<Box<dyn AudioStream>>);

fn start_stages<'scope>(
    scope: &'scope Scope<'scope, '_>,
    (video, audio): BothStreams,
    (sampler, listening): (Sampler<'scope>, Listening),
    config: &'scope Config,
    engines: &'scope mut Engines,
    stop: &'scope Cancel,
    meter: &'scope Meter,
) -> Result<Stages<'scope>, Error> {
    let Engines { detector, face, embedder, vad, voice, speaker, overlap, .. } = engines;
    let mut stages = Stages { frames: None, voice: None, handles: Vec::new() };
    if let Some(video) = video {
        let (detected_out, detected) = bounded::<DetectedFrame>(DETECTED);
        let (frames_out, frames) = bounded::<FrameEvidence>(EVIDENCE);
        let tracker = Tracker::new(config.face.min_score);
        let faces = Faces::new(face, embedder, &config.face, meter);
        let follow = Follow::new(MediaTime::from_secs(config.face.whole_every_s), config.face.min_score);
        let found = (follow, tracker.floor());
        stages.start(scope, "detect", stop, move || {
            face_stage::detect(video, &mut **detector, sampler, found, stop, meter, &detected_out)
        })?;
        stages.start(scope, "face", stop, move || {
            face_stage::score(&detected, faces, tracker, stop, meter, &frames_out)
        })?;
        stages.frames = Some(frames);
    }
    if let Some(audio) = audio {
        let (voice_out, messages) = bounded::<VoiceMessage>(EVIDENCE);
        stages.start(scope, "voice", stop, move || {
            let networks = Networks { vad: &mut **vad, scorer: voice, embedder: speaker, overlap };
            voice_stage::voice(audio, networks, (&config.voice, listening), stop, meter, &voice_out)
        })?;
        stages.voice = Some(messages);
    }
    Ok(stages)
}

impl<'scope> Stages<'scope> {
    /// Runs a stage in a thread of its name; its failure stops the others.
    fn start(
        &mut self,
        scope: &'scope Scope<'scope, '_>,
        name: &'static str,
        stop: &'scope Cancel,
        stage: impl FnOnce() -> Result<(), Error> + Send + 'scope,
    ) -> Result<(), Error> {
        let guarded = move || {
            let result = stage();
            if result.is_err() {
                stop.cancel();
            }
            result
        };
        let handle = Builder::new().name(name.into()).spawn_scoped(scope, guarded);
        self.handles.push((name, handle.map_err(|_| Error::StagePanicked(name))?));
        Ok(())
    }
}

/// Joins, fuses and writes.
struct Joiner<'a> {
    meter: &'a Meter,
    cues: Vec<Box<dyn Cue>>,
    fuser: Fuser,
    people: Gather<'a>,
    sink: &'a mut dyn Sink,
    progress: &'a mut dyn FnMut(MediaTime),
    live: Option<Live<'a>>,
}

impl<'a> Joiner<'a> {
    /// Runs until both branches have ended; returns where the sound ended.
    fn join(
        &mut self,
        frames: Option<Receiver<FrameEvidence>>,
        voice: Option<Receiver<VoiceMessage>>,
    ) -> Result<MediaTime, Error> {
        let mut waiting = Waiting::new(voice.is_some(), self.live.is_some());
        let (mut frames_open, mut voice_open) = (frames.is_some(), voice.is_some());
        let (mut frames, mut voice) = (frames.unwrap_or_else(never), voice.unwrap_or_else(never));
        while frames_open || voice_open {
            let mut select = Select::new();
            let of_frames = select.recv(&frames);
            select.recv(&voice);
            let ready = select.select();
            if ready.index() == of_frames {
                match ready.recv(&frames) {
                    Ok(frame) => {
                        self.at_once(&frame, &waiting)?;
                        waiting.frame(frame);
                    }
                    Err(_) => (frames, frames_open) = (never(), false),
                }
            } else {
                match ready.recv(&voice) {
                    Ok(message) => waiting.voice(message),
                    Err(_) => {
                        (voice, voice_open) = (never(), false);
                        waiting.voice_ended();
                    }
                }
            }
            self.meter.waiting(waiting.len());
            while let Some((heard, frame)) = waiting.next_frame() {
                self.heard(heard)?;
                self.frame(frame, &waiting)?;
            }
            if !frames_open || waiting.is_without_frames() {
                self.heard(waiting.rest())?;
            }
        }
        Ok(waiting.end())
    }

    fn frame(&mut self, frame: FrameEvidence, waiting: &Waiting) -> Result<(), Error> {
        let pts = frame.pts;
        let seen = self.ask(|cue| cue.frame(&frame));
        self.people.frame(&frame);
        let mut events = Vec::new();
        if let Some(live) = &self.live {
            let calls = self.cues.iter().any(|cue| cue.wants_every_frame());
            if calls || seen.iter().any(|event| event.kind.class() == EventClass::Sign) {
                live.attention(pts);
            }
        } else {
            events = self.record(frame, waiting.covering(pts))?.1;
        }
        self.events(events.into_iter().chain(seen))?;
        (self.progress)(pts);
        Ok(())
    }

    /// A live frame's record does not wait for what cues want to know of the sound.
    fn at_once(&mut self, frame: &FrameEvidence, waiting: &Waiting) -> Result<(), Error> {
        let Some(live) = &self.live else { return Ok(()) };
        let gaps = live.gaps();
        if !gaps.is_empty() {
            self.fuser.gap();
            self.events(gaps)?;
        }
        let (fused, events) = self.record(frame.clone(), waiting.lately(frame.pts))?;
        if let Some(live) = &mut self.live {
            live.told(frame, fused);
        }
        self.events(events)
    }

    /// Writes a frame's record; gives what both branches say together, and the events that it ended.
    fn record(
        &mut self,
        frame: FrameEvidence,
        voice: Option<&VoiceEvidence>,
    ) -> Result<(Option<Fused>, Vec<Event>), Error> {
        let (record, events) = self.fuser.frame(frame, voice);
        let fused = record.fused;
        self.sink.write(&Record::Frame(record))?;
        Ok((fused, events))
    }

    fn heard(&mut self, heard: Heard) -> Result<(), Error> {
        for sound in heard.sounds {
            let events = self.ask(|cue| cue.sound(&sound));
            self.events(events)?;
        }
        for window in heard.windows {
            let noticed = self.ask(|cue| cue.window(&window));
            self.people.window(&window);
            let (record, event) = self.fuser.voice(&window);
            self.sink.write(&Record::Voice(record))?;
            self.events(event.into_iter().chain(noticed))?;
            (self.progress)(window.span.start);
        }
        Ok(())
    }

    /// What every cue says to one observation.
    fn ask(&mut self, of: impl Fn(&mut dyn Cue) -> Vec<Event>) -> Vec<Event> {
        let cues = &mut self.cues;
        self.meter.for_cues(|| cues.iter_mut().flat_map(|cue| of(&mut **cue)).collect())
    }

    fn events(&mut self, events: impl IntoIterator<Item = Event>) -> Result<(), Error> {
        let events: Vec<Event> = events.into_iter().collect();
        events.iter().for_each(|event| self.fuser.event(event));
        write_events(self.sink, &events)
    }

    /// Ends the call: what was still open, and the verdict, which is not written yet.
    fn finish(mut self, ended: Ended) -> Result<(Verdict, People, &'a mut dyn Sink), Error> {
        let mut findings = Vec::new();
        let mut open = Vec::new();
        for cue in &mut self.cues {
            let CueEnd { events, finding } = cue.finish();
            open.extend(events);
            findings.extend(finding);
        }
        open.iter().for_each(|event| self.fuser.event(event));
        let Self { fuser, sink, people, .. } = self;
        let (events, verdict) = fuser.finish(ended, findings);
        open.extend(events);
        open.sort_by_key(|e| (e.span.start, e.kind, e.track));
        write_events(sink, &open)?;
        Ok((verdict, people.take(), sink))
    }
}

fn write_events(sink: &mut dyn Sink, events: &[Event]) -> Result<(), Error> {
    for event in events {
        sink.write(&Record::Event(EventRecord::from(event)))?;
    }
    Ok(())
}
