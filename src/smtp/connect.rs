//! From nothing to a greeted, encrypted connection that lettre can drive.
//!
//! The greeting and STARTTLS are spoken here rather than by lettre: the greeting so that it has its deadline and its
//! exact code, STARTTLS because lettre keeps what it had buffered in clear and would read it as the encrypted relay's
//! answer. Clear text is read octet by octet, so that nothing sent ahead of the handshake can survive it.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::extension::ClientId;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::error::Error;
use super::session::explain;
use super::{Relay, Security, Stage, tls};

/// The most addresses of one relay that are tried.
const MAX_ADDRESSES: usize = 4;
/// The longest reply read before TLS, in octets.
const MAX_CLEAR_REPLY: usize = 8_192;
/// The longest EHLO name (RFC 5321 §4.5.3.1.2).
const MAX_HELLO_NAME: usize = 255;
/// What lettre is shown as the greeting that was already read.
const GREETING_SEEN: &[u8] = b"220 greeting already read\r\n";

/// Bounds a step: past its deadline the connection is dropped by the caller and never used again.
pub(super) async fn within<T>(
    stage: Stage,
    limit: Duration,
    step: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    timeout(limit, step).await.unwrap_or(Err(Error::Deadline { stage, limit }))
}

/// Connects, protects, greets. Nothing has been said of a message yet.
pub(super) async fn connect(relay: &Relay) -> Result<AsyncSmtpConnection, Error> {
    let hello = hello_name(relay)?;
    let limits = &relay.deadlines;
    let mut tcp = dial(relay).await?;
    let peer = tcp.peer_addr().map_err(|error| lost(Stage::Connect, &error))?;
    let socket: Box<dyn Socket> = match relay.security {
        Security::Plain => {
            if !is_this_machine(peer.ip()) {
                return Err(Error::NotLoopback { host: relay.host.clone() });
            }
            within(Stage::Greeting, limits.greeting, greeting(&mut tcp)).await?;
            Box::new(tcp)
        }
        Security::Implicit => {
            let mut stream = within(Stage::Tls, limits.tls, tls::handshake(relay, tcp)).await?;
            within(Stage::Greeting, limits.greeting, greeting(&mut stream)).await?;
            Box::new(stream)
        }
        Security::StartTls => {
            within(Stage::Greeting, limits.greeting, greeting(&mut tcp)).await?;
            within(Stage::Hello, limits.hello, offers_starttls(relay, &mut tcp, &hello)).await?;
            let secured = async {
                ask_starttls(&mut tcp).await?;
                tls::handshake(relay, tcp).await
            };
            Box::new(within(Stage::Tls, limits.tls, secured).await?)
        }
    };
    let link = Box::new(Link { socket, peer, greeting: GREETING_SEEN });
    let greeted = async {
        AsyncSmtpConnection::connect_with_transport(link, &hello).await.map_err(|error| explain(Stage::Hello, &error))
    };
    within(Stage::Hello, limits.hello, greeted).await
}

/// Whether clear text to this address never leaves the machine; `::ffff:127.0.0.1` is as good as `127.0.0.1`.
fn is_this_machine(peer: IpAddr) -> bool {
    peer.to_canonical().is_loopback()
}

/// Tries the relay's addresses in the resolver's order, each with the deadline.
async fn dial(relay: &Relay) -> Result<TcpStream, Error> {
    let limit = relay.deadlines.connect;
    let resolve = async {
        let found = tokio::net::lookup_host((relay.host.as_str(), relay.port)).await;
        found.map_err(|source| Error::Resolve { host: relay.host.clone(), source })
    };
    let mut last = io::Error::new(io::ErrorKind::NotFound, "no address");
    for address in within(Stage::Connect, limit, resolve).await?.take(MAX_ADDRESSES) {
        match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Commands are small and answered one by one: Nagle would add 40 ms to each.
                stream.set_nodelay(true).map_err(|error| lost(Stage::Connect, &error))?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = io::Error::new(io::ErrorKind::TimedOut, format!("no answer in {} s", limit.as_secs_f32())),
        }
    }
    Err(Error::Connect { host: relay.host.clone(), port: relay.port, source: last })
}

fn hello_name(relay: &Relay) -> Result<ClientId, Error> {
    let Some(name) = &relay.hello_name else { return Ok(ClientId::default()) };
    match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => Ok(ClientId::Ipv4(ip)),
        Ok(IpAddr::V6(ip)) => Ok(ClientId::Ipv6(ip)),
        Err(_) => {
            let fits = !name.is_empty() && name.len() <= MAX_HELLO_NAME && name.bytes().all(|b| b.is_ascii_graphic());
            if fits { Ok(ClientId::Domain(name.clone())) } else { Err(Error::HelloName { name: name.clone() }) }
        }
    }
}

async fn greeting(stream: &mut (impl AsyncRead + Unpin)) -> Result<(), Error> {
    clear_reply(stream, Stage::Greeting).await?.require(Stage::Greeting, 220, "220").map(drop)
}

async fn offers_starttls(relay: &Relay, stream: &mut TcpStream, hello: &ClientId) -> Result<(), Error> {
    say(stream, Stage::Hello, &format!("EHLO {hello}\r\n")).await?;
    let reply = clear_reply(stream, Stage::Hello).await?.require(Stage::Hello, 250, "250")?;
    let offered = reply.lines.iter().skip(1).any(|line| line.trim().eq_ignore_ascii_case("STARTTLS"));
    if offered { Ok(()) } else { Err(Error::NoStartTls { host: relay.host.clone() }) }
}

async fn ask_starttls(stream: &mut TcpStream) -> Result<(), Error> {
    say(stream, Stage::Tls, "STARTTLS\r\n").await?;
    clear_reply(stream, Stage::Tls).await?.require(Stage::Tls, 220, "220").map(drop)
}

async fn say(stream: &mut TcpStream, stage: Stage, command: &str) -> Result<(), Error> {
    stream.write_all(command.as_bytes()).await.map_err(|error| lost(stage, &error))
}

fn lost(stage: Stage, error: &io::Error) -> Error {
    let why = match error.kind() {
        io::ErrorKind::UnexpectedEof => "the relay closed it".to_owned(),
        _ => error.to_string(),
    };
    Error::Lost { stage, why }
}

/// A reply read before lettre has the connection.
struct ClearReply {
    code: u16,
    lines: Vec<String>,
}

impl ClearReply {
    fn require(self, stage: Stage, code: u16, expected: &'static str) -> Result<Self, Error> {
        match self.code {
            got if got == code => Ok(self),
            got @ 400..=599 => Err(Error::Refused { stage, code: got, answer: self.lines.join(" ") }),
            got => Err(Error::Unexpected { stage, got: got.to_string(), expected }),
        }
    }
}

/// Reads one reply and not an octet more.
async fn clear_reply(stream: &mut (impl AsyncRead + Unpin), stage: Stage) -> Result<ClearReply, Error> {
    let mut lines = Vec::new();
    let mut line = Vec::new();
    for _ in 0..MAX_CLEAR_REPLY {
        let octet = stream.read_u8().await.map_err(|error| lost(stage, &error))?;
        if octet != b'\n' {
            line.push(octet);
            continue;
        }
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        line.clear();
        let malformed = || Error::Unexpected { stage, got: format!("{text:?}"), expected: "a reply line" };
        let code = text.get(..3).and_then(|code| code.parse::<u16>().ok()).ok_or_else(malformed)?;
        lines.push(text.get(4..).unwrap_or_default().to_owned());
        if text.as_bytes().get(3) != Some(&b'-') {
            return Ok(ClearReply { code, lines });
        }
    }
    Err(Error::Unexpected { stage, got: "a reply without end".to_owned(), expected: "a reply line" })
}

/// What a connection is made of, encrypted or not.
trait Socket: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug> Socket for T {}

/// The stream that lettre drives: gives the greeting back, then passes octets on.
///
/// lettre reads replies as UTF-8 and gives up on anything else; a relay that says "accepté" in Latin-1 after the final
/// dot would leave a sent message in doubt. Replies are ASCII by RFC 5321 §4.2, so other octets become question marks.
#[derive(Debug)]
struct Link {
    socket: Box<dyn Socket>,
    peer: SocketAddr,
    greeting: &'static [u8],
}

impl AsyncRead for Link {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.greeting.is_empty() {
            let take = buf.remaining().min(self.greeting.len());
            let (now, later) = self.greeting.split_at(take);
            buf.put_slice(now);
            self.greeting = later;
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(cx, buf);
        for octet in buf.filled_mut().iter_mut().skip(before).filter(|octet| !octet.is_ascii()) {
            *octet = b'?';
        }
        read
    }
}

impl AsyncWrite for Link {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for Link {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clear_text_is_for_the_loopback_alone() {
        for (peer, expected) in [
            ("127.0.0.1", true),
            ("127.8.9.1", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("10.0.0.1", false),
            ("192.168.1.1", false),
            ("169.254.0.1", false),
            ("0.0.0.0", false),
            ("::", false),
            ("fe80::1", false),
            ("::ffff:10.0.0.1", false),
        ] {
            assert_eq!(is_this_machine(peer.parse().expect("an address")), expected, "{peer}");
        }
    }
}
