//! Comparing aloud: the rounds of a call's devices, some of which say what
//! they like, under a server that chooses when who hears what.

use crate::choices::Choices;
use aws_lc_rs::digest::{Context, SHA256};
use conclave_e2ee::compare::{ANSWER_MS, Comparison, Round, Wrong};
use conclave_e2ee::sframe::Kid;
use conclave_e2ee::{Leaf, SpokenCode};

/// Most members.
const MEMBERS: usize = 5;

/// E, which stands for the group.
const SECRET: [u8; 32] = [0x5e; 32];

/// Words under way; whoever says more is not heard.
const UNDER_WAY: usize = 256;

/// What the rules make of the words of one member.
#[derive(Default, Clone)]
struct Heard {
    commitment: Option<[u8; 32]>,
    nonce: Option<[u8; 32]>,
}

/// An honest device, and what has to be true of it.
struct Device {
    round: Round,
    /// Of each member, itself included.
    heard: Vec<Heard>,
    broken: Option<(Leaf, Wrong)>,
}

/// Words in any order, some lost, from members of whom some break the rules:
/// a device reveals its nonce once, when it holds the commitments of all and
/// not before; it names who broke the rules, and how; and it has the code that
/// `docs/protocol.md` section 4.1 makes of what it heard, or none.
pub fn rounds(data: &[u8]) {
    let mut choices = Choices::new(data);
    let members = 2 + choices.below(MEMBERS - 1);
    let liars = choices.byte();
    let honest = |member: usize| member == 0 || liars >> member & 1 == 0;
    // To whom, from whom, what.
    let mut under_way: Vec<(usize, usize, Vec<u8>)> = Vec::new();
    let mut devices: Vec<Device> = (0..members)
        .map(|own| {
            let leaves = (0..members).map(leaf);
            let (round, said) =
                Round::begin(SECRET.into(), nonce(own).into(), leaf(own), leaves, 0);
            assert_eq!(said, word(1, &commitment(own, &nonce(own))));
            if honest(own) {
                post(&mut under_way, members, own, &said);
            }
            let mut heard = vec![Heard::default(); members];
            heard[own].commitment = Some(commitment(own, &nonce(own)));
            let broken = None;
            Device {
                round,
                heard,
                broken,
            }
        })
        .collect();
    while !choices.are_over() {
        match choices.below(4) {
            // Whoever lies says it to one alone, or something else to each.
            0 => {
                let (to, from) = (choices.below(members), choices.below(members));
                let said = lie(from, &mut choices);
                if !honest(from) && under_way.len() < UNDER_WAY {
                    under_way.push((to, from, said));
                }
            }
            1 if choices.below(8) == 0 && !under_way.is_empty() => {
                let lost = choices.below(under_way.len());
                under_way.swap_remove(lost);
            }
            _ if !under_way.is_empty() => {
                let next = choices.below(under_way.len());
                let (to, from, said) = under_way.swap_remove(next);
                if honest(to) {
                    hear(&mut devices, (to, from, &said), &mut under_way);
                }
            }
            _ => {}
        }
    }
    while let Some((to, from, said)) = under_way.pop() {
        if honest(to) {
            hear(&mut devices, (to, from, &said), &mut under_way);
        }
    }
    let codes = devices.iter().enumerate().filter(|(of, _)| honest(*of));
    let codes: Vec<_> = codes
        .filter_map(|(_, device)| Some((device.transcript()?, device.code()?)))
        .collect();
    for (one, other) in codes.iter().zip(codes.iter().skip(1)) {
        assert_eq!(
            one.0 == other.0,
            one.1 == other.1,
            "one code for the same words"
        );
    }
}

/// One hears a word, and reveals when that is due.
fn hear(
    devices: &mut [Device],
    (to, from, said): (usize, usize, &[u8]),
    under_way: &mut Vec<(usize, usize, Vec<u8>)>,
) {
    let members = devices.len();
    let device = &mut devices[to];
    device.round.hear(leaf(from), said);
    device.note(to, from, said);
    device.is_as_said(to);
    let due = device.is_bound() && device.broken.is_none() && device.heard[to].nonce.is_none();
    assert_eq!(device.round.may_reveal(), due);
    let revealed = device.round.reveal();
    assert_eq!(revealed, due.then(|| word(2, &nonce(to))));
    if let Some(said) = revealed {
        device.heard[to].nonce = Some(nonce(to));
        device.is_as_said(to);
        assert_eq!(device.round.reveal(), None, "once");
        post(under_way, members, to, &said);
    }
}

impl Device {
    /// What the rules make of a word.
    fn note(&mut self, own: usize, from: usize, said: &[u8]) {
        if self.broken.is_some() || from == own {
            return;
        }
        let heard = &mut self.heard[from];
        let value = said.get(1..).and_then(|value| value.try_into().ok());
        let wrong = match (said.first(), value) {
            (Some(1), Some(value)) => heard.commitment.replace(value).map(|_| Wrong::Twice),
            (Some(2), Some(value)) => heard.nonce.replace(value).map(|_| Wrong::Twice),
            _ => Some(Wrong::Malformed),
        };
        let other = match (heard.commitment, heard.nonce) {
            (Some(bound), Some(nonce)) => commitment(from, &nonce) != bound,
            _ => false,
        };
        let wrong = wrong.or(other.then_some(Wrong::OtherNonce));
        self.broken = wrong.map(|wrong| (leaf(from), wrong));
    }

    fn is_bound(&self) -> bool {
        self.heard.iter().all(|heard| heard.commitment.is_some())
    }

    /// Whether it says of itself what has to be true.
    fn is_as_said(&self, own: usize) {
        for now in [0, ANSWER_MS - 1, ANSWER_MS] {
            let state = self.round.state(now);
            if let Some((leaf, wrong)) = self.broken {
                assert_eq!(state, Comparison::Broken { leaf, wrong });
                continue;
            }
            if self.is_bound() && self.heard[own].nonce.is_none() {
                assert_eq!(state, Comparison::Held);
                continue;
            }
            let bound = self.is_bound();
            let missing = |heard: &Heard| match bound {
                true => heard.nonce.is_none(),
                false => heard.commitment.is_none(),
            };
            let missing = self.heard.iter().enumerate().filter(|(_, of)| missing(of));
            let missing: Vec<Leaf> = missing.map(|(member, _)| leaf(member)).collect();
            match state {
                Comparison::Agreed(code) => {
                    assert!(missing.is_empty());
                    assert_eq!(code.to_string(), self.digits());
                }
                state => {
                    assert!(!missing.is_empty());
                    let overdue = now >= ANSWER_MS;
                    assert_eq!(state, Comparison::Waiting { missing, overdue });
                }
            }
        }
    }

    fn code(&self) -> Option<SpokenCode> {
        match self.round.state(0) {
            Comparison::Agreed(code) => Some(code),
            _ => None,
        }
    }

    /// What the code is made of, once there is one.
    fn transcript(&self) -> Option<Vec<u8>> {
        let mut words = Vec::new();
        for (member, heard) in self.heard.iter().enumerate() {
            words.extend(leaf(member).index().to_be_bytes());
            words.extend(heard.commitment?);
            words.extend(heard.nonce?);
        }
        Some(words)
    }

    fn digits(&self) -> String {
        let members = u16::try_from(self.heard.len()).expect("few");
        let words = self.transcript().expect("all were heard");
        let digest = sha256(&[
            b"conclave 1 compare code",
            &SECRET,
            &members.to_be_bytes(),
            &words,
        ]);
        let (first, _) = digest.split_first_chunk().expect("32 bytes");
        let number = u64::from_be_bytes(*first) % 100_000_000;
        format!("{:04} {:04}", number / 10_000, number % 10_000)
    }
}

/// What one who breaks the rules may say.
fn lie(from: usize, choices: &mut Choices<'_>) -> Vec<u8> {
    let other = [choices.byte(); 32];
    match choices.below(6) {
        0 => word(1, &commitment(from, &nonce(from))),
        1 => word(2, &nonce(from)),
        2 => word(1, &commitment(from, &other)),
        3 => word(2, &other),
        4 => {
            let whose = choices.below(MEMBERS);
            word(1, &commitment(whose, &nonce(whose)))
        }
        _ => choices.chunk().to_vec(),
    }
}

/// Sends a word to all the others.
fn post(under_way: &mut Vec<(usize, usize, Vec<u8>)>, members: usize, from: usize, said: &[u8]) {
    let others = (0..members).filter(|to| *to != from);
    under_way.extend(others.map(|to| (to, from, said.to_vec())));
}

/// As if every second leaf were blank.
fn leaf(member: usize) -> Leaf {
    Kid((member as u64 * 2) << 6).leaf()
}

fn nonce(member: usize) -> [u8; 32] {
    [member as u8 + 1; 32]
}

fn word(kind: u8, value: &[u8; 32]) -> Vec<u8> {
    [&[kind][..], value].concat()
}

fn commitment(member: usize, nonce: &[u8; 32]) -> [u8; 32] {
    let leaf = leaf(member).index().to_be_bytes();
    sha256(&[b"conclave 1 compare commitment", &SECRET, &leaf, nonce])
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Context::new(&SHA256);
    for part in parts {
        hash.update(part);
    }
    hash.finish().as_ref().try_into().expect("32 bytes")
}
