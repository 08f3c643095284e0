//! The child's side of a batch. In: one [`Job`] as a line of standard input, and behind it the media of a live call. Out:
//! lines of [`Said`] on standard output, and files. It ends when its standard input does: when its parent is gone, however
//! that ended; a live call then ends as one whose publisher hangs up.

use std::io::{BufRead, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{CallOutput, Tools, Watch, sandbox, scan_call, watch_call};
use crate::config::{Config, Places};
use crate::error::Error;
use crate::link::{FacePrint, Print, Sealed, Vault, VoicePrint};
use crate::media::{Cancel, Input, MediaError};
use crate::pipeline::{Engines, People, Person};
use crate::report::Redact;
use crate::report::index::CallFinding;
use crate::report::{ReportError, ReportKind};
use crate::stills::portrait;
use crate::store::Fingerprint;
use crate::types::MediaTime;
use crate::types::record::{Record, SourceInfo, Stats};

/// How often a child says how far it is.
const SAY_EVERY: Duration = Duration::from_millis(300);

/// How far behind the service itself its scans stand when processors are short (nice(2)).
const BEHIND: i32 = 10;

/// One call to scan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// As [`Input::parse`] takes it.
    pub input: String,
    /// Where its files go.
    pub dir: PathBuf,
    /// Name of its files.
    pub name: String,
    /// What to make beside the records.
    pub reports: Vec<ReportKind>,
    /// Whose face is made unrecognisable in pictures.
    pub redact: Redact,
    /// What signs evidence bundles; none: the user's own key.
    pub key: Option<PathBuf>,
    /// For a recording that somebody has sent, whose scan reaches no network; none: it is the user's own.
    pub posted: Option<Posted>,
    /// Its media come behind the job, as they are made; `input` is `-`.
    #[serde(default)]
    pub live: bool,
    /// What seals the prints; none: no print is made.
    pub link: Option<PathBuf>,
    /// How to analyse.
    pub config: Config,
    /// Where libraries and models are, which the configuration does not carry along.
    pub places: Places,
}

/// What is done for a recording that somebody has sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Posted {
    /// How records and pages call it.
    pub shown: String,
    /// What stands above its page: words, and the address they lead to.
    pub links: Vec<(String, String)>,
}

/// What a scan cost.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Cost {
    /// As in the `end` record.
    pub stats: Stats,
    /// Frames that were analysed.
    pub frames: u64,
    /// Processor seconds inside each network, by its id.
    pub networks: Vec<(String, f64)>,
}

/// What a child found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Found {
    /// For the index.
    pub finding: CallFinding,
    /// The main face and voice, sealed; only where linking was asked for.
    pub print: Option<Sealed>,
    /// What that cost.
    pub cost: Box<Cost>,
}

/// What a child says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Said {
    /// The networks are loaded: the media of a live call can come.
    Ready,
    /// A record of a live call was written.
    Told {
        /// As in the record stream.
        record: String,
    },
    /// The recording is open.
    Opened {
        /// Declared length.
        duration_s: Option<f64>,
        /// SHA-256, hex; absent for addresses.
        sha256: Option<String>,
        /// Size; absent for addresses.
        bytes: Option<u64>,
    },
    /// The analysis is there.
    Reached {
        /// Seconds since the start of the recording.
        at_s: f64,
    },
    /// All files are written.
    Done {
        /// What was found.
        found: Found,
    },
    /// It cannot be scanned; the exit code says who must act.
    Failed {
        /// With the remedy.
        message: String,
        /// Exit code of its kind.
        code: u8,
        /// Every call would fail alike.
        stops_all: bool,
    },
}

impl Said {
    /// What was found on opening.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        match self {
            Self::Opened { sha256, bytes, .. } => Some(Fingerprint { sha256: sha256.clone(), bytes: *bytes }),
            _ => None,
        }
    }
}

/// Scans the call and says how it goes; the last word is `done` or `failed`.
pub fn perform(job: &Job, cancel: &Cancel, say: &mut dyn FnMut(Said)) -> Result<(), Error> {
    let scanned = scan(job, cancel, say);
    say(match &scanned {
        Ok(found) => Said::Done { found: found.clone() },
        Err(e) => Said::Failed { message: e.to_string(), code: e.kind().exit_code(), stops_all: e.stops_all() },
    });
    scanned.map(drop)
}

fn scan(job: &Job, cancel: &Cancel, say: &mut dyn FnMut(Said)) -> Result<Found, Error> {
    if job.posted.is_some() {
        sandbox::close_network(job.live)?;
        // Those who ask the service go first; where this may not be had, they share.
        let _ = rustix::process::nice(BEHIND);
    }
    let input = Input::parse(&job.input)?;
    if let Input::File(path) = &input
        && !path.exists()
    {
        // What is not there does not have to wait for the networks.
        return Err(MediaError::NotFound { input: input.shown() }.into());
    }
    let mut config = job.config.clone();
    config.runtime.set_places(job.places.clone());
    let (dir, name, reports) = (job.dir.clone(), job.name.clone(), job.reports.clone());
    let output =
        CallOutput { dir, name, reports, redact: job.redact, key: job.key.clone(), posted: job.posted.clone() };
    let mut engines = Engines::load(&config)?;
    if job.live {
        say(Said::Ready);
    }
    let mut teller = Teller { say, said: None, live: job.live };
    let tools = Tools { config: &config, engines: &mut engines, cancel };
    let scanned = match job.live {
        true => watch_call(&output, tools, &mut teller)?,
        false => scan_call(&input, &output, tools, &mut teller)?,
    };
    let finding = CallFinding::of(&scanned.timeline);
    let cost = Cost {
        stats: scanned.timeline.stats.clone().unwrap_or_default(),
        frames: scanned.timeline.verdict.coverage.frames_seen,
        networks: engines.cpu_times(),
    };
    let print = match &job.link {
        Some(key) => Some(print(job, &input, key, scanned.people, (&config, &mut engines), cancel)?),
        None => None,
    };
    Ok(Found { finding, print, cost: Box::new(cost) })
}

/// Seals the face that was most seen in a call and the voice that was heard most.
fn print(
    job: &Job,
    input: &Input,
    key: &Path,
    people: People,
    (config, engines): (&Config, &mut Engines),
    cancel: &Cancel,
) -> Result<Sealed, Error> {
    let vault = Vault::open(key)?;
    let face = match people.faces.into_iter().next() {
        Some(Person { views, embedding, clearest, .. }) => {
            let portrait = match job.redact {
                Redact::All => vec![],
                Redact::None | Redact::Others => portrait(input, clearest, config, engines, cancel)?,
            };
            Some(FacePrint { views, embedding, portrait: STANDARD.encode(portrait) })
        }
        None => None,
    };
    let voice = people.voice.map(|v| VoicePrint { windows: v.windows, embedding: v.embedding });
    let print = Print { call: job.name.clone(), candidate: String::new(), face, voice };
    let secret = print.secret().map_err(|e| ReportError::Serialise(e.to_string()))?;
    Ok(vault.seal(&print.call, &secret)?)
}

/// Tells what a scan reports, not too often.
struct Teller<'a> {
    say: &'a mut dyn FnMut(Said),
    said: Option<Instant>,
    live: bool,
}

impl Watch for Teller<'_> {
    fn opened(&mut self, source: &SourceInfo) {
        let SourceInfo { duration_s, sha256, bytes, .. } = source.clone();
        (self.say)(Said::Opened { duration_s, sha256, bytes });
    }

    fn reached(&mut self, pts: MediaTime) {
        if self.said.is_none_or(|at| at.elapsed() >= SAY_EVERY) {
            self.said = Some(Instant::now());
            (self.say)(Said::Reached { at_s: pts.as_secs() });
        }
    }

    fn told(&mut self, record: &Record) {
        if self.live {
            // What cannot be written as JSON has failed in the record stream already.
            let record = serde_json::to_string(record).unwrap_or_default();
            (self.say)(Said::Told { record });
        }
    }
}

/// Runs as a child: reads the job, scans, and ends at once when the parent is gone.
pub fn serve() -> Result<(), Error> {
    let failed = |source| ReportError::Write { name: "the parent's pipe".into(), source };
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(failed)?;
    let job: Job = serde_json::from_str(&line).map_err(|e| ReportError::Serialise(e.to_string()))?;
    let watch = std::thread::Builder::new().name("parent".into());
    if !job.live {
        watch.spawn(end_with_parent).map_err(failed)?;
    }
    let mut out = std::io::stdout();
    perform(&job, &Cancel::default(), &mut |said| {
        // When nobody listens, the other thread is about to end this process.
        let text = serde_json::to_string(&said).unwrap_or_default();
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    })
}

/// Nobody writes a second line: the pipe only ever ends, and with it this process.
fn end_with_parent() {
    let mut rest = [0; 64];
    while matches!(std::io::stdin().lock().read(&mut rest), Ok(n) if n > 0) {}
    // At once: what runs at an ordinary exit must not meet networks at work. Files are whole or not there.
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
}
