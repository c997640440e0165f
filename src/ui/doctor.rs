//! What stands in the way on a host, line by line; commands are never cut, since they are there to be pasted.

use super::look::Look;
use super::report::Report;
use super::text::{clean, pad};
use super::words;
use crate::doctor::{By, Check, Diagnosis, Level};

/// Where what a check says begins.
const NAME: usize = 15;

impl Report for Diagnosis {
    fn lines(&self, look: Look) -> Vec<String> {
        let environment = clean(&self.environment);
        let head = format!("{environment} on {}, as {}", clean(&self.host), clean(&self.user));
        let mut lines = vec![look.strong(&head)];
        lines.extend(self.checks.iter().flat_map(|check| of_check(check, &self.user, look)));
        let (count, dash) = (self.bad(), look.dash());
        let stand = if count == 1 { "stands" } else { "stand" };
        lines.push(match count {
            0 => format!(
                "{} {dash} run: {}",
                look.good("nothing stands in the way"),
                look.hint(&format!("deployer {environment} deploy"))
            ),
            _ => format!(
                "{} {dash} then again: {}",
                look.bad(&format!("{} {stand} in the way", words::count(count, "thing"))),
                look.hint(&format!("deployer {environment} doctor"))
            ),
        });
        lines
    }
}

fn of_check(check: &Check, user: &str, look: Look) -> Vec<String> {
    let mark = match (check.level, look.unicode) {
        (Level::Good, true) => look.good("✓"),
        (Level::Good, false) => look.good("ok"),
        (Level::Note, true) => look.doubtful("–"),
        (Level::Note, false) => look.doubtful("--"),
        (Level::Bad, true) => look.bad("✗"),
        (Level::Bad, false) => look.bad("!!"),
    };
    let mut lines = vec![format!("  {mark} {}{}", pad(check.name, NAME), clean(&check.says))];
    let indent = if look.unicode { 4 } else { 5 } + NAME;
    for mend in &check.mends {
        let who = match mend.by {
            By::Root => "as root on the host:".to_owned(),
            By::User => format!("as {} on the host:", clean(user)),
            By::Here => "here:".to_owned(),
        };
        lines.push(format!("{}{who} {}", " ".repeat(indent), look.hint(&clean(&mend.command))));
    }
    lines
}
