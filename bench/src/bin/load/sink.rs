//! A device that takes what the server sends, counts and drops it: like a
//! network card, and unlike loopback it bills no receiver's work to the server.
//!
//! The receivers' address is one of the device's, so what is sent to it arrives
//! as local traffic does, also from a server that names the device it sends
//! from (libnice does, with `IP_UNICAST_IF`). Once all receive, a rule that is
//! asked before the table of local addresses sends it out of the device
//! instead, an `ifb` whose counters are read. What they send still arrives.

use std::io;
use std::net::IpAddr;
use std::process::Command;

/// Ethernet, IPv4 and UDP headers, which the device counts once a message.
const HEADERS: u64 = 14 + 20 + 8;

/// The device, and the address whose datagrams it takes.
#[derive(Debug, Clone)]
pub(crate) struct Sink {
    pub(crate) device: String,
    pub(crate) address: IpAddr,
}

/// Counters of the device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Count {
    messages: u64,
    bytes: u64,
}

impl Count {
    /// Datagrams of `len` bytes on average since `before`, however they were
    /// joined.
    pub(crate) fn datagrams_since(&self, before: &Count, len: f64) -> u64 {
        let headers = self.messages_since(before) * HEADERS;
        let bytes = (self.bytes - before.bytes).saturating_sub(headers);
        (bytes as f64 / len.max(1.0)) as u64
    }

    /// Messages since `before`.
    pub(crate) fn messages_since(&self, before: &Count) -> u64 {
        self.messages - before.messages
    }
}

impl Sink {
    /// Receivers can be reached.
    pub(crate) fn open(&self) -> io::Result<()> {
        // Fails when there is no such rule yet.
        let _ = ip(&["rule", "del", "preference", "10"]);
        let device = &self.device;
        ip(&["addr", "replace", &self.host(), "dev", device])?;
        ip(&[
            "route",
            "replace",
            &self.host(),
            "dev",
            device,
            "table",
            "10",
        ])
    }

    /// From now on the device takes everything.
    pub(crate) fn close(&self) -> io::Result<()> {
        let to = self.host();
        ip(&["rule", "add", "preference", "10", "to", &to, "lookup", "10"])
    }

    pub(crate) fn count(&self) -> io::Result<Count> {
        let read = |name: &str| -> io::Result<u64> {
            let text = std::fs::read_to_string(format!(
                "/sys/class/net/{}/statistics/{name}",
                self.device
            ))?;
            Ok(text.trim().parse().unwrap_or(0))
        };
        // Which direction an ifb device counts differs by kernel.
        Ok(Count {
            messages: read("tx_packets")?.max(read("rx_packets")?),
            bytes: read("tx_bytes")?.max(read("rx_bytes")?),
        })
    }

    fn host(&self) -> String {
        format!("{}/32", self.address)
    }
}

fn ip(arguments: &[&str]) -> io::Result<()> {
    let output = Command::new("ip").args(arguments).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(io::Error::other(format!("ip {arguments:?}: {said}")))
}
