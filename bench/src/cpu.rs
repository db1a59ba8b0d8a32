//! CPU time of this process, and of server processes, from /proc.

use std::fs;

use anyhow::{Context as _, Result};
use rustix::time::{ClockId, clock_gettime};

/// CPU time of all threads of this process, user and system, in microseconds.
pub(crate) fn of_this_process() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

/// The processes that serve clients of the database `name`, by their titles. The server may have other numbers
/// for them than this process sees.
pub(crate) fn serving(name: &str) -> Result<Vec<i32>> {
    let part = format!(" {name} ");
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc").context("/proc, which has the CPU time of the server")? {
        let path = entry?.path();
        let number = path
            .file_name()
            .and_then(|name| name.to_str()?.parse().ok());
        // a process may end meanwhile
        let title = fs::read_to_string(path.join("cmdline")).unwrap_or_default();
        if let Some(number) = number
            && title.starts_with("postgres: ")
            && title.contains(&part)
        {
            processes.push(number);
        }
    }
    Ok(processes)
}

/// The CPU time of the running processes `pids` in milliseconds. A process that has ended counts as zero.
pub(crate) fn of_running(pids: &[i32]) -> f64 {
    let nanoseconds = pids.iter().filter_map(|pid| {
        let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    nanoseconds.sum::<u64>() as f64 / 1e6
}

/// The CPU time of the children of `pid` that have ended, in milliseconds, in steps of 10.
pub(crate) fn of_ended_children(pid: i32) -> Result<f64> {
    let ticks = |field: usize| -> Result<f64> {
        let ticks: u64 = field_of(pid, field)?.parse()?;
        Ok(ticks as f64)
    };
    // children in user mode and in the kernel, in hundredths of a second
    Ok((ticks(16)? + ticks(17)?) * 10.0)
}

/// The parent of the process `pid`.
pub(crate) fn parent(pid: i32) -> Result<i32> {
    Ok(field_of(pid, 4)?.parse()?)
}

/// A field of /proc/PID/stat, counted from 1.
fn field_of(pid: i32, field: usize) -> Result<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| {
        format!(
            "no process {pid}: the database server must run on this machine, not in a container"
        )
    })?;
    // the second field is a name in parentheses, which may have spaces
    let (_, rest) = text.rsplit_once(')').context("no name in stat")?;
    let value = rest.split_whitespace().nth(field - 3);
    Ok(value.context("too few fields in stat")?.to_owned())
}
