use std::hash::{BuildHasher, Hasher};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixListener;

use super::HostError;

/// Below it live services with known numbers.
const LOWEST: u16 = 10_240;

/// A port on 127.0.0.1 that was free, and that no other throwaway host on this machine will choose while this lives.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _claim: Option<UnixListener>,
}

impl Port {
    pub fn number(&self) -> u16 {
        self.number
    }
}

/// Finds a free port for a server that will start later.
///
/// The kernel's own choice (port 0) comes from the range that outgoing connections use, so under load it may be taken
/// again before the server binds it. This one comes from below that range.
pub fn reserve_port() -> Result<Port, HostError> {
    let end = first_outgoing_port().max(LOWEST + 1_000);
    let span = end - LOWEST;
    let first = (std::hash::RandomState::new().build_hasher().finish() % u64::from(span)) as u16;
    (0..span)
        .map(|step| LOWEST + ((u32::from(first) + u32::from(step)) % u32::from(span)) as u16)
        .find_map(claim_if_free)
        .ok_or(HostError::Ports)
}

fn claim_if_free(number: u16) -> Option<Port> {
    let claim = claim(number).ok()?;
    TcpListener::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
    Some(Port { number, _claim: claim })
}

fn first_outgoing_port() -> u16 {
    std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .unwrap_or(32_768)
}

/// An abstract socket named after the port: it ends with the process, however that ends, and leaves no file. Only Linux
/// has them.
#[cfg(target_os = "linux")]
fn claim(number: u16) -> io::Result<Option<UnixListener>> {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;

    let name = SocketAddr::from_abstract_name(format!("deployer-rehearsal-port-{number}"))?;
    UnixListener::bind_addr(&name).map(Some)
}

#[cfg(not(target_os = "linux"))]
fn claim(_: u16) -> io::Result<Option<UnixListener>> {
    Ok(None)
}

#[cfg(test)]
#[cfg(target_os = "linux")] // elsewhere no port is claimed
mod tests {
    use std::collections::HashSet;
    use std::time::{Duration, Instant};

    use super::*;

    /// Binds a port that was given as free.
    ///
    /// A process that another test forks holds this one's sockets until it becomes its program.
    fn bind(number: u16) -> TcpListener {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            match TcpListener::bind((Ipv4Addr::LOCALHOST, number)) {
                Ok(listener) => return listener,
                Err(error) if Instant::now() > deadline => panic!("port {number}: {error}"),
                Err(_) => std::thread::yield_now(),
            }
        }
    }

    #[test]
    fn ports_are_free_and_differ_while_they_are_held() {
        let held: Vec<Port> = (0..50).map(|_| reserve_port().unwrap()).collect();
        let numbers: HashSet<u16> = held.iter().map(Port::number).collect();
        assert_eq!(numbers.len(), held.len());
        for number in numbers {
            bind(number);
        }
    }

    #[test]
    fn a_port_that_is_held_or_in_use_is_not_given_again() {
        let held = reserve_port().unwrap();
        assert!(claim_if_free(held.number()).is_none());
        let number = held.number();
        drop(held);
        let _stranger = bind(number);
        assert!(claim_if_free(number).is_none());
    }
}
