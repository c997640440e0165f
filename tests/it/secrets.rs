//! Secrets: where they come from, that they arrive, and that nothing but the slot's file and the application has them.

mod deploys;
mod hunt;
mod leaks;
mod outlets;
mod variables;
