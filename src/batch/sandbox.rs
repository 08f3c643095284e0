//! A scan that cannot reach any network. In: this process. Out: the same, to which the kernel
//! refuses sockets, and whose decoder knows files alone: no address inside a recording is ever followed.

use super::BatchError;
use crate::media::gst;

/// Closes the network for this process for good, for all of its threads; standard input is still read if it is `piped`.
pub fn close_network(piped: bool) -> Result<(), BatchError> {
    refuse_sockets().map_err(|reason| BatchError::Sandbox { reason })?;
    gst::only_files(piped).map_err(|e| BatchError::Sandbox { reason: e.to_string() })
}

/// Sockets of this machine's own processes (`AF_UNIX`), and of its kernel (`AF_NETLINK`), which drivers need, are left.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn refuse_sockets() -> Result<(), String> {
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    };
    const SOCKET: i64 = if cfg!(target_arch = "x86_64") { 41 } else { 198 };
    /// By which a socket could be had without asking for one.
    const IO_URING_SETUP: i64 = 425;
    const AF_UNIX: u64 = 1;
    const AF_NETLINK: u64 = 16;
    const EACCES: u32 = 13;
    let set = || -> Result<(), Box<dyn std::error::Error>> {
        let is_not = |family| SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, family);
        let remote = SeccompRule::new(vec![is_not(AF_UNIX)?, is_not(AF_NETLINK)?])?;
        let rules = [(SOCKET, vec![remote]), (IO_URING_SETUP, vec![])].into();
        let arch = std::env::consts::ARCH.try_into()?;
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(EACCES), arch)?;
        let program: BpfProgram = filter.try_into()?;
        Ok(seccompiler::apply_filter_all_threads(&program)?)
    };
    set().map_err(|e| e.to_string())
}

/// Elsewhere the decoder's own list is what holds.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn refuse_sockets() -> Result<(), String> {
    Ok(())
}
