//! Recordings into files. In: an input, a folder. Out: the record stream and the reports of each call.

mod call;

pub use call::{CallOutput, Watch, scan_call, write_whole};
