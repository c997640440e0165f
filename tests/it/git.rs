//! The local repository, read and bundled, against the real git.

mod bundles;
mod host;
mod reading;
mod repository;
mod sendable;
