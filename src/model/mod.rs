//! Floor 0: the values that everything else speaks of. No I/O.

mod age;
mod change;
mod color;
mod exit;
mod kept;
mod layout;
mod lock;
mod login;
mod recorded;
mod relation;
mod release;
mod secret;
mod size;
mod state;
mod target;

pub use age::{age, whole_seconds};
pub use change::{ChangeKind, FileChange, LoggedCommit};
pub use color::{Color, Role};
pub use exit::ExitCode;
pub use kept::KeptLines;
pub use layout::Layout;
pub use lock::{Freeze, Holder, Lease, Lock, Stranger};
pub use login::login;
pub use recorded::{End, RecordedCommand};
pub use relation::Relation;
pub use release::{CommitSummary, Release, short};
pub use secret::{Secret, Secrets};
pub use size::size;
pub use state::{
    Accepted, AcceptedOperation, Answer, Crontab, Described, Disk, HistoryEntry, HostState, Link, Listener,
    PidFile, Process, Scope, Served, ServedSlot, SlotState, Systemd, UnfinishedSwitch, UnitState,
};
pub use target::{SshClient, Target};
