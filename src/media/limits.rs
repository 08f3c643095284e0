//! Limits on hostile input. In: what a container declares. Out: an error before memory is taken for it.

use super::MediaError;
use crate::config::Limits;

fn over(input: &str, what: &'static str, found: String, limit: String, key: &'static str) -> MediaError {
    MediaError::Limit { input: input.into(), what, found, limit, key }
}

impl Limits {
    /// Refuses a file, or an amount read from standard input.
    pub fn check_bytes(&self, input: &str, found: u64) -> Result<(), MediaError> {
        if found <= self.max_bytes {
            return Ok(());
        }
        let bytes = |n: u64| format!("{n} bytes");
        Err(over(input, "its size", bytes(found), bytes(self.max_bytes), "limits.max_bytes"))
    }

    /// Refuses a declared or reached length.
    pub fn check_duration(&self, input: &str, seconds: f64) -> Result<(), MediaError> {
        if seconds <= self.max_duration_s {
            return Ok(());
        }
        let found = format!("{seconds:.0} s");
        Err(over(input, "its length", found, format!("{:.0} s", self.max_duration_s), "limits.max_duration_s"))
    }

    /// Refuses a frame size.
    pub fn check_pixels(&self, input: &str, width: u32, height: u32) -> Result<(), MediaError> {
        if u64::from(width) * u64::from(height) <= self.max_pixels {
            return Ok(());
        }
        let limit = format!("{} pixels", self.max_pixels);
        Err(over(input, "its frame size", format!("{width}x{height}"), limit, "limits.max_pixels"))
    }

    /// Refuses a number of streams.
    pub fn check_tracks(&self, input: &str, tracks: usize) -> Result<(), MediaError> {
        if tracks <= self.max_tracks as usize {
            return Ok(());
        }
        Err(over(input, "its number of streams", tracks.to_string(), self.max_tracks.to_string(), "limits.max_tracks"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_names_its_key() {
        let limits = Limits { max_bytes: 10, max_duration_s: 5.0, max_pixels: 100, max_tracks: 2, stall_s: 1.0 };
        assert!(limits.check_bytes("a", 10).is_ok());
        assert!(limits.check_pixels("a", 10, 10).is_ok());
        for (error, key) in [
            (limits.check_bytes("a", 11), "limits.max_bytes"),
            (limits.check_duration("a", 5.5), "limits.max_duration_s"),
            (limits.check_pixels("a", 65_535, 65_535), "limits.max_pixels"),
            (limits.check_tracks("a", 3), "limits.max_tracks"),
        ] {
            assert!(error.unwrap_err().to_string().contains(key));
        }
    }
}
