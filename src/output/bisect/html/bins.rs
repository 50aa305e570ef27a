//! Many commits or values → at most as many columns as a screen can show.

use crate::bisect::report::Point;

/// Columns of a picture; on a phone, two pixels each.
pub const COLUMNS: usize = 160;

/// Neighbouring commits that share a column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bin {
    /// The first of them, from 0.
    pub from: usize,
    /// One past the last.
    pub to: usize,
    /// How probable it is that the cause is among them.
    pub posterior: f64,
    /// Their probes: good, bad, unresolved.
    pub probes: [u32; 3],
    /// How many of them changed an effective config.
    pub changes: usize,
}

/// How many neighbours share a column.
#[must_use]
pub fn size(count: usize) -> usize {
    count.div_ceil(COLUMNS).max(1)
}

/// The timeline in columns.
#[must_use]
pub fn bins(points: &[Point]) -> Vec<Bin> {
    let size = size(points.len());
    let mut bins = Vec::new();
    let mut class = points.first().map(|point| point.class);
    for (at, chunk) in points.chunks(size).enumerate() {
        let mut bin = Bin { from: at * size, to: at * size + chunk.len(), ..Bin::default() };
        for point in chunk {
            bin.posterior += point.posterior;
            bin.changes += usize::from(class != Some(point.class));
            class = Some(point.class);
            for (sum, one) in bin.probes.iter_mut().zip(point.probes) {
                *sum += one;
            }
        }
        bins.push(bin);
    }
    bins
}

/// Stretches of commits with equal configs: the first, and one past the last.
#[must_use]
pub fn bands(points: &[Point]) -> Vec<(usize, usize)> {
    let mut bands: Vec<(usize, usize)> = Vec::new();
    for (at, point) in points.iter().enumerate() {
        let goes_on = at > 0 && points.get(at - 1).is_some_and(|before| before.class == point.class);
        match bands.last_mut().filter(|_| goes_on) {
            Some(band) => band.1 = at + 1,
            None => bands.push((at, at + 1)),
        }
    }
    bands
}

/// A share of the picture's width, for an attribute.
#[must_use]
pub fn across(part: usize, whole: usize) -> String {
    format!("{:.3}%", share(part, whole))
}

/// The middle of a stretch.
#[must_use]
pub fn middle(from: usize, to: usize, whole: usize) -> f64 {
    f64::midpoint(share(from, whole), share(to, whole))
}

fn share(part: usize, whole: usize) -> f64 {
    100.0 * float(part) / float(whole.max(1))
}

/// A count as a number to reckon with.
#[must_use]
pub fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(count: usize) -> Vec<Point> {
        let one = |at: usize| Point {
            commit: at.to_string(),
            subject: String::new(),
            time: 0,
            class: at / 10,
            posterior: 0.001,
            probes: [1, 0, 2],
            changed: Vec::new(),
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn nothing_is_lost_in_columns() {
        for count in [0, 1, 2, 160, 161, 1025, 7777] {
            let points = points(count);
            let bins = bins(&points);
            assert!(bins.len() <= COLUMNS, "{count}: {}", bins.len());
            assert_eq!(bins.iter().map(|bin| bin.to - bin.from).sum::<usize>(), count);
            assert_eq!(bins.iter().map(|bin| bin.probes[2] as usize).sum::<usize>(), 2 * count);
            assert_eq!(bins.iter().map(|bin| bin.changes).sum::<usize>(), count.saturating_sub(1) / 10);
            let bands = bands(&points);
            assert_eq!(bands.len(), count.div_ceil(10));
            assert_eq!(bands.iter().map(|(from, to)| to - from).sum::<usize>(), count);
        }
    }
}
