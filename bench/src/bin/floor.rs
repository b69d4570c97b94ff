//! `floor ADDRESS`: the least that forwarding can cost on a kernel's UDP. It
//! opens what comes, seals it for every subscriber, sends it in messages that
//! the kernel splits, and does nothing else: no ICE, no DTLS, no RTCP, no
//! history, no choice, no counters. What [`conclave_bench::floor`] says was
//! agreed beforehand.

#![allow(unsafe_code)]

use conclave_bench::floor::{Setup, keys};
use conclave_sfu::rtp::Ssrc;
use conclave_sfu::rtp::seq::ExtSeq;
use conclave_sfu::srtp::Keys;
use std::error::Error;
use std::mem::zeroed;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

const HEADER: usize = 12;
const DATAGRAM: usize = 1536;
/// Datagrams of one receive call, and so of one message out.
const BATCH: usize = 32;
/// Subscribers of one send call: what is sealed for them fits the second cache.
const CHUNK: usize = 16;
const SOCKET_BUFFER: libc::c_int = 4 << 20;

struct Subscriber {
    name: libc::sockaddr_in,
    keys: Keys,
    ssrc: u32,
}

/// An opened packet: its header, then its payload.
struct Opened {
    bytes: [u8; DATAGRAM],
    len: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).ok_or("usage: floor ADDRESS")?;
    let socket = UdpSocket::bind(address)?;
    for option in [libc::SO_RCVBUFFORCE, libc::SO_SNDBUFFORCE] {
        let bytes = SOCKET_BUFFER;
        // SAFETY: the value lives through the call. Refused without root, and
        // then the default has to do.
        unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                option,
                (&raw const bytes).cast(),
                size_of::<libc::c_int>() as u32,
            );
        }
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let setup: Setup = serde_json::from_str(&line)?;
    let mut subscribers = Vec::new();
    for (index, address) in setup.subscribers.iter().enumerate() {
        let SocketAddr::V4(address) = address else {
            return Err("IPv4 only".into());
        };
        subscribers.push(Subscriber {
            name: libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: address.port().to_be(),
                sin_addr: libc::in_addr {
                    s_addr: u32::from_ne_bytes(address.ip().octets()),
                },
                sin_zero: [0; 8],
            },
            keys: keys(index + 1).map_err(|_| "no keys")?,
            ssrc: 1000 + index as u32,
        });
    }
    println!("{}", socket.local_addr()?);
    forward(&socket, &subscribers, &keys(0).map_err(|_| "no keys")?)
}

fn forward(
    socket: &UdpSocket,
    subscribers: &[Subscriber],
    publisher: &Keys,
) -> Result<(), Box<dyn Error>> {
    let mut received = vec![[0u8; DATAGRAM]; BATCH];
    let mut lengths = [0; BATCH];
    let mut opened: Vec<_> = (0..BATCH)
        .map(|_| Opened {
            bytes: [0; DATAGRAM],
            len: 0,
        })
        .collect();
    let mut stage = vec![0u8; CHUNK * BATCH * DATAGRAM];
    let mut last = ExtSeq::first(0);
    loop {
        let count = receive(socket, &mut received, &mut lengths)?;
        let mut packets = 0;
        for (bytes, len) in received.iter().zip(lengths).take(count) {
            let Some(packet) = bytes.get(..len).filter(|packet| packet.len() > HEADER) else {
                continue;
            };
            let ssrc = u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]);
            last = last.nearest(u16::from_be_bytes([packet[2], packet[3]]));
            let out = &mut opened[packets];
            let (header, payload) = out.bytes.split_at_mut(HEADER);
            if let Ok(len) = publisher.open_rtp(Ssrc(ssrc), last, packet, HEADER, payload) {
                header.copy_from_slice(&packet[..HEADER]);
                out.len = len;
                packets += 1;
            }
        }
        let numbered = opened.iter().take(packets).map(|packet| {
            let seq = u16::from_be_bytes([packet.bytes[2], packet.bytes[3]]);
            (last.nearest(seq), packet)
        });
        for chunk in subscribers.chunks(CHUNK) {
            send(socket, chunk, numbered.clone(), &mut stage)?;
        }
    }
}

fn receive(
    socket: &UdpSocket,
    received: &mut [[u8; DATAGRAM]],
    lengths: &mut [usize; BATCH],
) -> std::io::Result<usize> {
    // SAFETY: integers and pointers, for which zero is a value.
    let mut parts: [libc::iovec; BATCH] = unsafe { zeroed() };
    // SAFETY: the same.
    let mut messages: [libc::mmsghdr; BATCH] = unsafe { zeroed() };
    for ((part, message), bytes) in parts.iter_mut().zip(&mut messages).zip(received) {
        part.iov_base = bytes.as_mut_ptr().cast();
        part.iov_len = DATAGRAM;
        message.msg_hdr.msg_iov = part;
        message.msg_hdr.msg_iovlen = 1;
    }
    let mut poll = libc::pollfd {
        fd: socket.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one entry that lives through the call. A burst goes on arriving
    // while the thread wakes, so waiting here receives more of it at a time
    // than waiting below.
    unsafe { libc::poll(&raw mut poll, 1, -1) };
    // SAFETY: every message points to a buffer of the said length that lives
    // through the call.
    let count = unsafe {
        libc::recvmmsg(
            socket.as_raw_fd(),
            messages.as_mut_ptr(),
            BATCH as u32,
            libc::MSG_WAITFORONE,
            std::ptr::null_mut(),
        )
    };
    let count = usize::try_from(count).map_err(|_| std::io::Error::last_os_error())?;
    for (message, len) in messages.iter().zip(lengths).take(count) {
        *len = message.msg_len as usize;
    }
    Ok(count)
}

/// Seals the packets for each of a chunk's subscribers and sends them, one
/// message a subscriber, in one call.
fn send<'a>(
    socket: &UdpSocket,
    chunk: &[Subscriber],
    packets: impl Iterator<Item = (ExtSeq, &'a Opened)> + Clone,
    stage: &mut [u8],
) -> std::io::Result<()> {
    let mut parts: [libc::iovec; CHUNK] =
        // SAFETY: integers and pointers, for which zero is a value.
        unsafe { zeroed() };
    // SAFETY: the same.
    let mut messages: [libc::mmsghdr; CHUNK] = unsafe { zeroed() };
    let mut controls = [[0u64; 4]; CHUNK];
    let mut used = 0;
    let mut count = 0;
    for subscriber in chunk {
        let start = used;
        let mut segment = 0;
        for (seq, packet) in packets.clone() {
            let mut header = [0; HEADER];
            header.copy_from_slice(&packet.bytes[..HEADER]);
            header[8..].copy_from_slice(&subscriber.ssrc.to_be_bytes());
            let payload = &packet.bytes[HEADER..HEADER + packet.len];
            let room = &mut stage[used..];
            let sealed =
                subscriber
                    .keys
                    .seal_rtp(Ssrc(subscriber.ssrc), seq, &header, payload, room);
            segment = sealed.map_err(|_| std::io::Error::other("seal"))?;
            used += segment;
        }
        if used == start {
            return Ok(());
        }
        parts[count].iov_base = stage[start..].as_mut_ptr().cast();
        parts[count].iov_len = used - start;
        let header = &mut messages[count].msg_hdr;
        header.msg_name = (&raw const subscriber.name).cast_mut().cast();
        header.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
        header.msg_iov = &raw mut parts[count];
        header.msg_iovlen = 1;
        if used - start > segment {
            header.msg_control = controls[count].as_mut_ptr().cast();
            // SAFETY: computes a length, then fills the one control message,
            // for which the buffer has room.
            unsafe {
                header.msg_controllen = libc::CMSG_SPACE(2) as _;
                let control = libc::CMSG_FIRSTHDR(header);
                (*control).cmsg_level = libc::SOL_UDP;
                (*control).cmsg_type = libc::UDP_SEGMENT;
                (*control).cmsg_len = libc::CMSG_LEN(2) as _;
                libc::CMSG_DATA(control)
                    .cast::<u16>()
                    .write_unaligned(segment as u16);
            }
        }
        count += 1;
    }
    let mut sent = 0;
    while sent < count {
        // SAFETY: the messages up to `count` point to what lives through the
        // call.
        let took = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                messages[sent..].as_mut_ptr(),
                (count - sent) as u32,
                0,
            )
        };
        sent += usize::try_from(took).map_err(|_| std::io::Error::last_os_error())?;
    }
    Ok(())
}
