//! What several test files share. Each file uses a part of it.
mod delay_proxy;
mod disk;
mod host;
mod load;
mod processes;
mod site;
mod turn;
mod window;

pub use delay_proxy::DelayProxy;
pub use deployer::rehearsal::{Load, LoadReport, Outcome, Reply, Running};
pub use disk::Disk;
pub use host::HostControl;
pub use load::Replies;
pub use processes::{alive, kill_family, signal};
pub use site::{APP, Ran, Site, answer, git, gunicorn, http, ran, until};
pub use turn::{Place, alone, busy, place, place_at_once};

/// One row of the table of suites, which tests/run.sh collects.
pub fn row(suite: &str, case: &str, result: impl std::fmt::Display) {
    println!("@row | {suite} | {case} | {result}");
}

/// The most memory that a process ever held, in bytes, as long as it is there to ask.
pub fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// A small generator of the same numbers each time; its seed is not 0.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}
