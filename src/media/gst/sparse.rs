//! Key frames alone. In: a decoder's input. Out: the same without what need not be decoded.

use std::sync::{Arc, Mutex, PoisonError};

use gstreamer as gst;
use gstreamer::prelude::*;

use super::pull::Shared;
use crate::media::Glimpse;
use crate::types::MediaTime;

/// A key frame this little before a stretch is its first: containers round.
const SLACK: MediaTime = MediaTime(2_000_000);

/// The first frames all go through: a decoder that reorders gives none before it has some, and nothing else moves while a
/// source waits for its first picture.
const FIRST: MediaTime = MediaTime(1_000_000_000);

/// What was let through last.
#[derive(Debug, Default)]
struct State {
    first: Option<MediaTime>,
    last: Option<MediaTime>,
    open: bool,
}

impl Glimpse {
    /// Whether the decoder gets what is at `pts`: in a stretch everything behind its first key frame, elsewhere key
    /// frames that are not too near to each other.
    fn lets_through(&self, state: &mut State, pts: MediaTime, is_key: bool) -> bool {
        let first = *state.first.get_or_insert(pts);
        if !is_key {
            return state.open || pts - first < FIRST;
        }
        let closely = self.closely.iter().any(|s| s.contains(pts + SLACK));
        let due = state.last.is_none_or(|last| pts - last + SLACK >= self.every);
        if due {
            state.last = Some(pts);
        }
        state.open = closely;
        closely || due
    }
}

/// Drops in front of a decoder what the glimpse leaves out; how far the recording goes is noted all the same.
pub fn thin_out(decoder: &gst::Element, glimpse: &Glimpse, shared: &Arc<Shared>) {
    let Some(pad) = decoder.static_pad("sink") else { return };
    let (glimpse, shared, state) = (glimpse.clone(), Arc::clone(shared), Mutex::new(State::default()));
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, probe| {
        let Some(buffer) = probe.buffer() else { return gst::PadProbeReturn::Ok };
        let segment = pad.sticky_event::<gst::event::Segment>(0).and_then(|e| e.segment().clone().downcast().ok());
        let segment: Option<gst::FormattedSegment<gst::ClockTime>> = segment;
        let time = segment.and_then(|s| s.to_running_time(buffer.pts().or(buffer.dts())?));
        // Headers without a time go through.
        let Some(time) = time else { return gst::PadProbeReturn::Ok };
        let pts = MediaTime(i64::try_from(time.nseconds()).unwrap_or(i64::MAX));
        shared.reached(pts);
        let is_key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        match glimpse.lets_through(&mut state, pts, is_key) {
            true => gst::PadProbeReturn::Ok,
            false => gst::PadProbeReturn::Drop,
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::TimeSpan;

    /// Frames, two a second with a key frame a second, that are decoded.
    fn decoded(every_s: f64, closely: &[(f64, f64)]) -> Vec<f64> {
        let span = |(start, end): &(f64, f64)| TimeSpan {
            start: MediaTime::from_secs(*start),
            end: MediaTime::from_secs(*end),
        };
        let glimpse = Glimpse {
            every: MediaTime::from_secs(every_s),
            closely: closely.iter().map(span).collect(),
            decode_all: false,
        };
        let mut state = State::default();
        let at = |i: i32| f64::from(i) / 2.0;
        (0..20).filter(|i| glimpse.lets_through(&mut state, MediaTime::from_secs(at(*i)), i % 2 == 0)).map(at).collect()
    }

    #[test]
    fn key_frames_at_a_distance_and_everything_in_a_stretch() {
        assert_eq!(decoded(1.0, &[]), [0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        assert_eq!(decoded(4.0, &[]), [0.0, 0.5, 4.0, 8.0]);
        assert_eq!(decoded(4.0, &[(4.0, 6.0)]), [0.0, 0.5, 4.0, 4.5, 5.0, 5.5, 8.0]);
    }
}
