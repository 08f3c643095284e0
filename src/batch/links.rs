//! The same person under several names. In: the prints of a store, their key. Out: `links.json` and `links.html` beside
//! the index, whole at any moment.

use std::path::Path;

use super::Batch;
use crate::error::Error;
use crate::link::{Vault, link};
use crate::report::{Redact, ReportError, links_html, write_whole};
use crate::store::Store;

/// Opens every print, compares them, and writes both files. The page shows the faces of linked calls in the clear,
/// unless all faces are to be unrecognisable.
pub fn write_links(store: &Store, key: &Path, batch: &Batch<'_>) -> Result<(), Error> {
    let vault = Vault::open(key)?;
    let (mut prints, config) = (store.prints(&vault)?, &batch.config.link);
    if batch.redact == Redact::All {
        prints.iter_mut().filter_map(|print| print.face.as_mut()).for_each(|face| face.portrait.clear());
    }
    let links = link(&prints, config);
    let json = serde_json::to_vec_pretty(&links).map_err(|e| ReportError::Serialise(e.to_string()))?;
    write_whole(&store.dir().join("links.json"), &json)?;
    write_whole(&store.dir().join("links.html"), &links_html(&links, &prints, config))?;
    Ok(())
}
