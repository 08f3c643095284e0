//! The page of linked calls. In: what was found, the prints behind it. Out: one self-contained HTML file with the faces
//! side by side. A link is a question: people who look alike, relatives, and people of whom the network saw few in its
//! training are linked wrongly more often.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};

use super::html::parts::count;
use super::html::shell::{Shell, page};
use crate::link::{Group, LinkConfig, Links, Mismatch, Print};

/// Renders the page.
pub fn links_html(links: &Links, prints: &[Print], config: &LinkConfig) -> Vec<u8> {
    let body = html! {
        header.masthead {
            p.brand { b { "unmask" } " faces across calls" }
            h1 { (count(links.groups.len(), "group")) " of calls that may show one person" }
            p.facts { (count(prints.len(), "call")) " compared, with the consent that is kept beside each face print" }
        }
        main #main {
            p.scope {
                "A likeness is a question, not an answer: relatives and people who look alike are put together, too, and "
                "wrongly so more often where the network saw few people like them in its training. Ask; compare yourself."
            }
            section {
                h2 { "One face, several names" }
                @if links.groups.is_empty() { p { "None." } }
                @for group in &links.groups { (group_of(group, prints)) }
            }
            section {
                h2 { "One name, several faces" }
                @if links.mismatches.is_empty() { p { "None." } }
                @for mismatch in &links.mismatches { (mismatch_of(mismatch, prints)) }
            }
            section {
                h2 { "Not compared" }
                p { (left_out(&links.not_compared)) }
                p.facts {
                    "One person: distances up to " (config.same_at) ". Different people: from " (config.different_at)
                    " on. What lies between says nothing. A call needs " (config.min_views) " clear views of its main face."
                }
            }
        }
    };
    let style = include_str!("links.css");
    page(&Shell { title: "faces across calls · unmask", style, script: "", data: None, body })
}

fn group_of(group: &Group, prints: &[Print]) -> Markup {
    html! {
        article.group {
            p { "Largest distance " b { (format!("{:.2}", group.farthest)) } }
            ul.faces { @for member in &group.calls { (face(&member.call, &member.candidate, prints)) } }
        }
    }
}

fn mismatch_of(mismatch: &Mismatch, prints: &[Print]) -> Markup {
    html! {
        article.group {
            p { b { (mismatch.candidate) } ": distance " b { (format!("{:.2}", mismatch.distance)) } }
            ul.faces { @for call in &mismatch.calls { (face(call, &mismatch.candidate, prints)) } }
        }
    }
}

fn face(call: &str, candidate: &str, prints: &[Print]) -> Markup {
    let print = prints.iter().find(|p| p.call == call);
    let portrait = print.map(|p| STANDARD.encode(&p.portrait)).filter(|p| !p.is_empty());
    html! {
        li {
            @if let Some(portrait) = portrait {
                img src=(format!("data:image/jpeg;base64,{portrait}")) alt=(format!("The face of {candidate} in {call}"))
                    width="150" height="150";
            } @else { span.blank { "no picture" } }
            b { (candidate) }
            @if candidate != call { span { (call) } }
            @if let Some(print) = print { span.facts { (count(print.views as usize, "clear view")) } }
        }
    }
}

fn left_out(calls: &[String]) -> String {
    if calls.is_empty() { "Every call was.".into() } else { calls.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::link;

    #[test]
    fn faces_stand_side_by_side_and_names_are_text() {
        let print = |call: &str, candidate: &str| Print {
            call: call.into(),
            candidate: candidate.into(),
            views: 9,
            embedding: vec![0.0; 4],
            portrait: b"jpeg".to_vec(),
        };
        let prints = [print("a", "<Ada>"), print("b", "Bob")];
        let links = link(&prints, &LinkConfig::default());
        let text = String::from_utf8(links_html(&links, &prints, &LinkConfig::default())).unwrap();
        assert!(text.contains("&lt;Ada&gt;") && !text.contains("<Ada>"), "names are escaped");
        assert_eq!(text.matches("data:image/jpeg;base64,anBlZw==").count(), 2);
        assert!(text.contains("1 group"));
    }
}
