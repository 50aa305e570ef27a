//! A log, line by line → what it says; memory grows with the steps, not with the log.

use std::io::{self, BufRead};

use memchr::memchr;

use super::format::{Formats, Said};
use super::line::{normalise, without_colours};
use super::metric::Values;
use super::table::Place;

/// One iteration.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// As the framework counts.
    pub iteration: u64,
    /// Its metrics.
    pub values: Values,
}

/// What interrupts a run of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MarkKind {
    /// A checkpoint.
    Save,
    /// An evaluation.
    Eval,
}

/// An interruption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// The segment it lies in.
    pub segment: usize,
    /// The iteration it names, else the last one before it.
    pub iteration: u64,
    /// What it is.
    pub kind: MarkKind,
}

/// A sign of how the run ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Number of the sign in [`Formats::signs`].
    pub sign: usize,
    /// The rank that said it.
    pub rank: Option<u32>,
    /// Line of the log, from 1.
    pub line: u64,
    /// Segment and iteration of the last step before it.
    pub after: Option<(usize, u64)>,
    /// Steps that this log has after it.
    pub steps_after: u64,
    /// The line, at most [`LONGEST_TEXT`] characters.
    pub text: String,
}

/// What one log says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RankLog {
    /// The rank that wrote it, if it is one rank's.
    pub rank: Option<u32>,
    /// Numbers of the formats that were seen, in rising order.
    pub formats: Vec<usize>,
    /// Steps; the iteration rises within a segment and goes back where the next begins, on a restart.
    pub segments: Vec<Vec<Step>>,
    /// What belongs to steps whose lines are in another rank's log, in their order.
    pub unplaced: Vec<Values>,
    /// What names its iteration: segment, iteration, values.
    pub sides: Vec<(usize, u64, Values)>,
    /// Interruptions.
    pub marks: Vec<Mark>,
    /// Signs of a crash, at most [`MOST_HITS`].
    pub hits: Vec<Hit>,
    /// The last phase that was reached.
    pub phase: Option<String>,
    /// The last iteration the run is to reach.
    pub total: Option<u64>,
    /// Whether the program said that it was done.
    pub finished: bool,
    /// Lines read.
    pub lines: u64,
}

/// Characters of a line that are kept.
pub const LONGEST_TEXT: usize = 300;
/// Signs that are kept; the first ones are nearest to the root.
pub const MOST_HITS: usize = 256;
/// Bytes of a line that are looked at: some libraries print whole tensors.
const LONGEST_LINE: usize = 1 << 16;
/// A line of another rank may come this many steps late.
const LATE: usize = 16;

/// Reads a whole log; `rank` is the rank that wrote it, if its name says so.
///
/// # Errors
///
/// If the reader fails; bad UTF-8 is replaced.
pub fn read_log(formats: &Formats, mut reader: impl BufRead, rank: Option<u32>) -> io::Result<RankLog> {
    let mut log = LogReader::new(formats, rank);
    let mut rest = Vec::new();
    loop {
        let buffer = reader.fill_buf()?;
        let length = buffer.len();
        if length == 0 {
            break;
        }
        let mut start = 0;
        while let Some(end) = memchr(b'\n', &buffer[start..]) {
            let line = &buffer[start..start + end];
            if rest.is_empty() {
                log.feed(line);
            } else {
                keep(&mut rest, line);
                log.feed(&rest);
                rest.clear();
            }
            start += end + 1;
        }
        keep(&mut rest, &buffer[start..]);
        reader.consume(length);
    }
    if !rest.is_empty() {
        log.feed(&rest);
    }
    Ok(log.finish())
}

/// Appends no more than what is looked at.
fn keep(rest: &mut Vec<u8>, bytes: &[u8]) {
    let room = LONGEST_LINE.saturating_sub(rest.len());
    rest.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

/// Reads line by line.
#[derive(Debug)]
pub struct LogReader<'f> {
    formats: &'f Formats,
    log: RankLog,
    /// Values for the step whose line comes next.
    pending: Values,
    /// Rank of the last step's line.
    speaker: Option<u32>,
    /// Steps so far.
    steps: u64,
}

impl<'f> LogReader<'f> {
    /// Before the first line.
    #[must_use]
    pub fn new(formats: &'f Formats, rank: Option<u32>) -> Self {
        let log = RankLog { rank, ..RankLog::default() };
        Self { formats, log, pending: Values::default(), speaker: None, steps: 0 }
    }

    /// Takes one line, with or without its end.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.log.lines += 1;
        let bytes = &bytes[..bytes.len().min(LONGEST_LINE)];
        // a literal may have a colour in the middle
        let plain = without_colours(bytes);
        if !self.formats.worth_a_look(&plain) {
            return;
        }
        let line = normalise(&plain);
        let rank = line.rank.or(self.log.rank);
        match self.formats.said(&line.text) {
            Some(Said::Sign(sign)) => self.sign(sign, rank, &line.text),
            Some(Said::Line { format, place, iteration, total, phase, values }) => {
                if let Err(at) = self.log.formats.binary_search(&format) {
                    self.log.formats.insert(at, format);
                }
                self.log.total = total.or(self.log.total);
                self.log.phase = phase.or_else(|| self.log.phase.take());
                self.place(place, iteration, values, rank);
            }
            None => {}
        }
    }

    /// After the last line.
    #[must_use]
    pub fn finish(mut self) -> RankLog {
        if !self.pending.is_empty() {
            self.log.unplaced.push(self.pending);
        }
        for hit in &mut self.log.hits {
            hit.steps_after = self.steps - hit.steps_after;
        }
        self.log
    }

    fn sign(&mut self, sign: usize, rank: Option<u32>, text: &str) {
        if self.log.hits.len() < MOST_HITS {
            let text = text.trim().chars().take(LONGEST_TEXT).collect();
            // for now the steps before it
            let (line, after, steps_after) = (self.log.lines, self.last(), self.steps);
            self.log.hits.push(Hit { sign, rank, line, after, steps_after, text });
        }
    }

    fn place(&mut self, place: Place, iteration: Option<u64>, values: Values, rank: Option<u32>) {
        let segment = self.log.segments.len().saturating_sub(1);
        match (place, iteration) {
            (Place::Step | Place::Open, Some(iteration)) => self.step(iteration, values, rank),
            (Place::Next, _) => {
                if !self.pending.is_empty() {
                    self.log.unplaced.push(self.pending);
                }
                self.pending = values;
            }
            (Place::Block, _) => {
                if let Some(step) = self.log.segments.last_mut().and_then(|steps| steps.last_mut()) {
                    step.values.join(&values);
                }
            }
            (Place::Side, Some(iteration)) => self.log.sides.push((segment, iteration, values)),
            (Place::Save | Place::Eval, iteration) => {
                let kind = if place == Place::Save { MarkKind::Save } else { MarkKind::Eval };
                let iteration = iteration.or_else(|| self.last().map(|(_, iteration)| iteration)).unwrap_or(0);
                self.log.marks.push(Mark { segment, iteration, kind });
            }
            (Place::Finished, _) => self.log.finished = true,
            _ => {}
        }
    }

    fn step(&mut self, iteration: u64, mut values: Values, rank: Option<u32>) {
        let pending = std::mem::take(&mut self.pending);
        values.join(&pending);
        let late = self.speaker != rank;
        if self.log.segments.is_empty() {
            self.log.segments.push(Vec::new());
        }
        let Some(steps) = self.log.segments.last_mut() else { return };
        let newest = steps.last().map(|step| step.iteration);
        if newest.is_none_or(|newest| newest < iteration) {
            steps.push(Step { iteration, values });
            self.speaker = rank;
            self.steps += 1;
        } else if let Some(same) = same_step(steps, iteration, late) {
            same.values.join(&values);
        } else {
            self.log.segments.push(vec![Step { iteration, values }]);
            self.log.finished = false;
            self.speaker = rank;
            self.steps += 1;
        }
    }

    fn last(&self) -> Option<(usize, u64)> {
        let segment = self.log.segments.len().checked_sub(1)?;
        Some((segment, self.log.segments[segment].last()?.iteration))
    }
}

/// The step that another line, of another rank if it is not the newest one, repeats.
fn same_step(steps: &mut [Step], iteration: u64, other_rank: bool) -> Option<&mut Step> {
    let reach = if other_rank { LATE } else { 1 };
    steps.iter_mut().rev().take(reach).find(|step| step.iteration == iteration)
}
