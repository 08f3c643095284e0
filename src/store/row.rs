//! One call as the store keeps it. In: a row of the table. Out: plain values, and the row of an index.

use std::path::Path;

use rusqlite::Row;
use serde::Serialize;

use super::utc;
use crate::report::ReportKind;
use crate::report::index::{CallFinding, CallState, IndexRow};

/// Columns of [`StoredCall`], in its order.
pub(super) const COLUMNS: &str = "name, source_id, input, state, sha256, bytes, analysis, error, finding, reports, \
                                  attempts, added, started, finished, files";

/// How far a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Its turn has not come, or it was interrupted.
    Waiting,
    /// It is being scanned.
    Running,
    /// Its files are complete.
    Done,
    /// It could not be scanned.
    Failed,
}

impl Progress {
    /// As in the store and in its export.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    fn of(name: &str) -> Self {
        let all = [Self::Running, Self::Done, Self::Failed];
        all.into_iter().find(|p| p.name() == name).unwrap_or(Self::Waiting)
    }
}

/// A call.
#[derive(Debug, Clone, Serialize)]
pub struct StoredCall {
    /// Of its files, without ending.
    pub name: String,
    /// SHA-256 of the absolute path or the whole address, hex.
    pub source_id: String,
    /// Path or address, without credentials.
    pub input: String,
    /// How far it is.
    pub state: Progress,
    /// SHA-256 of the recording, hex; absent for addresses.
    pub sha256: Option<String>,
    /// Size of the recording; absent for addresses.
    pub bytes: Option<i64>,
    /// What it was analysed with: a hash of version, configuration and models.
    pub analysis: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// What was found.
    pub finding: Option<CallFinding>,
    /// Reports beside the records, as on the command line.
    pub reports: Vec<String>,
    /// Names of its files: the records, then the reports.
    pub files: Vec<String>,
    /// How often a scan of it was begun.
    pub attempts: i64,
    /// When it was first seen.
    #[serde(rename = "added_utc", serialize_with = "utc::serialise")]
    pub added: Option<i64>,
    /// When its last scan began.
    #[serde(rename = "started_utc", serialize_with = "utc::serialise")]
    pub started: Option<i64>,
    /// When its last scan ended.
    #[serde(rename = "finished_utc", serialize_with = "utc::serialise")]
    pub finished: Option<i64>,
}

impl StoredCall {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let reports: String = row.get(9)?;
        // A finding that this version cannot read is scanned again: it is not done.
        let finding: Option<String> = row.get(8)?;
        let finding = finding.and_then(|text| serde_json::from_str(&text).ok());
        let state = Progress::of(&row.get::<_, String>(3)?);
        Ok(Self {
            name: row.get(0)?,
            source_id: row.get(1)?,
            input: row.get(2)?,
            state: if state == Progress::Done && finding.is_none() { Progress::Waiting } else { state },
            sha256: row.get(4)?,
            bytes: row.get(5)?,
            analysis: row.get(6)?,
            error: row.get(7)?,
            finding,
            reports: reports.split(',').filter(|r| !r.is_empty()).map(str::to_owned).collect(),
            files: serde_json::from_str(&row.get::<_, String>(14)?).unwrap_or_default(),
            attempts: row.get(10)?,
            added: row.get(11)?,
            started: row.get(12)?,
            finished: row.get(13)?,
        })
    }

    /// The reports that this version knows.
    pub fn report_kinds(&self) -> Vec<ReportKind> {
        let known = |name: &String| <ReportKind as clap::ValueEnum>::from_str(name, false).ok();
        self.reports.iter().filter_map(known).collect()
    }

    /// Its row of an index over `dir`.
    pub fn index_row(&self, dir: &Path) -> IndexRow {
        let state = match (self.state, &self.finding, &self.error) {
            (Progress::Done, Some(finding), _) => CallState::Done(finding.clone()),
            (Progress::Failed, _, Some(error)) => CallState::Failed(error.clone()),
            _ => CallState::Waiting,
        };
        let there = |file: &String| matches!(state, CallState::Done(_)) && dir.join(file).exists();
        let files = self.files.iter().filter(|f| there(f)).map(|f| encode(f)).collect();
        IndexRow { name: self.name.clone(), input: self.input.clone(), state, files }
    }
}

/// A file name as part of an address.
fn encode(file: &str) -> String {
    let url = url::Url::from_file_path(Path::new("/").join(file));
    url.map_or_else(|()| file.to_owned(), |url| url.path().trim_start_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_become_addresses() {
        assert_eq!(encode("a b#1?.html"), "a%20b%231%3F.html");
    }
}
