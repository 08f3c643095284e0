//! `unmask watch`. In: a live stream. Out: a record stream as it comes, or a view for people.

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use unmask::report::{self, Sink, Tee};
use unmask::types::Prob;
use unmask::{Cancel, Engines, Error, LiveInput, LiveSpec, Run, SinkSpec, SourceSpec, analyze, media};

use super::interrupt::{self, INTERRUPTED};
use super::{AnalysisArgs, stdout_is_terminal};

#[derive(Args)]
pub struct WatchArgs {
    /// An rtsp, rtmp, srt, udp, http or https address, a WHEP server's (whep+https://…), /dev/video0, a .sdp file, - for
    /// standard input, or a recording, which is played as if it were live
    #[arg(value_name = "SOURCE")]
    source: String,
    /// What to print (default: view on a terminal, else jsonl)
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// End by itself after so long, such as 90, 30s, 15m or 2h
    #[arg(long = "for", value_name = "TIME", value_parser = seconds)]
    for_s: Option<f64>,
    /// Frames a second while something stands out or a challenge goes on (default: every frame)
    #[arg(long, value_name = "N")]
    full_fps: Option<f64>,
    /// Give up a stream that stays away for so long (default: 2m)
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    give_up: Option<f64>,
    #[command(flatten)]
    analysis: AnalysisArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One JSON object a line, each as soon as it is known
    Jsonl,
    /// A line a second and a line an event, and a page for people at the end
    View,
}

/// Seconds, or a number with s, m or h behind it.
pub fn seconds(text: &str) -> Result<f64, String> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(number) => (number, text.chars().next_back()),
        None => (text, None),
    };
    let factor = match unit {
        Some('m') => 60.0,
        Some('h') => 3600.0,
        _ => 1.0,
    };
    let value = number.parse::<f64>().map_err(|_| "give a time such as 90, 30s, 15m or 2h".to_owned())? * factor;
    let bounds = "give a time above 0 and up to 720h".to_owned();
    if value > 0.0 && value <= 720.0 * 3600.0 { Ok(value) } else { Err(bounds) }
}

/// Watches until the stream ends, the time is over, or Ctrl-C.
pub fn run(args: &WatchArgs) -> anyhow::Result<ExitCode> {
    let mut config = args.analysis.config()?;
    config.live.full_fps = args.full_fps.or(config.live.full_fps);
    config.live.give_up_s = args.give_up.unwrap_or(config.live.give_up_s);
    config.validate()?;
    let input = LiveInput::parse(&args.source).map_err(Error::from)?;
    let cancel = Cancel::default();
    interrupt::catch(&cancel, "finishing with what was seen so far")?;
    // The networks first: what comes while they load would be lost.
    let mut engines = Engines::load(&config)?;
    let spec = LiveSpec { input, config: config.live.clone(), for_s: args.for_s };
    let opened = media::build(SourceSpec::Live(spec), &config.limits, &cancel).map_err(Error::from);
    let mut source = match opened {
        Err(_) if cancel.is_cancelled() => return Ok(ExitCode::from(INTERRUPTED)),
        opened => opened?,
    };
    let out = || Box::new(std::io::stdout()) as Box<dyn Write>;
    let mut run = |sink: &mut dyn Sink| {
        analyze(
            &mut *source,
            Run { config: &config, engines: &mut engines, sink, cancel: &cancel, progress: &mut |_| {} },
        )
    };
    match args.format.unwrap_or(if stdout_is_terminal() { Format::View } else { Format::Jsonl }) {
        Format::Jsonl => {
            run(&mut *report::build(SinkSpec::JsonlAtOnce { out: out(), name: "standard output".into() }))?
        }
        Format::View => {
            let mut view = report::build(SinkSpec::View {
                out: out(),
                alarm_at: Prob::new(config.verdict.face.signs_at).unwrap_or(Prob::ONE),
                colour: stdout_is_terminal() && std::env::var_os("NO_COLOR").is_none(),
            });
            let mut page = report::build(SinkSpec::Summary { out: out() });
            run(&mut Tee::new(&mut *view, &mut *page))?
        }
    };
    Ok(if cancel.is_cancelled() { ExitCode::from(INTERRUPTED) } else { ExitCode::SUCCESS })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_unit() {
        for (text, value) in [("90", 90.0), ("30s", 30.0), ("1.5m", 90.0), ("2h", 7200.0)] {
            assert_eq!(seconds(text), Ok(value));
        }
        for text in ["", "s", "-1", "0", "1d", "nan", "1e9h", "inf"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
