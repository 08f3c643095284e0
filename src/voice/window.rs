//! Windows. In: sound with a speech probability for each 32 ms. Out: 4 s windows aligned to speech.
//!
//! A window begins where speech begins and again every hop while it lasts. The last window of a stretch ends with
//! the sound. A stretch shorter than a window is repeated to fill it. Memory: one window and one hop of samples.

use super::WINDOW;
use super::vad::FRAME;
use crate::types::{AudioChunk, MediaTime, SpeechWindow, TimeSpan};

/// A jump in time shorter than this is the container's rounding; the samples are taken as continuous (100 ms).
const JITTER: i64 = 1_600;

/// A longer gap begins a new stretch; a shorter one is filled with silence (2 s).
const MAX_FILL: i64 = 32_000;

/// Speech behind the last whole window that deserves a window of its own, in frames (a quarter of a second).
const TAIL_FRAMES: usize = 8;

/// How windows are cut.
#[derive(Debug, Clone, Copy)]
pub struct WindowerConfig {
    /// Samples between the starts of windows.
    pub hop: usize,
    /// Voice activity at or above this is speech.
    pub threshold: f32,
}

/// Cuts one stretch of continuous sound after the other.
pub struct Windower {
    config: WindowerConfig,
    /// Time of sample 0 of this stretch.
    origin: MediaTime,
    /// Samples from `base` on.
    samples: Vec<f32>,
    /// Speech flags of the frames from `base / FRAME` on.
    speech: Vec<bool>,
    /// Number of the first kept sample; a multiple of [`FRAME`].
    base: usize,
    /// A window may begin at this sample.
    next: usize,
    /// Where the last window ended.
    covered: usize,
}

impl Windower {
    /// An empty stretch that begins at `origin`.
    pub fn new(config: WindowerConfig, origin: MediaTime) -> Self {
        Self { config, origin, samples: Vec::new(), speech: Vec::new(), base: 0, next: 0, covered: 0 }
    }

    /// How a chunk continues this stretch: samples of silence to put before it, or `None` for a new stretch.
    pub fn gap(&self, chunk: &AudioChunk) -> Option<usize> {
        let expected = (self.base + self.samples.len()) as i64;
        let found = (chunk.pts - self.origin).as_samples(AudioChunk::RATE_HZ);
        match found - expected {
            jump if jump <= JITTER => Some(0),
            jump if jump <= MAX_FILL => usize::try_from(jump).ok(),
            _ => None,
        }
    }

    /// Adds samples.
    pub fn push(&mut self, samples: &[f32]) {
        self.samples.extend_from_slice(samples);
    }

    /// Samples in whole frames whose speech probability is not known yet.
    pub fn unheard(&self) -> &[f32] {
        let known = self.speech.len() * FRAME;
        let whole = self.samples.len() / FRAME * FRAME;
        self.samples.get(known..whole).unwrap_or_default()
    }

    /// Where the unheard samples lie.
    pub fn unheard_span(&self) -> TimeSpan {
        let start = self.base + self.speech.len() * FRAME;
        TimeSpan { start: self.time(start), end: self.time(start + self.unheard().len()) }
    }

    /// Adds the speech probabilities of the next frames.
    pub fn hear(&mut self, probabilities: &[f32]) {
        self.speech.extend(probabilities.iter().map(|p| *p >= self.config.threshold));
    }

    /// The next whole window, if there is one; call until there is none.
    pub fn next_window(&mut self) -> Option<SpeechWindow> {
        let known = self.base + self.speech.len() * FRAME;
        let Some(start) = self.speech_from(self.next) else {
            self.next = self.next.max(known);
            self.forget(known);
            return None;
        };
        if start + WINDOW > known {
            self.forget(known);
            return None;
        }
        self.next = start + self.config.hop;
        self.covered = start + WINDOW;
        Some(self.window(start, start + WINDOW))
    }

    /// No window will begin before this time, the one that ends with the sound included.
    pub fn watermark(&self) -> MediaTime {
        let end = self.base + self.samples.len();
        self.time(self.next.min(end.saturating_sub(WINDOW)))
    }

    /// The window that ends with the sound, when speech would be left out without it.
    pub fn last_window(&mut self) -> Option<SpeechWindow> {
        let end = self.base + self.samples.len();
        let begin = self.covered.max(self.base);
        let left = (begin.saturating_sub(self.base)) / FRAME;
        let uncovered = self.speech.iter().skip(left).filter(|s| **s).count();
        let needed = if self.covered == 0 { 1 } else { TAIL_FRAMES };
        if uncovered < needed {
            return None;
        }
        let start = end.saturating_sub(WINDOW).max(self.base);
        self.covered = end;
        self.next = end;
        Some(self.window(start, end))
    }

    /// Time at which the sound that was pushed so far ends.
    pub fn end(&self) -> MediaTime {
        self.time(self.base + self.samples.len())
    }

    fn time(&self, sample: usize) -> MediaTime {
        self.origin + MediaTime::from_samples(sample as i64, AudioChunk::RATE_HZ)
    }

    /// The first sample at or behind `from` that lies in a frame of speech.
    fn speech_from(&self, from: usize) -> Option<usize> {
        let first = from.saturating_sub(self.base) / FRAME;
        let frame = self.speech.iter().skip(first).position(|s| *s)? + first;
        Some((self.base + frame * FRAME).max(from))
    }

    fn window(&self, start: usize, end: usize) -> SpeechWindow {
        let (a, b) = (start - self.base, end - self.base);
        let stretch = &self.samples[a..b];
        let frames = &self.speech[(a / FRAME).min(self.speech.len())..(b / FRAME).min(self.speech.len())];
        let spoken = frames.iter().filter(|s| **s).count();
        SpeechWindow {
            span: TimeSpan { start: self.time(start), end: self.time(end) },
            samples: stretch.iter().cycle().take(WINDOW).copied().collect(),
            speech_ratio: spoken as f32 / frames.len().max(1) as f32,
            speech_s: (spoken * FRAME) as f32 / AudioChunk::RATE_HZ as f32,
        }
    }

    /// Drops what no window can need: all before `next`, but never the last window's length.
    fn forget(&mut self, known: usize) {
        let keep = self.next.min(known.saturating_sub(WINDOW)) / FRAME * FRAME;
        // In big steps, so that the shift costs little.
        if keep >= self.base + WINDOW / 4 {
            self.samples.drain(..keep - self.base);
            self.speech.drain(..(keep - self.base) / FRAME);
            self.base = keep;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: usize = 16_000;

    fn config() -> WindowerConfig {
        WindowerConfig { hop: SECOND, threshold: 0.5 }
    }

    /// Pushes `seconds` in chunks, with speech where `spoken` says.
    fn run(seconds: f64, chunk: usize, spoken: impl Fn(f64) -> bool) -> Vec<SpeechWindow> {
        let mut windower = Windower::new(config(), MediaTime::ZERO);
        let total = (seconds * SECOND as f64) as usize;
        let mut windows = Vec::new();
        let mut promised = MediaTime::ZERO;
        let mut at = 0;
        while at < total {
            let n = chunk.min(total - at);
            windower.push(&vec![0.1; n]);
            at += n;
            let frames = windower.unheard().len() / FRAME;
            let from = windower.base / FRAME + windower.speech.len();
            let flags: Vec<f32> = (from..from + frames)
                .map(|f| f32::from(u8::from(spoken((f * FRAME) as f64 / SECOND as f64))))
                .collect();
            windower.hear(&flags);
            while let Some(window) = windower.next_window() {
                windows.push(window);
            }
            assert!(windower.samples.len() <= 2 * WINDOW + chunk + FRAME, "memory is bounded");
            promised = windower.watermark();
        }
        let last = windower.last_window();
        assert!(last.iter().all(|w| w.span.start >= promised), "no window begins before the watermark");
        windows.extend(last);
        windows
    }

    #[test]
    fn steady_speech_gives_a_window_a_second_and_one_at_the_end() {
        let windows = run(10.5, 320, |_| true);
        let starts: Vec<f64> = windows.iter().map(|w| w.span.start.as_secs()).collect();
        assert_eq!(starts, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 6.5]);
        assert!(windows.iter().all(|w| w.samples.len() == WINDOW && w.speech_ratio > 0.99));
    }

    #[test]
    fn a_window_begins_where_speech_begins() {
        let windows = run(20.0, 1000, |t| (7.0..12.0).contains(&t));
        assert!((windows[0].span.start.as_secs() - 7.0).abs() < 0.05);
        assert!(windows.iter().all(|w| w.speech_s <= 4.0));
        assert!(run(20.0, 1000, |_| false).is_empty());
    }

    #[test]
    fn a_short_stretch_is_repeated() {
        let windows = run(1.6, 320, |_| true);
        assert_eq!(windows.len(), 1);
        assert_eq!(windows[0].samples.len(), WINDOW);
        assert!((windows[0].span.secs() - 1.6).abs() < 1e-6);
    }

    #[test]
    fn gaps_are_told_apart() {
        let mut windower = Windower::new(config(), MediaTime::ZERO);
        windower.push(&vec![0.0; SECOND]);
        let chunk = |seconds: f64| AudioChunk { pts: MediaTime::from_secs(seconds), samples: vec![] };
        assert_eq!(windower.gap(&chunk(1.02)), Some(0), "jitter");
        assert_eq!(windower.gap(&chunk(0.5)), Some(0), "overlap");
        assert_eq!(windower.gap(&chunk(1.5)), Some(SECOND / 2), "a short gap is filled");
        assert_eq!(windower.gap(&chunk(9.0)), None, "a long gap begins anew");
    }

    proptest! {
        #[test]
        fn windows_are_ordered_and_all_speech_is_covered(
            on in 0.0f64..8.0, length in 0.5f64..9.0, chunk in 100usize..5000
        ) {
            let windows = run(16.0, chunk, |t| (on..on + length).contains(&t));
            prop_assert!(!windows.is_empty());
            prop_assert!(windows.windows(2).all(|w| w[0].span.start < w[1].span.start));
            let covered = windows.iter().map(|w| w.span.end.as_secs()).fold(0.0, f64::max);
            prop_assert!(covered >= (on + length).min(16.0) - 0.3);
        }
    }
}
