//! The hooks that run on this machine: `after_cutover` and `on_failure`. Whatever becomes of them, the command's own
//! result stands.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::Context;
use crate::model::Color;
use crate::plan::{Event, Failure, HostTold, Observer, World};
use crate::ssh::Interrupt;

/// How often the end and the interrupt are looked at while a hook prints nothing.
const TICK: Duration = Duration::from_millis(50);

/// How long what a hook left running may hold its output open.
const LINGER: Duration = Duration::from_millis(500);

/// Runs a command and then the hook that goes with its end. The last line, the state of the world, waits for it.
pub(super) fn announced(
    context: &mut Context,
    verb: &str,
    command: impl FnOnce(&mut Context) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let hooks = &context.environment.hooks;
    if context.dry_run || hooks.after_cutover.is_empty() && hooks.on_failure.is_empty() {
        return command(context);
    }
    let mut heard = Heard { observer: &mut *context.observer, told: Told::default() };
    let result = command(&mut Context { observer: &mut heard, prompt: &mut *context.prompt, ..*context });
    let told = heard.told;
    let variables = variables(context, verb, &told, result.as_ref().err());
    match &result {
        Err(_) => run_all(context, "on_failure", &hooks.on_failure, &variables),
        Ok(()) if told.switches => run_all(context, "after_cutover", &hooks.after_cutover, &variables),
        Ok(()) => {}
    }
    if let Some(world) = told.world {
        context.emit(Event::World(world));
    }
    result
}

/// Passes every event on but the last one, and keeps what the hooks are told.
struct Heard<'a> {
    observer: &'a mut dyn Observer,
    told: Told,
}

#[derive(Default)]
struct Told {
    commit: Option<(String, String)>,
    slot: Option<Color>,
    /// Whether the last thing that was set about is a switch.
    switches: bool,
    world: Option<World>,
}

impl Observer for Heard<'_> {
    fn event(&mut self, event: Event) {
        match event {
            Event::World(world) => {
                self.told.world = Some(world);
                return;
            }
            Event::Intent { switches, ref commit, slot, .. } => {
                self.told.commit = commit.clone().map(|commit| (commit.id, commit.subject));
                self.told.slot = slot;
                self.told.switches = switches;
            }
            _ => {}
        }
        self.observer.event(event);
    }

    fn of_host(&mut self, host: &str, told: HostTold) {
        self.observer.of_host(host, told);
    }
}

type Variables = Vec<(&'static str, String)>;

fn variables(context: &Context, verb: &str, told: &Told, failure: Option<&Failure>) -> Variables {
    let environment = context.environment;
    let mut all: Variables = vec![
        ("DEPLOYER_VERB", verb.to_string()),
        ("DEPLOYER_ENVIRONMENT", environment.name.clone()),
        ("DEPLOYER_APP", environment.app.name.clone()),
        ("DEPLOYER_HOST", environment.target.host.clone()),
        ("DEPLOYER_URL", environment.url.to_string()),
        ("DEPLOYER_BY", context.by.to_string()),
    ];
    if let Some((commit, subject)) = &told.commit {
        all.push(("DEPLOYER_COMMIT", commit.clone()));
        all.push(("DEPLOYER_COMMIT_SHORT", crate::model::short(commit).to_string()));
        all.push(("DEPLOYER_SUBJECT", subject.clone()));
    }
    if let Some(slot) = told.slot {
        all.push(("DEPLOYER_FROM", slot.other().to_string()));
        all.push(("DEPLOYER_TO", slot.to_string()));
    }
    // After a switch, next is what was live before.
    let previous = told.world.as_ref().and_then(|world| world.next.as_ref()).filter(|_| told.switches);
    if let Some(commit) = previous.and_then(|slot| slot.commit.as_ref()) {
        all.push(("DEPLOYER_PREVIOUS", commit.id.clone()));
    }
    if let Some(failure) = failure {
        all.push(("DEPLOYER_ERROR", failure.to_string()));
        all.push(("DEPLOYER_ERROR_CODE", failure.code.to_string()));
        all.push(("DEPLOYER_EXIT", (failure.exit as u8).to_string()));
        all.push(("DEPLOYER_SITE", failure.site.word().to_string()));
    }
    for (_, value) in &mut all {
        // What is said here goes on to a chat, say.
        context.vault.concealed.redact(value);
        // A variable ends at a NUL; a commit's subject may hold one.
        value.retain(|letter| letter != '\0');
    }
    all
}

fn run_all(context: &mut Context, key: &str, lines: &[String], variables: &Variables) {
    for (index, line) in lines.iter().enumerate() {
        let (number, total, began) = (index + 1, lines.len(), Instant::now());
        let title = format!("run {key} here");
        context.emit(Event::StepStarted { number, total, title: title.clone() });
        context.emit(Event::Command { line: line.clone() });
        let bound = context.environment.hooks.timeout;
        let interrupt = context.interrupt;
        let observer = &mut *context.observer;
        let ended = run(line, variables, bound, interrupt, &mut |line| {
            observer.event(Event::Output { line });
        });
        let took = began.elapsed();
        context.emit(match ended {
            Ok(()) => Event::StepFinished { number, total, title, took, note: None },
            Err(_) => Event::StepFailed { number, total, title, took },
        });
        if let Err(why) = ended {
            let message = format!("[hooks] {key} failed ({why}), which changes nothing else: {line}");
            context.emit(Event::Warning { message });
        }
    }
}

/// Runs one line to its end, or until its time is over or somebody presses Ctrl-C.
fn run(
    line: &str,
    variables: &Variables,
    bound: Duration,
    interrupt: &Interrupt,
    say: &mut dyn FnMut(String),
) -> Result<(), String> {
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(line)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own, to be ended with all that it started.
        .process_group(0)
        .spawn()
        .map_err(|error| format!("sh: {error}"))?;
    let (sender, receiver) = channel();
    read(child.stdout.take(), sender.clone());
    read(child.stderr.take(), sender);
    let (began, presses) = (Instant::now(), interrupt.count());
    let status = loop {
        let is_open = hear(&receiver, TICK, say);
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            break status;
        }
        if interrupt.count() > presses {
            end(&mut child);
            return Err("interrupted".to_string());
        }
        if began.elapsed() > bound {
            end(&mut child);
            return Err(format!("it took longer than {} s", bound.as_secs()));
        }
        if !is_open {
            std::thread::sleep(TICK);
        }
    };
    let ended = Instant::now();
    while ended.elapsed() < LINGER && hear(&receiver, TICK, say) {}
    told(status)
}

fn told(status: ExitStatus) -> Result<(), String> {
    match status.code() {
        Some(0) => Ok(()),
        Some(code) => Err(format!("exit {code}")),
        None => Err("a signal".to_string()),
    }
}

/// Hands on what is printed within a while; false once there is nothing more to come.
fn hear(receiver: &Receiver<String>, wait: Duration, say: &mut dyn FnMut(String)) -> bool {
    // Counted from now and not from each line: the caller must come to look at its bound whatever is printed.
    let end = Instant::now() + wait;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match receiver.recv_timeout(left) {
            Ok(line) => say(line),
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        if left.is_zero() {
            return true;
        }
    }
}

/// The reader outlives the hook where something that it started holds its output open.
fn read(stream: Option<impl Read + Send + 'static>, sender: Sender<String>) {
    let Some(stream) = stream else { return };
    std::thread::spawn(move || {
        let mut lines = BufReader::new(stream);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_string();
            if sender.send(text).is_err() {
                return;
            }
            line.clear();
        }
    });
}

fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_never_stops_talking_is_ended_all_the_same() {
        let (ended, end) = channel();
        std::thread::spawn(move || {
            let interrupt = Interrupt::never();
            let bound = Duration::from_millis(200);
            let mut lines = 0_usize;
            let result = run("yes", &Vec::new(), bound, &interrupt, &mut |_| lines += 1);
            ended.send((result, lines))
        });
        let (result, lines) = end.recv_timeout(Duration::from_secs(20)).expect("it comes to an end");
        assert_eq!(result, Err("it took longer than 0 s".to_string()));
        assert!(lines > 0);
    }
}
