//! `send-cost ADDRESS`: what sending costs by each of the kernel's ways, side by
//! side: `sendmmsg`, the same without a copy (MSG_ZEROCOPY), an io_uring that is
//! filled and entered once a batch, and its sends without a copy. All let the
//! kernel split messages. ADR 7 has the figures and how the address is made a
//! sink.

#![allow(unsafe_code)]

use io_uring::{IoUring, opcode, types};
use std::error::Error;
use std::mem::zeroed;
use std::net::{SocketAddrV4, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

/// Bytes of a datagram.
const DATAGRAM: usize = 1144;
/// Messages of one system call.
const BATCH: usize = 64;
/// Receivers, in turn.
const RECEIVERS: usize = 128;
/// Most datagrams of a message.
const JOINED_MAX: usize = 16;
/// Batches of a round, and rounds of which the median counts.
const BATCHES: usize = 600;
const ROUNDS: usize = 15;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Mmsg,
    MmsgZeroCopy,
    Ring,
    RingZeroCopy,
}

const WAYS: [Way; 4] = [Way::Mmsg, Way::MmsgZeroCopy, Way::Ring, Way::RingZeroCopy];

/// One receiver's message, whose parts the kernel is pointed to.
struct Message {
    name: libc::sockaddr_in,
    part: libc::iovec,
    control: [u64; 4],
    header: libc::mmsghdr,
}

/// Processor time of this thread in ns.
fn processor_time() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes the time.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Messages of `joined` datagrams each; they point into each other and `arena`,
/// so that the list must not grow.
fn messages(to: SocketAddrV4, joined: usize, arena: &[u8]) -> Vec<Message> {
    // SAFETY: integers and pointers, for which zero is a value.
    let mut messages: Vec<Message> = (0..RECEIVERS).map(|_| unsafe { zeroed() }).collect();
    let arenas = arena.chunks(JOINED_MAX * DATAGRAM);
    for ((receiver, message), bytes) in messages.iter_mut().enumerate().zip(arenas) {
        message.name.sin_family = libc::AF_INET as libc::sa_family_t;
        message.name.sin_port = (to.port() + receiver as u16).to_be();
        message.name.sin_addr.s_addr = u32::from_ne_bytes(to.ip().octets());
        message.part.iov_base = bytes.as_ptr().cast_mut().cast();
        message.part.iov_len = joined * DATAGRAM;
        let header = &mut message.header.msg_hdr;
        header.msg_name = (&raw mut message.name).cast();
        header.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
        header.msg_iov = &raw mut message.part;
        header.msg_iovlen = 1;
        if joined > 1 {
            header.msg_control = message.control.as_mut_ptr().cast();
            // SAFETY: the buffer is aligned as a header and has room for the one
            // control message.
            unsafe {
                header.msg_controllen = libc::CMSG_SPACE(2) as _;
                let control = libc::CMSG_FIRSTHDR(header);
                (*control).cmsg_level = libc::SOL_UDP;
                (*control).cmsg_type = libc::UDP_SEGMENT;
                (*control).cmsg_len = libc::CMSG_LEN(2) as _;
                let segment = DATAGRAM as u16;
                libc::CMSG_DATA(control)
                    .cast::<u16>()
                    .write_unaligned(segment);
            }
        }
    }
    messages
}

fn by_mmsg(fd: RawFd, batch: &[Message], flags: libc::c_int) -> std::io::Result<()> {
    let mut headers: Vec<libc::mmsghdr> = batch.iter().map(|message| message.header).collect();
    let mut sent = 0;
    while sent < headers.len() {
        let rest = &mut headers[sent..];
        // SAFETY: the messages point to what lives through the call, and longer
        // where the kernel does not copy.
        let took = unsafe { libc::sendmmsg(fd, rest.as_mut_ptr(), rest.len() as u32, flags) };
        match usize::try_from(took) {
            Ok(took) => sent += took,
            // Notices of sends without a copy wait to be read.
            Err(_) if flags & libc::MSG_ZEROCOPY != 0 => read_notices(fd),
            Err(_) => return Err(std::io::Error::last_os_error()),
        }
    }
    if flags & libc::MSG_ZEROCOPY != 0 {
        read_notices(fd);
    }
    Ok(())
}

/// The kernel tells which buffers it is done with; ranges are joined.
fn read_notices(fd: RawFd) {
    let mut control = [0u64; 16];
    loop {
        // SAFETY: zero is a value; the control buffer lives through the call.
        let got = unsafe {
            let mut header: libc::msghdr = zeroed();
            header.msg_control = control.as_mut_ptr().cast();
            header.msg_controllen = size_of_val(&control) as _;
            libc::recvmsg(fd, &raw mut header, libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT)
        };
        if got < 0 {
            return;
        }
    }
}

fn by_ring(ring: &mut IoUring, batch: &[Message], way: Way) -> std::io::Result<()> {
    for message in batch {
        let header = &raw const message.header.msg_hdr;
        let entry = match way {
            Way::RingZeroCopy => opcode::SendMsgZc::new(types::Fixed(0), header).build(),
            _ => opcode::SendMsg::new(types::Fixed(0), header).build(),
        };
        // SAFETY: the message and what it points to outlive the ring's work:
        // every completion is waited for before they go.
        unsafe { ring.submission().push(&entry) }.map_err(std::io::Error::other)?;
    }
    // A send without a copy completes twice: sent, and let go of.
    let mut left = batch.len();
    while left > 0 {
        ring.submit_and_wait(left)?;
        for done in ring.completion() {
            if done.result() < 0 {
                return Err(std::io::Error::from_raw_os_error(-done.result()));
            }
            left -= usize::from(!io_uring::cqueue::more(done.flags()));
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let to = std::env::args().nth(1).ok_or("usage: send-cost ADDRESS")?;
    let to: SocketAddrV4 = to.parse()?;
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    let fd = socket.as_raw_fd();
    for (option, value) in [(libc::SO_SNDBUFFORCE, 8 << 20), (libc::SO_ZEROCOPY, 1)] {
        let value: libc::c_int = value;
        // SAFETY: the value lives through the call and is as long as said.
        let result = unsafe {
            let len = size_of_val(&value) as u32;
            libc::setsockopt(fd, libc::SOL_SOCKET, option, (&raw const value).cast(), len)
        };
        if result != 0 {
            return Err(std::io::Error::last_os_error().into());
        }
    }
    let mut ring = IoUring::builder()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .build(BATCH as u32)?;
    ring.submitter().register_files(&[fd])?;
    let arena = vec![0x5au8; RECEIVERS * JOINED_MAX * DATAGRAM];
    println!("| datagrams a message | way | ns a datagram | sendmmsg = 1 |");
    println!("|--:|---|--:|--:|");
    for joined in [1, 4, 8, 16] {
        let messages = messages(to, joined, &arena);
        let mut costs = WAYS.map(|_| Vec::new());
        for round in 0..=ROUNDS {
            for (way, costs) in WAYS.iter().zip(&mut costs) {
                let before = processor_time();
                for batch in 0..BATCHES {
                    let first = batch * BATCH % RECEIVERS;
                    let batch = &messages[first..first + BATCH];
                    match way {
                        Way::Mmsg => by_mmsg(fd, batch, 0)?,
                        Way::MmsgZeroCopy => by_mmsg(fd, batch, libc::MSG_ZEROCOPY)?,
                        Way::Ring | Way::RingZeroCopy => by_ring(&mut ring, batch, *way)?,
                    }
                }
                let spent = processor_time() - before;
                // The first is for warming up.
                if round > 0 {
                    costs.push(spent as f64 / (BATCHES * BATCH * joined) as f64);
                }
            }
        }
        let medians = costs.map(|mut costs| {
            costs.sort_by(f64::total_cmp);
            costs[costs.len() / 2]
        });
        for (way, cost) in WAYS.iter().zip(medians) {
            println!(
                "| {joined} | {way:?} | {cost:.0} | {:.2} |",
                cost / medians[0]
            );
        }
    }
    Ok(())
}
