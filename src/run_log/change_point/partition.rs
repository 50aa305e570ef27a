//! Where to cut a series: the best segmentation under a price for each cut, and the test of one cut.

use super::noise::{Noise, Series};
use crate::run_log::distribution::student_tail;
use crate::run_log::stats::count;

/// Sums over a prefix, so that the cost of any segment takes no loop.
#[derive(Clone, Debug)]
pub struct Sums {
    weight: Vec<f64>,
    value: Vec<f64>,
    square: Vec<f64>,
}

impl Sums {
    /// Of a series.
    #[must_use]
    pub fn new(series: &Series) -> Self {
        let mut sums = Self { weight: vec![0.0], value: vec![0.0], square: vec![0.0] };
        // sums of squares lose less when the values lie around 0
        let (mut w, mut v, mut s) = (0.0, 0.0, 0.0);
        for (value, weight) in series.values.iter().zip(&series.weights) {
            w += weight;
            v += weight * value;
            s += weight * value * value;
            sums.weight.push(w);
            sums.value.push(v);
            sums.square.push(s);
        }
        sums
    }

    /// Values in the series.
    fn len(&self) -> usize {
        self.weight.len() - 1
    }

    /// How many values of a..b count.
    #[must_use]
    pub fn weight(&self, a: usize, b: usize) -> f64 {
        self.weight[b] - self.weight[a]
    }

    /// Mean of those of a..b that count; 0 without any.
    #[must_use]
    pub fn mean(&self, a: usize, b: usize) -> f64 {
        let weight = self.weight(a, b);
        if weight > 0.0 { (self.value[b] - self.value[a]) / weight } else { 0.0 }
    }

    /// Their squared distances from their mean, summed.
    #[must_use]
    pub fn cost(&self, a: usize, b: usize) -> f64 {
        let weight = self.weight(a, b);
        if weight <= 0.0 {
            return 0.0;
        }
        let value = self.value[b] - self.value[a];
        (self.square[b] - self.square[a] - value * value / weight).max(0.0)
    }

    /// The level of each value, given the cuts.
    #[must_use]
    pub fn levels(&self, cuts: &[usize]) -> Vec<f64> {
        let mut levels = Vec::with_capacity(self.len());
        for (a, b) in segments(cuts, self.len()) {
            levels.resize(b, self.mean(a, b));
        }
        levels
    }
}

/// The segments between cuts of 0..n.
pub fn segments(cuts: &[usize], n: usize) -> impl Iterator<Item = (usize, usize)> {
    let starts = std::iter::once(0).chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain(std::iter::once(n));
    starts.zip(ends)
}

/// The cuts among `allowed` (rising) of a..b that minimise cost + prices; `price` is that of a cut in units of the cost.
/// Optimal partitioning (Jackson et al. 2005), exact; quadratic in the number of allowed cuts.
pub fn best(
    sums: &Sums,
    (a, b): (usize, usize),
    allowed: &[usize],
    least: f64,
    price: impl Fn(usize) -> f64,
) -> Vec<usize> {
    let inner = allowed.iter().copied().filter(|cut| a < *cut && *cut < b);
    let places: Vec<usize> = std::iter::once(a).chain(inner).chain(std::iter::once(b)).collect();
    let prices: Vec<f64> = places.iter().map(|place| if *place == a { 0.0 } else { price(*place) }).collect();
    let mut total = vec![f64::INFINITY; places.len()];
    let mut from = vec![0_usize; places.len()];
    total[0] = 0.0;
    for end in 1..places.len() {
        for start in 0..end {
            if sums.weight(places[start], places[end]) < least || !total[start].is_finite() {
                continue;
            }
            let sum = total[start] + prices[start] + sums.cost(places[start], places[end]);
            if sum < total[end] {
                (total[end], from[end]) = (sum, start);
            }
        }
    }
    let mut cuts = Vec::new();
    let mut place = from[places.len() - 1];
    while place > 0 {
        cuts.push(places[place]);
        place = from[place];
    }
    cuts.reverse();
    cuts
}

/// The difference of the levels on both sides of a cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Later level minus earlier, on the working scale.
    pub size: f64,
    /// Its standard error.
    pub error: f64,
    /// Two-sided, from Student's t.
    pub p: f64,
}

/// Tests the cut c of a..b with the noise known; `df` are the degrees of freedom of that knowledge.
#[must_use]
pub fn step(sums: &Sums, (a, c, b): (usize, usize, usize), noise: &Noise, df: f64) -> Step {
    let (left, right) = (sums.weight(a, c), sums.weight(c, b));
    if left < 1.0 || right < 1.0 {
        return Step { size: 0.0, error: f64::INFINITY, p: 1.0 };
    }
    let size = sums.mean(c, b) - sums.mean(a, c);
    let variance = mean_variance(left, noise.correlation) + mean_variance(right, noise.correlation)
        - 2.0 * covariance(left, right, noise.correlation);
    let error = noise.sigma * variance.max(1e-12).sqrt();
    Step { size, error, p: (2.0 * student_tail(size.abs() / error, df)).min(1.0) }
}

/// Variance of the mean of n neighbours of an AR(1) series of variance 1.
fn mean_variance(n: f64, rho: f64) -> f64 {
    inflation(n, rho) / n
}

/// By how much correlation makes that larger than 1/n: Σ ρ^|i−j| / n in closed form.
#[must_use]
pub fn inflation(n: f64, rho: f64) -> f64 {
    (1.0 + rho) / (1.0 - rho) - 2.0 * rho * (1.0 - rho.powf(n)) / (n * (1.0 - rho).powi(2))
}

/// Covariance of the means of two neighbouring stretches.
fn covariance(left: f64, right: f64, rho: f64) -> f64 {
    rho * (1.0 - rho.powf(left)) * (1.0 - rho.powf(right)) / ((1.0 - rho).powi(2) * left * right)
}

/// ln likelihood of each cut of a..b, up to a constant: one step at the cut, AR(1) noise of known size. Cuts that leave
/// a side fewer than `least` values have −∞. Index 0 is cut a + 1.
#[must_use]
pub fn profile(series: &Series, (a, b): (usize, usize), noise: &Noise, least: f64) -> Vec<f64> {
    let rho = noise.correlation;
    (a + 1..b)
        .map(|cut| {
            let counts = |from: usize, to: usize| series.weights[from..to].iter().sum::<f64>();
            if counts(a, cut) < least || counts(cut, b) < least {
                return f64::NEG_INFINITY;
            }
            -whitened_cost(series, (a, cut, b), rho) / (2.0 * noise.sigma.powi(2) * (1.0 - rho * rho))
        })
        .collect()
}

/// Squared innovations left by the best two levels: `x[i] − ρ x[i−1]` has mean `l[i] − ρ l[i−1]`, so the two normal
/// equations are those of a regression on two columns. Where the value before is missing, `x[i]` stands for itself.
#[allow(clippy::many_single_char_names, reason = "the letters of normal equations")]
fn whitened_cost(series: &Series, (a, cut, b): (usize, usize, usize), rho: f64) -> f64 {
    let (mut uu, mut uv, mut vv, mut uy, mut vy, mut yy) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for index in a..b {
        if series.weights[index] == 0.0 {
            continue;
        }
        let side = |at: usize| if at < cut { (1.0, 0.0) } else { (0.0, 1.0) };
        let (mut u, mut v) = side(index);
        let mut y = series.values[index];
        if index > a && series.weights[index - 1] > 0.0 {
            let before = side(index - 1);
            u -= rho * before.0;
            v -= rho * before.1;
            y -= rho * series.values[index - 1];
        } else {
            let scale = (1.0 - rho * rho).sqrt();
            u *= scale;
            v *= scale;
            y *= scale;
        }
        uu += u * u;
        uv += u * v;
        vv += v * v;
        uy += u * y;
        vy += v * y;
        yy += y * y;
    }
    let determinant = uu * vv - uv * uv;
    if determinant <= 0.0 {
        return yy - if uu > 0.0 { uy * uy / uu } else { 0.0 };
    }
    let (left, right) = ((vv * uy - uv * vy) / determinant, (uu * vy - uv * uy) / determinant);
    yy - left * uy - right * vy
}

/// The expected number of degrees of freedom that differences of n values give: four fifths of n at several distances (two thirds at distance 1, von Neumann 1941).
#[must_use]
pub fn degrees(n: f64, cuts: usize) -> f64 {
    ((n - 1.0 - count(cuts)) * 0.8).max(1.0)
}
