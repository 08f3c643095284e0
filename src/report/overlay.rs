//! What is drawn over a recording. In: its record stream, a time. Out: an SVG picture: boxes with scores, the call's
//! strip with a cursor, and what the numbers are not.

use std::fmt::Write as _;

use super::{Redact, ReportError, Timeline, words};
use crate::types::record::{Face, Frame, Record};
use crate::types::{EventClass, MediaTime, Prob};

/// A frame's boxes are shown at most this long, in seconds.
const HOLD_S: f64 = 1.0;

/// Half the width of a cover over a hidden face, for one of the box: boxes lag where not every frame was analysed.
const COVER: f64 = 0.9;

/// Mean width of a letter, for one of the text's size.
const GLYPH: f64 = 0.56;

/// Draws one frame after another, in the order of time.
pub struct Painter<R> {
    records: R,
    now: Option<Frame>,
    next: Option<Frame>,
    strip: String,
    caption: String,
    length_s: f64,
    signs_at: f64,
    covered: Redact,
    source: (f64, f64),
}

impl<R: Iterator<Item = Result<Record, ReportError>>> Painter<R> {
    /// `records` is the call's own stream; faces at or above `signs_at` stand out.
    pub fn new(records: R, timeline: &Timeline, signs_at: Prob, covered: Redact) -> Self {
        let video = timeline.start.source.video.as_ref();
        let source = video.map_or((1.0, 1.0), |v| (f64::from(v.width.max(1)), f64::from(v.height.max(1))));
        let verdict = &timeline.verdict.overall;
        let p = verdict.p_masked.map_or_else(String::new, |p| format!(", p(masked) {:.2}", p.get()));
        let caption = format!("unmask: {}{p} — a pointer to look at, not a proof", words::outcome(verdict.result));
        let (now, next, length_s) = (None, None, timeline.length_s().max(1.0));
        let signs_at = f64::from(signs_at.get());
        Self { records, now, next, strip: strip(timeline), caption, length_s, signs_at, covered, source }
    }

    /// The picture at `time`, `size` in pixels. Records that cannot be read any more leave the boxes out.
    pub fn svg(&mut self, time: MediaTime, (width, height): (u32, u32)) -> String {
        self.advance(time.as_secs());
        let (w, h) = (f64::from(width), f64::from(height));
        let mut out = format!("<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}'>");
        // Covers outlast boxes: what is hidden stays so until the next frame that was analysed, whose faces may come before.
        for frame in self.now.iter().chain(&self.next) {
            self.covers(frame, (w / self.source.0, h / self.source.1), &mut out);
        }
        if let Some(frame) = self.now.as_ref().filter(|f| time.as_secs() - f.pts_s <= HOLD_S) {
            self.faces(frame, (w / self.source.0, h / self.source.1), &mut out);
        }
        self.footer(time.as_secs(), (w, h), &mut out);
        out.push_str("</svg>");
        out
    }

    fn advance(&mut self, now_s: f64) {
        // A frame a half millisecond ahead is the one in view: records are rounded.
        while self.next.as_ref().is_none_or(|next| next.pts_s <= now_s + 5e-4) {
            self.now = self.next.take().or_else(|| self.now.take());
            let Some(frame) = self.records.by_ref().map_while(Result::ok).find_map(frame) else { return };
            self.next = Some(frame);
        }
    }

    fn covers(&self, frame: &Frame, (x, y): (f64, f64), out: &mut String) {
        let area = |f: &Face| f.box_px[2] * f.box_px[3];
        let largest = frame.faces.iter().map(area).fold(0.0, f64::max);
        for face in &frame.faces {
            let cover = match self.covered {
                Redact::None => false,
                Redact::Others => area(face) < largest,
                Redact::All => true,
            };
            if cover {
                let [left, top, w, h] = face.box_px;
                let (cx, cy) = ((left + w / 2.0) * x, (top + h / 2.0) * y);
                let (rx, ry) = (w * x * COVER, h * y * COVER);
                put(out, format_args!("<ellipse cx='{cx:.0}' cy='{cy:.0}' rx='{rx:.0}' ry='{ry:.0}' fill='#333'/>"));
            }
        }
    }

    fn faces(&self, frame: &Frame, (x, y): (f64, f64), out: &mut String) {
        for face in &frame.faces {
            let [left, top, w, h] = face.box_px;
            let (left, top, w, h) = (left * x, top * y, w * x, h * y);
            let (label, strong) = match face.p_masked {
                Some(p) => (format!("face {} · {:.2}", face.track.0, p.get()), f64::from(p.get()) >= self.signs_at),
                None => (format!("face {} · not scored", face.track.0), false),
            };
            let (colour, line) = if strong { ("#ff5a1f", 5) } else { ("#e8eef2", 2) };
            let text = (h / 9.0).clamp(12.0, 28.0);
            let base = (top - text * 0.4).max(text);
            put(
                out,
                format_args!(
                    "<rect x='{left:.0}' y='{top:.0}' width='{w:.0}' height='{h:.0}' fill='none' stroke='{colour}' \
                     stroke-width='{line}'/><rect x='{left:.0}' y='{:.0}' width='{:.0}' height='{:.0}' fill='#000' \
                     fill-opacity='.6'/><text x='{:.0}' y='{:.0}' font-family='sans-serif' font-size='{text:.0}' \
                     fill='{colour}'>{label}</text>",
                    base - text,
                    text * 0.62 * label.chars().count() as f64,
                    text * 1.3,
                    left + text * 0.3,
                    base,
                ),
            );
        }
    }

    fn footer(&self, now_s: f64, (w, h): (f64, f64), out: &mut String) {
        let strip_h = (h * 0.06).max(16.0);
        let line = format!("{} · {}", words::clock(now_s), self.caption);
        // All of it is in view, also where the picture is narrow: the end says what the number is not.
        let widest = w / (GLYPH * line.chars().count() as f64);
        let (top, text) = (h - strip_h, (h * 0.028).clamp(9.0, 20.0).min(widest));
        let cursor = w * (now_s / self.length_s).clamp(0.0, 1.0);
        put(
            out,
            format_args!(
                "<rect x='0' y='{:.1}' width='{w}' height='{:.1}' fill='#000' fill-opacity='.6'/>\
                 <g transform='translate(0 {h}) scale({:.6} {:.4})'>{}</g>\
                 <rect x='{cursor:.1}' y='{top:.1}' width='2' height='{strip_h:.1}' fill='#fff'/>\
                 <text x='6' y='{:.1}' font-family='sans-serif' font-size='{text:.1}' fill='#fff'>{line}</text>",
                top - text * 1.5,
                strip_h + text * 1.5,
                w / self.length_s,
                -strip_h,
                self.strip,
                top - text * 0.4,
            ),
        );
    }
}

fn frame(record: Record) -> Option<Frame> {
    match record {
        Record::Frame(frame) => Some(frame),
        _ => None,
    }
}

/// Writing to a String cannot fail.
fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

/// The fused probability as bars, a unit a second wide and one high, at most 600 of them.
fn strip(timeline: &Timeline) -> String {
    let mut out = String::new();
    let each = timeline.seconds.len().div_ceil(600).max(1);
    for (i, seconds) in timeline.seconds.chunks(each).enumerate() {
        let fused = seconds.iter().filter_map(|s| s.fused).map(|f| f.p_masked.get());
        if let Some(p) = fused.reduce(f32::max) {
            put(&mut out, format_args!("<rect x='{}' y='0' width='{each}' height='{p:.3}' fill='#5aa9c8'/>", i * each));
        }
    }
    for event in timeline.events.iter().filter(|e| e.class == EventClass::Sign).take(200) {
        let (from, w) = (event.start_s, (event.end_s - event.start_s).max(0.5));
        put(&mut out, format_args!("<rect x='{from:.1}' y='.86' width='{w:.1}' height='.14' fill='#ff5a1f'/>"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::test_records::{call, records};

    fn painter(covered: Redact) -> Painter<impl Iterator<Item = Result<Record, ReportError>>> {
        let signs_at = Prob::new(0.6).unwrap();
        let mut timeline = call(8.0);
        timeline.start.source.video =
            Some(crate::types::record::VideoInfo { codec: "h264".into(), width: 640, height: 480, fps: None });
        Painter::new(records(8.0).into_iter().map(Ok), &timeline, signs_at, covered)
    }

    #[test]
    fn boxes_follow_the_records_in_the_drawn_size() {
        let mut painter = painter(Redact::None);
        let calm = painter.svg(MediaTime::from_secs(0.5), (320, 240));
        assert!(calm.contains("<rect x='50' y='30' width='45' height='60'") && calm.contains("0.25"), "{calm}");
        assert!(!calm.contains("ellipse"));
        let size = |svg: &str| -> f64 {
            svg.rsplit("font-size='").next().unwrap().split('\'').next().unwrap().parse().unwrap()
        };
        assert!(size(&calm) * 0.5 * 70.0 < 320.0, "the line fits: {calm}");
        let masked = painter.svg(MediaTime::from_secs(3.0), (320, 240));
        assert!(masked.contains("stroke='#ff5a1f' stroke-width='5'") && masked.contains("0.80"), "{masked}");
        let behind = painter.svg(MediaTime::from_secs(60.0), (320, 240));
        assert!(!behind.contains("face 1"), "boxes do not outlive their frame");
    }

    #[test]
    fn a_covered_face_is_covered() {
        let svg = painter(Redact::All).svg(MediaTime::from_secs(0.5), (320, 240));
        assert!(svg.contains("<ellipse cx='72' cy='60'"), "{svg}");
        let svg = painter(Redact::Others).svg(MediaTime::from_secs(0.5), (320, 240));
        assert!(!svg.contains("ellipse"), "the largest is not");
        let few = painter(Redact::All).svg(MediaTime::from_secs(60.0), (320, 240));
        assert!(
            few.contains("ellipse") && !few.contains("face 1"),
            "where few frames are analysed, covers stay: {few}"
        );
    }
}
