//! A failure as the fixed layout that answers: what, why, is the site affected, what now.

use std::path::Path;

use super::lines::{labelled, world};
use super::look::Look;
use super::text::clean_output;
use crate::plan::{Failure, Site};

/// Lines of a failed command's output that are shown; the log has all.
const SHOWN: usize = 40;

/// The failure, ready to print; the same on a terminal and in a pipe but for colour and ticks.
pub(crate) fn lines(failure: &Failure, log: Option<&Path>, look: Look) -> Vec<String> {
    let mut lines = labelled("error: ", &look.bad("error:"), &failure.what);
    let skipped = failure.output.len().saturating_sub(SHOWN);
    let bar = look.faint(look.bar());
    for line in &failure.output[skipped..] {
        let line = format!("       {bar} {}", clean_output(line));
        lines.push(line.trim_end().to_owned());
    }
    if let Some(why) = &failure.why {
        lines.extend(labelled("why:   ", &look.strong("why:"), why));
    }
    lines.push(format!("{}  {}", look.strong("site:"), site(failure.site, look)));
    for advice in &failure.advice {
        lines.extend(labelled("try:   ", &look.strong("try:"), advice));
    }
    if let Some(log) = log {
        let path = log.to_string_lossy();
        lines.extend(labelled("log:   ", &look.strong("log:"), &path));
    }
    if let Some(state) = &failure.world {
        lines.push(world(state, look));
    }
    lines
}

fn site(site: Site, look: Look) -> String {
    match site {
        Site::Untouched => look.good("The live site is not affected."),
        Site::Restored => {
            look.doubtful("The live site was switched and switched back; it serves the old release again.")
        }
        Site::Switched => look.doubtful("The live site serves the new release."),
        Site::Affected => {
            look.bad("THE LIVE SITE IS AFFECTED: the public may see errors or the wrong release.")
        }
        Site::Unknown => look.doubtful("It could not be found out whether the live site is affected."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Color, CommitSummary};
    use crate::plan::{World, WorldSlot};

    fn failed_build() -> Failure {
        let commit = |id: &str| Some(CommitSummary { id: id.repeat(6), subject: String::new() });
        let mut failure =
            Failure::new("requirements.failed", "pip install on web1.example ended with exit code 1")
                .output(vec![
                    "\u{1b}[31mERROR: Could not find a version that satisfies flask==99.9\u{1b}[0m".into(),
                    "::error::from the tool".into(),
                    "".into(),
                    "ERROR: No matching distribution found for flask==99.9".into(),
                ])
                .why("requirements.txt asks for flask==99.9, which no index offers")
                .advise("correct requirements.txt, commit, and deploy again")
                .advise("deployer prod deploy 3ab9d42~1");
        failure.world = Some(World {
            live: Some(WorldSlot { color: Color::Blue, commit: commit("a1b2c3d"), word: "unchanged".into() }),
            next: Some(WorldSlot { color: Color::Green, commit: commit("3ab9d42"), word: "FAILED".into() }),
            run: None,
        });
        failure
    }

    #[test]
    fn a_failure_answers_the_four_questions() {
        let log = Path::new("/home/ann/.local/state/deployer/20260102T030405Z-prod-deploy.log");
        let lines = lines(&failed_build(), Some(log), Look::PLAIN);
        insta::assert_snapshot!(lines.join("\n"), @r"
        error: pip install on web1.example ended with exit code 1
               │ ERROR: Could not find a version that satisfies flask==99.9
               │ ::error::from the tool
               │
               │ ERROR: No matching distribution found for flask==99.9
        why:   requirements.txt asks for flask==99.9, which no index offers
        site:  The live site is not affected.
        try:   correct requirements.txt, commit, and deploy again
        try:   deployer prod deploy 3ab9d42~1
        log:   /home/ann/.local/state/deployer/20260102T030405Z-prod-deploy.log
        live: blue a1b2c3d (unchanged) | next: green 3ab9d42 FAILED
        ");
    }

    #[test]
    fn ascii_and_colour_change_nothing_but_marks() {
        let plain = lines(&failed_build(), None, Look::PLAIN);
        let colored = Look { color: true, ..Look::PLAIN };
        let colored: Vec<String> = lines(&failed_build(), None, colored)
            .iter()
            .map(|line| anstream::adapter::strip_str(line).to_string())
            .collect();
        assert_eq!(colored, plain);
        let ascii = Look { unicode: false, ..Look::PLAIN };
        assert!(lines(&failed_build(), None, ascii).iter().all(|line| line.is_ascii()));
    }

    #[test]
    fn every_failure_says_whether_the_site_is_affected() {
        let all = [Site::Untouched, Site::Restored, Site::Switched, Site::Affected, Site::Unknown]
            .map(|site| {
                let failure = Failure::new("x", "it broke\nin two lines").site(site);
                lines(&failure, None, Look::PLAIN).join("\n")
            })
            .join("\n\n");
        insta::assert_snapshot!(all, @r"
        error: it broke
               in two lines
        site:  The live site is not affected.

        error: it broke
               in two lines
        site:  The live site was switched and switched back; it serves the old release again.

        error: it broke
               in two lines
        site:  The live site serves the new release.

        error: it broke
               in two lines
        site:  THE LIVE SITE IS AFFECTED: the public may see errors or the wrong release.

        error: it broke
               in two lines
        site:  It could not be found out whether the live site is affected.
        ");
    }

    #[test]
    fn only_the_last_forty_lines_are_shown() {
        let output = (1..=100).map(|number| format!("line {number}")).collect();
        let lines = lines(&Failure::new("x", "it broke").output(output), None, Look::PLAIN);
        assert_eq!(lines.len(), 42);
        assert_eq!(lines[1], "       │ line 61");
        assert_eq!(lines[40], "       │ line 100");
    }
}
