//! The client dies, or the network does, at every place of every command: the site answers, and the next run mends.

mod client;
mod inside;
mod interrupt;
mod places;
mod silence;
mod stage;
mod truth;
