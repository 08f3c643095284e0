//! Whether calls can be scanned. In: the face network, kept loaded. Out: its known answer to its known example, asked for
//! anew by `/healthz`: the provider that the scans use works, and not only did when the service started.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::app::lock;
use super::dto::Health;
use crate::config::Config;
use crate::error::Error;
use crate::face::FaceScorer;
use crate::infer::ModelStore;
use crate::pipeline::Engines;
use crate::store::utc;

/// An answer counts for so long; whoever asks more often costs nothing.
const FRESH: Duration = Duration::from_secs(5);

/// What asks the network.
pub struct Probe {
    provider: String,
    /// Folder of the network and its example.
    dir: PathBuf,
    asked: Mutex<Asked>,
    /// What keeps every call from being scanned, such as a full disk.
    trouble: Mutex<Option<String>>,
}

struct Asked {
    scorer: FaceScorer,
    at: Instant,
    utc: i64,
    took: Duration,
    failed: bool,
}

impl Probe {
    /// Loads every network; each gives its known answer here, or the service does not start. The face network stays.
    pub fn load(config: &Config) -> Result<Self, Error> {
        let dir = ModelStore::open(&config.runtime)?.find(&config.face.scorer)?.dir;
        let Engines { face: mut scorer, runtime, .. } = Engines::load(config)?;
        let at = Instant::now();
        scorer.check_golden(&dir)?;
        let asked = Asked { scorer, at, utc: utc::now(), took: at.elapsed(), failed: false };
        Ok(Self { provider: runtime.provider, dir, asked: Mutex::new(asked), trouble: Mutex::default() })
    }

    /// Something keeps every call from being scanned; nothing does any more.
    pub fn trouble(&self, problem: Option<String>) {
        *lock(&self.trouble) = problem;
    }

    /// Looks, without asking the network.
    pub fn is_ok(&self) -> bool {
        lock(&self.trouble).is_none() && !lock(&self.asked).failed
    }

    /// Asks the network, unless it has just answered; takes as long as an inference.
    pub fn ask(&self) -> Health {
        let mut asked = lock(&self.asked);
        if asked.at.elapsed() > FRESH || asked.failed {
            let at = Instant::now();
            let answer = asked.scorer.check_golden(&self.dir);
            (asked.at, asked.took, asked.utc, asked.failed) = (at, at.elapsed(), utc::now(), answer.is_err());
            if let Err(error) = answer {
                tracing::error!(%error, "the network does not give its known answer");
            }
        }
        let wrong = asked.failed.then(|| "the face network does not give its known answer".to_owned());
        let problem = wrong.or_else(|| lock(&self.trouble).clone());
        Health {
            ok: problem.is_none(),
            provider: self.provider.clone(),
            inference_ms: asked.took.as_secs_f64() * 1e3,
            checked_utc: utc::text(asked.utc),
            problem,
        }
    }

    /// What runs the networks, and how long the last answer took.
    pub fn last(&self) -> (&str, Duration) {
        (&self.provider, lock(&self.asked).took)
    }
}
