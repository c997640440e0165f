//! What is printed how, found out once from the command line and the surroundings.

use std::env;
use std::io::{IsTerminal, Write};

use super::look::{Columns, Look};

/// Where lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Coloured lines and a spinner for a person.
    Terminal,
    /// Plain lines: no carriage return, no escape code.
    Plain,
    /// One event a line on stdout.
    Json,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// Failures and the last line only.
    Quiet,
    #[default]
    Normal,
    /// Also each command, and all that it prints.
    Verbose,
}

/// `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorMode {
    #[default]
    Auto,
    Always,
    Never,
}

/// A build service, which takes lines of a log for instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ci {
    Github,
    Gitlab,
    /// One whose log is not folded.
    Other,
}

/// What is printed how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UiOptions {
    pub mode: Mode,
    pub verbosity: Verbosity,
    pub ci: Option<Ci>,
    /// Looks of what goes to stderr.
    pub err: Look,
    /// Looks of what a command shows on stdout, which may be a terminal where stderr is not, and the reverse.
    pub out: Look,
}

impl UiOptions {
    /// Plain lines of any width in UTF-8, as for a file.
    pub fn plain() -> UiOptions {
        UiOptions {
            mode: Mode::Plain,
            verbosity: Verbosity::Normal,
            ci: None,
            err: Look::PLAIN,
            out: Look::PLAIN,
        }
    }

    /// What suits a place.
    pub fn suited_to(place: &Surroundings, json: bool, verbosity: Verbosity, color: ColorMode) -> UiOptions {
        // A dumb terminal can neither go back in a line nor show colour.
        let mode = match (json, place.stderr_terminal && !place.dumb) {
            (true, _) => Mode::Json,
            (false, true) => Mode::Terminal,
            (false, false) => Mode::Plain,
        };
        let look = |terminal: bool| Look {
            color: match color {
                ColorMode::Always => true,
                ColorMode::Never => false,
                ColorMode::Auto => terminal && !place.dumb && !place.no_color,
            },
            unicode: place.utf8,
            columns: if terminal { Columns::OfTerminal } else { Columns::Unlimited },
        };
        let (err, out) = (look(place.stderr_terminal), look(place.stdout_terminal));
        UiOptions { mode, verbosity, ci: place.ci, err, out }
    }
}

/// What is known of the place where the output goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    pub stdout_terminal: bool,
    pub stderr_terminal: bool,
    /// `TERM=dumb`.
    pub dumb: bool,
    /// `NO_COLOR` is set to anything but nothing.
    pub no_color: bool,
    pub utf8: bool,
    pub ci: Option<Ci>,
}

impl Surroundings {
    pub fn of_process() -> Surroundings {
        let get = |name: &str| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        Surroundings {
            stdout_terminal: std::io::stdout().is_terminal(),
            stderr_terminal: std::io::stderr().is_terminal(),
            ..Surroundings::of_variables(get)
        }
    }

    /// What environment variables tell; nothing is taken for a terminal.
    pub fn of_variables(get: impl Fn(&str) -> Option<String>) -> Surroundings {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        // POSIX: the first of these that is set and not empty decides.
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| get(name));
        let utf8 = locale.is_some_and(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        let is_true = |name: &str| get(name).as_deref() == Some("true");
        let is_other = || {
            ["TF_BUILD", "TEAMCITY_VERSION", "CI"].into_iter().filter_map(get).any(|value| value != "false")
        };
        let ci = match (is_true("GITHUB_ACTIONS"), is_true("GITLAB_CI")) {
            (true, _) => Some(Ci::Github),
            (false, true) => Some(Ci::Gitlab),
            (false, false) => is_other().then_some(Ci::Other),
        };
        Surroundings {
            stdout_terminal: false,
            stderr_terminal: false,
            dumb: get("TERM").as_deref() == Some("dumb"),
            no_color: get("NO_COLOR").is_some(),
            utf8: utf8 || matches!(ci, Some(Ci::Github | Ci::Gitlab)),
            ci,
        }
    }
}

/// Where bytes go.
pub struct Streams {
    /// Data: `status`, and every line of `--json`.
    pub out: Box<dyn Write + Send>,
    /// All else.
    pub err: Box<dyn Write + Send>,
}

impl Streams {
    /// Those of this process.
    pub fn standard() -> Streams {
        Streams { out: Box::new(std::io::stdout()), err: Box::new(std::io::stderr()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Surroundings {
        Surroundings::of_variables(|name| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn on_terminal(pairs: &[(&str, &str)]) -> UiOptions {
        let place = Surroundings { stdout_terminal: true, stderr_terminal: true, ..of(pairs) };
        UiOptions::suited_to(&place, false, Verbosity::Normal, ColorMode::Auto)
    }

    #[test]
    fn a_terminal_gets_colour_unless_it_says_no() {
        let options = on_terminal(&[("LANG", "de_DE.UTF-8"), ("TERM", "xterm")]);
        assert_eq!(options.mode, Mode::Terminal);
        assert!(options.err.color && options.out.color && options.err.unicode);
        assert!(!on_terminal(&[("NO_COLOR", "1")]).err.color);
        assert!(on_terminal(&[("NO_COLOR", "")]).err.color);
        assert_eq!(on_terminal(&[("TERM", "dumb")]).mode, Mode::Plain);
    }

    #[test]
    fn each_stream_is_judged_by_itself() {
        let place = Surroundings { stderr_terminal: true, ..of(&[]) };
        let options = UiOptions::suited_to(&place, false, Verbosity::Normal, ColorMode::Auto);
        assert!(options.err.color && !options.out.color);
        assert_eq!(options.out.columns, Columns::Unlimited);
        let always = UiOptions::suited_to(&of(&[]), false, Verbosity::Normal, ColorMode::Always);
        assert!(always.mode == Mode::Plain && always.err.color);
    }

    #[test]
    fn the_first_locale_variable_that_is_set_decides() {
        assert!(of(&[("LANG", "en_US.utf8")]).utf8);
        assert!(!of(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]).utf8);
        assert!(of(&[("LC_ALL", ""), ("LC_CTYPE", "C.UTF-8")]).utf8);
        assert!(!of(&[]).utf8);
    }

    #[test]
    fn build_services_are_recognised() {
        assert_eq!(of(&[("GITHUB_ACTIONS", "true")]).ci, Some(Ci::Github));
        assert_eq!(of(&[("GITLAB_CI", "true")]).ci, Some(Ci::Gitlab));
        assert_eq!(of(&[("GITHUB_ACTIONS", "false")]).ci, None);
        assert_eq!(of(&[("TF_BUILD", "True")]).ci, Some(Ci::Other));
        assert_eq!(of(&[("CI", "false")]).ci, None);
    }
}
