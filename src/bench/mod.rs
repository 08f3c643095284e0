//! What this machine does. In: a clip, a configuration. Out: the cost of decoding alone, of the networks alone, and of the
//! whole scan, for each provider, rate and number of streams.

mod cost;
mod figures;
mod generated;
mod table;
mod works;

pub use cost::Cost;
pub use figures::{Asked, Clip, Efficiency, Machine, Report, Row, Work};
pub use generated::make_clip;
pub use table::table;

use std::num::NonZero;

use crate::config::{Config, Device};
use crate::error::Error;
use crate::infer::{Runs, Runtime};
use crate::media::{self, Cancel, Input, SourceSpec};
use figures::median;
use works::Stream;

/// What to measure.
#[derive(Debug, Clone)]
pub struct Plan<'a> {
    /// The clip; a file.
    pub clip: &'a Input,
    /// How it is analysed; the rate and the device are set by the plan.
    pub config: &'a Config,
    /// Where the networks run; a device that does not work is noted and left out.
    pub devices: &'a [Device],
    /// Frames a second to analyse; none: every frame.
    pub rates: &'a [Option<f64>],
    /// How many streams at once.
    pub streams: &'a [NonZero<usize>],
    /// How often everything is measured; figures are medians.
    pub rounds: NonZero<usize>,
    /// Whether to play the clip by the clock as well, for the delays.
    pub live: bool,
}

/// Measures; `progress` is told what comes next. Work of one round follows at once, so that a machine whose speed drifts
/// does not bend the ratio.
pub fn run(plan: &Plan<'_>, cancel: &Cancel, progress: &mut dyn FnMut(&str)) -> Result<Report, Error> {
    let clip = look(plan, cancel)?;
    let mut report = Report::new(clip);
    for device in plan.devices {
        let mut config = plan.config.clone();
        config.runtime.device = *device;
        // Whether it works at all; the sessions open it once more each.
        let runtime = match Runtime::open(&config.runtime) {
            Ok(runtime) => runtime,
            Err(error) if plan.devices.len() > 1 => {
                report.notes.push(error.to_string());
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let provider = runtime.provider.name();
        report.notes.extend(runtime.note);
        for streams in plan.streams {
            progress(&format!("{provider}, {streams} streams: loading the networks"));
            let (mut all, loading) = works::load(&config, streams.get())?;
            report.rows.push(Row::new(provider, *streams, None, Work::Load, &[loading], report.clip.duration_s));
            for rate in plan.rates {
                if cancel.is_cancelled() {
                    return Ok(report);
                }
                progress(&format!("{provider}, {streams} streams, {}", figures::rate_name(*rate)));
                let config = Config { fps: *rate, ..config.clone() };
                measure(plan, &config, (provider, *streams), &mut all, cancel, &mut report)?;
            }
        }
    }
    report.efficiency = report.efficiencies.first().map(|e| e.efficiency);
    Ok(report)
}

/// Decoding alone, the whole scan, the networks alone, and both beside each other, in turn.
fn measure(
    plan: &Plan<'_>,
    config: &Config,
    (provider, streams): (&str, NonZero<usize>),
    all: &mut [Stream],
    cancel: &Cancel,
    report: &mut Report,
) -> Result<(), Error> {
    let (mut decode, mut networks, mut bare, mut whole) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.rounds.get() {
        decode.push(works::decode(plan.clip, config, streams.get(), cancel)?);
        whole.push(works::whole(plan.clip, config, all, cancel)?);
        networks.push(works::networks(all)?);
        bare.push(works::bare(plan.clip, config, all, cancel)?);
        if cancel.is_cancelled() {
            return Ok(());
        }
    }
    let of_whole = |parts: &[&[Cost]]| {
        let ratio = |i: usize| parts.iter().map(|part| part[i].cpu_s).sum::<f64>() / whole[i].cpu_s.max(1e-9);
        median(&(0..whole.len()).map(ratio).collect::<Vec<_>>())
    };
    let (efficiency, apart) = (of_whole(&[&bare]), of_whole(&[&decode, &networks]));
    let (fps, duration_s) = (config.fps, report.clip.duration_s);
    let row = |work, costs: &[Cost]| Row::new(provider, streams, fps, work, costs, duration_s);
    report.rows.extend([row(Work::Decode, &decode), row(Work::Networks, &networks)]);
    report.rows.extend([row(Work::Bare, &bare), row(Work::Whole, &whole)]);
    let asked = works::asked(all).into_iter();
    report.asked.extend(asked.map(|Runs { network, input, times }| Asked {
        provider: provider.into(),
        streams,
        fps,
        network,
        input,
        times,
    }));
    if plan.live {
        let live = works::live(plan.clip, config, all, duration_s, cancel)?;
        report.rows.push(row(Work::Live, &[live]));
    }
    report.efficiencies.push(Efficiency { provider: provider.into(), streams, fps, efficiency, apart });
    Ok(())
}

/// Opens the clip once.
fn look(plan: &Plan<'_>, cancel: &Cancel) -> Result<Clip, Error> {
    let source = media::build(SourceSpec::Gst(plan.clip.clone()), &plan.config.limits, cancel)?;
    let info = source.info();
    let video = info.video.clone();
    Ok(Clip {
        name: info.uri.clone(),
        duration_s: info.duration_s.unwrap_or(0.0),
        codec: video.as_ref().map(|v| v.codec.clone()),
        width: video.as_ref().map(|v| v.width),
        height: video.as_ref().map(|v| v.height),
        fps: video.as_ref().and_then(|v| v.fps),
    })
}
