//! Where a client is: the far end of a path.

use std::fmt;
use std::net::SocketAddr;

/// The far end of a path. Two transports are never the same path, whatever
/// their addresses and ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Address {
    /// A UDP address.
    Udp(SocketAddr),
    /// A TCP connection, which carries datagrams in frames (RFC 4571).
    Tcp(Stream),
}

/// A TCP connection that a client has opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stream {
    /// The client's end.
    pub peer: SocketAddr,
    /// What tells it from every earlier connection of that end.
    pub id: u64,
}

impl Address {
    /// The client's address and port, as the SFU sees them.
    pub fn socket(&self) -> SocketAddr {
        match self {
            Self::Udp(address) => *address,
            Self::Tcp(stream) => stream.peer,
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Udp(address)
    }
}

impl From<Stream> for Address {
    fn from(stream: Stream) -> Self {
        Self::Tcp(stream)
    }
}

impl PartialEq<SocketAddr> for Address {
    /// Whether it is that UDP address.
    fn eq(&self, other: &SocketAddr) -> bool {
        *self == Self::Udp(*other)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp(address) => write!(f, "udp {address}"),
            Self::Tcp(stream) => write!(f, "tcp {}", stream.peer),
        }
    }
}
