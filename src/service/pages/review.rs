//! The review page. In: nothing of any call. Out: a file that asks `/v1` as any client does.

use maud::{Markup, html};

use crate::report::shell::{Shell, page};
use crate::types::record::SCOPE;

/// What the review page may do: ask this service, and show its reports.
const REVIEW_POLICY: &str = "connect-src 'self'; frame-src 'self'";

/// Filters: what is asked for, and in words.
const FILTERS: [(&str, &str, &str); 7] = [
    ("result", "signs_found", "signs of masking"),
    ("result", "inconclusive", "inconclusive"),
    ("result", "no_signs_found", "no signs found"),
    ("result", "not_assessed", "not assessed"),
    ("state", "failed", "could not be scanned"),
    ("state", "running", "being scanned"),
    ("state", "waiting", "waiting"),
];

/// The page.
pub fn review_page() -> Vec<u8> {
    let style = concat!(include_str!("../../report/index/index.css"), include_str!("review.css"));
    let (script, title) = (include_str!("review.js"), "Calls · unmask");
    page(&Shell { title, style, policy: REVIEW_POLICY, script, data: None, body: body() })
}

fn body() -> Markup {
    html! {
        nav.links aria-label="Pages" {
            a href="/live" { "Live interview" }
            a href="/docs" { "Interface" }
            span #who hidden { span #who-name {} button type="button" #sign-out { "Sign out" } }
        }
        // Named, as a report inside has both, too.
        header.masthead aria-label="Review" {
            p.brand { b { "unmask" } " review of calls" }
            h1 #title tabindex="-1" { "Calls" }
        }
        main #main aria-label="Calls" {
            noscript { p { "This page needs scripts. " a href="/docs" { "The interface" } " does not." } }
            p #said role="status" {}
            (sign_in_form())
            div #overview hidden { p.scope { (SCOPE) } (uploads()) (controls()) (calls()) }
            div #call hidden {
                p.files #call-files {}
                div #call-said {}
                iframe #report title="Report of the call" hidden {}
            }
        }
        dialog #ask aria-labelledby="ask-title" {
            h2 #ask-title { "Delete this call?" }
            p { b #ask-name {} }
            p { "Its recording, records, report and evidence go, and cannot be had back." }
            div.buttons {
                button type="button" #ask-no { "Keep it" }
                button.danger type="button" #ask-yes { "Delete" }
            }
        }
    }
}

fn sign_in_form() -> Markup {
    html! {
        form #sign-in hidden {
            label for="key" { "Key" }
            input #key type="password" autocomplete="current-password" required maxlength="200" spellcheck="false";
            button type="submit" { "Sign in" }
            p.note { "A key as the operator has handed it out. It is not kept in this browser." }
        }
    }
}

fn uploads() -> Markup {
    html! {
        section #drop aria-label="Send recordings" hidden {
            input #file type="file" multiple accept="video/*,audio/*,.mkv,.ts,.flac" aria-label="Recordings to scan";
            label.button for="file" aria-hidden="true" { "Choose recordings" }
            span.note { "or drop them anywhere on this page" }
            ul #uploads {}
        }
    }
}

fn controls() -> Markup {
    html! {
        div.controls {
            label.sr for="search" { "Find by name" }
            input #search type="search" placeholder="Find by name" autocomplete="off" maxlength="200";
            div.filters role="group" aria-label="Show" {
                button type="button" data-value="" aria-pressed="true" { "all" }
                @for (by, value, word) in FILTERS {
                    button type="button" data-by=(by) data-value=(value) aria-pressed="false" { (word) }
                }
            }
        }
    }
}

fn calls() -> Markup {
    html! {
        div.columns aria-hidden="true" {
            span { "Call" } span { "Result" } span { "P(masked), 95 % range" } span { "Signs" } span { "Files" }
        }
        ol.calls #calls {}
        p.none #none hidden { "No call fits." }
        div.buttons #pager hidden {
            button type="button" #newer { "Newer" }
            button type="button" #older { "Older" }
        }
    }
}
