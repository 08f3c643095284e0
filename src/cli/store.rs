//! `unmask store`. In: folders that `scan --out` has filled. Out: what is in them; receipts of what was deleted.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use comfy_table::Table;
use unmask::Error;
use unmask::batch::write_index;
use unmask::store::{Receipt, Store, StoredCall};

use super::print_line;

#[derive(Args)]
pub struct StoreArgs {
    #[command(subcommand)]
    command: StoreCommand,
}

#[derive(Subcommand)]
enum StoreCommand {
    /// List the calls
    List {
        /// Folders of results
        #[arg(required = true, value_name = "DIR")]
        dirs: Vec<PathBuf>,
        /// Print JSON instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Print all that the store knows of each call, as JSON lines
    Export {
        /// Folders of results
        #[arg(required = true, value_name = "DIR")]
        dirs: Vec<PathBuf>,
    },
    /// Delete calls, with all their files, and print a receipt as JSON
    Delete {
        /// Folder of results
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// Names, as `unmask store list` shows them
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Delete calls that are too old, and print a receipt as JSON
    Gc {
        /// Folders of results
        #[arg(required = true, value_name = "DIR")]
        dirs: Vec<PathBuf>,
        /// Days (default: what scan --keep-days said)
        #[arg(long, value_name = "N")]
        keep_days: Option<u32>,
    },
}

/// Runs the subcommand.
pub fn run(args: &StoreArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        StoreCommand::List { dirs, json } => {
            let calls = read(dirs)?;
            print_line(&if *json { serde_json::to_string_pretty(&calls)? } else { table(&calls) })?;
        }
        StoreCommand::Export { dirs } => {
            for call in read(dirs)? {
                print_line(&serde_json::to_string(&call)?)?;
            }
        }
        StoreCommand::Delete { dir, names } => delete(dir, |store| Ok(store.delete(names)?))?,
        StoreCommand::Gc { dirs, keep_days } => {
            for dir in dirs {
                delete(dir, |store| Ok(store.collect(*keep_days)?))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read(dirs: &[PathBuf]) -> Result<Vec<StoredCall>, Error> {
    let mut calls = Vec::new();
    for dir in dirs {
        calls.extend(Store::read(dir)?.calls()?);
    }
    Ok(calls)
}

fn delete(dir: &Path, what: impl FnOnce(&mut Store) -> Result<Receipt, Error>) -> anyhow::Result<()> {
    let mut store = Store::open_existing(dir)?;
    let receipt = what(&mut store)?;
    write_index(&store)?;
    print_line(&serde_json::to_string(&receipt)?)?;
    Ok(())
}

fn table(calls: &[StoredCall]) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::ASCII_MARKDOWN).set_header([
        "name",
        "state",
        "overall",
        "p(masked)",
        "input",
    ]);
    for call in calls {
        let finding = call.finding.as_ref();
        let overall = finding.map(|f| unmask::report::outcome_words(f.overall)).unwrap_or_default();
        let p = finding.and_then(|f| f.p_masked).map(|p| format!("{:.2}", p.get())).unwrap_or_default();
        table.add_row([call.name.as_str(), call.state.name(), overall, p.as_str(), call.input.as_str()]);
    }
    table.to_string()
}
