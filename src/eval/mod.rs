//! Evaluation on labelled clips. In: a manifest, and what a scan said of each clip. Out: error rates with intervals.
//!
//! Terms are those of ISO/IEC 30107-3: APCER is the share of masked clips that pass as unmasked, BPCER the share of
//! genuine clips that are flagged. Both are of the clips that got an answer (`signs_found` or `no_signs_found`); the
//! share without one is the abstain rate beside them, so that neither can be had by answering less.

mod collect;
mod error;
mod figures;
mod interval;
mod manifest;
mod metrics;
mod set;
mod table;

pub use collect::{ClipResult, Collector, Said};
pub use error::EvalError;
pub use figures::{BySource, Failure, Figures, Modality, Part, Report, Row, Tool, report};
pub use interval::{Figure, Rate};
pub use manifest::{Clip, Label, read};
pub use metrics::{Coverage, Scored, auc, coverage_risk, eer, expected_calibration_error, tpr_at_fpr};
pub use table::table;
