//! Result files. In: bytes, a path. Out: a file that is whole under its name or not there.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::ReportError;

/// A new file in place of what has this name; a link is replaced, not followed.
pub(crate) fn new_file(path: &Path) -> std::io::Result<File> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
        _ => File::create_new(path),
    }
}

/// Writes a file that is whole or not there, also after a power cut.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), ReportError> {
    let dir = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || {
        let mut file = tempfile::Builder::new().prefix(".unmask-").permissions(as_usual()).tempfile_in(dir)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    };
    write().map_err(|e| failed(path, e))
}

/// Readable as the user's umask has it, not by the owner alone as temporary files are.
pub(crate) fn as_usual() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}

/// In words that name the file.
pub(crate) fn failed(path: &Path, source: std::io::Error) -> ReportError {
    ReportError::Write { name: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_replaced_and_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (other, part) = (dir.path().join("other"), dir.path().join("a.jsonl.part"));
        std::fs::write(&other, "untouched").unwrap();
        std::os::unix::fs::symlink(&other, &part).unwrap();
        new_file(&part).unwrap().write_all(b"x").unwrap();
        assert_eq!(
            (std::fs::read(&other).unwrap(), std::fs::read(&part).unwrap()),
            (b"untouched".to_vec(), b"x".to_vec())
        );
    }

    #[test]
    fn a_file_is_whole_or_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.csv");
        write_whole(&path, b"one").unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        let gone = write_whole(&dir.path().join("no/x"), b"x").unwrap_err().to_string();
        assert!(gone.contains("no/x"), "{gone}");
    }
}
