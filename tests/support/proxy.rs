//! A line between vigie and a server that fails where it is told to, once: on its first connection.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Octets of a piece that a slow line carries.
const SLOW_PIECE: usize = 300;
/// The pause after each.
const SLOW_PAUSE: Duration = Duration::from_millis(5);

/// What goes wrong with the server's octets on the first connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The line is cut after so many octets.
    Cut(usize),
    /// The line stays open and silent after so many octets.
    Stall(usize),
    /// The last octet of a sign becomes another, at its nth coming, from 0. Signs rather than places: the
    /// server's words differ by a few octets from time to time, and what is changed within a literal nobody can notice
    /// (that is what TLS is for).
    Corrupt(&'static [u8], usize),
    /// Every octet comes alone.
    Split,
    /// The octets come a few hundred at a time, with pauses, as over a bad line.
    Slow,
}

/// A running proxy; dropping it ends it.
pub struct Proxy {
    /// Its loopback port.
    pub port: u16,
    said: Arc<Mutex<Vec<u8>>>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// A proxy before the server that listens on a loopback port.
    pub async fn before(server: u16, fault: Fault) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("its port").port();
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&said);
        let task = tokio::spawn(async move {
            let mut fault = fault;
            while let Ok((client, _)) = listener.accept().await {
                let upstream = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await.expect("the server");
                tokio::spawn(relay(client, upstream, std::mem::replace(&mut fault, Fault::None), Arc::clone(&heard)));
            }
        });
        Self { port, said, task }
    }

    /// All that the server said, over all connections.
    pub fn said(&self) -> Vec<u8> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn relay(client: TcpStream, server: TcpStream, fault: Fault, said: Arc<Mutex<Vec<u8>>>) {
    client.set_nodelay(true).expect("no delay");
    server.set_nodelay(true).expect("no delay");
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let commands = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
        let _ = to_server.shutdown().await;
    });
    let (mut passed, mut comings) = (0, Comings::default());
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
        let octets = &mut buffer[..read];
        said.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(octets);
        let (sent, end) = match fault {
            Fault::Cut(at) | Fault::Stall(at) => (read.min(at.saturating_sub(passed)), passed + read >= at),
            Fault::Corrupt(sign, nth) => {
                corrupt(octets, sign, nth, &mut comings);
                (read, false)
            }
            Fault::None | Fault::Split | Fault::Slow => (read, false),
        };
        let step = match fault {
            Fault::Split => 1,
            Fault::Slow => SLOW_PIECE,
            Fault::None | Fault::Cut(_) | Fault::Stall(_) | Fault::Corrupt(..) => sent.max(1),
        };
        for piece in octets[..sent].chunks(step) {
            if to_client.write_all(piece).await.is_err() {
                return;
            }
            if fault == Fault::Slow {
                tokio::time::sleep(SLOW_PAUSE).await;
            }
        }
        passed += read;
        match (end, fault) {
            (true, Fault::Stall(_)) => break,
            (true, _) => {
                commands.abort();
                return;
            }
            (false, _) => {}
        }
    }
    // a stalled line ends when the client leaves it, a sound one when the server does
    if matches!(fault, Fault::Stall(_)) {
        let _ = commands.await;
    }
    drop(to_client);
}

/// How often a sign came, and the octet before.
#[derive(Default)]
struct Comings {
    count: usize,
    before: u8,
}

fn corrupt(octets: &mut [u8], sign: &[u8], nth: usize, comings: &mut Comings) {
    let Some((last, head)) = sign.split_last() else { return };
    for octet in octets {
        let came = *octet == *last && head.last().is_none_or(|wanted| *wanted == comings.before);
        comings.before = *octet;
        if came && comings.count == nth {
            *octet = b'#';
        }
        comings.count += usize::from(came);
    }
}

/// The places of a recorded stream at which a line may be cut: each end of a line, the place before it where no literal
/// follows, the middle of each literal and its end.
pub fn boundaries(said: &[u8]) -> Vec<usize> {
    let mut cuts = Vec::new();
    let mut at = 0;
    while let Some(length) = said[at..].iter().position(|octet| *octet == b'\n') {
        let end = at + length + 1;
        let line = said[at..end].trim_ascii_end();
        let size = line.strip_suffix(b"}").and_then(|line| {
            let open = line.iter().rposition(|octet| *octet == b'{')?;
            std::str::from_utf8(&line[open + 1..]).ok()?.parse::<usize>().ok()
        });
        at = end;
        if let Some(size) = size {
            cuts.extend([end, end + size / 2, end + size]);
            at = end + size;
        } else {
            cuts.extend([end - 1, end]);
        }
    }
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}
