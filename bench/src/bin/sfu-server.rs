//! `sfu-server ADDRESS [SHARDS [CORE [HOLD]]]`: the SFU alone in a process of its own, so that its
//! processor time can be read. Commands come in on standard input and events
//! go out on standard output, one JSON object a line, as the wire crate writes
//! them. It ends with its input. Its shards are pinned from that core on;
//! `HOLD` is how many microseconds packets wait for others of their frame.

use conclave_sfu::config::Pinning;
use conclave_sfu::{Config, start};
use std::error::Error;
use std::io::{BufRead, Write};
use std::net::SocketAddr;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next();
    let address: SocketAddr = address
        .ok_or("usage: sfu-server ADDRESS [SHARDS [CORE [HOLD]]]")?
        .parse()?;
    let mut config = Config::new(address, vec![address]);
    // One room of a benchmark is larger than a sensible default.
    config.limits.room = 2_000;
    if let Some(shards) = arguments.next() {
        config.shards = shards.parse()?;
    }
    if let Some(core) = arguments.next() {
        config.pinning = Pinning::From(core.parse()?);
    }
    if let Some(hold) = arguments.next() {
        config.hold = Duration::from_micros(hold.parse()?);
    }
    let (sfu, mut events) = start(&config)?;
    std::thread::spawn(move || {
        let mut out = std::io::stdout().lock();
        while let Some(event) = events.blocking_recv() {
            let Ok(line) = serde_json::to_string(&event) else {
                return;
            };
            if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
                return;
            }
        }
    });
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if line == "counters" {
            let snapshot = sfu.snapshot();
            for (counter, count) in snapshot.counters.iter().filter(|(_, count)| *count > 0) {
                eprintln!("  {}: {count}", counter.label());
            }
            for (reason, count) in snapshot.drops.iter().filter(|(_, count)| *count > 0) {
                eprintln!("  dropped, {}: {count}", reason.label());
            }
            continue;
        }
        sfu.send(serde_json::from_str(&line)?)?;
    }
    Ok(())
}
