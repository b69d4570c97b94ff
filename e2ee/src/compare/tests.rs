use super::*;

/// A small reproducible generator.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn nonce(&mut self) -> [u8; LEN] {
        std::array::from_fn(|_| self.next() as u8)
    }
}

fn begin(secret: u8, nonce: [u8; LEN], own: usize, members: usize) -> (Round, Vec<u8>) {
    Round::begin(
        Zeroizing::new([secret; LEN]),
        Zeroizing::new(nonce),
        leaf(own),
        // As if every second leaf were blank, and in no order.
        (0..members).rev().map(leaf),
        0,
    )
}

fn leaf(seat: usize) -> Leaf {
    Leaf(2 * u16::try_from(seat).unwrap())
}

/// The rounds of all members, each begun, and their commitments.
fn table(rng: &mut Rng, members: usize) -> (Vec<Round>, Vec<Vec<u8>>) {
    (0..members)
        .map(|own| begin(7, rng.nonce(), own, members))
        .unzip()
}

fn waiting_for(leaves: &[Leaf], overdue: bool) -> Comparison {
    let missing = leaves.to_vec();
    Comparison::Waiting { missing, overdue }
}

#[test]
fn all_devices_agree_whatever_order_their_messages_arrive_in() {
    for seed in 1..=400 {
        let mut rng = Rng(seed);
        let members = 2 + rng.below(6);
        let (mut rounds, commitments) = table(&mut rng, members);
        // What is under way: receiver, sender, message.
        let mut under_way: Vec<(usize, usize, Vec<u8>)> = Vec::new();
        let post = |under_way: &mut Vec<_>, from: usize, message: &Vec<u8>| {
            under_way.extend((0..members).map(|to| (to, from, message.clone())));
        };
        for (from, message) in commitments.iter().enumerate() {
            post(&mut under_way, from, message);
        }
        let mut revealed = 0;
        while !under_way.is_empty() {
            let next = rng.below(under_way.len());
            let (to, from, message) = under_way.swap_remove(next);
            rounds[to].hear(leaf(from), &message);
            if let Some(nonce) = rounds[to].reveal() {
                revealed += 1;
                post(&mut under_way, to, &nonce);
            }
        }
        assert_eq!(revealed, members, "seed {seed}");
        let codes: Vec<_> = rounds.iter().map(|round| round.state(0)).collect();
        assert!(
            matches!(codes[0], Comparison::Agreed(_)) && codes.iter().all(|code| *code == codes[0]),
            "seed {seed}: {codes:?}"
        );
    }
}

#[test]
fn nobody_reveals_before_everybody_is_bound() {
    let mut rng = Rng(3);
    let (mut rounds, said) = table(&mut rng, 3);
    assert_eq!(rounds[0].reveal(), None);
    rounds[0].hear(leaf(1), &said[1]);
    assert_eq!(rounds[0].reveal(), None);
    // A nonce without its commitment binds as little.
    let early = word(NONCE, &rounds[2].nonce);
    rounds[0].hear(leaf(2), &early);
    assert_eq!(rounds[0].reveal(), None);
    rounds[0].hear(leaf(2), &said[2]);
    assert_eq!(rounds[0].state(0), Comparison::Held);
    assert!(rounds[0].reveal().is_some());
    assert_eq!(rounds[0].reveal(), None, "once");
}

#[test]
fn a_device_that_does_not_answer_is_named_and_may_still_answer() {
    let mut rng = Rng(5);
    let (mut rounds, said) = table(&mut rng, 3);
    rounds[0].hear(leaf(2), &said[2]);
    assert_eq!(
        rounds[0].state(ANSWER_MS - 1),
        waiting_for(&[leaf(1)], false)
    );
    assert_eq!(rounds[0].state(ANSWER_MS), waiting_for(&[leaf(1)], true));
    rounds[0].hear(leaf(1), &said[1]);
    rounds[0].reveal().unwrap();
    let others = waiting_for(&[leaf(1), leaf(2)], true);
    assert_eq!(rounds[0].state(ANSWER_MS), others);
    for from in [1, 2] {
        let nonce = *rounds[from].nonce;
        rounds[0].hear(leaf(from), &word(NONCE, &nonce));
    }
    assert!(matches!(rounds[0].state(ANSWER_MS), Comparison::Agreed(_)));
}

/// Who reveals last knows every other nonce, and can still not choose.
#[test]
fn who_reveals_last_cannot_take_another_nonce() {
    for seed in 1..=200 {
        let mut rng = Rng(seed);
        let (mut rounds, said) = table(&mut rng, 2);
        rounds[0].hear(leaf(1), &said[1]);
        rounds[0].reveal().unwrap();
        rounds[0].hear(leaf(1), &word(NONCE, &rng.nonce()));
        let (leaf, wrong) = (leaf(1), Wrong::OtherNonce);
        assert_eq!(
            rounds[0].state(0),
            Comparison::Broken { leaf, wrong },
            "seed {seed}"
        );
    }
}

#[test]
fn another_members_commitment_is_worth_nothing_as_ones_own() {
    let mut rng = Rng(7);
    let (mut rounds, said) = table(&mut rng, 2);
    rounds[0].hear(leaf(1), &said[0]);
    let nonce = rounds[0].reveal().unwrap();
    rounds[0].hear(leaf(1), &nonce);
    let (leaf, wrong) = (leaf(1), Wrong::OtherNonce);
    assert_eq!(rounds[0].state(0), Comparison::Broken { leaf, wrong });
}

#[test]
fn whoever_breaks_the_rules_is_named_and_there_is_no_code() {
    let honest = |rng: &mut Rng| {
        let (mut rounds, said) = table(rng, 3);
        rounds[0].hear(leaf(1), &said[1]);
        (rounds, said)
    };
    let nonce = word(NONCE, &[1; LEN]);
    let long = [&nonce[..], &[0]].concat();
    let cases: [(Vec<Vec<u8>>, Wrong); 6] = [
        (vec![vec![]], Wrong::Malformed),
        (vec![vec![3; 1 + LEN]], Wrong::Malformed),
        (vec![nonce[..LEN].to_vec()], Wrong::Malformed),
        (vec![long], Wrong::Malformed),
        (vec![word(COMMITMENT, &[1; LEN]); 2], Wrong::Twice),
        (vec![nonce.clone(), nonce], Wrong::Twice),
    ];
    for (words, wrong) in cases {
        let (mut rounds, said) = honest(&mut Rng(11));
        for word in &words {
            rounds[0].hear(leaf(2), word);
        }
        // What follows changes nothing.
        rounds[0].hear(leaf(2), &said[2]);
        let leaf = leaf(2);
        assert_eq!(
            rounds[0].state(0),
            Comparison::Broken { leaf, wrong },
            "{words:?}"
        );
        assert_eq!(rounds[0].reveal(), None);
    }
}

#[test]
fn who_is_no_member_is_not_heard() {
    let mut rng = Rng(13);
    let (mut rounds, _) = table(&mut rng, 2);
    rounds[0].hear(Leaf(1), b"anything");
    rounds[0].hear(leaf(0), b"in our own name");
    assert_eq!(rounds[0].state(0), waiting_for(&[leaf(1)], false));
}

/// Computed from the module's formula without this crate.
#[test]
fn the_code_is_the_one_of_the_formula() {
    let (mut anna, _) = begin(0x11, [0x22; LEN], 0, 2);
    let (_, commitment) = begin(0x11, [0x33; LEN], 1, 2);
    anna.hear(leaf(1), &commitment);
    anna.reveal().unwrap();
    anna.hear(leaf(1), &word(NONCE, &[0x33; LEN]));
    let Comparison::Agreed(code) = anna.state(0) else {
        panic!("no code");
    };
    assert_eq!(code.to_string(), "2297 2977");
}

#[test]
fn every_part_of_a_round_changes_its_code() {
    let code = |secret: u8, nonces: &[u8]| {
        let (mut own, _) = begin(secret, [nonces[0]; LEN], 0, nonces.len());
        for (from, nonce) in nonces.iter().enumerate().skip(1) {
            own.hear(
                leaf(from),
                &begin(secret, [*nonce; LEN], from, nonces.len()).1,
            );
        }
        own.reveal().unwrap();
        for (from, nonce) in nonces.iter().enumerate().skip(1) {
            own.hear(leaf(from), &word(NONCE, &[*nonce; LEN]));
        }
        own.state(0)
    };
    let base = code(1, &[1, 2]);
    assert_eq!(code(1, &[1, 2]), base);
    for (secret, nonces) in [
        (2, &[1, 2][..]),
        (1, &[3, 2]),
        (1, &[1, 3]),
        (1, &[1, 2, 3]),
    ] {
        assert_ne!(code(secret, nonces), base, "{secret} {nonces:?}");
    }
}

#[test]
fn nonces_are_revealed_no_faster_than_allowed() {
    let mut allowance = Allowance::default();
    for n in 0..MAX_REVEALS {
        assert!(allowance.spend(n as u64));
    }
    assert_eq!(allowance.next(), Some(ALLOWANCE_MS));
    assert!(!allowance.spend(ALLOWANCE_MS - 1));
    assert!(allowance.spend(ALLOWANCE_MS));
    assert!(!allowance.spend(ALLOWANCE_MS));
    assert_eq!(allowance.next(), Some(ALLOWANCE_MS + 1));
}
