//! Times of day. In: seconds since 1970. Out: `2026-11-23T06:36:22Z`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::types::utc_text;

/// Seconds since 1970-01-01T00:00:00Z; 0 before.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX))
}

/// As RFC 3339, to the second.
pub fn text(seconds: i64) -> String {
    utc_text(UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

/// For `serde(serialize_with)`: the text, or null.
pub fn serialise<S: serde::Serializer>(seconds: &Option<i64>, to: S) -> Result<S::Ok, S::Error> {
    match seconds {
        Some(seconds) => to.serialize_some(&text(*seconds)),
        None => to.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_days() {
        for (seconds, said) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_415_782, "2026-11-23T06:36:22Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
        ] {
            assert_eq!(text(seconds), said);
        }
    }

    proptest! {
        #[test]
        fn later_is_greater(a in 0i64..200_000_000_000, b in 1i64..400_000_000) {
            let (a, b) = (text(a), text(a + b));
            prop_assert!(a < b && a.len() == 20, "{} {}", a, b);
        }
    }
}
