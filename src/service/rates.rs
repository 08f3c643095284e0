//! How often a client may ask. In: who asks, when. Out: go on, or seconds to wait. A token bucket a client (as in ITU-T
//! I.371): so many requests a minute, of which half may come at once.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Instant;

use super::app::lock;

/// Most clients that are remembered, each in some 100 bytes; those that could ask as much as they like go first.
const MOST: usize = 20_000;

/// Buckets of all clients.
#[derive(Debug)]
pub struct Rates {
    per_minute: u32,
    buckets: Mutex<HashMap<String, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// Requests that may come at once.
    left: f64,
    at: Instant,
}

impl Rates {
    /// So many requests a minute for each client; 0: as many as they like.
    pub fn new(per_minute: u32) -> Self {
        Self { per_minute, buckets: Mutex::default() }
    }

    /// Takes one request of this client, or says after how many seconds there is one again.
    pub fn take(&self, client: &str, now: Instant) -> Result<(), u32> {
        if self.per_minute == 0 {
            return Ok(());
        }
        let a_second = f64::from(self.per_minute) / 60.0;
        let full = (f64::from(self.per_minute) / 2.0).max(1.0);
        let refilled = |bucket: &Bucket| {
            (bucket.left + now.saturating_duration_since(bucket.at).as_secs_f64() * a_second).min(full)
        };
        let mut buckets = lock(&self.buckets);
        if buckets.len() >= MOST && !buckets.contains_key(client) {
            buckets.retain(|_, bucket| refilled(bucket) < full);
            if buckets.len() >= MOST {
                return Err(60);
            }
        }
        let bucket = buckets.entry(client.to_owned()).or_insert(Bucket { left: full, at: now });
        let left = refilled(bucket);
        (bucket.left, bucket.at) = (left, now);
        if left < 1.0 {
            return Err(((1.0 - left) / a_second).ceil().max(1.0) as u32);
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_client_has_its_own_bucket() {
        let (rates, now) = (Rates::new(4), Instant::now());
        assert_eq!([rates.take("a", now), rates.take("a", now), rates.take("a", now)], [Ok(()), Ok(()), Err(15)]);
        assert_eq!(rates.take("b", now), Ok(()));
        assert_eq!(rates.take("a", now + Duration::from_secs(15)), Ok(()));
        assert!((0..1000).all(|_| Rates::new(0).take("a", now).is_ok()));
    }

    #[test]
    fn clients_are_bounded() {
        let (rates, now) = (Rates::new(4), Instant::now());
        for i in 0..MOST {
            rates.take(&i.to_string(), now).unwrap();
        }
        assert_eq!(rates.take("one more", now), Err(60));
        assert_eq!(rates.take("one more", now + Duration::from_secs(60)), Ok(()));
    }

    proptest! {
        #[test]
        fn nobody_gets_more_than_the_rate(per_minute in 1u32..1000, gaps in prop::collection::vec(0u64..2000, 1..300)) {
            let (rates, start) = (Rates::new(per_minute), Instant::now());
            let (mut ms, mut taken) = (0, 0u32);
            for gap in gaps {
                ms += gap;
                taken += u32::from(rates.take("a", start + Duration::from_millis(ms)).is_ok());
            }
            let most = (f64::from(per_minute) / 2.0).max(1.0) + f64::from(per_minute) * ms as f64 / 60_000.0;
            prop_assert!(f64::from(taken) <= most + 1e-6, "{taken} of {most}");
        }
    }
}
