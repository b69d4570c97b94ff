//! `sendmmsg` with `UDP_SEGMENT` (udp(7)): one system call for many runs of
//! datagrams. The only module with system calls of its own, because no crate
//! has this one with another segment length for each message; and what else the
//! socket needs that crates do not have.

#![allow(unsafe_code)]

use crate::egress::Run;
use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// Messages of one call. More saves nothing: the crossing is already a
/// hundredth of what the messages cost.
pub(super) const MESSAGES_MAX: usize = 64;

/// Bytes of a control message that holds a segment length.
// SAFETY: computes a length.
const CONTROL_LEN: usize = unsafe { libc::CMSG_SPACE(size_of::<u16>() as u32) } as usize;

/// A control message's room, aligned as its header.
#[derive(Clone, Copy)]
#[repr(C)]
union Control {
    _header: libc::cmsghdr,
    bytes: [u8; CONTROL_LEN],
}

/// An address as the kernel takes it.
#[derive(Clone, Copy)]
#[repr(C)]
union Name {
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

/// What a message points to.
struct Parts {
    name: Name,
    bytes: libc::iovec,
    control: Control,
}

/// Sends the first runs, at most [`MESSAGES_MAX`]; gives how many the kernel
/// took, at least one. `mapped` when the socket speaks IPv6 only.
///
/// # Errors
/// The kernel's, about the first run.
pub(super) fn send(
    socket: BorrowedFd<'_>,
    runs: &[Run],
    arena: &[u8],
    mapped: bool,
) -> io::Result<usize> {
    let mut parts = [const { MaybeUninit::<Parts>::uninit() }; MESSAGES_MAX];
    let mut messages = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; MESSAGES_MAX];
    let mut count = 0;
    for ((run, parts), message) in runs.iter().zip(&mut parts).zip(&mut messages) {
        let Some(bytes) = arena.get(run.bytes.clone()) else {
            break;
        };
        let (name, name_len) = name(run.to.socket(), mapped);
        let parts = parts.write(Parts {
            name,
            bytes: libc::iovec {
                iov_base: bytes.as_ptr().cast_mut().cast(),
                iov_len: bytes.len(),
            },
            control: Control {
                bytes: [0; CONTROL_LEN],
            },
        });
        // SAFETY: all of its fields are integers and pointers, for which zero
        // is a value.
        let message = message.write(unsafe { std::mem::zeroed() });
        let header = &mut message.msg_hdr;
        header.msg_name = (&raw mut parts.name).cast();
        header.msg_namelen = name_len;
        header.msg_iov = &raw mut parts.bytes;
        header.msg_iovlen = 1;
        if run.bytes.len() > run.segment {
            header.msg_control = (&raw mut parts.control).cast();
            header.msg_controllen = CONTROL_LEN as _;
            // SAFETY: the control buffer is aligned as a header and has room
            // for one with two bytes of data, so the first header is not null
            // and lies, with its data, within the buffer.
            unsafe {
                let control = libc::CMSG_FIRSTHDR(header);
                (*control).cmsg_level = libc::SOL_UDP;
                (*control).cmsg_type = libc::UDP_SEGMENT;
                (*control).cmsg_len = libc::CMSG_LEN(size_of::<u16>() as u32) as _;
                let segment = run.segment as u16;
                libc::CMSG_DATA(control)
                    .cast::<u16>()
                    .write_unaligned(segment);
            }
        }
        count += 1;
    }
    if count == 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: the first `count` messages are initialised; what they point to,
    // `parts` and `arena`, outlives the call; the kernel writes only the
    // messages' lengths.
    let sent = unsafe {
        libc::sendmmsg(
            socket.as_raw_fd(),
            messages.as_mut_ptr().cast(),
            count as u32,
            0,
        )
    };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Makes both of the socket's buffers that large, past the machine's limit.
///
/// # Errors
/// The kernel's; without CAP_NET_ADMIN that one may not.
pub(super) fn force_buffers(socket: BorrowedFd<'_>, bytes: usize) -> io::Result<()> {
    let bytes = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
    for option in [libc::SO_RCVBUFFORCE, libc::SO_SNDBUFFORCE] {
        // SAFETY: the value lives through the call and is as long as said.
        let result = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                option,
                (&raw const bytes).cast(),
                size_of_val(&bytes) as libc::socklen_t,
            )
        };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Waits until the socket takes more, at most that long.
pub(super) fn wait_writable(socket: BorrowedFd<'_>, at_most: Duration) {
    let mut poll = libc::pollfd {
        fd: socket.as_raw_fd(),
        events: libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: one entry, which lives through the call. Whatever it returns, the
    // next send tells.
    unsafe { libc::poll(&raw mut poll, 1, at_most.as_millis() as i32) };
}

/// Waits until there is something to read, at most that long, to the
/// microsecond.
pub(super) fn wait_readable(descriptor: BorrowedFd<'_>, at_most: Duration) {
    let mut poll = libc::pollfd {
        fd: descriptor.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let time = libc::timespec {
        tv_sec: at_most.as_secs() as libc::time_t,
        tv_nsec: at_most.subsec_nanos() as _,
    };
    // SAFETY: one entry and a time, which live through the call; no signal
    // mask. Whatever it returns, the next look tells.
    unsafe { libc::ppoll(&raw mut poll, 1, &raw const time, std::ptr::null()) };
}

fn name(to: SocketAddr, mapped: bool) -> (Name, libc::socklen_t) {
    match to.ip() {
        IpAddr::V4(ip) if !mapped => {
            let name = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: to.port().to_be(),
                sin_addr: libc::in_addr {
                    s_addr: u32::from_ne_bytes(ip.octets()),
                },
                sin_zero: [0; 8],
            };
            (Name { v4: name }, size_of_val(&name) as _)
        }
        IpAddr::V4(ip) => v6(to, ip.to_ipv6_mapped()),
        IpAddr::V6(ip) => v6(to, ip),
    }
}

fn v6(to: SocketAddr, ip: Ipv6Addr) -> (Name, libc::socklen_t) {
    let (flowinfo, scope_id) = match to {
        SocketAddr::V6(to) => (to.flowinfo(), to.scope_id()),
        SocketAddr::V4(_) => (0, 0),
    };
    let name = libc::sockaddr_in6 {
        sin6_family: libc::AF_INET6 as libc::sa_family_t,
        sin6_port: to.port().to_be(),
        sin6_flowinfo: flowinfo,
        sin6_addr: libc::in6_addr {
            s6_addr: ip.octets(),
        },
        sin6_scope_id: scope_id,
    };
    (Name { v6: name }, size_of_val(&name) as _)
}
