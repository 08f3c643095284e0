//! One call into files. In: an input, the networks. Out: `<name>.jsonl` and the reports asked for, each complete under
//! its name or not there; an incomplete record stream keeps `.part`.

use std::cell::RefCell;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Posted;
use super::named::Named;
use crate::config::{Config, LiveConfig};
use crate::error::Error;
use crate::evidence::{self, EvidenceError, SecretKey};
use crate::media::gst::{Draw, Tracks, draw_over};
use crate::media::{self, Cancel, Input, LiveInput, LiveSpec, Source, SourceSpec};
use crate::pipeline::{Engines, People, Run, analyze};
use crate::report::{
    Jsonl, Page, Painter, Redact, ReportError, ReportKind, Sink, Tee, Timeline, TimelineSink, failed, new_file,
    read_records, write_whole,
};
use crate::stills::stills;
use crate::triage;
use crate::types::record::{Record, SourceInfo};
use crate::types::{MediaTime, Prob};

/// A pipe that gives nothing for so long is broken.
const PIPE_STALL_S: f64 = 60.0;

/// Where a call's files go.
#[derive(Debug, Clone)]
pub struct CallOutput {
    /// Folder; it exists.
    pub dir: PathBuf,
    /// Name without ending.
    pub name: String,
    /// What to make beside the records.
    pub reports: Vec<ReportKind>,
    /// Whose face is made unrecognisable in pictures.
    pub redact: Redact,
    /// What signs evidence bundles; none: the user's own key.
    pub key: Option<PathBuf>,
    /// How the recording is called, and what its page leads to; none: by its path or address, and to the recording.
    pub posted: Option<Posted>,
}

impl CallOutput {
    /// `<dir>/<name><ending>`.
    pub fn path(&self, ending: &str) -> PathBuf {
        self.dir.join(format!("{}{ending}", self.name))
    }

    /// The signing key, when it is needed.
    fn open_key(&self) -> Result<Option<SecretKey>, EvidenceError> {
        if !self.reports.contains(&ReportKind::Evidence) {
            return Ok(None);
        }
        let path = self.key.clone().map_or_else(SecretKey::default_path, Ok)?;
        SecretKey::open(&path).map(Some)
    }
}

/// What tells whoever waits how far a scan is: once with what was found on opening, then with each record and each time
/// reached.
pub trait Watch {
    /// The recording is open.
    fn opened(&mut self, source: &SourceInfo);
    /// The analysis is there.
    fn reached(&mut self, pts: MediaTime);
    /// A record was written.
    fn told(&mut self, _: &Record) {}
}

/// A call that was scanned.
pub struct Scanned {
    /// Second by second.
    pub timeline: Timeline,
    /// Who was in view and who spoke; in memory only.
    pub people: People,
}

/// What a call is analysed with.
pub struct Tools<'a> {
    /// How.
    pub config: &'a Config,
    /// The networks.
    pub engines: &'a mut Engines,
    /// Asks for an early end.
    pub cancel: &'a Cancel,
}

/// Scans a call and writes its files.
pub fn scan_call(
    input: &Input,
    output: &CallOutput,
    tools: Tools<'_>,
    watch: &mut dyn Watch,
) -> Result<Scanned, Error> {
    let source = triage::open(input.clone(), tools.config, tools.engines, tools.cancel)?;
    write_call(source, input, output, tools, watch)
}

/// Analyses what comes on standard input as it plays, and writes the files of a call without a recording.
pub fn watch_call(output: &CallOutput, tools: Tools<'_>, watch: &mut dyn Watch) -> Result<Scanned, Error> {
    let config = tools.config;
    // Nothing can be connected to anew, and whoever writes ends it in time.
    let live = LiveConfig { stall_s: config.live.stall_s.max(PIPE_STALL_S), give_up_s: 0.0, ..config.live.clone() };
    let spec = LiveSpec { input: LiveInput::Piped, config: live, for_s: None };
    let source = media::build(SourceSpec::Live(spec), &config.limits, tools.cancel)?;
    write_call(source, &Input::Stdin, output, tools, watch)
}

fn write_call(
    mut source: Box<dyn Source>,
    input: &Input,
    output: &CallOutput,
    tools: Tools<'_>,
    watch: &mut dyn Watch,
) -> Result<Scanned, Error> {
    let Tools { config, engines, cancel } = tools;
    let key = output.open_key()?;
    if let Some(posted) = &output.posted {
        source = Box::new(Named::new(source, &posted.shown));
    }
    watch.opened(source.info());
    let scanned = records(&mut *source, output, config, engines, cancel, watch)?;
    let timeline = &scanned.timeline;
    drop(source);
    let stills = match output.reports.iter().any(|kind| kind.wants_stills()) {
        true => stills(input, timeline, output.redact, config, engines, cancel)?,
        false => Vec::new(),
    };
    let (recording, links) = match &output.posted {
        Some(posted) => (None, posted.links.as_slice()),
        None => (recording_link(input, &output.dir), &[][..]),
    };
    let page = Page { timeline, stills: &stills, recording: recording.as_deref(), links };
    for kind in &output.reports {
        let path = output.path(kind.ending());
        match kind {
            ReportKind::Html => write_whole(&path, &page.html()?)?,
            ReportKind::Csv => write_whole(&path, &page.csv()?)?,
            ReportKind::Vtt => write_whole(&path, &page.vtt())?,
            ReportKind::Json => write_whole(&path, &page.json()?)?,
            ReportKind::Overlay => draw(input, output, timeline, config, cancel)?,
            ReportKind::Evidence => {
                if let Some(key) = &key {
                    bundle(input, output, config, &page, key)?;
                }
            }
        }
    }
    Ok(scanned)
}

/// Draws the records over the recording; a recording without pictures, or one that cannot be played again to its end,
/// has no overlay.
fn draw(
    input: &Input,
    output: &CallOutput,
    timeline: &Timeline,
    config: &Config,
    cancel: &Cancel,
) -> Result<(), Error> {
    let source = &timeline.start.source;
    let tracks = Tracks { video: source.video.is_some(), audio: source.audio.is_some() };
    if !tracks.video {
        return Ok(());
    }
    let (path, part) = (output.path(ReportKind::Overlay.ending()), output.path(".overlay.webm.part"));
    new_file(&part).map_err(|e| failed(&part, e))?;
    let kept = output.path(".jsonl");
    let file = File::open(&kept).map_err(|e| failed(&kept, e))?;
    let records = read_records(BufReader::new(file), &kept.display().to_string());
    let signs_at = Prob::new(config.verdict.face.signs_at).unwrap_or(Prob::ONE);
    let mut painter = Painter::new(records, timeline, signs_at, output.redact);
    let svg: Draw = Box::new(move |time, size| painter.svg(time, size));
    match draw_over(input, tracks, &part, svg, &config.limits, cancel) {
        Ok(true) => std::fs::rename(&part, &path).map_err(|e| failed(&path, e))?,
        Ok(false) => {}
        Err(error) => {
            // The records and the other reports stand; this one is an addition.
            tracing::warn!("no overlay: {error}");
            // What is left of it is overwritten by the next try.
            let _ = std::fs::remove_file(&part);
        }
    }
    Ok(())
}

/// Makes the evidence bundle of what was written.
fn bundle(input: &Input, output: &CallOutput, config: &Config, page: &Page<'_>, key: &SecretKey) -> Result<(), Error> {
    let html = Page { recording: None, links: &[], ..*page }.html()?;
    let content = evidence::Content {
        start: &page.timeline.start,
        config,
        records: &output.path(".jsonl"),
        html: &html,
        stills: page.stills,
        input: if let Input::File(recording) = input { Some(recording) } else { None },
    };
    Ok(evidence::make(&content, key, SystemTime::now(), &output.path(ReportKind::Evidence.ending()))?)
}

/// Analyses the source into `<name>.jsonl`.
fn records(
    source: &mut dyn Source,
    output: &CallOutput,
    config: &Config,
    engines: &mut Engines,
    cancel: &Cancel,
    watch: &mut dyn Watch,
) -> Result<Scanned, Error> {
    let (path, part) = (output.path(".jsonl"), output.path(".jsonl.part"));
    let file = new_file(&part).map_err(|e| failed(&part, e))?;
    let kept = file.try_clone().map_err(|e| failed(&part, e))?;
    let mut jsonl = Jsonl::new(Box::new(file), part.display().to_string());
    let mut timeline = TimelineSink::default();
    let watch = RefCell::new(watch);
    let mut sink = Telling { sink: Tee::new(&mut jsonl, &mut timeline), watch: &watch };
    let run = Run { config, engines, sink: &mut sink, cancel, progress: &mut |pts| watch.borrow_mut().reached(pts) };
    let people = analyze(source, run)?.people;
    kept.sync_all().map_err(|e| failed(&part, e))?;
    std::fs::rename(&part, &path).map_err(|e| failed(&path, e))?;
    let timeline = timeline.take().ok_or_else(|| ReportError::Incomplete { name: path.display().to_string() })?;
    Ok(Scanned { timeline, people })
}

/// Tells of each record that was written.
struct Telling<'a, 'w> {
    sink: Tee<'a>,
    watch: &'a RefCell<&'w mut dyn Watch>,
}

impl Sink for Telling<'_, '_> {
    fn write(&mut self, record: &Record) -> Result<(), ReportError> {
        self.sink.write(record)?;
        self.watch.borrow_mut().told(record);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ReportError> {
        self.sink.finish()
    }
}

/// The recording's address as seen from a page in `dir`, percent-encoded; none for what is not a file.
fn recording_link(input: &Input, dir: &Path) -> Option<String> {
    let Input::File(path) = input else { return None };
    let (recording, dir) = (std::fs::canonicalize(path).ok()?, std::fs::canonicalize(dir).ok()?);
    let base = url::Url::from_directory_path(dir).ok()?;
    base.make_relative(&url::Url::from_file_path(recording).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_linked_from_where_the_page_is() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("out")).unwrap();
        std::fs::write(dir.path().join("a call #1.mp4"), b"x").unwrap();
        let input = Input::File(dir.path().join("a call #1.mp4"));
        let link = recording_link(&input, &dir.path().join("out")).unwrap();
        assert_eq!(link, "../a%20call%20%231.mp4");
        assert_eq!(recording_link(&Input::Stdin, dir.path()), None);
    }
}
