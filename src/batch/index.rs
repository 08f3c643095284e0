//! The index of a folder. In: its store. Out: `index.html` and `index.csv`, each whole at any moment.

use crate::error::Error;
use crate::report::index::{index_csv, index_html, rank};
use crate::report::write_whole;
use crate::store::Store;

/// Writes both.
pub fn write_index(store: &Store) -> Result<(), Error> {
    let dir = store.dir();
    let mut rows: Vec<_> = store.calls()?.iter().map(|call| call.index_row(dir)).collect();
    rank(&mut rows);
    write_whole(&dir.join("index.html"), &index_html(&rows)?)?;
    write_whole(&dir.join("index.csv"), &index_csv(&rows)?)?;
    Ok(())
}
