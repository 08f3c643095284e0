//! The folder of models. In: an id. Out: the manifest and the checked bytes of its weights.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{InferError, Manifest, Task, hex, library};
use crate::config::RuntimeConfig;

/// Where models are.
#[derive(Debug, Clone)]
pub struct ModelStore {
    dir: PathBuf,
    /// Where third-party weights are, `.runtime/models` beside the folder.
    fetched: PathBuf,
    allow_noncommercial: bool,
}

/// A model that was found; its weights are not read yet.
#[derive(Debug, Clone)]
pub struct StoredModel {
    /// Its description.
    pub manifest: Manifest,
    /// Its folder.
    pub dir: PathBuf,
    /// Its weights.
    pub weights: PathBuf,
}

impl ModelStore {
    /// Finds the folder: the one named, else `models/` above the program or the working directory.
    pub fn open(config: &RuntimeConfig) -> Result<Self, InferError> {
        let looked: Vec<PathBuf> = match &config.models_dir {
            Some(dir) => vec![dir.clone()],
            None => library::homes().into_iter().map(|home| home.join("models")).collect(),
        };
        let Some(dir) = looked.iter().find(|dir| dir.is_dir()).cloned() else {
            return Err(InferError::NoModels { looked });
        };
        let fetched = dir.parent().unwrap_or(Path::new(".")).join(".runtime/models");
        Ok(Self { dir, fetched, allow_noncommercial: config.allow_noncommercial })
    }

    /// Every id, sorted.
    pub fn ids(&self) -> Result<Vec<String>, InferError> {
        let bad = |e: std::io::Error| InferError::Manifest { path: self.dir.clone(), message: e.to_string() };
        let mut ids = Vec::new();
        for entry in std::fs::read_dir(&self.dir).map_err(bad)? {
            let entry = entry.map_err(bad)?;
            if entry.path().join("model.toml").is_file() {
                ids.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        ids.sort();
        Ok(ids)
    }

    /// Finds a model and checks its licence.
    pub fn find(&self, id: &str) -> Result<StoredModel, InferError> {
        let dir = self.dir.join(id);
        if id.contains(['/', '\\', '.']) || !dir.join("model.toml").is_file() {
            return Err(InferError::ModelMissing { model: id.into(), path: dir.join("model.toml") });
        }
        let manifest = Manifest::read(&dir)?;
        if !manifest.commercial_use && !self.allow_noncommercial {
            return Err(InferError::Licence { model: id.into(), licence: manifest.licence });
        }
        let places = [dir.join(&manifest.file), self.fetched.join(id).join(&manifest.file)];
        match places.into_iter().find(|p| p.is_file()) {
            Some(weights) => Ok(StoredModel { manifest, dir, weights }),
            None => Err(InferError::ModelMissing { model: id.into(), path: dir.join(&manifest.file) }),
        }
    }

    /// Like [`ModelStore::find`], and the model must do this task.
    pub fn find_for(&self, id: &str, task: Task) -> Result<StoredModel, InferError> {
        let model = self.find(id)?;
        if model.manifest.task == task {
            return Ok(model);
        }
        let (found, wanted) = (model.manifest.task.name().into(), task.name().into());
        Err(InferError::Task { model: id.into(), found, wanted })
    }
}

impl StoredModel {
    /// The weights, once their hash is the manifest's.
    pub fn read_weights(&self) -> Result<Vec<u8>, InferError> {
        let model = || self.manifest.id.clone();
        let bytes = std::fs::read(&self.weights)
            .map_err(|e| InferError::Run { model: model(), message: format!("{}: {e}", self.weights.display()) })?;
        let found = hex(&Sha256::digest(&bytes));
        let expected = self.manifest.sha256.to_ascii_lowercase();
        if found != expected {
            return Err(InferError::Hash { model: model(), path: self.weights.clone(), found, expected });
        }
        Ok(bytes)
    }
}
