//! Every text in what is shown, so that secrets can be taken out of all of it before anything else sees it.
//!
//! Each type names all of its fields, so that the compiler misses the one that is forgotten.

use crate::config::Difference;
use crate::doctor::{Check, Diagnosis, Mend};
use crate::model::{CommitSummary, HistoryEntry, LoggedCommit, RecordedCommand, Release};
use crate::plan::status::{
    CommandsReport, EnvironmentStatus, HistoryReport, HostStatus, LockHolder, Problem, ProcessStatus, Seen,
    ServedStatus, SlotHealth, SlotStatus, StatusReport, WebProcess,
};
use crate::plan::variables::{Values, Variable, VariablesReport};
use crate::plan::{
    Commits, Event, Failure, Migration, Migrations, Names, Operation, PackageChange, PlannedStep, Preview,
    Traffic, World, WorldSlot,
};

/// Something that holds texts.
pub trait Texts {
    /// Hands over each of them, to be changed.
    fn each(&mut self, change: &mut dyn FnMut(&mut String));
}

impl Texts for String {
    fn each(&mut self, change: &mut dyn FnMut(&mut String)) {
        change(self);
    }
}

impl<T: Texts> Texts for Option<T> {
    fn each(&mut self, change: &mut dyn FnMut(&mut String)) {
        self.iter_mut().for_each(|inner| inner.each(change));
    }
}

impl<T: Texts> Texts for Vec<T> {
    fn each(&mut self, change: &mut dyn FnMut(&mut String)) {
        self.iter_mut().for_each(|inner| inner.each(change));
    }
}

impl<T: Texts> Texts for Box<T> {
    fn each(&mut self, change: &mut dyn FnMut(&mut String)) {
        (**self).each(change);
    }
}

impl Texts for Traffic {
    fn each(&mut self, _: &mut dyn FnMut(&mut String)) {
        let Traffic { by: _, begin: _, width: _, columns: _ } = self;
    }
}

/// Behind a semicolon stand the fields in which nobody can write anything.
macro_rules! texts {
    ($($type:ident { $($field:ident),* $(; $($other:ident),*)? })*) => {
        $(impl Texts for $type {
            fn each(&mut self, change: &mut dyn FnMut(&mut String)) {
                let $type { $($field,)* $($($other: _),*)? } = self;
                $($field.each(change);)*
            }
        })*
    };
}

macro_rules! texts_of_variants {
    ($($type:ident: $($variant:ident $(($inner:ident))? $({ $($field:ident),* $(; $($other:ident),*)? })?),*;)*) => {
        $(impl Texts for $type {
            fn each(&mut self, change: &mut dyn FnMut(&mut String)) {
                match self {
                    $($type::$variant $(($inner))? $({ $($field,)* $($($other: _),*)? })? => {
                        $($inner.each(change);)?
                        $($($field.each(change);)*)?
                    })*
                }
            }
        })*
    };
}

texts! {
    Check { says, mends; name, level }
    CommandsReport { environment, commands; now }
    Commits { out, lost; first, live_unknown, out_count, lost_count }
    CommitSummary { subject; id }
    Diagnosis { environment, host, user, checks }
    Difference { key, from, to }
    EnvironmentStatus { name, host, seen }
    Failure { what, output, why, advice, world; code, site, exit }
    HistoryEntry { verb, subject, by, previous, why, release; color, commit, at, seconds }
    HistoryReport { environment, history; now }
    HostStatus { served, lock, live, next, problems }
    LockHolder { by, doing; age_seconds }
    LoggedCommit { subject, author; id, at }
    Mend { command; by, fix }
    Migration { name, operations }
    Migrations { pending }
    Names { added, removed, changed }
    Operation { what, why; verdict }
    Preview {
        environment, host, commit, live, commits, packages, migrations, migrations_touched, judged, unjudged, variables,
        secrets, config, deploy, cutover, warnings, refused; slot, builds_virtualenv, space, now
    }
    PackageChange { name, from, to }
    PlannedStep { title; touches }
    Problem { what, run }
    ProcessStatus { name; singleton, runs }
    RecordedCommand { verb, by, commit, step, reason, command; at, seconds, end, switched, exit }
    Release { subject, by, virtualenv, files; commit, at, local, accepted }
    SlotStatus { commit, by, process, health, processes; color, age_seconds, port, survives_reboot }
    StatusReport { environments }
    Values { live, next, local }
    Variable { name, values; kind, live, next, local }
    VariablesReport { environment, host, variables; live, next }
    World { live, next, run }
    WorldSlot { commit, word; color }
}

texts_of_variants! {
    Event:
        Intent { environment, by, commit, host; verb, doing, switches, ahead_of_live, slot },
        Connecting { host },
        Asking { what },
        Connected { host, own_ssh; took },
        Warning { message },
        Note { message },
        StepStarted { title; number, total },
        Progress {; done, total, unit },
        Output { line },
        Command { line },
        StepFinished { title, note; number, total, took },
        StepFailed { title; number, total, took },
        Planned { title, touches; number },
        Brings { from, to, commits; count },
        Moment {; moment, at },
        Traffic(traffic),
        Opened { url },
        World(world),
        Done { what, run },
        File { file, text };
    SlotHealth: Healthy, Unhealthy { why }, Unknown { why };
    WebProcess: Running {; pid, uptime_seconds }, Stopped, Stranger { what };
    Seen: Unreachable { error }, Reached(status);
    ServedStatus: Known { commit; color }, Unknown { why };
}
