use super::*;

struct Home(tempfile::TempDir);

impl Home {
    /// A home whose `.ssh/config` is `config`.
    fn new(config: &str) -> Home {
        let home = Home(tempfile::tempdir().unwrap());
        home.file("config", config);
        home
    }

    fn file(&self, name: &str, text: &str) {
        let file = self.0.path().join(".ssh").join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn options(&self) -> ConnectOptions {
        ConnectOptions {
            home: Some(self.0.path().into()),
            local_user: "me".into(),
            config_files: vec![self.0.path().join(".ssh/config"), self.0.path().join("system")],
            agent: Some("/run/agent".into()),
            ..ConnectOptions::default()
        }
    }

    fn resolve(&self, host: &str) -> Result<HostConfig, ConnectError> {
        resolve(&target(host), &self.options())
    }

    fn get(&self, host: &str) -> HostConfig {
        self.resolve(host).unwrap_or_else(|error| panic!("{error}"))
    }
}

fn target(host: &str) -> Target {
    Target { host: host.into(), port: None, user: None }
}

fn summary(config: &HostConfig) -> String {
    format!("{}@{}:{}", config.user, config.host, config.port)
}

#[test]
fn without_a_file_ssh_s_defaults_hold() {
    let home = Home::new("");
    fs::remove_file(home.0.path().join(".ssh/config")).unwrap();
    let config = home.get("web");
    assert_eq!(summary(&config), "me@web:22");
    assert_eq!((config.identity_files, config.agent), (None, Some("/run/agent".into())));
    assert_eq!(
        config.known_hosts,
        ["known_hosts", "known_hosts2"].map(|name| home.0.path().join(".ssh").join(name))
    );
}

#[test]
fn the_first_value_wins_and_the_target_s_own_before_it() {
    let home =
        Home::new("Port 1\nHost web\n Port 2\n User first\nHost *\n User last\n HostName %h.example.com\n");
    assert_eq!(summary(&home.get("web")), "first@web.example.com:1");
    assert_eq!(summary(&home.get("db")), "last@db.example.com:1");
    let own = Target { port: Some(9), user: Some("own".into()), ..target("web") };
    assert_eq!(summary(&resolve(&own, &home.options()).unwrap()), "own@web.example.com:9");
}

#[test]
fn the_machine_s_file_comes_after_the_user_s() {
    let home = Home::new("Host web\n User mine\n");
    fs::write(home.0.path().join("system"), "User theirs\nPort 7\n").unwrap();
    assert_eq!(summary(&home.get("web")), "mine@web:7");
}

#[test]
fn host_patterns_and_their_negation() {
    let home = Home::new("Host *.example.com !db.example.com web?\n User found\n");
    for (host, user) in [
        ("a.example.com", "found"),
        ("db.example.com", "me"),
        ("web1", "found"),
        ("web", "me"),
        ("example.com", "me"),
    ] {
        assert_eq!(home.get(host).user, user, "{host}");
    }
}

/// What stands in a Match block belongs to whom it names and to nobody else.
#[test]
fn match_blocks_never_reach_the_wrong_host() {
    for (criteria, applies, warns) in [
        ("all", true, false),
        ("host web", true, false),
        ("host real.example.com", false, false),
        ("originalhost web,db", true, false),
        ("originalhost *,!web", false, false),
        ("!originalhost web", false, false),
        ("!originalhost db", true, false),
        ("originalhost web user nobody", false, false),
        ("localuser me", true, false),
        ("exec \"true\"", false, true),
        ("canonical", false, true),
        ("final all", false, true),
        ("host web exec true", false, true),
        ("host db exec true", false, false),
        ("host", false, true),
        ("", false, false),
        ("nonsense web", false, true),
        ("tagged web", false, true),
    ] {
        let home = Home::new(&format!(
            "Host web\n Port 2222\nMatch {criteria}\n User wrong\n Port 9999\nHost db\n Port 3\n"
        ));
        let config = home.get("web");
        assert_eq!(
            summary(&config),
            format!("{}@web:2222", if applies { "wrong" } else { "me" }),
            "{criteria}"
        );
        assert_eq!(config.warnings.len(), usize::from(warns), "{criteria}: {:?}", config.warnings);
    }
}

#[test]
fn match_host_looks_at_the_real_name() {
    let home = Home::new("Host web\n HostName real.example.com\nMatch host real.*\n User found\n");
    assert_eq!(home.get("web").user, "found");
}

#[test]
fn included_files_by_pattern_each_with_its_own_blocks() {
    let home =
        Home::new("Include conf.d/*.conf ~/.ssh/absent\nHost web\n Include only-web\nHost *\n Port 5\n");
    home.file("conf.d/a.conf", "Host db\n User a\n");
    home.file("conf.d/b.conf", "User b\nHost db\n Port 1\n");
    home.file("conf.d/c.txt", "User c\n");
    home.file("only-web", "Port 4\n");
    assert_eq!(summary(&home.get("web")), "b@web:4");
    assert_eq!(summary(&home.get("db")), "a@db:1");
    assert_eq!(summary(&home.get("x")), "b@x:5");
}

#[test]
fn a_file_that_includes_itself_is_an_error_and_no_endless_loop() {
    let home = Home::new("Include config\n");
    assert_eq!(home.resolve("web").unwrap_err().code(), "ssh_config.unreadable");
}

#[test]
fn identity_files_add_up_with_their_tokens() {
    let home = Home::new(
        "IdentityFile ~/.ssh/%h-%r\nIdentityFile \"%d/a key\"\nIdentityFile /k/%u%%%p%n\nHostName real\nUser you\n\
         IdentitiesOnly yes\nIdentityAgent ~/agent\n",
    );
    let config = home.get("web");
    let folder = home.0.path();
    let expected = [folder.join(".ssh/real-you"), folder.join("a key"), "/k/me%22web".into()];
    assert_eq!(config.identity_files.as_deref(), Some(&expected[..]));
    assert!(config.identities_only);
    assert_eq!(config.agent, Some(folder.join("agent")));
}

#[test]
fn none_means_none() {
    let home = Home::new(
        "IdentityFile none\nIdentityAgent none\nUserKnownHostsFile none\nProxyCommand none\nProxyJump x\n",
    );
    let config = home.get("web");
    assert_eq!((config.identity_files, config.agent), (Some(Vec::new()), None));
    assert!(config.known_hosts.is_empty() && config.jumps.is_empty());
}

#[test]
fn known_hosts_files_from_the_file_and_the_override() {
    let home = Home::new("UserKnownHostsFile ~/one /two\nHostKeyAlias Alias\n");
    let config = home.get("web");
    assert_eq!(config.known_hosts, [home.0.path().join("one"), "/two".into()]);
    assert_eq!(config.host_key_alias.as_deref(), Some("Alias"));
    let only = ConnectOptions { known_hosts: Some("/ci".into()), ..home.options() };
    assert_eq!(resolve(&target("web"), &only).unwrap().known_hosts, [PathBuf::from("/ci")]);
}

#[test]
fn jumps_as_people_write_them() {
    let jump =
        |host: &str, port, user: Option<&str>| Target { host: host.into(), port, user: user.map(Into::into) };
    for (written, expected) in [
        ("gate", vec![jump("gate", None, None)]),
        ("me@gate:22", vec![jump("gate", Some(22), Some("me"))]),
        ("a,b@x:5", vec![jump("a", None, None), jump("x", Some(5), Some("b"))]),
        ("a, b", vec![jump("a", None, None), jump("b", None, None)]),
        ("ssh://u@gate:7/", vec![jump("gate", Some(7), Some("u"))]),
        ("u@[::1]:7", vec![jump("::1", Some(7), Some("u"))]),
        ("::1", vec![jump("::1", None, None)]),
        ("none", vec![]),
    ] {
        assert_eq!(Home::new(&format!("ProxyJump {written}\n")).get("web").jumps, expected, "{written}");
    }
    for wrong in ["gate:x", "a,,b", "u@", "[::1", "gate:0", "gate:99999"] {
        let error = Home::new(&format!("ProxyJump {wrong}\n")).resolve("web").unwrap_err();
        assert_eq!(error.code(), "ssh_config.unreadable", "{wrong}");
    }
}

#[test]
fn of_jump_and_command_the_first_wins() {
    let command = Home::new("ProxyCommand nc %h %p\nProxyJump gate\n");
    let place = format!("{} line 1", command.0.path().join(".ssh/config").display());
    assert_eq!(command.get("web").beyond_libssh2, Some(("ProxyCommand", place)));
    assert_eq!(Home::new("ProxyJump gate\nProxyCommand nc %h %p\n").get("web").jumps.len(), 1);
    assert_eq!(Home::new("Host db\n ProxyCommand nc %h %p\n").get("web").jumps.len(), 0);
}

#[test]
fn odd_lines() {
    let home = Home::new(
        "\u{feff}\r\n  # comment\r\nPORT=5\r\nUser = you\r\nHostName \"a b\"\r\nIdentityFile\r\nUnknown x\r\n",
    );
    let config = home.get("web");
    assert_eq!(summary(&config), "you@a b:5");
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    for wrong in ["Port x\n", "Port 0\n", "Port 70000\n", "User \"you\n"] {
        assert!(Home::new(wrong).resolve("web").is_err(), "{wrong}");
    }
}

#[test]
fn includes_that_multiply_are_refused_and_many_files_are_not() {
    let home = Home::new("Include layer0\n");
    for layer in 0..12 {
        home.file(&format!("layer{layer}"), &format!("Include layer{}\n", layer + 1).repeat(10));
    }
    let began = std::time::Instant::now();
    let error = home.resolve("web").unwrap_err().to_string();
    assert!(error.contains("more than 10000 files are included"), "{error}");
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());

    let home = Home::new("Include many/*\n");
    for number in 0..1000 {
        home.file(&format!("many/{number}"), &format!("Host h{number}\n Port {}\n", number + 1));
    }
    assert_eq!(home.get("h500").port, 501);
}

/// A FIDO token's public key, which lies beside what stands for its private half.
const FIDO: &str = "sk-ssh-ed25519@openssh.com \
                    AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAAAABHNzaDo= me";

#[test]
fn what_only_openssh_can_do_is_found() {
    for (text, expected) in [
        ("ProxyCommand nc %h %p\n", "ProxyCommand"),
        ("ProxyCommand none\n", ""),
        ("Host db\n ProxyCommand nc %h %p\n", ""),
        ("ProxyJump gate\nProxyCommand nc %h %p\n", ""),
        ("CertificateFile ~/.ssh/mine.pub\n", "CertificateFile"),
        ("PKCS11Provider /usr/lib/opensc.so\n", "PKCS11Provider"),
        ("KnownHostsCommand /usr/bin/keys %H\n", "KnownHostsCommand"),
        ("GSSAPIAuthentication yes\n", "GSSAPIAuthentication"),
        ("GSSAPIAuthentication no\n", ""),
        ("Match host web exec true\n Port 1\n", "Match exec"),
        ("Match host db exec true\n Port 1\n", ""),
        ("Match final\n Port 1\n", ""),
        ("IdentityFile ~/.ssh/token\n", "a FIDO key"),
        ("IdentityFile ~/.ssh/plain\n", ""),
    ] {
        let home = Home::new(text);
        home.file("token", "what the token needs");
        home.file("token.pub", FIDO);
        let found = home.get("web").beyond_libssh2;
        assert_eq!(found.map_or("", |(what, _)| what), expected, "{text}");
    }
    // A distribution's default says nothing about the host.
    let home = Home::new("");
    fs::write(home.0.path().join("system"), "Host *\n GSSAPIAuthentication yes\n").unwrap();
    assert_eq!(home.get("web").beyond_libssh2, None);
    // The default names, where there is no plain key of such a name.
    home.file("id_ed25519_sk", "what the token needs");
    home.file("id_ed25519_sk.pub", FIDO);
    assert_eq!(home.get("web").beyond_libssh2.map(|(what, _)| what), Some("a FIDO key"));
    home.file("id_rsa", "a plain key");
    assert_eq!(home.get("web").beyond_libssh2, None);
}
