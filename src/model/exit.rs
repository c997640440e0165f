/// What the process tells its caller; the numbers are a promise to scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// Done.
    Done = 0,
    /// Failed; live is untouched.
    Failed = 1,
    /// The command line or the configuration is wrong; nothing was tried.
    Usage = 2,
    /// Live is affected, or it is not known whether it is.
    LiveAffected = 3,
    /// Somebody else holds the environment's lock.
    Locked = 4,
    /// A cutover was proven bad after the switch and was rolled back without anyone asking.
    RolledBack = 5,
    /// Interrupted by the user.
    Interrupted = 130,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        std::process::ExitCode::from(code as u8)
    }
}
