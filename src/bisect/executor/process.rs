//! Processes of this machine by number, without mistaking one for another that got the same number later.

use std::fs;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

/// When a process started, in the system's own count; `None`: there is none.
pub(super) fn started(pid: u32) -> Option<String> {
    look(pid).map(|(_, started)| started)
}

/// Whether this very process still runs. One that is over and waits to be collected does not.
pub(super) fn alive(pid: u32, started: &str) -> bool {
    look(pid).is_some_and(|(state, since)| since == started && !matches!(state, 'Z' | 'X'))
}

/// Whether anything is left of the group that this process led. A number is not given away while a group bears it, so
/// another process under it means that the group is gone.
pub(super) fn group_left(pid: u32, started: &str) -> bool {
    group(pid, started).is_some_and(|group| test_kill_process_group(group).is_ok())
}

/// Sends a signal to what is left of the group.
pub(super) fn signal_group(pid: u32, started: &str, signal: Signal) {
    if let Some(group) = group(pid, started) {
        // gone meanwhile is what we want
        let _ = kill_process_group(group, signal);
    }
}

fn group(pid: u32, started: &str) -> Option<Pid> {
    let ours = look(pid).is_none_or(|(_, since)| since == started);
    // group 0 is our own, and 1 would be everything
    let number = i32::try_from(pid).ok().filter(|number| *number > 1 && ours)?;
    Pid::from_raw(number)
}

/// State and start.
fn look(pid: u32) -> Option<(char, String)> {
    if fs::exists("/proc/self/stat").unwrap_or(false) {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (state, ticks) = parse(&stat)?;
        // counted from the boot, so another boot makes another process
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        return Some((state, format!("{ticks}@{}", boot.trim())));
    }
    let output = Command::new("ps").args(["-o", "stat=,lstart=", "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let (state, since) = text.split_once(' ')?;
    Some((state.chars().next()?, since.trim().to_owned()))
}

/// Fields 3 and 22 of `/proc/PID/stat`. The second is the program's name in brackets, which may hold anything.
fn parse(stat: &str) -> Option<(char, &str)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_may_be_called_anything() {
        let stat = "17 (a) S (b) R 1 17 17 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 99 100";
        assert_eq!(parse(stat), Some(('R', "4711")));
        assert_eq!(parse("17 (short"), None);
    }

    #[test]
    fn another_process_under_the_same_number_is_another() {
        let me = std::process::id();
        let since = started(me).unwrap();
        assert!(alive(me, &since));
        assert!(!alive(me, "1@another-boot"));
        assert!(!group_left(me, "1@another-boot"));
    }
}
