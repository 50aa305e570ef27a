//! The few distributions that verdicts on runs need: normal, Student's t, beta and binomial.
//!
//! Written out because they are 150 lines; the continued fraction and the Lanczos sum are those of Press et al.,
//! *Numerical Recipes*, 3rd ed., sections 6.1, 6.2 and 6.4. Relative errors stay below 1e-10.

use std::f64::consts::PI;

/// Terms after which a continued fraction or a series is taken as it is; both converge in far fewer.
const TERMS: u32 = 500;

/// ln Γ(x) for x > 0.
#[must_use]
pub fn ln_gamma(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        // reflection: the sum is only good to the right of 1/2
        return (PI / (PI * x).sin()).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let mut sum = 0.999_999_999_999_809_9;
    let mut place = x;
    for coefficient in COEFFICIENTS {
        place += 1.0;
        sum += coefficient / place;
    }
    let t = x + 7.5;
    0.5 * (2.0 * PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// ln B(a, b) for a, b > 0.
#[must_use]
pub fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

/// The regularised incomplete beta function `I_x(a, b)`: P(X ≤ x) for X ~ Beta(a, b).
#[must_use]
pub fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = (a * x.ln() + b * (-x).ln_1p() - ln_beta(a, b)).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction(x, a, b) / a
    } else {
        1.0 - front * fraction(1.0 - x, b, a) / b
    }
}

/// The continued fraction of the incomplete beta function, by Lentz's method.
#[allow(clippy::many_single_char_names, reason = "the letters of the source")]
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let kept = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / kept(1.0 - (a + b) * x / (a + 1.0));
    let mut product = d;
    for m in 1..TERMS {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / kept(1.0 + even * d);
        c = kept(1.0 + even / c);
        product *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / kept(1.0 + odd * d);
        c = kept(1.0 + odd / c);
        let step = d * c;
        product *= step;
        if (step - 1.0).abs() < 1e-15 {
            break;
        }
    }
    product
}

/// P(Z > z) for a standard normal Z.
#[must_use]
pub fn normal_tail(z: f64) -> f64 {
    if z.is_nan() {
        return f64::NAN;
    }
    if z < 0.0 {
        return 1.0 - normal_tail(-z);
    }
    let x = z * z / 2.0;
    // the normal is a gamma of 1/2: a series near the middle, Lentz's fraction in the tail
    let front = (-x + 0.5 * x.ln() - ln_gamma(0.5)).exp();
    if x < 1.5 { 0.5 * (1.0 - front * gamma_series(x)) } else { 0.5 * front * gamma_fraction(x) }
}

fn gamma_series(x: f64) -> f64 {
    if x == 0.0 {
        return 0.0;
    }
    let (mut term, mut sum, mut a) = (2.0, 2.0, 0.5);
    for _ in 0..TERMS {
        a += 1.0;
        term *= x / a;
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    sum
}

#[allow(clippy::many_single_char_names, reason = "the letters of the source")]
fn gamma_fraction(x: f64) -> f64 {
    let mut b = x + 0.5;
    let mut c = 1e300;
    let mut d = 1.0 / b;
    let mut h = d;
    for i in 1..TERMS {
        let i = f64::from(i);
        let a = -i * (i - 0.5);
        b += 2.0;
        d = 1.0 / (a * d + b);
        c = b + a / c;
        let step = d * c;
        h *= step;
        if (step - 1.0).abs() < 1e-15 {
            break;
        }
    }
    h
}

/// The z with P(Z > z) = `tail`, 0 < tail < 1.
#[must_use]
pub fn normal_quantile(tail: f64) -> f64 {
    if tail > 0.5 {
        return -normal_quantile(1.0 - tail);
    }
    bisect(tail, normal_tail)
}

/// P(T > t) for Student's t with `df` degrees of freedom (any positive number).
#[must_use]
pub fn student_tail(t: f64, df: f64) -> f64 {
    if t.is_nan() || df.is_nan() {
        return f64::NAN;
    }
    if t < 0.0 {
        return 1.0 - student_tail(-t, df);
    }
    if df > 1e7 {
        return normal_tail(t);
    }
    0.5 * beta_cdf(df / (df + t * t), df / 2.0, 0.5)
}

/// The t with P(T > t) = `tail`, 0 < tail < 1.
#[must_use]
pub fn student_quantile(tail: f64, df: f64) -> f64 {
    if tail > 0.5 {
        return -student_quantile(1.0 - tail, df);
    }
    bisect(tail, |t| student_tail(t, df))
}

/// Where a falling function of t ≥ 0 reaches `tail`.
fn bisect(tail: f64, of: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while of(high) > tail && high < 1e12 {
        low = high;
        high *= 2.0;
    }
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if of(middle) > tail {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// ln of the density of Student's t with `df` degrees of freedom at `t`.
#[must_use]
pub fn student_ln_density(t: f64, df: f64) -> f64 {
    -0.5 * df.ln() - ln_beta(0.5, df / 2.0) - f64::midpoint(df, 1.0) * (t * t / df).ln_1p()
}

/// P(X ≤ k) for X ~ Binomial(n, p).
#[must_use]
pub fn binomial_cdf(k: u32, n: u32, p: f64) -> f64 {
    if k >= n {
        return 1.0;
    }
    beta_cdf(1.0 - p, f64::from(n - k), f64::from(k) + 1.0)
}

/// ln of the number of ways to choose k of n.
#[must_use]
pub fn ln_choose(n: u32, k: u32) -> f64 {
    if k > n {
        return f64::NEG_INFINITY;
    }
    if k == 0 || k == n {
        return 0.0;
    }
    let (n, k) = (f64::from(n), f64::from(k));
    ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0)
}

#[cfg(test)]
#[allow(clippy::unreadable_literal, reason = "as the reference prints them")]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1e-3), "{found} instead of {expected}");
    }

    // the expected values are SciPy's

    #[test]
    fn gamma_and_beta() {
        near(ln_gamma(0.5), 0.572_364_942_924_700_1);
        near(ln_gamma(10.0), 12.801_827_480_081_469);
        near(ln_gamma(0.1), 2.252_712_651_734_206);
        near(beta_cdf(0.3, 2.0, 5.0), 0.579_825);
        near(beta_cdf(0.99, 50.0, 0.5), 0.3173043978741973);
        near(ln_choose(10, 3), 120_f64.ln());
        near(ln_choose(2, 1), 2_f64.ln());
    }

    #[test]
    fn normal() {
        near(normal_tail(0.0), 0.5);
        near(normal_tail(1.0), 0.158_655_253_931_457_05);
        near(normal_tail(1.96), 0.024_997_895_148_220_435);
        near(normal_tail(6.0), 9.865_876_450_376_946e-10);
        near(normal_tail(-1.0), 0.841_344_746_068_542_9);
        near(normal_quantile(0.025), 1.959_963_984_540_054);
        near(normal_quantile(0.9), -1.281_551_565_544_600_4);
    }

    #[test]
    fn student() {
        near(student_tail(2.0, 4.0), 0.058_058_261_758_407_68);
        near(student_tail(3.7, 57.0), 0.00024357889496539082);
        near(student_tail(0.0, 3.0), 0.5);
        near(student_quantile(0.025, 10.0), 2.228_138_851_964_938_6);
        near(student_ln_density(0.0, 4.0), 0.375_f64.ln());
        assert!((student_tail(1.5, 1e8) - normal_tail(1.5)).abs() < 1e-9);
    }

    #[test]
    fn binomial() {
        near(binomial_cdf(3, 10, 0.5), 0.171_875);
        near(binomial_cdf(0, 5, 0.1), 0.590_49);
        near(binomial_cdf(5, 5, 0.1), 1.0);
    }
}
