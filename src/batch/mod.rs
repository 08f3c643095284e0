//! Recordings into files. In: inputs, a folder. Out: the record stream and the reports of each call, the index over all
//! calls, and a store that knows what is done.
//!
//! Each call is scanned by a child process of its own (`worker`), so that one that crashes takes no other with it; as
//! many threads as `jobs` each supervise one child (`child`), and the caller's thread keeps the books (`run`).

mod call;
mod child;
mod error;
mod index;
mod key;
mod links;
mod list;
mod named;
mod notice;
mod run;
mod sandbox;
mod share;
mod worker;

pub use call::{CallOutput, Scanned, Tools, Watch, scan_call, watch_call};
pub(crate) use child::{Slot, scan_in_child};
pub use error::BatchError;
pub use index::write_index;
pub use key::analysis_key;
pub use links::write_links;
pub use list::{Listed, expand};
pub use notice::{Notice, Tally};
pub(crate) use run::lasting_files;
pub use run::{Batch, Linking, scan_all};
pub use worker::serve;
pub(crate) use worker::{Cost, Found, Job, Posted, Said};
