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
mod preconditions;
mod preview;
mod processes;
mod prune;
mod reason;
mod release;
mod request;
mod rollback;
mod setup;
mod slots;
pub mod status;
mod stop;
mod switch;
mod target;
pub mod variables;
mod work;
mod world;

pub use action::{Action, Plan, Touches};
pub use assess::assess;
pub use code::{CODES, Code, code};
pub use cutover::cutover;
pub use data::left_behind;
pub use deploy::{PlannedLook, deploy, look};
pub use event::{Event, Observer, Silent, Unit, World, WorldSlot};
pub use explain::{FULL, SHOWN_LINES, disk, explain, gunicorn_unnamed, make_room, without_gunicorn};
pub use failure::{Failure, Site};
pub use history::{beyond, check_rollback, older_again, taken_back};
pub use interrupted::{Interrupted, interrupted};
pub use migrations::{Migration, Migrations, Operation, Verdict};
pub use preconditions::{dirty, frozen, held};
pub use preview::{
    Commits, Names, PackageChange, PlannedStep, Preview, PreviewInput, Space, may_migrate, migrates, preview,
};
pub use prune::{Found, FoundKind, KEEP, Kept, PrunePlan, kept, prune};
pub use reason::{ActionFailure, Reason, SwitchFailure};
pub use request::DeployRequest;
pub use rollback::rollback;
pub use setup::setup;
pub use slots::{Slots, slots};
pub use stop::stop;
pub use switch::CutoverPlan;
pub use work::{BuildVirtualenv, File, LookAtMigrations, Seed, Switch, Virtualenv};
pub use world::world;
