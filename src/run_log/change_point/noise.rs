//! How much a series varies without any change: the spread, the correlation of neighbours, the spikes.

use crate::run_log::stats::{MAD_TO_SIGMA, count, median};

/// The noise of a series, in the units of the working scale (ln, so 0.02 is 2 %, where all values are positive).
#[derive(Clone, Debug, PartialEq)]
pub struct Noise {
    /// Standard deviation of one value around its level.
    pub sigma: f64,
    /// Correlation of a value with the next, 0 to [`MOST_CORRELATION`].
    pub correlation: f64,
    /// Indices of the spikes that were left out.
    pub outliers: Vec<usize>,
}

/// More correlation than this is a drift, against which no test of ours would hold anyway.
pub const MOST_CORRELATION: f64 = 0.7;
/// Values of the running median: at least half of them are newer than a change that is five values old.
const WINDOW: usize = 9;
/// Values on one side that a spike is held against; two of them may be spikes as well.
const SIDE: usize = 5;
/// Values of one level differ by less than this many sigma.
const AGREE: f64 = 6.0;
/// As many values in a row beyond the limit on one side are a level, not spikes.
const LEVEL: usize = 3;

/// A series on its working scale; a weight of 0 leaves a value out.
#[derive(Clone, Debug)]
pub struct Series {
    /// The values, spikes clipped.
    pub values: Vec<f64>,
    /// 1 for a value that counts.
    pub weights: Vec<f64>,
}

impl Series {
    /// Winsorises `values` (not finite: missing) against the running median ± `limit` sigma, sigma from first
    /// differences; what is as far from the values before and from those after is left out.
    #[must_use]
    pub fn winsorised(values: &[f64], limit: f64) -> (Self, Noise) {
        let weights = values.iter().map(|value| f64::from(u8::from(value.is_finite()))).collect();
        let mut series =
            Self { values: values.iter().map(|v| if v.is_finite() { *v } else { 0.0 }).collect(), weights };
        let sigma = spread(&series.differences(values, 1));
        let half = WINDOW / 2;
        for (index, value) in values.iter().enumerate() {
            let window = &values[index.saturating_sub(half)..(index + half + 1).min(values.len())];
            if let (true, Some(middle)) = (value.is_finite(), median(&finite(window))) {
                series.values[index] = value.clamp(middle - limit * sigma, middle + limit * sigma);
            }
        }
        let side = |index: usize| {
            let before = median(&finite(&values[index.saturating_sub(SIDE)..index]));
            let after = median(&finite(&values[index + 1..(index + 1 + SIDE).min(values.len())]));
            let from = |other: Option<f64>| other.map_or(0, |other| far(values[index] - other, limit * sigma));
            if from(before) == from(after) { from(before) } else { 0 }
        };
        let sides: Vec<i8> = (0..values.len()).map(side).collect();
        let outliers = series.leave_out(values, &sides, AGREE * sigma);
        (series, Noise { sigma, correlation: 0.0, outliers })
    }

    /// Leaves out what lies more than `limit` sigma from its level, unless a run of like values does; estimates the noise
    /// from what stays. `levels` has a level for each value.
    pub fn refine(&mut self, values: &[f64], levels: &[f64], limit: f64, sigma: f64) -> Noise {
        let side = |(value, level): (&f64, &f64)| far(value - level, limit * sigma);
        let sides: Vec<i8> = values.iter().zip(levels).map(side).collect();
        let outliers = self.leave_out(values, &sides, AGREE * sigma);
        for (index, value) in values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
            self.values[index] = value.clamp(levels[index] - limit * sigma, levels[index] + limit * sigma);
        }
        let residuals: Vec<f64> = self.values.iter().zip(levels).map(|(value, level)| value - level).collect();
        let (sigma, correlation) = self.spread_and_correlation(&residuals);
        Noise { sigma, correlation, outliers }
    }

    /// Weighs what is far out on one side with 0, except for runs of values that agree within `agree`: a level.
    fn leave_out(&mut self, values: &[f64], sides: &[i8], agree: f64) -> Vec<usize> {
        let mut outliers = Vec::new();
        let mut start = 0;
        while start < sides.len() {
            let run = start..start + sides[start..].iter().take_while(|side| **side == sides[start]).count().max(1);
            let inside = &values[run.clone()];
            let most = inside.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let least = inside.iter().copied().fold(f64::INFINITY, f64::min);
            let spike = sides[start] != 0 && (run.len() < LEVEL || most - least > agree);
            start = run.end;
            for index in run {
                self.weights[index] = f64::from(u8::from(values[index].is_finite() && !spike));
                if spike {
                    outliers.push(index);
                }
            }
        }
        outliers
    }

    /// From differences: a change that was not found yet hardly moves them, as it would the variance. At distance k they
    /// have variance 2σ²(1 − ρ^k), which is 2σ² for all but the nearest.
    fn spread_and_correlation(&self, residuals: &[f64]) -> (f64, f64) {
        let square = |lag: usize| {
            let differences = self.differences(residuals, lag);
            (differences.iter().map(|d| d * d).sum::<f64>(), count(differences.len()))
        };
        let (near, pairs) = square(1);
        let near = near / pairs.max(1.0);
        let n: f64 = self.weights.iter().sum();
        let lags = FAR.0..=FAR.1.min(self.values.len() / 4);
        let (sum, pairs) = lags.map(square).fold((0.0, 0.0), |all, one| (all.0 + one.0, all.1 + one.1));
        if pairs < 1.0 || sum <= 0.0 {
            return ((near / 2.0).sqrt(), 0.0);
        }
        let far = sum / pairs;
        let raw = 1.0 - near / far;
        let chance = 1.0 / n.max(1.0).sqrt();
        // what chance alone makes of no correlation is not held against the series; what is there is not taken for less
        let correlation =
            (raw + MARGIN * chance * ((raw / chance - SHADE) / 1.0).clamp(-1.0, 1.0)).clamp(0.0, MOST_CORRELATION);
        ((f64::midpoint(near / (1.0 - correlation), far) / 2.0).sqrt(), correlation)
    }

    /// Differences at a distance of values that both count.
    fn differences(&self, values: &[f64], lag: usize) -> Vec<f64> {
        let both = |index: usize| self.weights[index] > 0.0 && self.weights[index - lag] > 0.0;
        (lag..values.len()).filter(|index| both(*index)).map(|index| values[index] - values[index - lag]).collect()
    }
}

/// Distances at which neighbours of a moderately correlated series no longer know of each other.
const FAR: (usize, usize) = (3, 8);
/// Standard errors (1/√n) by which a correlation is shaded, down where it may be chance, up where it is not.
const MARGIN: f64 = 0.5;
/// Standard errors above which it is not.
const SHADE: f64 = 1.5;

/// Sigma from differences: their MAD, or, where more than half of them are 0, the root of the mean square without the
/// greatest twentieth.
fn spread(differences: &[f64]) -> f64 {
    let mut sizes: Vec<f64> = differences.iter().map(|d| d.abs()).collect();
    let robust = median(&sizes).unwrap_or(0.0) * MAD_TO_SIGMA / std::f64::consts::SQRT_2;
    if robust > 0.0 {
        return robust;
    }
    sizes.sort_by(f64::total_cmp);
    sizes.truncate(sizes.len() - sizes.len().div_ceil(20));
    let n = count(sizes.len().max(1));
    (sizes.iter().map(|d| d * d).sum::<f64>() / n / 2.0).sqrt()
}

fn far(distance: f64, limit: f64) -> i8 {
    if distance > limit { 1 } else { -i8::from(distance < -limit) }
}

fn finite(values: &[f64]) -> Vec<f64> {
    values.iter().copied().filter(|value| value.is_finite()).collect()
}
