//! The codes of failures: a promise to scripts, which find them in `--json` and in `DEPLOYER_ERROR_CODE`.
//!
//! One table. A test holds that each code of `src` has a row here, and each row a place in `src` that uses it; the chapter
//! `codes` of the guide is made of it.

use super::Site;

/// What a code means.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// As it stands in `--json`: `host.unreachable`.
    pub name: &'static str,
    /// What happened, in a sentence.
    pub means: &'static str,
    /// What may have become of the live site.
    pub site: &'static [Site],
    /// What helps; the failure itself says more.
    pub helps: &'static str,
}

impl Code {
    /// Its line in the guide.
    #[must_use]
    pub fn markdown(&self) -> String {
        let Code { name, means, helps, .. } = self;
        let site: Vec<&str> = self.site.iter().map(|site| site.word()).collect();
        match self.site {
            SAFE => format!("- `{name}`: {means} {helps}"),
            _ => format!("- `{name}`: {means} Site: {}. {helps}", site.join(" or ")),
        }
    }
}

const SAFE: &[Site] = &[Site::Untouched];
/// The connection may also break off while a switch runs, which then finishes on the host by itself.
const CUT_OFF: &[Site] = &[Site::Untouched, Site::Unknown];
/// The links were put back. Whether nginx serves the old release again was proven, or not.
const BACK: &[Site] = &[Site::Restored, Site::Affected];
/// The new release is live and proven.
const SWITCHED: &[Site] = &[Site::Switched];

/// The row of a code.
#[must_use]
pub fn code(name: &str) -> Option<&'static Code> {
    CODES.iter().find(|code| code.name == name)
}

const fn row(name: &'static str, site: &'static [Site], means: &'static str, helps: &'static str) -> Code {
    Code { name, means, site, helps }
}

/// All codes, in the order of their names.
#[rustfmt::skip]
pub const CODES: &[Code] = &[
    row("app.directory", SAFE, "The commit has no folder of the name in `[app] directory`.", "Correct the key, or commit the folder."),
    row("auth.failed", SAFE, "The host accepts none of your keys for this user.", "Each key that was tried is listed with the reason: load it into the agent, or add it to the user's `authorized_keys`."),
    row("build", SAFE, "A command of `[build]` failed on the host.", "Its output says why; the message shows how to try it on the host."),
    row("config", SAFE, "`deployer.toml` is missing or wrong.", "Each mistake is shown with its line; `deployer init` writes a new file."),
    row("config.nul", SAFE, "A value holds a NUL byte, which no argument can carry.", "Take it out of `deployer.toml`."),
    row("door.unhealthy", BACK, "After the switch the health check through the front door failed, so the switch was undone.", "Compare the headers that nginx sets with the probe's, or set `[health] path` to a page for visitors."),
    row("environment", SAFE, "The command names no environment, or one that `deployer.toml` does not have.", "Name one of those that the message lists."),
    row("fleet.differs", SAFE, "A host of the fleet holds another release than the one that the others go to.", "Deploy one commit to all of them."),
    row("fleet.held_back", SAFE, "The host stopped where it was, since another of its fleet failed.", "Run the command again once that host is well."),
    row("fleet.recalled", BACK, "The release was proven on this host, but not on every host of its fleet: it was taken back.", "`deployer status` shows all hosts; run the command again."),
    row("fleet.verb", SAFE, "The command works on one host, and the environment has several.", "Name one with `--host`."),
    row("frozen", SAFE, "A person asked for a pause with `lock`.", "When the pause is over: `deployer prod unlock`."),
    row("history.lost", SAFE, "The commit lacks commits that live or next holds.", "Fetch and merge first, or `--force`."),
    row("hook.release", SAFE, "The release command failed; the new release was not started.", "Its output says why. What it changed in a database stays changed."),
    row("hook.smoke", SAFE, "The smoke test failed; next was stopped.", "Its output says why."),
    row("host.command_too_long", SAFE, "A command is too long for the SSH connection.", "Shorten the arguments, or pass them on standard input."),
    row("host.dead", CUT_OFF, "The host has not answered for a minute.", "Check the network and the host; then `deployer status`."),
    row("host.endless", CUT_OFF, "The host sends without end.", "Look at what the user's start-up files and `ForceCommand` print there."),
    row("host.exec_refused", CUT_OFF, "sshd does not start the command.", "Check the user's shell, and `ForceCommand` and `MaxSessions` in `sshd_config`."),
    row("host.jump_refused", SAFE, "A jump host does not pass the connection on.", "Check the name and port as seen from there, and its `AllowTcpForwarding`."),
    row("host.key_exchange", SAFE, "deployer and the host's sshd share no algorithm.", "Update the host's sshd."),
    row("host.lost", CUT_OFF, "The connection broke off.", "Check the network and the host, then run the command again: it goes on from there."),
    row("host.name", SAFE, "The host's name cannot be resolved.", "Check the spelling, or give it a `HostName` in `~/.ssh/config`."),
    row("host.not_ssh", SAFE, "What answers at the port is no SSH server.", "Check the port."),
    row("host.python", SAFE, "The host has no such Python interpreter.", "Install `python3-venv`, or give an absolute path in `[python] interpreter`."),
    row("host.refused", SAFE, "The host refuses connections at the port.", "Check that sshd runs there and listens at that port."),
    row("host.repository", SAFE, "git cannot read a slot's repository on the host.", "The folder must belong to the deploy user."),
    row("host.root", SAFE, "The deploy user may not write below `root`, or the disk is full.", "The message has the command for root, or says how to make room."),
    row("host.shell", CUT_OFF, "The host does not run what deployer sends.", "It needs a POSIX sh and Python for a login without a terminal."),
    row("host.silent", SAFE, "The host did not report its state in time.", "Its output, where there is any, says why."),
    row("host.systemd", SAFE, "`supervisor = \"systemd\"` is set, and systemd would not run the release.", "The message has the command for root; or set `supervisor = \"auto\"`."),
    row("host.timeout", CUT_OFF, "The host did not answer in time.", "Check that it is up and that no firewall is in between."),
    row("host.tool", SAFE, "The host lacks a tool such as git, setsid or uv.", "The message has the command that installs it."),
    row("host.unreachable", SAFE, "The host cannot be reached at the port.", "Check that it is up and that no firewall is in between."),
    row("host_key.certificate_authority", SAFE, "The host is known only by a certificate authority, which libssh2 cannot check.", "Install OpenSSH's client, and take `ssh = \"libssh2\"` out; or compare the fingerprint, then add the key to `known_hosts`."),
    row("host_key.changed", SAFE, "The host shows another key than `known_hosts` has for it.", "Do not go on, unless you know that the host was reinstalled."),
    row("host_key.revoked", SAFE, "The host's key is revoked.", "Give the host a new key."),
    row("host_key.too_short", SAFE, "The host's key is shorter than `RequiredRSASize` asks for.", "Give the host an ed25519 key."),
    row("host_key.unknown", SAFE, "No `known_hosts` file has the host's key.", "Compare the fingerprint, then add the key; the message has both commands."),
    row("init", SAFE, "The answers do not make a valid configuration.", "The message says which one."),
    row("init.exists", SAFE, "There is a `deployer.toml` already.", "Change it by hand: `init` never overwrites a file."),
    row("init.missing", SAFE, "`init` lacks an answer, and there is no terminal to ask on.", "Give the options that the message names."),
    row("init.write", SAFE, "`deployer.toml` could not be written.", "The message says why."),
    row("interrupted", CUT_OFF, "Ctrl-C.", "Run the same command again: it mends what was left half done."),
    row("links.live", SAFE, "The `live` link does not lead to a slot, and nginx cannot tell which one is live either.", "The message has the command that sets the link."),
    row("lock.write", SAFE, "The pause could not be written on the host.", "Look at the rights and the free space below `root`."),
    row("locked", SAFE, "Another command holds the environment's lock.", "Wait for it with `--wait`; end one that hangs with `deployer prod unlock --force`."),
    row("logs.denied", SAFE, "The deploy user may not read the log.", "The message names the group that may."),
    row("logs.failed", SAFE, "The log could not be read.", "The message says why."),
    row("logs.missing", SAFE, "There is no such log on the host.", "Check the name; for nginx's log set `[nginx] error_log`."),
    row("migrations.unknown", SAFE, "Django's migrations could not be read; nothing was migrated.", "Its output says why; or `--accept-migrations`."),
    row("migrations.unsafe", SAFE, "A pending migration would break the release that is live; nothing was migrated.", "Make two releases of it, or `--accept-migrations`: see `deployer help django`."),
    row("next.empty", SAFE, "Next holds no proven release.", "`deployer prod deploy`"),
    row("next.stopped", SAFE, "The release in next does not run.", "`deployer prod deploy`, or `rollback`, which starts it."),
    row("next.unhealthy", SAFE, "The release in next fails its health check.", "Look at its log: `deployer prod logs --slot next`."),
    row("nginx.reload", SAFE, "`setup` could not reload nginx with the new site; everything is as it was.", "nginx's words say why."),
    row("nginx.test", SAFE, "nginx refuses its configuration; nothing was switched.", "nginx's words name the file, which may be another site's."),
    row("open.port", SAFE, "The port for `open` is taken on this machine.", "Name another one with `--port`."),
    row("open.refused", SAFE, "Nothing listens at the slot's port, or sshd forbids tunnels.", "`deployer status`; `AllowTcpForwarding` in `sshd_config`."),
    row("output", SAFE, "Standard output could not be written.", "The message says why."),
    row("port.taken", SAFE, "The slot's port is held by a process that is not the slot's own, so it was left alone.", "Stop that process, or change `ports`."),
    row("process.died", SAFE, "One of `[processes]` did not live for its `settle` time; nothing was switched.", "Its log says why."),
    row("process.handover", SWITCHED, "The new release is live and proven, but not all of `[processes]` were handed over.", "Complete it with `deployer prod cutover`, or go back with `rollback`."),
    row("rehearsal.host", SAFE, "The throwaway host of a rehearsal could not be started.", "The message says what is missing on this machine."),
    row("rehearsal.lost", SAFE, "Requests were lost in the rehearsal.", "The failed answers are listed."),
    row("release.died", SAFE, "The web server ended while it started.", "Its log is shown."),
    row("release.unhealthy", SAFE, "The new release did not become healthy in `[health] start_timeout`.", "The message has the last answer, and the server's log."),
    row("reload.not_applied", BACK, "nginx accepted the reload but went on serving the old release, so the switch was undone.", "nginx's error log says why: `deployer prod logs nginx`."),
    row("reload.refused", BACK, "nginx could not be reloaded, so the switch was undone.", "The message has nginx's words, and the sudoers line where one is missing."),
    row("report", SAFE, "The file that `--report` names cannot be written.", "Correct the path."),
    row("repository", SAFE, "The local repository or the commit cannot be used: unknown, shallow, with missing objects or Git LFS pointers.", "The message has the git command that mends it."),
    row("requirements", SAFE, "The commit has no such requirements file, or it cannot be read.", "Correct `[python] requirements`, or commit the file."),
    row("requirements.gunicorn", SAFE, "The requirements do not bring gunicorn.", "Add it, or set `[gunicorn] install`."),
    row("rollback.migrated", SAFE, "The release is older than migrations that were accepted.", "Go forward; or `--force` where it does without what they removed."),
    row("rollback.nothing", SAFE, "There is no earlier release to go back to.", "`deployer prod history` shows what was live."),
    row("rollback.unknown", SAFE, "The commit is not in the history.", "`deployer prod history` shows what was live."),
    row("secrets.missing", SAFE, "Secrets have no value.", "The message lists them; `[secrets]` says where each comes from."),
    row("seed", SAFE, "The commit's objects did not get into the slot's repository.", "git's output says why."),
    row("seed.other", SAFE, "The host could not copy objects from the other slot's repository.", "The message has the command that puts that repository aside."),
    row("served.astray", SAFE, "nginx looks for a socket that live does not have.", "`deployer prod cutover`"),
    row("served.differs", SAFE, "nginx serves the slot that the links call next.", "`deployer prod cutover` finishes the switch."),
    row("setup.ask", SAFE, "`setup` needs a yes, and there is no terminal to ask on.", "`deployer prod setup --yes`"),
    row("setup.foreign", SAFE, "The site's file was not written by deployer, and stays as it is.", "Include live there by hand: see `deployer help site`; or name another file in `[nginx] site`."),
    row("setup.no", SAFE, "You did not say yes; nothing was written.", "`deployer prod setup`"),
    row("setup.rights", SAFE, "The deploy user may not write nginx's site.", "The message has the command for root."),
    row("setup.write", SAFE, "nginx's site could not be written; everything is as it was.", "The output says why."),
    row("shared.tracked", SAFE, "The commit has files in a folder of `[shared]`.", "Take them out of the repository, or name another folder."),
    row("slot.empty", SAFE, "The slot holds no release that can be used.", "`deployer prod deploy`, or name another slot."),
    row("slot.none", SAFE, "There are no slots on the host yet.", "`deployer prod deploy`"),
    row("slot.stop", SAFE, "What runs in next could not be stopped.", "End that process by hand, or give the slot another port."),
    row("ssh.unusable", SAFE, "Your own `ssh` is asked for, and cannot be run here.", "Install OpenSSH's client, or take `ssh = \"openssh\"` out."),
    row("ssh_config", SAFE, "The file that `-F` names is not there.", "Correct the path."),
    row("ssh_config.algorithms", SAFE, "ssh_config leaves no algorithm that deployer can use.", "The message lists those that could stand there."),
    row("ssh_config.circle", SAFE, "The jumps of `ProxyJump` go in a circle, or are too many.", "Mend `ProxyJump`."),
    row("ssh_config.unreadable", SAFE, "ssh_config cannot be read.", "The message has the file and why."),
    row("ssh_config.unsupported", SAFE, "ssh_config asks for `ProxyCommand`, which libssh2 cannot follow.", "Install OpenSSH's client, and take `ssh = \"libssh2\"` out; or use `ProxyJump`."),
    row("static", SAFE, "`[static] collect` failed.", "Its output says why."),
    row("step", SAFE, "A step of the plan failed.", "Its output says why."),
    row("submodule", SAFE, "git does not check out a submodule.", "Mend `.gitmodules`; try it in a fresh clone."),
    row("switch.unknown", &[Site::Unknown], "It is not known how a switch ended.", "`deployer status`"),
    row("switch.unrecorded", SWITCHED, "The new release is live and proven, but the host could not write that down.", "Mend that, then `deployer prod cutover`."),
    row("switch.unwritable", SAFE, "The switch could not be written to the disk; nothing was switched.", "Make room or mend the rights, then `deployer prod cutover`."),
    row("unexpected", SAFE, "An error that deployer has no name for.", "The message says more; `-v` shows every command."),
    row("usage", SAFE, "The options do not go together, or name what is not there.", "`deployer help` and the command's name."),
    row("virtualenv", SAFE, "The virtualenv could not be built.", "The output of pip or uv is shown with the reason, where it is known."),
    row("watch.rolled_back", BACK, "The new release did not hold under `--watch`, and was rolled back.", "It still runs in next: look at its log."),
    row("worktree.dirty", SAFE, "The work tree has changes that no commit holds.", "Commit them, or `--allow-dirty`."),
];
