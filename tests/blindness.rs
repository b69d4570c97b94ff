//! The server is blind: what passes through its hands is sealed, and what it
//! holds, in memory, on disk or in its log, opens nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use conclave_client::audio::source::{AudioSource, Signal};
use conclave_kit::media::Pictures;
use conclave_kit::native::{CAMERA, clip};
use conclave_kit::{
    Member, Native, Needle, PATIENCE, Payload, Room, Server, Tap, eventually, memory,
};
use std::collections::HashSet;

const PROGRAM: &str = env!("CARGO_BIN_EXE_conclave");

/// Bytes in a row that are no chance any more: 2^-128.
const RUN: usize = 16;

/// Every run of plaintext.
fn runs<'a>(plaintexts: impl IntoIterator<Item = &'a [u8]>) -> HashSet<[u8; RUN]> {
    plaintexts
        .into_iter()
        .flat_map(|text| text.windows(RUN))
        .map(|run| run.try_into().expect("its length"))
        .collect()
}

fn holds(payload: &[u8], runs: &HashSet<[u8; RUN]>) -> bool {
    payload.windows(RUN).any(|run| runs.contains(run))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_run_of_plaintext_leaves_a_client_and_the_members_open_the_very_frames() {
    let server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let mut host = Member::host(&door, &room, "Anna").await;

    // Everything Nadia can send is known: the clip's frames, and the tone's packets.
    let film = clip(CAMERA);
    let frames: Vec<Vec<u8>> = (0..90).map(|n| film.frame(n).data.to_vec()).collect();
    let mut tone = AudioSource::new(Signal::Tone(440.0)).expect("an encoder");
    let sounds: Vec<Vec<u8>> = (0..1000)
        .map(|_| tone.next_frame().expect("a packet").packet)
        .collect();
    let known = runs(frames.iter().chain(&sounds).map(Vec::as_slice));

    let mut tap = Tap::before(&server).await;
    let mut nadia = Native::guest(&tap.door(), &room.link(&tap.door()), "Nadia", 440.0);
    host.admit(nadia.id().await).await;
    nadia.admitted().await;

    let (mut pictures, mut seen, mut heard, mut payloads) = (Pictures::default(), 0, 0, Vec::new());
    let slot: conclave_wire::id::Mid = "0".parse().expect("a mid");
    let mut opened = Vec::new();
    while seen < 45 || heard < 100 {
        let payload: Payload = tap.next().await;
        assert!(
            !holds(&payload.bytes, &known),
            "a run of plaintext leaves the client"
        );
        let sealed = if payload.audio {
            Some(payload.bytes.to_vec())
        } else {
            pictures.piece(slot.clone(), payload.sequence, &payload.bytes)
        };
        if let Some(sealed) = sealed {
            let now = host.now_ms();
            let sender = host
                .session
                .open(&sealed, now, &mut opened)
                .expect("a member opens it")
                .sender
                .clone();
            assert_eq!(sender.name.as_str(), "Nadia");
            let (plaintexts, count) = if payload.audio {
                (&sounds, &mut heard)
            } else {
                (&frames, &mut seen)
            };
            assert!(
                plaintexts.contains(&opened),
                "what a member opens is not what was sent"
            );
            *count += 1;
            assert!(!holds(&sealed, &known) && (opened.len() < RUN || holds(&opened, &known)));
        }
        payloads.push(payload.bytes);
    }
    // The clear part of a picture's packet is the payload descriptor; the rest of all of them together is noise:
    // no byte value is much more frequent than 1 in 256.
    let mut counts = [0_u64; 256];
    payloads
        .iter()
        .flat_map(|payload| payload.iter().skip(24))
        .for_each(|byte| counts[usize::from(*byte)] += 1);
    let (total, most) = (
        counts.iter().sum::<u64>(),
        *counts.iter().max().expect("256 of them"),
    );
    assert!(
        total > 20_000 && most * 256 < total * 2,
        "{most} of {total} bytes are the same"
    );
}

/// What the call keeps secret, as its members know it.
fn secrets(room: &Room, member: &Member, epoch: &str) -> Vec<Needle> {
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let mut needles = vec![
        Needle::new("link secret", room.secret),
        Needle::new("link secret in a link", text(&room.secret)),
        Needle::new("host key", room.host_key.0.clone()),
        Needle::new("host key in a link", text(&room.host_key.0)),
        Needle::new("knock key", room.derived("conclave 1 knock")),
        Needle::new("external PSK", room.derived("conclave 1 psk")),
    ];
    for (name, label, len) in [
        ("SFrame base key", "SFrame 1.0 Base Key", 32),
        ("call code secret", "conclave 1 call code", 8),
        ("comparison secret", "conclave 1 compare", 32),
        ("another exported secret", "conclave test", 32),
    ] {
        let secret = member
            .session
            .export(label, b"", len)
            .expect("in the group");
        needles.push(Needle::new(format!("{name} of {epoch}"), secret.to_vec()));
        needles.push(Needle::new(
            format!("{name} of {epoch} as text"),
            text(&secret),
        ));
    }
    let code = member
        .session
        .call_code()
        .expect("in the group")
        .to_string();
    needles.push(Needle::new(
        format!("call code of {epoch}"),
        code.replace(' ', ""),
    ));
    needles.push(Needle::new(format!("call code of {epoch} as shown"), code));
    needles
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_servers_memory_files_and_log_hold_no_secret_of_a_running_call() {
    let log = (
        "CONCLAVE_LOG",
        "info,conclave=trace,conclave_signaling=trace,conclave_sfu=trace",
    );
    let server = Server::start_with(PROGRAM, &[log]).await;
    let (door, room) = (server.door(), server.room().await);
    let names = [
        "Wilhelmina Quarterbrook",
        "Bartholomew Ostrander",
        "Zinnia Featherstonehaugh",
    ];
    let mut host = Member::host(&door, &room, names[0]).await;
    let mut needles = secrets(&room, &host, "epoch 0");

    let mut natives = Vec::new();
    for (name, hertz) in [(names[1], 440.0), (names[2], 660.0)] {
        let mut native = Native::guest(&door, &room.link(&door), name, hertz);
        let id = native.id().await;
        host.admit(id).await;
        native.admitted().await;
        needles.extend(secrets(&room, &host, &format!("epoch {}", host.epoch())));
        natives.push((native, id));
    }
    host.rekey().await;
    needles.extend(secrets(&room, &host, "the running epoch"));
    natives[0].0.gets(PATIENCE, 20, &[natives[1].1]).await;
    natives[1].0.gets(PATIENCE, 20, &[natives[0].1]).await;

    let film = clip(CAMERA);
    needles.push(Needle::new(
        "a picture",
        film.frame(0).data[64..128].to_vec(),
    ));
    let mut tone = AudioSource::new(Signal::Tone(440.0)).expect("an encoder");
    needles.push(Needle::new(
        "a sound",
        tone.next_frame().expect("a packet").packet,
    ));
    // What the server has to hold shows that the search finds what is there.
    let present = [
        Needle::new("room id", room.id.0),
        Needle::new("host's participant id", host.id().0),
        Needle::new("guest's participant id", natives[0].1.0),
    ];

    let in_memory = |needles: &[Needle]| {
        memory::of_process(server.pid(), needles).expect("the server's memory")
    };
    let found = in_memory(&present);
    assert_eq!(
        found.len(),
        present.len(),
        "only {found:?} found: the search does not work"
    );
    let on_disk = server.stored(&present);
    for needle in &present {
        assert!(
            on_disk.iter().any(|found| found.starts_with(&needle.name)),
            "{} is not among {on_disk:?}",
            needle.name
        );
    }

    // The host key passes the server in the host's first message, and only its hash is kept: of the process's memory
    // it may still be on a page that was freed.
    let kept: Vec<_> = needles
        .iter()
        .filter(|needle| !needle.name.starts_with("host key"))
        .cloned()
        .collect();
    // A few looks while media runs: what a moment hides the next one shows.
    for _ in 0..3 {
        assert_eq!(in_memory(&kept), [""; 0], "in the server's memory");
        natives[0].0.gets(PATIENCE, 3, &[natives[1].1]).await;
    }
    assert_eq!(
        memory::of_folder(server.folder(), &needles).expect("data and log"),
        [""; 0],
        "in data or log"
    );
    assert_eq!(server.stored(&needles), [""; 0], "in the database");
    assert!(!server.log().is_empty(), "there is no log to search");

    // Names are inside the KeyPackages of those who wait, and nowhere once nobody waits.
    let names: Vec<_> = names.iter().map(|name| Needle::new(*name, *name)).collect();
    eventually(
        PATIENCE,
        "no name is in data, database or log",
        async || {
            let mut found = memory::of_folder(server.folder(), &names).expect("data and log");
            found.extend(server.stored(&names));
            found.is_empty().then_some(())
        },
    )
    .await;
    println!("names in memory: {:?}", in_memory(&names));
}
