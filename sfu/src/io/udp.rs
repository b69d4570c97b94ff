//! The UDP socket: receives in batches, joined by the kernel where it can
//! (GRO), and sends in batches, of which the kernel splits the runs (GSO).

use super::sendmmsg::{self, MESSAGES_MAX};
use crate::egress::Run;
use mio::net::UdpSocket;
use quinn_udp::{RecvMeta, UdpSocketState};
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::Duration;

/// Datagrams of one receive call.
const BATCH: usize = quinn_udp::BATCH_SIZE;

/// Bytes the kernel may join into one buffer.
const BUFFER: usize = 65_536;

/// What the socket's buffers are to hold: 100 ms at 300 Mbit/s. The kernel may
/// grant less.
const SOCKET_BUFFER: usize = 4 << 20;

/// How long a full send buffer is waited for. The interface drains 4 MiB in
/// that time at 10 Gbit/s; what it does not take then is lost, and asked for
/// again.
const FULL_WAIT: Duration = Duration::from_millis(4);

/// Runs of one system call.
pub(super) const RUNS: usize = MESSAGES_MAX;

/// A bound, non-blocking socket's receiving side.
#[derive(Debug)]
pub(super) struct Receiver {
    buffers: Vec<u8>,
    metas: [RecvMeta; BATCH],
    count: usize,
}

/// Its sending side.
#[derive(Debug)]
pub(super) struct Sender {
    /// An IPv6 socket, which knows IPv4 addresses in their mapped form.
    mapped: bool,
    /// Whether the kernel splits runs for this socket's interfaces.
    splits: bool,
}

/// A bound, non-blocking socket.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) socket: UdpSocket,
    state: UdpSocketState,
}

impl Socket {
    pub(super) fn bind(address: SocketAddr) -> io::Result<(Self, Receiver, Sender)> {
        let socket = UdpSocket::bind(address)?;
        let state = UdpSocketState::new((&socket).into())?;
        if sendmmsg::force_buffers(socket.as_fd(), SOCKET_BUFFER).is_err() {
            // Larger buffers are a wish; smaller ones lose bursts, not calls.
            let _ = state.set_recv_buffer_size((&socket).into(), SOCKET_BUFFER);
            let _ = state.set_send_buffer_size((&socket).into(), SOCKET_BUFFER);
        }
        let receiver = Receiver {
            buffers: vec![0; BATCH * BUFFER],
            metas: [RecvMeta::default(); BATCH],
            count: 0,
        };
        let sender = Sender {
            mapped: address.is_ipv6(),
            splits: true,
        };
        Ok((Self { socket, state }, receiver, sender))
    }

    pub(super) fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Most datagrams one run may hold.
    pub(super) fn segments(&self) -> usize {
        self.state.max_gso_segments()
    }
}

impl Receiver {
    /// Receives a batch; false when there was nothing.
    pub(super) fn receive(&mut self, socket: &Socket) -> io::Result<bool> {
        self.count = 0;
        let mut chunks = self.buffers.chunks_exact_mut(BUFFER);
        let mut slices: [IoSliceMut<'_>; BATCH] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        let (state, metas) = (&socket.state, &mut self.metas);
        let socket = &socket.socket;
        match socket.try_io(|| state.recv(socket.into(), &mut slices, metas)) {
            Ok(count) => {
                self.count = count;
                Ok(count > 0)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The datagrams of the batch.
    pub(super) fn datagrams(&self) -> impl Iterator<Item = (SocketAddr, &[u8])> {
        let buffers = self.metas.iter().zip(self.buffers.chunks_exact(BUFFER));
        buffers.take(self.count).flat_map(|(meta, buffer)| {
            let from = SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port());
            let bytes = buffer.get(..meta.len).unwrap_or_default();
            let datagrams = bytes.chunks(meta.stride.max(1));
            datagrams.map(move |datagram| (from, datagram))
        })
    }
}

impl Sender {
    /// Sends runs; `refused` is told of every datagram that the kernel does not
    /// take. False when the kernel does not split runs after all: then the
    /// shard should make none any more.
    pub(super) fn send(
        &mut self,
        socket: &Socket,
        mut runs: &[Run],
        arena: &[u8],
        mut refused: impl FnMut(&io::Error),
    ) -> bool {
        let socket = socket.socket.as_fd();
        let mut waited = false;
        while let Some(first) = runs.first() {
            let error = match sendmmsg::send(socket, runs, arena, self.mapped) {
                Ok(sent) => {
                    waited = false;
                    runs = runs.get(sent.max(1)..).unwrap_or_default();
                    continue;
                }
                Err(error) => error,
            };
            match error.kind() {
                io::ErrorKind::Interrupted => continue,
                io::ErrorKind::WouldBlock if !waited => {
                    sendmmsg::wait_writable(socket, FULL_WAIT);
                    waited = true;
                    continue;
                }
                _ if first.datagrams() > 1 && cannot_split(&error) => {
                    // No checksum offload: of no use on this machine. Any other
                    // reason is this path's, whose packets must be smaller.
                    self.splits &= error.raw_os_error() != Some(libc::EIO);
                    for single in singles(first) {
                        if let Err(error) = sendmmsg::send(socket, &[single], arena, self.mapped) {
                            refused(&error);
                        }
                    }
                }
                _ => (0..first.datagrams()).for_each(|_| refused(&error)),
            }
            runs = runs.get(1..).unwrap_or_default();
        }
        self.splits
    }
}

/// The errors with which kernels refuse to split a message.
fn cannot_split(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EIO | libc::EINVAL | libc::EMSGSIZE)
    )
}

/// A run's datagrams, each a run of its own.
fn singles(run: &Run) -> impl Iterator<Item = Run> + '_ {
    let ends = run.bytes.end;
    run.bytes
        .clone()
        .step_by(run.segment.max(1))
        .map(move |start| Run {
            to: run.to,
            bytes: start..ends.min(start + run.segment),
            segment: run.segment,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;

    /// What a second socket receives of the runs.
    fn sent(bind: &str, runs: &[(usize, usize)]) -> Vec<Vec<u8>> {
        let arena: Vec<u8> = (0..20_000u32).map(|n| n as u8).collect();
        let other = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        other
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let (socket, _, mut sender) = Socket::bind(bind.parse().unwrap()).unwrap();
        let mut at = 0;
        let runs: Vec<_> = runs
            .iter()
            .map(|(len, segment)| {
                let bytes = at..at + len;
                at += len;
                Run {
                    to: other.local_addr().unwrap().into(),
                    bytes,
                    segment: *segment,
                }
            })
            .collect();
        sender.send(&socket, &runs, &arena, |error| panic!("{error}"));
        let mut received = Vec::new();
        let mut buffer = [0; 2048];
        for _ in 0..runs.iter().map(Run::datagrams).sum() {
            let len = other.recv(&mut buffer).unwrap();
            received.push(buffer[..len].to_vec());
        }
        assert_eq!(received.concat(), arena[..at], "every byte, in order");
        received
    }

    #[test]
    fn runs_arrive_as_datagrams() {
        for bind in ["127.0.0.1:0", "[::]:0"] {
            let received = sent(bind, &[(3000, 1000), (20, 20), (2500, 1000)]);
            let lengths: Vec<_> = received.iter().map(Vec::len).collect();
            assert_eq!(lengths, [1000, 1000, 1000, 20, 1000, 1000, 500], "{bind}");
        }
    }

    #[test]
    fn what_the_kernel_joined_is_received_datagram_by_datagram() {
        let local = "127.0.0.1:0".parse().unwrap();
        let (from, _, mut sender) = Socket::bind(local).unwrap();
        let (to, mut receiver, _) = Socket::bind(local).unwrap();
        let arena: Vec<u8> = (0..9_000u32).map(|n| (n / 7) as u8).collect();
        // Runs stay joined on the way to this machine itself; singles are not.
        let mut at = 0;
        let runs = [(4500, 1000), (20, 20), (30, 30), (2000, 500)].map(|(len, segment)| {
            at += len;
            Run {
                to: to.local_address().unwrap().into(),
                bytes: at - len..at,
                segment,
            }
        });
        sender.send(&from, &runs, &arena, |error| panic!("{error}"));
        let (mut received, mut buffers) = (Vec::new(), 0);
        while received.len() < 11 {
            sendmmsg::wait_readable(to.socket.as_fd(), Duration::from_secs(5));
            assert!(receiver.receive(&to).unwrap(), "{} came", received.len());
            buffers += receiver.count;
            let from = from.local_address().unwrap();
            received.extend(receiver.datagrams().map(|(source, bytes)| {
                assert_eq!(source, from);
                bytes.to_vec()
            }));
        }
        let lengths: Vec<_> = received.iter().map(Vec::len).collect();
        let expected = [1000, 1000, 1000, 1000, 500, 20, 30, 500, 500, 500, 500];
        assert_eq!(lengths, expected);
        assert_eq!(received.concat(), arena[..at], "every byte, in order");
        // Kernels before 5.0 join nothing.
        println!("{} datagrams came in {buffers} buffers", received.len());
    }

    #[test]
    fn more_runs_than_a_call_takes_arrive_too() {
        assert_eq!(sent("127.0.0.1:0", &[(20, 10); RUNS + 1]).len(), 130);
    }

    #[test]
    fn a_run_that_the_kernel_refuses_is_sent_singly_and_others_go_on() {
        // More segments than any kernel takes: EINVAL.
        let received = sent("127.0.0.1:0", &[(2000, 10), (30, 10)]);
        assert_eq!(received.len(), 203);
    }

    #[test]
    fn what_cannot_be_sent_at_all_is_refused_datagram_by_datagram() {
        let (socket, _, mut sender) = Socket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let run = Run {
            to: Address::Udp("[::1]:9".parse().unwrap()),
            bytes: 0..30,
            segment: 10,
        };
        let mut refused = 0;
        let splits = sender.send(&socket, &[run], &[0; 30], |_| refused += 1);
        assert_eq!(refused, 3);
        assert!(splits);
    }
}
