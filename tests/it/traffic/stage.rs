//! The site that the traffic runs against.

use std::fs;
use std::path::PathBuf;

use crate::support::{APP, HostControl, Site};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Reload,
    Socket,
}

impl Mode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Mode::Reload => "reload",
            Mode::Socket => "socket",
        }
    }
}

/// A site with the plain application and its usual workers; nothing is deployed.
pub(crate) fn plain(mode: Mode) -> Site {
    let mut site = Site::with(|options| options.role_files = mode == Mode::Socket);
    choose(&mut site, mode);
    site.commit("configured");
    site
}

/// Writes the way of cutting over into `deployer.toml`.
pub(crate) fn choose(site: &mut Site, mode: Mode) {
    site.environment = match mode {
        Mode::Reload => String::new(),
        Mode::Socket => "cutover = \"socket\"".to_string(),
    };
    site.configure();
}

/// The second front door of `versatile`, where requests are passed on as they come and connections can be upgraded.
pub(crate) const DIRECT: &str = "direct.localhost";

/// A site whose application serves every kind of traffic at once; nothing is deployed.
pub(crate) fn versatile(mode: Mode) -> Site {
    let mut site = plain(mode);
    // A release that is stopped with requests in flight cuts them off soon, so that none goes unnoticed.
    site.extra = format!(
        "args = [\"--threads\", \"24\"]\n\n[env]\nLEDGER = {:?}\n\n[nginx]\ntimeout = \"2s\"\n\n\
         [environments.prod.gunicorn]\ngraceful_timeout = \"1s\"\n",
        ledger(&site)
    );
    site.write("app.py", &(APP.to_string() + include_str!("app.py")));
    site.configure();
    site.commit("serve every kind");
    let live = match mode {
        Mode::Reload => site.path("live/etc/nginx.con[f]"),
        Mode::Socket => site.path(".deployer/nginx-live.con[f]"),
    };
    let config = format!(
        "client_max_body_size 64m;\n\
         server {{\n    listen 127.0.0.1:{};\n    server_name {DIRECT};\n    location / {{\n\
         \x20       proxy_http_version 1.1;\n        proxy_request_buffering off;\n\
         \x20       proxy_set_header Host $http_host;\n        proxy_set_header Upgrade $http_upgrade;\n\
         \x20       proxy_set_header Connection \"upgrade\";\n        include {live:?};\n    }}\n}}\n",
        site.host.http_port(),
    );
    // Read when the first cutover reloads nginx.
    fs::write(site.host.nginx_sites().join("traffic.conf"), config).expect("a site of nginx");
    site
}

/// Where the application of `versatile` writes what it was told to count.
pub(crate) fn ledger(site: &Site) -> PathBuf {
    site.host.folder().join("ledger")
}

/// The short hash of what was committed last.
pub(crate) fn short(commit: &str) -> String {
    commit[..7].to_string()
}
