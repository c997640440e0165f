//! `examples/django` on a host: a database, migrations, static files, and jobs in Celery over a real broker, under load.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use deployer::config::load;
use deployer::model::Role;
use deployer::nginx::static_locations;

use crate::django::broker::Broker;
use crate::django::passed;
use crate::support::{HostControl, Load, Outcome, Ran, Site, http, until};

/// The server's name under which the static files are served too.
const NAME: &str = "shop.localhost";

struct Shop {
    site: Site,
    broker: Broker,
}

impl Shop {
    /// The example as it stands, but for what is this host's own; nothing is deployed.
    fn new() -> Shop {
        let site = Site::new();
        let shop = Shop { broker: Broker::start(), site };
        fs::remove_file(shop.site.repo.path().join("app.py")).expect("the other application");
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/django"), shop.site.repo.path());
        let example = include_str!("../../../examples/django/deployer.toml");
        let (application, _) = example.split_once("[environments.prod]").expect("an environment");
        let host = &shop.site.host;
        let ports = host.app_ports();
        let words = |words: Vec<String>| serde_json::to_string(&words).expect("words");
        let text = format!(
            "{application}\n[python]\ninterpreter = \"/usr/bin/python3\"\ninstall_args = [\"--no-index\", \"--find-links\", {:?}]\n\n\
             [environments.prod]\nhost = {:?}\nroot = {:?}\nports = {{ blue = {}, green = {} }}\nurl = \"http://{}:{}\"\n\n\
             [environments.prod.nginx]\ntest = {}\nreload = {}\n\n\
             [environments.prod.secrets]\nSECRET_KEY = {{ command = [\"echo\", \"not a real one\"] }}\n\n\
             [environments.prod.env]\nALLOWED_HOSTS = \"{} {NAME}\"\nBROKER_URL = {:?}\nLEDGER = {:?}\n",
            std::env::var("DEPLOYER_TEST_WHEELS").expect("the wheels"),
            host.alias(),
            host.root(),
            ports.blue,
            ports.green,
            host.server_name(),
            host.http_port(),
            words(host.nginx_test_command()),
            words(host.nginx_reload_command()),
            host.server_name(),
            shop.broker.url(),
            shop.ledger(),
        );
        shop.site.write("deployer.toml", &text);
        shop.site.commit("a shop");
        shop.add_server();
        shop
    }

    /// A site as `[static]` wants it, read when the first cutover reloads nginx.
    fn add_server(&self) {
        let config = load(&self.site.repo.path().join("deployer.toml"), &[]).expect("a configuration");
        let environment = config.environment("prod").expect("an environment");
        let server = format!(
            "server {{\nlisten 127.0.0.1:{};\nserver_name {NAME};\nproxy_set_header Host $http_host;\n{}location / {{ include {:?}; }}\n}}\n",
            self.site.host.http_port(),
            static_locations(&environment, Role::Live),
            self.site.path("live/etc/nginx.con[f]"),
        );
        fs::write(self.site.host.nginx_sites().join("shop.conf"), server).expect("a site of nginx");
    }

    fn ledger(&self) -> std::path::PathBuf {
        self.site.host.folder().join("ledger")
    }

    /// How often each job was begun and done.
    fn jobs(&self) -> BTreeMap<String, (usize, usize)> {
        let mut jobs = BTreeMap::new();
        for line in fs::read_to_string(self.ledger()).unwrap_or_default().lines() {
            let mut words = line.split(' ');
            let (what, number) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let count: &mut (usize, usize) = jobs.entry(number.to_string()).or_default();
            match what {
                "begin" => count.0 += 1,
                _ => count.1 += 1,
            }
        }
        jobs
    }

    /// What the database answers, a row a line.
    fn ask(&self, question: &str) -> Vec<String> {
        let done = Command::new("/usr/bin/python3")
            .args(["-c", "import sqlite3, sys\nfor row in sqlite3.connect(sys.argv[1], timeout=20).execute(sys.argv[2]): print(*row)"])
            .arg(self.site.path("shared/data/shop.sqlite3"))
            .arg(question)
            .output()
            .expect("python runs");
        assert!(done.status.success(), "{done:?}");
        String::from_utf8_lossy(&done.stdout).lines().map(str::to_string).collect()
    }

    /// The style sheet that the page names, which must be there.
    #[track_caller]
    fn style(&self) -> String {
        let (status, page) = http(self.site.door(), NAME, "/");
        assert_eq!(status, 200, "{page}");
        let link = page.split("href=\"").nth(1).and_then(|rest| rest.split('"').next());
        let link = link.unwrap_or_else(|| panic!("no style sheet: {page}")).to_string();
        assert_eq!(http(self.site.door(), NAME, &link).0, 200, "{link}");
        link
    }

    /// A migration and the model that goes with it.
    fn migrate(&self, name: &str, after: &str, operations: &str, change: (&str, &str)) -> String {
        self.site.write(
            &format!("shop/migrations/{name}.py"),
            &format!(
                "from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n    \
                 dependencies = [(\"shop\", \"{after}\")]\n    operations = [{operations}]\n"
            ),
        );
        let path = "shop/models.py";
        let text = fs::read_to_string(self.site.repo.path().join(path)).expect("the models");
        assert!(text.contains(change.0), "{text}");
        self.site.write(path, &text.replace(change.0, change.1));
        self.site.write("shop/static/shop/site.css", &format!("p {{ content: '{name}' }}\n"));
        self.site.commit(name)
    }

    /// A deploy that the look at the migrations stops: told by `plan`, and nothing is touched, not even what next runs.
    #[track_caller]
    fn refused(&self, words: &[&str]) -> Ran {
        let site = &self.site;
        let next = |status: &serde_json::Value| {
            let next = &status["next"];
            [&next["commit"], &next["process"]["pid"], &next["health"]].map(ToString::to_string)
        };
        let before = site.status();
        assert_eq!(before["next"]["health"]["state"], "healthy", "{before}");
        let migrated = self.ask("SELECT count(*) FROM django_migrations");
        let files = self.files();
        let planned = site.deployer(&["prod", "plan"]);
        assert_eq!(planned.code, 1, "{planned:?}");
        let ran = site.deployer(&["prod", "deploy"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        for word in words {
            for ran in [&planned, &ran] {
                assert!(ran.stderr.contains(word), "{word}: {ran:?}");
            }
        }
        let after = site.until_free(Duration::from_secs(20));
        assert_eq!(next(&after), next(&before), "next runs on");
        assert_eq!(after["live"]["color"], before["live"]["color"]);
        assert_eq!(self.files(), files, "nothing stays behind");
        let count = self.ask("SELECT count(*) FROM django_migrations");
        assert_eq!(count, migrated, "nothing was migrated");
        ran
    }

    /// What is in the deployer's own folder and in both slots, but for what every command writes there.
    fn files(&self) -> BTreeSet<PathBuf> {
        let folders = [".deployer", "blue/etc", "green/etc", "blue/repo", "green/repo"];
        let entries = folders.map(|folder| fs::read_dir(self.site.path(folder)).expect("a folder"));
        let found = entries.into_iter().flatten().flatten().map(|entry| entry.path());
        let of_a_command = ["beat", "journal", "holder", "step", "session", "room"];
        found.filter(|path| !of_a_command.iter().any(|name| path.ends_with(name))).collect()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true if entry.file_name() == "__pycache__" => {}
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("a copy")),
        }
    }
}

#[test]
fn three_kinds_of_migrations_under_load_lose_no_request_and_no_job() {
    let shop = Shop::new();
    let site = &shop.site;
    let planned = site.done(&["prod", "plan"]);
    let why = "migrations are judged by the deploy: its virtualenv is not built yet";
    assert!(planned.stdout.contains(why), "{planned:?}");
    let ran = site.done(&["prod", "deploy"]);
    assert!(ran.stderr.contains("shop.0001_initial"), "{ran:?}");
    site.done(&["prod", "cutover"]);
    let beats = Beats::count(site.host.root().to_path_buf());
    let mut styles = vec![shop.style()];

    let mut load = Load::new(site.door(), site.host.server_name());
    load.path = "/order".to_string();
    load.clients = 2;
    load.pause = Duration::from_millis(50);
    load.duration = Duration::from_secs(600);
    let running = load.start();

    // What runs now goes on to insert rows without the new column.
    let planned = site.done(&["prod", "plan"]);
    assert!(planned.stdout.contains("none is pending"), "{planned:?}");
    shop.migrate(
        "0002_gift",
        "0001_initial",
        "migrations.AddField(\"order\", \"gift\", models.BooleanField(db_default=False))",
        ("    placed =", "    gift = models.BooleanField(db_default=False)\n    placed ="),
    );
    let planned = site.done(&["prod", "plan"]);
    assert!(planned.stdout.contains("migrations that would be applied\n  shop.0002_gift\n"), "{planned:?}");
    site.done(&["prod", "deploy"]);
    site.done(&["prod", "cutover"]);
    styles.push(shop.style());

    // What runs now reads the column.
    let note = "    note = models.CharField(max_length=80, blank=True, null=True)\n";
    shop.migrate("0003_note", "0002_gift", "migrations.RemoveField(\"Order\", \"note\")", (note, ""));
    shop.refused(&[
        "a pending migration would break what runs now; nothing was migrated",
        "shop.0003_note: Remove field note from Order: what runs now still reads and writes it",
        "The live site is not affected.",
        "make two releases of it",
        "deployer prod deploy --accept-migrations",
    ]);

    // So it is done in two: first a release that does without, ...
    shop.migrate(
        "0003_note",
        "0002_gift",
        "migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField(\"Order\", \"note\")])",
        ("class Order", "class Order"),
    );
    site.done(&["prod", "deploy"]);
    site.done(&["prod", "cutover"]);
    styles.push(shop.style());

    // ... then one that drops it, which nobody but its author can judge.
    shop.migrate(
        "0004_drop",
        "0003_note",
        "migrations.RunSQL(\"ALTER TABLE shop_order DROP COLUMN note\")",
        ("class Order", "class Order"),
    );
    shop.refused(&["shop.0004_drop: Raw SQL operation: it is SQL, which cannot be judged"]);
    let ran = site.done(&["prod", "deploy", "--accept-migrations"]);
    assert!(ran.stderr.contains("warning: shop.0004_drop: Raw SQL operation"), "{ran:?}");
    site.done(&["prod", "cutover"]);
    styles.push(shop.style());
    let ran = site.deployer(&["prod", "rollback"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("is older than the accepted migration(s) shop.0004_drop"), "{ran:?}");
    site.done(&["prod", "rollback", "--force"]);
    assert!(shop.ask("SELECT name FROM pragma_table_info('shop_order')").iter().all(|name| name != "note"));

    let report = running.stop();
    let lost: Vec<_> =
        report.answers.iter().filter(|answer| answer.outcome != Outcome::Status(200)).collect();
    assert!(lost.is_empty(), "{} of {} requests: {:?}", lost.len(), report.answers.len(), lost[0]);
    let orders = report.answers.len();
    assert!(orders > 100, "{orders} orders");
    let done = || shop.jobs().values().filter(|(_, done)| *done > 0).count();
    until("all jobs are done", Duration::from_secs(120), || done() == orders);
    let (most, all) = beats.stop();
    assert_eq!(most, 1, "beat never runs twice");
    assert!(all.len() >= 5, "it moved with each switch: {all:?}");
    let ticks = shop.ask("SELECT count(DISTINCT process) FROM shop_tick");
    assert!(ticks[0] != "0", "what it sends is done");
    let jobs = shop.jobs();
    let twice: Vec<_> = jobs.iter().filter(|(_, counts)| **counts != (1, 1)).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert_eq!(shop.ask("SELECT count(*) FROM shop_order"), [orders.to_string()]);
    assert_eq!(shop.ask("SELECT count(*) FROM shop_delivery"), [orders.to_string()]);
    styles.dedup();
    assert_eq!(styles.len(), 4, "each release has its own: {styles:?}");
    for style in &styles {
        assert_eq!(http(site.door(), NAME, style).0, 200, "{style} of an old page");
    }
    println!(
        "{orders} orders under load, {} jobs, none lost, none twice; beat in {} processes, one at a time",
        jobs.len(),
        all.len()
    );
    passed(&format!(
        "four releases under load: {orders} requests and as many jobs, none lost, none done twice, beat never twice"
    ));
}

/// Counts the processes of Celery beat in the slots, again and again; how many there were at once, and how many in all.
struct Beats {
    over: Arc<AtomicBool>,
    counting: JoinHandle<(usize, BTreeSet<u32>)>,
}

impl Beats {
    fn count(root: PathBuf) -> Beats {
        let over = Arc::new(AtomicBool::new(false));
        let ended = over.clone();
        let counting = std::thread::spawn(move || {
            let (mut most, mut all) = (0, BTreeSet::new());
            while !ended.load(Ordering::Relaxed) {
                let now = beats(&root);
                most = most.max(now.len());
                all.extend(now);
                std::thread::sleep(Duration::from_millis(10));
            }
            (most, all)
        });
        Beats { over, counting }
    }

    fn stop(self) -> (usize, BTreeSet<u32>) {
        self.over.store(true, Ordering::Relaxed);
        self.counting.join().expect("it counts")
    }
}

fn beats(root: &Path) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("processes").flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_beat = |pid: &u32| {
        let of = Path::new("/proc").join(pid.to_string());
        let command = fs::read(of.join("cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = command.split(|byte| *byte == 0).collect();
        // The shell that becomes it has the whole line as one word.
        let named = words.windows(3).any(|words| words == [&b"-A"[..], b"shop", b"beat"]);
        named && fs::read_link(of.join("cwd")).is_ok_and(|cwd| cwd.starts_with(root))
    };
    numbers.filter(is_beat).collect()
}
