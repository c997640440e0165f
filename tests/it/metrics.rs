//! `[metrics]`: what the host tells monitoring when a command ends.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use serde_json::Value;

use crate::support::{Site, row};

/// A collector that answers so many requests well; their headers and bodies.
fn collector(count: usize) -> (u16, JoinHandle<Vec<(String, Value)>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            let line = line.to_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            head += &line;
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap();
        (head, serde_json::from_slice(&body).unwrap())
    };
    (port, thread::spawn(move || (0..count).map(|_| answer()).collect()))
}

#[test]
fn monitoring_is_told_and_never_fails_a_deploy() {
    let (port, requests) = collector(2);
    let mut site = Site::new();
    let file = site.host.folder().join("hello.prom");
    site.extra = format!(
        "[metrics]\ntextfile = {file:?}\notlp = \"http://127.0.0.1:{port}\"\n\n\
         [secrets]\nOTEL_EXPORTER_OTLP_HEADERS = {{ env = \"WORD\" }}\n"
    );
    site.configure();
    let commit = site.commit("be watched");
    let run = |arguments: &[&str]| {
        let output = site.command(arguments).env("WORD", "authorization=a%20secret%20word").output();
        crate::support::ran(output.expect("the binary runs"))
    };
    for arguments in [["prod", "deploy"], ["prod", "cutover"]] {
        let ran = run(&arguments);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(!ran.stderr.contains("warning"), "{ran:?}");
    }
    let told = fs::read_to_string(&file).unwrap();
    let live = site.link("live").unwrap();
    for line in [
        format!("slot=\"{live}\",role=\"live\",commit=\"{commit}\",by=\"ann@"),
        format!(
            "deployer_slot_healthy{{app=\"hello\",environment=\"prod\",slot=\"{live}\",role=\"live\"}} 1"
        ),
        "verb=\"cutover\",end=\"done\"}".to_string(),
    ] {
        assert!(told.contains(&line), "{line}: {told}");
    }
    let requests = requests.join().unwrap();
    let verbs: Vec<&Value> = requests
        .iter()
        .map(|(head, body)| {
            assert!(
                head.starts_with("post /v1/logs ") && head.contains("authorization: a secret word"),
                "{head}"
            );
            &body["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["eventName"]
        })
        .collect();
    assert_eq!(verbs, ["deployer.deploy", "deployer.cutover"]);

    // Nobody listens any more, and the folder is gone.
    site.change();
    let config = site.repo.path().join("deployer.toml");
    let text = fs::read_to_string(&config).unwrap().replace("hello.prom", "gone/hello.prom");
    fs::write(&config, text).unwrap();
    let ran = run(&["prod", "deploy", "--allow-dirty"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for warning in ["the metrics cannot be written", "was not told of the deploy"] {
        assert!(ran.stderr.contains(warning), "{warning}: {ran:?}");
    }
    assert!(!ran.stderr.contains("secret word"), "{ran:?}");
    row("metrics", "textfile and OTLP: deploy, cutover, nobody there", "ok");
}
