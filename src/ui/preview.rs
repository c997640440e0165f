//! What a deploy would bring, as a person reads it.

use super::look::Look;
use super::report::Report;
use super::table::Table;
use super::text::clean;
use super::words;
use crate::model::{LoggedCommit, age, short, size};
use crate::plan::{Names, PlannedStep, Preview};

impl Report for Preview {
    fn lines(&self, look: Look) -> Vec<String> {
        let mut lines = vec![head(self, look)];
        commits(self, look, &mut lines);
        packages(self, look, &mut lines);
        list("new migrations", &self.migrations, look, &mut lines);
        list("migrations that were live, changed or removed", &self.migrations_touched, look, &mut lines);
        judged(self, look, &mut lines);
        names("variables", &self.variables, look, &mut lines);
        names("secrets", &self.secrets, look, &mut lines);
        if !self.config.is_empty() {
            lines.push(look.strong("deployer.toml"));
            for difference in &self.config {
                let value = |value: &Option<String>| value.as_deref().map_or("(default)".to_owned(), clean);
                let (from, to) = (value(&difference.from), value(&difference.to));
                lines.push(format!("  {}: {from} -> {to}", clean(&difference.key)));
            }
        }
        steps("deploy would", &self.deploy, look, &mut lines);
        steps("cutover would", &self.cutover, look, &mut lines);
        let free = self.space.free.map_or("unknown".to_owned(), size);
        let guess = if self.space.guessed {
            " (a guess: the first virtualenv's size shows when it is built)"
        } else {
            ""
        };
        let space = format!("about {} needed{guess}, {free} free", size(self.space.needed));
        let space = if self.space.short { look.bad(&space) } else { space };
        lines.push(format!("{} {space}", look.strong("space")));
        let warnings = self.warnings.iter();
        lines.extend(warnings.map(|warning| look.doubtful(&format!("warning: {}", clean(warning)))));
        lines
    }
}

fn head(preview: &Preview, look: Look) -> String {
    let live = match &preview.live {
        None => "nothing is live".to_owned(),
        Some(live) => format!("live is {} {}", live.short(), clean(&live.subject)),
    };
    let place = preview.slot.map_or(String::new(), |color| format!(", in {color}"));
    let commit = &preview.commit;
    format!(
        "{} {} to {}{place} on {}; {}",
        look.strong(commit.short()),
        clean(&commit.subject),
        clean(&preview.environment),
        clean(&preview.host),
        live.trim_end(),
    )
}

fn commits(preview: &Preview, look: Look, lines: &mut Vec<String>) {
    let commits = &preview.commits;
    if commits.live_unknown {
        lines.push(look.doubtful(
            "what is live is not in this repository: git fetch, or nobody can tell what would be lost",
        ));
        return;
    }
    if commits.first {
        lines.push(look.strong("the first release"));
        return;
    }
    if commits.out_count == 0 && commits.lost_count == 0 {
        lines.push(look.strong("no new commits"));
    }
    let mut log = |title: String, shown: &[LoggedCommit], count: usize| {
        if count == 0 {
            return;
        }
        lines.push(title);
        let mut table = Table::with_least(&[0, 0, 6]);
        for commit in shown {
            let seconds = u64::try_from(preview.now - commit.at).unwrap_or(0);
            let id = format!("  {}", short(&commit.id));
            table.row([id, clean(&commit.author), age(seconds), clean(&commit.subject)]);
        }
        lines.extend(table.lines().iter().map(|line| look.clip(line)));
        if count > shown.len() {
            lines.push(format!("  and {} more", count - shown.len()));
        }
    };
    let title = |count, what: &str| format!("{} {what}", words::count(count, "commit"));
    log(look.strong(&title(commits.out_count, "out")), &commits.out, commits.out_count);
    log(look.bad(&title(commits.lost_count, "LOST")), &commits.lost, commits.lost_count);
}

fn packages(preview: &Preview, look: Look, lines: &mut Vec<String>) {
    let virtualenv = match preview.builds_virtualenv {
        Some(true) => "a new virtualenv is built",
        Some(false) => "the virtualenv is there",
        None => "",
    };
    if preview.packages.is_empty() {
        if !virtualenv.is_empty() {
            lines.push(format!("{} unchanged; {virtualenv}", look.strong("packages")));
        }
        return;
    }
    lines.push(format!("{} {virtualenv}", look.strong("packages")).trim_end().to_owned());
    for package in &preview.packages {
        let said = |version: &str| {
            if version.is_empty() { "any".to_owned() } else { clean(version) }
        };
        let name = clean(&package.name);
        lines.push(match (&package.from, &package.to) {
            (Some(from), Some(to)) => format!("  ~ {name} {} -> {}", said(from), said(to)),
            (None, Some(to)) => format!("  + {name} {}", said(to)),
            (Some(from), None) => format!("  - {name} {}", said(from)),
            (None, None) => continue,
        });
    }
}

fn list(title: &str, paths: &[String], look: Look, lines: &mut Vec<String>) {
    if !paths.is_empty() {
        lines.push(look.strong(title));
        lines.extend(paths.iter().map(|path| format!("  {}", clean(path))));
    }
}

fn judged(preview: &Preview, look: Look, lines: &mut Vec<String>) {
    if let Some(why) = &preview.unjudged {
        let why = format!("migrations are judged by the deploy: {}", clean(why));
        lines.push(look.clip(&why));
    }
    let Some(found) = &preview.judged else { return };
    let pending = if found.pending.is_empty() { "none is pending" } else { "that would be applied" };
    lines.push(format!("{} {pending}", look.strong("migrations")));
    lines.extend(found.lines().iter().map(|line| format!("  {}", clean(line))));
}

fn names(title: &str, names: &Names, look: Look, lines: &mut Vec<String>) {
    if names.is_empty() {
        return;
    }
    lines.push(look.strong(title));
    for (mark, names) in [("+", &names.added), ("-", &names.removed), ("~", &names.changed)] {
        if !names.is_empty() {
            lines.push(format!("  {mark} {}", clean(&names.join(", "))));
        }
    }
}

fn steps(title: &str, steps: &[PlannedStep], look: Look, lines: &mut Vec<String>) {
    if steps.is_empty() {
        return;
    }
    lines.push(look.strong(title));
    let mut table = Table::default();
    for step in steps {
        table.row([format!("  {}", clean(&step.title)), format!("touches {}", step.touches)]);
    }
    lines.extend(table.lines());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Difference;
    use crate::model::{Color, CommitSummary};
    use crate::plan::{Commits, Migration, Migrations, Operation, PackageChange, Space, Verdict};

    fn logged(short: &str, author: &str, subject: &str) -> LoggedCommit {
        LoggedCommit {
            id: short.repeat(6)[..40].to_owned(),
            subject: subject.into(),
            author: author.into(),
            at: 1000,
        }
    }

    fn package(name: &str, from: Option<&str>, to: Option<&str>) -> PackageChange {
        PackageChange { name: name.into(), from: from.map(str::to_owned), to: to.map(str::to_owned) }
    }

    #[test]
    fn all_that_changes_is_said_and_drives_no_terminal() {
        let commit = |short: &str, subject: &str| CommitSummary {
            id: short.repeat(6)[..40].to_owned(),
            subject: subject.into(),
        };
        let preview = Preview {
            environment: "prod".into(),
            host: "web1.example".into(),
            commit: commit("3ab9d42", "fix the \u{1b}[31mheader"),
            live: Some(commit("a1b2c3d", "say hello")),
            slot: Some(Color::Green),
            commits: Commits {
                out: vec![logged("3ab9d42", "Ann", "fix the header"), logged("77e8d1f", "Bo\u{7}b", "price")],
                out_count: 60,
                lost: vec![logged("0f0f0f0", "Eve", "apart")],
                lost_count: 1,
                ..Commits::default()
            },
            packages: vec![
                package("celery", None, Some(">=5")),
                package("django", Some("==5.0"), Some("==5.1")),
                package("gone", Some(""), None),
            ],
            builds_virtualenv: Some(true),
            migrations: vec!["shop/migrations/0002_price.py".into()],
            migrations_touched: vec!["shop/migrations/0001_initial.py".into()],
            judged: Some(Migrations {
                pending: vec![Migration {
                    name: "shop.0002_price".into(),
                    operations: vec![Operation {
                        what: "Add field \u{1b}price to Item".into(),
                        verdict: Verdict::Look,
                        why: Some("what runs now may write rows that it forbids".into()),
                    }],
                }],
            }),
            unjudged: None,
            variables: Names {
                added: vec!["NEW".into(), "NEWER".into()],
                removed: Vec::new(),
                changed: vec!["DEBUG".into()],
            },
            secrets: Names { removed: vec!["KEY".into()], ..Names::default() },
            config: vec![Difference { key: "gunicorn.workers".into(), from: None, to: Some("4".into()) }],
            deploy: vec![PlannedStep { title: "seed 3ab9d42".into(), touches: "nothing" }],
            cutover: vec![PlannedStep { title: "switch to green and reload nginx".into(), touches: "live" }],
            space: Space { needed: 61_000_000, guessed: false, free: Some(5_000_000), short: true },
            warnings: vec!["a database lies in\u{1b} the work tree".into()],
            refused: None,
            now: 8200,
        };
        let text = preview.lines(Look::PLAIN).join("\n");
        insta::assert_snapshot!(text);
    }
}
