//! `unmask doctor`. In: this machine. Out: what works, what does not and what to do, and what really runs networks.

use std::process::ExitCode;

use unmask::infer::{ModelStore, Runtime};
use unmask::media::gst;
use unmask::{Engines, Error, ErrorKind};

use super::models::verify_all;
use super::{RuntimeArgs, print_line};

/// Prints one line a check; the exit code is that of the first failure.
pub fn run(args: &RuntimeArgs) -> anyhow::Result<ExitCode> {
    let config = args.config()?;
    let mut first: Option<ErrorKind> = None;
    let mut check = |name: &str, result: Result<String, (ErrorKind, String)>| -> Result<(), Error> {
        match result {
            Ok(text) => print_line(&format!("ok    {name:<18} {text}")),
            Err((kind, text)) => {
                first = first.or(Some(kind));
                print_line(&format!("FAIL  {name:<18} {text}"))
            }
        }
    };
    let environment = |text: String| (ErrorKind::Environment, text);

    check("gstreamer", gst::init().map(|()| gst::version()).map_err(|e| (e.kind(), e.to_string())))?;
    for (element, package, there) in gst::elements()? {
        let missing = || environment(format!("not installed: install {package} (scripts/setup does)"));
        check(element, if there { Ok(package.into()) } else { Err(missing()) })?;
    }
    match Runtime::open(&config.runtime) {
        Err(e) => check("onnxruntime", Err((e.kind(), e.to_string())))?,
        Ok(runtime) => {
            check("onnxruntime", Ok(format!("{} from {}", runtime.version, runtime.library.display())))?;
            match ModelStore::open(&config.runtime) {
                Err(e) => check("models", Err((e.kind(), e.to_string())))?,
                Ok(store) => {
                    for (id, result) in verify_all(&store, &runtime, &config)? {
                        check(&id, result.map(|()| "golden".into()).map_err(|e| (e.kind(), e.to_string())))?;
                    }
                }
            }
            let note = runtime.note.clone().map(|n| format!(" ({n})")).unwrap_or_default();
            drop(runtime);
            // The goldens of the default networks ran on it just now, and would have failed if they had not.
            let proof = Engines::load(&config).map(|e| format!("{}, proved by the goldens{note}", e.runtime.provider));
            check("provider", proof.map_err(|e| (e.kind(), e.to_string())))?;
        }
    }
    Ok(first.map_or(ExitCode::SUCCESS, |kind| ExitCode::from(kind.exit_code())))
}
