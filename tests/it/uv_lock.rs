//! Projects that uv locks: what the lock names is installed, and nothing else.

use std::fs;
use std::process::Command;

use crate::support::{Site, gunicorn, row};

const HEAD: &str = "[project]\nname = \"hello\"\nversion = \"0.1.0\"\nrequires-python = \">=3.11\"\n";

/// The smallest build backend, since the tests install without a network.
const BACKEND: &str = r#"
import os
import zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    name, info = "hello-0.1.0-py3-none-any.whl", "hello-0.1.0.dist-info/"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("hello.pth", os.path.abspath("src"))
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: hello\nVersion: 0.1.0\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(info + "RECORD", "")
    return name
"#;

/// The same for a package that is not editable.
const WHEEL: &str = r#"
import os
import zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name, info = "shared-1-py3-none-any.whl", "shared-1.dist-info/"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.write("shared.py")
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: shared\nVersion: 1\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(info + "RECORD", "")
    return name
"#;

/// A repository whose requirements are its lock, not committed yet.
fn locked(site: &Site, project: &str) {
    site.git(&["rm", "--quiet", "--cached", "requirements.txt"]);
    let _ = fs::remove_file(site.repo.path().join("requirements.txt"));
    site.write("pyproject.toml", project);
    lock(site);
    let config = fs::read_to_string(site.repo.path().join("deployer.toml")).expect("deployer.toml");
    site.write("deployer.toml", &config.replace("[python]\n", "[python]\nrequirements = \"uv.lock\"\n"));
}

fn lock(site: &Site) {
    let variable = |name: &str| std::env::var(name).expect("the tests are run by tests/run.sh");
    let output = Command::new(variable("DEPLOYER_TEST_UV"))
        .current_dir(site.repo.path())
        .args(["lock", "--quiet", "--python", "/usr/bin/python3", "--no-index", "--find-links"])
        .arg(variable("DEPLOYER_TEST_WHEELS"))
        .env("UV_CACHE_DIR", variable("DEPLOYER_TEST_UV") + "-cache")
        .output()
        .expect("uv runs");
    assert!(output.status.success(), "{output:?}");
}

/// Whether a package is in a slot's virtualenv.
fn has(site: &Site, color: &str, package: &str) -> bool {
    let folders = fs::read_dir(site.path(color).join("env/lib")).expect("a virtualenv");
    folders.flatten().any(|folder| folder.path().join("site-packages").join(package).exists())
}

#[test]
fn a_lock_is_installed_without_what_is_for_development() {
    let site = Site::new();
    let dependencies = |more: &str| {
        format!("{HEAD}dependencies = [{:?}{more}]\n\n[dependency-groups]\ndev = [\"six\"]\n", gunicorn())
    };
    locked(&site, &dependencies(""));
    site.commit("lock with uv");
    let first = site.done(&["prod", "deploy"]);
    assert!(first.stderr.contains("built with uv"), "{first:?}");
    let next = site.status()["next"]["color"].as_str().expect("a color").to_string();
    assert!(has(&site, &next, "gunicorn") && !has(&site, &next, "six.py"));
    site.done(&["prod", "cutover"]);

    site.change();
    let same = site.done(&["prod", "deploy"]);
    assert!(same.stderr.contains("unchanged"), "{same:?}");

    site.write("pyproject.toml", &dependencies(", \"vine\""));
    site.commit("ask for one more, and forget to lock");
    let behind = site.deployer(&["prod", "deploy"]);
    assert_eq!(behind.code, 2, "{behind:?}");
    assert!(behind.stderr.contains("does not know `vine`"), "{behind:?}");
    lock(&site);
    site.commit("ask for one more");
    let plan = site.done(&["prod", "plan"]);
    assert!(plan.stdout.contains("+ vine ==5.1.0"), "{plan:?}");
    assert!(!plan.stdout.contains("six"), "{plan:?}");
    site.done(&["prod", "deploy"]);
    let status = site.status();
    let next = status["next"]["color"].as_str().expect("a color");
    assert!(has(&site, next, "vine"), "{status}");
    assert_eq!(status["next"]["health"]["state"], "healthy", "{status}");
    row("uv.lock", "packages, without those for development", "installed as locked");
}

#[test]
fn a_project_that_is_a_package_runs_from_its_own_slot() {
    let site = Site::new();
    let project = format!(
        "{HEAD}dependencies = [{:?}]\n\n[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n",
        gunicorn()
    );
    site.write("backend.py", BACKEND);
    site.write("src/hello/__init__.py", "");
    site.write("src/hello/web.py", crate::support::APP);
    site.git(&["rm", "--quiet", "app.py"]);
    locked(&site, &project);
    let config = fs::read_to_string(site.repo.path().join("deployer.toml")).expect("deployer.toml");
    site.write("deployer.toml", &config.replace("app = \"app:app\"", "app = \"hello.web:app\""));
    let first = site.commit("a package");
    site.done(&["prod", "deploy"]);
    site.done(&["prod", "cutover"]);

    let louder = crate::support::APP.replace("hello from", "HELLO from");
    site.write("src/hello/web.py", &louder);
    site.commit("louder");
    site.done(&["prod", "deploy"]);
    assert!(site.get("/").1.starts_with("hello from"), "live runs its own code");
    site.done(&["prod", "cutover"]);
    assert!(site.get("/").1.starts_with("HELLO from"), "and next what is new");
    row("uv.lock", "a project that is a package", "each slot runs its own");

    // What was live two releases ago was built in the slot that is live now, and is built again in the other.
    site.write("src/hello/web.py", &crate::support::APP.replace("hello from", "third from"));
    site.commit("third");
    site.go_live();
    site.done(&["prod", "rollback", &first[..7]]);
    assert!(site.get("/").1.starts_with("hello from"), "{:?}", site.get("/"));
    site.done(&["prod", "cutover"]);
    assert!(site.get("/").1.starts_with("third from"), "{:?}", site.get("/"));
    row("uv.lock", "a rollback over two releases", "runs the code of then");
}

#[test]
fn a_package_in_the_repository_is_built_for_each_release() {
    let site = Site::new();
    site.write("requirements.txt", &format!("{}\n./lib\n", gunicorn()));
    site.write("lib/backend.py", WHEEL);
    site.write(
        "lib/pyproject.toml",
        "[project]\nname = \"shared\"\nversion = \"1\"\n[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n",
    );
    let app = crate::support::APP.replace("import os\n", "import os\nimport shared\n");
    site.write(
        "app.py",
        &app.replace("\"hello from %s %s\\n\" % (", "\"%s from %s %s\\n\" % (shared.WORD, "),
    );
    for word in ["one", "two", "three"] {
        site.write("lib/shared.py", &format!("WORD = {word:?}\n"));
        site.commit(word);
        site.go_live();
        assert!(site.get("/").1.starts_with(word), "{word}: {:?}", site.get("/"));
    }
    row("uv.lock", "a package that lies in the repository", "each release has its own");
}

/// The lock lies above the application's folder, beside that of a library which is a package.
#[test]
fn a_member_of_a_workspace_is_installed_by_the_lock_above_it() {
    let site = Site::new();
    site.git(&["rm", "--quiet", "--cached", "requirements.txt", "app.py"]);
    for file in ["requirements.txt", "app.py"] {
        fs::remove_file(site.repo.path().join(file)).expect("a file");
    }
    let member = |name: &str, packages: &str| {
        format!(
            "[project]\nname = \"{name}\"\nversion = \"1\"\nrequires-python = \">=3.11\"\ndependencies = [{packages}]\n"
        )
    };
    site.write("pyproject.toml", "[tool.uv.workspace]\nmembers = [\"backend\", \"tools/*\"]\n");
    site.write("backend/pyproject.toml", &member("backend", &format!("{:?}", gunicorn())));
    site.write("backend/app.py", crate::support::APP);
    site.write("tools/job/pyproject.toml", &member("job", "\"six\""));
    lock(&site);
    let config = fs::read_to_string(site.repo.path().join("deployer.toml")).expect("deployer.toml");
    let config = config
        .replace("[app]\n", "[app]\ndirectory = \"backend\"\n")
        .replace("[python]\n", "[python]\nrequirements = \"../uv.lock\"\n");
    site.write("deployer.toml", &config);
    site.commit("a workspace");
    site.go_live();
    let live = |site: &Site| site.status()["live"]["color"].as_str().expect("a color").to_owned();
    assert!(has(&site, &live(&site), "gunicorn") && !has(&site, &live(&site), "six.py"));

    site.write("README", "more\n");
    site.commit("what no member asks for");
    let same = site.done(&["prod", "deploy"]);
    assert!(same.stderr.contains("unchanged"), "{same:?}");

    // A package of the workspace that the application asks for is built from each release's own files.
    let depends = format!("{:?}, \"shared\"", gunicorn());
    let source = "\n[tool.uv.sources]\nshared = { workspace = true }\n";
    site.write("backend/pyproject.toml", &format!("{}{source}", member("backend", &depends)));
    site.write("pyproject.toml", "[tool.uv.workspace]\nmembers = [\"backend\", \"tools/*\", \"shared\"]\n");
    let build = "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n";
    site.write("shared/pyproject.toml", &format!("{}{build}", member("shared", "")));
    site.write("shared/backend.py", &BACKEND.replace("hello", "shared").replace("0.1.0", "1"));
    let app = crate::support::APP.replace("import os\n", "import os\nimport words\n");
    site.write(
        "backend/app.py",
        &app.replace("\"hello from %s %s\\n\" % (", "\"%s from %s %s\\n\" % (words.WORD, "),
    );
    site.write("shared/src/words.py", "WORD = \"zero\"\n");
    let unlocked = site.commit("ask for a package of the workspace");
    let behind = site.deployer(&["prod", "deploy"]);
    assert_eq!(behind.code, 2, "{unlocked}: {behind:?}");
    assert!(
        behind.stderr.contains("does not know `shared`, which backend/pyproject.toml asks for"),
        "{behind:?}"
    );
    lock(&site);
    for word in ["one", "two"] {
        site.write("shared/src/words.py", &format!("WORD = {word:?}\n"));
        site.commit(word);
        site.go_live();
        assert!(site.get("/").1.starts_with(word), "{word}: {:?}", site.get("/"));
    }
    // And without a member: what the top asks for, for an application in a folder below it.
    site.git(&["rm", "--quiet", "-r", "backend/pyproject.toml", "shared", "tools"]);
    site.write("backend/app.py", crate::support::APP);
    site.write("pyproject.toml", &member("top", &format!("{:?}", gunicorn())));
    lock(&site);
    site.commit("one project at the top");
    site.go_live();
    assert!(site.get("/").1.starts_with("hello from"), "{:?}", site.get("/"));
    row("uv.lock", "a workspace, its lock above the application", "installed as locked");
}

#[test]
fn without_uv_the_way_out_is_named() {
    let site = Site::with(|options| {
        options.path.pop();
    });
    site.go_live();
    locked(&site, &format!("{HEAD}dependencies = [{:?}]\n", gunicorn()));
    site.commit("lock with uv");
    let ran = site.deployer(&["prod", "deploy"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    for said in [
        "has no uv",
        "uv.lock is read by uv alone",
        "~/.local/uv/bin/pip install uv",
        "uv export --frozen",
        "The live site is not affected",
    ] {
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
    }
    let doctor = site.deployer(&["prod", "doctor"]);
    assert!(doctor.stdout.contains("there is no uv, and [python] requirements asks for it"), "{doctor:?}");
    row("uv.lock", "a host without uv", "refused, live untouched, the commands named");

    // Where that command puts it, a session that is no login does not look.
    let bin = site.host.home().join(".local/bin");
    fs::create_dir_all(&bin).expect("a folder");
    let uv = std::env::var("DEPLOYER_TEST_UV").expect("the tests are run by tests/run.sh");
    std::os::unix::fs::symlink(uv, bin.join("uv")).expect("a link");
    let doctor = site.deployer(&["prod", "doctor"]);
    assert!(doctor.stdout.contains("built with uv"), "{doctor:?}");
    let ran = site.done(&["prod", "deploy"]);
    assert!(ran.stderr.contains("built with uv"), "{ran:?}");
    row("uv.lock", "uv in ~/.local/bin", "found");
}
