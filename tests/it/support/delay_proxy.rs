use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::window::Window;

/// Chunks on their way in one direction: a long fat pipe, yet a bounded one.
const IN_FLIGHT: usize = 256;

/// A TCP proxy on loopback that delays every byte, counts what passes, and can go silent.
///
/// It models the distance: the three-way handshake and TCP's slow start cost what they would, each way. No loss, no bandwidth.
pub struct DelayProxy {
    port: u16,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    upstream: SocketAddr,
    delay: Duration,
    connections: AtomicU64,
    up: AtomicU64,
    down: AtomicU64,
    round_trips: AtomicU64,
    closed: AtomicBool,
    frozen: Mutex<bool>,
    thawed: Condvar,
    sockets: Mutex<Vec<TcpStream>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Direction {
    Up,
    Down,
}

type Chunk = (Instant, Vec<u8>);

impl DelayProxy {
    /// Listens on a port of the kernel's choice; `delay` is one way, half a round trip.
    pub fn start(upstream: SocketAddr, delay: Duration) -> DelayProxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("a bound listener").port();
        let shared = Arc::new(Shared {
            upstream,
            delay,
            connections: AtomicU64::new(0),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            round_trips: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            frozen: Mutex::new(false),
            thawed: Condvar::new(),
            sockets: Mutex::new(Vec::new()),
        });
        let accepting = Arc::clone(&shared);
        let acceptor = thread::spawn(move || accept(&listener, &accepting));
        DelayProxy { port, shared, acceptor: Some(acceptor) }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Bytes that clients sent.
    pub fn bytes_up(&self) -> u64 {
        self.shared.up.load(Ordering::SeqCst)
    }

    /// Bytes that the upstream answered.
    pub fn bytes_down(&self) -> u64 {
        self.shared.down.load(Ordering::SeqCst)
    }

    /// One for each connect, and one for each time a client sent something after it had been answered.
    pub fn round_trips(&self) -> u64 {
        self.shared.round_trips.load(Ordering::SeqCst)
    }

    /// Forwards nothing more either way, and closes nothing: a cable that was pulled.
    pub fn freeze(&self) {
        *self.shared.frozen.lock().expect("no holder panics") = true;
    }

    pub fn thaw(&self) {
        *self.shared.frozen.lock().expect("no holder panics") = false;
        self.shared.thawed.notify_all();
    }

    /// Closes every connection; new ones are served.
    pub fn cut(&self) {
        for socket in self.shared.sockets.lock().expect("no holder panics").drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
        self.shared.thawed.notify_all();
    }
}

impl Drop for DelayProxy {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.thaw();
        // Wakes the acceptor, which then sees that it is over.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
        self.cut();
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        if shared.closed.load(Ordering::SeqCst) {
            return;
        }
        let Ok(client) = client else { continue };
        shared.connections.fetch_add(1, Ordering::SeqCst);
        shared.round_trips.fetch_add(1, Ordering::SeqCst);
        shared.keep(&client);
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            let _ = serve(client, &shared);
        });
    }
}

fn serve(client: TcpStream, shared: &Arc<Shared>) -> std::io::Result<()> {
    // To the client the kernel's accept looked instant; SYN and SYN-ACK are waited for here.
    thread::sleep(shared.delay * 2);
    client.set_nodelay(true)?;
    let (sender, receiver) = sync_channel::<Chunk>(IN_FLIGHT);
    let last = Arc::new(Mutex::new(Direction::Down));
    let reading = (client.try_clone()?, Arc::clone(shared), Arc::clone(&last));
    thread::spawn(move || pick_up(reading.0, &reading.1, &reading.2, Direction::Up, &sender));
    // The ACK that completes the handshake.
    thread::sleep(shared.delay);
    shared.wait_while_frozen();
    let upstream = match TcpStream::connect(shared.upstream) {
        Ok(upstream) => upstream,
        Err(error) => {
            let _ = client.shutdown(Shutdown::Both);
            return Err(error);
        }
    };
    upstream.set_nodelay(true)?;
    shared.keep(&upstream);
    let writing = (upstream.try_clone()?, Arc::clone(shared), Arc::clone(&last));
    thread::spawn(move || hand_over(writing.0, &writing.1, &writing.2, Direction::Up, &receiver));
    let (sender, receiver) = sync_channel::<Chunk>(IN_FLIGHT);
    let reading = (upstream, Arc::clone(shared), Arc::clone(&last));
    thread::spawn(move || pick_up(reading.0, &reading.1, &reading.2, Direction::Down, &sender));
    hand_over(client, shared, &last, Direction::Down, &receiver);
    Ok(())
}

/// Reads until the end; an empty chunk stands for it.
fn pick_up(
    mut from: TcpStream,
    shared: &Shared,
    last: &Mutex<Direction>,
    way: Direction,
    to: &SyncSender<Chunk>,
) {
    let mut buffer = vec![0; 64 * 1024];
    let mut window = Window::new(shared.delay * 2);
    loop {
        let count = from.read(&mut buffer).unwrap_or(0);
        let counter = if way == Direction::Up { &shared.up } else { &shared.down };
        counter.fetch_add(count as u64, Ordering::SeqCst);
        if count > 0 && way == Direction::Up {
            let mut last = last.lock().expect("no holder panics");
            if *last == Direction::Down {
                shared.round_trips.fetch_add(1, Ordering::SeqCst);
                *last = Direction::Up;
            }
        }
        let mut rest = &buffer[..count];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(window.send(rest.len()));
            if to.send((Instant::now() + shared.delay, now.to_vec())).is_err() {
                return;
            }
            rest = later;
        }
        if count == 0 {
            let _ = to.send((Instant::now() + shared.delay, Vec::new()));
            return;
        }
    }
}

fn hand_over(
    mut to: TcpStream,
    shared: &Shared,
    last: &Mutex<Direction>,
    way: Direction,
    from: &Receiver<Chunk>,
) {
    while let Ok((due, bytes)) = from.recv() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        shared.wait_while_frozen();
        if bytes.is_empty() {
            let _ = to.shutdown(Shutdown::Write);
            return;
        }
        if way == Direction::Down {
            *last.lock().expect("no holder panics") = Direction::Down;
        }
        if to.write_all(&bytes).is_err() {
            let _ = to.shutdown(Shutdown::Both);
            return;
        }
    }
}

impl Shared {
    fn keep(&self, socket: &TcpStream) {
        if let Ok(socket) = socket.try_clone() {
            self.sockets.lock().expect("no holder panics").push(socket);
        }
    }

    fn wait_while_frozen(&self) {
        let mut frozen = self.frozen.lock().expect("no holder panics");
        while *frozen && !self.closed.load(Ordering::SeqCst) {
            frozen = self.thawed.wait(frozen).expect("no holder panics");
        }
    }
}
