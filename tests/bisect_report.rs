//! Reports of a bisection in every form, from values built by hand: no, one and many commits, every status, hostile texts.

mod common;

use moelint::bisect::report::{
    Changed, Counts, Culprit, Exonerated, Marker, Others, Point, ProbeLine, Ranked, Report, Series, Shift, Status,
};
use moelint::delta::relevance::Group;
use moelint::output::bisect::human::{Look, human};
use moelint::output::bisect::{html, json, markdown};
use serde_json::Value;

use common::{moelint, stdout};

const STATUSES: [Status; 6] =
    [Status::Ranked, Status::Found, Status::None, Status::Code, Status::Inconclusive, Status::NotSeparable];

/// What somebody writes who wants to leave the cell, the tag, the line or the terminal.
const HOSTILE: &str =
    "</title></svg><script>alert(1)</script>\"'`|\n# @all\u{1b}[31m\u{202e}dab ]]> https://x.example/a.js";

fn id(at: usize) -> String {
    // what ids have in front has to tell them apart, as in git
    format!("{:08x}{at:032x}", (u32::try_from(at).unwrap() + 1).wrapping_mul(2_654_435_761))
}

fn change(field: &str, from: Value, to: Value, group: Group) -> Changed {
    Changed {
        field: field.to_owned(),
        key: format!("model.{field}"),
        from,
        to,
        group,
        path: "configs/train.yaml".to_owned(),
        role: "config".to_owned(),
        line: 13,
        note: "a value not seen before, and still there at the bad end".to_owned(),
    }
}

fn culprit(at: usize, posterior: f64, changes: Vec<Changed>) -> Culprit {
    let path = changes.first().map_or_else(String::new, |change| change.path.clone());
    let introduced = Vec::from_iter((!changes.is_empty()).then(|| "shared-overlap-dispatcher".to_owned()));
    Culprit {
        commit: id(at),
        subject: format!("Raise the SMs of step {at}"),
        posterior,
        path,
        changes,
        introduced,
        fixed: Vec::new(),
        why: String::new(),
    }
}

fn point(at: usize, posterior: f64) -> Point {
    Point {
        commit: id(at),
        subject: format!("Step {at}"),
        time: 1_700_000_000 + i64::try_from(at).unwrap() * 3_600,
        class: at / 5,
        posterior,
        probes: [0; 3],
        changed: Vec::from_iter((at > 0 && at.is_multiple_of(5)).then(|| "moe_router_topk".to_owned())),
    }
}

fn probe(number: u32, at: usize, verdict: &str, why: &str) -> ProbeLine {
    let (verdict, why) = (verdict.to_owned(), why.to_owned());
    ProbeLine { number, commit: id(at), code: None, verdict, why, note: "exit 1".to_owned(), seconds: 61.5 }
}

/// A report of `commits` commits that ended like this.
fn report(commits: usize, status: Status) -> Report {
    let lead = commits / 2;
    let sure = if matches!(status, Status::Found | Status::Code) { 0.97 } else { 0.61 };
    let mut timeline: Vec<Point> = (0..=commits).map(|at| point(at, if at == lead { sure } else { 0.0001 })).collect();
    let mut log = Vec::new();
    if status != Status::Ranked {
        timeline[commits].probes = [0, 1, 0];
        timeline[0].probes[0] += 1;
        timeline[lead].probes[2] += 1;
        log.push(probe(1, commits, "bad", "the bad end has to fail, and to show the same symptom"));
        log.push(probe(2, 0, "good", "the good end has to pass"));
        log.push(probe(3, lead, "unresolved", "48% of the suspicion lies at or before it (0.98 bits expected)"));
        log[2].code = Some(id(commits));
    }
    let config = |at, posterior| Ranked { commit: id(at), subject: format!("Step {at}"), posterior, config: true };
    let others = if commits > 2 { vec![config(0, 0.02), config(commits, 0.004)] } else { Vec::new() };
    let changes = vec![
        change("moe_flex_dispatcher_num_sms", Value::from(20), Value::from(32), Group::Dispatcher),
        change("env HF_TOKEN", Value::from("hf_first"), Value::from("hf_second"), Group::Environment),
    ];
    let culprits = match status {
        Status::None => Vec::new(),
        _ if commits == 0 => Vec::new(),
        Status::Code => vec![culprit(lead, sure, Vec::new())],
        _ => vec![culprit(lead, sure, changes)],
    };
    let next = match status {
        Status::Ranked => {
            vec![
                "moelint bisect commits --good v1 --bad main -- ./probe.sh   (a command that exits 0 where the run works)",
            ]
        }
        Status::Inconclusive => vec!["moelint bisect log > runs.jsonl   (then --runs runs.jsonl keeps these verdicts)"],
        _ => vec!["git show 9e3779b1"],
    };
    let ran = status != Status::Ranked;
    Report {
        version: 1,
        mode: "commits",
        status,
        good: id(0),
        bad: id(commits),
        symptom: Some("hang".to_owned()),
        commits,
        config_classes: commits / 5 + 1,
        probes: if ran { Counts { total: 3, preflight: 2, good: 1, bad: 1, unresolved: 1 } } else { Counts::default() },
        ranking: culprits.iter().map(|one| config(lead, one.posterior)).chain(others).collect(),
        culprits,
        hypotheses: match status {
            Status::None => Others { code: 0.01, none: 0.96 },
            Status::Code => Others { code: 0.98, none: 0.001 },
            _ => Others { code: 0.02, none: 0.005 },
        },
        exonerated: Exonerated { untouched: commits / 2, cosmetic: commits / 8, by_values: commits / 16 },
        notes: vec![
            "the good commit is no ancestor of the bad one: their common ancestor is taken for good too".to_owned(),
        ],
        next: next.into_iter().map(str::to_owned).collect(),
        log,
        timeline,
        series: Vec::new(),
    }
}

fn series(count: usize) -> Series {
    let value = |at: usize| {
        if at < count / 2 {
            20.0 + f64::from(u8::try_from(at % 3).unwrap())
        } else {
            31.0 + f64::from(u8::try_from(at % 5).unwrap())
        }
    };
    Series {
        name: "step time".to_owned(),
        unit: "s".to_owned(),
        labels: (0..count).map(id).collect(),
        values: (0..count).map(|at| (at % 11 != 3).then(|| value(at))).collect(),
        shifts: vec![Shift {
            index: count / 2,
            between: (count / 2 - 1, count / 2 + 2),
            before: 21.0,
            after: 33.0,
            probability: 0.998,
            size: None,
        }],
        markers: vec![Marker { index: count / 2, text: format!("moe_router_topk 2 → 8 {HOSTILE}") }],
    }
}

/// Every text of others is hostile.
fn hostile(status: Status) -> Report {
    let mut report = report(12, status);
    let evil = HOSTILE.to_owned();
    for culprit in &mut report.culprits {
        culprit.subject.clone_from(&evil);
        culprit.why.clone_from(&evil);
        culprit.introduced = vec![evil.clone()];
        for change in &mut culprit.changes {
            change.field.clone_from(&evil);
            (change.from, change.to) = (Value::from(HOSTILE), Value::from(HOSTILE));
            (change.path, change.note, change.role) = (evil.clone(), evil.clone(), evil.clone());
        }
    }
    report.ranking.iter_mut().for_each(|one| one.subject.clone_from(&evil));
    report.timeline.iter_mut().for_each(|point| point.subject.clone_from(&evil));
    for line in &mut report.log {
        (line.why, line.note) = (evil.clone(), evil.clone());
    }
    (report.notes, report.next) = (vec![evil.clone()], vec![evil.clone()]);
    (report.good, report.bad) = (evil.clone(), evil.clone());
    report.series = vec![Series { name: evil, ..series(30) }];
    report
}

/// A search over the settings of two configs: no commits, and a config to save among the commands.
fn keys(status: Status) -> Report {
    let mut report = Report::empty("keys", status, ("v1:a.yaml", "a.yaml"));
    report.config_classes = 9;
    if status != Status::Ranked {
        report.probes = Counts { total: 1, preflight: 0, good: 0, bad: 1, unresolved: 0 };
        report.log.push(ProbeLine { commit: "4 settings".to_owned(), ..probe(1, 0, "bad", "half of the differences") });
    }
    let changes = vec![
        change("moe_flex_dispatcher_num_sms", Value::from(20), Value::from(32), Group::Dispatcher),
        change("moe_router_topk", Value::Null, Value::from(8), Group::Routing),
    ];
    let mut first = culprit(0, 0.98, changes);
    (first.commit, first.subject) = (String::new(), "moe_flex_dispatcher_num_sms and moe_router_topk".to_owned());
    report.culprits = vec![first];
    report.next = vec!["model:\n  moe_router_topk: 8   (not more)\n".to_owned()];
    report
}

/// Every report that a test looks at.
fn all() -> Vec<Report> {
    let mut reports: Vec<Report> =
        [0, 1, 64, 3_000].into_iter().flat_map(|commits| STATUSES.map(|status| report(commits, status))).collect();
    reports.extend(STATUSES.map(hostile));
    reports.extend(STATUSES.map(keys));
    reports.extend(STATUSES.map(|status| Report::empty("runs", status, ("", ""))));
    let mut recorded = report(64, Status::Found);
    recorded.series = vec![series(64), series(2_000), Series::default()];
    reports.push(recorded);
    reports
}

fn text(write: impl FnOnce(&mut Vec<u8>, &Report) -> std::io::Result<()>, report: &Report) -> String {
    let mut bytes = Vec::new();
    write(&mut bytes, report).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn page(report: &Report) -> String {
    text(|out, report| html::html(out, report), report)
}

fn as_markdown(report: &Report) -> String {
    text(|out, report| markdown::markdown(out, report), report)
}

fn as_human(report: &Report) -> String {
    text(|out, report| human(out, report, Look::default()), report)
}

#[test]
fn a_person_reads_the_verdict_first() {
    for status in STATUSES {
        insta::assert_snapshot!(format!("human_{status:?}").to_lowercase(), as_human(&report(64, status)));
    }
}

#[test]
fn settings_stand_in_for_commits() {
    for status in [Status::Found, Status::Ranked] {
        let report = keys(status);
        insta::assert_snapshot!(format!("keys_human_{status:?}").to_lowercase(), as_human(&report));
        insta::assert_snapshot!(format!("keys_markdown_{status:?}").to_lowercase(), as_markdown(&report));
    }
    assert!(page(&keys(Status::Found)).contains("\"sure\">moe_flex_dispatcher_num_sms and"));
    assert!(page(&keys(Status::Found)).contains("<pre>model:\n  moe_router_topk: 8   (not more)</pre>"));
}

#[test]
fn an_issue_gets_tables() {
    for status in [Status::Found, Status::Inconclusive, Status::None] {
        insta::assert_snapshot!(format!("markdown_{status:?}").to_lowercase(), as_markdown(&report(64, status)));
    }
    insta::assert_snapshot!("markdown_hostile", as_markdown(&hostile(Status::Found)));
}

#[test]
fn lines_for_people_keep_to_the_width_and_plain_text() {
    let paint = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    for report in all() {
        let wide = as_human(&report);
        assert!(!wide.contains('\u{1b}') && !wide.contains('\u{202e}'), "{wide}");
        let narrow = text(|out, report| human(out, report, Look { color: false, width: 60 }), &report);
        let prose =
            narrow.lines().filter(|line| ["searched", "cleared", "probed", "note"].iter().any(|l| line.starts_with(l)));
        assert!(prose.into_iter().all(|line| line.chars().count() <= 60 || line.contains("script")), "{narrow}");
        let colored = text(|out, report| human(out, report, Look { color: true, width: 100 }), &report);
        let plain = paint.replace_all(&colored, "").into_owned();
        assert_eq!(plain, wide);
    }
}

#[test]
fn json_of_every_status_follows_the_schema() {
    let schema: Value = serde_json::from_str(&stdout(&moelint(&["schema", "bisect"]))).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for report in all() {
        let value: Value = serde_json::from_str(&text(|out, report| json(out, report), &report)).unwrap();
        let wrong: Vec<String> = validator
            .iter_errors(&value)
            .take(3)
            .map(|error| format!("{error} at {}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{:?}: {wrong:?}", report.status);
        assert_eq!(value.get("series").is_some(), !report.series.is_empty());
        assert!(!validator.is_valid(&serde_json::json!({ "version": 1, "status": "found" })));
    }
}

/// Attributes and text of the page; every tag is closed by its own kind.
fn tags(page: &str) -> Vec<(String, String)> {
    let tag =
        regex::Regex::new(r#"<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s+[a-zA-Z0-9:-]+(?:="[^"<]*")?)*)\s*(/?)>"#).unwrap();
    let style = page.find("<style>").unwrap()..page.find("</style>").unwrap();
    let (mut open, mut found, mut end) = (Vec::new(), Vec::new(), 0);
    for one in tag.captures_iter(page) {
        let whole = one.get(0).unwrap();
        assert!(!page[end..whole.start()].contains('<') || end == 0, "{}", &page[end..whole.start()]);
        assert!(!style.contains(&(whole.start() - 1)) || &one[2] == "style", "a tag in the style sheet");
        end = whole.end();
        let name = one[2].to_owned();
        let void = ["meta", "br", "wbr"].contains(&name.as_str()) || !one[4].is_empty();
        match (&one[1], void) {
            ("/", _) => assert_eq!(open.pop(), Some(name), "before {}", &page[end..page.len().min(end + 80)]),
            (_, false) => {
                open.push(name.clone());
                found.push((name, one[3].to_owned()));
            }
            (_, true) => found.push((name, one[3].to_owned())),
        }
    }
    assert!(open.is_empty(), "{open:?}");
    found
}

#[test]
fn the_page_is_whole_and_loads_nothing() {
    for report in all() {
        let page = page(&report);
        assert!(page.starts_with("<!DOCTYPE html>"));
        let tags = tags(&page.replacen("<!DOCTYPE html>", "", 1));
        for (name, attributes) in &tags {
            let loads = ["script", "link", "img", "iframe", "object", "embed", "base", "form", "image", "a"];
            assert!(!loads.contains(&name.as_str()), "{name}");
            assert!(!attributes.contains(" src=") && !attributes.contains(" on"), "{attributes}");
            assert!(!attributes.contains("href=") || attributes.contains("href=\"#"), "{attributes}");
        }
        let style = &page[page.find("<style>").unwrap()..page.find("</style>").unwrap()];
        assert!(!style.contains("url(") && !style.contains("@import") && !style.contains("http"));
        assert!(page.contains("default-src 'none'"));
        assert!(!page.contains("NaN") && !page.contains("inf%") && !page.contains('\u{202e}'));
        assert!(page.len() < 400_000, "{} bytes", page.len());
        let count = |what: &str| tags.iter().filter(|(name, _)| name == what).count();
        assert_eq!((count("h1"), count("main"), count("title") > 0), (1, 1, true));
        assert!(
            tags.iter().filter(|(name, _)| name == "svg").all(|(_, a)| a.contains("aria-") || a.contains("overflow"))
        );
    }
}

#[test]
fn the_page_says_who_how_sure_and_what_next() {
    let page = page(&report(64, Status::Found));
    for said in [
        &id(32),
        "97%",
        "moe_<wbr>flex_<wbr>dispatcher_<wbr>num_<wbr>sms",
        "git show 9e3779b1",
        "brings",
        "48% of the suspicion",
    ] {
        assert!(page.contains(said), "{said}");
    }
    assert!(page.matches("class=\"hover\"").count() == 65);
}

#[test]
fn secrets_stay_out_of_every_form() {
    let report = report(64, Status::Found);
    for text in [page(&report), as_markdown(&report), as_human(&report)] {
        assert!(text.contains("HF_") && !text.contains("hf_first") && !text.contains("hf_second"), "{text}");
    }
}

#[test]
fn text_on_the_page_has_contrast() {
    let style = include_str!("../src/output/bisect/html/style.css");
    let (light, dark) = style.split_once("@media screen and (prefers-color-scheme: dark)").unwrap();
    for (scheme, cards) in [(light, ["--card", "--page", "--code"]), (dark, ["--card", "--page", "--code"])] {
        let color = |name: &str| {
            let found = regex::Regex::new(&format!("{name}: #([0-9a-f]{{6}})")).unwrap().captures(scheme).unwrap();
            u32::from_str_radix(&found[1], 16).unwrap()
        };
        for text in ["--text", "--quiet", "--good", "--bad", "--unclear", "--open", "--ranked"] {
            for card in &cards[..if ["--text", "--quiet"].contains(&text) { 3 } else { 1 }] {
                let contrast = contrast(color(text), color(card));
                assert!(contrast >= 4.5, "{text} on {card}: {contrast:.2}");
            }
        }
        assert!(contrast(color("--bar"), color("--card")) >= 3.0);
    }
}

/// The ratio of WCAG 2.
fn contrast(one: u32, two: u32) -> f64 {
    let luminance = |color: u32| -> f64 {
        let channel = |shift: u32| {
            let part = f64::from((color >> shift) & 255) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
    };
    let (a, b) = (luminance(one), luminance(two));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Writes the pages of a few reports where a person can look at them: `MOELINT_PAGES=folder`.
#[test]
fn pages_to_look_at() {
    let Some(folder) = std::env::var_os("MOELINT_PAGES").map(std::path::PathBuf::from) else { return };
    std::fs::create_dir_all(&folder).unwrap();
    let mut recorded = report(64, Status::Found);
    recorded.series = vec![series(64), series(2_000)];
    for (name, report) in [
        ("recorded", recorded),
        ("hostile", hostile(Status::Found)),
        ("many", report(3_000, Status::Code)),
        ("keys", keys(Status::Found)),
    ] {
        std::fs::write(folder.join(format!("{name}.html")), page(&report)).unwrap();
    }
}
