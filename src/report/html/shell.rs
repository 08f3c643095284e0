//! The frame of a page. In: a title, styles, a script, data, a body. Out: one self-contained HTML file whose content
//! security policy names its style and its script by hash: nothing else runs, and nothing is fetched.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

/// What both pages share.
const BASE_CSS: &str = include_str!("base.css");

/// A page before it is put together. Only `style`, `script` and `policy` are trusted; they are part of this program.
pub(crate) struct Shell<'a> {
    /// Shown by tabs and bookmarks.
    pub title: &'a str,
    /// Follows the shared style.
    pub style: &'a str,
    /// What else it may do, in a content security policy's words; nothing for a page that is a file.
    pub policy: &'a str,
    /// Runs when the page is there.
    pub script: &'a str,
    /// JSON for the script.
    pub data: Option<&'a str>,
    /// What people read.
    pub body: Markup,
}

/// Puts a page together.
pub(crate) fn page(shell: &Shell<'_>) -> Vec<u8> {
    let style = format!("{BASE_CSS}\n{}", shell.style);
    let policy = format!(
        "default-src 'none'; script-src {}; style-src {}; img-src data:; media-src 'self' file: blob:; \
         base-uri 'none'; form-action 'none'{}{}",
        hash(shell.script),
        hash(&style),
        if shell.policy.is_empty() { "" } else { "; " },
        shell.policy
    );
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="color-scheme" content="light dark";
                title { (shell.title) }
                link rel="icon" href="data:,";
                style { (PreEscaped(&style)) }
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                (PreEscaped(SYMBOLS))
                (shell.body)
                @if let Some(data) = shell.data {
                    script #data type="application/json" { (PreEscaped(embeddable(data))) }
                }
                script { (PreEscaped(shell.script)) }
            }
        }
    };
    markup.into_string().into_bytes()
}

fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

/// JSON that can stand inside a `script` element: no character in it can end the element or open a comment.
fn embeddable(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out
}

/// The shapes of results: each differs from the others without its colour.
const SYMBOLS: &str = r#"<svg class="defs" width="0" height="0" aria-hidden="true"><defs>
<symbol id="m-signs_found" viewBox="0 0 16 16"><path d="M8 .8 15.2 8 8 15.2 .8 8Z" fill="currentColor"/></symbol>
<symbol id="m-inconclusive" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="1.8"/><path d="M8 2a6 6 0 0 1 0 12Z" fill="currentColor"/></symbol>
<symbol id="m-no_signs_found" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="1.8"/></symbol>
<symbol id="m-not_assessed" viewBox="0 0 16 16"><path d="M1.5 8h13" stroke="currentColor" stroke-width="2.4"/></symbol>
<symbol id="m-failed" viewBox="0 0 16 16"><path d="m3 3 10 10M13 3 3 13" stroke="currentColor" stroke-width="2"/></symbol>
<symbol id="m-waiting" viewBox="0 0 16 16"><path d="M2 8h.1M8 8h.1M14 8h.1" stroke="currentColor" stroke-width="2.6" stroke-linecap="round"/></symbol>
</defs></svg>"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_leave_its_element() {
        let hostile = "{\"a\":\"</script><!--<script>&\u{2028}\"}";
        let safe = embeddable(hostile);
        assert!(!safe.contains(['<', '>', '&', '\u{2028}']), "{safe}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&safe).unwrap(),
            serde_json::from_str::<serde_json::Value>(hostile).unwrap()
        );
    }

    #[test]
    fn the_policy_names_what_runs() {
        let page =
            page(&Shell { title: "<t>", style: "p{}", policy: "", script: "let a = 1;", data: None, body: html! {} });
        let text = String::from_utf8(page).unwrap();
        assert!(text.contains("&lt;t&gt;") && text.contains("script-src 'sha256-"), "{text}");
        assert!(!text.contains("unsafe-inline"));
    }
}
