//! Lines and bands. In: levels a step. Out: SVG path data in seconds by [`HEIGHT`] units, as short as whole numbers allow.

use std::fmt::Write as _;

use super::series::{Cover, Level};

/// Height of a lane's drawing: P(masked) 1 is at 0, 0 is at the bottom.
pub(super) const HEIGHT: i32 = 200;

fn y(p: f32) -> i32 {
    ((1.0 - p.clamp(0.0, 1.0)) * HEIGHT as f32).round() as i32
}

/// Each run of steps with values: the first step and the values.
fn runs(levels: &[Option<Level>]) -> Vec<(usize, Vec<Level>)> {
    let mut out: Vec<(usize, Vec<Level>)> = Vec::new();
    let mut open = false;
    for (i, level) in levels.iter().enumerate() {
        match (level, open) {
            (Some(level), true) => out.last_mut().into_iter().for_each(|(_, run)| run.push(*level)),
            (Some(level), false) => out.push((i, vec![*level])),
            (None, _) => {}
        }
        open = level.is_some();
    }
    out
}

/// Horizontal pieces from `x`, a piece a step, joined by vertical ones; equal neighbours are one piece.
fn stairs(out: &mut String, heights: impl Iterator<Item = i32>, mut x: i64, dx: i64, from: Option<i32>) {
    let mut at = from;
    let mut pending = false;
    for height in heights {
        if at != Some(height) {
            if pending {
                let _ = write!(out, "H{x}");
            }
            let _ = write!(out, "V{height}");
            at = Some(height);
        }
        pending = true;
        x += dx;
    }
    if pending {
        let _ = write!(out, "H{x}");
    }
}

/// The means.
pub(super) fn line(levels: &[Option<Level>], step_s: usize) -> String {
    let (mut out, dx) = (String::new(), step_s as i64);
    for (first, run) in runs(levels) {
        let start = run.first().map_or(0, |l| y(l.mean));
        let _ = write!(out, "M{} {start}", first as i64 * dx);
        stairs(&mut out, run.iter().map(|l| y(l.mean)), first as i64 * dx, dx, Some(start));
    }
    out
}

/// From the lowest to the highest.
pub(super) fn band(levels: &[Option<Level>], step_s: usize) -> String {
    let (mut out, dx) = (String::new(), step_s as i64);
    for (first, run) in runs(levels) {
        let (left, right) = (first as i64 * dx, (first + run.len()) as i64 * dx);
        let start = run.first().map_or(0, |l| y(l.high));
        let _ = write!(out, "M{left} {start}");
        stairs(&mut out, run.iter().map(|l| y(l.high)), left, dx, Some(start));
        stairs(&mut out, run.iter().rev().map(|l| y(l.low)), right, -dx, None);
        out.push('Z');
    }
    out
}

/// Bars over the steps with this cover.
pub(super) fn bars(covers: &[Cover], which: Cover, step_s: usize, top: i32, height: i32) -> String {
    let mut out = String::new();
    let mut i = 0;
    while i < covers.len() {
        let end = covers[i..].iter().position(|c| *c != which).map_or(covers.len(), |n| i + n);
        if end > i {
            let _ = write!(out, "M{} {top}h{}v{height}h-{}Z", i * step_s, (end - i) * step_s, (end - i) * step_s);
        }
        i = end.max(i + 1);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(mean: f32) -> Option<Level> {
        Some(Level { mean, low: mean - 0.1, high: mean + 0.1 })
    }

    #[test]
    fn lines_break_where_nothing_was_scored() {
        let levels = [level(0.5), level(0.5), level(0.75), None, level(0.25)];
        assert_eq!(line(&levels, 1), "M0 100H2V50H3M4 150H5");
        assert_eq!(line(&[], 1), "");
    }

    #[test]
    fn bands_are_closed() {
        assert_eq!(band(&[level(0.5), level(0.7)], 2), "M0 80H2V40H4V80H2V120H0Z");
    }

    #[test]
    fn bars_cover_runs() {
        use Cover::{Nothing, Scored};
        assert_eq!(bars(&[Scored, Scored, Nothing, Scored], Scored, 1, 0, 5), "M0 0h2v5h-2ZM3 0h1v5h-1Z");
    }
}
