//! Reads the logs of one run, says what is in them and how fast they were read: `read_log FILE…`.

use std::fs::File;
use std::io::{self, BufReader};
use std::time::Instant;

use moelint::run_log::{Metric, Outcome, RunLog, formats, read_log, summary};

fn main() -> io::Result<()> {
    let mut logs = Vec::new();
    let _ = formats();
    let (start, mut bytes) = (Instant::now(), 0);
    for path in std::env::args_os().skip(1) {
        let file = File::open(path)?;
        bytes += file.metadata()?.len();
        logs.push(read_log(formats(), BufReader::with_capacity(1 << 18, file), None)?);
    }
    let run = RunLog::merge(formats(), logs);
    let seconds = start.elapsed().as_secs_f64();
    let megabytes = f64::from(u32::try_from(bytes / 1000).unwrap_or(u32::MAX)) / 1000.0;
    println!("{:?}: {} steps, {}", run.format, run.steps().count(), Outcome::of(formats(), &run).name());
    println!("step time {:?}", summary(&run, Metric::StepTime, 0.95));
    println!("{megabytes:.0} MB in {seconds:.2} s: {:.0} MB/s", megabytes / seconds);
    Ok(())
}
