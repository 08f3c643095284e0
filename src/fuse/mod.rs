//! Fusing. In: evidence in order of time. Out: records, events and the finding. Pure functions and small
//! accumulators; nothing here does input or output.
//!
//! Frames of one second are not independent: one second counts as one observation, whatever the frame rate.
//! The voice and the best-covered suspicious face are not added up: the higher of the two is reported, with its
//! own range.

mod alert;
mod fuser;
mod temporal;
mod verdict;

pub use alert::Alert;
pub use fuser::{Ended, Fuser};
pub use temporal::{BlockMean, Estimate, Smoother};
pub use verdict::finding;
