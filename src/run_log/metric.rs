//! What the engine knows of a step, whatever the framework calls it.

use serde::{Deserialize, Serialize};

/// A metric, each in one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Seconds of one iteration; averaged over the log interval where the framework does that.
    StepTime,
    /// Model TFLOP/s a GPU, by the framework's own count: only runs of the same release compare.
    TflopsPerGpu,
    /// Tokens/s a GPU.
    TokensPerSecondPerGpu,
    /// Most memory allocated by the framework's allocator on a GPU, in GB of 10^9 bytes.
    PeakMemory,
    /// Training loss; NaN where the framework leaves a NaN out.
    Loss,
    /// Norm of all gradients, before clipping.
    GradNorm,
    /// Iterations skipped since the line before.
    Skipped,
    /// Iterations with a NaN since the line before.
    NanIterations,
    /// Samples an iteration.
    GlobalBatchSize,
    /// Samples since the first iteration of the training, not of the log.
    ConsumedSamples,
    /// Seconds since 1970-01-01 of the clock that the log uses, whatever its zone.
    Timestamp,
}

impl Metric {
    /// All of them, in the order of declaration.
    pub const ALL: [Self; 11] = [
        Self::StepTime,
        Self::TflopsPerGpu,
        Self::TokensPerSecondPerGpu,
        Self::PeakMemory,
        Self::Loss,
        Self::GradNorm,
        Self::Skipped,
        Self::NanIterations,
        Self::GlobalBatchSize,
        Self::ConsumedSamples,
        Self::Timestamp,
    ];

    /// The name used in flags and output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::StepTime => "step_time",
            Self::TflopsPerGpu => "tflops_per_gpu",
            Self::TokensPerSecondPerGpu => "tokens_per_second_per_gpu",
            Self::PeakMemory => "peak_memory",
            Self::Loss => "loss",
            Self::GradNorm => "grad_norm",
            Self::Skipped => "skipped",
            Self::NanIterations => "nan_iterations",
            Self::GlobalBatchSize => "global_batch_size",
            Self::ConsumedSamples => "consumed_samples",
            Self::Timestamp => "timestamp",
        }
    }

    /// The unit its values have; empty for counts and the like.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::StepTime | Self::Timestamp => "s",
            Self::TflopsPerGpu => "TFLOP/s/GPU",
            Self::TokensPerSecondPerGpu => "tokens/s/GPU",
            Self::PeakMemory => "GB",
            _ => "",
        }
    }

    /// Whether less of it is better; `None` where neither is.
    #[must_use]
    pub const fn less_is_better(self) -> Option<bool> {
        match self {
            Self::StepTime | Self::PeakMemory | Self::Loss | Self::Skipped | Self::NanIterations => Some(true),
            Self::TflopsPerGpu | Self::TokensPerSecondPerGpu => Some(false),
            _ => None,
        }
    }

    /// Whether the greatest value counts when several ranks tell different ones: the slowest rank holds up all.
    #[must_use]
    pub(super) const fn greatest_counts(self) -> bool {
        matches!(self, Self::StepTime | Self::PeakMemory)
    }
}

/// A unit that a log prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// A number without a unit.
    #[serde(rename = "1")]
    One,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
    /// Bytes.
    #[serde(rename = "bytes")]
    Bytes,
    /// 2^20 bytes.
    #[serde(rename = "MiB")]
    Mebibytes,
    /// 10^9 bytes.
    #[serde(rename = "GB")]
    Gigabytes,
    /// 2^30 bytes.
    #[serde(rename = "GiB")]
    Gibibytes,
    /// 10^12 operations a second.
    #[serde(rename = "TFLOP/s")]
    Teraflops,
    /// Tokens a second.
    #[serde(rename = "tokens/s")]
    TokensPerSecond,
}

impl Unit {
    /// What a number in this unit is multiplied by to be in the metric's; `None` where the two don't belong together.
    #[must_use]
    pub const fn scale(self, metric: Metric) -> Option<f64> {
        match (metric, self) {
            (Metric::StepTime, Self::Milliseconds) => Some(1e-3),
            (Metric::PeakMemory, Self::Bytes) => Some(1e-9),
            (Metric::PeakMemory, Self::Mebibytes) => Some(1.048_576e-3),
            (Metric::PeakMemory, Self::Gibibytes) => Some(1.073_741_824),
            (Metric::StepTime, Self::Seconds)
            | (Metric::PeakMemory, Self::Gigabytes)
            | (Metric::TflopsPerGpu, Self::Teraflops)
            | (Metric::TokensPerSecondPerGpu, Self::TokensPerSecond)
            | (
                Metric::Loss
                | Metric::GradNorm
                | Metric::Skipped
                | Metric::NanIterations
                | Metric::GlobalBatchSize
                | Metric::ConsumedSamples,
                Self::One,
            ) => Some(1.0),
            _ => None,
        }
    }
}

/// The metrics of one step.
#[derive(Clone, Copy, Default, PartialEq)]
pub struct Values {
    values: [f64; Metric::ALL.len()],
    present: u16,
}

impl Values {
    /// The value, which may be NaN; `None` if the log has none.
    #[must_use]
    pub const fn get(&self, metric: Metric) -> Option<f64> {
        if self.present & (1 << metric as u16) == 0 { None } else { Some(self.values[metric as usize]) }
    }

    /// Sets it, whatever it was.
    pub const fn set(&mut self, metric: Metric, value: f64) {
        self.values[metric as usize] = value;
        self.present |= 1 << metric as u16;
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.present == 0
    }

    /// Takes over what `other` has: the greater where that counts, else only what is missing here.
    pub fn join(&mut self, other: &Self) {
        for metric in Metric::ALL {
            let Some(value) = other.get(metric) else { continue };
            match self.get(metric) {
                None => self.set(metric, value),
                Some(mine) if metric.greatest_counts() => self.set(metric, mine.max(value)),
                Some(_) => {}
            }
        }
    }

    /// All that are present.
    pub fn iter(&self) -> impl Iterator<Item = (Metric, f64)> + '_ {
        Metric::ALL.into_iter().filter_map(|metric| Some((metric, self.get(metric)?)))
    }
}

impl std::fmt::Debug for Values {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_map().entries(self.iter().map(|(metric, value)| (metric.name(), value))).finish()
    }
}

/// Reads a number as logs print them: `1,234`, `1.2E+01`, `nan`, `63.65 GB`, `5.2/23.7 GiB`. `None` if it starts with none.
#[must_use]
pub fn number(text: &str) -> Option<f64> {
    let text = text.trim_start();
    let end = text.find([' ', '/', '|', '\t', '(', '%']).unwrap_or(text.len());
    let word = text[..end].trim_end_matches(['s', ',', '\r', '\n']);
    word.parse().ok().or_else(|| if word.contains(',') { word.replace(',', "").parse().ok() } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_logs_print_them() {
        for (text, expected) in [
            ("12,345", Some(12_345.0)),
            (" 1.258122E+01 ", Some(12.581_22)),
            ("-0.5", Some(-0.5)),
            ("63.65 GB", Some(63.65)),
            ("5.2/23.7 GiB (22.1%)", Some(5.2)),
            ("0.36s", Some(0.36)),
            ("", None),
            ("abc", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
        assert!(number("nan").is_some_and(f64::is_nan));
        assert_eq!(number("inf"), Some(f64::INFINITY));
    }

    #[test]
    fn each_metric_has_its_place() {
        for (place, metric) in Metric::ALL.into_iter().enumerate() {
            assert_eq!(place, metric as usize);
        }
    }
}
