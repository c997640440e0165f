//! The right to test and to reload nginx, and nothing else: one file for sudo.

use crate::config::Nginx;
use crate::model::login;
use crate::shell::display;

/// The command by which root gives a user the right to those of nginx's commands that go through sudo. A file that would lock
/// everybody out of sudo is never put in place. `None` where the host gives no user's name.
pub fn rights(nginx: &Nginx, user: &str) -> Option<String> {
    let user = login(user)?;
    // sudo passes over files with a dot in their names.
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "_-".contains(c) { c } else { '_' }
    };
    let name: String = user.chars().map(plain).collect();
    let file = format!("/etc/sudoers.d/deployer-{name}");
    let new = format!("{file}.new");
    // Capital letters alone would be an alias.
    let who = if user.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c)) {
        user.to_owned()
    } else {
        format!("\"{user}\"")
    };
    let rules: Vec<String> = [&nginx.test, &nginx.reload]
        .into_iter()
        .filter_map(|command| {
            let plain = without_sudo(command);
            let words: Vec<String> = plain.iter().map(|word| escape(word)).collect();
            (plain.len() < command.len()).then(|| format!("{who} ALL=(root) NOPASSWD: {}", words.join(" ")))
        })
        .collect();
    let words = |words: &[&str]| display(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
    Some(format!(
        "printf '%s\\n' {} > {new} && {} && {} && {}",
        display(&rules),
        words(&["visudo", "-cf", &new]),
        words(&["chmod", "440", &new]),
        words(&["mv", &new, &file]),
    ))
}

/// A command without the sudo before it.
pub fn without_sudo(words: &[String]) -> &[String] {
    let through = words.first().is_some_and(|word| word.rsplit('/').next() == Some("sudo"));
    let options = words.iter().skip(1).take_while(|word| word.starts_with('-')).count();
    if through { &words[1 + options..] } else { words }
}

/// A word as sudoers reads it back whole.
fn escape(word: &str) -> String {
    let mut escaped = String::new();
    for letter in word.chars() {
        if matches!(letter, ',' | ':' | '=' | '\\' | ' ' | '#' | '*' | '?' | '[' | ']' | '!' | '^') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_root_names_a_user_and_nothing_else() {
        let text = "[gunicorn]\napp = \"app:app\"\n[nginx]\nreload = [\"/usr/bin/sudo\", \"-n\", \"/opt/my nginx\", \"-g\", \"pid /a,b;\"]\n\
                    [environments.prod]\nhost = \"a\"\nroot = \"/a\"\nports = { blue = 1, green = 2 }\nurl = \"http://a\"\n";
        let config = crate::config::Config::parse(text, std::path::Path::new("deployer.toml")).unwrap();
        let nginx = &config.environments()[0].nginx;
        insta::assert_snapshot!(rights(nginx, "deploy").unwrap(), @r#"printf '%s\n' 'deploy ALL=(root) NOPASSWD: /usr/sbin/nginx -t' "deploy ALL=(root) NOPASSWD: /opt/my\\ nginx -g pid\\ /a\\,b;" > /etc/sudoers.d/deployer-deploy.new && visudo -cf /etc/sudoers.d/deployer-deploy.new && chmod 440 /etc/sudoers.d/deployer-deploy.new && mv /etc/sudoers.d/deployer-deploy.new /etc/sudoers.d/deployer-deploy"#);
        let odd = rights(nginx, "Ann.B@corp").unwrap();
        assert!(
            odd.contains("\"Ann.B@corp\" ALL=") && odd.contains("/etc/sudoers.d/deployer-Ann_B_corp.new"),
            "{odd}"
        );
        for user in ["", "ann; reboot", "$(reboot)", "%admin", "ALL"] {
            assert_eq!(rights(nginx, user), None);
        }
    }

    #[test]
    fn only_sudo_itself_is_taken_away() {
        let plain = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_string).collect();
            without_sudo(&words).join(" ")
        };
        assert_eq!(plain("sudo -n /usr/sbin/nginx -t"), "/usr/sbin/nginx -t");
        assert_eq!(plain("/usr/bin/sudo nginx"), "nginx");
        assert_eq!(plain("/opt/mysudo -n nginx"), "/opt/mysudo -n nginx");
        assert_eq!(plain("systemctl reload nginx"), "systemctl reload nginx");
    }
}
