//! All tests that need the library or the binary: a module a subject, in one binary, since each binary links OpenSSL and libgit2 anew.

#![allow(unreachable_pub)]

mod attach;
mod beside;
mod ci;
mod cli;
mod completions;
mod config;
mod debian;
mod django;
mod doctor;
mod faults;
mod fixtures;
mod front_door;
mod git;
mod guide;
mod history;
mod hooks;
mod init;
mod kill;
mod layering;
mod mishaps;
mod modes;
mod nginx_paths;
mod open;
mod output;
mod own_ssh;
mod plan;
mod preview;
mod processes;
mod prune;
mod reasons;
mod report;
mod restart;
mod schema;
mod secrets;
mod setup;
mod socket;
mod speed;
mod ssh;
mod support;
mod support_selftest;
mod takeover;
mod throwaway_host;
mod traffic;
mod uv_lock;
