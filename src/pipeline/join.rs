//! Joining the branches. In: frames and voice messages, each in order of time. Out: each frame with the window that
//! covers it, and every window once. What is received when depends on nothing but the recording, so equal runs give
//! equal streams.

use std::collections::VecDeque;

use crossbeam_channel::Receiver;

use super::voice_stage::VoiceMessage;
use crate::types::{MediaTime, VoiceEvidence};

/// The voice branch as the joiner sees it.
pub struct VoiceFeed {
    messages: Option<Receiver<VoiceMessage>>,
    windows: VecDeque<VoiceEvidence>,
    watermark: MediaTime,
    end: MediaTime,
}

impl VoiceFeed {
    /// `None` when there is no audio stream.
    pub fn new(messages: Option<Receiver<VoiceMessage>>) -> Self {
        Self { messages, windows: VecDeque::new(), watermark: MediaTime(i64::MIN), end: MediaTime::ZERO }
    }

    /// Waits until every window that may cover `pts` is known; returns those that are new.
    pub fn until(&mut self, pts: MediaTime) -> Vec<VoiceEvidence> {
        let mut new = Vec::new();
        while self.watermark <= pts {
            match self.messages.as_ref().and_then(|m| m.recv().ok()) {
                Some(message) => self.take(message, &mut new),
                None => break,
            }
        }
        while self.windows.front().is_some_and(|w| w.span.end <= pts) {
            self.windows.pop_front();
        }
        new
    }

    /// Every window that is left.
    pub fn rest(&mut self) -> Vec<VoiceEvidence> {
        let mut new = Vec::new();
        while let Some(message) = self.messages.as_ref().and_then(|m| m.recv().ok()) {
            self.take(message, &mut new);
        }
        new
    }

    /// The window that covers `pts`: among scored ones, else all, the one whose middle is nearest.
    pub fn covering(&self, pts: MediaTime) -> Option<&VoiceEvidence> {
        let covering = self.windows.iter().filter(|w| w.span.contains(pts));
        covering.min_by_key(|w| (w.logit.is_none(), (w.span.middle() - pts).0.abs()))
    }

    /// How far the sound reached.
    pub fn end(&self) -> MediaTime {
        self.end
    }

    fn take(&mut self, message: VoiceMessage, new: &mut Vec<VoiceEvidence>) {
        match message {
            VoiceMessage::Window(window) => {
                self.end = self.end.max(window.span.end);
                self.windows.push_back(window.clone());
                new.push(window);
            }
            VoiceMessage::Watermark(time) => {
                self.watermark = self.watermark.max(time);
                self.end = self.end.max(time);
            }
            VoiceMessage::End(time) => self.end = self.end.max(time),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::TimeSpan;

    fn window(start: f64, logit: Option<f32>) -> VoiceMessage {
        let span = TimeSpan { start: MediaTime::from_secs(start), end: MediaTime::from_secs(start + 4.0) };
        VoiceMessage::Window(VoiceEvidence { span, speech_ratio: 1.0, logit, reasons: vec![] })
    }

    #[test]
    fn a_frame_gets_the_window_whose_middle_is_nearest() {
        let (tx, rx) = crossbeam_channel::unbounded();
        for second in 0..4 {
            tx.send(window(f64::from(second), Some(second as f32))).unwrap();
        }
        tx.send(VoiceMessage::Watermark(MediaTime::from_secs(4.0))).unwrap();
        drop(tx);
        let mut feed = VoiceFeed::new(Some(rx));
        assert_eq!(feed.until(MediaTime::from_secs(3.2)).len(), 4);
        // middles at 2, 3, 4 and 5
        assert_eq!(feed.covering(MediaTime::from_secs(3.2)).unwrap().logit, Some(1.0));
        assert!(feed.covering(MediaTime::from_secs(9.0)).is_none());
    }

    #[test]
    fn a_scored_window_beats_a_nearer_one_without_a_score() {
        let (tx, rx) = crossbeam_channel::unbounded();
        tx.send(window(0.0, Some(1.0))).unwrap();
        tx.send(window(1.0, None)).unwrap();
        drop(tx);
        let mut feed = VoiceFeed::new(Some(rx));
        feed.rest();
        assert_eq!(feed.covering(MediaTime::from_secs(3.0)).unwrap().logit, Some(1.0));
    }

    #[test]
    fn without_sound_nothing_waits() {
        let mut feed = VoiceFeed::new(None);
        assert!(feed.until(MediaTime::from_secs(5.0)).is_empty());
        assert!(feed.covering(MediaTime::ZERO).is_none());
    }
}
