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

use packet::Sizes;
use run::{Outcome, Plan};
use server::Spec;
use shape::Shape;
use sink::Sink;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

const USAGE: &str = "usage: load --server NAME=webrtc:COMMAND [--server NAME=plain:COMMAND]...
  --shape 1->100 [--shape 10x10 | 200*2x2]...   who sends to whom
  --rate 2000        packets a second of each publisher
  --burst 1,4,8      packets of a frame
  --spacing 0        microseconds between them; 0 sends them back to back
  --sizes full       or split: frames of many lengths, split as browsers do
  --seconds 4        of each run
  --rounds 3         runs of each; the median counts
  --sample 10        one of so many participants opens all it receives
  --publish-from 127.0.0.1  --receive-at 127.0.0.1
  --sink DEVICE      route what leaves for --receive-at there; `none`: receive it
  --core 0           where the generator runs";

struct Arguments {
    servers: Vec<Spec>,
    shapes: Vec<Shape>,
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
            "--shape" => arguments.shapes.push(value.parse()?),
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
    println!(
        "| shape | packets/s | burst | server | ns a forward | forwards/s a core | ratio | offered/s | of a core | lost | joined | p50 µs | p99 µs | p99.9 µs | opened | KiB a participant | KiB a subscription |"
    );
    println!("|---|--:|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    let mut failed = false;
    for shape in &arguments.shapes {
        for burst in &arguments.bursts {
            let plan = Plan {
                shape: *shape,
                burst: *burst,
                ..arguments.plan.clone()
            };
            // By server, then by round.
            let mut outcomes: Vec<Vec<Option<Outcome>>> = Vec::new();
            outcomes.resize_with(arguments.servers.len(), Vec::new);
            for _ in 0..arguments.rounds {
                for (server, outcomes) in arguments.servers.iter().zip(&mut outcomes) {
                    let outcome = run::run(server, &plan);
                    if let Err(error) = &outcome {
                        eprintln!("{}, {shape}: {error}", server.name);
                    }
                    outcomes.push(outcome.ok());
                }
            }
            let costs: Vec<Vec<_>> = outcomes.iter().map(|rounds| costs(rounds)).collect();
            for ((server, outcomes), own) in arguments.servers.iter().zip(outcomes).zip(&costs) {
                let ran = || outcomes.iter().flatten();
                failed |= ran().any(|outcome| outcome.wrong > 0);
                // Of the same round, as the machine is not always the same.
                let pairs = own.iter().zip(&costs[0]);
                let ratios = pairs.filter_map(|(own, first)| Some((*own)? / (*first)?));
                report(server, &plan, outcomes, median(ratios.collect()));
            }
        }
    }
    if failed {
        return Err("some packets were not what was sent".into());
    }
    Ok(())
}

fn costs(rounds: &[Option<Outcome>]) -> Vec<Option<f64>> {
    let costs = rounds.iter().map(Option::as_ref);
    costs
        .map(|outcome| outcome.map(Outcome::processor_a_forward))
        .collect()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Prints the run with the median cost, and the latencies of all.
fn report(server: &Spec, plan: &Plan, rounds: Vec<Option<Outcome>>, ratio: Option<f64>) {
    let mut outcomes: Vec<Outcome> = rounds.into_iter().flatten().collect();
    outcomes.sort_by(|a, b| a.processor_a_forward().total_cmp(&b.processor_a_forward()));
    let (shape, rate, burst, name) = (plan.shape, plan.rate, plan.burst, &server.name);
    let Some(outcome) = outcomes.get(outcomes.len() / 2) else {
        println!("| {shape} | {rate} | {burst} | {name} | failed |");
        return;
    };
    let mut latencies = outcome.latency.clone();
    latencies.clear();
    for outcome in &outcomes {
        // Their bounds are the same.
        let _ = latencies.add(&outcome.latency);
    }
    let latency = |quantile| match plan.sink {
        Some(_) => "-".to_owned(),
        None => format!("{:.0}", latencies.value_at_quantile(quantile) as f64 / 1e3),
    };
    let cost = outcome.processor_a_forward();
    let memory = |of: usize| outcome.memory as f64 / of.max(1) as f64 / 1024.0;
    println!(
        "| {shape} | {rate} | {burst} | {name} | {cost:.0} | {:.0} | {} | {:.0} | {:.1} % | {:.3} % | {:.1} | {} | {} | {} | {} | {:.1} | {:.1} |",
        1e9 / cost,
        ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")),
        outcome.expected as f64 / outcome.seconds,
        outcome.processor as f64 / outcome.seconds / 1e7,
        100.0 * outcome.loss(),
        outcome.joined,
        latency(0.5),
        latency(0.99),
        latency(0.999),
        outcome.verified,
        memory(shape.participants()),
        memory(shape.subscriptions()),
    );
}
