//! Static files: nginx serves those of both releases, and those of releases that are gone.

use std::fs;
use std::time::Duration;

use deployer::config::load;
use deployer::model::Role;
use deployer::nginx::static_locations;

use crate::passed;
use crate::support::{Site, http, until};

/// The server's name under which the static files are served too.
const NAME: &str = "static.localhost";

/// A site with a second server block, as somebody writes it by hand.
fn serving(extra: &str) -> Site {
    let mut site = Site::new();
    site.extra = format!(
        "[static]\ndirectory = \"out\"\ncollect = \"mkdir -p out && cp assets/* out/ && echo $BLUEGREEN > out/color.txt\"\n{extra}\n"
    );
    site.configure();
    site.write(".gitignore", "out/\n");
    site
}

fn add_server(site: &Site) {
    let config = load(&site.repo.path().join("deployer.toml")).expect("a configuration");
    let environment = config.environment("prod").expect("an environment");
    let server = format!(
        "server {{\nlisten 127.0.0.1:{};\nserver_name {NAME};\n{}location / {{ include {:?}; }}\n}}\n",
        site.host.http_port(),
        static_locations(&environment, Role::Live),
        site.path("live/etc/nginx.con[f]"),
    );
    // Read when the first cutover reloads nginx.
    fs::write(site.host.nginx_sites().join("static.conf"), server).expect("a site of nginx");
}

fn get(site: &Site, path: &str) -> (u16, String) {
    http(site.door(), NAME, path)
}

#[test]
fn files_of_old_releases_stay_to_be_had() {
    let site = serving("");
    site.write("assets/app.1.js", "one");
    site.write("assets/site.css", "first");
    site.commit("first");
    add_server(&site);
    site.go_live();
    assert_eq!(get(&site, "/static/app.1.js"), (200, "one".into()));
    for (number, word) in [(2, "two"), (3, "three"), (4, "four")] {
        fs::remove_file(site.repo.path().join(format!("assets/app.{}.js", number - 1))).expect("it is there");
        site.write(&format!("assets/app.{number}.js"), word);
        site.write("assets/site.css", word);
        site.commit(word);
        site.done(&["prod", "deploy"]);
        // The page may come from the new release a moment before the links move.
        assert_eq!(
            get(&site, &format!("/static/app.{number}.js")),
            (200, word.into())
        );
        site.done(&["prod", "cutover"]);
        assert_eq!(
            get(&site, "/static/site.css"),
            (200, word.into()),
            "live's own comes first"
        );
        for (old, word) in [(1, "one"), (2, "two"), (3, "three"), (4, "four")]
            .iter()
            .take(number)
        {
            assert_eq!(
                get(&site, &format!("/static/app.{old}.js")),
                (200, word.to_string()),
                "after {number}"
            );
        }
    }
    let color = get(&site, "/static/color.txt").1;
    assert_eq!(color.trim(), "green");
    assert_eq!(get(&site, "/static/nosuch.js").0, 404);
    assert_ne!(get(&site, "/static/..%2f..%2fapp.py").0, 200);
    assert_eq!(get(&site, "/static/").0, 404);
    assert_ne!(
        get(&site, "/static/../etc/env").1,
        "",
        "outside it is the application's"
    );
    site.done(&["prod", "rollback"]);
    assert_eq!(get(&site, "/static/site.css"), (200, "three".into()));
    passed("static files of old releases stay to be had");
}

#[test]
fn what_was_put_aside_goes_when_its_time_is_over_and_never_hides_newer_files() {
    let site = serving("keep = \"1s\"");
    site.write("assets/app.1.js", "one");
    site.write("assets/app.js", "first");
    site.commit("first");
    site.go_live();
    fs::remove_file(site.repo.path().join("assets/app.1.js")).expect("it is there");
    site.write("assets/app.js", "second");
    site.commit("second");
    site.go_live();
    let aside = site.path("shared/static");
    fs::create_dir_all(aside.join("deep/er")).expect("a folder");
    // What was put aside from a newer release, as after a rollback.
    fs::write(aside.join("app.js"), "newest").expect("a file");
    site.change();
    site.done(&["prod", "deploy"]);
    assert_eq!(fs::read_to_string(aside.join("app.js")).expect("kept"), "newest");
    assert_eq!(
        fs::read_to_string(aside.join("app.1.js")).expect("put aside"),
        "one"
    );
    assert!(!aside.join("deep").exists(), "an empty folder goes");
    let past = || {
        fs::metadata(aside.join("app.1.js")).is_ok_and(|file| {
            use std::os::unix::fs::MetadataExt;
            let now = std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .expect("a clock");
            now.as_secs() as i64 > file.ctime() + 2
        })
    };
    until("it is old", Duration::from_secs(10), past);
    site.change();
    site.done(&["prod", "deploy"]);
    assert!(!aside.join("app.1.js").exists(), "its time was over");
    passed("what was put aside goes when its time is over");
}

#[test]
fn a_collection_that_fails_stops_the_deploy() {
    let mut site = Site::new();
    for (collect, word) in [
        ("echo no manifest; exit 7", "no manifest"),
        ("true", "it left no folder out"),
    ] {
        site.extra = format!("[static]\ndirectory = \"out\"\ncollect = {collect:?}\n");
        site.configure();
        let ran = site.deployer(&["prod", "deploy", "--allow-dirty"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(
            ran.stderr.contains("could not collect the static files"),
            "{ran:?}"
        );
        assert!(ran.stderr.contains(word), "{ran:?}");
    }
    passed("a collection that fails stops the deploy");
}
