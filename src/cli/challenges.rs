//! `unmask challenges`. In: nothing. Out: what an interviewer can ask for, why, and what to look for.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::print_line;

#[derive(Args)]
pub struct ChallengesArgs {
    /// Print JSON instead of a page
    #[arg(long)]
    json: bool,
}

/// One thing to ask for.
#[derive(Serialize)]
struct Challenge {
    /// Short name.
    id: &'static str,
    /// What to say.
    say: &'static str,
    /// Why a mask has trouble with it.
    why: &'static str,
    /// What to look for.
    look_for: &'static str,
    /// Events that `unmask scan` writes for it.
    events: &'static [&'static str],
}

const BEFORE: &str = "Ask everyone the same, at the start, and say why: \"We ask every candidate for a few movements, \
because faces and voices can be masked.\" Offer another one where somebody cannot or would rather not. Leave two calm \
seconds before and after each. No single slip proves anything: a weak camera or connection blurs and stutters, too.";

const CHALLENGES: [Challenge; 7] = [
    Challenge {
        id: "hand",
        say: "Please move your open hand slowly across your face, from one ear to the other, close to the skin.",
        why: "A mask is drawn over the picture; fingers before the face are hard to keep apart from it.",
        look_for: "Fingers that turn blurred, lose their edge or vanish; face skin on top of the hand; another face between the fingers.",
        events: &["face_covered", "identity_jump", "challenge_broken"],
    },
    Challenge {
        id: "turn",
        say: "Please turn your head fully to the left until I see your ear, stay for two seconds, then to the right.",
        why: "Most masks were made from faces seen from the front; from the side they lose their hold.",
        look_for: "The far cheek, the nose or the jaw line jumping or melting; a mask edge before the ear; glasses that bend.",
        events: &["profile_turn", "identity_jump", "challenge_broken"],
    },
    Challenge {
        id: "stand-up",
        say: "Please stand up, take a step back, and sit down again.",
        why: "The face becomes small and moves fast; a mask that is computed for each frame comes late or lets go.",
        look_for: "A face that trails behind the head, floats for a moment, or is another one for a frame or two.",
        events: &["fast_motion", "identity_jump", "challenge_broken"],
    },
    Challenge {
        id: "shake",
        say: "Please shake your head quickly, three or four times.",
        why: "Fast motion blurs a true face as much as the hair around it; a mask stays sharp, or lags.",
        look_for: "A face sharper than the hair; eyes and mouth that arrive later than the head.",
        events: &["fast_motion", "challenge_broken"],
    },
    Challenge {
        id: "lamp",
        say: "Please switch a lamp beside your screen off and on again, or hold a bright phone beside your face.",
        why: "Skin takes new light at once, and from one side; a mask takes it late, evenly, or not at all.",
        look_for: "Light on neck and wall but not on the face; shadows on the wrong side; light that comes late.",
        events: &["light_change", "light_lag", "challenge_broken"],
    },
    Challenge {
        id: "pencil",
        say: "Please hold a pencil upright before your mouth and count aloud from one to five.",
        why: "A mask draws the mouth anew in every frame; a thin thing before it breaks the drawing.",
        look_for: "A pencil that bends, breaks or fades; lips that show before it; lips that do not fit the words.",
        events: &["face_covered", "challenge_broken"],
    },
    Challenge {
        id: "cheek",
        say: "Please press a finger into your cheek and puff up the other one.",
        why: "Skin gives way and throws a shadow; a drawn face does not know of the finger.",
        look_for: "A cheek that stays flat; a fingertip that sinks behind the skin.",
        events: &["face_covered", "challenge_broken"],
    },
];

const AFTER: &str = "Then run `unmask scan` on the recording. For each moment it writes an event with the face score \
before, during and after; `challenge_broken` and `identity_jump` are signs, the others only say where to look. Watch \
those seconds yourself before you conclude anything. Finding no signs does not show that a person is who they say \
they are.";

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
