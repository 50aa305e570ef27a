//! The key-level search: what it finds, in worlds of every kind.

use std::collections::BTreeSet;

use moelint::bisect::evidence::Set;
use moelint::bisect::rates::Known;
use moelint::bisect::reduce::Reducer;
use moelint::bisect::reduction::{Options, Reduction, Step};
use moelint::bisect::verdict::Verdict;
use proptest::prelude::*;

/// Weights, what each needs (earlier ones only), and the causes.
type World = (Vec<f64>, Vec<Vec<usize>>, Vec<Set>);

fn worlds(causes: usize) -> impl Strategy<Value = World> {
    (2_usize..20).prop_flat_map(move |keys| {
        let weights = prop::collection::vec(prop::sample::select(vec![0.2, 1.0, 3.0, 8.0]), keys);
        let deps: Vec<_> = (0..keys).map(|key| prop::collection::vec(0..key.max(1), 0..2)).collect();
        let deps = deps.prop_map(|mut deps: Vec<Vec<usize>>| {
            deps[0].clear();
            deps
        });
        let cause = prop::collection::btree_set(0..keys, 1..4);
        (weights, deps, prop::collection::vec(cause, causes))
    })
}

/// Runs a search to its end; gives the answer and what was probed.
fn run(
    reducer: &mut Reducer,
    valid: &impl Fn(&Set) -> bool,
    probe: &mut impl FnMut(&Set) -> Verdict,
) -> (Reduction, Vec<Set>) {
    let mut probed = Vec::new();
    for _ in 0..3000 {
        match reducer.next(valid) {
            Step::Done(done) => return (done, probed),
            Step::Probe(set) => {
                assert!(valid(&set), "{set:?} is not valid");
                reducer.record(&set, &probe(&set));
                probed.push(set);
            }
        }
    }
    panic!("no end");
}

fn closure(deps: &[Vec<usize>], set: &Set) -> Set {
    let mut closed = set.clone();
    while let Some(more) = closed.iter().flat_map(|key| &deps[*key]).find(|need| !closed.contains(need)).copied() {
        closed.insert(more);
    }
    closed
}

fn verdict(causes: &[Set], set: &Set) -> Verdict {
    if causes.iter().any(|cause| cause.is_subset(set)) { Verdict::Bad } else { Verdict::Good }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_cause_is_found_whole_and_nothing_else((weights, deps, causes) in worlds(1)) {
        let mut reducer = Reducer::new(&weights, &deps, Options::default());
        let closed = |set: &Set| closure(&deps, set) == *set;
        let (found, probed) = run(&mut reducer, &closed, &mut |set| verdict(&causes, set));
        prop_assert_eq!(&found.must, &closure(&deps, &causes[0]));
        prop_assert!(found.minimal && found.others.is_empty());
        prop_assert_eq!((found.sufficient, found.necessary), (Some(true), Some(true)));
        // no candidate twice, and the count is right
        let different: BTreeSet<&Set> = probed.iter().collect();
        prop_assert_eq!(different.len(), probed.len());
        prop_assert_eq!(found.probes.total(), probed.len());
    }

    #[test]
    fn a_search_goes_on_from_the_verdicts_it_had((weights, deps, causes) in worlds(2), cut in 0_usize..12) {
        let closed = |set: &Set| closure(&deps, set) == *set;
        let mut whole = Reducer::new(&weights, &deps, Options::default());
        let (found, probed) = run(&mut whole, &closed, &mut |set| verdict(&causes, set));
        let mut resumed = Reducer::new(&weights, &deps, Options::default());
        for set in probed.iter().take(cut) {
            resumed.record(set, &verdict(&causes, set));
        }
        let (again, rest) = run(&mut resumed, &closed, &mut |set| verdict(&causes, set));
        prop_assert_eq!(again.must, found.must);
        prop_assert_eq!(rest.as_slice(), &probed[cut.min(probed.len())..]);
    }

    #[test]
    fn two_causes_that_share_nothing_are_both_found((weights, _, causes) in worlds(2)) {
        let deps = vec![Vec::new(); weights.len()];
        let mut reducer = Reducer::new(&weights, &deps, Options::default());
        let (found, _) = run(&mut reducer, &|_| true, &mut |set| verdict(&causes, set));
        let minimal = |set: &Set| {
            verdict(&causes, set) == Verdict::Bad
                && set.iter().all(|key| {
                    let fewer: Set = set.iter().copied().filter(|other| other != key).collect();
                    verdict(&causes, &fewer) == Verdict::Good
                })
        };
        prop_assert!(minimal(&found.must), "{:?}", found);
        prop_assert!(found.others.iter().all(minimal), "{:?}", found);
        let apart = causes[0].is_disjoint(&causes[1]);
        prop_assert_eq!(found.others.len(), usize::from(apart));
        prop_assert_eq!(found.necessary, Some(true));
    }

    #[test]
    fn what_the_linter_refuses_is_never_probed_and_said(
        (weights, deps, causes) in worlds(1), forbidden in prop::collection::vec((0_usize..20, 0_usize..20), 0..4),
    ) {
        // one setting without another is refused, in no order that the search knows of
        let valid = |set: &Set| closure(&deps, set) == *set && !forbidden.iter().any(|(with, without)| set.contains(with) && !set.contains(without) && *without < weights.len());
        let mut reducer = Reducer::new(&weights, &deps, Options::default());
        let (found, _) = run(&mut reducer, &valid, &mut |set| verdict(&causes, set));
        prop_assert!(causes[0].is_subset(&found.must));
        // where it claims to be minimal, no valid candidate with one thing less fails
        if found.minimal {
            for key in &found.must {
                let fewer: Set = found.must.iter().copied().filter(|other| closure(&deps, &Set::from([*other])).iter().all(|need| need != key)).collect();
                prop_assert!(!valid(&fewer) || verdict(&causes, &fewer) == Verdict::Good, "{:?} without {}", found, key);
            }
        }
    }

    #[test]
    fn lost_probes_cost_more_but_the_answer_holds((weights, deps, causes) in worlds(1), lost in prop::collection::vec(any::<bool>(), 64)) {
        let closed = |set: &Set| closure(&deps, set) == *set;
        let mut reducer = Reducer::new(&weights, &deps, Options::default());
        let mut count = 0;
        let (found, _) = run(&mut reducer, &closed, &mut |set| {
            count += 1;
            let gone = count % 3 == 0 && lost[count % 64];
            if gone { Verdict::Unresolved } else { verdict(&causes, set) }
        });
        prop_assert!(causes[0].is_subset(&found.must));
        prop_assert!(!found.minimal || found.must == closure(&deps, &causes[0]), "{:?}", found);
    }
}

#[test]
fn where_more_settings_pass_again_what_is_found_fails_and_is_minimal() {
    // fails with 1 unless 4 is there too, and with everything
    let bad = |set: &Set| set.len() == 6 || (set.contains(&1) && !set.contains(&4));
    let mut reducer = Reducer::new(&[1.0; 6], &vec![Vec::new(); 6], Options::default());
    let mut probe = |set: &Set| if bad(set) { Verdict::Bad } else { Verdict::Good };
    let (found, _) = run(&mut reducer, &|_| true, &mut probe);
    assert!(bad(&found.must), "{found:?}");
    for key in &found.must {
        let fewer: Set = found.must.iter().copied().filter(|other| other != key).collect();
        assert!(!bad(&fewer), "{found:?} without {key}");
    }
}

#[test]
fn a_candidate_that_never_gives_a_verdict_is_worked_around() {
    let mut reducer = Reducer::new(&[1.0; 8], &vec![Vec::new(); 8], Options { retries: 2, ..Options::default() });
    let broken = Set::from([0, 1, 2, 3]);
    let mut tries = 0;
    let (found, _) = run(&mut reducer, &|_| true, &mut |set| {
        if *set == broken {
            tries += 1;
            return Verdict::Unresolved;
        }
        verdict(&[Set::from([6])], set)
    });
    assert_eq!((found.must, found.minimal, tries), (Set::from([6]), true, 3));
    assert_eq!(found.probes.unresolved, 3);
}

#[test]
fn flakes_are_outvoted_when_the_rates_are_told_and_when_they_are_not() {
    for rates in [Known::Told(0.2, 0.2), Known::Nothing] {
        let mut right = 0;
        for seed in 0..60_u64 {
            let mut state = seed;
            let mut reducer =
                Reducer::new(&[1.0; 12], &vec![Vec::new(); 12], Options { rates: rates.clone(), ..Options::default() });
            let cause = Set::from([usize::try_from(seed % 12).unwrap()]);
            let (found, _) = run(&mut reducer, &|_| true, &mut |set| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let lies = (state >> 33) % 5 == 0;
                if cause.is_subset(set) == lies { Verdict::Good } else { Verdict::Bad }
            });
            right += u32::from(found.must == cause);
        }
        assert!(right >= 55, "{rates:?}: {right} of 60");
    }
}

#[test]
fn when_no_probe_is_left_what_is_in_question_is_listed() {
    let mut reducer = Reducer::new(&[1.0; 16], &vec![Vec::new(); 16], Options { max_probes: 2, ..Options::default() });
    let (found, probed) = run(&mut reducer, &|_| true, &mut |set| verdict(&[Set::from([3])], set));
    assert_eq!(probed.len(), 2);
    assert!(found.must.contains(&3) && found.must.len() < 16 && !found.minimal && found.sufficient.is_none());
}

#[test]
fn nothing_differs_nothing_is_probed() {
    let mut reducer = Reducer::new(&[], &[], Options::default());
    let (found, probed) = run(&mut reducer, &|_| true, &mut |_| Verdict::Good);
    assert!(probed.is_empty() && found.must.is_empty());
}
