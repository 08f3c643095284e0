//! A live call on a terminal. In: records as they come. Out: a line a second and a line for each event. What speaks for
//! masking stands out.

use std::collections::BTreeMap;
use std::io::Write;

use super::words::clock;
use super::{ReportError, Sink};
use crate::types::record::{EventRecord, Frame, Record};
use crate::types::{EventClass, Prob, TrackId};

/// Most faces in a line.
const FACES: usize = 4;

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Plain,
    Dim,
    Alarm,
}

impl Look {
    /// Select graphic rendition (ECMA-48, 8.3.117).
    fn begin(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Dim => "\x1b[2m",
            Self::Alarm => "\x1b[1;31m",
        }
    }
}

/// One second of a call.
#[derive(Debug, Default)]
struct Second {
    number: u64,
    frames: u32,
    /// Sum and number of the scores of each face.
    faces: BTreeMap<TrackId, (f32, u32)>,
    voice: Option<Prob>,
    /// Highest of the second.
    fused: Option<Prob>,
}

/// Prints a live call.
pub struct View<W: Write> {
    out: W,
    alarm_at: Prob,
    colour: bool,
    second: Second,
}

impl<W: Write> View<W> {
    /// Prints lines to `out`; a second stands out from `alarm_at` on.
    pub fn new(out: W, alarm_at: Prob, colour: bool) -> Self {
        Self { out, alarm_at, colour, second: Second::default() }
    }

    fn line(&mut self, look: Look, text: &str) -> Result<(), ReportError> {
        // Servers choose some of the words: none of them may steer the terminal.
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        let written = match self.colour && look != Look::Plain {
            true => writeln!(self.out, "{}{text}\x1b[0m", look.begin()),
            false => writeln!(self.out, "{text}"),
        };
        let failed = |source| ReportError::Write { name: "standard output".into(), source };
        written.and_then(|()| self.out.flush()).map_err(failed)
    }

    fn frame(&mut self, frame: &Frame) -> Result<(), ReportError> {
        let number = frame.pts_s.max(0.0) as u64;
        if number > self.second.number {
            self.tell()?;
            self.second.number = number;
        }
        let second = &mut self.second;
        second.frames += 1;
        for face in &frame.faces {
            let (sum, n) = second.faces.entry(face.track).or_default();
            if let Some(p) = face.p_masked {
                (*sum, *n) = (*sum + p.get(), *n + 1);
            }
        }
        second.voice = frame.voice.p_masked.or(second.voice);
        let fused = frame.fused.map(|fused| fused.p_masked);
        second.fused = if fused > second.fused { fused } else { second.fused };
        Ok(())
    }

    /// Prints the second that has ended.
    fn tell(&mut self) -> Result<(), ReportError> {
        let second = std::mem::take(&mut self.second);
        if second.frames == 0 {
            return Ok(());
        }
        let alarm = second.fused.is_some_and(|p| p >= self.alarm_at);
        let look = if alarm { Look::Alarm } else { Look::Plain };
        self.line(look, &second.text(alarm))
    }

    fn event(&mut self, event: &EventRecord) -> Result<(), ReportError> {
        let sign = event.class == EventClass::Sign;
        let (look, mark) = if sign { (Look::Alarm, "SIGN") } else { (Look::Dim, "    ") };
        let whose = event.track.map_or_else(String::new, |track| format!(", face {}", track.0));
        let (start, end) = (clock(event.start_s), clock(event.end_s));
        let title = event.kind.title();
        let why = if sign { format!(": {}", event.why) } else { String::new() };
        self.line(look, &format!("{:>9}  {mark}  {title}{whose}, {start}–{end}{why}", ""))
    }
}

impl Second {
    fn text(&self, alarm: bool) -> String {
        let faces = self.faces.iter().take(FACES).map(|(track, (sum, n))| match n {
            0 => format!("face {} not scored", track.0),
            n => format!("face {} {:.2}", track.0, sum / *n as f32),
        });
        let mut parts: Vec<String> = faces.collect();
        if parts.is_empty() {
            parts.push("no face".into());
        }
        if self.faces.len() > FACES {
            parts.push(format!("{} more", self.faces.len() - FACES));
        }
        let p = |p: Option<Prob>| p.map_or("–".into(), |p| format!("{:.2}", p.get()));
        let mark = if alarm { "LOOK" } else { "    " };
        let (time, faces) = (clock(self.number as f64), parts.join(", "));
        format!(
            "{time:>9}  {mark}  p(masked) {}  {faces}  voice {}  {} frames",
            p(self.fused),
            p(self.voice),
            self.frames
        )
    }
}

impl<W: Write> Sink for View<W> {
    fn write(&mut self, record: &Record) -> Result<(), ReportError> {
        match record {
            Record::Start(start) => self.line(Look::Dim, &format!("watching {}; Ctrl-C ends it", start.source.uri)),
            Record::Frame(frame) => self.frame(frame),
            Record::Event(event) => self.event(event),
            Record::Warning(warning) => self.line(Look::Dim, &format!("{:>9}        {}", "", warning.message)),
            Record::Verdict(_) => {
                self.tell()?;
                self.line(Look::Plain, "")
            }
            Record::Voice(_) | Record::End(_) => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<(), ReportError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::test_records::records;

    #[test]
    fn each_second_has_its_line_and_signs_stand_out() {
        let mut out = Vec::new();
        let at = Prob::new(0.5).unwrap();
        {
            let mut view = View::new(&mut out, at, true);
            records(12.0).iter().for_each(|record| view.write(record).unwrap());
            view.finish().unwrap();
        }
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("0:00.0") && text.contains("0:11.0"), "{text}");
        assert!(text.contains("p(masked)") && text.contains("frames"), "{text}");
        let signs: Vec<&str> = text.lines().filter(|line| line.contains("SIGN")).collect();
        assert!(!signs.is_empty() && signs.iter().all(|line| line.starts_with("\x1b[1;31m")), "{text}");
    }
}
