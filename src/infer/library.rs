//! Finding things. In: options and environment. Out: paths, in an order that is documented and never surprises.
//!
//! ONNX Runtime is taken from the first of: `--ort-lib` (or `runtime.ort_lib`) · `ORT_DYLIB_PATH` ·
//! `libonnxruntime.so` beside the program · `../lib/` from there · `.runtime/ort/` in a folder above the program
//! or above the working directory · the system's loader path.

use std::path::{Path, PathBuf};

use super::InferError;

const LIBRARY: &str = "libonnxruntime.so";

/// Folders of the system's loader path, where a package would put it.
const SYSTEM: [&str; 4] = ["/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"];

/// The places where ONNX Runtime is looked for, first to last.
pub fn candidates(named: Option<&Path>) -> Vec<PathBuf> {
    if let Some(named) = named {
        return vec![named.to_owned()];
    }
    if let Some(path) = std::env::var_os("ORT_DYLIB_PATH").filter(|p| !p.is_empty()) {
        return vec![PathBuf::from(path)];
    }
    let mut places = Vec::new();
    if let Some(dir) = std::env::current_exe().ok().as_deref().and_then(Path::parent) {
        places.push(dir.join(LIBRARY));
        places.push(dir.join("../lib").join(LIBRARY));
    }
    places.extend(homes().into_iter().map(|home| home.join(".runtime/ort").join(LIBRARY)));
    places.extend(SYSTEM.iter().map(|dir| Path::new(dir).join(LIBRARY)));
    places
}

/// The library that will be loaded.
pub fn find(named: Option<&Path>) -> Result<PathBuf, InferError> {
    let looked = candidates(named);
    match looked.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.clone()),
        None => Err(InferError::LibraryMissing { looked: shorten(looked) }),
    }
}

/// Folders that hold `.runtime` or `models`, above the program first, then above the working directory.
pub fn homes() -> Vec<PathBuf> {
    let exe = std::env::current_exe().ok();
    let cwd = std::env::current_dir().ok();
    let mut out: Vec<PathBuf> = Vec::new();
    for start in exe.as_deref().and_then(Path::parent).into_iter().chain(cwd.as_deref()) {
        for dir in start.ancestors() {
            let is_home = dir.join(".runtime").is_dir() || dir.join("models/README.md").is_file();
            if is_home && !out.iter().any(|known| known == dir) {
                out.push(dir.to_owned());
            }
        }
    }
    out
}

/// For messages: the system folders as one.
fn shorten(looked: Vec<PathBuf>) -> Vec<PathBuf> {
    let own = looked.iter().filter(|p| !SYSTEM.iter().any(|dir| p.starts_with(dir)));
    own.cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_library_is_the_only_candidate() {
        assert_eq!(candidates(Some(Path::new("/x/y.so"))), [PathBuf::from("/x/y.so")]);
        let error = find(Some(Path::new("/nope/y.so"))).unwrap_err().to_string();
        assert!(error.contains("/nope/y.so") && error.contains("scripts/setup"), "{error}");
    }
}
