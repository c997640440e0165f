//! A TCP connection that gives up in time.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use super::error::ConnectError;
use super::interrupt::Interrupt;

/// How often a wait that cannot be polled looks for Ctrl-C.
const TICK: Duration = Duration::from_millis(50);

/// Connects to the first address of `host` that answers, each within `timeout`.
pub(super) fn dial(
    host: &str,
    port: u16,
    timeout: Duration,
    interrupt: &Interrupt,
    press: usize,
) -> Result<Socket, ConnectError> {
    let mut failure = ConnectError::Name { host: host.to_owned(), detail: "it has no address".into() };
    for address in resolve(host, port, timeout, interrupt, press)? {
        match connect(address, timeout, interrupt, press) {
            Ok(socket) => return Ok(socket),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                return Err(ConnectError::Interrupted { host: host.to_owned() });
            }
            Err(error) => failure = ConnectError::from_tcp(&error, host, port, timeout),
        }
    }
    Err(failure)
}

/// Asks the resolver on a thread of its own: it knows neither timeouts nor Ctrl-C.
fn resolve(
    host: &str,
    port: u16,
    timeout: Duration,
    interrupt: &Interrupt,
    press: usize,
) -> Result<Vec<SocketAddr>, ConnectError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (answer, answers) = channel();
    let name = host.to_owned();
    std::thread::spawn(move || {
        // Nobody listens any more when the wait was given up.
        let _ = answer.send((name.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>));
    });
    let deadline = Instant::now() + timeout;
    let failed = |detail: String| ConnectError::Name { host: host.to_owned(), detail };
    loop {
        match answers.recv_timeout(TICK) {
            Ok(Ok(addresses)) => return Ok(addresses),
            Ok(Err(error)) => {
                // Rust puts words of its own before the resolver's.
                let detail = error.to_string();
                return Err(failed(detail.rsplit(": ").next().unwrap_or(&detail).to_owned()));
            }
            Err(RecvTimeoutError::Disconnected) => return Err(failed("the resolver failed".into())),
            Err(RecvTimeoutError::Timeout) if interrupt.count() >= press => {
                return Err(ConnectError::Interrupted { host: host.to_owned() });
            }
            Err(RecvTimeoutError::Timeout) if Instant::now() >= deadline => {
                return Err(failed(format!("no answer within {} s", timeout.as_secs_f32())));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn connect(
    address: SocketAddr,
    timeout: Duration,
    interrupt: &Interrupt,
    press: usize,
) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    notice_death(&socket)?;
    match socket.connect(&address.into()) {
        Ok(()) => return Ok(socket),
        Err(error) if error.raw_os_error() == Some(Errno::INPROGRESS.raw_os_error()) => {}
        Err(error) => return Err(error),
    }
    let deadline = Instant::now() + timeout;
    loop {
        if interrupt.count() >= press {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let nap = left.min(Duration::from_secs(1));
        let mut fds = vec![PollFd::new(&socket, PollFlags::OUT)];
        interrupt.poll(&mut fds, nap, press);
        if !fds[0].revents().is_empty() {
            return match socket.take_error()? {
                None => Ok(socket),
                Some(error) => Err(error),
            };
        }
    }
}

/// Has the kernel notice within 30 s that the network is gone, whether bytes are on their way or not.
fn notice_death(socket: &Socket) -> io::Result<()> {
    let probes = TcpKeepalive::new().with_time(Duration::from_secs(12)).with_interval(Duration::from_secs(5));
    socket.set_tcp_keepalive(&probes.with_retries(3))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(Duration::from_secs(25)))?;
    Ok(())
}
