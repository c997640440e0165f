//! The machine itself: tools, Python, disk, folders, clock.

use super::{Check, Reading};
use crate::config::{Environment, Installer};
use crate::doctor::By;
use crate::{model, python, shell};

/// What a virtualenv and a work tree need at least, in kB and files.
const LITTLE_SPACE: u64 = 300_000;
const SOME_SPACE: u64 = 1_500_000;
const LITTLE_INODES: u64 = 10_000;
/// How far clocks may be apart, in seconds: ages are told by the host's.
const CLOCK: i64 = 30;
const OLDEST_PYTHON: (u32, u32) = (3, 6);

fn command(words: &[&str]) -> String {
    shell::display(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
}

/// The name of the login stands in commands for root: what is no name is in none of them.
pub(super) fn login(reading: &Reading) -> Option<Check> {
    let what = format!(
        "the host says {:?}, which is no user's name: commands for root that need one are left out",
        reading.user
    );
    model::login(&reading.user).is_none().then(|| Check::bad("login", what))
}

/// sh has answered, or nothing below would be known.
pub(super) fn tools(reading: &Reading) -> Check {
    if reading.system != "Linux" {
        return Check::bad("system", format!("{} is not Linux", reading.system));
    }
    if reading.has("setsid") {
        return Check::good("tools", "sh, setsid");
    }
    Check::bad("tools", "not on the PATH: setsid").root("apt-get install -y util-linux")
}

pub(super) fn git(reading: &Reading) -> Check {
    match &reading.git {
        Some(version) => Check::good("git", version.clone()),
        None => Check::bad("git", "not on the PATH").root("apt-get install -y git"),
    }
}

pub(super) fn python(reading: &Reading, environment: &Environment) -> Check {
    let interpreter = &environment.python.interpreter;
    let Some(said) = &reading.python else {
        return Check::bad("python", format!("{interpreter} is not on the PATH"))
            .root("apt-get install -y python3 python3-venv")
            .mend(By::Here, "or give its absolute path in deployer.toml: [python] interpreter", false);
    };
    let mut numbers = said.split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= OLDEST_PYTHON => {
            Check::good("python", format!("{said}, {}", path(reading, interpreter)))
        }
        (Some(Ok(_)), Some(Ok(_))) => {
            Check::bad("python", format!("{said} is older than {}.{}", OLDEST_PYTHON.0, OLDEST_PYTHON.1))
                .mend(By::Here, "name a newer one in deployer.toml: [python] interpreter", false)
        }
        _ => Check::bad("python", format!("{interpreter} does not run: {said}")).mend(
            By::Here,
            "name another one in deployer.toml: [python] interpreter",
            false,
        ),
    }
}

fn path<'a>(reading: &'a Reading, tool: &'a str) -> &'a str {
    reading.tools.get(tool).map_or(tool, String::as_str)
}

/// How virtualenvs are built: by uv, or by venv with its pip.
pub(super) fn virtualenv(reading: &Reading, environment: &Environment) -> Option<Check> {
    let installer = environment.python.installer;
    let uv = reading.tools.get("uv");
    if let Some(path) = uv.filter(|_| installer != Installer::Pip) {
        return Some(Check::good("virtualenv", format!("built with uv, {path}")));
    }
    let said = reading.python.as_deref().unwrap_or_default();
    if let Some(version) = environment.python.brought(said) {
        let check = Check::bad(
            "virtualenv",
            format!("[python] version asks for {version}, and there is no uv to bring it"),
        );
        return Some(check.mend(By::User, python::INSTALL_UV, false));
    }
    if installer == Installer::Uv {
        let key = if environment.python.is_locked() { "requirements" } else { "installer" };
        let check = Check::bad("virtualenv", format!("there is no uv, and [python] {key} asks for it"));
        return Some(check.mend(By::User, python::INSTALL_UV, false));
    }
    reading.python.as_ref()?;
    match &reading.venv {
        Some((0, _)) => Some(Check::good("virtualenv", "built with venv and pip")),
        Some((_, said)) => {
            let interpreter = &environment.python.interpreter;
            Some(
                Check::bad("virtualenv", format!("{interpreter} -m venv fails: {said}"))
                    .root("apt-get install -y python3-venv"),
            )
        }
        None => {
            let place = reading.no_scratch.as_deref().unwrap_or("/tmp");
            let check = Check::bad("virtualenv", format!("cannot write to {place}"));
            // Any other folder is one that the user's $TMPDIR names: root opens none of these to everybody.
            Some(match place {
                "/tmp" => check.root("chmod 1777 /tmp"),
                _ => check.mend(
                    By::User,
                    "unset TMPDIR, or let it name a folder that can be written to",
                    false,
                ),
            })
        }
    }
}

pub(super) fn space(reading: &Reading) -> Check {
    let megabytes = |kb: u64| match kb / 1000 {
        mb @ 0..10_000 => format!("{mb} MB"),
        mb => format!("{} GB", mb / 1000),
    };
    let Some(free) = reading.free_kb else {
        return Check::note("disk", "how much is free is not known");
    };
    let free_text = format!("{} free", megabytes(free));
    if reading.free_inodes.is_some_and(|inodes| inodes < LITTLE_INODES) {
        let inodes = reading.free_inodes.unwrap_or_default();
        return Check::bad("disk", format!("room for {inodes} files only"));
    }
    match free {
        0..LITTLE_SPACE => Check::bad("disk", free_text).mend(
            By::Root,
            "apt-get clean && journalctl --vacuum-size=100M",
            false,
        ),
        LITTLE_SPACE..SOME_SPACE => Check::note("disk", format!("{free_text}: little, for two virtualenvs")),
        _ => Check::good("disk", free_text),
    }
}

pub(super) fn root(reading: &Reading, environment: &Environment) -> Check {
    let root = &environment.root;
    let at = reading.folders.first();
    let near = at.map_or("/", |folder| folder.path.as_str());
    match (reading.root_writable, reading.root_exists) {
        (true, true) => Check::good("root", root.clone()),
        (true, false) => Check::good("root", format!("{root}; the first deploy makes it")),
        (false, exists) => {
            let owner = at.map_or("root", |folder| folder.user.as_str());
            let what = if exists {
                format!("{root} belongs to {owner}, {} cannot write to it", reading.user)
            } else {
                format!("{} cannot make {root}: {near} belongs to {owner}", reading.user)
            };
            let make = |user| command(&["install", "-d", "-o", user, root]);
            Check::bad("root", what).roots(model::login(&reading.user).map(make))
        }
    }
}

pub(super) fn locale(reading: &Reading) -> Check {
    let locale = reading.locale.to_ascii_lowercase();
    if locale.contains("utf-8") || locale.contains("utf8") {
        Check::good("locale", reading.locale.clone())
    } else {
        let name = if locale.is_empty() { "none" } else { &reading.locale };
        Check::note("locale", format!("{name}; Python reads and writes UTF-8 all the same"))
    }
}

/// `now` is the local clock, in seconds since 1970, at the moment of the reading.
pub(super) fn clock(reading: &Reading, now: i64) -> Check {
    let Some(clock) = reading.clock else {
        return Check::note("clock", "not known");
    };
    let apart = clock - now;
    match apart.abs() {
        0..=CLOCK => Check::good("clock", "as here"),
        _ => {
            let (by, way) = (apart.abs(), if apart > 0 { "ahead of" } else { "behind" });
            let what = format!("{by} s {way} the one here: certificates and ages go wrong");
            let set = "timedatectl set-ntp true";
            if apart.abs() > 300 {
                Check::bad("clock", what).root(set)
            } else {
                Check::note("clock", what).root(set)
            }
        }
    }
}
