//! The formats, compiled: which lines are worth a look, and what one of them says.

use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, MatchKind};
use memchr::memmem::Finder;
use regex::Regex;

use super::metric::{Metric, Values, number};
use super::table::{LineKind, Place, Quantity, Sign, Tables};

/// All formats and signs, ready to use.
#[derive(Debug)]
pub struct Formats {
    tables: Tables,
    /// Finds the literals of all of them at once.
    literals: Option<AhoCorasick>,
    /// What the literal of that number belongs to.
    owners: Vec<Vec<Owner>>,
    kinds: Vec<Kind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Line(usize),
    Sign(usize),
}

/// A kind of line, compiled.
#[derive(Debug)]
struct Kind {
    format: usize,
    place: Place,
    regex: Regex,
    groups: Vec<(String, Metric, f64)>,
    /// Finders of the separator and of what stands between key and value.
    pairs: Option<(Finder<'static>, Finder<'static>)>,
    /// A handful; compared by length first, which is faster than hashing each of a line's keys.
    keys: Vec<(String, Metric, f64)>,
    /// Keys of which only the end counts.
    ends: Vec<(String, Metric, f64)>,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// Something of a step or of the run.
    Line {
        /// Number of the format in [`Formats::names`].
        format: usize,
        /// What it is to the steps.
        place: Place,
        /// The iteration it names.
        iteration: Option<u64>,
        /// The last iteration that the run is to reach.
        total: Option<u64>,
        /// The phase it names.
        phase: Option<String>,
        /// Its metrics.
        values: Values,
    },
    /// A sign of how the run ended, by its number in [`Formats::signs`].
    Sign(usize),
}

/// The formats that the build script embedded.
#[must_use]
pub fn formats() -> &'static Formats {
    static FORMATS: OnceLock<Formats> = OnceLock::new();
    FORMATS.get_or_init(|| {
        let blob = include_bytes!(concat!(env!("OUT_DIR"), "/log-formats.bin"));
        Formats::new(postcard::from_bytes(blob).unwrap_or_default())
    })
}

impl Formats {
    /// Compiles the tables; a line whose regex can't be compiled, which the loader refuses, is left out.
    #[must_use]
    pub fn new(tables: Tables) -> Self {
        let mut kinds = Vec::new();
        let mut literals: Vec<&str> = Vec::new();
        let mut owners: Vec<Vec<Owner>> = Vec::new();
        let mut add = |literal, owner| {
            if let Some(place) = literals.iter().position(|known| *known == literal) {
                owners[place].push(owner);
            } else {
                literals.push(literal);
                owners.push(vec![owner]);
            }
        };
        for (format, lines) in tables.formats.iter().map(|format| &format.lines).enumerate() {
            for line in lines {
                let Ok(regex) = Regex::new(&ascii(&line.regex)) else { continue };
                add(line.literal.as_str(), Owner::Line(kinds.len()));
                kinds.push(Kind::new(format, line, regex));
            }
        }
        for (index, sign) in tables.signs.iter().enumerate() {
            sign.literals.iter().for_each(|literal| add(literal.as_str(), Owner::Sign(index)));
        }
        let literals = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&literals).ok();
        Self { tables, literals, owners, kinds }
    }

    /// The formats' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tables.formats.iter().map(|format| format.name.as_str())
    }

    /// The signs of how a run ended.
    #[must_use]
    pub fn signs(&self) -> &[Sign] {
        &self.tables.signs
    }

    /// The name of the format that logs with lines of all these formats have: not one that another inherits.
    #[must_use]
    pub fn most_specific(&self, formats: &[usize]) -> Option<usize> {
        let inherited = |name: &str| {
            let heirs = formats.iter().filter_map(|format| self.tables.formats.get(*format));
            heirs.into_iter().any(|heir| heir.inherits.as_deref() == Some(name))
        };
        let known = |format: &usize| self.tables.formats.get(*format);
        formats.iter().copied().find(|format| known(format).is_some_and(|format| !inherited(&format.name)))
    }

    /// Whether any of the formats leaves a NaN loss out.
    #[must_use]
    pub fn omit_nan_loss(&self, formats: &[usize]) -> bool {
        formats.iter().any(|format| self.tables.formats.get(*format).is_some_and(|format| format.omits_nan_loss))
    }

    /// Whether the time between two lines is the step time.
    #[must_use]
    pub fn timed_by_lines(&self, formats: &[usize]) -> bool {
        formats.iter().any(|f| self.tables.formats.get(*f).is_some_and(|format| format.step_time_from_timestamps))
    }

    /// Whether a raw line can say anything.
    #[must_use]
    pub fn worth_a_look(&self, line: &[u8]) -> bool {
        self.literals.as_ref().is_some_and(|literals| literals.find(line).is_some())
    }

    /// What a normalised line says; `None`: nothing that we know of.
    #[must_use]
    pub fn said(&self, text: &str) -> Option<Said> {
        let mut sign = None;
        let mut tried = [usize::MAX; 4];
        for found in self.literals.as_ref()?.find_iter(text) {
            for owner in &self.owners[found.pattern().as_usize()] {
                match *owner {
                    Owner::Line(kind) if !tried.contains(&kind) => {
                        if let Some(said) = self.kinds[kind].read(text) {
                            return Some(said);
                        }
                        tried.rotate_right(1);
                        tried[0] = kind;
                    }
                    Owner::Sign(index) => sign = sign.min(Some(index)).or(Some(index)),
                    Owner::Line(_) => {}
                }
            }
        }
        sign.map(Said::Sign)
    }
}

impl Kind {
    fn new(format: usize, line: &LineKind, regex: Regex) -> Self {
        let scaled = |quantity: &Quantity| Some((quantity.metric, quantity.unit.scale(quantity.metric)?));
        let (mut keys, mut ends) = (Vec::new(), Vec::new());
        for (key, quantity) in &line.keys {
            let Some((metric, scale)) = scaled(quantity) else { continue };
            match key.strip_prefix('*') {
                Some(end) => ends.push((end.to_owned(), metric, scale)),
                None => keys.push((key.clone(), metric, scale)),
            }
        }
        let groups = line.groups.iter().filter_map(|(name, quantity)| {
            let (metric, scale) = scaled(quantity)?;
            Some((name.clone(), metric, scale))
        });
        Self {
            format,
            place: line.place,
            groups: groups.collect(),
            pairs: line.pairs.as_ref().map(|pairs| (finder(&pairs.separator), finder(&pairs.assign))),
            keys,
            ends,
            regex,
        }
    }

    fn read(&self, text: &str) -> Option<Said> {
        let captures = self.regex.captures(text)?;
        let whole = |name: &str| captures.name(name)?.as_str().parse::<u64>().ok();
        let mut values = Values::default();
        for (name, metric, scale) in &self.groups {
            if let Some(value) = captures.name(name).and_then(|group| number(group.as_str())) {
                values.set(*metric, value * scale);
            }
        }
        if let Some((separator, assign)) = &self.pairs {
            self.read_pairs(text, separator, assign, &mut values);
        }
        if matches!(self.place, Place::Step | Place::Open)
            && let Some(time) = captures.get(0).and_then(|found| timestamp(&text[..found.start()]))
        {
            values.set(Metric::Timestamp, time);
        }
        Some(Said::Line {
            format: self.format,
            place: self.place,
            iteration: whole("iteration"),
            total: whole("total").or_else(|| whole("last")),
            phase: captures.name("phase").map(|group| group.as_str().to_owned()),
            values,
        })
    }

    fn read_pairs(&self, text: &str, separator: &Finder<'_>, assign: &Finder<'_>, values: &mut Values) {
        let mut rest = Some(text);
        while let Some(open) = rest {
            let (pair, after) = split(open, separator).map_or((open, None), |(pair, after)| (pair, Some(after)));
            rest = after;
            let Some((key, value)) = split(pair, assign) else { continue };
            let key = key.trim_matches(' ');
            let end = || self.ends.iter().find(|(end, ..)| key.ends_with(end.as_str()));
            let known = self.keys.iter().find(|(known, ..)| known == key).or_else(end);
            if let Some(&(_, metric, scale)) = known
                && values.get(metric).is_none()
                && let Some(value) = number(value)
            {
                values.set(metric, value * scale);
            }
        }
    }
}

fn finder(text: &str) -> Finder<'static> {
    Finder::new(text).into_owned()
}

/// Both sides of the first occurrence.
fn split<'a>(text: &'a str, at: &Finder<'_>) -> Option<(&'a str, &'a str)> {
    let start = at.find(text.as_bytes())?;
    Some((&text[..start], &text[start + at.needle().len()..]))
}

/// The same regex for what logs print, which is ASCII where it counts: the automaton is a tenth of the size, and faster.
fn ascii(regex: &str) -> String {
    regex.replace(r"\d", "[0-9]").replace(r"\s", r"[ \t]").replace(r"\b", r"(?-u:\b)")
}

/// The last `2026-08-22 15:22:22.123456` (or with `T`, or a comma) of a text, in seconds since 1970.
#[must_use]
pub fn timestamp(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    (0..bytes.len().saturating_sub(18)).rev().find_map(|start| time_at(&bytes[start..]))
}

fn time_at(bytes: &[u8]) -> Option<f64> {
    let separators = [(4, b"-"), (7, b"-"), (10, b" "), (13, b":"), (16, b":")];
    let fits = |(place, byte): (usize, &[u8; 1])| bytes[place] == byte[0] || (place == 10 && bytes[place] == b'T');
    if !separators.into_iter().all(fits) {
        return None;
    }
    let digits = |from: usize, to: usize| -> Option<i64> { std::str::from_utf8(&bytes[from..to]).ok()?.parse().ok() };
    let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
    let (hour, minute, second) = (digits(11, 13)?, digits(14, 16)?, digits(17, 19)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    let whole = i32::try_from(((hour * 60) + minute) * 60 + second).ok()?;
    let days = i32::try_from(days_since_1970(year, month, day)).ok()?;
    Some(f64::from(days) * 86_400.0 + f64::from(whole) + fraction(&bytes[19..]))
}

fn fraction(bytes: &[u8]) -> f64 {
    let Some((b'.' | b',', digits)) = bytes.split_first() else { return 0.0 };
    let kept = digits.iter().take(9).take_while(|byte| byte.is_ascii_digit());
    kept.fold((0.0, 0.1), |(sum, unit), digit| (sum + f64::from(digit - b'0') * unit, unit / 10.0)).0
}

/// Howard Hinnant's `days_from_civil`: years start in March, so that a leap day is a year's last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(timestamp("[2026-08-22 15:22:22.5] "), Some(1_787_412_142.5));
        assert_eq!(timestamp("1970-01-02T00:00:01,25 - INFO"), Some(86_401.25));
        assert_eq!(timestamp("2026-13-22 15:22:22"), None);
        assert_eq!(timestamp("über 2026"), None);
    }

    #[test]
    fn the_embedded_tables_are_there_and_every_literal_is_the_start_of_its_line() {
        let formats = formats();
        assert!(formats.names().count() >= 9 && !formats.signs().is_empty());
        assert_eq!(formats.kinds.len(), formats.tables.formats.iter().map(|format| format.lines.len()).sum::<usize>());
    }
}
