//! Synthetic histories.
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "seeds and counts are small"
)]

use std::collections::{BTreeMap, BTreeSet};

use git2::Oid;
use moelint::bisect::ancestry::Ancestry;
use moelint::bisect::case::{Case, hypotheses};
use moelint::bisect::posterior::{Cause, Point};
use moelint::bisect::suspicion::suspicions;
use moelint::delta::change::{Change, Side};
use moelint::delta::relevance::{Symptom, relevance};
use moelint::facts::value::Value;
use moelint::history::git::{Commit, Range};
use moelint::history::timeline::{FileChange, Step, Timeline};

/// Settings with the values of normal life, the one that makes runs fail (if any), and how much a hang points at it.
const SETTINGS: [(&str, &[i64], Option<i64>, f64); 16] = [
    ("moe_flex_dispatcher_num_sms", &[16, 20, 24], Some(32), 10.0),
    ("expert_model_parallel_size", &[4, 8, 16], Some(32), 6.0),
    ("env CUDA_DEVICE_MAX_CONNECTIONS", &[1, 8], Some(32), 5.0),
    ("micro_batch_size", &[1, 2], Some(4), 6.0),
    ("moe_hybridep_num_sms_preprocessing", &[108, 96, 64], Some(132), 8.0),
    ("moe_shared_expert_intermediate_size", &[1024, 2048], Some(4096), 3.0),
    ("moe_router_topk", &[2, 4, 6, 8], Some(10), 2.0),
    ("moe_router_dtype", &[32, 64], None, 1.0),
    ("moe_ffn_hidden_size", &[768, 1536], Some(1024), 2.0),
    ("moe_router_load_balancing_type", &[1, 2], Some(3), 1.0),
    ("moe_aux_loss_coeff", &[1, 2, 3], Some(4), 1.0),
    ("moe_z_loss_coeff", &[1, 2], Some(3), 1.0),
    ("moe_permute_fusion", &[0, 1], None, 4.0),
    ("moe_router_fusion", &[0, 1], None, 2.0),
    ("moe_router_force_load_balancing", &[0, 1], None, 2.0),
    ("moe_shared_expert_overlap", &[0, 1], None, 5.0),
];
/// Settings that have nothing to do with it.
const OTHERS: [(&str, &[i64]); 4] = [
    ("lr", &[1, 2, 3]),
    ("global_batch_size", &[512, 1024, 2048]),
    ("clip_grad", &[1, 2]),
    ("log_interval", &[10, 50]),
];

/// `SplitMix64`: the same numbers on every machine.
pub struct Random(u64);

impl Random {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    /// In `0..1`.
    pub fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// In `0..count`.
    pub fn below(&mut self, count: usize) -> usize {
        ((self.unit() * count as f64) as usize).min(count - 1)
    }

    /// An index by weight.
    fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut at = self.unit() * weights.iter().sum::<f64>();
        for (index, weight) in weights.iter().enumerate() {
            at -= weight;
            if at <= 0.0 {
                return index;
            }
        }
        weights.len() - 1
    }
}

/// What a commit sets.
type Sets = Vec<(&'static str, i64, i64)>;

/// One history.
pub struct World {
    /// What each commit changes: setting, old value, new value; the first commit is the good end.
    pub commits: Vec<Sets>,
    /// The commit to blame; `None`: nothing is.
    pub culprit: Option<usize>,
}

impl World {
    /// 12 % of the commits change one to three settings, 10 % one that matters little; the culprit follows the symptom
    /// with probability `follows`, and is any of them otherwise.
    pub fn new(count: usize, seed: u64, follows: f64) -> Self {
        Self::made(count, seed, follows, |weight| weight)
    }

    /// The culprit follows the reverse of what the symptom points at.
    pub fn misleading(count: usize, seed: u64) -> Self {
        Self::made(count, seed, 1.0, |weight| 1.0 / (weight * weight))
    }

    /// Nothing is to blame: the bad end failed by chance.
    pub fn none(count: usize, seed: u64) -> Self {
        Self { culprit: None, ..Self::planted(count, seed, None) }
    }

    fn made(count: usize, seed: u64, follows: f64, weight: impl Fn(f64) -> f64) -> Self {
        let mut random = Random::new(seed.wrapping_mul(31) + count as u64);
        let touched = touched(count, &mut random);
        let able = |at: &usize| touched[*at].iter().filter(|s| SETTINGS[**s].2.is_some()).copied().collect::<Vec<_>>();
        let mut suspects: Vec<usize> = (1..=count).filter(|at| !able(at).is_empty()).collect();
        if suspects.is_empty() {
            suspects.push(1);
        }
        let heaviest = |at: &usize| able(at).iter().map(|s| weight(SETTINGS[*s].3)).fold(0.1, f64::max);
        let weights: Vec<f64> = suspects.iter().map(heaviest).collect();
        let culprit = if random.unit() < follows { random.weighted(&weights) } else { random.below(suspects.len()) };
        let culprit = suspects[culprit];
        let setting =
            able(&culprit).into_iter().max_by(|a, b| weight(SETTINGS[*a].3).total_cmp(&weight(SETTINGS[*b].3)));
        Self::planted(count, seed, Some((culprit, setting.unwrap_or(0))))
    }

    fn planted(count: usize, seed: u64, plant: Option<(usize, usize)>) -> Self {
        let mut random = Random::new(seed.wrapping_mul(31) + count as u64);
        let mut touched = touched(count, &mut random);
        let mut now: Vec<i64> = SETTINGS.iter().map(|setting| setting.1[0]).collect();
        let mut others: Vec<i64> = OTHERS.iter().map(|setting| setting.1[0]).collect();
        if let Some((at, setting)) = plant
            && !touched[at].contains(&setting)
        {
            touched[at].push(setting);
        }
        let mut commits = vec![Sets::new()];
        for (at, settings) in touched.iter().enumerate().skip(1) {
            let mut sets = Sets::new();
            for setting in settings {
                let about = &SETTINGS[*setting];
                let old = now[*setting];
                let new = match plant {
                    Some((culprit, planted)) if culprit == at && planted == *setting => about.2.unwrap_or(old),
                    Some((culprit, planted)) if culprit < at && planted == *setting => continue,
                    _ => {
                        let free: Vec<i64> = about.1.iter().copied().filter(|value| *value != old).collect();
                        free[random.below(free.len())]
                    }
                };
                now[*setting] = new;
                sets.push((about.0, old, new));
            }
            if settings.is_empty() && random.unit() < 0.1 {
                let other = random.below(OTHERS.len());
                let free: Vec<i64> = OTHERS[other].1.iter().copied().filter(|value| *value != others[other]).collect();
                let new = free[random.below(free.len())];
                sets.push((OTHERS[other].0, others[other], new));
                others[other] = new;
            }
            commits.push(sets);
        }
        Self { commits, culprit: plant.map(|plant| plant.0) }
    }

    /// Whether the candidate is bad.
    pub fn is_bad(&self, point: Point) -> bool {
        self.culprit.is_some_and(|culprit| culprit <= point.config)
    }

    /// Whether an answer is right.
    pub fn is_right(&self, cause: Cause) -> bool {
        match (cause, self.culprit) {
            (Cause::Config(commit), Some(culprit)) => commit == culprit,
            (Cause::NeverBad, None) => true,
            _ => false,
        }
    }

    /// The search before anything ran.
    pub fn case(&self, any: bool) -> Case {
        let commits = (0..self.commits.len()).map(|at| {
            let mut bytes = [0; 20];
            bytes[..8].copy_from_slice(&(at as u64 + 1).to_be_bytes());
            let parents = if at == 0 { Vec::new() } else { vec![at - 1] };
            Commit {
                id: Oid::from_bytes(&bytes).unwrap(),
                subject: String::new(),
                time: 0,
                parents,
                parent_ids: Vec::new(),
            }
        });
        let steps = self.commits.iter().map(|sets| Step { files: files(sets), cosmetic: 0 }).collect();
        let timeline = Timeline {
            range: Range { commits: commits.collect(), forked: false },
            steps,
            names: BTreeMap::from([("train.yaml".to_owned(), BTreeSet::from(["train.yaml".to_owned()]))]),
            problems: Vec::new(),
        };
        let suspicions = suspicions(&timeline, relevance(), Some(Symptom::Hang), &BTreeMap::new());
        let (causes, prior) = hypotheses(timeline.range.commits.len(), &suspicions, !any);
        let ancestry = Ancestry::Line(self.commits.len() - 1);
        Case { timeline, ancestry, suspicions, complaints: BTreeMap::new(), causes, prior }
    }
}

/// The settings that each commit touches.
fn touched(count: usize, random: &mut Random) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for _ in 0..count {
        let mut settings = Vec::new();
        if random.unit() < 0.12 {
            for _ in 0..[1, 1, 1, 2, 3][random.below(5)] {
                let setting = random.below(SETTINGS.len());
                if !settings.contains(&setting) {
                    settings.push(setting);
                }
            }
        }
        all.push(settings);
    }
    all
}

fn files(sets: &Sets) -> Vec<FileChange> {
    if sets.is_empty() {
        return Vec::new();
    }
    let side = |value: i64| Side { effective: Some(Value::Int(value)), ..Side::default() };
    let changes = sets.iter().map(|(name, old, new)| Change {
        name: (*name).to_owned(),
        field: None,
        role: "model".to_owned(),
        from: side(*old),
        to: side(*new),
    });
    vec![FileChange { path: "train.yaml".to_owned(), old_path: None, old: None, new: None, changes: changes.collect() }]
}
