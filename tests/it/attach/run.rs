//! `run`: any command in a slot's environment.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::attach::pty::Terminal;
use crate::support::{Ran, Site, ran, row};

const SUITE: &str = "run and logs";
/// Who connects.
const BOTH: [&str; 2] = ["libssh2", "openssh"];

fn live() -> Site {
    let mut site = Site::new();
    site.extra = "[env]\nGREETING = \"it's $HOME\"\n".to_string();
    site.configure();
    site.commit("a greeting");
    site.go_live();
    site
}

fn fed(site: &Site, arguments: &[&str], input: &[u8]) -> std::process::Output {
    let mut child = site.command(arguments).stdin(Stdio::piped()).spawn().expect("the binary starts");
    let mut to = child.stdin.take().expect("its input");
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || {
        // It may end without reading all of it.
        let _ = to.write_all(&input);
    });
    let output = child.wait_with_output().expect("the binary runs");
    feeder.join().expect("the feeder ends");
    output
}

#[test]
fn without_a_terminal_it_is_a_pipe_to_the_slot() {
    let mut site = live();
    for client in BOTH {
        site.by(client);
        let run = |words: &[&str]| -> Ran { site.deployer(&[&["prod", "run", "--"], words].concat()) };

        let ran_ = run(&[
            "python",
            "-c",
            "import os, sys; print(os.environ['GREETING'], sys.prefix, os.getcwd(), sys.argv[1:])",
            "a b",
            "$HOME",
            "it's\ntwo",
            "",
        ]);
        let (slot, key) = (site.path("blue"), ran_.stdout.contains("/.deployer/virtualenvs/"));
        assert_eq!(ran_.code, 0, "{ran_:?}");
        assert!(ran_.stdout.starts_with("it's $HOME "), "{ran_:?}");
        assert!(key || ran_.stdout.contains("/env"), "{ran_:?}");
        assert!(ran_.stdout.contains(&format!("{}/repo", slot.display())), "{ran_:?}");
        assert!(ran_.stdout.contains("['a b', '$HOME', \"it's\\ntwo\", '']"), "{ran_:?}");
        assert_eq!(ran_.stderr, "", "nothing of our own");
        row(SUITE, "run: environment, folder, virtualenv, words", "ok");

        let ran_ = run(&["sh", "-c", "echo out; echo err >&2; exit 7"]);
        assert_eq!((ran_.code, &*ran_.stdout, &*ran_.stderr), (7, "out\n", "err\n"));
        // `ssh` does not say which signal it was.
        let ended = if client == "libssh2" { 143 } else { 255 };
        assert_eq!(run(&["sh", "-c", "kill -TERM $$"]).code, ended);
        assert_eq!(run(&["no-such-command"]).code, 127);
        row(SUITE, "run: exit codes, two streams", "ok: 7, 143, 127");

        let bytes: Vec<u8> =
            (0..1 << 20).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let began = Instant::now();
        let output = fed(&site, &["prod", "run", "cat"], &bytes);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout == bytes, "{} of {} bytes", output.stdout.len(), bytes.len());
        row(
            SUITE,
            "run: 1 MB through cat",
            format!("ok: the same bytes, {:.1} s", began.elapsed().as_secs_f64()),
        );
        // One that does not read is not waited for.
        let output = fed(&site, &["prod", "run", "--", "sh", "-c", "head -c 5 | wc -c"], &bytes);
        assert_eq!((output.status.code(), output.stdout.trim_ascii()), (Some(0), &b"5"[..]));

        let ran_ = site.deployer(&["prod", "run", "--slot", "next", "--", "true"]);
        assert_eq!(ran_.code, 1, "{ran_:?}");
        assert!(ran_.stderr.contains("holds no release"), "{ran_:?}");
        let ran_ = site.deployer(&["prod", "run", "--slot", "blue", "--", "sh", "-c", "echo $BLUEGREEN"]);
        assert_eq!(ran_.stdout, "blue\n");
        row(SUITE, "run: slots", "ok");
    }
}

#[test]
fn on_a_terminal_the_command_has_one() {
    let mut site = live();
    for client in BOTH {
        site.by(client);
        let mut terminal = Terminal::start(&site, &["prod", "run", "python", "-q"]);
        terminal.shows(">>> ");
        terminal.types(
            "import os, sys; print(os.isatty(0), os.environ['TERM'], 'i' + 'n', os.environ['BLUEGREEN'])\r",
        );
        terminal.shows("True vt220 in blue");
        assert!(!terminal.is_cooked(), "raw while it lasts");
        terminal.types("print('size', *os.get_terminal_size())\r");
        terminal.shows("size 91 31");
        terminal.resize(120, 40);
        let bound = Instant::now() + Duration::from_secs(30);
        while !terminal.screen().contains("size 120 40") {
            assert!(Instant::now() < bound, "{}", terminal.screen());
            terminal.types("print('size', *os.get_terminal_size())\r");
            std::thread::sleep(Duration::from_millis(50));
        }
        row(SUITE, "run: a terminal, its size, its resizing", "ok");
        // Ctrl-C is the command's, not ours.
        terminal.types("import time; print('sle' + 'eps'); time.sleep(600)\r");
        terminal.shows("sleeps");
        terminal.types("\u{3}");
        terminal.shows("KeyboardInterrupt");
        terminal.types("sys.exit(7)\r");
        assert_eq!(terminal.exit_code(), 7);
        assert!(terminal.is_cooked(), "as it was before");
        row(SUITE, "run: Ctrl-C goes to the command; exit code 7", "ok");
    }
}

#[test]
fn without_a_terminal_ctrl_c_ends_it() {
    let mut site = live();
    for client in BOTH {
        site.by(client);
        let mut child = site.start(&["prod", "run", "--", "sh", "-c", "echo begun; exec sleep 600"]);
        let mut first = [0; 6];
        std::io::Read::read_exact(child.stdout.as_mut().expect("its output"), &mut first).expect("it begins");
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT)
            .expect("it is there");
        let ran_ = ran(child.wait_with_output().expect("it ends"));
        assert_eq!(ran_.code, 130, "{ran_:?}");
        row(SUITE, "run: Ctrl-C without a terminal", "ok: 130");
    }
}
