//! The program. In: arguments. Out: an exit code from the one table in `unmask::error`.

use std::process::ExitCode;

mod cli;

fn main() -> ExitCode {
    cli::run()
}
