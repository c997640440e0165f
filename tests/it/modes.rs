//! Who may read and write what `deployer` leaves behind, whatever the umask of either side: one table.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Site, ran, row};

/// All that is written below the root and, on this side, below `~/.local`. What git and pip write is git's and pip's: its top
/// counts, and that nginx can read what it serves.
const TABLE: &[(u32, &[&str])] = &[
    // Its owner's alone.
    (
        0o600,
        &[
            "client/state/deployer/TIME.log",
            "root/.deployer/agent/VERSION/PYTHON",
            "root/.deployer/key",
            "root/.deployer/lock",
            "root/SLOT/etc/env",
            "root/SLOT/log/gunicorn.log",
            "root/SLOT/log/worker.log",
        ],
    ),
    (
        0o700,
        &["client/state", "client/state/deployer", "root/.deployer/agent", "root/.deployer/agent/VERSION"],
    ),
    // For all to read: nginx must, and whoever looks after the host may.
    (
        0o644,
        &[
            "root/.deployer/beat",
            "root/.deployer/draining",
            "root/.deployer/freeze",
            "root/.deployer/commands.jsonl",
            "root/.deployer/history.jsonl",
            "root/.deployer/nginx-live.conf",
            "root/.deployer/nginx-next.conf",
            "root/.deployer/reserve/PIECE",
            "root/SLOT/etc/app.pid",
            "root/SLOT/etc/nginx.conf",
            "root/SLOT/etc/pids/worker",
            "root/SLOT/etc/processes.json",
            "root/SLOT/etc/release.json",
            "root/SLOT/etc/run/web",
            "root/SLOT/etc/run/worker",
            "root/SLOT/etc/served",
            "root/SLOT/repo/public/style.css",
        ],
    ),
    (
        0o755,
        &[
            "root",
            "root/.deployer",
            "root/.deployer/launch",
            "root/.deployer/reserve",
            "root/.deployer/virtualenvs",
            "root/.deployer/virtualenvs/HASH",
            "root/SLOT",
            "root/SLOT/etc",
            "root/SLOT/etc/pids",
            "root/SLOT/etc/run",
            "root/SLOT/log",
            "root/SLOT/repo",
            "root/SLOT/repo/public",
            "root/aside",
            "root/aside/static",
            "root/shared",
            "root/shared/uploads",
        ],
    ),
];

/// A path with what differs from run to run taken out.
fn plain(name: &str) -> String {
    let part = |part: &str| match part {
        "blue" | "green" => "SLOT".to_owned(),
        part if part.len() == 20 && part.bytes().all(|byte| byte.is_ascii_hexdigit()) => "HASH".to_owned(),
        part if part.starts_with("20") && part.ends_with(".log") => "TIME.log".to_owned(),
        part if part.len() == 16 && part.bytes().all(|byte| byte.is_ascii_hexdigit()) => "VERSION".to_owned(),
        part if part.starts_with("cpython-") => "PYTHON".to_owned(),
        part if part.len() == 2 => "PIECE".to_owned(),
        part => part.to_owned(),
    };
    name.split('/').map(part).collect::<Vec<_>>().join("/")
}

fn walk(folder: &Path, name: &str, found: &mut BTreeMap<String, u32>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let data = fs::symlink_metadata(entry.path()).expect("a file");
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        if data.is_symlink() {
            continue;
        }
        found.insert(name.clone(), data.permissions().mode() & 0o7777);
        // Of the work tree, what is served.
        if name.ends_with("/repo") {
            walk(&entry.path().join("public"), &format!("{name}/public"), found);
            found.insert(
                format!("{name}/public"),
                0o777 & fs::metadata(entry.path().join("public")).expect("it").permissions().mode(),
            );
        }
        let is_foreign =
            ["/repo", "/env"].iter().any(|end| name.ends_with(end)) || name.contains("/virtualenvs/");
        if data.is_dir() && !is_foreign {
            walk(&entry.path(), &name, found);
        }
    }
}

#[test]
fn every_file_has_its_mode_under_every_umask() {
    for umask in ["000", "002", "077"] {
        let mut site = Site::new();
        fs::write(site.host.home().join(".bashrc"), format!("umask {umask}\n")).expect("a file");
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(site.host.ssh_config()).args([site.host.alias(), "umask"]);
        let told = String::from_utf8(ssh.output().expect("ssh runs").stdout).expect("text");
        assert_eq!(told.trim(), format!("0{umask}"), "the host's own");
        site.extra = "[processes]\nworker = \"sleep 600\"\n\n[shared]\ndirectories = [\"uploads\"]\n\n\
                      [static]\nurl = \"/static/\"\ndirectory = \"public\"\n\n\
                      [secrets]\nPASSWORD = { command = [\"echo\", \"hunter2hunter2\"] }\n"
            .to_string();
        site.configure();
        site.write("public/style.css", "p {}\n");
        site.commit("all that there is");
        let deployer = |arguments: &[&str]| {
            let plain = site.command(&[]);
            let mut command = Command::new("sh");
            command
                .args(["-c", &format!("umask {umask}; exec \"$@\""), "sh", env!("CARGO_BIN_EXE_deployer")])
                .args(arguments)
                .current_dir(site.repo.path())
                .env_clear()
                .envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))))
                .stdin(Stdio::null());
            ran(command.output().expect("it runs")).done(arguments)
        };
        deployer(&["prod", "deploy", "--cutover"]);
        site.change();
        deployer(&["prod", "deploy", "--cutover"]);
        deployer(&["prod", "rollback"]);
        deployer(&["prod", "lock", "-m", "a pause"]);
        let mut found = BTreeMap::new();
        walk(&site.host.root(), "root", &mut found);
        let mode = fs::metadata(site.host.root()).expect("the root").permissions().mode() & 0o7777;
        found.insert("root".to_owned(), mode);
        let client = site.host.client_home().join(".local");
        walk(&client, "client", &mut found);
        deployer(&["prod", "unlock"]);
        deployer(&["prod", "prune"]);
        let wrong: Vec<String> = found
            .iter()
            .filter(|(name, mode)| {
                let name = plain(name);
                !TABLE.iter().any(|(right, names)| right == *mode && names.contains(&&*name))
            })
            .map(|(name, mode)| format!("{mode:04o} {name}"))
            .collect();
        assert_eq!(wrong, Vec::<String>::new(), "under umask {umask}");
        let seen: BTreeSet<String> = found.keys().map(|name| plain(name)).collect();
        for name in TABLE.iter().flat_map(|(_, names)| *names) {
            assert!(seen.contains(*name), "{name} was not written under umask {umask}");
        }
        row("modes", format!("umask {umask}").as_str(), format!("ok: {} files and folders", found.len()));
    }
}
