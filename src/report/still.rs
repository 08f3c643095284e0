//! Stills. In: nothing. Out: the pictures of an event, as the makers of reports take them.

use crate::types::Prob;

/// One picture of an event.
#[derive(Debug, Clone)]
pub struct Still {
    /// Which of the timeline's events.
    pub event: usize,
    /// Where in the event.
    pub moment: Moment,
    /// Presentation time in seconds.
    pub pts_s: f64,
    /// Width of the picture in pixels.
    pub width: u32,
    /// Height of the picture in pixels.
    pub height: u32,
    /// The picture, upright, JPEG.
    pub jpeg: Vec<u8>,
    /// The faces in it, best first.
    pub faces: Vec<StillFace>,
}

/// Whose face is made unrecognisable in pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Redact {
    /// Nobody's
    #[default]
    None,
    /// Everybody's but that of the largest face in view
    Others,
    /// Everybody's
    All,
}

/// Where in an event a picture was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Shortly before it.
    Before,
    /// Within it.
    During,
    /// Shortly after it.
    After,
}

impl Moment {
    /// As in captions and file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::During => "during",
            Self::After => "after",
        }
    }
}

/// A face in a still.
#[derive(Debug, Clone)]
pub struct StillFace {
    /// `[x, y, w, h]` in pixels of the still.
    pub box_px: [f64; 4],
    /// P(masked) of this picture alone; absent when the face is not fit to be scored.
    pub p_masked: Option<Prob>,
    /// Which part of the face looks masked.
    pub map: Option<FaceMap>,
}

/// P(masked) of a face's parts, as the network sees them: a pointer to where to look, not a measurement.
#[derive(Debug, Clone)]
pub struct FaceMap {
    /// Parts in a row.
    pub columns: usize,
    /// P(masked) of each part, row by row.
    pub parts: Vec<Prob>,
    /// From the face crop's unit square to pixels of the still: x' = a·x + c·y + e, y' = b·x + d·y + f for
    /// `[a, b, c, d, e, f]`, as SVG's `matrix()` has it.
    pub to_still: [f64; 6],
}
