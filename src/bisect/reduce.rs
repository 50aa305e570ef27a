//! The smallest set of differing settings that makes the good config fail, one probe at a time.
//!
//! A [`Reducer`] holds verdicts and nothing else: what to probe next is worked out from all of them anew each time, so that
//! a search goes on after a crash by giving it the verdicts it had. A set of settings stands for the good config with the
//! bad one's values for those settings.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{Evidence, Point, Set};
use super::reduction::{Kind, Options, Probes, Reduction, Step};
use super::verdict::Verdict;

/// Chance that one more setting is needed beside those found. Most failures have one cause.
const ONE_MORE: f64 = 0.2;
/// P(bad) of the bad config without what was found, before it is probed.
const SECOND: f64 = 0.15;
/// Further independent causes that are looked for.
const MOST_CAUSES: usize = 4;
/// A probe that lowers the doubt by less is not worth it.
const LEAST_GAIN: f64 = 1e-6;

/// A candidate that has to be probed before the search can go on.
struct Need(Set, Kind);

/// What a search over some settings found.
#[derive(Clone, Debug, Default)]
struct Cause {
    /// Closed.
    base: Set,
    named: Set,
    /// Whether some settings could not be told apart.
    coarse: bool,
    confidence: f64,
}

/// The search.
#[derive(Clone, Debug)]
pub struct Reducer {
    weights: Vec<f64>,
    deps: Vec<Vec<usize>>,
    options: Options,
    evidence: Evidence,
    validity: BTreeMap<Set, bool>,
    pending: Option<(Set, Kind)>,
    probes: Probes,
}

impl Reducer {
    /// A search over settings `0..weights.len()`; `deps[k]`: what `k` needs.
    #[must_use]
    pub fn new(weights: &[f64], deps: &[Vec<usize>], options: Options) -> Self {
        let weights: Vec<f64> = weights.iter().map(|weight| weight.max(1e-3)).collect();
        let within = |needs: &Vec<usize>| needs.iter().copied().filter(|need| *need < weights.len()).collect();
        let mut deps: Vec<Vec<usize>> = deps.iter().map(within).collect();
        deps.resize(weights.len(), Vec::new());
        let evidence = Evidence::new(&options.rates);
        let (validity, probes) = (BTreeMap::new(), Probes::default());
        Self { weights, deps, options, evidence, validity, pending: None, probes }
    }

    /// What to do next. `valid`: whether the linter lets the candidate pass; it is asked once a candidate.
    pub fn next(&mut self, valid: &impl Fn(&Set) -> bool) -> Step {
        match self.reduce(valid) {
            Ok(reduction) => Step::Done(reduction),
            Err(_) if self.probes.total() >= self.options.max_probes => Step::Done(self.given_up()),
            Err(Need(set, kind)) => {
                self.pending = Some((set.clone(), kind));
                Step::Probe(set)
            }
        }
    }

    /// Takes a verdict: of the probe that was asked for, or of any other run.
    pub fn record(&mut self, set: &Set, verdict: &Verdict) {
        let tally = self.evidence.seen.entry(set.clone()).or_default();
        let again = tally.bad + tally.good > 0;
        tally.add(verdict);
        let Some((_, kind)) = self.pending.take_if(|pending| pending.0 == *set) else {
            self.probes.given += 1;
            return;
        };
        match kind {
            Kind::Search => self.probes.search += 1,
            Kind::Confirm => self.probes.confirm += 1,
            Kind::Shrink => self.probes.shrink += 1,
        }
        self.probes.repeats += usize::from(again);
        self.probes.unresolved += usize::from(matches!(verdict, Verdict::Unresolved));
    }

    /// Everything that differs.
    fn all(&self) -> Set {
        (0..self.weights.len()).collect()
    }

    /// The settings with all that they need.
    #[must_use]
    pub fn closure(&self, set: &Set) -> Set {
        let mut closed = set.clone();
        let mut open: Vec<usize> = set.iter().copied().collect();
        while let Some(key) = open.pop() {
            let needs = self.deps.get(key).into_iter().flatten();
            open.extend(needs.copied().filter(|need| closed.insert(*need)));
        }
        closed
    }

    /// `set` without `gone` and without all that needs any of them.
    fn without(&self, set: &Set, gone: &Set) -> Set {
        let stays = |key: &usize| self.closure(&Set::from([*key])).is_disjoint(gone);
        set.iter().copied().filter(stays).collect()
    }

    /// The heaviest first, each after what it needs, so that every prefix is closed.
    fn order(&self, universe: &Set) -> Vec<usize> {
        let weight = |key: &usize| self.weights.get(*key).copied().unwrap_or(0.0);
        let mut keys: Vec<usize> = universe.iter().copied().collect();
        keys.sort_by(|a, b| weight(b).total_cmp(&weight(a)).then(a.cmp(b)));
        let mut placed = Set::new();
        let mut order = Vec::with_capacity(keys.len());
        for key in keys {
            // each with what it needs in front; of settings that need one another, whichever is met first
            let mut open = vec![(key, false)];
            while let Some((key, ready)) = open.pop() {
                if ready {
                    order.push(key);
                } else if universe.contains(&key) && placed.insert(key) {
                    open.push((key, true));
                    open.extend(self.deps.get(key).into_iter().flatten().map(|need| (*need, false)));
                }
            }
        }
        order
    }

    fn testable(&mut self, set: &Set, valid: &impl Fn(&Set) -> bool) -> bool {
        if self.evidence.tally(set).unresolved > self.options.retries {
            return false;
        }
        if let Some(known) = self.validity.get(set) {
            return *known;
        }
        let known = valid(set);
        self.validity.insert(set.clone(), known);
        known
    }

    /// Whether a candidate is bad; `None`: that can't be found out.
    fn decide(
        &mut self,
        set: &Set,
        prior: f64,
        kind: Kind,
        valid: &impl Fn(&Set) -> bool,
    ) -> Result<Option<bool>, Need> {
        let bad = self.evidence.bad(set, prior);
        let tally = self.evidence.tally(set);
        if tally.bad > 0 && bad >= self.options.confidence || tally.good > 0 && 1.0 - bad >= self.options.confidence {
            return Ok(Some(bad > 0.5));
        }
        if !self.testable(set, valid) {
            return Ok(None);
        }
        Err(Need(set.clone(), kind))
    }

    fn reduce(&mut self, valid: &impl Fn(&Set) -> bool) -> Result<Reduction, Need> {
        let all = self.all();
        let mut found = Reduction { minimal: true, confidence: 1.0, ..Reduction::default() };
        let mut gone = Set::new();
        let mut rest = all.clone();
        for round in 0..MOST_CAUSES {
            let cause = self.search(&rest, valid)?;
            let cause = self.shrunk(cause, &mut found, valid)?;
            gone.extend(&cause.named);
            if round == 0 {
                (found.must, found.named, found.confidence) = (cause.base, cause.named, cause.confidence);
                found.sufficient = Some(true);
                if self.options.confirm && found.must != all {
                    found.sufficient = self.decide(&found.must.clone(), 0.9, Kind::Confirm, valid)?;
                }
            } else {
                found.others.push(cause.base);
            }
            if !self.options.confirm {
                break;
            }
            rest = self.without(&all, &gone);
            found.necessary = if rest.is_empty() {
                Some(true)
            } else {
                self.decide(&rest, SECOND, Kind::Confirm, valid)?.map(|bad| !bad)
            };
            if found.necessary != Some(false) {
                break;
            }
        }
        found.notes.extend(self.remarks(&found, &all, &gone));
        found.probes = self.probes.clone();
        Ok(found)
    }

    fn remarks(&self, found: &Reduction, all: &Set, gone: &Set) -> Vec<String> {
        let mut notes = Vec::new();
        if self.options.confirm && found.necessary.is_none() {
            notes.push("the bad config without these settings could not be probed: they suffice, and there may be another cause beside them".to_owned());
        }
        if found.necessary == Some(false) {
            notes.push("the bad config still fails without all that was found: there are more causes".to_owned());
        }
        let dragged = all.len() - self.without(all, gone).len() - all.intersection(gone).count();
        if found.necessary == Some(true) && dragged > 0 {
            notes.push(format!("{dragged} more settings went with them, because they need them"));
        }
        notes
    }

    /// The settings of one cause: the last one in the order that is needed, then the one before it, until those found
    /// are enough.
    fn search(&mut self, universe: &Set, valid: &impl Fn(&Set) -> bool) -> Result<Cause, Need> {
        let mut order = self.order(universe);
        let total: f64 = order.iter().filter_map(|key| self.weights.get(*key)).sum();
        let mut cause = Cause { confidence: 1.0, ..Cause::default() };
        for found in 0.. {
            if order.is_empty() {
                break;
            }
            let (low, high, mass) = self.round(&cause.base, &order, found, total, valid)?;
            cause.confidence *= mass;
            let Some(keys) = order.get(low..high).filter(|keys| !keys.is_empty()) else { break };
            cause.coarse |= keys.len() > 1 || (low == 0 && found > 0 && high > 0 && !self.shown_good(&cause.base));
            cause.named.extend(keys);
            let with: Set = cause.base.iter().chain(keys).copied().collect();
            cause.base = self.closure(&with);
            order = order.iter().take(low).copied().filter(|key| !cause.base.contains(key)).collect();
        }
        Ok(cause)
    }

    fn shown_good(&self, set: &Set) -> bool {
        set.is_empty() || self.evidence.tally(set).good > 0
    }

    /// Between which two prefixes of `order` the good config (with `base`) starts to fail, and how sure that is. The
    /// whole of `order` makes it fail; so may `base` alone, if anything was found already.
    fn round(
        &mut self,
        base: &Set,
        order: &[usize],
        found: i32,
        total: f64,
        valid: &impl Fn(&Set) -> bool,
    ) -> Result<(usize, usize, f64), Need> {
        let mut points: Vec<usize> = (usize::from(found == 0)..=order.len()).collect();
        let chances = self.chances(order, found, total);
        let prefix = |at: usize| -> Set { base.iter().chain(order.iter().take(at)).copied().collect() };
        let sets: BTreeSet<Set> = points.iter().map(|at| prefix(*at)).collect();
        let enough = 1.0 - (1.0 - self.options.confidence) * 0.5_f64.powi(found + 1);
        loop {
            let belief = self.evidence.belief(&sets, &self.points(&points, &chances, prefix));
            let likeliest = belief.mass.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
            let (best, mass) = likeliest.map_or((0, 1.0), |(best, mass)| (best, *mass));
            let end = if mass >= enough { self.unseen_end(best, &points, prefix) } else { wisest(&belief.gain) };
            let Some(at) = end.and_then(|end| points.get(end).copied()) else {
                let low = best.checked_sub(1).and_then(|before| points.get(before)).copied().unwrap_or(0);
                return Ok((low, points.get(best).copied().unwrap_or(order.len()), mass));
            };
            let candidate = prefix(at);
            if self.testable(&candidate, valid) {
                return Err(Need(candidate, Kind::Search));
            }
            points.retain(|point| *point != at);
        }
    }

    /// P(the settings found and the first `at` of the order are enough), by `at`.
    ///
    /// Causes are drawn one by one with chances as their weights, and another one follows with [`ONE_MORE`]; the
    /// settings come out last first, so this is the distribution of the next smaller order statistic.
    fn chances(&self, order: &[usize], found: i32, total: f64) -> Vec<f64> {
        let mut sums = vec![0.0];
        for key in order {
            sums.push(sums.last().copied().unwrap_or(0.0) + self.weights.get(*key).copied().unwrap_or(0.0) / total);
        }
        let end = sums.last().copied().unwrap_or(1.0);
        let chance = |sum: &f64| match found {
            0 => sum / end * (1.0 - ONE_MORE * end) / (1.0 - ONE_MORE * sum),
            _ => ((1.0 - ONE_MORE * end) / (1.0 - ONE_MORE * sum)).powi(found + 1),
        };
        sums.iter().map(chance).collect()
    }

    fn points(&self, points: &[usize], chances: &[f64], prefix: impl Fn(usize) -> Set) -> Vec<Point> {
        let mut before = 0.0;
        let point = |at: &usize| {
            let chance = chances.get(*at).copied().unwrap_or(1.0);
            let prior = (chance - before).max(1e-12);
            before = chance;
            Point { prior, tally: self.evidence.tally(&prefix(*at)) }
        };
        points.iter().map(point).collect()
    }

    /// An end of the interval that was not seen to pass (the lower) or to fail (the upper).
    fn unseen_end(&self, best: usize, points: &[usize], prefix: impl Fn(usize) -> Set) -> Option<usize> {
        let tally = |end: usize| points.get(end).map(|at| self.evidence.tally(&prefix(*at)));
        let low = best.checked_sub(1).filter(|low| tally(*low).is_some_and(|tally| tally.good == 0));
        let high = (best + 1 < points.len()).then_some(best);
        low.or_else(|| high.filter(|high| tally(*high).is_some_and(|tally| tally.bad == 0)))
    }

    /// Leaves settings out one by one where the search could not tell them apart, or where fewer settings failed and
    /// more of them passed.
    fn shrunk(
        &mut self,
        mut cause: Cause,
        found: &mut Reduction,
        valid: &impl Fn(&Set) -> bool,
    ) -> Result<Cause, Need> {
        let crossed = self.crossed();
        if !cause.coarse && !crossed {
            return Ok(cause);
        }
        let mut told = true;
        for key in self.order(&cause.base.clone()).into_iter().rev() {
            let fewer = self.without(&cause.base, &Set::from([key]));
            if fewer.len() == cause.base.len() || fewer.is_empty() {
                continue;
            }
            match self.decide(&fewer, 0.3, Kind::Shrink, valid)? {
                Some(true) => cause.base = fewer,
                Some(false) => {}
                None => told = false,
            }
        }
        cause.named.retain(|key| cause.base.contains(key));
        if crossed {
            found.notes.push("some settings fail alone and pass with others added: what was found fails, and so does nothing with one setting less".to_owned());
        }
        if !told {
            found.minimal = false;
            found.notes.push("some settings could not be told apart: configs between them are refused by the linter, or gave no verdict".to_owned());
        }
        Ok(cause)
    }

    /// Whether a candidate passed although a part of it failed.
    fn crossed(&self) -> bool {
        let sure = self.options.confidence;
        let known = |bad: bool| {
            let set = move |(set, tally): (&Set, &super::evidence::Tally)| {
                let chance = self.evidence.bad(set, 0.5);
                let told = if bad { tally.bad > 0 && chance >= sure } else { tally.good > 0 && 1.0 - chance >= sure };
                told.then(|| set.clone())
            };
            self.evidence.seen.iter().filter_map(set).collect::<Vec<Set>>()
        };
        let passed = known(false);
        known(true).iter().any(|bad| passed.iter().any(|good| bad.is_subset(good)))
    }

    /// What is known when no probe is left: the smallest candidate that fails.
    fn given_up(&self) -> Reduction {
        let failed = self.evidence.seen.keys().filter(|set| self.evidence.bad(set, 0.5) >= self.options.confidence);
        let must = failed.min_by_key(|set| set.len()).cloned().unwrap_or_else(|| self.all());
        let notes =
            vec![format!("no probe is left of {}: the settings still in question are listed", self.options.max_probes)];
        let probes = self.probes.clone();
        Reduction { named: must.clone(), must, probes, notes, ..Reduction::default() }
    }
}

/// The point whose probe tells most; the smaller candidate of two that tell the same.
fn wisest(gain: &[f64]) -> Option<usize> {
    let best = gain.iter().enumerate().filter(|(_, gain)| **gain > LEAST_GAIN);
    best.max_by(|a, b| if (a.1 - b.1).abs() < 1e-12 { b.0.cmp(&a.0) } else { a.1.total_cmp(b.1) }).map(|found| found.0)
}
