//! What is kept of a recording that came in. In: its bytes, uploaded or fetched. Out: a file of the store's folder that is
//! whole or not there, and is no list that leads elsewhere; refusals of what cannot be kept.

use std::os::unix::fs::FileExt;
use std::path::Path;

use tempfile::NamedTempFile;

use super::app::App;
use super::problem::Problem;
use crate::error::ErrorKind;
use crate::media::playlist::{self, playlist};
use crate::report::as_usual;
use crate::store::UPLOADS;

/// A file to be filled, which disappears unless it is kept.
pub fn part(app: &App) -> Result<NamedTempFile, Problem> {
    let made = tempfile::Builder::new().prefix(".part-").permissions(as_usual()).tempfile_in(app.dir.join(UPLOADS));
    made.map_err(|e| disk(&e))
}

/// Refuses what only leads to recordings; gives it its name, so that both outlive a power cut.
pub fn last(kept: NamedTempFile, path: &Path) -> Result<(), Problem> {
    let mut head = vec![0; playlist::HEAD];
    let read = kept.as_file().read_at(&mut head, 0).map_err(|e| disk(&e))?;
    if let Some(kind) = playlist(head.get(..read).unwrap_or_default()) {
        let detail = format!("the file is {kind}, which leads elsewhere: send the recording itself");
        return Err(Problem::of(ErrorKind::Input, detail));
    }
    let done = || {
        kept.as_file().sync_all()?;
        kept.persist(path).map_err(|e| e.error)?;
        let dir = path.parent().unwrap_or(Path::new("."));
        std::fs::File::open(dir)?.sync_all()
    };
    done().map_err(|e| disk(&e))
}

/// It cannot be written; the service's log says why.
pub fn disk(error: &std::io::Error) -> Problem {
    tracing::error!(%error, "cannot keep an upload");
    Problem::of(ErrorKind::Environment, "the upload cannot be kept: the service's disk may be full")
}

/// It is larger than recordings may be.
pub fn too_large(app: &App) -> Problem {
    let limit = app.config.limits.max_bytes;
    Problem::of(ErrorKind::Limit, format!("the recording is larger than {limit} bytes (limits.max_bytes)"))
}

/// Removes an upload that became no call.
pub fn discard(app: &App, target: &str) {
    if target.starts_with(UPLOADS) {
        // The next start removes one that stays.
        let _ = std::fs::remove_file(app.dir.join(target));
    }
}
