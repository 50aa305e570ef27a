//! Robust summaries and two-sample tests.

use super::distribution::{binomial_cdf, ln_choose, normal_tail, student_tail};

/// What a MAD is multiplied by to estimate a normal's standard deviation: 1 / Φ⁻¹(3/4).
pub const MAD_TO_SIGMA: f64 = 1.482_602_218_505_602;

/// The result of a two-sample test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Test {
    /// t of Welch's test, U of the first sample for Mann and Whitney's.
    pub statistic: f64,
    /// Two-sided.
    pub p: f64,
}

/// A median with an interval that holds for any distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Median {
    /// The sample's median.
    pub value: f64,
    /// The lower order statistic; the least value if the sample is too small for the asked confidence.
    pub low: f64,
    /// The upper one.
    pub high: f64,
    /// The confidence that the interval really has: 1 − 2 P(X ≤ k), X ~ Binomial(n, 1/2).
    pub confidence: f64,
}

/// The finite values in rising order.
#[must_use]
pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut kept: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    kept.sort_by(f64::total_cmp);
    kept
}

/// The q-quantile of sorted values, linear between order statistics (Hyndman and Fan's type 7); `None` without values.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the place lies inside the slice")]
pub fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = q.clamp(0.0, 1.0) * count(last);
    let low = place.floor() as usize;
    let (below, above) = (sorted.get(low)?, sorted.get((low + 1).min(last))?);
    Some(below + (above - below) * (place - place.floor()))
}

/// The median of the finite values; `None` without any.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(&sorted(values), 0.5)
}

/// The median absolute deviation from the median, not scaled; `None` without values.
#[must_use]
pub fn mad(values: &[f64]) -> Option<f64> {
    let middle = median(values)?;
    median(&values.iter().map(|value| (value - middle).abs()).collect::<Vec<f64>>())
}

/// The median of sorted values with the narrowest symmetric order-statistic interval of at least `confidence`.
#[must_use]
pub fn median_interval(sorted: &[f64], confidence: f64) -> Option<Median> {
    let value = quantile(sorted, 0.5)?;
    let n = u32::try_from(sorted.len()).ok()?;
    // the k-th least and the k-th greatest miss the true median with probability 2 P(X < k)
    let misses = |k: u32| 2.0 * binomial_cdf(k, n, 0.5);
    let (mut k, mut too_many) = (0, n.div_ceil(2));
    while k + 1 < too_many {
        let middle = k.midpoint(too_many);
        if misses(middle) <= 1.0 - confidence {
            k = middle;
        } else {
            too_many = middle;
        }
    }
    let place = usize::try_from(k).ok()?;
    let (low, high) = (*sorted.get(place)?, *sorted.get(sorted.len() - 1 - place)?);
    Some(Median { value, low, high, confidence: (1.0 - misses(k)).max(0.0) })
}

/// Mean and variance (n − 1 in the denominator); `None` below two values.
#[must_use]
pub fn mean_variance(values: &[f64]) -> Option<(f64, f64)> {
    if values.len() < 2 {
        return None;
    }
    let n = count(values.len());
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((mean, squares / (n - 1.0)))
}

/// Welch's t-test; `None` below two values a side or if neither side varies.
#[must_use]
pub fn welch(a: &[f64], b: &[f64]) -> Option<Test> {
    let ((mean_a, var_a), (mean_b, var_b)) = (mean_variance(a)?, mean_variance(b)?);
    let (n_a, n_b) = (count(a.len()), count(b.len()));
    let (part_a, part_b) = (var_a / n_a, var_b / n_b);
    let variance = part_a + part_b;
    if variance <= 0.0 || !variance.is_finite() {
        return None;
    }
    let t = (mean_b - mean_a) / variance.sqrt();
    let df = variance.powi(2) / (part_a.powi(2) / (n_a - 1.0) + part_b.powi(2) / (n_b - 1.0));
    Some(Test { statistic: t, p: 2.0 * student_tail(t.abs(), df) })
}

/// Most values of both samples for which the rank test counts all orders instead of approximating.
const EXACT: usize = 40;

/// Mann and Whitney's rank test: exact for small samples without ties, else normal with corrections for ties and
/// continuity. Below about 8 values a side it can't reach p < .001, whatever the data. `None` if a side is empty.
#[must_use]
pub fn mann_whitney(a: &[f64], b: &[f64]) -> Option<Test> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let mut all: Vec<(f64, bool)> = a.iter().map(|value| (*value, true)).collect();
    all.extend(b.iter().map(|value| (*value, false)));
    all.sort_by(|left, right| left.0.total_cmp(&right.0));
    let (mut ranks, mut ties, mut start) = (0.0, 0.0, 0);
    while start < all.len() {
        let same = all[start..].iter().take_while(|(value, _)| value.total_cmp(&all[start].0).is_eq()).count().max(1);
        // equal values share the mean of their ranks, which count from 1
        let rank = count(start) + f64::midpoint(1.0, count(same));
        ranks += rank * count(all[start..start + same].iter().filter(|(_, first)| *first).count());
        ties += count(same).powi(3) - count(same);
        start += same;
    }
    let (n_a, n_b) = (count(a.len()), count(b.len()));
    let u = ranks - n_a * (n_a + 1.0) / 2.0;
    let p = if ties == 0.0 && all.len() <= EXACT { exact(a.len(), b.len(), u) } else { approximate(n_a, n_b, u, ties) };
    Some(Test { statistic: u, p: p.min(1.0) })
}

fn approximate(n_a: f64, n_b: f64, u: f64, ties: f64) -> f64 {
    let n = n_a + n_b;
    let variance = n_a * n_b / 12.0 * ((n + 1.0) - ties / (n * (n - 1.0)));
    if variance <= 0.0 {
        return 1.0;
    }
    let distance = ((u - n_a * n_b / 2.0).abs() - 0.5).max(0.0);
    2.0 * normal_tail(distance / variance.sqrt())
}

/// How many of the orders of two samples have a U at most as far out as `u`, by the recursion over the greatest value.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "without ties U is a small whole number")]
fn exact(n_a: usize, n_b: usize, u: f64) -> f64 {
    let most = n_a * n_b;
    // ways[i][k]: orders of i values of the first sample and the current number of the second with U = k
    let mut ways = vec![vec![0.0_f64; most + 1]; n_a + 1];
    for row in &mut ways {
        row[0] = 1.0;
    }
    for j in 1..=n_b {
        for i in 1..=n_a {
            for k in (0..=most).rev() {
                // the greatest value is the second sample's (row i, j-1) or the first's, which then beats all j
                let beaten = if k >= j { ways[i - 1][k - j] } else { 0.0 };
                ways[i][k] += beaten;
            }
        }
    }
    let out = (u.min(count(most) - u)).max(0.0) as usize;
    let total = ln_choose(n_a as u32 + n_b as u32, n_a as u32).exp();
    2.0 * ways[n_a].iter().take(out + 1).sum::<f64>() / total
}

/// A count as a number; exact up to 2^53.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub const fn count(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
#[allow(clippy::unreadable_literal, reason = "as the reference prints them")]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-8 * expected.abs().max(1e-6), "{found} instead of {expected}");
    }

    #[test]
    fn order_statistics() {
        let values = [3.0, 1.0, f64::NAN, 2.0, 10.0];
        assert_eq!(median(&values), Some(2.5));
        assert_eq!(mad(&values), Some(1.0));
        assert_eq!(median(&[]), None);
        let ten: Vec<f64> = (1..=10).map(f64::from).collect();
        // the textbook's interval for ten values: from the 2nd to the 9th, 97.9 %
        let interval = median_interval(&ten, 0.95).unwrap();
        assert_eq!((interval.low, interval.high), (2.0, 9.0));
        near(interval.confidence, 0.978_515_625);
        let two = median_interval(&[1.0, 2.0], 0.95).unwrap();
        assert_eq!((two.low, two.high), (1.0, 2.0));
        near(two.confidence, 0.5);
    }

    // the expected values are SciPy's

    #[test]
    fn welch_t() {
        let test = welch(&[1.0, 2.0, 3.0, 4.0], &[3.0, 5.0, 4.0, 9.0, 7.0]).unwrap();
        near(test.statistic, 2.4688332103888295);
        near(test.p, 0.04661375385532271);
        assert_eq!(welch(&[1.0, 1.0], &[1.0, 1.0]), None);
        assert_eq!(welch(&[1.0], &[1.0, 2.0]), None);
    }

    #[test]
    fn rank_test() {
        let exact = mann_whitney(&[1.0, 2.0, 3.5, 4.0], &[3.0, 5.0, 4.5, 9.0, 7.0]).unwrap();
        near(exact.statistic, 2.0);
        near(exact.p, 4.0 / 63.0);
        let ties = mann_whitney(&[1.0, 2.0, 3.0, 4.0], &[3.0, 5.0, 4.0, 9.0, 7.0]).unwrap();
        near(ties.statistic, 2.0);
        near(ties.p, 0.06393674600423606);
        let same = mann_whitney(&[1.0, 1.0], &[1.0, 1.0]).unwrap();
        assert!((same.p - 1.0).abs() < 1e-12);
    }
}
