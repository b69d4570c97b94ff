//! The SRTP profile to agree on, read from a whole ClientHello (RFC 6347
//! section 4.2.1, RFC 5764 section 4.1.1).

use crate::rtp::be16;
use crate::srtp::Profile;

/// The extension that lists the client's profiles.
const USE_SRTP: u16 = 14;

/// What the SFU prefers: every packet is sealed once for each receiver, which
/// is the cheaper the shorter the key, and several times dearer with SHA-1.
const PREFERENCE: [(u16, Profile); 3] = [
    (0x0007, Profile::Aead128Gcm),
    (0x0008, Profile::Aead256Gcm),
    (0x0001, Profile::Aes128CmSha1),
];

/// The best of the profiles that a ClientHello offers, if it is well-formed
/// and offers one. `body` begins behind the handshake header.
pub(super) fn profile(body: &[u8]) -> Option<Profile> {
    let list = use_srtp(body)?;
    let len = usize::from(be16(list, 0)?);
    let offered = list.get(2..2 + len)?;
    let offers = |value: u16| {
        let mut entries = offered.chunks_exact(2);
        entries.any(|entry| entry == value.to_be_bytes())
    };
    let best = PREFERENCE.iter().find(|(value, _)| offers(*value))?;
    Some(best.1)
}

/// The body of the first `use_srtp` extension.
fn use_srtp(body: &[u8]) -> Option<&[u8]> {
    let rest = body.get(2 + 32..)?;
    let rest = behind_short(rest)?; // session
    let rest = behind_short(rest)?; // cookie
    let suites = usize::from(be16(rest, 0)?);
    let rest = rest.get(2 + suites..)?;
    let rest = behind_short(rest)?; // compression methods
    let len = usize::from(be16(rest, 0)?);
    let mut rest = rest.get(2..2 + len)?;
    loop {
        let kind = be16(rest, 0)?;
        let len = usize::from(be16(rest, 2)?);
        let extension = rest.get(4..4 + len)?;
        if kind == USE_SRTP {
            return Some(extension);
        }
        rest = rest.get(4 + len..)?;
    }
}

/// What follows a field whose length is its first byte.
fn behind_short(bytes: &[u8]) -> Option<&[u8]> {
    bytes.get(1 + usize::from(*bytes.first()?)..)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ClientHello without session and cookie, behind other extensions the
    /// profiles.
    fn hello(profiles: &[u16]) -> Vec<u8> {
        let mut body = vec![0xfe, 0xfd];
        body.extend([7; 32]);
        body.extend([0, 0, 0, 2, 0xc0, 0x2b, 1, 0]);
        let list = 2 * profiles.len() as u16;
        body.extend((5 + 8 + 7 + list).to_be_bytes());
        body.extend([0, 23, 0, 0]);
        body.extend([0, 43, 0, 5, 4, 0xfe, 0xfc, 0xfe, 0xfd]);
        body.extend([0, 14]);
        body.extend((3 + list).to_be_bytes());
        body.extend(list.to_be_bytes());
        body.extend(profiles.iter().flat_map(|profile| profile.to_be_bytes()));
        body.push(0);
        body
    }

    #[test]
    fn the_short_aead_is_taken_wherever_it_stands() {
        let cases: [(&[u16], Option<Profile>); 9] = [
            (&[1, 8, 7], Some(Profile::Aead128Gcm)),
            (&[7, 8, 1, 2], Some(Profile::Aead128Gcm)),
            (&[8, 7], Some(Profile::Aead128Gcm)),
            (&[2, 1, 8], Some(Profile::Aead256Gcm)),
            (&[1, 2], Some(Profile::Aes128CmSha1)),
            (&[2, 0x0700, 0x0107], None),
            (&[2], None),
            (&[], None),
            (&[1, 1, 1, 1, 7], Some(Profile::Aead128Gcm)),
        ];
        for (offered, best) in cases {
            assert_eq!(profile(&hello(offered)), best, "{offered:?}");
        }
    }

    #[test]
    fn a_cut_hello_offers_nothing() {
        let whole = hello(&[1, 8, 7]);
        for cut in 0..whole.len() {
            assert_eq!(profile(&whole[..cut]), None, "{cut}");
        }
    }

    #[test]
    fn lengths_that_lead_outside_are_refused() {
        let whole = hello(&[1, 8, 7]);
        for at in 34..whole.len() - 1 {
            for value in [0, 1, 0x7f, 0xff] {
                let mut altered = whole.clone();
                altered[at] = value;
                let _ = profile(&altered);
                altered.truncate(at + 1);
                assert_eq!(profile(&altered), None, "{at} {value}");
            }
        }
    }
}
