//! A shared screen reaches everybody beside the camera, and is gone when it is
//! stopped.

use conclave_kit::native::{SCREEN, clip, first_frame, remote};
use conclave_kit::{Member, Native, PATIENCE, Server, eventually};
use conclave_wire::control::Source;
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_conclave");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_screen_is_seen_beside_the_camera_until_it_is_stopped() {
    let server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let mut anna = Native::host(&door, &room.host_link(&door), "Anna", 440.0);
    anna.admitted().await;
    let mut viewers = Vec::new();
    for (name, hertz) in [("Ben", 660.0), ("Clara", 880.0)] {
        let mut native = Native::guest(&door, &room.link(&door), name, hertz);
        native.admitted().await;
        viewers.push(native);
    }
    let id = anna.id().await;
    for viewer in &mut viewers {
        viewer.told(PATIENCE, first_frame(id, Source::Camera)).await;
    }

    anna.inner.show(Source::Screen, clip(SCREEN)).await;
    for viewer in &mut viewers {
        viewer.told(PATIENCE, first_frame(id, Source::Screen)).await;
    }
    for viewer in &viewers {
        viewer.gets(PATIENCE, 15, &[id]).await;
        let report = viewer.report().await;
        let remote = remote(&report, id).expect("Anna is there");
        let screen = remote.screen.as_ref().expect("the screen");
        assert_eq!(
            (screen.width, screen.height, screen.undecodable),
            (640, 360, 0)
        );
        let camera = remote.camera.as_ref().expect("the camera");
        assert_eq!((camera.width, camera.height), (320, 180));
    }

    // What a page draws its tiles from is the roster: a bare member watches it.
    let shares = |witness: &Member, source| {
        witness
            .roster
            .iter()
            .any(|member| member.participant == id && member.live.contains(&source))
    };
    let mut witness = Member::guest(&door, &room, "Dora").await;
    witness
        .until("the screen is live", |witness| {
            shares(witness, Source::Screen)
        })
        .await;
    let stopped = Instant::now();
    anna.inner.set_live(Source::Screen, false).await;
    witness
        .until("the screen is gone", |witness| {
            !shares(witness, Source::Screen)
        })
        .await;
    let took = stopped.elapsed();
    assert!(
        took <= Duration::from_secs(1),
        "the end is seen after {took:?}"
    );
    assert!(
        shares(&witness, Source::Camera),
        "the camera is gone as well"
    );

    // What was under way arrives; then the camera's pictures come without the screen's.
    for viewer in &viewers {
        let pictures = async || {
            let report = viewer.report().await;
            let remote = remote(&report, id).expect("Anna is there").clone();
            let (screen, camera) = (remote.screen, remote.camera);
            (
                screen.expect("the screen").frames_opened,
                camera.expect("the camera").frames_opened,
            )
        };
        let (mut screen, mut since) = pictures().await;
        eventually(
            PATIENCE,
            "two seconds of camera without a screen",
            async || {
                let now = pictures().await;
                if now.0 != screen {
                    (screen, since) = now;
                }
                (now.1 >= since + 30).then_some(())
            },
        )
        .await;
    }
}
