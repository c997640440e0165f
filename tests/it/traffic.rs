//! The promise under traffic: no request is lost, whatever the deployer does meanwhile.

mod client;
mod crowd;
mod pairs;
mod stage;
mod switches;
mod tools;
mod verbs;
