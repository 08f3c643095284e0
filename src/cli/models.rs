//! `unmask models`. In: the folder of models. Out: a list, or the result of loading each.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use unmask::face::detect::{self, DetectorSpec};
use unmask::face::{FaceEmbedder, FaceScorer};
use unmask::infer::{InferError, ModelStore, Runtime, Task};
use unmask::voice::vad::{self, VadSpec};
use unmask::voice::{OverlapFinder, VoiceEmbedder, VoiceScorer};
use unmask::{Config, Error};

use super::{RuntimeArgs, print_line};

#[derive(Args)]
pub struct ModelsArgs {
    #[command(subcommand)]
    command: ModelsCommand,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

#[derive(Subcommand)]
enum ModelsCommand {
    /// Id, task, licence, origin of each model
    List,
    /// Load each model: hash, session, declared inputs and outputs, golden
    Verify,
}

pub fn run(args: &ModelsArgs) -> anyhow::Result<ExitCode> {
    let config = args.runtime.config()?;
    let store = ModelStore::open(&config.runtime).map_err(Error::from)?;
    match args.command {
        ModelsCommand::List => list(&store),
        ModelsCommand::Verify => {
            let runtime = Runtime::open(&config.runtime).map_err(Error::from)?;
            verify(&store, &runtime, &config)
        }
    }
}

fn list(store: &ModelStore) -> anyhow::Result<ExitCode> {
    for id in store.ids().map_err(Error::from)? {
        let line = match store.find(&id) {
            Ok(model) => {
                let m = &model.manifest;
                format!("{:<20} {:<12} {:<18} {}", m.id, m.task.name(), m.licence, m.origin)
            }
            Err(error) => format!("{id:<20} {error}"),
        };
        print_line(&line)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn verify(store: &ModelStore, runtime: &Runtime, config: &Config) -> anyhow::Result<ExitCode> {
    let mut first = None;
    for (id, result) in verify_all(store, runtime, config)? {
        let line = match &result {
            Ok(()) => "ok".to_owned(),
            Err(error) => error.to_string(),
        };
        print_line(&format!("{id:<20} {line}"))?;
        first = first.or(result.err());
    }
    Ok(first.map_or(ExitCode::SUCCESS, |error| ExitCode::from(error.kind().exit_code())))
}

/// A model's id, and how loading it went.
type Verified = (String, Result<(), InferError>);

/// Loads every model on this runtime.
pub fn verify_all(store: &ModelStore, runtime: &Runtime, config: &Config) -> Result<Vec<Verified>, Error> {
    let check = |id: &str| -> Result<(), InferError> {
        match store.find(id)?.manifest.task {
            Task::FaceDetect => {
                detect::build(DetectorSpec::Network { runtime, store, id, side: config.face.detect_side_px }).map(drop)
            }
            Task::FaceScore => FaceScorer::load(runtime, store, id).map(drop),
            Task::FaceEmbed => FaceEmbedder::load(runtime, store, id).map(drop),
            Task::Vad => vad::build(VadSpec::Network { runtime, store, id }).map(drop),
            Task::VoiceScore => VoiceScorer::load(runtime, store, id).map(drop),
            Task::VoiceEmbed => VoiceEmbedder::load(runtime, store, id).map(drop),
            Task::SpeakerSegment => OverlapFinder::load(runtime, store, id).map(drop),
        }
    };
    Ok(store.ids()?.into_iter().map(|id| (id.clone(), check(&id))).collect())
}
