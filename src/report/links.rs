//! The page of linked calls. In: what was found, the prints behind it. Out: one self-contained HTML file with the faces
//! side by side. A link is a question: people who look or sound alike, relatives, and people of whom the networks saw few
//! in their training are linked wrongly more often.

use maud::{Markup, html};

use super::html::parts::count;
use super::html::shell::{Shell, page};
use crate::link::{Found, Group, Limits, LinkConfig, Links, Mismatch, Print};

/// What is compared: the words of a section, and what a print has of it.
struct Sense {
    name: &'static str,
    plural: &'static str,
    needs: &'static str,
    note: &'static str,
}

const FACE: Sense = Sense { name: "face", plural: "faces", needs: "clear view", note: "" };
const VOICE: Sense = Sense {
    name: "voice",
    plural: "voices",
    needs: "speech window",
    note: "A call's voice is the one heard most in it. Where the candidate says little that is the interviewer's, and these \
           are the interviewer's calls: listen.",
};

/// Renders the page.
pub fn links_html(links: &Links, prints: &[Print], config: &LinkConfig) -> Vec<u8> {
    let groups = links.face.groups.len() + links.voice.groups.len();
    let body = html! {
        header.masthead {
            p.brand { b { "unmask" } " faces and voices across calls" }
            h1 { (count(groups, "group")) " of calls that may have one person" }
            p.facts { (count(prints.len(), "call")) " compared, with the consent that is kept beside each print" }
        }
        main #main {
            p.scope {
                "A likeness is a question, not an answer: relatives and people who look or sound alike are put together, "
                "too, and wrongly so more often where the networks saw few people like them in their training. Ask; "
                "compare yourself."
            }
            (findings(&FACE, &links.face, prints, config.face()))
            (findings(&VOICE, &links.voice, prints, config.voice()))
        }
    };
    let style = include_str!("links.css");
    page(&Shell { title: "faces and voices across calls · unmask", style, policy: "", script: "", data: None, body })
}

fn findings(sense: &Sense, found: &Found, prints: &[Print], limits: Limits) -> Markup {
    html! {
        section {
            h2 { "One " (sense.name) ", several names" }
            @if !sense.note.is_empty() { p { (sense.note) } }
            @if found.groups.is_empty() { p { "None." } }
            @for group in &found.groups { (group_of(group, prints)) }
        }
        section {
            h2 { "One name, several " (sense.plural) }
            @if found.mismatches.is_empty() { p { "None." } }
            @for mismatch in &found.mismatches { (mismatch_of(mismatch, prints)) }
        }
        section {
            h2 { "Calls whose " (sense.plural) " were not compared" }
            p { (left_out(&found.not_compared)) }
            p.facts {
                "One person: distances up to " (limits.same_at) ". Different people: from " (limits.different_at)
                " on. What lies between says nothing. A call needs " (count(limits.needs as usize, sense.needs)) "."
            }
        }
    }
}

fn group_of(group: &Group, prints: &[Print]) -> Markup {
    html! {
        article.group {
            p { "Largest distance " b { (format!("{:.2}", group.farthest)) } }
            ul.faces { @for member in &group.calls { (person(&member.call, &member.candidate, prints)) } }
        }
    }
}

fn mismatch_of(mismatch: &Mismatch, prints: &[Print]) -> Markup {
    html! {
        article.group {
            p { b { (mismatch.candidate) } ": distance " b { (format!("{:.2}", mismatch.distance)) } }
            ul.faces { @for call in &mismatch.calls { (person(call, &mismatch.candidate, prints)) } }
        }
    }
}

/// A call's face, and what both of its prints rest on.
fn person(call: &str, candidate: &str, prints: &[Print]) -> Markup {
    let print = prints.iter().find(|p| p.call == call);
    let (face, voice) = (print.and_then(|p| p.face.as_ref()), print.and_then(|p| p.voice.as_ref()));
    html! {
        li {
            @if let Some(face) = face.filter(|f| !f.portrait.is_empty()) {
                img src=(format!("data:image/jpeg;base64,{}", face.portrait))
                    alt=(format!("The face of {candidate} in {call}")) width="150" height="150";
            } @else { span.blank { "no picture" } }
            b { (candidate) }
            @if candidate != call { span { (call) } }
            @if let Some(face) = face { span.facts { (count(face.views as usize, FACE.needs)) } }
            @if let Some(voice) = voice { span.facts { (count(voice.windows as usize, VOICE.needs)) } }
        }
    }
}

fn left_out(calls: &[String]) -> String {
    if calls.is_empty() { "None.".into() } else { calls.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::{FacePrint, VoicePrint, link};

    #[test]
    fn people_stand_side_by_side_and_names_are_text() {
        let print = |call: &str, candidate: &str| Print {
            call: call.into(),
            candidate: candidate.into(),
            face: Some(FacePrint { views: 9, embedding: vec![0.0; 4], portrait: "anBlZw==".into() }),
            voice: Some(VoicePrint { windows: 20, embedding: vec![1.0; 4] }),
        };
        let prints = [print("a", "<Ada>"), print("b", "Bob")];
        let links = link(&prints, &LinkConfig::default());
        let text = String::from_utf8(links_html(&links, &prints, &LinkConfig::default())).unwrap();
        assert!(text.contains("&lt;Ada&gt;") && !text.contains("<Ada>"), "names are escaped");
        assert_eq!(text.matches("data:image/jpeg;base64,anBlZw==").count(), 4, "by face and by voice");
        assert!(text.contains("2 groups") && text.contains("20 speech windows"));
    }
}
