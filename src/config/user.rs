//! The user's own folder. In: the environment. Out: where keys lie, and the keys: made on first use, whole or not there,
//! their owner's alone.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// No key is longer.
const MAX_BYTES: u64 = 4 << 10;

/// `unmask/<name>` in `XDG_CONFIG_HOME`, or in `.config` at home; `None` when neither is known.
pub fn user_file(name: &str) -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = set("XDG_CONFIG_HOME").filter(|dir| dir.is_absolute());
    let folder = config.or_else(|| set("HOME").map(|home| home.join(".config")))?;
    Some(folder.join("unmask").join(name))
}

/// Reads a secret, or keeps the one that `new` makes when the file is not there. A file that others can read is
/// refused. Errors are reasons with their remedy.
pub fn secret(path: &Path, new: impl FnOnce() -> Result<Vec<u8>, String>) -> Result<Vec<u8>, String> {
    match File::open(path) {
        Ok(file) => read(file),
        Err(e) if e.kind() == ErrorKind::NotFound => keep(path, &new()?),
        Err(e) => Err(unreadable(&e)),
    }
}

/// 32 random bytes, for a new secret.
pub fn seed() -> Result<[u8; 32], String> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|e| format!("no random numbers ({e})"))?;
    Ok(seed)
}

fn unreadable(e: &std::io::Error) -> String {
    format!("cannot be read ({e}): check its permissions")
}

fn read(file: File) -> Result<Vec<u8>, String> {
    owner_only(&file)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(|e| unreadable(&e))?;
    Ok(bytes)
}

/// Temporary files are made with mode 0600, and a key that was made meanwhile is never replaced.
fn keep(path: &Path, secret: &[u8]) -> Result<Vec<u8>, String> {
    let failed = |e: std::io::Error| format!("cannot be made ({e}): name another file");
    let dir = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir).map_err(failed)?;
    let mut file = tempfile::Builder::new().prefix(".unmask-").tempfile_in(dir).map_err(failed)?;
    file.write_all(secret).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(secret.to_vec()),
        Err(e) if e.error.kind() == ErrorKind::AlreadyExists => File::open(path).map_err(failed).and_then(read),
        Err(e) => Err(failed(e.error)),
    }
}

#[cfg(unix)]
fn owner_only(file: &File) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata().map_or(0, |meta| meta.permissions().mode());
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(format!("can be read by others (mode {:o}): chmod 600 it, or have a new one made", mode & 0o777))
}

#[cfg(not(unix))]
fn owner_only(_: &File) -> Result<(), String> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_who_ask_at_once_get_one_secret() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/key");
        let secrets: Vec<Vec<u8>> = std::thread::scope(|scope| {
            let ask = |n: u8| {
                scope.spawn({
                    let path = &path;
                    move || secret(path, || Ok(vec![n; 32])).unwrap()
                })
            };
            let threads: Vec<_> = (0..8).map(ask).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert!(secrets.iter().all(|s| *s == secrets[0] && s.len() == 32));
    }
}
