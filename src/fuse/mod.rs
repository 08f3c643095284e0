//! Fusing. In: evidence in order of time. Out: records, events and the finding. Pure functions and small
//! accumulators; nothing here does input or output.
//!
//! Frames of one second are not independent: one second counts as one observation, whatever the frame rate.
//! Face and voice are not added up: signs of either are signs of the call, and without signs the face's probability
//! stands, for a voice that gives no alarm says little about a face.

mod alert;
mod call;
mod fuser;
mod records;
mod stretch;
mod temporal;
mod verdict;

pub use alert::Alert;
pub use call::call_log_odds;
pub use fuser::{Ended, Fuser};
pub use stretch::Stretches;
pub use temporal::{BlockMean, Estimate, Smoother};
pub use verdict::finding;
