//! Places. In: a client that wants one. Out: one of a bounded number, of which no client has more than its share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::app::lock;

/// With keys in use, a client may hold this part of the places: one in so many.
const SHARE: usize = 2;

/// Places for all clients.
pub struct Places {
    all: usize,
    each: usize,
    free: Arc<Semaphore>,
    held: Arc<Mutex<HashMap<String, usize>>>,
}

/// One place; free again when dropped.
pub struct Place {
    client: String,
    held: Arc<Mutex<HashMap<String, usize>>>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    /// For so many; `shared` by clients that are told apart, each has half of them at most.
    pub fn new(all: usize, shared: bool) -> Self {
        let each = if shared { all.div_ceil(SHARE) } else { all };
        Self { all, each, free: Arc::new(Semaphore::new(all)), held: Arc::default() }
    }

    /// A place, if one is free and the client has fewer than it may have.
    pub fn take(&self, client: &str) -> Option<Place> {
        let mut held = lock(&self.held);
        let has = held.get(client).copied().unwrap_or(0);
        let permit = if has < self.each { self.free.clone().try_acquire_owned().ok()? } else { return None };
        held.insert(client.to_owned(), has + 1);
        Some(Place { client: client.to_owned(), held: self.held.clone(), _permit: permit })
    }

    /// Waits until all are free, and then for good: nobody gets one any more.
    pub async fn close(&self) {
        let all = u32::try_from(self.all).unwrap_or(u32::MAX);
        if let Ok(all) = self.free.acquire_many(all).await {
            all.forget();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = lock(&self.held);
        match held.get_mut(&self.client) {
            Some(has) if *has > 1 => *has -= 1,
            _ => drop(held.remove(&self.client)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_more_than_its_share() {
        let places = Places::new(4, true);
        let one: Vec<_> = (0..3).map(|_| places.take("one")).collect();
        assert_eq!(one.iter().filter(|place| place.is_some()).count(), 2);
        assert!(places.take("two").is_some());
        drop(one);
        assert!(places.take("one").is_some());
        assert!(lock(&places.held).is_empty(), "nothing is kept of those who are gone");
        let places = Places::new(3, false);
        let all: Vec<_> = (0..4).map(|_| places.take("")).collect();
        assert_eq!(all.iter().filter(|place| place.is_some()).count(), 3);
    }
}
