//! What can be made of a scanned call, beside its records. In: a name on the command line. Out: a file's ending.

/// One file beside `<name>.jsonl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// A page for reviewers: timeline, events with stills, what was not assessed
    Html,
    /// A line a second
    Csv,
    /// Events as a subtitle track for any player
    Vtt,
    /// The finding, the events and the numbers of a call, without its frames
    Json,
    /// The recording once more, with boxes, scores and the call's strip drawn over it (WebM)
    Overlay,
    /// A signed bundle of records, page, stills and hashes, for `unmask verify` and `unmask replay`
    Evidence,
}

impl ReportKind {
    /// As on the command line.
    pub fn name(self) -> String {
        clap::ValueEnum::to_possible_value(&self).map(|v| v.get_name().to_owned()).unwrap_or_default()
    }

    /// What follows `<name>`, with the dot.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Html => ".html",
            Self::Csv => ".csv",
            Self::Vtt => ".vtt",
            Self::Json => ".summary.json",
            Self::Overlay => ".overlay.webm",
            Self::Evidence => ".evidence",
        }
    }

    /// True when it shows pictures of events.
    pub fn wants_stills(self) -> bool {
        matches!(self, Self::Html | Self::Evidence)
    }
}
