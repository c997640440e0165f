use std::path::Path;

use super::render::{Answers, render};
use super::{Framework, HealthHint, Recognised};
use crate::config::{Config, ConfigError};

type LeaveOut = fn(&mut Recognised);

/// Leaves out what `deployer.toml` would not take, such as a `STATIC_URL` with blanks in it, and notes that: a file
/// that lacks something is of more use than none.
pub(super) fn sound(found: &mut Recognised) {
    let parts: [(&str, LeaveOut); 10] = [
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
    let is_node = found.kind == Some(Framework::Node);
    let app = found.app.as_deref().unwrap_or(if is_node { "" } else { "app:app" });
    let answers = Answers {
        environment: "prod".to_owned(),
        name: "app".to_owned(),
        host: "host".to_owned(),
        user: "user".to_owned(),
        root: "/srv/app".to_owned(),
        ports: (1, 2),
        url: "http://host".to_owned(),
        app: app.to_owned(),
        directory: found.directory.clone(),
    };
    match Config::parse(&render(found, &answers), Path::new("deployer.toml")) {
        Err(ConfigError::Invalid { problems, .. }) => problems.len(),
        _ => 0,
    }
}
