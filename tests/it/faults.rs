//! Each fault that a deploy meets in the world: its exit code, its message, an untouched live slot, a true `status`.

mod app;
mod connection;
mod disk;
mod filter;
mod first;
mod fixture;
mod gitric;
mod history;
mod host;
mod nginx;
mod requirements;
mod surroundings;
