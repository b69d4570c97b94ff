//! Frames that are opened as a browser does it: by AES-GCM that is not ours,
//! between two questions to the session, with anything in between.

use crate::choices::Choices;
use crate::mls;
use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use conclave_e2ee::{Context, FrameDrop, Opening, ParticipantId, RETIRED_MS, Session};
use std::collections::VecDeque;

/// Most frames that are kept, and that are being opened.
const FRAMES: usize = 64;

/// Most commits: two epochs whose numbers are 64 apart share their key ids.
const COMMITS: usize = 40;

/// Milliseconds of a step of time.
const STEP: u64 = 100;

/// The longest SFrame header (RFC 9605 section 4.3).
const LONGEST_HEADER: usize = 17;

/// Two who send, and two who receive the same: one opens frames outside, the
/// other leaves all of it to its session.
struct Call {
    /// Anna, who commits, and Ben.
    senders: [Session; 2],
    outside: Session,
    inside: Session,
    /// Commits that the receivers have not been given.
    log: VecDeque<Vec<u8>>,
    commits: usize,
    frames: Vec<Vec<u8>>,
    under_way: Vec<UnderWay>,
    now: u64,
}

struct UnderWay {
    frame: Vec<u8>,
    opening: Opening,
    /// What AES-GCM made of it.
    payload: Option<Vec<u8>>,
}

/// Frames of several epochs and senders, altered, twice, out of order, given
/// up; commits, a removal, time. Both receivers are shown the same frames, as
/// the same member's, and drop the others for the same reasons; what was begun
/// is judged by what holds when it ends.
pub fn frames(data: &[u8]) {
    let mut choices = Choices::new(data);
    let mut call = Call::new();
    while !choices.are_over() {
        call.step(&mut choices);
    }
    while let Some(under_way) = call.under_way.pop() {
        call.conclude(under_way);
    }
}

impl Call {
    fn new() -> Self {
        let mut anna = mls::session(1);
        anna.create_group(0).expect("a group");
        let mut members: Vec<Session> = Vec::new();
        for number in 2..=4 {
            let mut newcomer = mls::session(number);
            let (commit, welcome) = mls::admit(&mut anna, &mut newcomer);
            newcomer.join(&welcome).expect("joins");
            for member in &mut members {
                member.process(&commit, 0).expect("a commit");
            }
            members.push(newcomer);
        }
        let mut inside = members.pop().expect("the last");
        let mut outside = members.pop().expect("the second");
        // Who came first has forgotten the epoch that the other never saw.
        for receiver in [&mut inside, &mut outside] {
            receiver.activate(3, 0).expect("activates");
            receiver.tick(RETIRED_MS);
        }
        let mut senders = [anna, members.pop().expect("the first")];
        for sender in &mut senders {
            sender.activate(3, 0).expect("activates");
        }
        Self {
            senders,
            outside,
            inside,
            log: VecDeque::new(),
            commits: 0,
            frames: Vec::new(),
            under_way: Vec::new(),
            now: RETIRED_MS,
        }
    }

    fn step(&mut self, choices: &mut Choices<'_>) {
        match choices.below(10) {
            0 | 1 => self.seal(choices),
            2..=4 => {
                if let Some(frame) = self.chosen(choices) {
                    self.begin(frame);
                }
            }
            5 | 6 => {
                if !self.under_way.is_empty() {
                    let next = choices.below(self.under_way.len());
                    let under_way = self.under_way.swap_remove(next);
                    self.conclude(under_way);
                }
            }
            7 => {
                self.now += u64::from(choices.byte()) * STEP;
                // Nobody looks at the clock all the time.
                if choices.flip() {
                    return;
                }
                for session in self
                    .senders
                    .iter_mut()
                    .chain([&mut self.outside, &mut self.inside])
                {
                    session.tick(self.now);
                }
            }
            8 if self.commits < COMMITS => self.commit(choices.below(8) == 0),
            8 => {}
            _ => self.receive(),
        }
    }

    fn seal(&mut self, choices: &mut Choices<'_>) {
        let sender = &mut self.senders[choices.below(2)];
        let context = Context::from_number(choices.below(4) as u64).expect("a context");
        let mut frame = Vec::new();
        // Who was removed has no key.
        if sender.seal(context, choices.chunk(), &mut frame).is_ok() && self.frames.len() < FRAMES {
            self.frames.push(frame);
        }
    }

    /// A frame that was sealed, perhaps altered.
    fn chosen(&self, choices: &mut Choices<'_>) -> Option<Vec<u8>> {
        if self.frames.is_empty() {
            return None;
        }
        let mut frame = self.frames[choices.below(self.frames.len())].clone();
        match choices.below(8) {
            0 => {
                let at = choices.below(frame.len().min(256));
                frame[at] ^= choices.byte();
            }
            1 => frame.truncate(choices.byte().into()),
            _ => {}
        }
        Some(frame)
    }

    /// Asks the first question, and opens the frame.
    fn begin(&mut self, frame: Vec<u8>) {
        let header = &frame[..frame.len().min(LONGEST_HEADER)];
        let opening = match self.outside.opening(header, self.now) {
            Ok(opening) => opening,
            Err(drop) => {
                let inside = self.inside.open(&frame, self.now, &mut Vec::new());
                return assert_eq!(inside.err(), Some(drop));
            }
        };
        let key = self.outside.opening_key(&opening).expect("its key is held");
        assert!(self.outside.holds(opening.epoch()));
        let payload = decrypt(&key, &opening, &frame);
        let under_way = UnderWay {
            frame,
            opening,
            payload,
        };
        match self.under_way.len() < FRAMES {
            true => self.under_way.push(under_way),
            false => self.conclude(under_way),
        }
    }

    /// Asks the second question. The other receiver gets the frame only now.
    fn conclude(&mut self, of: UnderWay) {
        let mut payload = Vec::new();
        let authentic = of.payload.is_some();
        let outside = self.outside.conclude(&of.opening, authentic, self.now);
        let inside = self.inside.open(&of.frame, self.now, &mut payload);
        match (outside, inside) {
            (Ok(outside), Ok(inside)) => {
                assert_eq!(outside, inside);
                assert_eq!(of.payload, Some(payload));
            }
            // A frame that is none is found out before its counter is looked at, or behind it.
            (Err(FrameDrop::NotAuthentic), Err(FrameDrop::Replayed)) => assert!(!authentic),
            (outside, inside) => assert_eq!(outside.err(), inside.err()),
        }
    }

    /// Anna renews her keys, or removes Ben. She and he seal with the new ones
    /// at once; the receivers hear of it when they do.
    fn commit(&mut self, removal: bool) {
        let ben = ParticipantId([2; 16]);
        let [anna, other] = &mut self.senders;
        let pending = match removal
            && anna
                .members()
                .iter()
                .any(|member| member.participant == ben)
        {
            true => anna.remove(&[ben]),
            false => anna.update(),
        };
        let commit = pending.expect("a commit").commit;
        self.commits += 1;
        anna.confirm_pending(self.now).expect("confirmed");
        let epoch = anna.epoch().expect("in the group");
        anna.activate(epoch, self.now).expect("activates");
        if other.process(&commit, self.now).is_ok() && other.epoch().is_ok() {
            other.activate(epoch, self.now).expect("activates");
        }
        self.log.push_back(commit);
    }

    /// The receivers are given the next commit.
    fn receive(&mut self) {
        if let Some(commit) = self.log.pop_front() {
            for session in [&mut self.outside, &mut self.inside] {
                session.process(&commit, self.now).expect("a commit");
                let epoch = session.epoch().expect("in the group");
                session.activate(epoch, self.now).expect("activates");
            }
        }
    }
}

fn decrypt(key: &[u8], opening: &Opening, frame: &[u8]) -> Option<Vec<u8>> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).expect("16 bytes"));
    let (header, sealed) = frame.split_at_checked(opening.header_len())?;
    let mut payload = sealed.to_vec();
    let nonce = Nonce::assume_unique_for_key(*opening.nonce());
    let opened = key
        .open_in_place(nonce, Aad::from(header), &mut payload)
        .ok()?;
    Some(opened.to_vec())
}
