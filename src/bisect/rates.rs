//! How often a probe lies: `a`, a good candidate fails; `b`, a bad one passes.

use serde::{Deserialize, Serialize};

/// One pair of rates with its prior weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// P(fail | good), an intermittent failure of something else.
    pub a: f64,
    /// P(pass | bad), an intermittent failure that did not show.
    pub b: f64,
    /// Prior weight; all sum to 1.
    pub weight: f64,
}

/// No verdict is taken for more certain than this, unless the user says so: a probe that lied would be fatal.
pub const LEAST: f64 = 1e-4;
/// Rates of a command that is declared deterministic: small enough that nothing overrules a verdict.
const NEVER: f64 = 1e-9;
/// Rates that are taken for possible when nothing is known.
const GRID: [f64; 8] = [0.002, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4];

/// What is known of the rates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Known {
    /// Nothing.
    #[default]
    Nothing,
    /// The same candidate always gives the same verdict.
    Deterministic,
    /// Told: P(fail | good), P(pass | bad).
    Told(f64, f64),
    /// Verdicts on candidates known to be good (passed, failed) and bad (passed, failed).
    Counted {
        /// Known good: passed, failed.
        good: (u32, u32),
        /// Known bad: passed, failed.
        bad: (u32, u32),
    },
}

impl Known {
    /// The rates to reckon with; weights sum to 1.
    #[must_use]
    pub fn rates(&self) -> Vec<Rate> {
        let one = |a: f64, b: f64| vec![Rate { a, b, weight: 1.0 }];
        match self {
            Self::Deterministic => one(NEVER, NEVER),
            Self::Told(a, b) => one(a.clamp(LEAST, 0.49), b.clamp(LEAST, 0.49)),
            Self::Nothing => unknown(),
            Self::Counted { good, bad } => {
                let mut rates = unknown();
                for rate in &mut rates {
                    let chance = |p: f64, misses: u32, all: u32| {
                        p.powf(f64::from(misses)) * (1.0 - p).powf(f64::from(all - misses))
                    };
                    rate.weight *= chance(rate.a, good.1, good.0 + good.1) * chance(rate.b, bad.0, bad.0 + bad.1);
                }
                normalise(rates)
            }
        }
    }
}

/// Most commands always say the same; those that don't mostly lie both ways at about one rate (a bad node), or one
/// way only (a race that does not always show; a machine that sometimes fails).
fn unknown() -> Vec<Rate> {
    let mut rates = Vec::new();
    for (i, a) in GRID.into_iter().enumerate() {
        for (j, b) in GRID.into_iter().enumerate() {
            let mut weight = SHARES.0 / 64.0;
            if i == j {
                weight += SHARES.1 / 8.0;
            }
            if i == 0 || j == 0 {
                weight += SHARES.2 / 15.0;
            }
            if i == 0 && j == 0 {
                weight += SHARES.3;
            }
            rates.push(Rate { a, b, weight });
        }
    }
    normalise(rates)
}

/// Shares of the prior: any pair, equal rates, one-sided, deterministic.
const SHARES: (f64, f64, f64, f64) = (0.35, 0.3, 0.15, 0.2);

fn normalise(mut rates: Vec<Rate>) -> Vec<Rate> {
    let sum: f64 = rates.iter().map(|rate| rate.weight).sum();
    for rate in &mut rates {
        rate.weight /= sum;
    }
    rates
}

/// Reads `0.05,0.2`, P(fail | good) and P(pass | bad); one number stands for both.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str) -> Result<(f64, f64), String> {
    let (a, b) = text.split_once(',').unwrap_or((text, text));
    let rate = |part: &str| match part.trim().parse::<f64>() {
        Ok(rate) if (0.0..0.5).contains(&rate) => Ok(rate),
        _ => Err(format!("`{part}` is no rate: a number from 0 to below 0.5, such as 0.05,0.2")),
    };
    Ok((rate(a)?, rate(b)?))
}

/// Reads a probability to be reached.
///
/// # Errors
/// What is wrong with it.
pub fn parse_confidence(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(confidence) if (0.5..1.0).contains(&confidence) => Ok(confidence),
        _ => Err("a number from 0.5 to below 1, such as 0.95".to_owned()),
    }
}

/// Reads `5%` or `0.05` as a share.
///
/// # Errors
/// What is wrong with it.
pub fn parse_share(text: &str) -> Result<f64, String> {
    let (number, scale) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 0.01));
    match number.trim().parse::<f64>() {
        Ok(share) if share > 0.0 && share.is_finite() => Ok(share * scale),
        _ => Err("a share above 0, such as 5%".to_owned()),
    }
}
