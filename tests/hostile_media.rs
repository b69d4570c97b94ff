//! Malformed input at the media plane's doors while a call runs: each is
//! answered by a typed error or counted as a drop, the server stays what it
//! was, and the call goes on.

use conclave_client::transport::{Config, Transport};
use conclave_kit::{Call, Dice, Media, PATIENCE, datagram, eventually, quiet, within};
use conclave_wire::client::{Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::control::{Sending, Source};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

const PROGRAM: &str = env!("CARGO_BIN_EXE_conclave");

/// Sends many datagrams with room to breathe: the media of the call shares the
/// socket's buffer.
async fn storm(
    socket: &UdpSocket,
    to: SocketAddr,
    count: usize,
    mut datagram: impl FnMut(usize) -> Vec<u8>,
) {
    for n in 0..count {
        // Refused sizes and full buffers are the sender's problem.
        let _ = socket.send_to(&datagram(n), to).await;
        if n % 20 == 19 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn datagrams_of_strangers_are_counted_drops() {
    let _turn = quiet().await;
    let mut dice = Dice::new("strangers", 31);
    let mut call = Call::running(PROGRAM).await;
    let media = call.server.media();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a socket");
    const COUNT: usize = 1000;

    for kind in [
        "noise",
        "STUN",
        "damaged STUN",
        "DTLS",
        "RTP",
        "RTCP",
        "sizes",
    ] {
        let before = call.drops().await;
        storm(&socket, media, COUNT, |n| match kind {
            "noise" => {
                let len = dice.below(1500);
                dice.bytes(len)
            }
            "STUN" => datagram::binding_request([n as u8; 12], "nobody:knows", "this password"),
            "damaged STUN" => dice.mutate(&datagram::binding_request(
                [n as u8; 12],
                "nobody:knows",
                "this password",
            )),
            "DTLS" => dice.mutate(&datagram::client_hello([n as u8; 32])),
            "RTP" => datagram::rtp(98, n as u16, dice.roll() as u32),
            "RTCP" => datagram::rtcp(dice.roll() as u32),
            _ => {
                vec![[0, 22, 0x80, 0xff][n % 4]; [0, 1, 11, 12, 19, 20, 1500, 9000, 65_000][n % 9]]
            }
        })
        .await;
        // A full socket buffer may swallow some before the server sees them.
        let enough = COUNT as f64 * 0.8;
        eventually(
            PATIENCE,
            format!("{enough} drops after {kind}"),
            async || (call.drops().await - before >= enough).then_some(()),
        )
        .await;
        call.goes_on(&format!("after {kind} of strangers")).await;
    }
}

/// ICE user fragment and password of an SDP.
fn ice(sdp: &str) -> (&str, &str) {
    let value = |name| {
        sdp.lines()
            .find_map(|line| line.strip_prefix(name))
            .expect("ICE credentials")
    };
    (value("a=ice-ufrag:"), value("a=ice-pwd:"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn datagrams_of_a_member_who_means_no_good_hurt_only_that_member() {
    let _turn = quiet().await;
    let mut dice = Dice::new("a member's datagrams", 32);
    let mut call = Call::running(PROGRAM).await;
    let media = call.server.media();
    let mut eve = call.eve().await;

    // An address that ICE has validated, behind which there is no honest client.
    let (sender, _events) = mpsc::channel(64);
    let (_transport, offer) = Transport::open(&config(&[Source::Microphone]), sender)
        .await
        .expect("an offer");
    let answer = eve
        .raw
        .ask(Request::Offer {
            sdp: offer.sdp.clone(),
            sending: offer.sending,
        })
        .await;
    let ServerFrame::Answer { sdp, .. } = answer else {
        panic!("{answer:?}")
    };
    let ((theirs, password), (ours, _)) = (ice(&sdp), ice(&offer.sdp));
    let user = format!("{theirs}:{ours}");
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a socket");
    let check = datagram::binding_request(*b"ice check  1", &user, password);
    let mut reply = [0; 1500];
    within(PATIENCE, "the answer to an ICE check", async {
        socket.send_to(&check, media).await.expect("sent");
        socket.recv_from(&mut reply).await.expect("received");
    })
    .await;
    assert_eq!(reply[..2], [0x01, 0x01], "a binding success");

    let hello: [u8; 32] = dice.bytes(32).try_into().expect("its length");
    for kind in [
        "media before keys",
        "damaged checks",
        "damaged hellos",
        "noise of every class",
    ] {
        storm(&socket, media, 600, |n| match kind {
            "media before keys" if n % 2 == 0 => datagram::rtp(98, n as u16, 7),
            "media before keys" => datagram::rtcp(7),
            "damaged checks" => dice.mutate(&check),
            "damaged hellos" => dice.mutate(&datagram::client_hello(hello)),
            _ => {
                let len = 1 + dice.below(1400);
                let mut noise = dice.bytes(len);
                noise[0] = [0, 22, 20, 0x80, 0x90, 0xbf][n % 6];
                noise
            }
        })
        .await;
        call.goes_on(&format!("after {kind} of a member")).await;
    }
    let metrics = call.server.metrics().await;
    assert!(
        metrics.sum("no-keys") > 0.0 && metrics.sum("stun-") > 0.0,
        "{}",
        metrics.text
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn authentic_packets_with_nonsense_in_them_reach_members_as_nonsense_at_most() {
    let _turn = quiet().await;
    let mut dice = Dice::new("authentic nonsense", 33);
    let mut call = Call::running(PROGRAM).await;
    let mut eve = call.eve().await;
    let mut media = Media::connect(&mut eve, &[Source::Microphone, Source::Camera]).await;
    eve.raw
        .done(Request::Live {
            sources: vec![Source::Microphone, Source::Camera],
        })
        .await;
    for n in 0..400_u32 {
        // Payload descriptors of every length and none, with and without a frame behind them.
        let len = dice.below(40);
        let payload = dice.bytes(len);
        media
            .send(Source::Camera, n * 6000, n % 3 == 0, payload)
            .await;
        let len = dice.below(1200);
        let payload = dice.bytes(len);
        media
            .send(Source::Microphone, n * 960, false, payload)
            .await;
        if n % 20 == 19 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    call.goes_on("after authentic nonsense").await;
    // Members drop what does not open, and say so.
    for (native, _) in &call.natives {
        let report = native.report().await;
        let of_eve = report
            .remotes
            .iter()
            .find(|remote| remote.participant == eve.id());
        let opened = of_eve.map_or(0, |eve| {
            eve.audio.as_ref().map_or(0, |sound| sound.frames_opened)
                + eve
                    .camera
                    .as_ref()
                    .map_or(0, |pictures| pictures.frames_opened)
        });
        assert_eq!(opened, 0, "{} opened nonsense", native.name);
        assert!(
            report.drops.values().sum::<u64>() > 0,
            "{} got nothing of it",
            native.name
        );
    }
}

fn config(sources: &[Source]) -> Config {
    Config {
        bind: vec![([127, 0, 0, 1], 0).into()],
        sources: sources.to_vec(),
        audio_slots: 2,
        video_slots: 2,
        tcp: false,
        discreet: false,
    }
}

/// The offer with a line left out, doubled, cut, exchanged or changed.
fn damaged(dice: &mut Dice, sdp: &str) -> String {
    let mut lines: Vec<String> = sdp.lines().map(str::to_owned).collect();
    for _ in 0..=dice.below(3) {
        let at = dice.below(lines.len());
        match dice.below(6) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            2 => {
                let other = dice.below(lines.len());
                lines.swap(at, other);
            }
            3 => {
                let cut = dice.below(lines[at].len() + 1);
                lines[at] = lines[at].chars().take(cut).collect();
            }
            4 => lines[at]
                .push_str(["999999999999", " -1", ":", "\u{0}", "é", "0x7f"][dice.below(6)]),
            _ => {
                let bytes = dice.mutate(lines[at].as_bytes());
                lines[at] = String::from_utf8_lossy(&bytes).into_owned();
            }
        }
        if lines.is_empty() {
            break;
        }
    }
    lines.join("\r\n") + "\r\n"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_offers_are_refused_with_a_code() {
    let _turn = quiet().await;
    let mut dice = Dice::new("offers", 34);
    let mut call = Call::running(PROGRAM).await;
    let mut eve = call.eve().await;
    let (sender, _events) = mpsc::channel(64);
    let (_transport, offer) = Transport::open(&config(&[Source::Microphone]), sender)
        .await
        .expect("an offer");
    let sdp = offer.sdp.clone();
    let without = |prefix: &str| {
        sdp.lines()
            .filter(|line| !line.starts_with(prefix))
            .collect::<Vec<_>>()
            .join("\r\n")
    };
    let unknown = |mid: &str| {
        vec![Sending {
            mid: mid.parse().expect("a mid"),
            source: Source::Camera,
        }]
    };

    for (what, sdp, sending) in [
        ("empty", String::new(), vec![]),
        ("no SDP", "once upon a time".into(), vec![]),
        (
            "no sections",
            "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n".into(),
            vec![],
        ),
        (
            "no ICE credentials",
            without("a=ice-"),
            offer.sending.clone(),
        ),
        (
            "no fingerprint",
            without("a=fingerprint"),
            offer.sending.clone(),
        ),
        ("no mids", without("a=mid"), offer.sending.clone()),
        ("no codecs", without("a=rtpmap"), offer.sending.clone()),
        (
            "both ways",
            sdp.replace("a=sendonly", "a=sendrecv"),
            offer.sending.clone(),
        ),
        (
            "only H.264 and G.711",
            sdp.replace("VP9/", "H264/").replace("opus/", "PCMU/"),
            offer.sending.clone(),
        ),
        ("sends what is not there", sdp.clone(), unknown("nothere")),
        (
            "too many sections",
            format!(
                "{sdp}{}",
                "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n".repeat(6000)
            ),
            vec![],
        ),
        (
            "too long",
            format!("{sdp}{}", "a=x\r\n".repeat(60_000)),
            vec![],
        ),
    ] {
        let code = eve.raw.refused(Request::Offer { sdp, sending }).await;
        let fitting = [Code::BadOffer, Code::UnsupportedMedia, Code::TooLarge];
        assert!(fitting.contains(&code), "{what}: {code}");
    }
    call.goes_on("after bad offers").await;

    for _ in 0..120 {
        let sdp = damaged(&mut dice, &offer.sdp);
        match eve
            .raw
            .ask(Request::Offer {
                sdp: sdp.clone(),
                sending: offer.sending.clone(),
            })
            .await
        {
            ServerFrame::Answer { .. } => {}
            ServerFrame::Error { code, .. } => {
                let fitting = [Code::BadOffer, Code::UnsupportedMedia, Code::TooLarge];
                assert!(fitting.contains(&code), "{code} for:\n{sdp}");
            }
            other => panic!("{other:?}"),
        }
    }
    call.goes_on("after damaged offers").await;
    // And a sound one is still taken.
    let mut media = Media::connect(&mut eve, &[]).await;
    media
        .carry(&mut eve, 0, call.natives[0].1, Source::Microphone)
        .await;
    media.next().await;
}
