//! `deployer schema`: what a validator that is not ours makes of it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::row;

/// Says of each document, one a line, whether the schema in the first line takes it.
const VALIDATE: &str = "
import json, sys
from jsonschema import Draft7Validator
schema = json.loads(sys.stdin.readline())
Draft7Validator.check_schema(schema)
for line in sys.stdin:
    errors = list(Draft7Validator(schema).iter_errors(json.loads(line)))
    print('; '.join('%s: %s' % (list(error.path), error.message) for error in errors))
";

/// What is wrong with each of these files to the schema; nothing where it takes them. What is not TOML an editor says itself.
pub fn objections(texts: &[String]) -> Vec<String> {
    let uv = std::env::var("DEPLOYER_TEST_UV").expect("the tests are run by tests/run.sh");
    let schema =
        Command::new(env!("CARGO_BIN_EXE_deployer")).arg("schema").output().expect("the binary runs");
    let schema: serde_json::Value = serde_json::from_slice(&schema.stdout).expect("JSON");
    let mut input = format!("{schema}\n");
    for text in texts {
        let table: toml::Table = text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"));
        input += &format!("{}\n", serde_json::to_value(table).expect("JSON"));
    }
    let mut child = Command::new(Path::new(&uv).with_file_name("python"))
        .args(["-c", VALIDATE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the test tools' Python");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "tests/run.sh installs jsonschema beside uv");
    String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
}

/// What is for deployer itself to know.
const BEYOND: &[&str] = &[
    // Two keys.
    "root = \"/srv/$app\"\nstatic = { directory = \"out\" }",
    "root = \"/srv/$app\"\ncutover = \"socket\"",
    "root = \"/srv/a:b\"\ncutover = \"socket\"",
    "root = \"/srv/a-folder-with-a-name-that-is-so-long-that-no-socket-below-it-could-have-an-address-on-linux\"\ncutover = \"socket\"",
    "ports = { blue = 8888, green = 8888 }",
    "ports = { blue = 80, green = 8889 }",
    "url = \"http://hello.example/static/\"\nstatic = { directory = \"out\" }",
    "nginx = { next_name = \"hello.example\" }",
    "[environments.staging]\nhost = \"web1.example\"\nroot = \"/srv/hello\"\nports = { blue = 1, green = 2 }\nurl = \"http://a\"",
    "[environments.staging]\nhost = \"web1.example\"\nroot = \"/srv/b\"\nports = { blue = 8889, green = 2 }\nurl = \"http://a\"",
    "[app]\ndirectory = \"a$b\"\n[static]\ndirectory = \"out\"",
    "shared = { directories = [\"static\"] }\nstatic = { directory = \"out\" }",
    "shared = { directories = [\"media\", \"out/uploads\"] }\nstatic = { directory = \"out\" }",
    "[python]\nrequirements = \"back/uv.lock\"\ninstaller = \"pip\"",
    "[secrets]\nKEY = { env = \"A\" }\n[env]\nKEY = \"hush\"",
    "[python]\nversion = \"3.13\"\ninstaller = \"pip\"",
    // The other may stand in an environment.
    "[processes]\nbeat = { singleton = true }",
    "[static]\ncollect = \"make\"",
    // Two items of a list.
    "[shared]\ndirectories = [\"media\", \"./media/avatars\"]",
    // A number or an encoding in a text.
    "[python]\ntimeout = \"25h\"",
    "[static]\nkeep = \"4000d\"",
    "[gunicorn]\ngraceful_timeout = \"1500ms\"",
    "[health]\nexpect = [200, \"299-200\"]",
    "url = \"http://hello.example:0\"",
    "url = \"http://hello.example:99999/\"",
    "url = \"http://hello.example/a%2\"",
    "url = \"http://hello.example/a%00b\"",
    "url = \"http://hello.example/a/%2e%2e/b\"",
    "url = \"http://hello.example//b\"",
    // The path of certificates.
    "url = \"http://hello.example/.well-known/acme-challenge/\"",
    "[static]\nurl = \"/.well-known/acme-challenge/\"",
];

/// Expects the schema to refuse what deployer refuses, but for what no schema can say.
#[track_caller]
pub fn refuses(cases: &[(&str, String)]) {
    let texts: Vec<String> = cases.iter().map(|(_, text)| text.clone()).collect();
    let told: Vec<String> = cases
        .iter()
        .zip(objections(&texts))
        .filter(|((case, _), objection)| objection.is_empty() != BEYOND.contains(case))
        .map(|((case, _), objection)| format!("{case:?},  // {objection}"))
        .collect();
    assert!(told.is_empty(), "the schema takes, or refuses what is BEYOND it:\n{}", told.join("\n"));
}

#[test]
fn every_example_is_taken() {
    let starter = include_str!("../../templates/deployer.toml");
    let texts = [
        starter,
        include_str!("../../examples/django/deployer.toml"),
        include_str!("../../examples/flask/deployer.toml"),
        include_str!("../../examples/node/deployer.toml"),
        crate::fixtures::SHORTEST,
        &crate::config::every_kind_of_value(),
    ];
    for (text, objection) in texts.iter().zip(objections(&texts.map(str::to_owned))) {
        assert_eq!(objection, "", "{text}");
    }
    assert!(starter.starts_with("#:schema ./deployer.schema.json\n"), "editors look there");
    row("schema", "examples and the starter", "ok: taken by a validator");
}
