//! What stands in the way on a host, line by line; commands are never cut, since they are there to be pasted.

use super::look::Look;
use super::text::{clean, pad};
use super::words;
use crate::doctor::{By, Check, Diagnosis, Level};

/// Where what a check says begins.
const NAME: usize = 15;

pub(crate) fn lines(diagnosis: &Diagnosis, look: Look) -> Vec<String> {
    let head = format!(
        "{} on {}, as {}",
        clean(&diagnosis.environment),
        clean(&diagnosis.host),
        clean(&diagnosis.user)
    );
    let mut lines = vec![look.strong(&head)];
    for check in &diagnosis.checks {
        lines.extend(of_check(check, diagnosis, look));
    }
    let again = format!("deployer {} doctor", clean(&diagnosis.environment));
    let deploy = format!("deployer {} deploy", clean(&diagnosis.environment));
    let dash = look.dash();
    lines.push(match diagnosis.bad() {
        0 => format!("{} {dash} run: {}", look.good("nothing stands in the way"), look.hint(&deploy)),
        count => format!(
            "{} {dash} then again: {}",
            look.bad(&format!(
                "{} in the way",
                if count == 1 {
                    "1 thing stands".to_owned()
                } else {
                    format!("{} stand", words::count(count, "thing"))
                }
            )),
            look.hint(&again)
        ),
    });
    lines
}

fn of_check(check: &Check, diagnosis: &Diagnosis, look: Look) -> Vec<String> {
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
            By::User => format!("as {} on the host:", clean(&diagnosis.user)),
            By::Here => "here:".to_owned(),
        };
        lines.push(format!("{}{who} {}", " ".repeat(indent), look.hint(&clean(&mend.command))));
    }
    lines
}
