//! The list of labelled clips. In: a CSV file. Out: clips with their paths resolved against the file's folder.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::EvalError;

/// What a clip is known to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    /// Genuine.
    Real,
    /// Masked.
    Fake,
}

/// One row: `path,label[,method][,kind][,source][,person|speaker]`, in any order; other columns are ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Clip {
    /// File, relative to the manifest's folder in the manifest, resolved here.
    pub path: PathBuf,
    /// Known label.
    pub label: Label,
    /// What made the fake: `faceswap:GHOST`. What stands before the colon is its kind, unless `kind` says so.
    #[serde(default)]
    pub method: String,
    /// Kind of fake: `tts`, `faceswap`.
    #[serde(default)]
    pub kind: String,
    /// Where it is from: what stands before the first colon counts.
    #[serde(default)]
    pub source: String,
    /// Who is in it. Clips of one person are drawn together when intervals are computed.
    #[serde(default, alias = "speaker")]
    pub person: String,
}

impl Clip {
    fn resolved(mut self, folder: &Path) -> Self {
        self.path = folder.join(&self.path);
        if self.kind.is_empty() {
            self.kind = before_colon(&self.method).to_owned();
        }
        self.source = before_colon(&self.source).to_owned();
        self
    }

    /// True for a masked clip.
    pub fn is_fake(&self) -> bool {
        self.label == Label::Fake
    }
}

fn before_colon(text: &str) -> &str {
    text.split_once(':').map_or(text, |(before, _)| before)
}

/// Reads a manifest.
///
/// # Errors
/// When it cannot be read, a row has no usable path and label, or there is no row.
pub fn read(path: &Path) -> Result<Vec<Clip>, EvalError> {
    let name = path.display().to_string();
    let failed = |source| EvalError::Read { name: name.clone(), source };
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).map_err(failed)?;
    let headers = reader.headers().map_err(failed)?.clone();
    let mut clips = Vec::new();
    for row in reader.records() {
        let row = row.map_err(failed)?;
        let line = row.position().map_or(0, csv::Position::line);
        let bad = |problem: String| EvalError::Row { name: name.clone(), line, problem };
        let unusable = |e: csv::Error| bad(format!("{}; a row needs path and label (real or fake)", plain(e)));
        let clip: Clip = row.deserialize(Some(&headers)).map_err(unusable)?;
        if clip.path.as_os_str().is_empty() {
            return Err(bad("the path is empty".into()));
        }
        clips.push(clip.resolved(folder));
    }
    if clips.is_empty() { Err(EvalError::Empty { name }) } else { Ok(clips) }
}

/// What is wrong with a row, without the reader's own count of lines.
fn plain(error: csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => err.kind().to_string(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Clip>, EvalError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.csv");
        std::fs::write(&path, text).unwrap();
        let clips = read(&path)?;
        assert!(clips.iter().all(|c| c.path.starts_with(dir.path())));
        Ok(clips)
    }

    #[test]
    fn columns_come_in_any_order_and_most_may_be_absent() {
        let clips = parse("label,path,x,method\nfake,a.mp4,1,faceswap:GHOST\nreal,b.mp4,2,\n").unwrap();
        assert_eq!((clips[0].kind.as_str(), clips[0].is_fake()), ("faceswap", true));
        assert_eq!(clips[1].label, Label::Real);
        assert_eq!(parse("path,label\na.mp4,real\n").unwrap().len(), 1);
    }

    #[test]
    fn what_it_cannot_use_is_named_with_its_line() {
        let message = parse("path,label\na.mp4,real\nb.mp4,maybe\n").unwrap_err().to_string();
        assert!(message.contains("line 3") && message.contains("real or fake"), "{message}");
        assert!(parse("path,label\n").unwrap_err().to_string().contains("lists no clips"));
        assert!(parse("path,label\n,real\n").unwrap_err().to_string().contains("empty"));
        assert!(read(Path::new("none.csv")).unwrap_err().to_string().contains("none.csv"));
    }
}
