//! A narrow downlink as the kernel makes it: the server in one network
//! namespace, a participant in another, a token bucket (`tbf`) between them.
//! Prints a table. Skipped, saying why, where namespaces are not permitted.

use conclave_client::audio::source::Signal;
use conclave_client::call::Admit;
use conclave_kit::namespace::{HERE, There};
use conclave_kit::native::{CAMERA, clip, options};
use conclave_kit::{Native, PATIENCE, Server, within};
use serde_json::Value;
use std::process::Stdio;

const PROGRAM: &str = env!("CARGO_BIN_EXE_conclave");

/// How long somebody stays behind the narrow downlink, seconds.
const STAY: u64 = 8;
/// The most sound that may be lost while the server finds out what there is
/// room for, as a share of the whole stay.
const LOST: f64 = 0.2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_narrow_downlink_still_carries_a_call() {
    let Some(there) = There::from("a_narrow_downlink_still_carries_a_call") else {
        return;
    };
    let server = Server::start_at(HERE, PROGRAM, &[]).await;
    let (door, room) = (server.door(), server.room().await);
    let mut host = options(&door, &room.host_link(&door), "Anna");
    host.bind = vec![(HERE, 0).into()];
    host.start = true;
    host.admit = Admit::All;
    host.sound = Some(Signal::Tone(440.0));
    host.camera = Some(clip(CAMERA));
    let mut anna = Native::start(host);
    anna.admitted().await;

    let link = room.link(&door).replace("localhost", &HERE.to_string());
    println!("| downlink | pictures/s | height | freezes | frozen | audio lost |");
    println!("|---|---|---|---|---|---|");
    for kbit in [300, 100] {
        there.limit(kbit);
        let mut ben = there.command(PROGRAM);
        ben.args(["join", &link, "--name", "Ben", "--tone", "660"])
            .args(["--duration", &STAY.to_string(), "--report", "-"])
            .arg("--ca")
            .arg(door.authority())
            .stdin(Stdio::null());
        let stay = tokio::task::spawn_blocking(move || ben.output());
        let output = within(PATIENCE, "Ben's stay", stay).await;
        let output = output.expect("the thread").expect("ip netns");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        let (camera, audio) = (
            &report["remotes"][0]["camera"],
            &report["remotes"][0]["audio"],
        );
        let count = |what: &Value| what.as_f64().unwrap_or(0.0);
        let (opened, missing) = (
            count(&audio["frames_opened"]),
            count(&audio["frames_missing"]),
        );
        let lost = missing / (opened + missing);
        let pictures = count(&camera["frames_shown"]) / STAY as f64;
        println!(
            "| {kbit} kbit/s | {pictures:.1} | {} | {} | {:.1} s | {:.1} % |",
            camera["height"],
            camera["freezes"],
            count(&camera["frozen_ms"]) / 1_000.0,
            100.0 * lost
        );
        assert!(
            opened > 0.0 && lost <= LOST,
            "{lost:.3} of the sound was lost"
        );
    }
}
