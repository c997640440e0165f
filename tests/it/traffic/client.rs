//! One exchange of each kind that a plain load of requests does not cover, checked to its last byte.

use std::io::{self, BufRead, BufReader, Error, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use crate::traffic::stage::DIRECT;

const TIMEOUT: Duration = Duration::from_secs(40);
const UPLOAD: usize = 20 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 20 MB in about two seconds, which nginx collects before it passes them on.
    Upload,
    /// The same, passed on as it comes.
    DirectUpload,
    /// A line each 100 ms, three seconds long.
    Stream,
    /// A connection that leaves HTTP, as a websocket does: for three seconds what is sent comes back.
    Upgrade,
    /// A POST that the application counts.
    Post,
}

impl Kind {
    pub(crate) const ALL: [Kind; 5] =
        [Kind::Upload, Kind::DirectUpload, Kind::Stream, Kind::Upgrade, Kind::Post];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Upload => "20 MB upload",
            Kind::DirectUpload => "20 MB upload, unbuffered",
            Kind::Stream => "streamed response",
            Kind::Upgrade => "upgraded connection",
            Kind::Post => "POST, counted",
        }
    }

    pub(crate) fn clients(self) -> usize {
        match self {
            Kind::Upload | Kind::DirectUpload => 1,
            Kind::Stream | Kind::Upgrade | Kind::Post => 2,
        }
    }
}

/// Does one exchange; `id` is a name that no other exchange has.
///
/// # Errors
/// Whatever keeps the client from the whole and right answer.
pub(crate) fn exchange(kind: Kind, door: SocketAddr, host: &str, id: &str) -> io::Result<()> {
    let mut link = TcpStream::connect_timeout(&door, TIMEOUT)?;
    link.set_nodelay(true)?;
    link.set_read_timeout(Some(TIMEOUT))?;
    link.set_write_timeout(Some(TIMEOUT))?;
    match kind {
        Kind::Upload => upload(&mut link, host),
        Kind::DirectUpload => upload(&mut link, DIRECT),
        Kind::Stream => stream(&mut link, host),
        Kind::Upgrade => upgrade(link),
        Kind::Post => {
            head(&mut link, "POST /count", host, id.len())?;
            link.write_all(id.as_bytes())?;
            let body = read_answer(&mut link)?;
            expect(body.ends_with(&format!(" {id}\n")), &body)
        }
    }
}

fn upload(link: &mut TcpStream, host: &str) -> io::Result<()> {
    static DATA: OnceLock<(Vec<u8>, String)> = OnceLock::new();
    let (data, digest) = DATA.get_or_init(|| {
        let data: Vec<u8> =
            (0..UPLOAD as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let digest = hmac_sha256::Hash::hash(&data);
        let digest = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        (data, digest)
    });
    head(link, "POST /upload", host, data.len())?;
    for part in data.chunks(1 << 20) {
        link.write_all(part)?;
        // A visitor's line is slower than loopback.
        thread::sleep(Duration::from_millis(100));
    }
    let body = read_answer(link)?;
    expect(body.ends_with(&format!(" {digest}\n")), &body)
}

fn stream(link: &mut TcpStream, host: &str) -> io::Result<()> {
    head(link, "GET /stream", host, 0)?;
    let body = read_answer(link)?;
    let lines: Vec<&str> = body.lines().collect();
    let whole = lines.len() == 31
        && lines[30] == "end"
        && (0..30).all(|number| lines[number].ends_with(&format!(" line {number}")));
    expect(whole, &body)
}

fn upgrade(link: TcpStream) -> io::Result<()> {
    let mut link = BufReader::new(link);
    let request =
        format!("GET /upgrade HTTP/1.1\r\nHost: {DIRECT}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    link.get_mut().write_all(request.as_bytes())?;
    let mut answer = String::new();
    while !answer.ends_with("\r\n\r\n") {
        if link.read_line(&mut answer)? == 0 {
            return expect(false, &answer);
        }
    }
    expect(answer.starts_with("HTTP/1.1 101 "), &answer)?;
    let mut greeting = String::new();
    link.read_line(&mut greeting)?;
    for number in 0..30 {
        let sent = format!("message {number}\n");
        link.get_mut().write_all(sent.as_bytes())?;
        let mut echo = String::new();
        link.read_line(&mut echo)?;
        expect(echo == sent, &echo)?;
        thread::sleep(Duration::from_millis(100));
    }
    link.get_mut().write_all(b"bye\n")
}

fn head(link: &mut TcpStream, what: &str, host: &str, length: usize) -> io::Result<()> {
    let request =
        format!("{what} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    link.write_all(request.as_bytes())
}

/// The body of a whole answer of status 200 on a connection that ends with it.
fn read_answer(link: &mut TcpStream) -> io::Result<String> {
    let mut answer = Vec::new();
    link.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    expect(head.starts_with("HTTP/1.1 200 "), &answer)?;
    if head.to_lowercase().contains("transfer-encoding: chunked") {
        return unchunk(body);
    }
    Ok(body.to_string())
}

fn unchunk(mut rest: &str) -> io::Result<String> {
    let mut body = String::new();
    loop {
        let cut_off = || Error::other("a chunked answer was cut off");
        let (size, after) = rest.split_once("\r\n").ok_or_else(cut_off)?;
        let size = usize::from_str_radix(size.trim(), 16).map_err(Error::other)?;
        if size == 0 {
            return Ok(body);
        }
        body += after.get(..size).ok_or_else(cut_off)?;
        rest = after.get(size + 2..).ok_or_else(cut_off)?;
    }
}

fn expect(right: bool, answer: &str) -> io::Result<()> {
    let shown: String = answer.chars().take(200).collect();
    right.then_some(()).ok_or_else(|| Error::other(format!("answered {shown:?}")))
}
