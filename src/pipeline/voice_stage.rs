//! The voice branch's thread. In: an audio stream. Out: evidence of every window of speech, and how far it got.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;

use super::attention::Listening;
use super::stats::Meter;
use crate::config::VoiceConfig;
use crate::error::Error;
use crate::infer::thread_cpu_time;
use crate::media::{AudioStream, Cancel};
use crate::types::record::Reason;
use crate::types::{AudioChunk, MediaTime, SoundEvidence, SpeechWindow, VoiceEvidence};
use crate::voice::vad::Vad;
use crate::voice::{
    LevelMeter, Listener, OverlapFinder, Profiler, VoiceEmbedder, VoiceScorer, Windower, WindowerConfig, fit_to_score,
};

/// Sound is handled in steps of this many samples (a quarter of a second).
const STEP: usize = 4_096;

/// What the voice branch says.
pub enum VoiceMessage {
    /// Sound as it is heard, spoken or not; comes before the windows that end with it.
    Sound(SoundEvidence),
    /// A window.
    Window(VoiceEvidence),
    /// No window will begin before this time.
    Watermark(MediaTime),
    /// Where the sound ended.
    End(MediaTime),
}

/// The networks that listen.
pub struct Networks<'a> {
    pub vad: &'a mut dyn Vad,
    pub scorer: &'a mut VoiceScorer,
    pub embedder: &'a mut VoiceEmbedder,
    pub overlap: &'a mut OverlapFinder,
}

impl Networks<'_> {
    fn cpu_time(&self) -> Duration {
        self.vad.cpu_time() + self.scorer.cpu_time() + self.embedder.cpu_time() + self.overlap.cpu_time()
    }
}

struct Stage<'a> {
    networks: Networks<'a>,
    /// Begin of the window that was embedded last.
    embedded: Option<MediaTime>,
    listener: Listener,
    levels: LevelMeter,
    profiler: Profiler,
    config: &'a VoiceConfig,
    meter: &'a Meter,
    out: &'a Sender<VoiceMessage>,
    told: MediaTime,
}

/// The reader is gone: end quietly.
struct Gone;

/// Pulls sound until its end.
pub fn voice<'a>(
    mut audio: Box<dyn AudioStream>,
    networks: Networks<'a>,
    (config, listening): (&'a VoiceConfig, Listening),
    stop: &Cancel,
    meter: &'a Meter,
    out: &'a Sender<VoiceMessage>,
) -> Result<(), Error> {
    let (started, network) = (thread_cpu_time(), networks.cpu_time());
    networks.vad.reset();
    networks.overlap.reset();
    let hop = (config.hop_s * f64::from(AudioChunk::RATE_HZ)).round() as usize;
    let cut = WindowerConfig { hop: hop.max(1), threshold: config.vad_threshold };
    let listener = Listener::default();
    let (levels, profiler) = (LevelMeter::default(), Profiler::default());
    let (embedded, told) = (None, MediaTime::ZERO);
    let mut stage = Stage { networks, embedded, listener, levels, profiler, meter, config, out, told };
    let mut windower: Option<Windower> = None;
    let mut waiting = 0;
    while !stop.is_cancelled() {
        let Some(chunk) = audio.next_chunk()? else { break };
        if !listening.wants(chunk.pts) {
            continue;
        }
        let gap = windower.as_ref().map(|w| w.gap(&chunk));
        if let Some(None) = gap {
            if stage.finish(windower.take())?.is_err() {
                break;
            }
            stage.networks.vad.reset();
        }
        let current = windower.get_or_insert_with(|| Windower::new(cut, chunk.pts));
        current.push(&vec![0.0; gap.flatten().unwrap_or(0)]);
        current.push(&chunk.samples);
        waiting += chunk.samples.len();
        if waiting >= STEP {
            waiting = 0;
            if stage.advance(current)?.is_err() {
                break;
            }
        }
    }
    // A reader that has gone is no error of this stage's.
    let _ = stage.finish(windower)?;
    let inside = stage.networks.cpu_time() - network;
    Meter::add(&meter.voice_cpu_ns, thread_cpu_time().saturating_sub(started + inside));
    Ok(())
}

impl Stage<'_> {
    /// Hears and scores what has come.
    fn advance(&mut self, windower: &mut Windower) -> Result<Result<(), Gone>, Error> {
        let speech = self.networks.vad.speech(windower.unheard())?;
        let level_db = self.meter.for_cues(|| self.levels.levels_db(windower.unheard()));
        let sound = SoundEvidence { span: windower.unheard_span(), level_db, speech };
        windower.hear(&sound.speech);
        if !sound.speech.is_empty() && self.send(VoiceMessage::Sound(sound)).is_err() {
            return Ok(Err(Gone));
        }
        while let Some(window) = windower.next_window() {
            let evidence = self.score(&window)?;
            if self.send(VoiceMessage::Window(evidence)).is_err() {
                return Ok(Err(Gone));
            }
        }
        let watermark = windower.watermark();
        if watermark > self.told {
            self.told = watermark;
            return Ok(self.send(VoiceMessage::Watermark(watermark)));
        }
        Ok(Ok(()))
    }

    /// Ends a stretch.
    fn finish(&mut self, windower: Option<Windower>) -> Result<Result<(), Gone>, Error> {
        let Some(mut windower) = windower else { return Ok(Ok(())) };
        if self.advance(&mut windower)?.is_err() {
            return Ok(Err(Gone));
        }
        if let Some(window) = windower.last_window() {
            let evidence = self.score(&window)?;
            if self.send(VoiceMessage::Window(evidence)).is_err() {
                return Ok(Err(Gone));
            }
        }
        Ok(self.send(VoiceMessage::End(windower.end())))
    }

    fn send(&self, message: VoiceMessage) -> Result<(), Gone> {
        self.out.send(message).map_err(|_| Gone)
    }

    fn score(&mut self, window: &SpeechWindow) -> Result<VoiceEvidence, Error> {
        let condition = self.listener.condition(&window.samples);
        let mut reasons = fit_to_score(&condition, window.speech_s, self.config);
        if reasons.is_empty() && self.overlaps(window)? {
            reasons.push(Reason::VoiceOverlap);
        }
        let SpeechWindow { span, speech_ratio, ref samples, .. } = *window;
        let fit = reasons.is_empty();
        let logit = if fit { Some(self.networks.scorer.score(samples)?) } else { None };
        let profile = if fit { self.meter.for_cues(|| self.profiler.profile(samples)) } else { None };
        let embedding = if fit { self.embed(window)? } else { None };
        Ok(VoiceEvidence { span, speech_ratio, logit, profile, embedding, reasons })
    }

    /// Whether too much of a window is several people at once.
    fn overlaps(&mut self, window: &SpeechWindow) -> Result<bool, Error> {
        let overlap_s = self.networks.overlap.overlap_s(window, self.config.segment_every_s)?;
        Ok(overlap_s > self.config.max_overlap_s)
    }

    /// Embeds a window when its turn has come.
    fn embed(&mut self, window: &SpeechWindow) -> Result<Option<Arc<[f32]>>, Error> {
        let start = window.span.start;
        let rest = |last: MediaTime| (start - last).as_secs() + 1e-6 < self.config.embed_every_s;
        if self.embedded.is_some_and(rest) {
            return Ok(None);
        }
        self.embedded = Some(start);
        let embedder = &mut self.networks.embedder;
        Ok(self.meter.for_cues(|| embedder.embed(&window.samples))?)
    }
}
