//! The emulator as a process, for tests that are not written in Rust: an order
//! a line on standard input, its answer a line on standard output.
//!
//! ```text
//!   conclave-emulator LISTEN TARGET SEED
//!   ▷ {"listening":"127.0.0.2:8443"}
//!   ◁ {"set":{"who":"everyone","toward":"down","conditions":{"loss":{"random":0.1}}}}
//!   ▷ {"clients":[{"name":"Xk3f","address":"127.0.0.1:40000","up":{…},"down":{…}}]}
//!   ◁ {"set":{"who":{"named":"Xk3f"},"conditions":{"rate":{"kbit":300,"burst":2400,"queue":{"ms":300}}}}}
//!   ◁ {"rebind":{"who":"everyone"}}
//!   ◁ "report"
//! ```
//!
//! It ends with its input.

use conclave_kit::Dice;
use conclave_kit::emulator::{Emulator, Order};
use serde_json::json;
use std::error::Error;
use std::io::{BufRead, Write};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [listen, target, seed] = arguments.as_slice() else {
        return Err("usage: conclave-emulator LISTEN TARGET SEED".into());
    };
    let dice = Dice::seeded(seed.parse()?);
    let emulator = Emulator::between(listen.parse()?, target.parse()?, dice)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", json!({ "listening": emulator.address() }))?;
    for line in std::io::stdin().lock().lines() {
        let answer = match serde_json::from_str::<Order>(&line?) {
            Ok(order) => json!({ "clients": emulator.order(order)? }),
            Err(error) => json!({ "error": error.to_string() }),
        };
        writeln!(out, "{answer}")?;
    }
    Ok(())
}
