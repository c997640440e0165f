//! Static files: nginx serves those of both releases, and those of releases that are gone.

use std::fs;
use std::time::Duration;

use deployer::config::load;
use deployer::model::Role;
use deployer::nginx::static_locations;

use crate::hooks::passed;
use crate::support::{HostControl, Site, http, until};

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
    let config = load(&site.repo.path().join("deployer.toml"), &[]).expect("a configuration");
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
        assert_eq!(get(&site, &format!("/static/app.{number}.js")), (200, word.into()));
        site.done(&["prod", "cutover"]);
        assert_eq!(get(&site, "/static/site.css"), (200, word.into()), "live's own comes first");
        for (old, word) in [(1, "one"), (2, "two"), (3, "three"), (4, "four")].iter().take(number) {
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
    assert_ne!(get(&site, "/static/../etc/env").1, "", "outside it is the application's");
    site.done(&["prod", "rollback"]);
    assert_eq!(get(&site, "/static/site.css"), (200, "three".into()));
    passed("static files of old releases stay to be had");
}

#[test]
fn what_was_put_aside_goes_when_its_time_is_over_and_never_hides_newer_files() {
    let mut site = serving("keep = \"1h\"");
    site.write("assets/app.1.js", "one");
    site.write("assets/app.js", "first");
    site.commit("first");
    site.go_live();
    fs::remove_file(site.repo.path().join("assets/app.1.js")).expect("it is there");
    site.write("assets/app.js", "second");
    site.commit("second");
    site.go_live();
    let aside = site.path("aside/static");
    fs::create_dir_all(aside.join("deep/er")).expect("a folder");
    // What was put aside from a newer release, as after a rollback.
    fs::write(aside.join("app.js"), "newest").expect("a file");
    site.change();
    site.done(&["prod", "deploy"]);
    assert_eq!(fs::read_to_string(aside.join("app.js")).expect("kept"), "newest");
    assert_eq!(fs::read_to_string(aside.join("app.1.js")).expect("put aside"), "one");
    assert!(!aside.join("deep").exists(), "an empty folder goes");
    let past = || {
        fs::metadata(aside.join("app.1.js")).is_ok_and(|file| {
            use std::os::unix::fs::MetadataExt;
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock");
            now.as_secs() as i64 > file.ctime() + 2
        })
    };
    until("it is old", Duration::from_secs(10), past);
    site.extra = site.extra.replace("\"1h\"", "\"1s\"");
    site.configure();
    site.change();
    site.done(&["prod", "deploy"]);
    assert!(!aside.join("app.1.js").exists(), "its time was over");
    passed("what was put aside goes when its time is over");
}

/// A host as older deployers leave it: they put files aside below `shared`, and the sites they wrote look there.
fn grown_old(site: &Site) {
    fs::create_dir_all(site.path("shared")).expect("a folder");
    fs::rename(site.path("aside/static"), site.path("shared/static")).expect("the old place");
    fs::remove_dir(site.path("aside")).expect("it is empty");
}

/// Rewrites the site that looks for files that were put aside, and has nginx read it.
fn looks_in(site: &Site, from: &str, to: &str) {
    let file = site.host.nginx_sites().join("static.conf");
    let text = fs::read_to_string(&file).expect("the site");
    assert!(text.contains(from), "{text}");
    fs::write(&file, text.replace(from, to)).expect("the site");
    let words = site.host.nginx_reload_command();
    let reloaded = std::process::Command::new(&words[0]).args(&words[1..]).status();
    assert!(reloaded.expect("nginx runs").success());
}

#[test]
fn an_older_deployers_store_is_found_by_its_site_and_by_a_new_one() {
    let site = serving("");
    site.write("assets/app.0.js", "0");
    site.commit("first");
    add_server(&site);
    site.go_live();
    let next = |number: usize| {
        fs::remove_file(site.repo.path().join(format!("assets/app.{}.js", number - 1))).expect("it is there");
        site.write(&format!("assets/app.{number}.js"), &number.to_string());
        site.commit("next");
        site.go_live();
    };
    let found = |until: usize, by: &str| {
        for number in 0..=until {
            let path = format!("/static/app.{number}.js");
            assert_eq!(get(&site, &path), (200, number.to_string()), "{path} by {by}");
        }
    };
    (1..=2).for_each(next);
    grown_old(&site);
    // A file for which no slot stands any more, by the site that the older deployer wrote.
    looks_in(&site, "/aside/static/", "/shared/static/");
    until("the old site is read", Duration::from_secs(10), || get(&site, "/static/app.0.js").0 == 200);
    (3..=4).for_each(next);
    found(4, "the old site");
    looks_in(&site, "/shared/static/", "/aside/static/");
    next(5);
    found(5, "the new site");
    passed("an older deployer's store is found by its site and by a new one");
}

#[test]
fn uploads_in_a_folder_of_the_old_stores_name_are_left_alone() {
    let mut site = serving("keep = \"0s\"");
    site.write("assets/app.js", "first");
    site.commit("first");
    // As it could be before: a folder of the application, and the store, in one.
    site.extra = "[shared]\ndirectories = [\"static\"]\n".to_string();
    site.configure();
    site.commit("shared");
    site.go_live();
    fs::write(site.path("live/repo/static/cat.jpg"), "a cat").expect("an upload");
    let site = Site {
        extra: "[shared]\ndirectories = [\"uploads\"]\n[static]\ndirectory = \"out\"\nkeep = \"0s\"\n\
                collect = \"mkdir -p out && cp assets/* out/\"\n"
            .to_string(),
        ..site
    };
    site.configure();
    site.commit("served");
    let ran = site.done(&["prod", "deploy"]);
    assert!(ran.stderr.contains("run setup again"), "{}", ran.stderr);
    site.done(&["prod", "cutover"]);
    for _ in 0..3 {
        site.change();
        site.go_live();
    }
    let cat = fs::read_to_string(site.path("shared/static/cat.jpg")).expect("the upload");
    assert_eq!(cat, "a cat");
    assert!(site.path("aside/static").is_dir() && !site.path("aside/static/cat.jpg").exists());
    passed("uploads in a folder of the old store's name are left alone");
}

#[test]
fn a_collection_that_fails_stops_the_deploy() {
    let mut site = Site::new();
    for (collect, word) in [("echo no manifest; exit 7", "no manifest"), ("true", "it left no folder out")] {
        site.extra = format!("[static]\ndirectory = \"out\"\ncollect = {collect:?}\n");
        site.configure();
        let ran = site.deployer(&["prod", "deploy", "--allow-dirty"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.stderr.contains("could not collect the static files"), "{ran:?}");
        assert!(ran.stderr.contains(word), "{ran:?}");
    }
    passed("a collection that fails stops the deploy");
}
