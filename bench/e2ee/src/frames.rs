//! Media frames of one camera: 720 lines, 30 pictures a second, 1.5 Mbit/s.

use crate::cost::{Samples, timed};
use crate::platform::say;
use crate::rig::{Rig, Tree};
use conclave_e2ee::{Context, Suite};

/// Ten seconds: a keyframe of 60 kB, then 6.1 kB a picture.
const PICTURES: usize = 300;
const KEYFRAME: usize = 60_000;
const PICTURE: usize = 6_100;

/// Rounds whose median counts; one more comes first and does not.
const ROUNDS: usize = 9;

/// Prints what sealing and opening cost.
pub(crate) fn measure(suite: Suite) {
    let mut rig = Rig::new(suite, 2, Tree::AsJoined);
    let Some(mut observer) = rig.observer.take() else {
        return;
    };
    let epoch = rig.committer.epoch().unwrap();
    observer.activate(epoch, 0).unwrap();
    let (mut seals, mut opens) = (Samples::default(), Samples::default());
    let payload = vec![0x5a; KEYFRAME];
    let mut out = Vec::new();
    for round in 0..=ROUNDS {
        let mut frames = Vec::with_capacity(PICTURES);
        let (sealed, ()) = timed(|| {
            for picture in 0..PICTURES {
                let len = if picture == 0 { KEYFRAME } else { PICTURE };
                rig.committer
                    .seal(Context::CAMERA, &payload[..len], &mut out)
                    .unwrap();
                frames.push(out.clone());
            }
        });
        let (opened, ()) = timed(|| {
            for frame in &frames {
                observer.open(frame, 0, &mut out).unwrap();
            }
        });
        if round > 0 {
            seals.add(sealed);
            opens.add(opened);
        }
    }
    let bytes = (KEYFRAME + (PICTURES - 1) * PICTURE) as f64;
    for (name, samples) in [("seal", seals), ("open", opens)] {
        let ms = samples.median();
        say(&format!(
            "{suite:?}, {name}: {:.1} µs a frame, {:.0} MB/s, {:.3} % of a core a stream",
            ms * 1e3 / PICTURES as f64,
            bytes / 1e3 / ms,
            ms / 100.0
        ));
    }
}
