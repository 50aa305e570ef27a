//! The shell scripts that a cluster runs.

use std::fmt::Write as _;
use std::path::Path;

use super::super::{ExecError, Job, environment};

/// How the launcher says that it did not start the command; the reader of logs looks for it.
pub(super) const MARK: &str = "moelint-launch: ";

/// What runs on the node: enters the folder, runs the command, leaves its exit status. The log is written here and not by
/// Slurm, which adds its own last words to it and so hides when the command fell silent.
pub(super) fn probe(job: &Job, out: &Path) -> Result<String, ExecError> {
    let mut text = format!("out={}\n", quote(path(out)?));
    text.push_str("exec >\"$out/log\" 2>&1 </dev/null\n");
    text.push_str(
        "printf '%s\\n' \"$SLURM_JOB_ID\" >\"$out/slurm-job.new\" && mv -f \"$out/slurm-job.new\" \"$out/slurm-job\"\n",
    );
    let dir = std::path::absolute(&job.dir).unwrap_or_else(|_| job.dir.clone());
    let dir = quote(path(&dir)?);
    let _ = writeln!(
        text,
        "cd {dir} || {{ printf '{MARK}%s can not be entered on %s\\n' {dir} \"$(uname -n)\"; exit 125; }}"
    );
    // one rank that is gone should end the others instead of leaving them to wait for it
    text.push_str("export SLURM_KILL_BAD_EXIT=\"${SLURM_KILL_BAD_EXIT-1}\"\n");
    for (name, value) in environment(job, out)? {
        let _ = writeln!(text, "export {name}={}", quote(&value));
    }
    let command: Vec<String> = job.command.iter().map(|word| quote(word)).collect();
    let _ = writeln!(text, "(exec {})\ncode=$?", command.join(" "));
    text.push_str(
        "printf '%s\\n' \"$code\" >\"$out/exit.new\" && mv -f \"$out/exit.new\" \"$out/exit\"\nexit \"$code\"\n",
    );
    Ok(text)
}

/// What is submitted: finds the task's script. A second try of the same job (an administrator's requeue) would mix with the
/// first one's files, so it ends at once.
pub(super) fn launcher(outs: &[&Path]) -> Result<String, ExecError> {
    let mut text = "#!/bin/sh\ncase ${SLURM_ARRAY_TASK_ID:-0} in\n".to_owned();
    for (task, out) in outs.iter().enumerate() {
        let _ = writeln!(text, "{task}) out={} ;;", quote(path(out)?));
    }
    text.push_str("esac\nif [ \"${SLURM_RESTART_COUNT:-0}\" != 0 ]; then\n");
    let _ = writeln!(text, "  printf '{MARK}started a second time by Slurm\\n' >>\"$out/log\"; exit 125\nfi");
    let _ = writeln!(text, "if ! [ -r \"$out/probe.sh\" ]; then");
    let _ = writeln!(
        text,
        "  printf '{MARK}%s can not be read on %s\\n' \"$out/probe.sh\" \"$(uname -n)\" >&2; exit 125\nfi"
    );
    text.push_str("exec /bin/sh \"$out/probe.sh\"\n");
    Ok(text)
}

/// One word for a shell, whatever is in it.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn path(path: &Path) -> Result<&str, ExecError> {
    path.to_str().ok_or_else(|| ExecError::Path(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_word_is_one_word() {
        assert_eq!(quote("a b"), "'a b'");
        assert_eq!(quote("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(quote(""), "''");
    }
}
