//! The house rules that a test can decide: sizes of files and functions, rooms of dependencies, panics, channels.

use std::path::{Path, PathBuf};

const MAX_FILE_LINES: usize = 400;
const MAX_FUNCTION_LINES: usize = 60;

struct SourceFile {
    /// Path below the root, with `/`.
    path: String,
    /// Lines before the unit tests.
    code: Vec<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn collect(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

fn sources() -> Vec<SourceFile> {
    let mut paths = Vec::new();
    collect(&root().join("src"), &mut paths);
    paths.sort();
    assert!(paths.len() > 40, "the walk finds the sources");
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        let code = text.lines().take_while(|l| l.trim() != "#[cfg(test)]").map(str::to_owned).collect();
        SourceFile { path: path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/"), code }
    };
    paths.iter().map(read).collect()
}

/// Lines of code without comments, with their numbers.
fn statements(file: &SourceFile) -> impl Iterator<Item = (usize, &str)> {
    let numbered = file.code.iter().enumerate().map(|(i, l)| (i + 1, l.as_str()));
    numbered.filter(|(_, l)| !l.trim_start().starts_with("//"))
}

fn refuse(found: Vec<String>, rule: &str) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

#[test]
fn files_are_small_and_say_what_they_do() {
    let mut found = Vec::new();
    for file in sources() {
        if file.code.len() > MAX_FILE_LINES {
            found.push(format!("{}: {} lines", file.path, file.code.len()));
        }
        if !file.code.first().is_some_and(|l| l.starts_with("//! ")) {
            found.push(format!("{}: does not open with //!", file.path));
        }
    }
    refuse(found, "at most 400 lines a file, each opens with //!");
}

#[test]
fn functions_are_short() {
    let mut found = Vec::new();
    for file in sources() {
        let mut open: Option<(usize, usize)> = None;
        for (i, line) in file.code.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let declares = line.trim_start().split("fn ").count() > 1
                && ["fn ", "pub fn ", "pub(super) fn ", "pub(crate) fn "]
                    .iter()
                    .any(|p| line.trim_start().starts_with(p));
            if declares {
                open = Some((i, indent));
            }
            if let Some((start, depth)) = open
                && line.trim_end() == format!("{}}}", " ".repeat(depth))
            {
                if i - start + 1 > MAX_FUNCTION_LINES {
                    found.push(format!("{}:{}: {} lines", file.path, start + 1, i - start + 1));
                }
                open = None;
            }
        }
    }
    refuse(found, "at most 60 lines a function");
}

/// True when `word` stands in `code` with no letter before it.
fn names_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(i, _)| !code[..i].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[test]
fn each_dependency_stays_in_its_room() {
    let rooms: [(&[&str], &[&str]); 5] = [
        (&["ort::", "use ort"], &["src/infer/"]),
        (&["gstreamer", "glib::"], &["src/media/gst/"]),
        (&["rusqlite"], &["src/store/"]),
        (&["str0m"], &["src/webrtc/"]),
        (&["tokio", "axum"], &["src/service/", "src/main.rs"]),
    ];
    let mut found = Vec::new();
    for file in sources() {
        for (names, allowed) in rooms {
            if allowed.iter().any(|a| file.path.starts_with(a)) {
                continue;
            }
            for (number, line) in statements(&file) {
                let code = line.split("//").next().unwrap_or_default();
                let quoted = code.contains('"') || code.contains("runtime.") || code.contains("pub gstreamer");
                if names.iter().any(|n| names_word(code, n)) && !quoted && !code.contains("gstreamer:") {
                    found.push(format!("{}:{number}: {}", file.path, line.trim()));
                }
            }
        }
    }
    refuse(
        found,
        "ort only in infer, GStreamer only in media/gst, SQLite only in store, WebRTC only in webrtc, tokio and axum only in \
         service and main",
    );
}

#[test]
fn nothing_panics_on_purpose_and_nothing_is_unsafe() {
    let forbidden = [".unwrap()", "panic!(", "todo!(", "unimplemented!(", "unreachable!(", "unsafe "];
    let mut found = Vec::new();
    for file in sources() {
        for (number, line) in statements(&file) {
            let expects = line.contains(".expect(") && !line.contains(".expect(\"BUG: ");
            if expects || forbidden.iter().any(|f| line.contains(f)) {
                found.push(format!("{}:{number}: {}", file.path, line.trim()));
            }
        }
    }
    refuse(found, "no unwrap, expect, panic or unsafe outside tests");
}

#[test]
fn channels_are_bounded_and_threads_are_named() {
    let forbidden = ["unbounded(", "mpsc::channel(", "thread::spawn(", "scope.spawn("];
    let mut found = Vec::new();
    for file in sources() {
        for (number, line) in statements(&file) {
            if forbidden.iter().any(|f| line.contains(f)) {
                found.push(format!("{}:{number}: {}", file.path, line.trim()));
            }
        }
    }
    refuse(found, "bounded channels and named threads only");
}

#[test]
fn the_top_level_holds_nothing_unexpected() {
    let allowed = [
        "Cargo.toml",
        "Cargo.lock",
        "src",
        "models",
        "tests",
        "benches",
        "scripts",
        "README.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "target",
        "demo",
    ];
    let entries = std::fs::read_dir(root()).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned());
    let found: Vec<String> = entries.filter(|n| !n.starts_with('.') && !allowed.contains(&n.as_str())).collect();
    refuse(found, "nothing else at the top level");
}

#[test]
fn the_scripts_count_by_the_programs_threshold() {
    let path = root().join("scripts/eval/thresholds.py");
    let signs_at = unmask::Config::default().verdict.face.signs_at;
    let line = format!("SIGNS_AT = {signs_at}");
    assert!(std::fs::read_to_string(path).unwrap().lines().any(|l| l == line), "{line}");
}
