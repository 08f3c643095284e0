//! The same person under several names. In: the prints of a store, their key. Out: `links.json` and `links.html` beside
//! the index, whole at any moment.

use std::path::Path;

use super::write_whole;
use crate::error::Error;
use crate::link::{LinkConfig, Vault, link};
use crate::report::{ReportError, links_html};
use crate::store::Store;

/// Opens every print, compares them, and writes both files. The page shows the faces of linked calls in the clear.
pub fn write_links(store: &Store, key: &Path, config: &LinkConfig) -> Result<(), Error> {
    let vault = Vault::open(key)?;
    let prints = store.prints(&vault)?;
    let links = link(&prints, config);
    let json = serde_json::to_vec_pretty(&links).map_err(|e| ReportError::Serialise(e.to_string()))?;
    write_whole(&store.dir().join("links.json"), &json)?;
    write_whole(&store.dir().join("links.html"), &links_html(&links, &prints, config))?;
    Ok(())
}
