//! Connections to the service's port: HTTPS or media, and datagrams in frames.

use crate::choices::Choices;
use conclave_sfu::ice;
use conclave_sfu::io::framing::{Frames, Malformed};
use conclave_sfu::pool::SLOT_LEN;
use conclave_signaling::sort::{self, Kind};

/// The longest head of a connection that is looked at byte by byte.
const HEAD: usize = 64;

/// What a connection sends, cut as the bytes before it say: the cuts change
/// nothing, no more is held than a frame, what comes out stands in the stream,
/// and a connectivity check comes first.
pub fn connection(data: &[u8]) {
    let mut choices = Choices::new(data);
    let cuts = choices.chunk();
    let stream = choices.rest();
    let (whole, verdict) = datagrams(&[stream]);
    let mut parts = Vec::new();
    let mut rest = stream;
    for cut in cuts {
        let (part, behind) = rest.split_at(usize::from(*cut).min(rest.len()));
        parts.push(part);
        rest = behind;
    }
    parts.push(rest);
    assert_eq!(datagrams(&parts), (whole.clone(), verdict));

    let mut written = Vec::new();
    for datagram in &whole {
        written.extend((datagram.len() as u16).to_be_bytes());
        written.extend(datagram);
    }
    assert!(stream.starts_with(&written));
    assert!(whole.first().is_none_or(|first| ice::is_check(first)));
    sorted(stream);
}

type Taken = (Vec<Vec<u8>>, Result<(), Malformed>);

fn datagrams(parts: &[&[u8]]) -> Taken {
    let mut frames = Frames::default();
    let mut taken = Vec::new();
    for part in parts {
        if let Err(error) = frames.take(part, |datagram| taken.push(datagram.to_vec())) {
            return (taken, Err(error));
        }
        assert!(frames.held() < 2 + SLOT_LEN, "{} bytes", frames.held());
    }
    (taken, Ok(()))
}

/// More bytes change no verdict, and what is handed over with a connection is
/// its first frame.
fn sorted(stream: &[u8]) {
    let verdict = sort::kind(stream);
    for len in 0..stream.len().min(HEAD) {
        if let Some(early) = sort::kind(&stream[..len]) {
            assert_eq!(Some(early), verdict, "after {len} bytes");
        }
    }
    match verdict {
        Some(Kind::Media(first)) => {
            assert!(stream.starts_with(&first));
            let (taken, verdict) = datagrams(&[&first]);
            assert!(verdict.is_err() || taken == [first[2..].to_vec()]);
        }
        Some(Kind::Https) => assert_eq!(stream[0], 22),
        Some(Kind::Neither) | None => {}
        Some(Kind::Gone) => panic!("bytes are there"),
    }
}
