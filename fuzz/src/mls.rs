//! MLS messages: the public framing that the delivery service reads, and whole
//! messages at every door of a member.

use crate::choices::Choices;
use aws_lc_rs::hmac;
use conclave_e2ee::{
    CallCode, Comparison, Config, Context, Devices, LinkSecret, ParticipantId, RoomId, Session,
    Suite, VerifiedKnock, Word,
};
use conclave_signaling::domain::framing::{Content, Header};
use std::cell::RefCell;

const ROOM: RoomId = RoomId([0xc0; 16]);
const SECRET: [u8; 32] = [0x5e; 32];
const WAITING: ParticipantId = ParticipantId([3; 16]);

/// The framing of what the service passes on: what is read lies within the
/// message, which has no byte too few or too many and one content.
pub fn framing(data: &[u8]) {
    let kinds = [Content::Commit, Content::Application];
    let read = kinds.map(|content| Header::parse(data, content));
    let (content, header) = match read {
        [Ok(header), Err(_)] => (Content::Commit, header),
        [Err(_), Ok(header)] => (Content::Application, header),
        [Ok(_), Ok(_)] => panic!("both a commit and what a member says"),
        [Err(_), Err(_)] => return,
    };
    assert!(header.group.len() < data.len());
    let longer = [data, &[0]].concat();
    assert!(Header::parse(&longer, content).is_err());
    for len in [data.len() - 1, data.len() / 2, 17] {
        assert!(Header::parse(&data[..len.min(data.len() - 1)], content).is_err());
    }
}

/// A session of the classic suite, which is quicker.
pub(crate) fn session(number: u8) -> Session {
    let config = Config {
        suite: Suite::Classic,
        raw_video: false,
    };
    let secret = LinkSecret::from_bytes(SECRET);
    let name = format!("Person {number}");
    Session::new(config, ROOM, ParticipantId([number; 16]), &name, &secret).expect("a session")
}

/// Two members, one who waits to be let in, and a good message for each door.
struct Call {
    host: Session,
    member: Session,
    waiting: Session,
    code: CallCode,
    commit: Vec<u8>,
    said: Vec<u8>,
    welcome: Vec<u8>,
    package: Vec<u8>,
    frame: Vec<u8>,
    knock: VerifiedKnock,
    word: Vec<u8>,
    devices: Vec<u8>,
}

impl Call {
    fn new() -> Self {
        let (mut host, mut member, mut waiting) = (session(1), session(2), session(3));
        host.create_group(0).expect("a group");
        let (_, welcome) = admit(&mut host, &mut member);
        member.join(&welcome).expect("joins");
        let mut frame = Vec::new();
        for session in [&mut host, &mut member] {
            session.activate(1, 0).expect("activates");
        }
        host.seal(Context::CAMERA, &[0xab; 40], &mut frame)
            .expect("seals");
        let knock = waiting.knock().expect("knocks");
        let verified = host.verify_knock(WAITING, &knock.key_package, &knock.tag);
        let verified = verified.expect("verifies");
        let word = host.answer(&verified, &Word::Seen).expect("a word");
        let devices = waiting.show_devices(Devices::default()).expect("devices");
        let pending = host
            .admit(std::slice::from_ref(&verified))
            .expect("a commit");
        let code = member.call_code().expect("a code");
        let said = host.compare(0).expect("a commitment").remove(0);
        Self {
            host,
            member,
            waiting,
            code,
            commit: pending.commit,
            said,
            welcome: pending.welcome.expect("a welcome"),
            package: knock.key_package,
            frame,
            knock: verified,
            word,
            devices,
        }
    }
}

/// Lets one in; the commit and the Welcome.
pub(crate) fn admit(host: &mut Session, newcomer: &mut Session) -> (Vec<u8>, Vec<u8>) {
    let knock = newcomer.knock().expect("knocks");
    let who = newcomer.participant();
    let verified = host.verify_knock(who, &knock.key_package, &knock.tag);
    let pending = host
        .admit(&[verified.expect("verifies")])
        .expect("a commit");
    host.confirm_pending(0).expect("confirmed");
    (pending.commit, pending.welcome.expect("a welcome"))
}

thread_local! {
    /// Refused messages change nothing, so that one call does for all inputs.
    static CALL: RefCell<Option<Call>> = const { RefCell::new(None) };
}

/// Altered messages, and any bytes, at each door: refused, and the member is
/// where it was.
pub fn messages(data: &[u8]) {
    CALL.with_borrow_mut(|call| {
        let call = call.get_or_insert_with(Call::new);
        let mut choices = Choices::new(data);
        let door = choices.below(14);
        let good = match door % 7 {
            0 => &call.commit,
            1 => &call.welcome,
            2 => &call.package,
            3 => &call.said,
            4 => &call.word,
            5 => &call.devices,
            _ => &call.frame,
        };
        let bad = match door < 7 {
            true => altered(good, &mut choices),
            false => choices.rest().to_vec(),
        };
        if bad == *good {
            return;
        }
        let mut out = Vec::new();
        match door % 7 {
            0 => assert!(call.member.process(&bad, 0).is_err()),
            1 => assert!(call.waiting.join(&bad).is_err()),
            // Whoever has the link makes the tag: what is behind it is reached.
            2 => assert!(call.host.verify_knock(WAITING, &bad, &tag(&bad)).is_err()),
            3 => assert!(call.member.hear(&bad, 0).is_err()),
            4 => assert!(call.waiting.told(&bad).is_err()),
            5 => assert!(call.host.devices(&call.knock, &bad).is_err()),
            _ => assert!(call.member.open(&bad, 0, &mut out).is_err()),
        }
        assert!(out.is_empty());
        assert_eq!(call.member.epoch().ok(), Some(1));
        assert_eq!(call.member.members().len(), 2);
        assert_eq!(call.member.call_code().ok(), Some(call.code));
        assert_eq!(call.member.comparison(0), Comparison::Idle);
        assert!(call.waiting.epoch().is_err());
    });
}

fn altered(good: &[u8], choices: &mut Choices<'_>) -> Vec<u8> {
    let mut bytes = good.to_vec();
    while !choices.are_over() {
        let (kind, at) = (choices.below(4), usize::from(choices.word()));
        let at = at % (bytes.len() + 1);
        match kind {
            0 => bytes.truncate(at),
            1 => drop(bytes.splice(at..at, choices.chunk().iter().copied())),
            2 => drop(bytes.drain(at..(at + choices.below(64)).min(bytes.len()))),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= choices.byte();
                }
            }
        }
        // As long as anything that a member's doors take.
        bytes.truncate(64 << 10);
    }
    bytes
}

/// The tag of a knock, as `docs/protocol.md` has it.
fn tag(package: &[u8]) -> [u8; 32] {
    let hmac = |key: &[u8], parts: &[&[u8]]| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        hmac::sign(&key, &parts.concat())
    };
    let extracted = hmac(&ROOM.0, &[&SECRET]);
    let key = hmac(extracted.as_ref(), &[b"conclave 1 knock", &[1]]);
    let tag = hmac(key.as_ref(), &[b"knock", &ROOM.0, &WAITING.0, package]);
    tag.as_ref().try_into().expect("32 bytes")
}
