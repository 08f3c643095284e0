//! What an interviewer can ask for. In: nothing. Out: the words that bring challenge moments about, why, and what to look
//! for.

use serde::Serialize;

/// One thing to ask for.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Asked {
    /// Short name.
    pub id: &'static str,
    /// What to say.
    pub say: &'static str,
    /// Why a mask has trouble with it.
    pub why: &'static str,
    /// What to look for.
    pub look_for: &'static str,
    /// Events that `unmask scan` writes for it.
    pub events: &'static [&'static str],
}

/// What to know before.
pub const BEFORE: &str = "Ask everyone the same, at the start, and say why: \"We ask every candidate for a few movements, \
because faces and voices can be masked.\" Offer another one where somebody cannot or would rather not. Leave two calm \
seconds before and after each. No single slip proves anything: a weak camera or connection blurs and stutters, too.";

/// All of them, in the order to ask in.
pub const CHALLENGES: [Asked; 7] = [
    Asked {
        id: "hand",
        say: "Please move your open hand slowly across your face, from one ear to the other, close to the skin.",
        why: "A mask is drawn over the picture; fingers before the face are hard to keep apart from it.",
        look_for: "Fingers that turn blurred, lose their edge or vanish; face skin on top of the hand; another face between the fingers.",
        events: &["face_covered", "identity_jump", "challenge_broken"],
    },
    Asked {
        id: "turn",
        say: "Please turn your head fully to the left until I see your ear, stay for two seconds, then to the right.",
        why: "Most masks were made from faces seen from the front; from the side they lose their hold.",
        look_for: "The far cheek, the nose or the jaw line jumping or melting; a mask edge before the ear; glasses that bend.",
        events: &["profile_turn", "identity_jump", "challenge_broken"],
    },
    Asked {
        id: "stand-up",
        say: "Please stand up, take a step back, and sit down again.",
        why: "The face becomes small and moves fast; a mask that is computed for each frame comes late or lets go.",
        look_for: "A face that trails behind the head, floats for a moment, or is another one for a frame or two.",
        events: &["fast_motion", "identity_jump", "challenge_broken"],
    },
    Asked {
        id: "shake",
        say: "Please shake your head quickly, three or four times.",
        why: "Fast motion blurs a true face as much as the hair around it; a mask stays sharp, or lags.",
        look_for: "A face sharper than the hair; eyes and mouth that arrive later than the head.",
        events: &["fast_motion", "challenge_broken"],
    },
    Asked {
        id: "lamp",
        say: "Please switch a lamp beside your screen off and on again, or hold a bright phone beside your face.",
        why: "Skin takes new light at once, and from one side; a mask takes it late, evenly, or not at all.",
        look_for: "Light on neck and wall but not on the face; shadows on the wrong side; light that comes late.",
        events: &["light_change", "light_lag", "challenge_broken"],
    },
    Asked {
        id: "pencil",
        say: "Please hold a pencil upright before your mouth and count aloud from one to five.",
        why: "A mask draws the mouth anew in every frame; a thin thing before it breaks the drawing.",
        look_for: "A pencil that bends, breaks or fades; lips that show before it; lips that do not fit the words.",
        events: &["face_covered", "challenge_broken"],
    },
    Asked {
        id: "cheek",
        say: "Please press a finger into your cheek and puff up the other one.",
        why: "Skin gives way and throws a shadow; a drawn face does not know of the finger.",
        look_for: "A cheek that stays flat; a fingertip that sinks behind the skin.",
        events: &["face_covered", "challenge_broken"],
    },
];

/// What to do then.
pub const AFTER: &str = "Then run `unmask scan` on the recording. For each moment it writes an event with the face score \
before, during and after; `challenge_broken` and `identity_jump` are signs, the others only say where to look. Watch \
those seconds yourself before you conclude anything. Finding no signs does not show that a person is who they say \
they are.";
