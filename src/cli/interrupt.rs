//! Ctrl-C. In: signals. Out: a cancelled token, and the exit code that shells expect.

use anyhow::Context;
use unmask::Cancel;

/// Exit code after Ctrl-C, as shells have it (128 + SIGINT).
pub const INTERRUPTED: u8 = 130;

/// The first Ctrl-C cancels and says `what` now happens, the second ends the program.
pub fn catch(cancel: &Cancel, what: &'static str) -> anyhow::Result<()> {
    let cancel = cancel.clone();
    ctrlc::set_handler(move || {
        if cancel.is_cancelled() {
            std::process::exit(i32::from(INTERRUPTED));
        }
        cancel.cancel();
        eprintln!("unmask: {what}; press Ctrl-C again to stop at once");
    })
    .context("cannot listen for Ctrl-C")
}
