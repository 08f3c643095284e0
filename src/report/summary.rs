//! A page for people. In: records. Out: per modality the result, the probability with its range, the coverage, the
//! most telling moments, and what the finding does not mean.

use std::io::Write;

use super::words::{clock, outcome, reason};
use super::{ReportError, Sink};
use crate::types::record::{EventRecord, Finding, Frame, Outcome, Record, Start, Verdict, Warning};
use crate::types::{EventClass, EventKind, Prob};

/// How many moments are shown.
const MOMENTS: usize = 3;

/// Moments closer than this are one.
const APART_S: f64 = 2.0;

#[derive(Debug, Clone, PartialEq)]
struct Moment {
    start_s: f64,
    end_s: f64,
    what: String,
    p: f32,
}

impl Moment {
    /// A context event is there or not; scores have a strength.
    fn strength(&self) -> String {
        if self.p < 1.0 { format!("  p {:.2}", self.p) } else { String::new() }
    }
}

/// Collects while the run lasts, prints when the verdict is there.
pub struct Summary {
    out: Box<dyn Write>,
    source: String,
    provider: String,
    signs: Vec<Moment>,
    context: Vec<Moment>,
    peaks: Vec<Moment>,
    warnings: Vec<Warning>,
}

impl Summary {
    /// Prints to `out`.
    pub fn new(out: Box<dyn Write>) -> Self {
        let (source, provider) = (String::new(), String::new());
        Self { out, source, provider, signs: vec![], context: vec![], peaks: vec![], warnings: vec![] }
    }

    fn start(&mut self, start: &Start) {
        let s = &start.source;
        let video = s.video.as_ref().map(|v| format!("{} {}x{}", v.codec, v.width, v.height));
        let audio = s.audio.as_ref().map(|a| format!("{} {} Hz", a.codec, a.rate_hz));
        let length = s.duration_s.map(clock);
        let parts: Vec<String> = [length, video, audio].into_iter().flatten().collect();
        self.source = format!("{} ({})", s.uri, parts.join(", "));
        self.provider = start.runtime.provider.clone();
    }

    fn frame(&mut self, frame: &Frame) {
        for face in &frame.faces {
            if let Some(p) = face.p_masked {
                let what = format!("face {}", face.track.0);
                keep_best(&mut self.peaks, Moment { start_s: frame.pts_s, end_s: frame.pts_s, what, p: p.get() });
            }
        }
    }

    fn event(&mut self, event: &EventRecord) {
        // Only where to look: there are many, and each is certain.
        let moments = [EventKind::ProfileTurn, EventKind::FastMotion, EventKind::LightChange, EventKind::FaceCovered];
        if moments.contains(&event.kind) {
            return;
        }
        let whose = event.track.map_or_else(String::new, |track| format!(", face {}", track.0));
        let what = format!("{}{whose}", event.kind.title());
        let moment = Moment { start_s: event.start_s, end_s: event.end_s, what, p: event.score.get() };
        let kept = if event.class == EventClass::Sign { &mut self.signs } else { &mut self.context };
        keep_best(kept, moment);
    }

    fn page(&self, verdict: &Verdict) -> String {
        let mut lines = vec![self.source.clone(), String::new()];
        let partial = if verdict.partial { "  (partial: not all was seen)" } else { "" };
        lines.push(format!("overall   {}{partial}", finding_line(&verdict.overall)));
        lines.push(format!("face      {}", finding_line(&verdict.face)));
        lines.push(format!("voice     {}", finding_line(&verdict.voice)));
        if verdict.sync.finding.result != Outcome::NotAssessed {
            let lag = verdict.sync.lag.map(|l| format!("; sound {:+.0} ms", l.lag_ms)).unwrap_or_default();
            lines.push(format!("lip sync  {}{lag}", finding_line(&verdict.sync.finding)));
        }
        if verdict.identity.result != Outcome::NotAssessed {
            lines.push(format!("identity  {}", finding_line(&verdict.identity)));
        }
        let c = &verdict.coverage;
        lines.push(format!(
            "coverage  {} of {} frames with a scored face; {:.1} s of speech scored in {}",
            c.frames_scored,
            c.frames_seen,
            c.speech_s,
            clock(c.audio_s)
        ));
        let telling = if self.signs.is_empty() { ("highest", &self.peaks) } else { ("moments", &self.signs) };
        for (title, moments) in [telling, ("context", &self.context)] {
            for (i, m) in moments.iter().enumerate() {
                let label = if i == 0 { title } else { "" };
                let span = if m.end_s > m.start_s { format!("–{}", clock(m.end_s)) } else { String::new() };
                lines.push(format!("{label:<9} {}{span}  {}{}", clock(m.start_s), m.what, m.strength()));
            }
        }
        lines.extend(self.warnings.iter().map(|w| format!("warning   {}", w.message)));
        lines.push(String::new());
        lines.push(verdict.scope.clone());
        lines.join("\n") + "\n"
    }
}

impl Sink for Summary {
    fn write(&mut self, record: &Record) -> Result<(), ReportError> {
        match record {
            Record::Start(start) => self.start(start),
            Record::Frame(frame) => self.frame(frame),
            Record::Event(event) => self.event(event),
            Record::Warning(warning) => self.warnings.push(warning.clone()),
            Record::Verdict(verdict) => {
                let page = self.page(verdict);
                let failed = |source| ReportError::Write { name: "standard output".into(), source };
                self.out.write_all(page.as_bytes()).map_err(failed)?;
            }
            Record::End(end) => {
                let s = &end.stats;
                let line =
                    format!("{:.1} s, {:.1} times real time, on {}\n", s.wall_s, s.realtime_factor, self.provider);
                let failed = |source| ReportError::Write { name: "standard output".into(), source };
                self.out.write_all(line.as_bytes()).map_err(failed)?;
            }
            Record::Voice(_) => {}
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ReportError> {
        let failed = |source| ReportError::Write { name: "standard output".into(), source };
        self.out.flush().map_err(failed)
    }
}

/// Keeps the highest moments, at most [`MOMENTS`], none near another of the same subject.
fn keep_best(moments: &mut Vec<Moment>, new: Moment) {
    let near = |m: &Moment| m.what == new.what && new.start_s <= m.end_s + APART_S && m.start_s <= new.end_s + APART_S;
    if let Some(rival) = moments.iter_mut().find(|m| near(m)) {
        if new.p > rival.p {
            *rival = new;
        }
    } else {
        moments.push(new);
    }
    moments.sort_by(|a, b| b.p.total_cmp(&a.p));
    moments.truncate(MOMENTS);
}

fn finding_line(finding: &Finding) -> String {
    let result = if finding.result == Outcome::SignsFound { "SIGNS OF MASKING" } else { outcome(finding.result) };
    let p = |p: Option<Prob>| p.map_or(0.0, Prob::get);
    let numbers = match finding.p_masked {
        Some(masked) => format!("p(masked) {:.2} [{:.2}–{:.2}]", masked.get(), p(finding.low), p(finding.high)),
        None => String::new(),
    };
    let why: Vec<&str> = finding.reasons.iter().map(|r| reason(*r)).collect();
    format!("{result:<17} {numbers:<27} {}", why.join("; ")).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_moments_are_kept_apart() {
        let mut moments = Vec::new();
        for (t, p) in [(0.0, 0.5), (0.5, 0.9), (10.0, 0.6), (20.0, 0.7), (30.0, 0.8), (40.0, 0.1)] {
            keep_best(&mut moments, Moment { start_s: t, end_s: t, what: "face 1".into(), p });
        }
        assert_eq!(moments.iter().map(|m| m.start_s).collect::<Vec<_>>(), [0.5, 30.0, 20.0]);
    }
}
