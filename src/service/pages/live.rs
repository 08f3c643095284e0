//! The page of a live interview. In: thresholds. Out: one self-contained HTML file that publishes a camera or a screen to
//! the service it comes from, draws what that says over the picture, and reads out what to ask for.

use maud::{Markup, html};

use crate::config::VerdictConfig;
use crate::cues::asked::{AFTER, BEFORE, CHALLENGES};
use crate::report::outcome_words;
use crate::report::shell::{Shell, page};
use crate::types::record::{Outcome, SCOPE};

/// The page.
pub fn live_page(verdict: &VerdictConfig) -> Vec<u8> {
    let outcomes = [Outcome::SignsFound, Outcome::NoSignsFound, Outcome::Inconclusive, Outcome::NotAssessed];
    let words = outcomes.map(|outcome| (outcome.name(), outcome_words(outcome)));
    let data = serde_json::json!({ "alarm_at": verdict.face.alarm_at, "challenges": CHALLENGES, "outcomes": words });
    let body = html! {
        nav.links aria-label="Pages" { a href="/" { "Calls" } }
        header.masthead {
            p.brand { b { "unmask" } " live interview" }
            h1 { "Watch an interview as it goes" }
            p.facts { "The picture and the sound go to this service, are analysed as they come, and are not kept; the records and the report are." }
        }
        main #main {
            (controls())
            (stage())
            (asks())
            section aria-labelledby="events-title" {
                h2 #events-title { "What stood out" }
                ul.events #events aria-live="polite" { li.note #quiet { "Nothing yet." } }
            }
        }
        footer { p.scope { (SCOPE) } }
    };
    let (style, script) = (include_str!("live.css"), include_str!("live.js"));
    let title = "Live interview · unmask";
    page(&Shell { title, style, policy: "connect-src 'self'", script, data: Some(&data.to_string()), body })
}

fn controls() -> Markup {
    html! {
        form.controls #controls aria-label="Start and stop" {
            label { "Source "
                select #source { option value="camera" { "Camera and microphone" } option value="screen" { "A window or the screen" } }
            }
            label { "Key, where one is needed " input #key type="password" autocomplete="off" spellcheck="false"; }
            button #start type="submit" { "Start" }
            button #stop type="button" hidden { "Stop" }
            a.button #report hidden download="interview.html" { "Save the report" }
            p.note #state role="status" { "Not running." }
            noscript { p { "This page needs JavaScript: it sends your camera or screen." } }
        }
    }
}

fn stage() -> Markup {
    html! {
        section.stage #stage aria-label="Picture and scores" {
            div.picture {
                video #view muted playsinline autoplay {}
                svg #boxes aria-hidden="true" preserveAspectRatio="xMidYMid meet" {}
            }
            dl.now #now {
                div { dt { "Masked, now" } dd #fused { "–" } }
                div { dt { "Faces" } dd #faces { "–" } }
                div { dt { "Voice" } dd #voice { "–" } }
                div { dt { "Time" } dd #clock { "–" } }
                div { dt { "Finding" } dd #finding { "at the end" } }
            }
        }
    }
}

fn asks() -> Markup {
    html! {
        section.asks aria-labelledby="asks-title" {
            h2 #asks-title { "What to ask for" }
            p.note { (BEFORE) }
            div.ask #ask aria-live="polite" {
                p.say #say { (CHALLENGES[0].say) }
                p { b { "Why: " } span #why { (CHALLENGES[0].why) } }
                p { b { "Look for: " } span #look { (CHALLENGES[0].look_for) } }
            }
            p.tools {
                button #back type="button" { "← Back" }
                button #next type="button" { "Next →" }
                button #read type="button" hidden { "Read it out" }
                span.note #which { "1 of " (CHALLENGES.len()) }
            }
            details { summary { "Afterwards" } p.note { (AFTER) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_runs_its_own_script_alone_and_asks_this_service_alone() {
        let html = String::from_utf8(live_page(&crate::Config::default().verdict)).unwrap();
        assert!(html.contains("connect-src 'self'") && !html.contains("unsafe-inline"));
        let named = html.replace("http://www.w3.org/2000/svg", "");
        assert!(!html.contains(" onclick=") && !html.contains(" style=") && !named.contains("http://"), "{html}");
        for asked in CHALLENGES {
            assert!(html.contains(asked.id), "{}", asked.id);
        }
        assert!(html.contains("signs of masking"));
    }
}
