//! `unmask` watches a recorded or live video interview and says, frame by frame, how likely it is that the
//! candidate's face or voice is masked by AI.
//!
//! ```text
//!                     ┌ face:  detect → track → align → score ┐
//! source → decode ────┤                                       ├─→ cues → fuse → report
//!                     └ voice: vad → window → score ──────────┘
//! ```
//!
//! Arrows never go back, and the two branches never wait on each other.
//!
//! # Invariants
//!
//! - Presentation times strictly increase within a stream; a value does not change once it is sent.
//! - [`types::Prob`] is always P(masked), finite and within 0..=1, whatever a network's class order is.
//! - No evidence means `inconclusive` or `not_assessed`, never a clean result.
//! - There is a record for every analysed frame, with or without a face.
//! - Equal input, configuration, models and provider give equal records, the `end` record apart.
//! - `cues` and `fuse` look only back; they are pure and bounded; every queue between threads is bounded.
//!
//! # Rooms
//!
//! | module | what it does | seam |
//! | --- | --- | --- |
//! | [`types`] | the nouns, and the record stream `unmask/1` | |
//! | [`config`] | TOML → validated values | |
//! | [`media`] | recordings and streams → YUV frames and 16 kHz sound; only `media::gst` names GStreamer | `Source` |
//! | [`infer`] | tensors → tensors; the only place that names ONNX Runtime | `Engine` |
//! | [`face`] | frames → evidence per face | `Detector` |
//! | [`voice`] | sound → evidence per window of speech | `Vad` |
//! | [`cues`] | what was seen and heard → events, findings | `Cue` |
//! | [`fuse`] | evidence → probabilities, events, the finding | |
//! | [`report`] | records → JSON Lines, a summary, pages, tables, the index of many calls | `Sink` |
//! | [`evidence`] | a scanned call ⇄ a signed bundle: made, verified, compared with a new run | |
//! | [`eval`] | labelled clips → error rates with intervals | |
//! | [`mod@bench`] | a clip → what decoding, networks and the scan cost on this machine | |
//! | [`batch`] | many recordings → files: a process a call, resumable | |
//! | [`link`] | face and voice prints of calls, sealed → the same person under several names | |
//! | [`triage`] | a file in haste: key frames, then the doubtful stretches closely | |
//! | [`stills`] | a call's events → pictures | |
//! | [`store`] | what a folder of results knows of its calls; only this names SQLite | |
//! | [`webrtc`] | a browser's offer and datagrams → its media, packed for a child; only this names str0m | |
//! | [`service`] | calls over HTTP; the only place that names tokio and axum | |
//! | [`pipeline`] | threads and queues: the diagram as code | |
//! | [`error`] | kinds of errors, exit codes, HTTP statuses | |
//!
//! # Use
//!
//! ```no_run
//! use unmask::{Cancel, Config, Engines, Input, Run, SinkSpec, SourceSpec, analyze};
//!
//! # fn main() -> Result<(), unmask::Error> {
//! let config = Config::default();
//! let cancel = Cancel::default();
//! let mut engines = Engines::load(&config)?;
//! let input = SourceSpec::Gst(Input::parse("interview.mp4")?);
//! let mut source = unmask::media::build(input, &config.limits, &cancel)?;
//! let mut sink = unmask::report::build(SinkSpec::Summary { out: Box::new(std::io::stdout()) });
//! let run = Run {
//!     config: &config,
//!     engines: &mut engines,
//!     sink: &mut *sink,
//!     cancel: &cancel,
//!     progress: &mut |_| {},
//! };
//! let analysis = analyze(&mut *source, run)?;
//! println!("{:?}", analysis.verdict.overall.result);
//! # Ok(())
//! # }
//! ```

pub mod batch;
pub mod bench;
pub mod config;
pub mod cues;
pub mod error;
pub mod eval;
pub mod evidence;
pub mod face;
pub mod fuse;
pub mod infer;
pub mod link;
pub mod media;
pub mod pipeline;
pub mod report;
pub mod service;
pub mod stills;
pub mod store;
pub mod triage;
pub mod types;
pub mod voice;
pub mod webrtc;

pub use batch::{CallOutput, Tools, scan_call};
pub use config::{Config, Device};
pub use error::{Error, ErrorKind};
pub use media::{Cancel, Input, LiveInput, LiveSpec, Source, SourceSpec};
pub use pipeline::{Analysis, Engines, Run, analyze};
pub use report::{Sink, SinkSpec};
