//! Files alone. In: GStreamer's registry in this process. Out: the same without whatever opens addresses, playlists or
//! other files by itself.

use gstreamer as gst;
use gstreamer::prelude::*;

use super::init;
use crate::media::MediaError;

/// What opens addresses, by its description (`klass`).
const CLASSES: [&str; 2] = ["Network", "Adaptive"];

/// What opens other files and does not say so: files in pieces, edit lists.
const NAMES: [&str; 5] = ["imagesequencesrc", "splitfilesrc", "splitmuxsrc", "multifilesrc", "gesdemux"];

/// From here on this process opens files, or its standard input where that is `piped`, and nothing that is named inside
/// them.
pub fn only_files(piped: bool) -> Result<(), MediaError> {
    init()?;
    let registry = gst::Registry::get();
    for feature in registry.features(gst::ElementFactory::static_type()) {
        let Some(factory) = feature.downcast_ref::<gst::ElementFactory>() else { continue };
        let klass = factory.metadata("klass").unwrap_or_default();
        let wanted = if piped { "fdsrc" } else { "filesrc" };
        let opens = factory.uri_type() == gst::URIType::Src && factory.name() != wanted;
        let listed = NAMES.contains(&factory.name().as_str());
        if opens || listed || CLASSES.iter().any(|class| klass.contains(class)) {
            registry.remove_feature(&feature);
        }
    }
    Ok(())
}
