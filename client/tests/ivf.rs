//! The IVF reader takes the clips the tests send, and nothing damaged.

use conclave_client::vp9::ivf::{Clip, IvfError};

const CAMERA: &[u8] = include_bytes!("../../tests/media/camera.ivf");
const SCREEN: &[u8] = include_bytes!("../../tests/media/screen.ivf");

#[test]
fn the_test_clips_are_read() {
    let camera = Clip::parse(CAMERA).expect("camera.ivf");
    assert_eq!(camera.interval(), 6_000);
    assert_eq!(camera.frame(0).keyframe, Some((320, 180)));
    assert_eq!(camera.keyframe_from(1), 15);
    assert_eq!(camera.keyframe_from(15), 15);
    assert_eq!(camera.keyframe_from(89), 0);
    assert_eq!(camera.frame(90).data, camera.frame(0).data);
    let screen = Clip::parse(SCREEN).expect("screen.ivf");
    assert_eq!(screen.interval(), 18_000);
    assert_eq!(screen.frame(0).keyframe, Some((640, 360)));
}

#[test]
fn a_file_cut_anywhere_but_between_frames_is_refused() {
    let mut whole = 0;
    for cut in 0..2_000 {
        match Clip::parse(&SCREEN[..cut]) {
            Ok(_) => whole += 1,
            Err(error) => assert!(
                matches!(
                    error,
                    IvfError::NotIvf | IvfError::Frame(_) | IvfError::NoKeyframe
                ),
                "cut at {cut}: {error}"
            ),
        }
    }
    assert!(whole < 20, "{whole} cuts were taken for whole files");
}

#[test]
fn other_codecs_times_and_frames_are_refused() {
    let change = |at: usize, bytes: &[u8]| {
        let mut file = SCREEN.to_vec();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        Clip::parse(&file).map(|_| ())
    };
    assert_eq!(change(0, b"RIFF"), Err(IvfError::NotIvf));
    assert_eq!(change(8, b"VP80"), Err(IvfError::NotVp9));
    assert_eq!(change(16, &[0; 4]), Err(IvfError::TimeBase));
    assert_eq!(change(20, &[0xff; 4]), Err(IvfError::TimeBase));
    assert_eq!(change(6, &[0xff, 0xff]), Err(IvfError::NotIvf));
    assert_eq!(change(32, &[0xff; 4]), Err(IvfError::Frame(0)));
    assert_eq!(change(32, &[0; 4]), Err(IvfError::Frame(0)));
    assert_eq!(change(44, &[0]), Err(IvfError::Bitstream(0)));
    assert_eq!(change(44, &[0x86]), Err(IvfError::NoKeyframe));
}
