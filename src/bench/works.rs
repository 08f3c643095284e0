//! The works that are measured. In: a clip, streams with their engines. Out: what each work cost, all streams at once, a
//! thread a stream.

use std::time::Duration;

use super::Cost;
use crate::config::Config;
use crate::error::Error;
use crate::infer::{Runs, Runtime, Shared, Tape};
use crate::media::{self, AudioStream, Cancel, Input, LiveInput, LiveSpec, MediaError, SourceSpec, VideoStream};
use crate::pipeline::{Analysis, Engines, Run, analyze};
use crate::report::{self, Memory, SinkSpec};
use crate::types::record::{Record, Stats};

/// One stream's networks, and what they were asked.
pub struct Stream {
    engines: Engines,
    tape: Tape,
}

/// Loads the networks of every stream, one after the other.
pub fn load(config: &Config, streams: usize) -> Result<(Vec<Stream>, Cost), Error> {
    let shared = Shared::default();
    let one = || {
        let tape = Tape::default();
        let mut runtime = Runtime::open(&config.runtime)?.joined(&shared);
        runtime.tape = Some(tape.clone());
        Ok(Stream { engines: Engines::load_on(runtime, config)?, tape })
    };
    let (cost, all) = Cost::of(|| (0..streams).map(|_| one()).collect::<Result<_, Error>>())?;
    Ok((all, cost))
}

/// Opens the clip and pulls everything.
pub fn decode(clip: &Input, config: &Config, streams: usize, cancel: &Cancel) -> Result<Cost, Error> {
    let (mut cost, frames) = Cost::of(|| at_once(&mut vec![(); streams], |_: &mut ()| pull(clip, config, cancel)))?;
    cost.frames = frames.iter().sum();
    Ok(cost)
}

/// Decoding, and beside it the networks' runs of the scan before once more: what a scan of no cost of its own would cost.
pub fn bare(clip: &Input, config: &Config, all: &mut [Stream], cancel: &Cancel) -> Result<Cost, Error> {
    let one = |stream: &mut Stream| {
        std::thread::scope(|scope| {
            let decoding = named("bench-decode", scope, || pull(clip, config, cancel))?;
            stream.tape.replay()?;
            decoding.join().unwrap_or(Err(Error::StagePanicked("bench-decode")))
        })
    };
    let (mut cost, frames) = Cost::of(|| at_once(all, one))?;
    cost.frames = frames.iter().sum();
    Ok(cost)
}

fn pull(clip: &Input, config: &Config, cancel: &Cancel) -> Result<u64, Error> {
    let mut source = media::build(SourceSpec::Gst(clip.clone()), &config.limits, cancel)?;
    let streams = source.streams();
    std::thread::scope(|scope| {
        let sound = streams.audio.map(|audio| named("bench-audio", scope, move || pull_audio(audio))).transpose()?;
        let frames = streams.video.map_or(Ok(0), pull_video)?;
        sound.map_or(Ok(()), |thread| thread.join().unwrap_or(Err(Error::StagePanicked("bench-audio"))))?;
        Ok(frames)
    })
}

fn pull_video(mut video: Box<dyn VideoStream>) -> Result<u64, Error> {
    let mut frames = 0;
    while video.next_frame()?.is_some() {
        frames += 1;
    }
    Ok(frames)
}

fn pull_audio(mut audio: Box<dyn AudioStream>) -> Result<(), Error> {
    while audio.next_chunk()?.is_some() {}
    Ok(())
}

/// Scans the clip; the records are made and thrown away.
pub fn whole(clip: &Input, config: &Config, all: &mut [Stream], cancel: &Cancel) -> Result<Cost, Error> {
    all.iter().for_each(|stream| stream.tape.record());
    let one = |stream: &mut Stream| {
        let mut source = media::build(SourceSpec::Gst(clip.clone()), &config.limits, cancel)?;
        let mut sink = report::build(SinkSpec::Jsonl { out: Box::new(std::io::sink()), name: "nowhere".into() });
        let engines = &mut stream.engines;
        let run = Run { config, engines, sink: &mut *sink, cancel, progress: &mut |_| {} };
        let Analysis { verdict, .. } = analyze(&mut *source, run)?;
        Ok(verdict.coverage.frames_seen)
    };
    let (mut cost, frames) = Cost::of(|| at_once(all, one))?;
    all.iter().for_each(|stream| stream.tape.stop());
    cost.frames = frames.iter().sum();
    Ok(cost)
}

/// The networks' runs of the scan before, those of all streams together.
pub fn asked(all: &[Stream]) -> Vec<Runs> {
    let mut sums: Vec<Runs> = Vec::new();
    for runs in all.iter().flat_map(|stream| stream.tape.runs()) {
        match sums.iter_mut().find(|sum| (&sum.network, &sum.input) == (&runs.network, &runs.input)) {
            Some(sum) => sum.times += runs.times,
            None => sums.push(runs),
        }
    }
    sums
}

/// The networks' runs of the scan before, once more.
pub fn networks(all: &mut [Stream]) -> Result<Cost, Error> {
    let (mut cost, spent) = Cost::of(|| at_once(all, |stream| Ok(stream.tape.replay()?)))?;
    cost.cpu_s = spent.iter().sum::<Duration>().as_secs_f64();
    Ok(cost)
}

/// Plays the clip by the clock.
pub fn live(clip: &Input, config: &Config, all: &mut [Stream], clip_s: f64, cancel: &Cancel) -> Result<Cost, Error> {
    let Input::File(path) = clip else {
        return Err(MediaError::NotFound { input: clip.shown() }.into());
    };
    let one = |stream: &mut Stream| {
        let (input, config_of) = (LiveInput::File(path.clone()), config.live.clone());
        let spec = LiveSpec { input, config: config_of, for_s: Some(clip_s) };
        let mut source = media::build(SourceSpec::Live(spec), &config.limits, cancel)?;
        let memory = Memory::default();
        let mut sink = report::build(SinkSpec::Memory(memory.clone()));
        let engines = &mut stream.engines;
        analyze(&mut *source, Run { config, engines, sink: &mut *sink, cancel, progress: &mut |_| {} })?;
        let records = memory.records();
        let frames = records.iter().filter(|record| matches!(record, Record::Frame(_))).count() as u64;
        let end = records.into_iter().rev().find_map(|record| match record {
            Record::End(end) => Some(end.stats),
            _ => None,
        });
        Ok((frames, end.unwrap_or_default()))
    };
    let (mut cost, told) = Cost::of(|| at_once(all, one))?;
    let worst = |of: &dyn Fn(&Stats) -> f64| told.iter().map(|(_, stats)| of(stats)).fold(0.0, f64::max);
    let delay = |of: &dyn Fn(&crate::types::record::LiveStats) -> f64| worst(&|s| s.live.as_ref().map_or(0.0, of));
    cost.delays_ms = Some((delay(&|l| l.delay_p50_ms), delay(&|l| l.delay_p95_ms)));
    cost.frames = told.iter().map(|(frames, _)| frames).sum();
    cost.dropped = told.iter().map(|(_, stats)| stats.frames_dropped).sum();
    Ok(cost)
}

/// Does the work for each, all at once; the results have their order.
fn at_once<S: Send, T: Send>(
    each: &mut [S],
    work: impl Fn(&mut S) -> Result<T, Error> + Sync,
) -> Result<Vec<T>, Error> {
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Result<Vec<_>, Error> =
            each.iter_mut().map(|one| named("bench", scope, move || work(one))).collect();
        let done = threads?.into_iter().map(|thread| thread.join().unwrap_or(Err(Error::StagePanicked("bench"))));
        done.collect()
    })
}

fn named<'scope, T: Send + 'scope>(
    name: &'static str,
    scope: &'scope std::thread::Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<std::thread::ScopedJoinHandle<'scope, T>, Error> {
    std::thread::Builder::new().name(name.into()).spawn_scoped(scope, work).map_err(|_| Error::StagePanicked(name))
}
