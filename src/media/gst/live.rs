//! A live source. In: an address. Out: frames and sound as they come, over as many connections as it takes; what the
//! analysis is too slow for is dropped and counted, and the stretches between connections are gaps.
//!
//! A supervisor (thread `live`) holds one connection at a time; two threads receive what it gives, so that the source is
//! never held up. Time goes on while the stream is away: a connection begins at the time that has passed since the first
//! frame of the first one.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{Builder, ScopedJoinHandle};
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::GstSource;
use crate::config::{Limits, LiveConfig};
use crate::media::input::Ready;
use crate::media::live::{Backoff, LiveInput, LiveSpec, LiveState, Newest};
use crate::media::{AudioStream, BROKE_OFF, Cancel, MediaError, Source, Streams, VideoStream};
use crate::types::record::{SourceInfo, Warning};
use crate::types::{AudioChunk, MediaTime, TimeSpan, VideoFrame};

/// Frames that wait for the analysis; one of 1280×720 is 1.4 MB.
const FRAMES: usize = 4;

/// Pieces of sound that wait for the analysis: some five seconds, a few kB each.
const CHUNKS: usize = 256;

/// How often waiting threads look up.
const POLL: Duration = Duration::from_millis(50);

/// How long a stream may take to begin when it is connected to.
const OPENING_S: f64 = 20.0;

/// How long a connection may take to end before the next is tried.
const ENDING: Duration = Duration::from_secs(3);

/// A connection that held for so long makes the next wait short again.
const HELD: Duration = Duration::from_secs(10);

/// Strictly increasing times are at least so far apart (1 µs, the resolution of records).
const MIN_STEP: MediaTime = MediaTime(1_000);

/// What the supervisor, its threads and the source share.
struct Link {
    input: LiveInput,
    ready: Arc<Ready>,
    ends: bool,
    paced: bool,
    limits: Limits,
    config: LiveConfig,
    state: Arc<LiveState>,
    /// The user's.
    cancel: Cancel,
    /// The source was dropped.
    gone: AtomicBool,
    until: OnceLock<Instant>,
    /// When the first frame or sound came.
    began: OnceLock<Instant>,
    frames: AtomicU64,
    /// Latest time given to a frame, and to anything.
    last_frame: AtomicI64,
    last: AtomicI64,
}

impl Link {
    fn is_over(&self) -> bool {
        let late = self.until.get().is_some_and(|until| Instant::now() >= *until);
        late || self.cancel.is_cancelled() || self.gone.load(Ordering::SeqCst)
    }

    /// Sleeps; false when it is over.
    fn rest(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        while Instant::now() < until && !self.is_over() {
            std::thread::sleep(POLL.min(until.saturating_duration_since(Instant::now())));
        }
        !self.is_over()
    }

    fn connect(&self, cancel: &Cancel) -> Result<GstSource, MediaError> {
        let limits = Limits { stall_s: OPENING_S.max(self.config.stall_s), ..self.limits.clone() };
        let connect = |ready| GstSource::connect(ready, self.paced, &limits, self.config.stall_s, cancel);
        let Some((pull, uri)) = self.input.pull()? else { return connect(&self.ready) };
        let (shown, held) = (self.ready.shown.clone(), Arc::new(pull));
        let ready = Ready { uri, shown, bytes: None, sha256: None, c2pa: None, _held: Some(held) };
        connect(&Arc::new(ready))
    }
}

/// A live stream. Dropping it ends the connection.
pub struct LiveSource {
    info: SourceInfo,
    link: Arc<Link>,
    video: Option<Receiver<VideoFrame>>,
    audio: Option<Receiver<AudioChunk>>,
}

impl LiveSource {
    /// Connects, and returns when the streams are known; a source that is not there is an error at first.
    pub fn open(spec: LiveSpec, limits: &Limits, cancel: &Cancel) -> Result<Self, MediaError> {
        let LiveSpec { input, config, for_s } = spec;
        let link = Arc::new(Link {
            ready: Arc::new(input.ready(limits, cancel)?),
            ends: input.has_an_end(),
            paced: input.is_paced(),
            input,
            limits: limits.clone(),
            config,
            state: Arc::default(),
            cancel: cancel.clone(),
            gone: AtomicBool::new(false),
            until: OnceLock::new(),
            began: OnceLock::new(),
            frames: AtomicU64::new(0),
            last_frame: AtomicI64::new(-MIN_STEP.0),
            last: AtomicI64::new(0),
        });
        // A token of its own, for the supervisor ends connections that the user does not.
        let stop = Cancel::default();
        let first = link.connect(&stop)?;
        if let Some(seconds) = for_s {
            let time = Duration::from_secs_f64(seconds.clamp(0.0, 1e9));
            link.until.get_or_init(|| Instant::now() + time);
        }
        let info = first.info().clone();
        let (frames, video) = Newest::new(FRAMES);
        let (chunks, audio) = Newest::new(CHUNKS);
        let (video, audio) = (info.video.is_some().then_some(video), info.audio.is_some().then_some(audio));
        let supervisor = Supervisor { link: Arc::clone(&link), frames, chunks };
        let thread = Builder::new().name("live".into()).spawn(move || supervisor.run(first, stop));
        thread.map_err(|e| MediaError::Gstreamer { reason: e.to_string() })?;
        Ok(Self { info, link, video, audio })
    }
}

impl Source for LiveSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn streams(&mut self) -> Streams {
        let cancel = || self.link.cancel.clone();
        Streams {
            video: self.video.take().map(|queue| Box::new(Pulled { queue, cancel: cancel() }) as _),
            audio: self.audio.take().map(|queue| Box::new(Pulled { queue, cancel: cancel() }) as _),
        }
    }

    fn warnings(&self) -> Vec<Warning> {
        self.link.state.warnings()
    }

    fn live(&self) -> Option<Arc<LiveState>> {
        Some(Arc::clone(&self.link.state))
    }
}

impl Drop for LiveSource {
    fn drop(&mut self) {
        self.link.gone.store(true, Ordering::SeqCst);
    }
}

/// The reading end of a queue.
struct Pulled<T> {
    queue: Receiver<T>,
    cancel: Cancel,
}

impl<T> Pulled<T> {
    fn next(&mut self) -> Option<T> {
        while !self.cancel.is_cancelled() {
            match self.queue.recv_timeout(POLL) {
                Ok(item) => return Some(item),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
        None
    }
}

impl VideoStream for Pulled<VideoFrame> {
    fn next_frame(&mut self) -> Result<Option<VideoFrame>, MediaError> {
        Ok(self.next())
    }
}

impl AudioStream for Pulled<AudioChunk> {
    fn next_chunk(&mut self) -> Result<Option<AudioChunk>, MediaError> {
        Ok(self.next())
    }
}

/// How a connection ended.
enum Ended {
    /// For good.
    Over,
    /// The source may come back.
    Lost(String),
}

struct Supervisor {
    link: Arc<Link>,
    frames: Newest<VideoFrame>,
    chunks: Newest<AudioChunk>,
}

impl Supervisor {
    /// One connection after the other; when this returns, the queues close.
    fn run(self, first: GstSource, stop: Cancel) {
        let (mut source, mut stop) = (first, stop);
        let mut backoff = Backoff::new(self.link.config.max_wait_s);
        loop {
            let began = Instant::now();
            let ended = self.receive(&mut source, &stop);
            hang_up(source);
            let Ended::Lost(reason) = ended else { return };
            tracing::warn!("{}: the stream is away ({reason}): connecting anew", self.link.ready.shown);
            if began.elapsed() >= HELD {
                backoff.reset();
            }
            match self.again(&mut backoff) {
                Some(next) => (source, stop) = next,
                None => return,
            }
        }
    }

    /// Tries until the source is back; `None` when it is over or given up.
    fn again(&self, backoff: &mut Backoff) -> Option<(GstSource, Cancel)> {
        let (link, lost) = (&self.link, Instant::now());
        loop {
            if !link.rest(backoff.wait()) {
                return None;
            }
            let stop = Cancel::default();
            let reason = match link.connect(&stop) {
                Ok(source) => return Some((source, stop)),
                Err(error @ MediaError::Limit { .. }) => {
                    link.state.end(BROKE_OFF, error.to_string());
                    return None;
                }
                Err(error) => error.to_string(),
            };
            tracing::debug!("{}: not back yet: {reason}", link.ready.shown);
            if lost.elapsed().as_secs_f64() > link.config.give_up_s {
                let away = lost.elapsed().as_secs_f64();
                link.state.end(BROKE_OFF, format!("the stream stayed away for {away:.0} s and was given up: {reason}"));
                return None;
            }
        }
    }

    /// Receives until the connection ends.
    fn receive(&self, source: &mut GstSource, stop: &Cancel) -> Ended {
        let (streams, link) = (source.streams(), &self.link);
        let connection = Connection { link, offset: OnceLock::new() };
        let failed = std::thread::scope(|scope| {
            let start = |name: &str| Builder::new().name(name.into());
            let video = streams
                .video
                .map(|stream| start("live-video").spawn_scoped(scope, || connection.frames(stream, &self.frames)));
            let audio = streams
                .audio
                .map(|stream| start("live-audio").spawn_scoped(scope, || connection.sound(stream, &self.chunks)));
            let threads: Vec<ScopedJoinHandle<'_, Option<MediaError>>> =
                [video, audio].into_iter().flatten().filter_map(Result::ok).collect();
            while !threads.iter().all(ScopedJoinHandle::is_finished) {
                if link.is_over() {
                    stop.cancel();
                }
                std::thread::sleep(POLL);
            }
            threads.into_iter().filter_map(|thread| thread.join().ok().flatten()).next()
        });
        for warning in source.warnings() {
            let expected = warning.code == BROKE_OFF || warning.code == "truncated" && link.is_over();
            if !expected {
                link.state.add(warning);
            }
        }
        match (failed, source.broke_off()) {
            _ if link.is_over() => Ended::Over,
            (Some(error @ MediaError::Limit { .. }), _) => {
                link.state.end("length_limit", error.to_string());
                Ended::Over
            }
            (Some(error), _) => Ended::Lost(error.to_string()),
            (None, Some(reason)) => Ended::Lost(reason),
            (None, None) if link.ends => Ended::Over,
            (None, None) => Ended::Lost("the other side ended it".into()),
        }
    }
}

/// GStreamer can take long to stop, or never do: nobody waits longer than [`ENDING`] for it.
fn hang_up(source: GstSource) {
    let (done_out, done) = crossbeam_channel::bounded::<()>(1);
    let ending = Builder::new().name("live-end".into()).spawn(move || {
        drop(source);
        drop(done_out);
    });
    if ending.is_ok() {
        // An error is the end itself: nothing is ever sent.
        let _ = done.recv_timeout(ENDING);
    }
}

/// One connection's place in time.
struct Connection<'a> {
    link: &'a Link,
    /// What to add to its times.
    offset: OnceLock<MediaTime>,
}

impl Connection<'_> {
    /// The time of something that came with `pts`; the first thing of a connection tells where the connection lies.
    fn time(&self, pts: MediaTime) -> MediaTime {
        let link = self.link;
        let offset = self.offset.get_or_init(|| {
            let (now, is_first) = (Instant::now(), link.began.get().is_none());
            let passed = now.duration_since(*link.began.get_or_init(|| now));
            let before = MediaTime(link.last.load(Ordering::SeqCst));
            let start = MediaTime(i64::try_from(passed.as_nanos()).unwrap_or(i64::MAX)).max(before);
            if !is_first {
                link.state.gap(TimeSpan { start: before, end: start });
            }
            start - pts
        });
        let time = (pts + *offset).max(MediaTime::ZERO);
        link.last.fetch_max(time.0, Ordering::SeqCst);
        time
    }

    fn frames(&self, mut stream: Box<dyn VideoStream>, queue: &Newest<VideoFrame>) -> Option<MediaError> {
        let link = self.link;
        loop {
            let mut frame = match stream.next_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => return None,
                Err(error) => return Some(error),
            };
            frame.utc = Some(SystemTime::now());
            let last = MediaTime(link.last_frame.load(Ordering::SeqCst));
            frame.pts = self.time(frame.pts).max(last + MIN_STEP);
            link.last_frame.store(frame.pts.0, Ordering::SeqCst);
            frame.index = link.frames.fetch_add(1, Ordering::SeqCst);
            if let Err(error) = link.limits.check_duration(&link.ready.shown, frame.pts.as_secs()) {
                return Some(error);
            }
            link.state.drop_frames(queue.push(frame));
        }
    }

    fn sound(&self, mut stream: Box<dyn AudioStream>, queue: &Newest<AudioChunk>) -> Option<MediaError> {
        let link = self.link;
        loop {
            let mut chunk = match stream.next_chunk() {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return None,
                Err(error) => return Some(error),
            };
            chunk.pts = self.time(chunk.pts);
            if let Err(error) = link.limits.check_duration(&link.ready.shown, chunk.pts.as_secs()) {
                return Some(error);
            }
            link.state.drop_sound(queue.push(chunk));
        }
    }
}
