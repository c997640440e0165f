//! `deployer.toml`: what people write wrong, and what they read then.

use std::path::Path;
use std::time::Duration;

use crate::fixtures::SHORTEST;
use crate::schema;
use deployer::commands::names;
use deployer::config::{
    Config, ConfigError, Cutover, Environment, Gunicorn, Statuses, Supervisor, Web, find, load,
};

const STARTER: &str = include_str!("../../templates/deployer.toml");

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse_beside(&names(), text, Path::new("/code/hello/deployer.toml"))
}

fn only(text: &str) -> Environment {
    let config = parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    config.environments()[0].clone()
}

/// What a person reads of a file.
fn complaint(text: &str) -> String {
    match Config::parse_beside(&names(), text, Path::new("deployer.toml")) {
        Ok(config) => panic!("this is accepted:\n{text}\n{config:?}"),
        Err(error) => error.to_string(),
    }
}

/// The shortest file, with the line of `[environments.prod]` that begins with the same key replaced or added, or with
/// a table put before it.
fn with(lines: &str) -> String {
    if lines.starts_with('[') {
        return format!("{lines}\n{}", SHORTEST);
    }
    let (key, _) = lines.split_once('=').expect("a line with a key");
    let kept = SHORTEST.lines().filter(|line| !line.starts_with(key));
    let mut text: String = kept.map(|line| format!("{line}\n")).collect();
    text.push_str(lines);
    text.push('\n');
    text
}

/// A file that is right but for these lines.
fn wrong(case: &str) -> String {
    let Some(lines) = case.strip_prefix("[gunicorn]\n") else {
        return with(case);
    };
    let head = if lines.starts_with("app") { "[gunicorn]\n" } else { "[gunicorn]\napp = \"app:app\"\n" };
    SHORTEST.replacen("[gunicorn]\napp = \"app:app\"\n", &format!("{head}{lines}\n"), 1)
}

/// The messages for each of these lines, each in a file that is right otherwise.
fn complaints(cases: &[&str]) -> String {
    let mut all = String::new();
    for case in cases {
        let message = complaint(&wrong(case));
        // Each names the file, the line, the column and the key, and shows the line.
        let place: Vec<&str> = message.splitn(4, ':').collect();
        assert_eq!(place[0], "deployer.toml", "{message}");
        assert!(place[1].parse::<usize>().is_ok() && place[2].parse::<usize>().is_ok(), "{message}");
        assert!(place[3].starts_with(" `"), "{message}");
        assert!(message.contains('^'), "{message}");
        all.push_str(&message);
        all.push_str("\n\n");
    }
    all
}

macro_rules! messages {
    ($name:ident, $($case:expr),+ $(,)?) => {
        #[test]
        fn $name() {
            let cases = [$($case),+];
            insta::assert_snapshot!(stringify!($name), complaints(&cases));
            schema::refuses(&cases.map(|case| (case, wrong(case))));
        }
    };
}

messages!(
    unknown_keys,
    "prot = 22",
    "workers = 3",
    "colour = \"red\"",
    "[gunicorn]\nworker = 3",
    "[health]\nhost = \"x\"\nurl = \"http://x\"",
    "[pyton]\ninterpreter = \"python3\"",
    "[staging]\nhost = \"web2.example\"",
    "[environment.staging]\nhost = \"web2.example\"",
    "ports = { blue = 8888, green = 8889, red = 8890 }",
);

messages!(
    wrong_types,
    "host = 3",
    "port = \"22\"",
    "ports = [8888, 8889]",
    "ports = { blue = \"8888\", green = 8889 }",
    "ssh = 22",
    "cutover = true",
    "app = \"hello\"",
    "[python]\ninstall_args = \"--no-deps --pre\"",
    "[python]\nrequirements = true",
    "[nginx]\nreload = \"sudo nginx -s reload\"",
    "[nginx]\ntest = [\"nginx\", 3]",
    "[health]\ntimeout = 1.5",
    "[health]\nexpect = 2024-01-01",
);

messages!(
    bad_places,
    "host = \"ann@web1.example:2222\"",
    "host = \"web1.example:2222\"",
    "host = \"http://web1.example\"",
    "host = \"\"",
    "user = \"ann lee\"",
    "ssh = \"paramiko\"",
    "port = 0",
    "root = \"srv/hello\"",
    "root = \"~/hello\"",
    "root = \"/\"",
    "root = \"/./\"",
    "root = \"/srv/$app\"\nstatic = { directory = \"out\" }",
    "root = \"/srv/../etc\"",
    "ports = { blue = 8888, green = 8888 }",
    "ports = { blue = 0, green = 8889 }",
    "ports = { blue = 8888, green = 65536 }",
    "ports = { blue = 80, green = 8889 }",
    "url = \"hello.example\"",
    "url = \"ftp://hello.example\"",
    "url = \"http://\"",
    "url = \"http://hello.example:0\"",
    "url = \"http://hello.example:99999/\"",
    "url = \"http://ann:pw@hello.example/\"",
    "url = \"http://hello.example/?a=b\"",
    "url = \"http://häuser.example\"",
    "url = \"http://hello.example/a b\"",
    "url = \"http://hello.example/a%2\"",
    "url = \"http://hello.example/a%00b\"",
    "url = \"http://hello.example/a/%2e%2e/b\"",
    "url = \"http://hello.example//b\"",
    "url = \"http://.hello.example/\"",
    "url = \"http://hello.example/.well-known/acme-challenge/\"",
    "root = \"/srv/$app\"\ncutover = \"socket\"",
    "root = \"/srv/a:b\"\ncutover = \"socket\"",
    "root = \"/srv/a-folder-with-a-name-that-is-so-long-that-no-socket-below-it-could-have-an-address-on-linux\"\ncutover = \"socket\"",
    "url = \"http://hello.example/static/\"\nstatic = { directory = \"out\" }",
    "nginx = { next_name = \"hello.example\" }",
    "cutover = \"sockets\"",
    "supervisor = \"sytemd\"",
);

messages!(
    bad_settings,
    "[app]\ndirectory = \"/srv\"",
    "[app]\ndirectory = \"../other\"",
    "[app]\nuntracked = \"ignored\"",
    "[app]\nname = \"a\\u0000b\"",
    "[app]\nname = \" \"",
    "[python]\ninterpreter = \"venv/bin/python\"",
    "[python]\nrequirements = \".\"",
    "[python]\nrequirements = \"../\"",
    "[python]\nrequirements = \"..//etc/x.txt\"",
    "[python]\nrequirements = \"../a/../x.txt\"",
    "[python]\ninstaller = \"poetry\"",
    "[python]\nrequirements = \"back/uv.lock\"\ninstaller = \"pip\"",
    "[python]\ntimeout = \"25h\"",
    "[python]\nversion = 3.13",
    "[python]\nversion = \"3.13.1\"",
    "[python]\nversion = \"3.13\"\ninstaller = \"pip\"",
    "[health]\npath = \"health\"",
    "[health]\npath = \"/über\"",
    "[health]\nhost = \"a b\"",
    "[health]\nexpect = []",
    "[health]\nexpect = \"6xx\"",
    "[health]\nexpect = [200, \"299-200\"]",
    "[health]\ntimeout = 0",
    "[health]\nsettle = -1",
    "[health]\nsettle = \"5 minutes\"",
    "[nginx]\ntest = []",
    "[nginx]\nreload = [\"nginx\", \"\"]",
    "[nginx]\nreload = [\"-s\", \"reload\"]",
    "[nginx]\nreload = [\"nginx\", \"a\\u001bb\"]",
    "[nginx]\naddress = \"localhost:80\"",
    "[nginx]\naddress = \"127.0.0.1:0\"",
    "[nginx]\ndrain = \"a minute\"",
    "[nginx]\naccess_log = \"access.log\"",
    "[nginx]\naccess_log = \"/var/log/nginx/\"",
    "[nginx]\naccess_log = \"/var/log/$http_host.log\"",
    "[nginx]\nerror_log = \"/var/log/$http_host.log\"",
    "[nginx]\nextra = 1",
    "[nginx]\nextra = [\"\"]",
);

messages!(
    bad_gunicorn,
    "[gunicorn]\napp = \"src/app.py:app\"",
    "[gunicorn]\napp = \"app\"",
    "[gunicorn]\napp = \"my-app:app\"",
    "[gunicorn]\napp = \"app:create(\"",
    "[gunicorn]\nworkers = 0",
    "[gunicorn]\nworkers = -1",
    "[gunicorn]\ninstall = \"gunicorn-color\"",
    "[gunicorn]\ngraceful_timeout = \"1500ms\"",
    "[gunicorn]\nargs = [\"--bind\", \"0.0.0.0:80\"]",
    "[gunicorn]\nargs = [\"-b:80\"]",
    "[gunicorn]\nargs = [\"-w\", \"4\"]",
    "[gunicorn]\nargs = [\"--pid=/x\"]",
    "[gunicorn]\nargs = [\"--threads\", \"4\", \"-D\"]",
    "[gunicorn]\nargs = [\"--chdir\", \"/x\"]",
    "[gunicorn]\nargs = [\"--graceful-timeout=3\"]",
    "[gunicorn]\nargs = [\"-e\", \"BLUEGREEN=red\"]",
    "[gunicorn]\nargs = [\"--check-config\"]",
    "[gunicorn]\nargs = [\"--threads 4\"]",
    "[gunicorn]\nargs = [\"other:app\"]",
);

messages!(
    bad_variables,
    "[env]\nBLUEGREEN = \"hush\"",
    "[env]\nDEPLOYER_COMMIT = \"hush\"",
    "[env]\nGUNICORN_CMD_ARGS = \"hush\"",
    "[env]\n\"A-B\" = \"hush\"",
    "[env]\n1A = \"hush\"",
    "[env]\n\"\" = \"hush\"",
    "[env]\n\"A\\nB\" = \"hush\"",
    "[env]\nDEBUG = true # hush",
    "[env]\nRATE = 1.5",
    "[env]\nLIST = [\"hush\"]",
    "[env]\nKEY = \"hush\\u0000\"",
    "[env.prod]\nKEY = \"hush\"",
    "[env]\nBLUEGREEN = \"\"\"hush\nhush\"\"\"",
    "env = \"KEY=hush\"",
    "env = { KEY = \"hush\", BLUEGREEN = \"hush\" }",
    "SECRET_KEY = \"hush\"",
);

messages!(
    bad_servers,
    "[web]\ncommand = \"\"",
    "[web]\ncommand = [\"node\", \"server.js\"]",
    "[web]\nstop_timeout = \"soon\"",
    "[web]\ncommand = \"node server.js\"",
    "[build]\ncommands = \"npm ci\"",
    "[build]\ncommands = [\"\"]",
    "[build]\ntimeout = 0",
    "[build]\ncommand = \"npm ci\"",
);

messages!(
    bad_processes,
    "[processes]\nworker = \"\"",
    "[processes]\nworker = [\"celery\"]",
    "[processes]\nworker = true",
    "[processes]\nWorker = \"celery\"",
    "[processes]\nweb = \"node server.js\"",
    "[processes]\nbeat = { singleton = true }",
    "[processes]\nbeat = { command = 3, singleton = \"yes\" }",
    "[processes]\nbeat = { command = \"celery\", stop = \"1s\" }",
    "[processes.beat]\ncommand = \"celery\"\nstop_timeout = \"never\"",
);

messages!(
    bad_hooks,
    "[hooks]\nrelease = \"\"",
    "[hooks]\nrelease = 3",
    "[hooks]\nsmoke = [\"true\", 1]",
    "[hooks]\nwarm = \"/\"",
    "[hooks]\nwarm = [\"pricing\"]",
    "[hooks]\ntimeout = 0",
    "[hooks]\nmigrate = \"true\"",
    "[shared]\ndirectories = \"media\"",
    "[shared]\ndirectories = [\"../media\"]",
    "[shared]\ndirectories = [\".\"]",
    "[shared]\ndirectories = [\"media/.git\"]",
    "[shared]\ndirectories = [\"media\", \"./media/avatars\"]",
    "[metrics]\ntextfile = \"/var/lib/hello.txt\"",
    "[metrics]\notlp = \"127.0.0.1:4318\"",
    "[metrics]\notlp = \"https://ann:word@collector.example\"",
    "[static]\nurl = \"static\"",
    "[static]\nurl = \"/\"",
    "[static]\nurl = \"/a/../b/\"",
    "[static]\nurl = \"/a;b/\"",
    "[static]\nurl = \"/.well-known/acme-challenge/\"",
    "[app]\ndirectory = \"a$b\"\n[static]\ndirectory = \"out\"",
    "shared = { directories = [\"static\"] }\nstatic = { directory = \"out\" }",
    "shared = { directories = [\"media\", \"out/uploads\"] }\nstatic = { directory = \"out\" }",
    "[static]\ncollect = \"make\"",
    "[static]\ndirectory = \".\"",
    "[static]\ndirectory = \"a$b\"",
    "[static]\nkeep = \"a month\"",
    "[static]\nkeep = \"4000d\"",
);

messages!(
    bad_secrets,
    "[secrets]\nKEY = \"hush\"",
    "[secrets]\nKEY = [\"hush\"]",
    "[secrets]\nKEY = { value = \"hush\" }",
    "[secrets]\nKEY = {}",
    "[secrets]\nKEY = { env = \"A\", file = \".env\" }",
    "[secrets]\nKEY = { env = \"$A\" }",
    "[secrets]\nKEY = { env = \"A\", key = \"B\" }",
    "[secrets]\nKEY = { file = \"~/.env\" }",
    "[secrets]\nKEY = { command = \"pass show x\" }",
    "[secrets]\nBLUEGREEN = { env = \"A\" }",
    "[secrets]\n\"A-B\" = { env = \"A\" }",
    "[secrets]\nKEY = { env = \"A\" }\n[env]\nKEY = \"hush\"",
    "secrets = { KEY = \"hush\" }\nenv = { OTHER = \"hush\" }",
    "secrets = \"hush\"",
);

messages!(
    bad_names,
    "[environments.deploy]\nhost = \"a\"\nroot = \"/a\"\nports = { blue = 1, green = 2 }\nurl = \"http://a\"",
    "[environments.Status]\nhost = \"a\"\nroot = \"/a\"\nports = { blue = 1, green = 2 }\nurl = \"http://a\"",
    "[environments.logs]\nhost = \"a\"\nroot = \"/a\"\nports = { blue = 1, green = 2 }\nurl = \"http://a\"",
    "[environments.\"a b\"]\nhost = \"a\"\nroot = \"/a\"\nports = { blue = 1, green = 2 }\nurl = \"http://a\"",
    "[environments.-q]\nhost = \"a\"\nroot = \"/a\"\nports = { blue = 1, green = 2 }\nurl = \"http://a\"",
    "[environments.\"../x\"]\nhost = \"a\"\nroot = \"/a\"\nports = { blue = 1, green = 2 }\nurl = \"http://a\"",
    "[environments.\"\"]\nhost = \"a\"\nroot = \"/a\"\nports = { blue = 1, green = 2 }\nurl = \"http://a\"",
    "[environments.staging]\nhost = \"web1.example\"\nroot = \"/srv/hello\"\nports = { blue = 1, green = 2 }\nurl = \"http://a\"",
    "[environments.staging]\nhost = \"web1.example\"\nroot = \"/srv/b\"\nports = { blue = 8889, green = 2 }\nurl = \"http://a\"",
);

#[test]
fn whole_files() {
    let files = [
        "",
        "environments = 3\n",
        "[environments]\n",
        "[[environments]]\nhost = \"a\"\n",
        "[environments.prod]\n",
        "[environments.prod]\nhost = \"a\"\nroot = \"/a\"\nports = { blue = 1 }\nurl = \"http://a\"\n",
        "[environments.prod]\nhost = \"a\"\nhost = \"b\"\n",
        "[env]\nKEY = \"hush\n",
        "[environments.prod]\nenv = { KEY = \"hush\", B }\n",
        "[app\n",
        "say \u{1b}[31mred\n",
    ];
    let mut all = String::new();
    for text in files {
        all.push_str(&complaint(text));
        all.push_str("\n\n");
    }
    assert!(!all.contains('\u{1b}'));
    insta::assert_snapshot!("whole_files", all);
    schema::refuses(
        &files
            .iter()
            .filter(|text| text.parse::<toml::Table>().is_ok())
            .map(|text| (*text, (*text).to_owned()))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn no_message_shows_a_variable() {
    for text in [
        "[env]\nA = \"hush\" # hush\nB = \"hush\nC = \"hush\"",
        "[env]\nA = hush",
        "[secrets]\nA = hush",
        "[secrets.A]\nenv = hush",
        "[environments.prod]\nsecrets = { A = hush }",
        "[secrets]\nA = \"hush\"\n[environments.prod.secrets]\nA = { file = 3, more = \"hush\" }",
        "[env]\nA = \"\"\"\nhush\nhush\n",
        "[ environments . prod . env ]\nA = 'hush",
        "[environments.prod.env # x\nA = hush",
        "env.A = \"hush",
        "[environments]\nprod = { host = \"a\", env = { A = \"hush\", B = hush } }",
        "[environments.prod]\nenv = { A = \"hush\",\n  B = hush }",
        "[environments.prod]\nenv = { A = \"hush\" }\nport = 0",
        "[environments.prod]\nport = 0\nenv = [\"hush\"]",
        "environments.prod = { port = 0, env = { A = \"hush\" }, password = \"hush\", b = { c = [\"hush\"] } }",
    ] {
        let message = complaint(text);
        assert!(!message.contains("hush"), "{text}\n\n{message}");
    }
}

#[test]
fn every_command_is_refused_as_a_name() {
    for word in names() {
        let text = SHORTEST.replace("prod", word);
        assert!(complaint(&text).contains("cannot be an environment"), "{word}");
    }
    for name in ["prod", "eu-west_1", "v1.2", "deployment", "7"] {
        assert_eq!(only(&SHORTEST.replace("prod", &format!("{name:?}"))).name, name);
    }
}

/// A file that says much, in all the ways that there are.
pub fn every_kind_of_value() -> String {
    with("[env]\nA = 1_000\nB = \"two\\nlines\"\nC = \"prod\"")
        + "cutover = \"socket\"\nsupervisor = \"none\"\nenv = { C = \"over\" }\nhealth = { expect = [\"2xx\", 404, \"301-302\"], timeout = 2 }\n\
           nginx = { drain = \"0s\", access_log = \"/var/log//nginx/a.log\" }\n\
           gunicorn = { args = [\"-c\", \"conf.py\", \"--config=x\", \"--threads\", \"4\"], install = \"gunicorn[gevent]>=22\" }\n"
}

#[test]
fn what_is_right_is_read() {
    let environment = only(&every_kind_of_value());
    assert_eq!(environment.cutover, Cutover::Socket);
    assert_eq!(environment.supervisor, Supervisor::None);
    let variables: Vec<(&str, &str)> =
        environment.env.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(variables, [("A", "1000"), ("B", "two\nlines"), ("C", "over")]);
    assert_eq!(environment.health.expect, Statuses(vec![(200, 299), (404, 404), (301, 302)]));
    assert_eq!(environment.health.timeout, Duration::from_secs(2));
    assert_eq!(environment.nginx.drain, Duration::ZERO);
    assert_eq!(environment.nginx.access_log.as_deref(), Some("/var/log/nginx/a.log"));
    assert_eq!(gunicorn(&environment).app, "app:app");
    assert_eq!(gunicorn(&environment).args.len(), 5);
    assert_eq!(environment.app.name, "hello");
    let around = only(&with(
        "[hooks]\nrelease = \"a\"\nsmoke = [\"b\", \"c $URL\"]\nwarm = [\"/\"]\n[shared]\n\
         directories = [\"media\", \"./media2/\"]\n[static]\ndirectory = \"out\"\nkeep = \"2d\"\n",
    ));
    assert_eq!(around.hooks.release, ["a"]);
    assert_eq!(around.hooks.smoke, ["b", "c $URL"]);
    assert_eq!(around.shared, ["media", "media2"]);
    let files = around.static_files.expect("static files");
    assert_eq!((&*files.url, &*files.directory), ("/static/", "out"));
    assert_eq!(files.keep, Duration::from_secs(2 * 24 * 3600));
    assert_eq!(only(SHORTEST).static_files, None);
    let odd = only(&with("root = \"/srv/it's a \\\"root\\\"/\""));
    assert_eq!(odd.root, "/srv/it's a \"root\"");
    let v6 = only(&with("url = \"https://[::1]:8443/a\""));
    assert_eq!(v6.url.to_string(), "https://[::1]:8443/a");
}

/// The starter without every line that may go.
fn required(text: &str) -> String {
    text.lines()
        .filter(|line| line.starts_with('[') || line.contains("# required"))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn the_starter_states_the_defaults() {
    let shortest = required(STARTER);
    assert!(!shortest.contains("cutover"), "{shortest}");
    assert_eq!(only(STARTER), only(&shortest));
    // Else a default that was changed in both places would pass: each key is really read.
    let changed = STARTER.replace("drain = \"60s\"", "drain = \"61s\"");
    assert_ne!(only(&changed), only(&shortest));
}

#[test]
fn what_the_starter_leaves_out_by_a_comment_sign_is_right_too() {
    let keys_and_tables = |line: &str| {
        let rest = line.strip_prefix("# ")?;
        let key = rest.split(" = ").next()?;
        let is_key = rest.contains(" = ") && key.chars().all(|c| c.is_ascii_alphabetic() || c == '_');
        // A server of the application's own takes gunicorn's place, `hosts` that of `host`; [processes.NAME] stands for any.
        let is_key = is_key && !["command", "hosts", "singleton", "stop_timeout", "settle"].contains(&key);
        (is_key || rest.starts_with("[environments")).then(|| rest.to_owned())
    };
    let text: String =
        STARTER.lines().map(|line| keys_and_tables(line).unwrap_or_else(|| line.to_owned()) + "\n").collect();
    let environment = only(&text);
    assert_eq!(environment.target.port, Some(22));
    assert_eq!(gunicorn(&environment).workers, 8);
    assert_eq!(gunicorn(&environment).install.as_deref(), Some("gunicorn==23.0.0"));
    assert_eq!(environment.env.len(), 2);
    assert_eq!(environment.secrets.len(), 3);
    assert_eq!(environment.nginx.access_log.as_deref(), Some("/var/log/nginx/hello.log"));
}

#[test]
fn no_text_makes_it_panic() {
    let text = STARTER.as_bytes();
    let try_it = |bytes: &[u8]| {
        if let Err(error) = parse(&String::from_utf8_lossy(bytes)) {
            assert!(error.to_string().contains("deployer.toml:"), "{error}");
        }
    };
    for at in 0..text.len() {
        try_it(&text[..at]);
        for other in [b'"', b'=', b'[', b'\n', b'\0', b'9', b'#', 0xc3] {
            let mut bytes = text.to_vec();
            bytes[at] = other;
            try_it(&bytes);
        }
        let mut bytes = text.to_vec();
        bytes.remove(at);
        try_it(&bytes);
        let mut bytes = text.to_vec();
        bytes.splice(at..at, "ü\u{301}\r".bytes());
        try_it(&bytes);
    }
    for deep in ["[", "{a=", "a.", "\"", "[[", "a=["] {
        try_it(deep.repeat(20_000).as_bytes());
    }
}

#[test]
fn no_value_makes_it_panic() {
    let odd = [
        "\"\"",
        "\" \"",
        "\"\\u0000\"",
        "\"\u{fe0f}ü\"",
        "\":\"",
        "\"[\"",
        "\"@\"",
        "\"//\"",
        "\"-\"",
        "\"(\"",
        "\"http://[\"",
        "\"http://:1\"",
        "\"1-\"",
        "\"xx\"",
        "\"99999999999999999999h\"",
        "\"\"\"\n\n\"\"\"",
        "0",
        "-1",
        "+1",
        "0x10",
        "0b1",
        "1_0",
        "99999999999999999999999",
        "1.5",
        "nan",
        "-inf",
        "1e400",
        "true",
        "false",
        "1979-05-27T07:32:00Z",
        "[]",
        "[[]]",
        "[\"\"]",
        "[\"-\"]",
        "[\"--\"]",
        "[\"--=\"]",
        "[0, \"2xx\", {}]",
        "{}",
        "{ a = {} }",
        "{ blue = 1, green = 1 }",
    ];
    for (number, line) in STARTER.lines().enumerate() {
        let Some((key, _)) = line.split_once(" = ").filter(|(key, _)| !key.contains('#')) else {
            continue;
        };
        for value in odd {
            let lines = STARTER.lines().enumerate();
            let text: String = lines
                .map(
                    |(at, line)| {
                        if at == number { format!("{key} = {value}\n") } else { format!("{line}\n") }
                    },
                )
                .collect();
            match parse(&text) {
                Ok(config) => assert_eq!(config.environments().len(), 1),
                Err(error) => {
                    let message = error.to_string();
                    assert!(message.contains(&format!(":{}:", number + 1)), "{key} = {value}\n{message}");
                    assert!(message.contains(key), "{key} = {value}\n{message}");
                }
            }
        }
    }
}

#[test]
fn files_are_found_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path().join("top");
    let deep = top.join("a/b");
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::create_dir(top.join(".git")).unwrap();
    std::fs::write(folder.path().join("deployer.toml"), SHORTEST).unwrap();
    let missing = find(&deep, None).unwrap_err();
    assert!(matches!(missing, ConfigError::NotFound { .. }), "it looked beyond the repository");

    let file = top.join("deployer.toml");
    std::fs::write(&file, SHORTEST).unwrap();
    assert_eq!(find(&deep, None).unwrap(), file);
    assert_eq!(load(&file, &[]).unwrap().environment("prod").unwrap().app.name, "top");
    let unknown = load(&file, &[]).unwrap().environment("prd").unwrap_err().to_string();
    assert!(unknown.ends_with("did you mean `prod`?"), "{unknown}");

    std::fs::write(&file, b"a = 1\nb = \"\xff\"\n").unwrap();
    assert!(load(&file, &[]).unwrap_err().to_string().ends_with("deployer.toml:2: is not UTF-8 text"));
    let gone = load(&top.join("other.toml"), &[]).unwrap_err().to_string();
    assert!(gone.contains("other.toml") && gone.contains("No such file"), "{gone}");
}

fn gunicorn(environment: &Environment) -> &Gunicorn {
    match &environment.web {
        Web::Gunicorn(gunicorn) => gunicorn,
        Web::Command(web) => panic!("{web:?}"),
    }
}

#[test]
fn a_server_of_its_own_needs_no_gunicorn_and_no_python() {
    let text = SHORTEST.replacen(
        "[gunicorn]\napp = \"app:app\"\n",
        "[python]\nrequirements = false\n[web]\ncommand = \"node server.js {port}\"\n",
        1,
    );
    let environment = only(&text);
    assert!(matches!(&environment.web, Web::Command(web) if web.line == "node server.js {port}"));
    assert!(!environment.has_virtualenv());
    assert_eq!(environment.grace(), Duration::from_secs(30));
    let socket = text.replacen("[python]", "cutover = \"socket\"\n[python]", 1);
    assert!(complaint(&socket).contains("needs gunicorn"), "{}", complaint(&socket));
}

#[test]
fn an_environment_changes_a_process_key_by_key_and_leaves_one_out() {
    let text = SHORTEST.replacen(
        "[gunicorn]",
        "[processes]\nworker = \"celery worker\"\nbeat = { command = \"celery beat\", singleton = true }\n[gunicorn]",
        1,
    );
    let environment = only(&text);
    let worker = &environment.processes["worker"];
    assert_eq!((&*worker.command, worker.singleton), ("celery worker", false));
    assert_eq!(worker.stop_timeout, Duration::from_secs(60));
    assert_eq!(worker.settle, Duration::from_secs(1));
    assert!(environment.processes["beat"].singleton);

    let text = format!(
        "{text}\n[environments.prod.processes]\nbeat = false\nworker = {{ stop_timeout = \"5m\" }}\nmail = \"mail\"\n"
    );
    let environment = only(&text);
    let names: Vec<&str> = environment.processes.keys().map(String::as_str).collect();
    assert_eq!(names, ["mail", "worker"]);
    let worker = &environment.processes["worker"];
    assert_eq!((&*worker.command, worker.stop_timeout), ("celery worker", Duration::from_secs(300)));
}

#[test]
fn a_file_with_thousands_of_mistakes_is_answered_in_a_moment() {
    let keys = || (0..20_000).map(|number| format!("unknown{number} = \"a value\""));
    let lines: Vec<String> = keys().collect();
    let inline = &lines;
    for text in [
        format!("{}\n{SHORTEST}", lines.join("\n")),
        SHORTEST.replacen(
            "[gunicorn]",
            &format!("[health]\nextra = {{ {} }}\n[gunicorn]", inline.join(", ")),
            1,
        ),
        SHORTEST.replacen("[gunicorn]", &format!("nginx = {{ {} }}\n[gunicorn]", inline.join(", ")), 1),
    ] {
        let began = std::time::Instant::now();
        let said = complaint(&text);
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        assert!(said.contains("is not a known key") && !said.contains("a value"), "{said:.500}");
        assert!(said.len() < 100_000, "{}", said.len());
    }
    assert!(complaint(&format!("{}\n{SHORTEST}", lines.join("\n"))).ends_with("and 19950 more like these"));
}

const FLEET: &str = r#"
gunicorn.app = "app:app"
[fleet]
at_once = 1
primary = "web2"
[environments.prod]
hosts = ["web1", { host = "web2", port = 2222, ports.blue = 7001, nginx = { address = "10.0.0.2:80" } }]
root = "/home/deploy/hello"
ports = { blue = 8888, green = 8889 }
url = "http://my.server.here"
"#;

#[test]
fn a_fleet_has_the_same_environment_on_each_host_but_for_what_is_its_own() {
    let prod = only(FLEET);
    let seen: Vec<_> = prod
        .hosts()
        .map(|host| {
            (
                &*host.target.host,
                host.target.port,
                host.ports.blue,
                host.ports.green,
                host.nginx.address.clone(),
            )
        })
        .collect();
    // The primary comes first.
    let own = (Some("10.0.0.2:80".into()), None);
    assert_eq!(seen, [("web2", Some(2222), 7001, 8889, own.0), ("web1", None, 8888, 8889, own.1)]);
    assert!(
        prod.hosts()
            .all(|host| host.name == "prod"
                && host.fleet.as_ref().is_some_and(|fleet| fleet.at_once == Some(1)))
    );
    assert!(only(SHORTEST).fleet.is_none());
}

#[test]
fn what_is_wrong_with_a_fleet_is_said_of_the_host() {
    let lines = [
        "hosts = []",
        "hosts = \"web1\"",
        "hosts = [7]",
        "hosts = [\"web1\", \"web1\"]",
        "hosts = [\"web1\", { port = 2222 }]",
        "hosts = [\"web1\", { host = \"web2\", prt = 2222 }]",
        "hosts = [\"deploy@web1\"]",
        "host = \"web1\"\nhosts = [\"web2\"]",
        "hosts = [\"web1\"]",
    ];
    let said: Vec<String> = lines
        .iter()
        .map(|line| {
            let old = FLEET.lines().find(|line| line.starts_with("hosts")).expect("hosts");
            complaint(&FLEET.replace(old, line))
        })
        .collect();
    insta::assert_snapshot!(said.join("\n\n"));
}
