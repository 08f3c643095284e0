//! What events measured. In: a name that ends in its unit, and a value. Out: words and a number with its unit.

use std::collections::BTreeMap;

use crate::types::EventKind;

/// Everything an event measured, its length apart, in words; what was before comes first.
pub(super) fn measures(kind: EventKind, detail: &BTreeMap<String, f64>) -> Vec<(String, String)> {
    let rank = |key: &str| match key {
        "before_p" => 0,
        "during_p" => 1,
        "after_p" => 2,
        _ => 3,
    };
    let mut list: Vec<(&String, &f64)> = detail.iter().filter(|(key, _)| key.as_str() != "length_s").collect();
    list.sort_by_key(|(key, _)| rank(key));
    list.into_iter().map(|(key, value)| measure(kind, key, *value)).collect()
}

/// Words and a number: `("sound late by", "−120 ms")`.
fn measure(kind: EventKind, key: &str, value: f64) -> (String, String) {
    let (stem, unit, decimals) = unit(key);
    let known = match key {
        "lag_ms" if matches!(kind, EventKind::LipSyncLag | EventKind::LipSyncJitter) => Some("sound late by"),
        "lag_ms" => Some("light on the face late by"),
        "jitter_ms" => Some("spread of the lag"),
        "length_s" => Some("length"),
        "yaw_deg" => Some("turned by"),
        "period_s" => Some("repeats after"),
        "before_p" => Some("face score before"),
        "during_p" => Some("face score during"),
        "after_p" => Some("face score after"),
        "distance_l2" => Some("distance between the faces"),
        "points_jumps" => Some("jumps of the face's points"),
        "reference_s" => Some("compared with what came before, over"),
        "rise_log_odds" => Some("rise of the score"),
        "reference_sd_log_odds" => Some("spread of the score before"),
        "pitch_semitones" => Some("pitch moved by"),
        "formant_semitones" => Some("vocal tract moved by"),
        "ratio" => Some("detail of the background against the face"),
        _ => None,
    };
    let words = known.map_or_else(|| stem.replace('_', " "), str::to_owned);
    let signed = key.ends_with("semitones") || key == "lag_ms";
    let number = if signed { format!("{value:+.decimals$}") } else { format!("{value:.decimals$}") };
    let number = if number.contains('.') && !key.ends_with("_p") {
        number.trim_end_matches('0').trim_end_matches('.').into()
    } else {
        number
    };
    (words, format!("{}{unit}", number.replace('-', "−")))
}

/// The name without its unit, the unit, and the decimals that mean something.
fn unit(key: &str) -> (&str, &'static str, usize) {
    const UNITS: [(&str, &str, usize); 11] = [
        ("_ms_per_s", " ms/s", 1),
        ("_log_odds", " (log-odds)", 2),
        ("_semitones", " semitones", 1),
        ("_ratio", "", 2),
        ("_deg", "°", 0),
        ("_px", " px", 0),
        ("_hz", " Hz", 0),
        ("_ms", " ms", 0),
        ("_l2", "", 2),
        ("_s", " s", 1),
        ("_p", "", 2),
    ];
    let found = UNITS.iter().find_map(|(end, unit, decimals)| Some((key.strip_suffix(end)?, *unit, *decimals)));
    found.unwrap_or((key, "", 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_come_from_names() {
        let text = |key: &str, value| {
            let (words, number) = measure(EventKind::LipSyncLag, key, value);
            format!("{words} {number}")
        };
        assert_eq!(text("lag_ms", -200.0), "sound late by −200 ms");
        assert_eq!(text("yaw_deg", 71.4), "turned by 71°");
        assert_eq!(text("drift_ms_per_s", 0.25), "drift 0.2 ms/s");
        assert_eq!(text("views", 12.0), "views 12");
        assert_eq!(text("formant_semitones", 2.0), "vocal tract moved by +2 semitones");
        assert_eq!(text("<b>", 1.0), "<b> 1");
    }

    #[test]
    fn what_was_before_comes_first() {
        let names = ["after_p", "before_p", "lag_ms", "length_s"];
        let detail = names.iter().map(|n| ((*n).to_owned(), 0.4)).collect();
        let list = measures(EventKind::LightChange, &detail);
        let words: Vec<&str> = list.iter().map(|(words, _)| words.as_str()).collect();
        assert_eq!(words, ["face score before", "face score after", "light on the face late by"]);
        assert_eq!(list[0].1, "0.40");
    }
}
