//! The program. In: arguments. Out: an exit code from the one table in `unmask::error`.

use std::process::ExitCode;

mod cli;

fn main() -> ExitCode {
    if let Err(missing) = processor_fits() {
        eprintln!("unmask: this build needs a processor with {missing}: build without .cargo/config.toml");
        return ExitCode::from(unmask::ErrorKind::Environment.exit_code());
    }
    cli::run()
}

/// The build is for x86-64-v3, see `.cargo/config.toml`.
fn processor_fits() -> Result<(), &'static str> {
    #[cfg(all(target_arch = "x86_64", target_feature = "avx2"))]
    if !std::arch::is_x86_feature_detected!("avx2") {
        return Err("AVX2");
    }
    Ok(())
}
