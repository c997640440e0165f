//! Floor 3: what will be done, as data, and what is said while it is done.

mod action;
mod assess;
mod code;
mod comeback;
mod cutover;
mod data;
mod deploy;
mod event;
mod explain;
mod failure;
mod history;
mod interrupted;
mod migrations;
mod outlook;
mod processes;
mod prune;
mod reason;
mod release;
mod roles;
mod rollback;
mod setup;
pub mod status;
mod switch;
pub mod variables;
mod virtualenv;
mod work;
mod world;

pub use action::{Action, Plan, Touches};
pub use assess::assess;
pub use code::{CODES, Code, code};
pub use cutover::{CutoverPlan, cutover, stop};
pub use data::left_behind;
pub use deploy::{DeployRequest, deploy, dirty, held};
pub use event::{Event, Observer, Silent, Unit, World, WorldSlot};
pub use explain::{ActionFailure, FULL, SHOWN_LINES, disk, explain, make_room};
pub use failure::{Failure, Site};
pub use history::{beyond, check_rollback, older_again, taken_back};
pub use interrupted::{Interrupted, interrupted};
pub use migrations::{Look, Migration, Migrations, Operation, Verdict, look};
pub use outlook::{
    Commits, Names, Outlook, PackageChange, PlannedStep, Reading, Space as OutlookSpace, may_migrate,
    migrates, outlook,
};
pub use prune::{Found, FoundKind, KEEP, Kept, PrunePlan, kept, prune};
pub use reason::Reason;
pub use roles::{Roles, roles};
pub use rollback::rollback;
pub use setup::setup;
pub use switch::SwitchFailure;
pub use virtualenv::{gunicorn_unnamed, without_gunicorn};
pub use work::{BuildVirtualenv, File, LookAtMigrations, Seed, Switch, Virtualenv};
pub use world::world;
