//! Faults of the requirements.

use crate::fixture::{live, meet};
use crate::support::{Site, gunicorn};

fn requires(site: &Site, lines: &str) {
    site.write("requirements.txt", lines);
    site.commit(&format!("require {}", lines.trim().replace('\n', ", ")));
}

#[test]
fn a_requirement_that_does_not_exist() {
    let site = live();
    requires(&site, &format!("{}\nno-such-package-anywhere==9.9\n", gunicorn()));
    let met = meet(&site, "no_such_requirement", &["prod", "deploy"], 1);
    assert!(met.ran.stderr.contains("no-such-package-anywhere"));
    requires(&site, "gunicorn==0.0.77\n");
    let met = meet(&site, "no_such_version", &["prod", "deploy"], 1);
    assert!(met.ran.stderr.contains("gunicorn==0.0.77"));
    requires(&site, "this is no requirement\n");
    meet(&site, "not_a_requirement", &["prod", "deploy"], 1);

    let text = std::fs::read_to_string(site.repo.path().join("deployer.toml")).unwrap();
    site.write(
        "deployer.toml",
        &text.replace("[python]\n", "[python]\ninstaller = \"pip\"\n"),
    );
    requires(&site, "no-such-package-anywhere==9.9\n");
    meet(&site, "no_such_requirement_by_pip", &["prod", "deploy"], 1);
    site.git(&["rm", "--quiet", "requirements.txt"]);
    site.commit("forget the requirements");
    meet(&site, "no_requirements_file", &["prod", "deploy"], 2);
}

#[test]
fn requirements_that_bring_no_gunicorn() {
    let site = live();
    requires(&site, "# nothing\n");
    meet(&site, "no_gunicorn", &["prod", "deploy"], 1);
    let text = std::fs::read_to_string(site.repo.path().join("deployer.toml")).unwrap();
    let install = format!("[gunicorn]\ninstall = {:?}\n", gunicorn());
    site.write("deployer.toml", &text.replace("[gunicorn]\n", &install));
    site.commit("install gunicorn");
    let met = meet(&site, "gunicorn_by_configuration", &["prod", "deploy"], 0);
    assert_eq!(met.next()["health"]["state"], "healthy");
}
