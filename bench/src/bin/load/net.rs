//! The system calls of the load: sockets with the kernel's own receive times,
//! and batches both ways, so that the generator costs less than what it
//! measures.

#![allow(unsafe_code)]

use std::io;
use std::mem::{MaybeUninit, zeroed};
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsFd, FromRawFd};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// Datagrams of one call.
const BATCH: usize = 32;
const DATAGRAM: usize = 2048;
/// Room for a control message with a time stamp, and some.
const CONTROL: usize = 64;

/// What a receiver's socket may hold, so that the generator loses nothing.
const SOCKET_BUFFER: libc::c_int = 4 << 20;

/// Nanoseconds of the clock that the kernel stamps datagrams with.
pub(crate) fn now() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes the time.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut time) };
    nanos(time)
}

fn nanos(time: libc::timespec) -> u64 {
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// A non-blocking socket with time stamps and large buffers.
pub(crate) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    set(&socket, libc::SO_TIMESTAMPNS, 1)?;
    // Only root may pass the machine's limit; without, a wish.
    let _ = set(&socket, libc::SO_RCVBUFFORCE, SOCKET_BUFFER);
    let _ = set(&socket, libc::SO_SNDBUFFORCE, SOCKET_BUFFER);
    Ok(socket)
}

fn set(socket: &UdpSocket, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    // SAFETY: the value lives through the call and is as long as said.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            option,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Which sockets have something.
#[derive(Debug)]
pub(crate) struct Ready {
    epoll: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Ready {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: gives a descriptor that nobody else has, or -1.
        let fd = unsafe { libc::epoll_create1(0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: as above.
        let epoll = unsafe { OwnedFd::from_raw_fd(fd) };
        let none = libc::epoll_event { events: 0, u64: 0 };
        Ok(Self {
            epoll,
            events: vec![none; 256],
        })
    }

    pub(crate) fn add(&self, socket: &UdpSocket, index: usize) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: libc::EPOLLIN as u32,
            u64: index as u64,
        };
        // SAFETY: both descriptors are open; the event is copied.
        let result = unsafe {
            libc::epoll_ctl(
                self.epoll.as_raw_fd(),
                libc::EPOLL_CTL_ADD,
                socket.as_fd().as_raw_fd(),
                &raw mut event,
            )
        };
        if result == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }

    /// Calls `take` for each that has something now.
    pub(crate) fn poll(&mut self, mut take: impl FnMut(usize)) {
        // SAFETY: room for as many events as said.
        let count = unsafe {
            libc::epoll_wait(
                self.epoll.as_raw_fd(),
                self.events.as_mut_ptr(),
                self.events.len() as libc::c_int,
                0,
            )
        };
        for event in self.events.iter().take(count.max(0) as usize) {
            take({ event.u64 } as usize);
        }
    }
}

/// Buffers to receive into.
pub(crate) struct Buffers {
    bytes: Vec<[u8; DATAGRAM]>,
    controls: Vec<[u64; CONTROL / 8]>,
}

impl Buffers {
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![[0; DATAGRAM]; BATCH],
            controls: vec![[0; CONTROL / 8]; BATCH],
        }
    }

    /// Receives what is there; `take` gets each datagram and when the kernel
    /// got it.
    pub(crate) fn receive(&mut self, socket: &UdpSocket, mut take: impl FnMut(&[u8], u64)) {
        loop {
            let count = self.batch(socket.as_raw_fd(), &mut take);
            if count < BATCH {
                return;
            }
        }
    }

    fn batch(&mut self, fd: RawFd, take: &mut impl FnMut(&[u8], u64)) -> usize {
        let mut parts: [MaybeUninit<libc::iovec>; BATCH] = [const { MaybeUninit::uninit() }; BATCH];
        let mut messages: [libc::mmsghdr; BATCH] =
            // SAFETY: integers and pointers, for which zero is a value.
            unsafe { zeroed() };
        let buffers = self.bytes.iter_mut().zip(&mut self.controls);
        for ((part, message), (bytes, control)) in parts.iter_mut().zip(&mut messages).zip(buffers)
        {
            let part = part.write(libc::iovec {
                iov_base: bytes.as_mut_ptr().cast(),
                iov_len: bytes.len(),
            });
            message.msg_hdr.msg_iov = part;
            message.msg_hdr.msg_iovlen = 1;
            message.msg_hdr.msg_control = control.as_mut_ptr().cast();
            message.msg_hdr.msg_controllen = CONTROL as _;
        }
        // SAFETY: every message points to buffers of the said lengths, which
        // live through the call.
        let count = unsafe {
            libc::recvmmsg(
                fd,
                messages.as_mut_ptr(),
                BATCH as u32,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        let count = usize::try_from(count).unwrap_or(0);
        for (message, bytes) in messages.iter().zip(&self.bytes).take(count) {
            let len = (message.msg_len as usize).min(DATAGRAM);
            take(&bytes[..len], stamp(&message.msg_hdr).unwrap_or_else(now));
        }
        count
    }
}

fn stamp(header: &libc::msghdr) -> Option<u64> {
    // SAFETY: the kernel has filled the control buffer, and says how far; the
    // walk stays within. A time stamp's data is a timespec.
    unsafe {
        let mut control = libc::CMSG_FIRSTHDR(header);
        while let Some(message) = control.as_ref() {
            if message.cmsg_level == libc::SOL_SOCKET && message.cmsg_type == libc::SCM_TIMESTAMPNS
            {
                let time = libc::CMSG_DATA(control).cast::<libc::timespec>();
                return Some(nanos(time.read_unaligned()));
            }
            control = libc::CMSG_NXTHDR(header, control);
        }
    }
    None
}

/// Sends datagrams to one address in one call; gives how many were taken.
pub(crate) fn send(socket: &UdpSocket, to: SocketAddrV4, datagrams: &[Vec<u8>]) -> usize {
    let mut name = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: to.port().to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes(to.ip().octets()),
        },
        sin_zero: [0; 8],
    };
    let mut parts: Vec<libc::iovec> = datagrams
        .iter()
        .map(|bytes| libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        })
        .collect();
    let mut messages: Vec<libc::mmsghdr> = parts
        .iter_mut()
        .map(|part| {
            // SAFETY: integers and pointers, for which zero is a value.
            let mut message: libc::mmsghdr = unsafe { zeroed() };
            message.msg_hdr.msg_name = (&raw mut name).cast();
            message.msg_hdr.msg_namelen = size_of_val(&name) as _;
            message.msg_hdr.msg_iov = part;
            message.msg_hdr.msg_iovlen = 1;
            message
        })
        .collect();
    // SAFETY: every message points to what lives through the call.
    let sent = unsafe {
        libc::sendmmsg(
            socket.as_raw_fd(),
            messages.as_mut_ptr(),
            messages.len() as u32,
            0,
        )
    };
    usize::try_from(sent).unwrap_or(0)
}
