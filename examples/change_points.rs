//! Runs the change-point detector on series from standard input, for `tests/gates/change_points.py`.
//!
//! A line is `suspects;values`, both comma-separated; the answer is `config;code;sigma;correlation`.

use std::io::{self, BufRead, Write};

use moelint::run_log::change_point::{ChangePoint, Settings, change_points};

fn numbers<T: std::str::FromStr>(text: &str) -> Vec<T> {
    text.split(',').filter_map(|number| number.trim().parse().ok()).collect()
}

fn places(changes: &[ChangePoint]) -> String {
    changes.iter().map(|change| change.index.to_string()).collect::<Vec<String>>().join(",")
}

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (suspects, values) = line.split_once(';').unwrap_or(("", &line));
        match change_points(&numbers(values), &numbers(suspects), &Settings::default()) {
            Ok(found) => {
                let (config, code) = (places(&found.config), places(&found.code));
                writeln!(out, "{config};{code};{:.6};{:.3}", found.noise.sigma, found.noise.correlation)?;
            }
            Err(error) => writeln!(out, "{error}")?,
        }
    }
    Ok(())
}
