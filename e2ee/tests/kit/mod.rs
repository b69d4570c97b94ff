//! What the behaviour tests share: participants of one room and a delivery
//! log in the order the server would keep.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]

#[cfg(not(target_arch = "wasm32"))]
pub mod authority;
pub mod rogue;

use conclave_e2ee::*;

pub const ROOM: RoomId = RoomId([0xc0; 16]);
pub const SECRET: [u8; 32] = [0x5e; 32];

pub fn participant(number: u8) -> ParticipantId {
    ParticipantId([number; 16])
}

pub fn session_in(suite: Suite, number: u8, secret: [u8; 32]) -> Session {
    let config = Config {
        suite,
        raw_video: false,
    };
    session_with(config, number, secret)
}

pub fn session_with(config: Config, number: u8, secret: [u8; 32]) -> Session {
    Session::new(
        config,
        ROOM,
        participant(number),
        &format!("Person {number}"),
        &LinkSecret::from_bytes(secret),
    )
    .unwrap()
}

/// A participant with the link and its password.
pub fn session_with_password(number: u8, password: &str) -> Session {
    let config = Config {
        suite: Suite::Classic,
        raw_video: false,
    };
    let password = Password::parse(password).unwrap();
    let keys = LinkSecret::from_bytes(SECRET).keys(ROOM, Some(&password));
    let name = format!("Person {number}");
    Session::with_keys(config, participant(number), &name, &keys.unwrap()).unwrap()
}

/// A participant with the link. The classic suite keeps most tests quick.
pub fn session(number: u8) -> Session {
    session_in(Suite::Classic, number, SECRET)
}

/// A session that founded its group at time 0.
pub fn founder(number: u8) -> Session {
    let mut session = session(number);
    session.create_group(0).unwrap();
    session
}

/// The knock of `newcomer` as `host` verified it.
pub fn verified(host: &Session, newcomer: &mut Session) -> VerifiedKnock {
    let knock = newcomer.knock().unwrap();
    host.verify_knock(newcomer.participant(), &knock.key_package, &knock.tag)
        .unwrap()
}

/// `members[0]` admits `newcomer`, all follow, and the new epoch is activated.
pub fn admit(members: &mut [&mut Session], newcomer: &mut Session, now_ms: u64) {
    let knock = verified(members[0], newcomer);
    let pending = members[0].admit(&[knock]).unwrap();
    accept(members, &pending, now_ms);
    newcomer.join(pending.welcome.as_ref().unwrap()).unwrap();
    let epoch = newcomer.ready_epoch().unwrap();
    for member in members.iter_mut() {
        member.activate(epoch, now_ms).unwrap();
    }
    newcomer.activate(epoch, now_ms).unwrap();
}

/// The delivery service accepted the commit of `members[0]`.
pub fn accept(members: &mut [&mut Session], pending: &Pending, now_ms: u64) {
    let (committer, others) = members.split_first_mut().unwrap();
    committer.confirm_pending(now_ms).unwrap();
    for other in others {
        other.process(&pending.commit, now_ms).unwrap();
    }
}

/// Three members of one group, all sealing in its newest epoch.
pub fn three() -> (Session, Session, Session) {
    let (mut a, mut b, mut c) = (founder(1), session(2), session(3));
    admit(&mut [&mut a], &mut b, 0);
    admit(&mut [&mut a, &mut b], &mut c, 0);
    // What the admissions retired is over.
    for member in [&mut a, &mut b, &mut c] {
        member.tick(RETIRED_MS);
    }
    (a, b, c)
}

pub fn seal(sender: &mut Session, context: Context, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    sender.seal(context, payload, &mut frame).unwrap();
    frame
}

/// Opens a frame and returns who sealed it and what was in it.
pub fn open(
    receiver: &mut Session,
    frame: &[u8],
    now_ms: u64,
) -> Result<(ParticipantId, Context, Vec<u8>), FrameDrop> {
    let mut payload = Vec::new();
    let opened = receiver.open(frame, now_ms, &mut payload)?;
    Ok((opened.sender.participant, opened.context, payload))
}

pub fn names(session: &Session) -> Vec<&str> {
    session
        .members()
        .iter()
        .map(|member| member.name.as_str())
        .collect()
}

/// A small reproducible generator for mutation tests.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}
