//! RTP headers with their extension elements.

use conclave_sfu::rtp::header::{Dependency, FIXED_LEN, Header, OUTGOING_MAX, Outgoing};

/// The receiver's ids of what is written.
const LEVEL: u8 = 1;
const TRANSPORT: u8 = 2;
const DEPENDENCY: u8 = 14;

/// A packet: what is read lies within it and is what the SFU would write.
pub fn packet(data: &[u8]) {
    let Some(header) = Header::parse(data) else {
        return;
    };
    assert!((FIXED_LEN..=data.len()).contains(&header.payload_at));
    assert!(header.pt.0 < 128);
    let head = data[..header.payload_at].as_ptr_range();
    let mut taken = 0;
    let elements: Vec<_> = header.elements(data).collect();
    for (id, value) in &elements {
        // Zero stands for what is not negotiated (RFC 8285 section 4.2).
        assert_ne!(*id, 0, "an element without an id");
        assert!(value.len() <= 255);
        let place = value.as_ptr_range();
        assert!(value.is_empty() || (head.start <= place.start && place.end <= head.end));
        taken += 1 + value.len();
    }
    assert!(taken <= header.payload_at - FIXED_LEN);

    let of_len = |fits: fn(usize) -> bool| {
        let mut fitting = elements.iter().filter(|(_, value)| fits(value.len()));
        fitting.next().map(|(_, value)| *value)
    };
    let level = of_len(|len| len == 1);
    let number = of_len(|len| len == 2);
    let descriptor = of_len(|len| len >= 3);
    let outgoing = Outgoing {
        ssrc: header.ssrc,
        seq: header.seq,
        timestamp: header.timestamp,
        pt: header.pt,
        marker: header.marker,
        padding: header.padding,
        audio_level: level.map(|value| (LEVEL, value[0])),
        transport: number.map(|value| (TRANSPORT, u16::from_be_bytes([value[0], value[1]]))),
        dependency: descriptor.map(|bytes| Dependency {
            id: DEPENDENCY,
            bytes,
            number: u16::from_be_bytes([bytes[1], bytes[2]]),
            active: None,
        }),
    };
    let mut out = [0xff; OUTGOING_MAX];
    let len = outgoing.write(&mut out);
    let read = Header::parse(&out[..len]).expect("what was written is read");
    assert_eq!(read.payload_at, len);
    assert_eq!(
        (read.ssrc, read.seq, read.timestamp, read.pt),
        (header.ssrc, header.seq, header.timestamp, header.pt)
    );
    assert_eq!((read.marker, read.padding), (header.marker, header.padding));
    let expected = [
        (LEVEL, level),
        (TRANSPORT, number),
        (DEPENDENCY, descriptor),
    ];
    let expected = expected
        .into_iter()
        .filter_map(|(id, value)| Some((id, value?)));
    assert!(read.elements(&out[..len]).eq(expected));
}
