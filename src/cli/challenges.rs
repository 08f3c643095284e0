//! `unmask challenges`. In: nothing. Out: what an interviewer can ask for, why, and what to look for.

use std::process::ExitCode;

use clap::Args;
use unmask::cues::asked::{AFTER, BEFORE, CHALLENGES};

use super::print_line;

#[derive(Args)]
pub struct ChallengesArgs {
    /// Print JSON instead of a page
    #[arg(long)]
    json: bool,
}

/// The page, or the same as JSON.
pub fn run(args: &ChallengesArgs) -> anyhow::Result<ExitCode> {
    let text = if args.json {
        let page = serde_json::json!({ "before": BEFORE, "challenges": CHALLENGES, "after": AFTER });
        serde_json::to_string_pretty(&page)?
    } else {
        page()
    };
    print_line(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn page() -> String {
    let mut lines = vec!["What to ask a candidate for, and what to look for".to_owned(), String::new()];
    lines.extend(wrapped(BEFORE, ""));
    for (i, challenge) in CHALLENGES.iter().enumerate() {
        lines.push(String::new());
        let quoted = format!("{}. \"{}\"", i + 1, challenge.say);
        lines.extend(wrapped(&quoted, "   ").into_iter().enumerate().map(|(n, line)| {
            // The number stands out.
            if n == 0 { line.trim_start().to_owned() } else { line }
        }));
        lines.extend(wrapped(&format!("Why: {}", challenge.why), "   "));
        lines.extend(wrapped(&format!("Look for: {}", challenge.look_for), "   "));
    }
    lines.push(String::new());
    lines.extend(wrapped(AFTER, ""));
    lines.join("\n")
}

/// Lines of at most 96 characters.
fn wrapped(text: &str, indent: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= 96 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("{indent}{word}")),
        }
    }
    lines
}
