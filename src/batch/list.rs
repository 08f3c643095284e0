//! What is to be scanned. In: files, addresses, folders, lists, as they were given. Out: recordings in a stable order,
//! each once.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::BatchError;
use crate::error::Error;
use crate::infer::hex;
use crate::media::{Input, redact_uri};

/// Endings of the recordings that are looked for in folders.
const MEDIA: [&str; 25] = [
    "mp4", "m4v", "mov", "mkv", "webm", "ts", "mts", "m2ts", "mpg", "mpeg", "avi", "flv", "3gp", "wmv", "gif", "wav",
    "m4a", "mka", "flac", "ogg", "oga", "opus", "mp3", "aac", "wma",
];

/// Endings of lists.
const LISTS: [&str; 2] = ["txt", "lst"];

/// A recording that was named, found in a folder, or listed.
#[derive(Debug)]
pub struct Listed {
    /// As it was given.
    pub text: String,
    /// What it is, or why it cannot be one.
    pub input: Result<Input, Error>,
    /// The candidate's name, where a list gives one behind a tab.
    pub candidate: Option<String>,
}

impl Listed {
    /// One recording.
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), input: Input::parse(text).map_err(Error::from), candidate: None }
    }

    /// For messages; no credentials.
    pub fn shown(&self) -> String {
        self.input.as_ref().map_or_else(|_| redact_uri(&self.text), Input::shown)
    }

    /// The same for the same recording, whatever the working directory is: a hash of the absolute path or of the whole
    /// address, hex.
    pub fn source_id(&self) -> String {
        let text = match &self.input {
            Ok(Input::File(path)) => {
                let absolute = std::fs::canonicalize(path).or_else(|_| std::path::absolute(path));
                format!("file:{}", absolute.unwrap_or_else(|_| path.clone()).display())
            }
            _ => self.text.clone(),
        };
        hex(&Sha256::digest(text.as_bytes()))
    }
}

/// The recordings of all inputs; results in `out` are none. An input that cannot be looked into is among them, with
/// its error.
pub fn expand(inputs: &[String], out: &Path) -> Vec<Listed> {
    let mut listed = Vec::new();
    inputs.iter().for_each(|text| add(text, out, true, &mut listed));
    let mut seen = HashSet::new();
    listed.retain(|one| seen.insert(one.source_id()));
    listed
}

/// Adds what `text` names; what cannot be looked into is added with its error and does not stop the rest.
fn add(text: &str, out: &Path, lists: bool, to: &mut Vec<Listed>) {
    let one = Listed::new(text);
    let failed = |error: BatchError, text: String| Listed { text, input: Err(error.into()), candidate: None };
    match &one.input {
        Ok(Input::File(path)) if path.is_dir() => {
            let out = std::fs::canonicalize(out).unwrap_or_else(|_| out.to_owned());
            let (mut found, before) = (Vec::new(), to.len());
            if std::fs::canonicalize(path).is_ok_and(|path| path == out) {
                return to.push(failed(BatchError::OutIsInput { path: path.clone() }, text.to_owned()));
            }
            walk(path, &out, &mut found, &mut |path, source| {
                let text = path.to_string_lossy().into_owned();
                to.push(failed(BatchError::Unreadable { path, source }, text));
            });
            if found.is_empty() && to.len() == before {
                let empty = BatchError::Empty { path: path.clone(), endings: "mp4, mkv, webm, wav, …" };
                to.push(failed(empty, text.to_owned()));
            }
            found.sort();
            to.extend(found.iter().map(|path| Listed::new(&path.to_string_lossy())));
        }
        Ok(Input::File(path)) if lists && has_ending(path, &LISTS) => match std::fs::read(path) {
            Ok(bytes) => lines(&String::from_utf8_lossy(&bytes)).for_each(|line| {
                let (line, candidate) = line.split_once('\t').map_or((line, None), |(l, c)| (l.trim(), Some(c.trim())));
                let from = to.len();
                add(&relative(line, path), out, false, to);
                to[from..].iter_mut().for_each(|one| one.candidate = candidate.map(str::to_owned));
            }),
            Err(source) => to.push(failed(BatchError::Unreadable { path: path.clone(), source }, text.to_owned())),
        },
        _ => to.push(one),
    }
}

/// Lines that say something.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// A path of a list is relative to the list.
fn relative(line: &str, list: &Path) -> String {
    match list.parent() {
        Some(dir) if !line.contains("://") && line != "-" => dir.join(line).to_string_lossy().into_owned(),
        _ => line.to_owned(),
    }
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    ending.is_some_and(|e| endings.contains(&e.as_str()))
}

/// Collects recordings below `dir`, but not in `out`; follows no links to folders. A folder that cannot be read is
/// said to be so.
fn walk(dir: &Path, out: &Path, found: &mut Vec<PathBuf>, unreadable: &mut dyn FnMut(PathBuf, std::io::Error)) {
    if std::fs::canonicalize(dir).is_ok_and(|dir| dir == out) {
        return;
    }
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(source) => return unreadable(dir.to_owned(), source),
    };
    for entry in entries {
        let (path, kind) = match entry.and_then(|entry| Ok((entry.path(), entry.file_type()?))) {
            Ok(seen) => seen,
            Err(source) => return unreadable(dir.to_owned(), source),
        };
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
            continue;
        }
        if kind.is_dir() {
            walk(&path, out, found, unreadable);
        } else if has_ending(&path, &MEDIA) && !path.is_dir() {
            found.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(inputs: &[&Path], out: &Path) -> Vec<String> {
        let inputs: Vec<String> = inputs.iter().map(|p| p.to_str().unwrap().to_owned()).collect();
        let base = inputs[0].clone();
        expand(&inputs, out).into_iter().map(|l| l.text.replace(&base, "")).collect()
    }

    #[test]
    fn folders_and_lists_give_each_recording_once_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        std::fs::create_dir_all(root.join("sub/.git")).unwrap();
        std::fs::create_dir_all(root.join("out")).unwrap();
        for file in ["b.MP4", "a.wav", ".hidden.mp4", "notes.md", "sub/c.mkv", "sub/.git/d.mp4", "out/overlay.mp4"] {
            std::fs::write(root.join(file), "x").unwrap();
        }
        let list = root.join("calls.txt");
        std::fs::write(&list, "\u{feff}# calls\r\nsub/c.mkv\r\n\r\nhttps://h/x.mp4?t=1\nhttps://h/x.mp4?t=2\n")
            .unwrap();
        let found = texts(&[root, &list], &root.join("out"));
        assert_eq!(found, ["/a.wav", "/b.MP4", "/sub/c.mkv", "https://h/x.mp4?t=1", "https://h/x.mp4?t=2"]);
        let empty = expand(&[root.join("sub/.git/d.mp4").display().to_string(), "ftpx://a".into()], root);
        assert!(empty[0].input.is_ok() && empty[1].input.is_err());
        let none = expand(&[root.join("out").display().to_string()], &root.join("out"));
        assert!(none[0].input.as_ref().unwrap_err().to_string().contains("is --out"));
    }

    #[test]
    fn what_cannot_be_looked_into_does_not_stop_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("empty")).unwrap();
        std::fs::write(dir.path().join("calls.txt"), "a.mp4\nempty\tAda\nb.mp4\n").unwrap();
        let found = expand(&[dir.path().join("calls.txt").display().to_string()], &dir.path().join("out"));
        let errors: Vec<bool> = found.iter().map(|one| one.input.is_err()).collect();
        assert_eq!(errors, [false, true, false]);
        assert!(found[1].input.as_ref().unwrap_err().to_string().contains("no recordings inside"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_list(text in "\\PC{0,200}|[#\r\n a/:-]{0,40}") {
            for line in lines(&text) {
                prop_assert!(!line.is_empty() && !line.starts_with('#') && line.trim() == line);
                prop_assert!(!relative(line, Path::new("in/list.txt")).is_empty());
            }
        }
    }
}
