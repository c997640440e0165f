use std::path::Path;

use super::former::Former;
use super::render::{Answers, render};
use super::{HealthHint, Recognised};
use crate::config::{Config, ConfigError};

type LeaveOut = fn(&mut Recognised);

/// Leaves out what `deployer.toml` would not take, such as a `STATIC_URL` with blanks in it, and notes that: a file
/// that lacks something is of more use than none.
pub(super) fn sound(found: &mut Recognised) {
    let parts: [(&str, LeaveOut); 11] = [
        ("what another tool was told", |found| {
            (found.former, found.args, found.workers) = (Former::default(), Vec::new(), None);
        }),
        ("the static files", |found| found.static_files = None),
        ("the folder of uploads", |found| found.media = None),
        ("the application's name", |found| found.app = None),
        ("the folder of the database", |found| found.database = None),
        ("the health check", |found| found.health = HealthHint::default()),
        ("the workers", |found| found.celery = None),
        ("the requirements", |found| found.requirements = None),
        ("the settings module", |found| found.settings = None),
        ("the variables", |found| found.variables.clear()),
        ("the build and the start command", |found| {
            (found.build, found.command, found.kind) = (None, None, None);
        }),
    ];
    for (what, leave_out) in parts {
        let before = problems(found);
        if before == 0 {
            return;
        }
        let mut without = found.clone();
        leave_out(&mut without);
        if problems(&without) < before {
            *found = without;
            found
                .notes
                .push(format!("{what}: deployer.toml cannot hold what the sources say; see to it by hand"));
        }
    }
}

/// How many things are wrong with the file that follows, whatever a person answers.
fn problems(found: &Recognised) -> usize {
    let app = if found.command.is_some() { "" } else { found.app.as_deref().unwrap_or("app:app") };
    let answers = Answers {
        environment: "prod".to_owned(),
        name: "app".to_owned(),
        host: found.former.host.clone().unwrap_or_else(|| "host".to_owned()),
        user: found.former.user.clone().unwrap_or_else(|| "user".to_owned()),
        root: found.former.root.clone().unwrap_or_else(|| "/srv/app".to_owned()),
        ports: found.former.ports.unwrap_or((1, 2)),
        url: found.former.url.clone().unwrap_or_else(|| "http://host".to_owned()),
        app: app.to_owned(),
        directory: found.directory.clone(),
    };
    match Config::parse(&render(found, &answers), Path::new("deployer.toml")) {
        Err(ConfigError::Invalid { problems, .. }) => problems.len(),
        _ => 0,
    }
}
