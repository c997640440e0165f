//! Keys: of every kind, encrypted, from the agent, refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use deployer::ssh::{AttemptResult, ConnectError, ConnectOptions, Interrupt, NoPrompt, Prompt, Session};

use crate::ssh::host::{Host, by_each, eventually, keygen, run};

/// Answers with what it was given, and counts how often it was asked.
struct Answers {
    words: Vec<&'static str>,
    asked: Vec<(PathBuf, usize)>,
}

impl Answers {
    fn new(words: &[&'static str]) -> Answers {
        Answers { words: words.to_vec(), asked: Vec::new() }
    }
}

impl Prompt for Answers {
    fn passphrase(&mut self, key: &Path, attempt: usize) -> Option<String> {
        self.asked.push((key.to_owned(), attempt));
        self.words.get(attempt - 1).map(|word| (*word).to_owned())
    }

    fn can_answer(&self) -> bool {
        !self.words.is_empty()
    }

    /// `Enter passphrase for key '/home/ann/.ssh/id': `, as often as it takes.
    fn answer(&mut self, question: &str) -> Option<String> {
        let key = question.split('\'').nth(1).unwrap_or_else(|| panic!("{question}")).to_owned();
        self.passphrase(Path::new(&key), self.asked.len() + 1)
    }
}

struct Agent {
    process: Child,
    socket: PathBuf,
}

impl Agent {
    fn start(host: &Host, keys: &[&str]) -> Agent {
        let socket = host.path("agent");
        let mut command = Command::new("ssh-agent");
        command.args(["-D", "-a"]).arg(&socket).stdout(Stdio::null()).stderr(Stdio::null());
        let agent = Agent { process: command.spawn().expect("ssh-agent"), socket };
        eventually("the agent", || UnixStream::connect(&agent.socket).ok());
        for key in keys {
            let mut add = Command::new("ssh-add");
            run(add.arg("-q").arg(host.path(key)).env("SSH_AUTH_SOCK", &agent.socket));
        }
        agent
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn use_key(host: &Host, key: &str) {
    host.config(&format!("IdentityFile {}\n", host.path(key).display()));
}

fn connect(host: &Host, options: &ConnectOptions, prompt: &mut dyn Prompt) -> Result<Session, ConnectError> {
    Session::connect(&host.target(), options, prompt, &Interrupt::never())
}

fn attempts(result: Result<Session, ConnectError>) -> Vec<(String, AttemptResult)> {
    match result {
        Err(ConnectError::AuthFailed { attempts, .. }) => {
            let name = |key: &str| key.rsplit('/').next().unwrap_or(key).to_owned();
            attempts.into_iter().map(|attempt| (name(&attempt.key), attempt.result)).collect()
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("accepted"),
    }
}

#[test]
fn keys_of_every_kind_plain_and_encrypted() {
    for host in by_each(Host::start) {
        for kind in ["ed25519", "ecdsa", "rsa"] {
            for passphrase in ["", "a secret"] {
                let name = format!("{kind}{}", passphrase.len());
                keygen(&host.path(""), &name, kind, passphrase);
                host.authorize(&name);
                for with_public in [true, false] {
                    if !with_public {
                        fs::remove_file(host.path(&format!("{name}.pub"))).expect("no public key");
                    }
                    use_key(&host, &name);
                    let mut prompt = Answers::new(&["wrong", "a secret"]);
                    let result = connect(&host, &host.options(), &mut prompt);
                    result.unwrap_or_else(|error| panic!("{name}: {error}\n{}", host.log()));
                    let expected = if passphrase.is_empty() { 0 } else { 2 };
                    assert_eq!(prompt.asked.len(), expected, "{name}: asked only for an encrypted key");
                }
            }
        }
    }
}

#[test]
fn pem_keys_plain_and_encrypted() {
    for host in by_each(Host::start) {
        for (name, kind, passphrase) in
            [("plain", "rsa", ""), ("rsa", "rsa", "a secret"), ("ecdsa", "ecdsa", "a secret")]
        {
            let mut keygen = Command::new("ssh-keygen");
            run(keygen.args(["-q", "-m", "PEM", "-t", kind, "-N", passphrase, "-f"]).arg(host.path(name)));
            host.authorize(name);
            fs::remove_file(host.path(&format!("{name}.pub"))).expect("no public key");
            use_key(&host, name);
            let mut prompt = Answers::new(&["wrong", "a secret"]);
            let result = connect(&host, &host.options(), &mut prompt);
            result.unwrap_or_else(|error| panic!("{name}: {error}\n{}", host.log()));
            assert_eq!(prompt.asked.len(), if passphrase.is_empty() { 0 } else { 2 }, "{name}");
        }
    }
}

#[test]
fn a_wrong_passphrase_is_asked_for_three_times() {
    for host in by_each(Host::start) {
        keygen(&host.path(""), "locked", "ed25519", "a secret");
        host.authorize("locked");
        use_key(&host, "locked");
        let mut prompt = Answers::new(&["one", "two", "three", "a secret"]);
        let failed = connect(&host, &host.options(), &mut prompt);
        assert_eq!(attempts(failed), [("locked".to_owned(), AttemptResult::WrongPassphrase)]);
        let numbers: Vec<_> = prompt.asked.iter().map(|(_, attempt)| *attempt).collect();
        assert_eq!(numbers, [1, 2, 3]);
    }
}

#[test]
fn no_passphrase_is_asked_for_a_key_that_the_host_refuses() {
    for host in by_each(Host::start) {
        keygen(&host.path(""), "locked", "ed25519", "a secret");
        use_key(&host, "locked");
        let mut prompt = Answers::new(&["a secret"]);
        let failed = connect(&host, &host.options(), &mut prompt);
        assert_eq!(attempts(failed), [("locked".to_owned(), AttemptResult::Refused)]);
        assert!(prompt.asked.is_empty());
    }
}

#[test]
fn where_nobody_can_be_asked_the_agent_is_advised() {
    for host in by_each(Host::start) {
        keygen(&host.path(""), "locked", "ed25519", "a secret");
        host.authorize("locked");
        use_key(&host, "locked");
        let error = host.try_connect().err().expect("no session");
        assert_eq!(error.code(), "auth.failed");
        let key = host.path("locked").display().to_string();
        assert!(error.to_string().contains(&format!("{key}: needs its passphrase")), "{error}");
        assert_eq!(error.advice(), [format!("load the key into the agent: ssh-add {key}")]);
    }
}

#[test]
fn a_wrong_key_is_listed_with_the_user() {
    for host in by_each(Host::start) {
        keygen(&host.path(""), "stranger", "ed25519", "");
        use_key(&host, "stranger");
        let error = host.try_connect().err().expect("no session");
        let key = host.path("stranger").display().to_string();
        let user = crate::ssh::host::user();
        let expected = format!("127.0.0.1 accepts no key for user {user}; tried {key}: refused by the host");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_wrong_user_is_named() {
    for host in by_each(Host::start) {
        let target = deployer::model::Target { user: Some("nobody-here".into()), ..host.target() };
        let result = Session::connect(&target, &host.options(), &mut NoPrompt, &Interrupt::never());
        let error = result.err().expect("no session");
        assert!(error.to_string().contains("user nobody-here"), "{error}");
    }
}

#[test]
fn default_keys_are_tried_and_missing_ones_not_spoken_of() {
    let host = Host::start();
    host.config("");
    fs::create_dir(host.path(".ssh")).expect("a folder");
    assert_eq!(attempts(host.try_connect()), []);
    keygen(&host.path(".ssh"), "id_ed25519", "ed25519", "");
    assert_eq!(attempts(host.try_connect()), [("id_ed25519".to_owned(), AttemptResult::Refused)]);
    for name in ["id_rsa", "id_rsa.pub"] {
        fs::copy(host.path(&name.replace("id_rsa", "id")), host.path(".ssh").join(name)).expect("a copy");
    }
    host.connect();
}

#[test]
fn files_that_are_of_no_use_are_named_with_the_reason() {
    for host in by_each(Host::start) {
        fs::set_permissions(host.path("id"), PermissionsExt::from_mode(0o644)).expect("a mode");
        let secret = fs::Permissions::from_mode(0o600);
        for (name, text) in [("text", "hello\n"), ("cut", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blb\n")] {
            fs::write(host.path(name), text).expect("a file");
            fs::set_permissions(host.path(name), secret.clone()).expect("a mode");
        }
        let files = ["id", "text", "cut", "absent"]
            .map(|name| format!("IdentityFile {}\n", host.path(name).display()));
        host.config(&files.concat());
        let error = host.try_connect().err().expect("no session");
        assert_eq!(error.advice(), [format!("chmod 600 {}", host.path("id").display())]);
        let said = |text: &str| AttemptResult::Unusable(text.into());
        let expected = [
            ("id".to_owned(), AttemptResult::TooOpen(0o644)),
            ("text".to_owned(), said("not a private key")),
            ("cut".to_owned(), said("damaged private key")),
            ("absent".to_owned(), said("no such file")),
        ];
        assert_eq!(attempts(Err(error)), expected);
    }
}

#[test]
fn the_agent_is_used() {
    let host = Host::start();
    host.config("");
    keygen(&host.path(""), "other", "rsa", "");
    let agent = Agent::start(&host, &["other", "id"]);
    let options = ConnectOptions { agent: Some(agent.socket.clone()), ..host.options() };
    connect(&host, &options, &mut NoPrompt).expect("a session by the agent");
    host.config("IdentityAgent none\n");
    assert_eq!(attempts(connect(&host, &options, &mut NoPrompt)), []);
    let absent = ConnectOptions { agent: None, ..options };
    host.config(&format!("IdentityAgent {}\n", agent.socket.display()));
    connect(&host, &absent, &mut NoPrompt).expect("a session by the configured agent");
    host.config("IdentityAgent ~/agent\nIdentitiesOnly yes\n");
    assert_eq!(attempts(connect(&host, &absent, &mut NoPrompt)), [], "no configured key is in the agent");
    fs::remove_file(host.path("id")).expect("only the agent has it");
    host.config("IdentityAgent ~/agent\nIdentitiesOnly yes\nIdentityFile ~/id.pub\n");
    connect(&host, &absent, &mut NoPrompt).expect("a public key chooses from the agent");
}

#[test]
fn an_agent_full_of_keys_does_not_use_up_the_tries() {
    let host = Host::start();
    let strangers = ["a", "b", "c", "d", "e", "f", "g"];
    for name in strangers {
        keygen(&host.path(""), name, "ed25519", "");
    }
    let agent = Agent::start(&host, &strangers);
    let with_agent = |host: &Host| ConnectOptions { agent: Some(agent.socket.clone()), ..host.options() };
    connect(&host, &with_agent(&host), &mut NoPrompt).expect("the configured file comes first");
    host.config("");
    let tried = attempts(connect(&host, &with_agent(&host), &mut NoPrompt));
    let refused = tried.iter().filter(|(_, result)| *result == AttemptResult::Refused).count();
    assert_eq!((refused, tried.len()), (5, 7), "{tried:?}");
}

#[test]
fn a_configured_key_in_the_agent_goes_first() {
    for host in by_each(Host::start) {
        let strangers = ["a", "b", "c", "d", "e", "f"];
        for name in strangers {
            keygen(&host.path(""), name, "ed25519", "");
        }
        let agent = Agent::start(&host, &[&strangers[..], &["id"]].concat());
        let options = ConnectOptions { agent: Some(agent.socket.clone()), ..host.options() };
        connect(&host, &options, &mut NoPrompt)
            .expect("id is the seventh in the agent, and the first to be tried");
    }
}

#[test]
fn a_certificate_beside_the_key_is_used() {
    let start = || {
        Host::prepared("TrustedUserCAKeys DIR/authority.pub", |folder| {
            keygen(folder, "authority", "ed25519", "");
        })
    };
    for host in by_each(start) {
        for (name, kind, passphrase) in
            [("plain", "ed25519", ""), ("rsa", "rsa", ""), ("locked", "ed25519", "a secret")]
        {
            keygen(&host.path(""), name, kind, passphrase);
            let mut sign = Command::new("ssh-keygen");
            sign.args(["-q", "-I", "me", "-n", &crate::ssh::host::user(), "-s"]).arg(host.path("authority"));
            run(sign.arg(host.path(&format!("{name}.pub"))));
            use_key(&host, name);
            let result = connect(&host, &host.options(), &mut Answers::new(&["a secret"]));
            result.unwrap_or_else(|error| panic!("{name}: {error}\n{}", host.log()));
        }
    }
}
