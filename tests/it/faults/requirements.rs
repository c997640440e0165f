//! Faults of the requirements.

use std::process::Command;

use crate::faults::fixture::{live, meet};
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
    site.write("deployer.toml", &text.replace("[python]\n", "[python]\ninstaller = \"pip\"\n"));
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
    meet(&site, "no_gunicorn", &["prod", "deploy"], 2);
    let plan = site.deployer(&["prod", "plan"]);
    assert_eq!(plan.code, 2, "{plan:?}");
    assert!(plan.stderr.contains("requirements.txt brings no gunicorn"), "{plan:?}");
    // What a package brings, only its installation tells.
    requires(&site, "six\n");
    for arguments in [["prod", "plan"], ["prod", "deploy"]] {
        let ran = site.deployer(&arguments);
        assert!(ran.stderr.contains("does not name gunicorn"), "{ran:?}");
    }
    meet(&site, "no_gunicorn_after_all", &["prod", "deploy"], 1);
    requires(&site, "uvicorn-worker\n");
    let met = meet(&site, "gunicorn_by_another", &["prod", "deploy"], 0);
    assert_eq!(met.next()["health"]["state"], "healthy");
    requires(&site, "# nothing\n");
    let text = std::fs::read_to_string(site.repo.path().join("deployer.toml")).unwrap();
    let install = format!("[gunicorn]\ninstall = {:?}\n", gunicorn());
    site.write("deployer.toml", &text.replace("[gunicorn]\n", &install));
    site.commit("install gunicorn");
    let met = meet(&site, "gunicorn_by_configuration", &["prod", "deploy"], 0);
    assert_eq!(met.next()["health"]["state"], "healthy");
}

/// A folder of wheels that nobody can install together.
fn wheels(site: &Site) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new("python3").args(["-c", WHEELS]).current_dir(folder.path()).status().unwrap();
    assert!(made.success());
    let path = site.repo.path().join("deployer.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let more = format!("install_args = [\"--find-links\", {:?}, ", folder.path());
    site.write("deployer.toml", &text.replace("install_args = [", &more));
    folder
}

const WHEELS: &str = "
import zipfile
for name, version, more in [
        ('one', '1', 'Requires-Dist: shared==1'), ('two', '1', 'Requires-Dist: shared==2'),
        ('shared', '1', ''), ('shared', '2', ''), ('future', '1', 'Requires-Python: >=4')]:
    with zipfile.ZipFile('%s-%s-py3-none-any.whl' % (name, version), 'w') as wheel:
        info = '%s-%s.dist-info/' % (name, version)
        wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: %s\\nVersion: %s\\n%s\\n' % (name, version, more))
        wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
        wheel.writestr(info + 'RECORD', '')
";

/// Each has a reason and a way out, whichever of the two installs.
#[test]
fn requirements_that_cannot_be_met_together_or_here() {
    let site = live();
    let _wheels = wheels(&site);
    let with_uv = std::fs::read_to_string(site.repo.path().join("deployer.toml")).unwrap();
    let with_pip = with_uv.replace("[python]\n", "[python]\ninstaller = \"pip\"\n");
    for (installer, config) in [("pip", &with_pip), ("uv", &with_uv)] {
        site.write("deployer.toml", config);
        for (lines, why, advice) in [
            ("one\ntwo\n", "shared==2", "loosen one of these in requirements.txt"),
            ("future\n", ">=4", "set [python] interpreter (now /usr/bin/python3)"),
        ] {
            requires(&site, &format!("{}\n{lines}# for {installer}\n", gunicorn()));
            let ran = site.deployer(&["prod", "deploy"]);
            let reason = ran.stderr.lines().find(|line| line.starts_with("why: "));
            let is_why = reason.is_some_and(|line| line.contains(why));
            assert!(is_why && ran.stderr.contains(advice), "{installer}: {}", ran.stderr);
        }
    }
    let closed = with_uv.replace("\"--no-index\"", "\"--index-url\", \"http://127.0.0.1:9/simple\"");
    site.write("deployer.toml", &closed);
    requires(&site, &format!("{}\nno-such-package-anywhere\n", gunicorn()));
    let ran = site.deployer(&["prod", "deploy"]);
    assert!(ran.stderr.contains("cannot reach the package index (http://127.0.0.1:9/"), "{ran:?}");
}

#[test]
fn requirements_that_an_export_leaves_out_or_that_are_a_link() {
    let site = live();
    site.write(".gitattributes", "requirements.txt export-ignore\nbase.txt export-ignore\n");
    site.write("base.txt", &format!("{}\n# read through a link\n", gunicorn()));
    std::fs::remove_file(site.repo.path().join("requirements.txt")).unwrap();
    std::os::unix::fs::symlink("base.txt", site.repo.path().join("requirements.txt")).unwrap();
    site.commit("keep the requirements out of exports");
    site.go_live();
}
