//! Payload descriptors: what is read lies within the payload, and other numbers
//! take the place of those that were there, and of nothing else.

use conclave_sfu::rtp::picture::Picture;
use conclave_sfu::rtp::{vp8, vp9};

/// A VP8 payload descriptor.
pub fn vp8(data: &[u8]) {
    if let Some(picture) = vp8::parse(data) {
        numbers(data, picture, vp8::parse);
    }
}

/// A VP9 payload descriptor.
pub fn vp9(data: &[u8]) {
    let Some(read) = vp9::Descriptor::parse(data) else {
        return;
    };
    assert!(read.layer.spatial < 8 && read.layer.temporal < 8);
    assert_eq!(
        read.keyframe_start(),
        read.begins && !read.predicted && read.layer.spatial == 0
    );
    numbers(data, read.picture, |payload| {
        let again = vp9::Descriptor::parse(payload)?;
        let picture = again.picture;
        assert_eq!(
            vp9::Descriptor {
                picture: read.picture,
                ..again
            },
            read
        );
        Some(picture)
    });
}

fn numbers(data: &[u8], picture: Picture, read: impl Fn(&[u8]) -> Option<Picture>) {
    let mut payload = data.to_vec();
    picture.write(&mut payload);
    assert_eq!(payload, data, "the same numbers change nothing");

    let mut other = picture;
    let mut places = Vec::new();
    if let Some(id) = &mut other.id {
        id.value = !id.value & if id.wide { 0x7fff } else { 0x7f };
        places.extend((0..id.size()).map(|byte| usize::from(id.at + byte)));
    }
    if let Some(tl0) = &mut other.tl0 {
        tl0.value = !tl0.value;
        places.push(usize::from(tl0.at));
    }
    other.write(&mut payload);
    assert_eq!(read(&payload), Some(other));
    assert_eq!(payload.len(), data.len());
    for (at, (byte, before)) in payload.iter().zip(data).enumerate() {
        assert!(byte == before || places.contains(&at), "byte {at}");
    }
}
