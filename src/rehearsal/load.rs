//! A load on the front door, and what became of each of its requests.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The header by which a throwaway host's nginx tells whom it asked.
pub(super) const UPSTREAM: &str = "x-rehearsal-upstream";

/// A steady stream of requests from several clients, each sending its next one when the last is answered.
#[derive(Clone, Debug)]
pub struct Load {
    pub address: SocketAddr,
    /// The Host header.
    pub host: String,
    pub path: String,
    pub clients: usize,
    /// Whether a client keeps its connection from one request to the next.
    pub keep_alive: bool,
    /// Whether a client asks once more, on a new connection, where an idle one was closed, as browsers do.
    pub asks_again: bool,
    /// How long a client rests after an answer.
    pub pause: Duration,
    /// The first of these that an answer's body holds is noted with it.
    pub markers: Vec<String>,
    /// Bound on all clients' requests together.
    pub requests: usize,
    /// Bound on the whole.
    pub duration: Duration,
    /// Bound on one answer.
    pub timeout: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Status(u16),
    ConnectFailed,
    /// The connection that an earlier request had used was closed before this one was answered with a single byte:
    /// what keep-alive always risks, and what browsers send again by themselves.
    IdleClosed,
    /// The connection ended before the whole answer was there.
    Broken,
    TimedOut,
}

#[derive(Clone, Debug)]
pub struct Reply {
    pub started: Instant,
    pub latency: Duration,
    pub outcome: Outcome,
    pub marker: Option<String>,
    /// Whom nginx asked, where it says so.
    pub upstream: Option<String>,
}

#[derive(Debug)]
pub struct LoadReport {
    /// In the order in which they were begun.
    pub answers: Vec<Reply>,
}

pub struct Running {
    over: Arc<AtomicBool>,
    begun: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<Vec<Reply>>>,
}

impl Load {
    /// One request a connection, four clients, as many requests as fit into a minute.
    pub fn new(address: SocketAddr, host: &str) -> Load {
        Load {
            address,
            host: host.into(),
            path: "/".into(),
            clients: 4,
            keep_alive: false,
            asks_again: false,
            pause: Duration::ZERO,
            markers: Vec::new(),
            requests: 1_000_000,
            duration: Duration::from_secs(60),
            timeout: Duration::from_secs(30),
        }
    }

    pub fn start(self) -> Running {
        let over = Arc::new(AtomicBool::new(false));
        let begun = Arc::new(AtomicUsize::new(0));
        let deadline = Instant::now() + self.duration;
        let clients = (0..self.clients)
            .map(|_| {
                let (load, over, begun) = (self.clone(), Arc::clone(&over), Arc::clone(&begun));
                thread::spawn(move || {
                    let mut answers = Vec::new();
                    let mut connection = None;
                    while !over.load(Ordering::SeqCst)
                        && Instant::now() < deadline
                        && begun.fetch_add(1, Ordering::SeqCst) < load.requests
                    {
                        answers.push(load.request(&mut connection));
                        thread::sleep(load.pause);
                    }
                    answers
                })
            })
            .collect();
        Running { over, begun, clients }
    }

    fn request(&self, kept: &mut Option<BufReader<TcpStream>>) -> Reply {
        let started = Instant::now();
        let mut answer = self.exchange(kept);
        if self.asks_again && matches!(answer, Err(Outcome::IdleClosed)) {
            answer = self.exchange(kept);
        }
        let (outcome, answer) = match answer {
            Ok(answer) => (Outcome::Status(answer.status), answer),
            Err(outcome) => (outcome, WholeAnswer::default()),
        };
        let body = String::from_utf8_lossy(&answer.body);
        Reply {
            started,
            latency: started.elapsed(),
            outcome,
            marker: self.markers.iter().find(|marker| body.contains(marker.as_str())).cloned(),
            upstream: answer.upstream,
        }
    }

    fn exchange(&self, kept: &mut Option<BufReader<TcpStream>>) -> Result<WholeAnswer, Outcome> {
        let reused = kept.is_some();
        let Some(mut connection) = kept.take().or_else(|| self.connect().ok()) else {
            return Err(Outcome::ConnectFailed);
        };
        let wish = if self.keep_alive { "keep-alive" } else { "close" };
        let request =
            format!("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: {wish}\r\n\r\n", self.path, self.host);
        let begun =
            connection.get_mut().write_all(request.as_bytes()).and_then(|()| is_answered(&mut connection));
        match begun {
            Err(error) if is_timeout(&error) => return Err(Outcome::TimedOut),
            Ok(false) | Err(_) if reused => return Err(Outcome::IdleClosed),
            Ok(false) | Err(_) => return Err(Outcome::Broken),
            Ok(true) => {}
        }
        match read_answer(&mut connection) {
            Ok(answer) => {
                *kept = (self.keep_alive && answer.stays_open).then_some(connection);
                Ok(answer)
            }
            Err(error) if is_timeout(&error) => Err(Outcome::TimedOut),
            Err(_) => Err(Outcome::Broken),
        }
    }

    fn connect(&self) -> io::Result<BufReader<TcpStream>> {
        let stream = TcpStream::connect_timeout(&self.address, CONNECT_TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(self.timeout))?;
        Ok(BufReader::new(stream))
    }
}

impl Running {
    /// How many requests were begun so far.
    pub fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    /// Lets each client finish the request it is at.
    pub fn stop(self) -> LoadReport {
        self.over.store(true, Ordering::SeqCst);
        self.wait()
    }

    /// Waits until the load's own bounds end it.
    pub fn wait(self) -> LoadReport {
        let mut answers: Vec<Reply> = self
            .clients
            .into_iter()
            .flat_map(|client| client.join().expect("a client does not panic"))
            .collect();
        answers.sort_by_key(|answer| answer.started);
        LoadReport { answers }
    }
}

impl LoadReport {
    /// The latency that `share` (0 to 1) of the requests did not exceed.
    pub fn latency(&self, share: f64) -> Duration {
        let mut latencies: Vec<Duration> = self.answers.iter().map(|answer| answer.latency).collect();
        latencies.sort();
        let last = latencies.len().saturating_sub(1);
        latencies.get((last as f64 * share) as usize).copied().unwrap_or_default()
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Waits for the first byte of an answer; false where the connection ends without one.
fn is_answered(connection: &mut BufReader<TcpStream>) -> io::Result<bool> {
    loop {
        match connection.fill_buf() {
            // A read with a time-out is not begun again by the kernel, and the end of any child of this process may
            // interrupt it: no signal handler is needed for that (signal(7)).
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            first => return first.map(|bytes| !bytes.is_empty()),
        }
    }
}

/// A whole answer.
#[derive(Default)]
struct WholeAnswer {
    status: u16,
    /// Whether the connection does.
    stays_open: bool,
    upstream: Option<String>,
    body: Vec<u8>,
}

fn read_answer(from: &mut BufReader<TcpStream>) -> io::Result<WholeAnswer> {
    let bad = |what: &str| io::Error::new(ErrorKind::InvalidData, what.to_string());
    let first = read_line(from)?;
    let status = first.split(' ').nth(1).and_then(|word| word.parse().ok());
    let status = status.ok_or_else(|| bad("no status"))?;
    let (mut length, mut chunked) = (None, false);
    let mut answer = WholeAnswer { status, stays_open: true, ..WholeAnswer::default() };
    loop {
        let line = read_line(from)?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        match (name.to_ascii_lowercase().as_str(), value.trim()) {
            ("content-length", value) => length = Some(value.parse::<usize>().map_err(|_| bad("length"))?),
            ("connection", value) if value.eq_ignore_ascii_case("close") => answer.stays_open = false,
            (UPSTREAM, value) => answer.upstream = Some(value.to_string()),
            ("transfer-encoding", value) => chunked = value.eq_ignore_ascii_case("chunked"),
            _ => {}
        }
    }
    if chunked {
        while read_chunk(from, &mut answer.body)? > 0 {}
        return Ok(answer);
    }
    match length {
        Some(length) => {
            answer.body.resize(length, 0);
            from.read_exact(&mut answer.body)?;
        }
        None => {
            answer.stays_open = false;
            from.read_to_end(&mut answer.body)?;
        }
    }
    Ok(answer)
}

/// One chunk with its line ends; returns its size, 0 for the last.
fn read_chunk(from: &mut BufReader<TcpStream>, body: &mut Vec<u8>) -> io::Result<usize> {
    let line = read_line(from)?;
    let digits = line.split(';').next().unwrap_or_default().trim();
    let size = usize::from_str_radix(digits, 16)
        .map_err(|_| io::Error::new(ErrorKind::InvalidData, "no chunk size"))?;
    let begin = body.len();
    body.resize(begin + size, 0);
    from.read_exact(&mut body[begin..])?;
    read_line(from)?;
    Ok(size)
}

fn read_line(from: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(&line).trim_end().to_string())
}
