//! Handing jobs to `sbatch`.

use std::path::Path;

use super::super::{ExecError, Job};

/// Arguments that would take from the search what it has to know, with what each would break.
const REFUSED: [(&[&str], &str); 7] = [
    (&["--array", "-a"], "the search numbers its own probes"),
    (&["--wait", "-W"], "the search asks for each job's state itself, as sbatch returns 0 when a node dies"),
    (&["--requeue"], "a second try would mix with the first one's files; what a node takes down is run again anyway"),
    (&["--wrap"], "the command goes after `--`"),
    (&["--output", "-o", "--error", "-e"], "what a probe prints goes into its own folder"),
    (&["--test-only", "--help", "-h", "--usage", "--version", "-V"], "it would submit nothing"),
    (&["--parsable", "--no-requeue", "--job-name", "-J", "--comment"], "the search sets it itself"),
];

/// Refuses what would break the search.
pub(super) fn check(arguments: &[String]) -> Result<(), ExecError> {
    for arg in arguments {
        let name = arg.split('=').next().unwrap_or_default();
        // `-a0-3` is `-a 0-3`
        let is =
            |flag: &&str| *flag == name || (!flag.starts_with("--") && arg.starts_with(flag) && !arg.starts_with("--"));
        if let Some((_, why)) = REFUSED.iter().find(|(flags, _)| flags.iter().any(is)) {
            return Err(ExecError::SbatchArg { arg: arg.clone(), why });
        }
    }
    Ok(())
}

/// `sbatch`'s arguments for jobs that differ in nothing that it sees; the user's come last, where they win.
pub(super) fn arguments(jobs: &[&Job], out: &Path, user: &[String]) -> Result<Vec<String>, ExecError> {
    let folder = out.to_str().ok_or_else(|| ExecError::Path(out.to_owned()))?;
    let names: Vec<String> = jobs.iter().map(|job| plain(&job.name)).collect();
    let mut arguments = vec!["--parsable".to_owned(), "--no-requeue".to_owned()];
    if let Some(name) = names.first() {
        arguments.push(format!("--job-name={name}"));
    }
    arguments.push(format!("--comment=moelint:{}", names.join(",")));
    let output = if jobs.len() > 1 { "slurm-%a.log" } else { "slurm.log" };
    // Slurm replaces %x and, where there is a backslash, nothing at all
    arguments.push(format!("--output={}/{output}", folder.replace('%', "%%")));
    if let Some(job) = jobs.first() {
        if let Some(limit) = job.time_limit {
            // Slurm counts minutes
            arguments.push(format!("--time={}", limit.as_secs().div_ceil(60).max(1)));
        }
        if !job.exclude.is_empty() {
            arguments.push(format!("--exclude={}", job.exclude.join(",")));
        }
    }
    if jobs.len() > 1 {
        arguments.push(format!("--array=0-{}", jobs.len() - 1));
    }
    arguments.extend(user.iter().cloned());
    arguments.push(format!("{folder}/launch.sh"));
    Ok(arguments)
}

/// The job's number and cluster out of what `--parsable` prints; warnings may stand before it.
pub(super) fn number(text: &str) -> Option<(String, Option<String>)> {
    let last = text.lines().rev().find(|line| !line.trim().is_empty())?.trim();
    let (job, cluster) = last.split_once(';').map_or((last, None), |(job, cluster)| (job, Some(cluster.to_owned())));
    (!job.is_empty() && job.bytes().all(|byte| byte.is_ascii_digit())).then(|| (job.to_owned(), cluster))
}

/// Names without blanks and signs: they stand between blanks in what `scontrol` prints.
fn plain(name: &str) -> String {
    let keep = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    let name: String = name.chars().map(|letter| if keep(letter) { letter } else { '-' }).collect();
    if name.is_empty() { "moelint".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;

    fn job(name: &str) -> Job {
        Job {
            number: 1,
            name: name.to_owned(),
            command: vec!["true".to_owned()],
            dir: "/".into(),
            env: BTreeMap::new(),
            out: "/o".into(),
            time_limit: None,
            exclude: Vec::new(),
        }
    }

    #[test]
    fn what_would_break_the_search_is_refused() {
        for arg in ["--array=0-3", "-a0-3", "--wait", "-W", "--requeue", "-o", "--output=x", "--wrap=true"] {
            assert!(check(&[arg.to_owned()]).is_err(), "{arg}");
        }
        let fine = ["--partition=a", "-A", "x", "--account=wrap", "--nodes=2", "-N2", "--open-mode=append", "--hold"];
        assert!(check(&fine.map(str::to_owned)).is_ok());
    }

    #[test]
    fn arguments_say_what_the_job_needs() {
        let mut first = job("s 1/abc");
        first.time_limit = Some(Duration::from_secs(90));
        first.exclude = vec!["n1".to_owned(), "n[3-4]".to_owned()];
        let second = job("b");
        let user = ["--partition=p".to_owned()];
        let line = arguments(&[&first, &second], Path::new("/o%j"), &user).unwrap().join(" ");
        assert_eq!(
            line,
            "--parsable --no-requeue --job-name=s-1-abc --comment=moelint:s-1-abc,b --output=/o%%j/slurm-%a.log --time=2 \
             --exclude=n1,n[3-4] --array=0-1 --partition=p /o%j/launch.sh"
        );
    }

    #[test]
    fn a_number_is_read_from_the_last_line() {
        assert_eq!(number("12\n"), Some(("12".to_owned(), None)));
        assert_eq!(number("sbatch: note\n12;big\n"), Some(("12".to_owned(), Some("big".to_owned()))));
        assert_eq!(number("Submitted batch job 12\n"), None);
        assert_eq!(number(""), None);
    }
}
