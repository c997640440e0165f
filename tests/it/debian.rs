//! On a complete Debian host with systemd: what comes back after a crash and after a power loss.

mod comeback;
mod host;
mod newcomer;
mod power;
mod smoke;
mod stage;
mod workers;
