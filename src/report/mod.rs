//! The SINK seam. In: records in order. Out: JSON Lines, a summary for people, or a timeline that pages, tables and
//! tracks are made of.

mod error;
mod files;
mod html;
pub mod index;
mod jsonl;
mod kind;
mod links;
mod memory;
mod overlay;
mod page;
mod schema;
mod still;
mod summary;
mod table;
mod tee;
#[cfg(test)]
pub(crate) mod test_records;
mod timeline;
mod view;
mod vtt;
mod words;

use std::io::Write;

pub use error::ReportError;
pub use files::write_whole;
pub(crate) use files::{as_usual, failed, new_file};
pub(crate) use html::shell;
pub use jsonl::Jsonl;
pub use kind::ReportKind;
pub use links::links_html;
pub use memory::Memory;
pub use overlay::Painter;
pub use page::Page;
pub use schema::schema;
pub use still::{FaceMap, Moment, Redact, Still, StillFace};
pub use summary::Summary;
pub use tee::Tee;
pub use timeline::{FaceSecond, Second, Timeline, TimelineSink, read_records};
pub use view::View;
pub use words::outcome as outcome_words;

use crate::types::Prob;
use crate::types::record::Record;

/// Takes records in order. The first is `start`, the last `end`, if the run gets there.
pub trait Sink {
    /// Takes one record.
    fn write(&mut self, record: &Record) -> Result<(), ReportError>;

    /// Everything was written: make it lasting.
    fn finish(&mut self) -> Result<(), ReportError>;
}

/// Which sink to build.
pub enum SinkSpec {
    /// One JSON object a line.
    Jsonl {
        /// Where to.
        out: Box<dyn Write>,
        /// For messages.
        name: String,
    },
    /// One JSON object a line, each written out at once, for live streams.
    JsonlAtOnce {
        /// Where to.
        out: Box<dyn Write>,
        /// For messages.
        name: String,
    },
    /// A line a second for people.
    View {
        /// Where to.
        out: Box<dyn Write>,
        /// A second stands out from this P(masked) on.
        alarm_at: Prob,
        /// Whether the terminal shows colours.
        colour: bool,
    },
    /// A page for people, when the run has ended.
    Summary {
        /// Where to.
        out: Box<dyn Write>,
    },
    /// Kept, for tests.
    Memory(Memory),
}

/// Builds a sink.
pub fn build(spec: SinkSpec) -> Box<dyn Sink> {
    match spec {
        SinkSpec::Jsonl { out, name } => Box::new(Jsonl::new(out, name)),
        SinkSpec::JsonlAtOnce { out, name } => Box::new(Jsonl::at_once(out, name)),
        SinkSpec::View { out, alarm_at, colour } => Box::new(View::new(out, alarm_at, colour)),
        SinkSpec::Summary { out } => Box::new(Summary::new(out)),
        SinkSpec::Memory(memory) => Box::new(memory),
    }
}
