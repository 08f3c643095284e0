//! From what comes to what can be decoded. In: the frames of two tracks, as they were put together from packets. Out: a
//! Matroska stream that begins with a key frame and holds no picture that needs one that was lost.
//!
//! Time: RTP counts each track from a number of its own. Where the sender has said which moment of its clock belongs to
//! which count (sender reports, RFC 3550, 6.4.1), sound and picture are put together by that; else by when they came.

use std::time::{Duration, Instant};

use super::matroska::{Blocks, Codec, head};

/// How long sender reports, and pictures where some were announced, are waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// A track whose count and the clock go so far apart is put back to when it comes, in nanoseconds.
const ASTRAY_NS: i64 = 5_000_000_000;

/// Sender reports that put the tracks further apart are not believed, in nanoseconds.
const APART_NS: i64 = 2_000_000_000;

/// Longest frame that is passed on (4 MiB).
const MOST_BYTES: usize = 4 << 20;

/// A frame, or a packet of sound.
#[derive(Debug, Clone)]
pub struct Sample<'a> {
    pub codec: Codec,
    /// The track's own count, in nanoseconds.
    pub rtp_ns: i64,
    /// A moment of the sender's clock and the count that belongs to it, in nanoseconds.
    pub report: Option<(i64, i64)>,
    pub came: Instant,
    pub is_key: bool,
    /// Nothing is missing since the frame before.
    pub is_next: bool,
    pub data: &'a [u8],
}

/// A count and the time in the stream that it stands for.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    rtp_ns: i64,
    at_ns: i64,
}

#[derive(Debug, Default)]
struct Track {
    is_expected: bool,
    report: Option<(i64, i64)>,
    anchor: Option<Anchor>,
    last_ms: Option<i64>,
    number: Option<u8>,
}

/// What is done with a sample.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// These bytes go on.
    Pass(Vec<u8>),
    /// Nothing of it is passed on.
    Drop,
    /// As above; a key frame must be asked for.
    AskForKey,
}

/// Both tracks of a session.
#[derive(Debug)]
pub struct Stream {
    video: Track,
    audio: Track,
    /// Of the pictures that are passed on.
    codec: Option<Codec>,
    /// When the first sample came that could have been passed on.
    first: Option<Instant>,
    began: Option<Instant>,
    needs_key: bool,
    blocks: Blocks,
}

fn ns(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

impl Track {
    fn expected(is_expected: bool) -> Self {
        Self { is_expected, ..Self::default() }
    }

    fn is_told(&self) -> bool {
        !self.is_expected || self.report.is_some()
    }

    /// The sender's clock at a count.
    fn clock(&self, rtp_ns: i64) -> Option<i64> {
        let (clock, count) = self.report?;
        Some(clock.wrapping_add(rtp_ns.wrapping_sub(count)))
    }
}

impl Stream {
    /// Of a session in which these tracks were announced.
    pub fn new(has_video: bool, has_audio: bool) -> Self {
        let (video, audio) = (Track::expected(has_video), Track::expected(has_audio));
        let (codec, first, began) = (None, None, None);
        Self { video, audio, codec, first, began, needs_key: true, blocks: Blocks::default() }
    }

    fn track(&mut self, codec: Codec) -> &mut Track {
        if codec == Codec::Opus { &mut self.audio } else { &mut self.video }
    }

    /// Takes a sample; until somebody `listens`, only its report is kept.
    pub fn take(&mut self, sample: &Sample<'_>, listens: bool) -> Step {
        let track = self.track(sample.codec);
        track.report = sample.report.or(track.report);
        if !listens || sample.data.is_empty() || sample.data.len() > MOST_BYTES {
            self.needs_key |= sample.codec != Codec::Opus;
            return Step::Drop;
        }
        match (self.began, sample.codec) {
            (None, _) => self.begin(sample),
            (Some(began), Codec::Opus) => self.sound(sample, began),
            (Some(began), _) => self.picture(sample, began),
        }
    }

    /// What was given out was not taken: pictures go on with the next key frame.
    pub fn lost(&mut self) {
        self.needs_key = true;
    }

    fn begin(&mut self, sample: &Sample<'_>) -> Step {
        let waited = sample.came.saturating_duration_since(*self.first.get_or_insert(sample.came));
        if waited < PATIENCE && !(self.video.is_told() && self.audio.is_told()) {
            return Step::Drop;
        }
        let alone = sample.codec == Codec::Opus;
        if alone && self.video.is_expected && waited < PATIENCE * 2 {
            return Step::Drop;
        }
        if !alone && !sample.is_key {
            return Step::AskForKey;
        }
        let mut tracks = vec![sample.codec];
        self.track(sample.codec).number = Some(1);
        if !alone {
            (self.codec, self.needs_key) = (Some(sample.codec), false);
            if self.audio.is_expected {
                tracks.push(Codec::Opus);
                self.audio.number = Some(2);
            }
        }
        self.began = Some(sample.came);
        let mut out = head(&tracks);
        out.extend(self.block(sample, 0));
        Step::Pass(out)
    }

    fn picture(&mut self, sample: &Sample<'_>, began: Instant) -> Step {
        if Some(sample.codec) != self.codec {
            return Step::Drop;
        }
        self.needs_key = (self.needs_key || !sample.is_next) && !sample.is_key;
        if self.needs_key {
            return Step::AskForKey;
        }
        let at_ns = self.time(sample, began);
        Step::Pass(self.block(sample, at_ns))
    }

    fn sound(&mut self, sample: &Sample<'_>, began: Instant) -> Step {
        match self.time(sample, began) {
            // It was heard before the first picture.
            at_ns if at_ns < 0 || self.audio.number.is_none() => Step::Drop,
            at_ns => Step::Pass(self.block(sample, at_ns)),
        }
    }

    /// When in the stream it belongs, in nanoseconds.
    fn time(&mut self, sample: &Sample<'_>, began: Instant) -> i64 {
        let came_ns = ns(sample.came.saturating_duration_since(began));
        let by_report = self.by_report(sample).filter(|at| (at - came_ns).abs() < APART_NS);
        let track = self.track(sample.codec);
        let fresh = Anchor { rtp_ns: sample.rtp_ns, at_ns: by_report.unwrap_or(came_ns) };
        let anchor = *track.anchor.get_or_insert(fresh);
        let at_ns = sample.rtp_ns.saturating_sub(anchor.rtp_ns).saturating_add(anchor.at_ns);
        if at_ns.saturating_sub(came_ns).saturating_abs() <= ASTRAY_NS {
            return at_ns;
        }
        track.anchor = Some(Anchor { rtp_ns: sample.rtp_ns, at_ns: came_ns });
        came_ns
    }

    /// When it belongs by the sender's own clock, from what began the stream.
    fn by_report(&self, sample: &Sample<'_>) -> Option<i64> {
        let (this, other) =
            if sample.codec == Codec::Opus { (&self.audio, &self.video) } else { (&self.video, &self.audio) };
        let anchor = other.anchor?;
        let apart = this.clock(sample.rtp_ns)?.checked_sub(other.clock(anchor.rtp_ns)?)?;
        anchor.at_ns.checked_add(apart)
    }

    fn block(&mut self, sample: &Sample<'_>, at_ns: i64) -> Vec<u8> {
        let track = self.track(sample.codec);
        track.anchor.get_or_insert(Anchor { rtp_ns: sample.rtp_ns, at_ns });
        let at_ms = (at_ns / 1_000_000).max(track.last_ms.map_or(0, |last| last + 1));
        track.last_ms = Some(at_ms);
        let number = track.number.unwrap_or(1);
        self.blocks.block(number, at_ms, sample.is_key || sample.codec == Codec::Opus, sample.data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: i64 = 1_000_000;

    fn sample(codec: Codec, rtp_ms: i64, came: Instant) -> Sample<'static> {
        let rtp_ns = rtp_ms * MS;
        Sample { codec, rtp_ns, report: None, came, is_key: true, is_next: true, data: b"x" }
    }

    /// The time of a block in the first cluster.
    fn at_ms(step: &Step) -> Option<i16> {
        let Step::Pass(bytes) = step else { return None };
        let tail = bytes.len() - 4;
        Some(i16::from_be_bytes([bytes[tail], bytes[tail + 1]]))
    }

    #[test]
    fn it_begins_with_a_key_frame_and_goes_on_with_one_after_a_loss() {
        let (mut stream, now) = (Stream::new(true, false), Instant::now() + PATIENCE);
        let at = |ms: u64| now + Duration::from_millis(ms);
        let video = |ms: u64| Sample { report: Some((0, 0)), ..sample(Codec::Vp8, ms as i64, at(ms)) };
        assert_eq!(stream.take(&video(0), false), Step::Drop, "nobody listens");
        assert_eq!(stream.take(&Sample { is_key: false, ..video(0) }, true), Step::AskForKey);
        assert_eq!(at_ms(&stream.take(&video(100), true)), Some(0));
        assert_eq!(at_ms(&stream.take(&Sample { is_key: false, ..video(133) }, true)), Some(33));
        assert_eq!(stream.take(&Sample { is_key: false, is_next: false, ..video(166) }, true), Step::AskForKey);
        assert_eq!(stream.take(&Sample { is_key: false, ..video(200) }, true), Step::AskForKey);
        assert_eq!(at_ms(&stream.take(&video(233), true)), Some(133));
        stream.lost();
        assert_eq!(stream.take(&Sample { is_key: false, ..video(266) }, true), Step::AskForKey);
        assert_eq!(stream.take(&sample(Codec::H264, 300, at(300)), true), Step::Drop, "one codec is kept");
    }

    #[test]
    fn sound_and_picture_meet_as_the_sender_says() {
        let (mut stream, now) = (Stream::new(true, true), Instant::now());
        // By the sender's clock the picture is of 10.0 s, the sound of 10.1 s; both come at once.
        let video = Sample { report: Some((10_000 * MS, 5_000 * MS)), ..sample(Codec::Vp8, 5_000, now) };
        let audio = Sample { report: Some((10_000 * MS, 700 * MS)), ..sample(Codec::Opus, 800, now) };
        assert_eq!(stream.take(&audio, true), Step::Drop, "pictures come first");
        assert_eq!(at_ms(&stream.take(&video, true)), Some(0));
        assert_eq!(at_ms(&stream.take(&audio, true)), Some(100));
        let early = Sample { rtp_ns: 600 * MS, ..audio.clone() };
        assert_eq!(stream.take(&early, true), Step::Drop);
    }

    #[test]
    fn without_pictures_or_reports_it_begins_all_the_same() {
        let (mut stream, now) = (Stream::new(true, true), Instant::now());
        assert_eq!(stream.take(&sample(Codec::Opus, 0, now), true), Step::Drop);
        assert_eq!(stream.take(&sample(Codec::Opus, 0, now + PATIENCE), true), Step::Drop);
        assert_eq!(at_ms(&stream.take(&sample(Codec::Opus, 0, now + PATIENCE * 2), true)), Some(0));
    }

    proptest! {
        #[test]
        fn no_count_leads_astray(counts in proptest::collection::vec(any::<i64>(), 1..40)) {
            let (mut stream, now) = (Stream::new(true, false), Instant::now());
            let mut last = None;
            for (i, rtp_ns) in counts.into_iter().enumerate() {
                let came = now + PATIENCE + Duration::from_millis(i as u64 * 40);
                let report = Some((rtp_ns, 0));
                let step = stream.take(&Sample { rtp_ns, report, ..sample(Codec::H264, 0, came) }, true);
                prop_assert!(matches!(step, Step::Pass(_)));
                let at = stream.video.last_ms;
                prop_assert!(at > last && at.is_some_and(|at| at <= 8_000), "{at:?} after {last:?}");
                last = at;
            }
        }
    }
}
