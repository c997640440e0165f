use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What `templates/doctor.sh` says of a host; it needs nothing but a POSIX sh there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    pub user: String,
    pub home: String,
    /// The host's clock, in seconds since 1970.
    pub clock: Option<i64>,
    pub locale: String,
    pub system: String,
    /// Name of the first process.
    pub init: String,
    /// Tool → path.
    pub tools: BTreeMap<String, String>,
    pub git: Option<String>,
    /// The interpreter's version, or what it said instead.
    pub python: Option<String>,
    /// How a virtualenv came out: exit status and the last line said.
    pub venv: Option<(i32, String)>,
    /// Where no temporary folder could be made.
    pub no_scratch: Option<String>,
    pub root_exists: bool,
    pub root_writable: bool,
    pub free_kb: Option<u64>,
    pub free_inodes: Option<u64>,
    /// The root, or the nearest folder above it that exists, and all above that.
    pub folders: Vec<Folder>,
    pub listening: Vec<Listening>,
    pub nginx: Option<String>,
    pub running: bool,
    /// nginx's user, and its groups.
    pub account: String,
    pub groups: Vec<String>,
    pub conf: Option<String>,
    /// Whether the site's certificate is there; `None`: only root can see.
    pub certificate: Option<bool>,
    /// Lines of nginx's configuration that name the root: file and text.
    pub site: Vec<(String, String)>,
    /// How the command that tests nginx came out, and what it said.
    pub test: Option<i32>,
    pub tested: Vec<String>,
    /// Whether sudo allows the command that reloads: its status; `None`: it needs no sudo.
    pub reload: Option<i32>,
    /// What sudo allows without a password.
    pub sudoers: Vec<String>,
    /// Whether the script came to its end.
    pub whole: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    pub mode: u32,
    pub user: String,
    pub group: String,
    pub path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listening {
    pub address: IpAddr,
    pub port: u16,
    pub user: u32,
}

impl Reading {
    /// Reads the lines that begin with the nonce; a login shell may print others.
    pub fn parse(text: &str, nonce: &str) -> Reading {
        let mut reading = Reading::default();
        for line in text.lines() {
            let Some(line) = line.strip_prefix(nonce).and_then(|line| line.strip_prefix(' ')) else {
                continue;
            };
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            reading.take(word, rest.trim_end());
        }
        reading
    }

    fn take(&mut self, word: &str, rest: &str) {
        let text = rest.to_owned();
        match word {
            "user" => self.user = text,
            "home" => self.home = text,
            "clock" => self.clock = rest.parse().ok(),
            "locale" => self.locale = text,
            "system" => self.system = text,
            "init" => self.init = text,
            "tool" => {
                if let Some((tool, path)) = rest.split_once(' ') {
                    self.tools.insert(tool.to_owned(), path.to_owned());
                }
            }
            "git" => self.git = Some(rest.trim_start_matches("git version ").to_owned()),
            "python" => self.python = Some(text),
            "venv" => self.venv = status_and_line(rest),
            "scratch" => self.no_scratch = Some(text),
            "root" => self.root_exists = true,
            "writable" => self.root_writable = true,
            "space" => self.free_kb = available(rest),
            "inodes" => self.free_inodes = available(rest),
            "folder" => self.folders.extend(folder(rest)),
            "listen" => self.listening.extend(listening(rest)),
            "nginx" => self.nginx = Some(text),
            "running" => self.running = true,
            "account" => {
                let mut words = rest.split_whitespace().map(str::to_owned);
                self.account = words.next().unwrap_or_default();
                self.groups = words.collect();
            }
            "conf" => self.conf = Some(text),
            "certificate" => self.certificate = Some(rest == "yes"),
            "site" => {
                let mut parts = rest.splitn(3, ':');
                if let (Some(file), Some(_), Some(line)) = (parts.next(), parts.next(), parts.next()) {
                    self.site.push((file.to_owned(), line.trim().to_owned()));
                }
            }
            "test" => self.test = rest.parse().ok(),
            "tested" => self.tested.push(text),
            "reload" => self.reload = rest.parse().ok(),
            "sudoers" => self.sudoers.push(rest.trim().to_owned()),
            "end" => self.whole = true,
            _ => {}
        }
    }

    pub(super) fn has(&self, tool: &str) -> bool {
        self.tools.contains_key(tool)
    }

    /// Whether sudo runs a command, or anything at all (`None`), without a password.
    pub fn may_sudo(&self, command: Option<&str>) -> bool {
        let program = command.and_then(|command| command.split(' ').next());
        self.sudoers.iter().any(|line| {
            let (who, rest) = line.split_once("NOPASSWD:").unwrap_or(("", ""));
            let as_root = who.contains("root") || who.contains("ALL") || !who.contains('(');
            let mut allowed = rest.split(',').map(str::trim);
            as_root
                && allowed
                    .any(|allowed| allowed == "ALL" || Some(allowed) == command || Some(allowed) == program)
        })
    }

    /// Whether nginx's user may go through a folder.
    pub(super) fn lets_nginx_in(&self, folder: &Folder) -> bool {
        let bit = if folder.user == self.account {
            0o100
        } else if self.groups.contains(&folder.group) {
            0o010
        } else {
            0o001
        };
        self.account == "root" || folder.mode & bit != 0
    }
}

fn status_and_line(text: &str) -> Option<(i32, String)> {
    let (status, line) = text.split_once(' ').unwrap_or((text, ""));
    Some((status.parse().ok()?, line.to_owned()))
}

/// The fourth column of `df -P`, counted from the back: a file system's name may hold spaces.
fn available(line: &str) -> Option<u64> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    // Where there is no share there is no bound: a file system may make files as it needs them.
    let percent = fields.iter().rposition(|field| field.ends_with('%'))?;
    fields.get(percent.checked_sub(1)?)?.parse().ok()
}

fn folder(line: &str) -> Option<Folder> {
    let mut parts = line.splitn(4, ' ');
    Some(Folder {
        mode: u32::from_str_radix(parts.next()?, 8).ok()?,
        user: parts.next()?.to_owned(),
        group: parts.next()?.to_owned(),
        path: parts.next()?.to_owned(),
    })
}

/// `0100007F:1F90 1000`: each group of eight digits is a word in the host's order of bytes, taken for little-endian.
fn listening(line: &str) -> Option<Listening> {
    let (place, user) = line.split_once(' ')?;
    let (address, port) = place.split_once(':')?;
    let words: Option<Vec<[u8; 4]>> = (0..address.len() / 8)
        .map(|index| {
            let digits = address.get(index * 8..index * 8 + 8)?;
            Some(u32::from_str_radix(digits, 16).ok()?.to_le_bytes())
        })
        .collect();
    let bytes = words?.concat();
    let address = match <[u8; 16]>::try_from(bytes.as_slice()) {
        Ok(long) => IpAddr::from(Ipv6Addr::from(long)).to_canonical(),
        Err(_) => IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(bytes.as_slice()).ok()?)),
    };
    Some(Listening { address, port: u16::from_str_radix(port, 16).ok()?, user: user.trim().parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_the_kernel_writes_them() {
        let read = |line| listening(line).map(|found| format!("{}:{}", found.address, found.port));
        assert_eq!(read("0100007F:1F90 1000").as_deref(), Some("127.0.0.1:8080"));
        assert_eq!(read("00000000:0050 0").as_deref(), Some("0.0.0.0:80"));
        let loopback = "00000000000000000000000001000000:1F90 0";
        assert_eq!(read(loopback).as_deref(), Some("::1:8080"));
        assert_eq!(read("0000000000000000FFFF00000100007F:1F90 0").as_deref(), Some("127.0.0.1:8080"));
        assert_eq!(read("nonsense 0"), None);
    }

    #[test]
    fn what_sudo_allows_is_read_off_its_list() {
        let reading = |line: &str| Reading { sudoers: vec![line.to_owned()], ..Reading::default() };
        let reload = Some("/usr/sbin/nginx -s reload");
        for (line, command, all) in [
            ("(root) NOPASSWD: /usr/sbin/nginx -t, /usr/sbin/nginx -s reload", true, false),
            ("(root) NOPASSWD: /usr/sbin/nginx", true, false),
            ("(ALL : ALL) NOPASSWD: ALL", true, true),
            ("(root) NOPASSWD: /usr/sbin/nginx -t", false, false),
            ("(backup) NOPASSWD: ALL", false, false),
        ] {
            assert_eq!(reading(line).may_sudo(reload), command, "{line}");
            assert_eq!(reading(line).may_sudo(None), all, "{line}");
        }
    }

    #[test]
    fn free_space_is_found_beside_odd_names() {
        assert_eq!(available("/dev/vda 264212084 29935920 65349968 32% /"), Some(65_349_968));
        assert_eq!(available("a b c 100 40 60 40% /mnt/my disk"), Some(60));
        assert_eq!(available("none - - 0 - /x"), None);
    }
}
