//! A recording under another name. In: a source. Out: the same, whose records name it as those who sent it do, and not by
//! where it lies.

use std::sync::Arc;

use crate::media::{Glimpse, LiveState, Source, Streams};
use crate::types::record::{SourceInfo, Warning};

/// A source with another name.
pub struct Named {
    source: Box<dyn Source>,
    info: SourceInfo,
}

impl Named {
    /// Gives it the name.
    pub fn new(source: Box<dyn Source>, name: &str) -> Self {
        let info = SourceInfo { uri: name.to_owned(), ..source.info().clone() };
        Self { source, info }
    }
}

impl Source for Named {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn streams(&mut self) -> Streams {
        self.source.streams()
    }

    fn glimpse(&self) -> Option<&Glimpse> {
        self.source.glimpse()
    }

    fn warnings(&self) -> Vec<Warning> {
        self.source.warnings()
    }

    fn live(&self) -> Option<Arc<LiveState>> {
        self.source.live()
    }
}
