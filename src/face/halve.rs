//! Halving. In: a part of a plane. Out: the mean of each square of four; several times faster than a general filter.

use crate::types::PlaneView;

/// Fills `to`, rows of `width` values, from the part of the plane that begins at sample `(left, top)` and is twice as
/// wide and high. Sample `x` of a row is at `x · step`. What lies behind the plane's end stays as it was.
pub fn halve(view: PlaneView<'_>, step: usize, (left, top): (usize, usize), width: usize, to: &mut [u8]) {
    let rows = view.data.chunks(view.stride.max(1)).skip(top);
    let begin = |row: &'_ [u8]| (left * step).min(row.len());
    let (upper, lower) = (rows.clone().step_by(2), rows.skip(1).step_by(2));
    for ((a, b), out) in upper.zip(lower).zip(to.chunks_exact_mut(width.max(1))) {
        let (a, b) = (&a[begin(a)..], &b[begin(b)..]);
        let mean = |a: [u8; 2], b: [u8; 2]| {
            let sum = u16::from(a[0]) + u16::from(a[1]) + u16::from(b[0]) + u16::from(b[1]);
            ((sum + 2) / 4) as u8
        };
        if step == 1 {
            for ((a, b), out) in a.as_chunks::<2>().0.iter().zip(b.as_chunks::<2>().0).zip(out) {
                *out = mean(*a, *b);
            }
        } else {
            let pairs = |row: &[u8], i: usize| [2 * i, 2 * i + 1].map(|x| row.get(x * step).copied().unwrap_or(0));
            for (i, out) in out.iter_mut().enumerate() {
                *out = mean(pairs(a, i), pairs(b, i));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_of_four_from_a_part_with_stride() {
        let data: Vec<u8> = (0..6 * 8).map(|i| (i % 8 * 10 + i / 8) as u8).collect();
        let mut out = [0; 4];
        halve(PlaneView { data: &data, stride: 8 }, 1, (2, 2), 2, &mut out);
        // columns 2 and 3 of rows 2 and 3: 22, 32, 23, 33
        assert_eq!(out, [28, 48, 30, 50]);
        let interleaved: Vec<u8> = data.iter().flat_map(|v| [*v, 255]).collect();
        let mut second = [0; 4];
        halve(PlaneView { data: &interleaved, stride: 16 }, 2, (2, 2), 2, &mut second);
        assert_eq!(second, out);
    }
}
