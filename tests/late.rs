//! Who joins late sees pictures soon, and many who join at once cost the
//! sender few keyframes.

use conclave_client::call::Admit;
use conclave_client::report::PicturesReport;
use conclave_kit::native::{CAMERA, SCREEN, clip, options, remote};
use conclave_kit::{Native, PATIENCE, Server, eventually, quiet};
use conclave_wire::id::ParticipantId;
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_conclave");

/// From admission to the first whole picture of a camera.
const CAMERA_SEEN: Duration = Duration::from_secs(1);
/// The same of a shared screen, whose sender makes few pictures.
const SCREEN_SEEN: Duration = Duration::from_secs(2);
/// A sender is asked for a keyframe no more often than this.
const BETWEEN_REQUESTS: Duration = Duration::from_millis(400);

/// When the first picture could be decoded of the camera and of the screen,
/// counted from admission.
async fn seen(mut guest: Native, sender: ParticipantId) -> [Duration; 2] {
    let admitted = guest.admitted().await;
    let mut seen = [None; 2];
    eventually(PATIENCE, format!("{} sees both", guest.name), async || {
        let report = guest.report().await;
        let remote = remote(&report, sender)?;
        let whole = |pictures: &Option<PicturesReport>| {
            pictures
                .as_ref()
                .is_some_and(|p| p.keyframes > 0 && p.undecodable == 0)
        };
        for (seen, pictures) in seen.iter_mut().zip([&remote.camera, &remote.screen]) {
            if whole(pictures) {
                seen.get_or_insert(admitted.elapsed());
            }
        }
        Some([seen[0]?, seen[1]?])
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_joiners_see_camera_and_screen_soon_and_ask_together() {
    let _turn = quiet().await;
    let server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let mut anna = options(&door, &room.host_link(&door), "Anna");
    (anna.start, anna.admit) = (true, Admit::All);
    (anna.camera, anna.screen) = (Some(clip(CAMERA)), Some(clip(SCREEN)));
    let mut anna = Native::start(anna);
    let id = anna.id().await;
    anna.admitted().await;
    let guest = |name: String| Native::start(options(&door, &room.link(&door), &name));

    for n in 0..4 {
        let [camera, screen] = seen(guest(format!("late {n}")), id).await;
        println!("joiner {n}: camera after {camera:?}, screen after {screen:?}");
        assert!(camera <= CAMERA_SEEN, "camera after {camera:?}");
        assert!(screen <= SCREEN_SEEN, "screen after {screen:?}");
    }

    let requests = async || server.metrics().await.sum("\"keyframe-requests-sent\"");
    let before = requests().await;
    let start = Instant::now();
    let mut slowest = [Duration::ZERO; 2];
    tokio::task::LocalSet::new()
        .run_until(async {
            let together = (0..10).map(|n| seen(guest(format!("together {n}")), id));
            let together: Vec<_> = together.map(tokio::task::spawn_local).collect();
            for guest in together {
                let seen = guest.await.expect("it stays");
                slowest = [slowest[0].max(seen[0]), slowest[1].max(seen[1])];
            }
        })
        .await;
    let asked = requests().await - before;
    let took = start.elapsed();
    println!("ten at once: {slowest:?} at the latest, {asked} requests in {took:?}");
    // Two sources, each asked once at first and then once in 400 ms, however
    // many wait.
    let most = 2.0 * (1.0 + took.as_secs_f64() / BETWEEN_REQUESTS.as_secs_f64());
    assert!(asked >= 1.0 && asked <= most, "{asked} of at most {most}");
}
