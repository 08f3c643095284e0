//! `unmask bench`. In: a clip, or none. Out: what decoding, networks and the whole scan cost here, as a table or JSON.

use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use unmask::bench::{self, Plan};
use unmask::{Cancel, Device, Input};

use super::interrupt::{self, INTERRUPTED};
use super::{RuntimeArgs, print_line};

#[derive(Args)]
pub struct BenchArgs {
    /// A recording (default: one made for this, ten seconds of 1280x720 with one face and speech)
    #[arg(value_name = "CLIP")]
    clip: Option<PathBuf>,
    /// Frames a second to analyse, 0 for every frame
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "0,10,5")]
    fps: Vec<f64>,
    /// Streams at once (default: one, and as many as there are processors)
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    streams: Vec<NonZero<usize>>,
    /// How often everything is measured; figures are medians
    #[arg(long, value_name = "N", default_value = "3")]
    rounds: NonZero<usize>,
    /// Play the clip by the clock as well, for the delays of live streams
    #[arg(long)]
    live: bool,
    /// Print JSON instead of the table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

/// Measures and prints; what cannot run here is said in the notes.
pub fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let config = args.runtime.config()?;
    config.validate()?;
    let cancel = Cancel::default();
    interrupt::catch(&cancel, "stopping")?;
    let made = tempfile::tempdir()?;
    let clip = match &args.clip {
        Some(path) => path.clone(),
        None => {
            let path = made.path().join("generated.mkv");
            bench::make_clip(&config, &path)?;
            path
        }
    };
    let processors = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    let mut streams =
        if args.streams.is_empty() { vec![NonZero::<usize>::MIN, processors] } else { args.streams.clone() };
    streams.dedup();
    let rates: Vec<Option<f64>> = args.fps.iter().map(|fps| (*fps > 0.0).then_some(*fps)).collect();
    let asked = args.runtime.device.filter(|device| *device != Device::Auto).map(|device| [device].to_vec());
    let devices = match asked {
        Some(devices) => devices,
        None => {
            let cpu = (!config.runtime.require_gpu).then_some(Device::Cpu);
            let plugin = config.runtime.ep_lib.is_some().then_some(Device::Plugin);
            cpu.into_iter().chain(plugin).chain([Device::Cuda]).collect()
        }
    };
    let plan = Plan {
        clip: &Input::File(clip),
        config: &config,
        devices: &devices,
        rates: &rates,
        streams: &streams,
        rounds: args.rounds,
        live: args.live,
    };
    let report = bench::run(&plan, &cancel, &mut |what| eprintln!("{what}"))?;
    if cancel.is_cancelled() {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    print_line(&if args.json { serde_json::to_string_pretty(&report)? } else { bench::table(&report) })?;
    Ok(ExitCode::SUCCESS)
}
