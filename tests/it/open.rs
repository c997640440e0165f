//! `open`: a slot through a tunnel, with as many connections as a browser may want, and large bodies both ways.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Child;
use std::time::Duration;

use crate::support::{APP, Site, http, ran, until};

const SOON: Duration = Duration::from_secs(30);
const LARGE: usize = 20_000_000;

/// A body of 20 MB that is the same nowhere, one that is counted, and a connection that is upgraded to an echo.
const MORE: &str = r#"
plain = app

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/large":
        start_response("200 OK", [("Content-Length", "20000000")])
        return (b"".join(b"%019d\n" % n for n in range(1000 * k, 1000 * k + 1000)) for k in range(1000))
    if path == "/count":
        left, sum = int(environ["CONTENT_LENGTH"]), 0
        while left > 0:
            piece = environ["wsgi.input"].read(min(left, 65536))
            if not piece:
                break
            left -= len(piece)
            sum += len(piece)
        body = b"%d" % sum
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]
    if path == "/upgrade":
        stream = environ["gunicorn.socket"]
        stream.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        while True:
            piece = stream.recv(1000)
            if not piece:
                raise SystemExit
            stream.sendall(piece)
    return plain(environ, start_response)
"#;

/// A tunnel, and where it begins.
struct Tunnel {
    child: Child,
    address: SocketAddr,
}

fn tunnel(site: &Site, slot: &str) -> Tunnel {
    let mut child = site.start(&["prod", "open", slot, "--port", "0"]);
    let mut line = String::new();
    let stdout = child.stdout.as_mut().expect("a pipe");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    let port = line
        .trim()
        .strip_prefix("http://localhost:")
        .and_then(|rest| rest.strip_suffix('/'))
        .and_then(|port| port.parse().ok());
    let port: u16 = port.unwrap_or_else(|| panic!("no address in {line:?}"));
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    Tunnel { child, address }
}

#[test]
fn a_slot_is_seen_through_a_tunnel() {
    let mut site = Site::new();
    site.write("app.py", &format!("{APP}{MORE}"));
    site.configure();
    site.commit("large things");
    site.go_live();
    let next = site.change();
    site.done(&["prod", "deploy"]);

    for client in ["libssh2", "openssh"] {
        site.by(client);
        let open = tunnel(&site, "next");
        let (code, body) = http(open.address, "localhost", "/");
        assert_eq!((code, body.contains(&next[..7])), (200, true), "{body}");
        assert!(!site.get("/").1.contains(&next[..7]), "the public sees it");

        // Twenty at once.
        std::thread::scope(|scope| {
            let asked: Vec<_> = (0..20)
                .map(|_| scope.spawn(|| http(open.address, "localhost", "/slow?seconds=0.05")))
                .collect();
            for thread in asked {
                let (code, body) = thread.join().expect("a thread");
                assert_eq!(code, 200, "{body}");
                assert!(body.contains(&next[..7]), "{body}");
            }
        });

        // A large body each way, while a reader that takes nothing must not hold up the others.
        let mut lazy = TcpStream::connect(open.address).expect("a connection");
        lazy.write_all(b"GET /large HTTP/1.0\r\n\r\n").expect("a request");
        let (code, body) = http(open.address, "localhost", "/large");
        assert_eq!((code, body.len()), (200, LARGE));
        let whole =
            body.as_bytes().chunks(20).enumerate().all(|(n, line)| line == format!("{n:019}\n").as_bytes());
        assert!(whole, "the bytes are not those that were sent");
        let mut all = Vec::new();
        lazy.set_read_timeout(Some(SOON)).expect("a timeout");
        lazy.read_to_end(&mut all).expect("the rest");
        assert!(all.len() > LARGE, "{}", all.len());

        let mut up = TcpStream::connect(open.address).expect("a connection");
        up.set_read_timeout(Some(SOON)).expect("a timeout");
        write!(up, "POST /count HTTP/1.0\r\nContent-Length: {LARGE}\r\n\r\n").expect("a request");
        up.write_all(&vec![b'x'; LARGE]).expect("a body");
        let mut answer = String::new();
        up.read_to_string(&mut answer).expect("an answer");
        assert!(answer.ends_with(&format!("\r\n\r\n{LARGE}")), "{answer}");

        // What a websocket does: the connection stays, and both sides speak when they like.
        let mut socket = BufReader::new(TcpStream::connect(open.address).expect("a connection"));
        socket.get_ref().set_read_timeout(Some(SOON)).expect("a timeout");
        socket
            .get_mut()
            .write_all(b"GET /upgrade HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
            .expect("a request");
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            socket.read_line(&mut line).expect("a head");
        }
        for word in ["one\n", "two\n", "three\n"] {
            socket.get_mut().write_all(word.as_bytes()).expect("a word");
            line.clear();
            socket.read_line(&mut line).expect("the word");
            assert_eq!(line, word);
        }

        // Ctrl-C ends it, also with a connection open, and is no failure.
        let pid = rustix::process::Pid::from_child(&open.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("a signal");
        let ended = ran(open.child.wait_with_output().expect("it ends"));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert!(ended.stderr.contains("next is") && ended.stderr.contains("Ctrl-C"), "{}", ended.stderr);
        until("the port is free", SOON, || TcpStream::connect(open.address).is_err());
    }
    assert_eq!(site.status()["problems"], serde_json::json!([]));

    // What does not run cannot be seen.
    site.done(&["prod", "stop"]);
    for client in ["libssh2", "openssh"] {
        site.by(client);
        let refused = site.deployer(&["prod", "open", "next"]);
        assert_eq!(refused.code, 1, "{}", refused.stderr);
        assert!(refused.stderr.contains("nothing listens there"), "{}", refused.stderr);
        assert!(refused.stdout.is_empty(), "{}", refused.stdout);
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let refused = site.deployer(&["prod", "open", "live", "--port", &port]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("cannot listen"), "{}", refused.stderr);
}
