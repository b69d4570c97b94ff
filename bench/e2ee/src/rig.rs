//! A call of any size in one process: two members that are really there, the
//! committer at the first leaf and an observer at the last; of all others only
//! their leaves.

use conclave_e2ee::{
    Config, LinkKeys, LinkSecret, ParticipantId, Pending, Processed, RoomId, Session, Suite,
    VerifiedKnock,
};

/// Most knocks that clients add by one commit.
pub(crate) const ADDS_A_COMMIT: usize = 32;

/// How the tree came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tree {
    /// One member let everybody in and nobody else committed yet: the dearest
    /// that a tree can be for that member, one ciphertext for each leaf.
    AsJoined,
    /// One of each two neighbours committed since: every path is filled.
    Settled,
}

/// The call.
pub(crate) struct Rig {
    suite: Suite,
    link: LinkKeys,
    now_ms: u64,
    next: u64,
    /// Those of whom there is only a leaf, in the order of their arrival.
    pub(crate) leaves: Vec<ParticipantId>,
    pub(crate) committer: Session,
    pub(crate) observer: Option<Session>,
}

impl Rig {
    /// A call of `size` members, two or more.
    pub(crate) fn new(suite: Suite, size: usize, tree: Tree) -> Self {
        let link = LinkSecret::from_bytes([7; 32]);
        let link = link.keys(RoomId([1; 16]), None).unwrap();
        let mut committer = session(suite, &link, 0);
        committer.create_group(0).unwrap();
        let mut rig = Self {
            suite,
            link,
            now_ms: 0,
            next: 1,
            leaves: Vec::new(),
            committer,
            observer: None,
        };
        while rig.committer.members().len() < size {
            let missing = size - rig.committer.members().len();
            let at_once = match tree {
                Tree::AsJoined => missing.min(ADDS_A_COMMIT),
                Tree::Settled => missing.min(2),
            };
            let mut newcomers = rig.newcomers(at_once);
            let knocks = rig.knocks(&mut newcomers);
            let pending = rig.committer.admit(&knocks).unwrap();
            rig.confirm();
            let Some(mut last) = newcomers.pop() else {
                break;
            };
            let ends = missing == at_once;
            if ends || tree == Tree::Settled {
                last.join(pending.welcome.as_ref().unwrap()).unwrap();
            }
            if tree == Tree::Settled {
                rig.update_of(&mut last);
            }
            rig.leaves
                .extend(newcomers.iter().map(Session::participant));
            if ends {
                rig.observer = Some(last);
            } else {
                rig.leaves.push(last.participant());
            }
        }
        rig
    }

    /// People with the link who did not knock yet.
    pub(crate) fn newcomers(&mut self, count: usize) -> Vec<Session> {
        (0..count)
            .map(|_| {
                self.next += 1;
                session(self.suite, &self.link, self.next)
            })
            .collect()
    }

    /// Their knocks, as the committer verified them.
    pub(crate) fn knocks(&self, newcomers: &mut [Session]) -> Vec<VerifiedKnock> {
        newcomers
            .iter_mut()
            .map(|newcomer| {
                let knock = newcomer.knock().unwrap();
                let who = newcomer.participant();
                self.committer
                    .verify_knock(who, &knock.key_package, &knock.tag)
                    .unwrap()
            })
            .collect()
    }

    /// The committer enters the epoch of its commit, and sends with it.
    pub(crate) fn confirm(&mut self) {
        self.now_ms += 20_000;
        self.committer.confirm_pending(self.now_ms).unwrap();
        let epoch = self.committer.epoch().unwrap();
        self.committer.activate(epoch, self.now_ms).unwrap();
        self.committer.tick(self.now_ms);
    }

    /// The observer takes the commit, and sends in its epoch.
    pub(crate) fn observe(&mut self, pending: &Pending) {
        if let Some(observer) = &mut self.observer {
            take(observer, &pending.commit, self.now_ms);
        }
    }

    /// A member renews its keys; committer and observer follow.
    pub(crate) fn update_of(&mut self, member: &mut Session) {
        let pending = member.update().unwrap();
        take(&mut self.committer, &pending.commit, self.now_ms);
        self.observe(&pending);
        take(member, &pending.commit, self.now_ms);
    }
}

fn take(member: &mut Session, commit: &[u8], now_ms: u64) {
    let processed = member.process(commit, now_ms).unwrap();
    if let Processed::Advanced(advance) = processed {
        member.activate(advance.epoch, now_ms).unwrap();
        member.tick(now_ms);
    }
}

fn session(suite: Suite, link: &LinkKeys, number: u64) -> Session {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    let config = Config {
        suite,
        raw_video: true,
    };
    let name = format!("Participant {number}");
    Session::with_keys(config, ParticipantId(id), &name, link).unwrap()
}
