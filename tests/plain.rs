//! The quick way through plain YAML reads what the full parser reads, byte for byte.

mod common;

use moelint::document::plain::lines;
use moelint::document::yaml::{parse_fully, parse_yaml};
use proptest::prelude::*;

use common::{files, root, say, shared};

fn same(text: &str, name: &str) -> bool {
    let quick = lines(text).is_some();
    assert_eq!(parse_yaml(text), parse_fully(text), "{name}\n{text}");
    quick
}

#[test]
fn every_config_at_hand_reads_the_same_both_ways() {
    let mut folders = vec![root().join("testdata")];
    folders.extend(shared("corpus"));
    let (mut quick, mut all) = (0, 0);
    for path in folders.iter().flat_map(|folder| files(folder)) {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        if path.extension().is_none_or(|ending| ending != "yaml") || text.len() > 200_000 {
            continue;
        }
        all += 1;
        quick += usize::from(same(&text, &path.display().to_string()));
    }
    say(&format!("{quick} of {all} configs go the quick way"));
    assert!(quick * 3 > all, "the quick way is hardly gone: {quick} of {all}");
}

/// Pieces of lines, right and wrong.
const PIECES: [&str; 40] = [
    "a", "--flag", "b-c", ":", ": ", ":  ", " ", "  ", "    ", "\n", "\n", "\n", "#", " # x", "1", "-1", "1e-3",
    "true", "null", "'q'", "\"q\"", "'", "\"", "~", "[1, 2]", "[]", "{}", "- ", "-", "---", "...", "x y", "&n", "*n",
    "!t", "|", ">", "%", "key:", "\t",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_mixture_of_pieces_reads_the_same_both_ways(pieces in prop::collection::vec(0..PIECES.len(), 0..30)) {
        let text: String = pieces.iter().map(|piece| PIECES[*piece]).collect();
        same(&text, "generated");
    }

    #[test]
    fn plain_mappings_read_the_same_both_ways(
        rows in prop::collection::vec((0..3_usize, 0..6_usize, 0..15_usize), 1..20),
    ) {
        let keys = ["a", "moe_x", "--flag-y", "b.c", "4", "d/e"];
        let values = ["", " 1", "  true   # why", " 'q'", " \"a b\"  ", " a b", " # only", " -1e-3", " x,y", " (0)*2", " $V", " ~", " [1, a b,c ]  # l", " []", " [ -1,]"];
        let text: String = rows
            .iter()
            .map(|(depth, key, value)| format!("{}{}:{}\n", "  ".repeat(*depth), keys[*key], values[*value]))
            .collect();
        same(&text, "generated");
        same(text.trim_end(), "generated without a last line end");
    }
}
