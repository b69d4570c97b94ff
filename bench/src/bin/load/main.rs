//! A load of participants with real ICE, DTLS and SRTP, against servers that
//! each run in a process of their own. It sends by the clock, whether or not
//! anything comes back, and reports what a forward costs the server, what is
//! lost, how late the rest is, and what a participant takes in memory. Several
//! servers are measured interleaved, so that their ratios hold on a machine
//! that does other things too. `bench/README.md` has the commands.

mod client;
mod net;
mod packet;
mod run;
mod server;
mod shape;
mod sink;
mod table;

use packet::Sizes;
use run::Plan;
use server::Spec;
use shape::Shape;
use sink::Sink;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use table::Table;

const USAGE: &str = "usage: load --server NAME=webrtc:COMMAND [--server NAME=plain:COMMAND]...
  --shape 1->100 [--shape 10x10@100 | 200*2x2]...   who sends to whom
  --rate 2000        packets a second of each publisher, where `@` does not say
  --burst 1,4,8      packets of a frame
  --spacing 0        microseconds between them; 0 sends them back to back
  --sizes full       or split: frames of many lengths, split as browsers do
  --seconds 4        of each run
  --rounds 3         runs of each, in turn; the median counts
  --sample 10        one of so many participants opens all it receives
  --publish-from 127.0.0.1  --receive-at 127.0.0.1
  --sink DEVICE      route what leaves for --receive-at there; `none`: receive it
  --core 0           where the generator runs";

struct Arguments {
    servers: Vec<Spec>,
    /// With what is to be sent in each, if not as everywhere.
    shapes: Vec<(Shape, Option<u64>)>,
    bursts: Vec<usize>,
    rounds: usize,
    core: Option<usize>,
    plan: Plan,
}

fn parse() -> Result<Arguments, Box<dyn Error>> {
    let local = IpAddr::from(Ipv4Addr::LOCALHOST);
    let mut arguments = Arguments {
        servers: Vec::new(),
        shapes: Vec::new(),
        bursts: vec![8],
        rounds: 1,
        core: None,
        plan: Plan {
            shape: "1->1".parse()?,
            rate: 2000,
            burst: 1,
            spacing: Duration::ZERO,
            sizes: Sizes::Full,
            seconds: 4,
            sample: 10,
            publish_from: local,
            receive_at: local,
            sink: None,
        },
    };
    let plan = &mut arguments.plan;
    let mut device = None;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or(USAGE)?;
        match word.as_str() {
            "--server" => arguments.servers.push(Spec::parse(&value)?),
            "--shape" => {
                let (shape, rate) = value.split_once('@').unzip();
                let rate = rate.map(str::parse).transpose()?;
                let shape = shape.unwrap_or(&value).parse()?;
                arguments.shapes.push((shape, rate));
            }
            "--rate" => plan.rate = value.parse()?,
            "--burst" => {
                let bursts: Result<_, _> = value.split(',').map(str::parse).collect();
                arguments.bursts = bursts?;
            }
            "--spacing" => plan.spacing = Duration::from_micros(value.parse()?),
            "--sizes" => plan.sizes = value.parse()?,
            "--seconds" => plan.seconds = value.parse()?,
            "--rounds" => arguments.rounds = value.parse()?,
            "--sample" => plan.sample = value.parse()?,
            "--publish-from" => plan.publish_from = value.parse()?,
            "--receive-at" => plan.receive_at = value.parse()?,
            "--sink" => device = Some(value).filter(|device| device != "none"),
            "--core" => arguments.core = Some(value.parse()?),
            _ => return Err(USAGE.into()),
        }
    }
    if arguments.servers.is_empty() || arguments.shapes.is_empty() {
        return Err(USAGE.into());
    }
    plan.sink = device.map(|device| Sink {
        device,
        address: plan.receive_at,
    });
    Ok(arguments)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = parse()?;
    str0m::crypto::from_feature_flags().install_process_default();
    if let Some(core) = arguments.core {
        core_affinity::set_for_current(core_affinity::CoreId { id: core });
    }
    let mut tables = Vec::new();
    for (shape, rate) in &arguments.shapes {
        for burst in &arguments.bursts {
            let plan = Plan {
                shape: *shape,
                rate: rate.unwrap_or(arguments.plan.rate),
                burst: *burst,
                ..arguments.plan.clone()
            };
            tables.push(Table::new(plan, arguments.servers.len()));
        }
    }
    for _ in 0..arguments.rounds {
        for table in &mut tables {
            for (server, outcomes) in arguments.servers.iter().zip(&mut table.outcomes) {
                let outcome = run::run(server, &table.plan);
                if let Err(error) = &outcome {
                    eprintln!("{}, {}: {error}", server.name, table.plan.shape);
                }
                outcomes.push(outcome.ok());
            }
        }
    }
    table::print_head();
    let names: Vec<_> = arguments
        .servers
        .iter()
        .map(|server| &*server.name)
        .collect();
    for table in &tables {
        table.print(&names);
    }
    if tables.iter().any(Table::has_wrong) {
        return Err("some packets were not what was sent".into());
    }
    Ok(())
}
