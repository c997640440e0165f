/// What the process tells its caller; the numbers are a promise to scripts, and the guide's chapter `codes` shows these words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// Done.
    Done = 0,
    /// Failed; live is untouched.
    Failed = 1,
    /// The command line or `deployer.toml` is wrong; nothing was tried.
    Usage = 2,
    /// Live was affected, or it is not known; the message says which, and what is served now.
    LiveAffected = 3,
    /// Locked by somebody else.
    Locked = 4,
    /// The new release did not hold under `--watch`, and was rolled back.
    RolledBack = 5,
    /// Interrupted.
    Interrupted = 130,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        std::process::ExitCode::from(code as u8)
    }
}
