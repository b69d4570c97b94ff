//! The UDP socket: receives in batches, joined by the kernel where it can
//! (GRO), and lets the kernel split runs of equal datagrams (GSO).

use mio::net::UdpSocket;
use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

/// Datagrams of one receive call.
const BATCH: usize = quinn_udp::BATCH_SIZE;

/// Bytes the kernel may join into one buffer.
const BUFFER: usize = 65_536;

/// What the socket's buffers are to hold: 100 ms at 300 Mbit/s. The kernel may
/// grant less.
const SOCKET_BUFFER: usize = 4 << 20;

/// A bound, non-blocking socket.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) socket: UdpSocket,
    state: UdpSocketState,
    /// An IPv6 socket, which knows IPv4 addresses in their mapped form.
    mapped: bool,
    buffers: Vec<u8>,
    metas: [RecvMeta; BATCH],
}

impl Socket {
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        let state = UdpSocketState::new((&socket).into())?;
        // Larger buffers are a wish; smaller ones lose bursts, not calls.
        let _ = state.set_recv_buffer_size((&socket).into(), SOCKET_BUFFER);
        let _ = state.set_send_buffer_size((&socket).into(), SOCKET_BUFFER);
        Ok(Self {
            socket,
            state,
            mapped: address.is_ipv6(),
            buffers: vec![0; BATCH * BUFFER],
            metas: [RecvMeta::default(); BATCH],
        })
    }

    pub(super) fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Most datagrams one send may hold.
    pub(super) fn segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    /// Receives a batch and hands out each datagram; false when nothing came.
    pub(super) fn receive(&mut self, mut take: impl FnMut(SocketAddr, &[u8])) -> io::Result<bool> {
        let mut chunks = self.buffers.chunks_exact_mut(BUFFER);
        let mut slices: [IoSliceMut<'_>; BATCH] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        let (socket, state) = (&self.socket, &self.state);
        let received = socket.try_io(|| state.recv(socket.into(), &mut slices, &mut self.metas));
        let count = match received {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        };
        for (meta, slice) in self.metas.iter().zip(&slices).take(count) {
            let from = SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port());
            let bytes = slice.get(..meta.len).unwrap_or_default();
            for datagram in bytes.chunks(meta.stride.max(1)) {
                take(from, datagram);
            }
        }
        Ok(count > 0)
    }

    /// Sends datagrams back to back of `segment` bytes each.
    pub(super) fn send(&self, to: SocketAddr, bytes: &[u8], segment: usize) -> io::Result<()> {
        let destination = match to.ip() {
            IpAddr::V4(ip) if self.mapped => SocketAddr::new(ip.to_ipv6_mapped().into(), to.port()),
            _ => to,
        };
        let transmit = Transmit {
            destination,
            ecn: None,
            contents: bytes,
            segment_size: (segment < bytes.len()).then_some(segment),
            src_ip: None,
        };
        let (socket, state) = (&self.socket, &self.state);
        socket.try_io(|| state.try_send(socket.into(), &transmit))
    }
}
