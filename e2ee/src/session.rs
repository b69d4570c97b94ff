//! The façade every client drives: one participant in one call.

use crate::certificate::Certified;
use crate::charter::{Charter, Marking};
use crate::epoch::{EpochKeys, Epochs, Opened, Opening};
use crate::error::{Error, FrameDrop, Misuse, PeerMisbehaved};
use crate::identity::{Identity, Leaf, Member, Name, ParticipantId, RoomId};
use crate::mls::group::{Change, Group, Left, Outcome, Own, Pending};
use crate::mls::knock::{self, Knock, VerifiedKnock};
use crate::mls::provider::Provider;
use crate::mls::returning;
use crate::mls::rules::Effect;
use crate::secret::{LinkKeys, LinkSecret};
use crate::sframe::{Context, MAX_LEAVES};
use crate::suite::Suite;
use crate::trust::CallCode;
use crate::word::Heard;
use openmls::prelude::KeyPackageBundle;
use openmls::prelude::tls_codec::Serialize;
use zeroize::Zeroizing;

mod certified;
mod comparing;
mod door;
mod resync;

/// Label under which the base key of every epoch is exported (RFC 9605 section 5.2).
const BASE_KEY_LABEL: &str = "SFrame 1.0 Base Key";
/// Longest export in bytes; more would not be one secret but a key stream.
const MAX_EXPORT: usize = 255;

/// What is agreed on before a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Config {
    /// The only cipher suite this session will use.
    pub suite: Suite,
    /// Whether we take video frames in packets without a payload descriptor.
    /// Our leaf says so to the members; see [`Member::raw_video`].
    pub raw_video: bool,
}

/// What a commit changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Processed {
    /// The group entered a new epoch.
    Advanced(Advance),
    /// We were removed: every key is gone and the session is over.
    SelfRemoved,
}

/// A new epoch, and who it adds and removes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advance {
    /// The epoch entered. Frames of it can be opened at once.
    pub epoch: u64,
    /// Whether frames are sealed with it already. True after a removal for
    /// good, which nobody waits for; otherwise [`Session::activate`] decides, or
    /// [`Session::tick`] after [`SWITCH_MS`](crate::SWITCH_MS).
    pub active: bool,
    /// New members at their leaves.
    pub added: Vec<Member>,
    /// Former members at the leaves they had.
    pub removed: Vec<Member>,
    /// Members that had fallen behind, at the leaves they have now.
    pub returned: Vec<Member>,
}

/// One participant's MLS state and media keys for one call.
///
/// Methods fall into eight groups: who vouches for us ([`tell_time`](Self::tell_time),
/// [`proof`](Self::proof), [`certify`](Self::certify), [`renew`](Self::renew)), admission ([`knock`](Self::knock),
/// [`verify_knock`](Self::verify_knock), [`join`](Self::join)), coming back
/// ([`resync`](Self::resync), [`verify_return`](Self::verify_return)), what is said
/// through the door ([`answer`](Self::answer), [`told`](Self::told)), commits
/// ([`admit`](Self::admit) and its like, [`confirm_pending`](Self::confirm_pending),
/// [`discard_pending`](Self::discard_pending), [`process`](Self::process)),
/// time ([`activate`](Self::activate), [`tick`](Self::tick)), media
/// ([`seal`](Self::seal), [`open`](Self::open)) and comparing aloud
/// ([`compare`](Self::compare), [`hear`](Self::hear), [`trust`](Self::trust)). Times are milliseconds of any
/// monotonic clock, the same for all calls. Dropping the session wipes it.
pub struct Session {
    provider: Provider,
    own: Own,
    link: LinkKeys,
    phase: Phase,
    epochs: Epochs,
    comparing: comparing::Comparing,
    /// What was said to us while we wait.
    heard: Heard,
}

/// Where the session stands.
enum Phase {
    /// No group yet; with the key package of a knock, if one was made.
    Outside(Option<Box<KeyPackageBundle>>),
    Inside(Box<Inside>),
    /// Fallen behind, with what brings us back.
    Behind(Box<Behind>),
    /// Removed.
    Ended,
}

struct Inside {
    group: Group,
    /// Members of the group's current epoch by ascending leaf.
    roster: Vec<Member>,
    /// Which of them are certified, and what of them, by ascending leaf.
    certified: Vec<(Leaf, Certified)>,
}

struct Behind {
    left: Left,
    bundle: KeyPackageBundle,
    /// Members of our last epoch by ascending leaf.
    roster: Vec<Member>,
}

impl Session {
    /// Prepares a participant of a link without a password: a fresh signature
    /// key, the keys of the link. The link secret itself is not kept.
    ///
    /// # Errors
    /// As [`with_keys`](Self::with_keys).
    pub fn new(
        config: Config,
        room: RoomId,
        participant: ParticipantId,
        name: &str,
        secret: &LinkSecret,
    ) -> Result<Self, Error> {
        Self::with_keys(config, participant, name, &secret.keys(room, None)?)
    }

    /// Prepares a participant: a fresh signature key, beside a copy of the
    /// link's keys.
    ///
    /// # Errors
    /// [`Misuse::InvalidName`]; [`Error::Internal`] if the system gives no randomness.
    pub fn with_keys(
        config: Config,
        participant: ParticipantId,
        name: &str,
        link: &LinkKeys,
    ) -> Result<Self, Error> {
        let (room, link) = (link.room(), link.for_a_stay());
        let identity = Identity {
            participant,
            name: Name::new(name)?,
        };
        let provider = Provider::default();
        let own = Own::new(&provider, config, room, identity, link.psk())?;
        let epochs = Epochs::new(config.suite.media());
        Ok(Self {
            provider,
            own,
            link,
            phase: Phase::Outside(None),
            epochs,
            comparing: comparing::Comparing::default(),
            heard: Heard::default(),
        })
    }

    /// Founds the call's group with us as its only member. Epoch 0 is active at
    /// once. If we are [certified](Self::certify), our organisation's root
    /// counts in it, and others' certificates do not.
    ///
    /// # Errors
    /// [`Misuse::AlreadyInGroup`], [`Misuse::Ended`].
    pub fn create_group(&mut self, now_ms: u64) -> Result<(), Error> {
        self.found(None, now_ms)
    }

    /// As [`create_group`](Self::create_group), of a marked call: nobody is in
    /// it who is not certified.
    ///
    /// # Errors
    /// Those, and [`Misuse::NotCertified`].
    pub fn create_marked_group(&mut self, marking: Marking, now_ms: u64) -> Result<(), Error> {
        if self.own.certificate.is_none() {
            return Err(Misuse::NotCertified.into());
        }
        self.found(Some(marking), now_ms)
    }

    fn found(&mut self, marking: Option<Marking>, now_ms: u64) -> Result<(), Error> {
        self.outside()?;
        let root = self.own.certificate.as_ref();
        let charter = Charter {
            roots: root.map(|(_, root)| root.clone()).into_iter().collect(),
            marking,
        };
        let group = Group::create(&self.provider, &self.own, charter)?;
        self.enter(group)?;
        Ok(self.epochs.activate(0, now_ms)?)
    }

    /// The knock to send to the members; the same one until we have joined,
    /// so repeating it after a lost connection does no harm.
    ///
    /// # Errors
    /// [`Misuse::AlreadyInGroup`], [`Misuse::Ended`].
    pub fn knock(&mut self) -> Result<Knock, Error> {
        self.outside()?;
        let bundle = match &mut self.phase {
            Phase::Outside(Some(bundle)) => bundle,
            phase => {
                let bundle = self.own.key_package(&self.provider, None)?;
                *phase = Phase::Outside(Some(Box::new(bundle)));
                match phase {
                    Phase::Outside(Some(bundle)) => bundle,
                    _ => return Err(Error::Internal),
                }
            }
        };
        tagged(&self.own, &self.link, bundle)
    }

    /// Checks a knock that the server says comes from `participant`, who is
    /// no member.
    ///
    /// # Errors
    /// [`PeerMisbehaved`](crate::PeerMisbehaved) if the tag was not made with
    /// the link secret or the key package is not valid, not the participant's,
    /// or one for coming back, or its certificate does not count here or has run
    /// out, or it has none and the call is marked; [`PeerIncompatible`](crate::PeerIncompatible) for
    /// another suite or a wrong clock.
    pub fn verify_knock(
        &self,
        participant: ParticipantId,
        key_package: &[u8],
        tag: &[u8],
    ) -> Result<VerifiedKnock, Error> {
        let knock = self.tagged_knock(participant, key_package, tag)?;
        match returning::returns(&knock.key_package) {
            true => Err(PeerMisbehaved::InvalidKeyPackage.into()),
            false => Ok(knock),
        }
    }

    fn tagged_knock(
        &self,
        participant: ParticipantId,
        key_package: &[u8],
        tag: &[u8],
    ) -> Result<VerifiedKnock, Error> {
        let knock = knock::verify(
            &self.link,
            self.own.suite,
            self.own.room,
            participant,
            key_package,
            tag,
        )?;
        self.let_in(knock)
    }

    /// Joins by the Welcome of the commit that added us. The epoch is
    /// prepared: frames can be opened at once, [`activate`](Self::activate)
    /// lets us seal. A Welcome that fails can be followed by another.
    ///
    /// After [`resync`](Self::resync) the Welcome has to lead back to where we were.
    ///
    /// # Errors
    /// [`PeerMisbehaved`](crate::PeerMisbehaved) if the Welcome does not
    /// verify, is for another room or was made without the link secret, or
    /// leads elsewhere than back; [`Misuse::NotInGroup`] before
    /// [`knock`](Self::knock); [`Misuse::AlreadyInGroup`], [`Misuse::Ended`].
    pub fn join(&mut self, welcome: &[u8]) -> Result<(), Error> {
        let (bundle, left) = match &self.phase {
            Phase::Outside(Some(bundle)) => (&**bundle, None),
            Phase::Behind(behind) => (&behind.bundle, Some(&behind.left)),
            Phase::Outside(None) => return Err(Misuse::NotInGroup.into()),
            Phase::Inside(_) => return Err(Misuse::AlreadyInGroup.into()),
            Phase::Ended => return Err(Misuse::Ended.into()),
        };
        let group = Group::join(&self.provider, &self.own, bundle, welcome, left)?;
        self.enter(group)
    }

    /// Makes the commit that adds participants, each once.
    ///
    /// # Errors
    /// [`Misuse::NothingToCommit`], [`Misuse::AlreadyMember`] (see
    /// [`readmit`](Self::readmit)), [`Misuse::GroupFull`] and those of any
    /// commit: [`Misuse::CommitPending`], [`Misuse::NotInGroup`], [`Misuse::Ended`].
    pub fn admit(&mut self, knocks: &[VerifiedKnock]) -> Result<Pending, Error> {
        let inside = self.inside()?;
        for (at, knock) in knocks.iter().enumerate() {
            let who = knock.participant();
            let twice = knocks[..at].iter().any(|other| other.participant() == who);
            if twice || inside.leaf_of(who).is_some() {
                return Err(Misuse::AlreadyMember.into());
            }
        }
        self.commit_adds(knocks, Vec::new())
    }

    /// Makes the commit that removes members.
    ///
    /// # Errors
    /// [`Misuse::NothingToCommit`], [`Misuse::UnknownParticipant`],
    /// [`Misuse::RemoveSelf`]; those of any commit.
    pub fn remove(&mut self, participants: &[ParticipantId]) -> Result<Pending, Error> {
        let mut remove = Vec::with_capacity(participants.len());
        for participant in participants {
            let leaf = self.leaf_to_remove(*participant)?;
            if !remove.contains(&leaf) {
                remove.push(leaf);
            }
        }
        if remove.is_empty() {
            return Err(Misuse::NothingToCommit.into());
        }
        self.commit(Change {
            remove,
            ..Change::default()
        })
    }

    /// Makes a commit that only renews our keys.
    ///
    /// # Errors
    /// Those of any commit.
    pub fn update(&mut self) -> Result<Pending, Error> {
        self.commit(Change::default())
    }

    /// Enters the epoch of our pending commit: the delivery service accepted it.
    ///
    /// # Errors
    /// [`Misuse::NoCommitPending`], [`Misuse::NotInGroup`], [`Misuse::Ended`].
    pub fn confirm_pending(&mut self, now_ms: u64) -> Result<Processed, Error> {
        self.inside()?;
        let Phase::Inside(inside) = &mut self.phase else {
            return Err(Error::Internal);
        };
        let effect = inside.group.confirm_pending(&self.provider)?;
        self.advance(effect, now_ms)
    }

    /// Gives our pending commit up, as when the delivery service refused it.
    ///
    /// # Errors
    /// [`Misuse::NotInGroup`], [`Misuse::Ended`].
    pub fn discard_pending(&mut self) -> Result<(), Error> {
        self.inside()?;
        match &mut self.phase {
            Phase::Inside(inside) => inside.group.discard_pending(&self.provider),
            _ => Err(Error::Internal),
        }
    }

    /// Takes the next commit of the delivery log. Our own pending commit
    /// coming back counts as confirmed; another's replaces it. After an error
    /// nothing has changed.
    ///
    /// # Errors
    /// [`PeerMisbehaved`](crate::PeerMisbehaved); among them
    /// [`StaleEpoch`](crate::PeerMisbehaved::StaleEpoch) for what was processed
    /// before, which a client replaying the log skips.
    pub fn process(&mut self, commit: &[u8], now_ms: u64) -> Result<Processed, Error> {
        self.inside()?;
        let Phase::Inside(inside) = &mut self.phase else {
            return Err(Error::Internal);
        };
        if inside.group.is_pending(commit) {
            return self.confirm_pending(now_ms);
        }
        match inside.group.process(&self.provider, &self.own, commit)? {
            Outcome::Next(effect) => self.advance(effect, now_ms),
            Outcome::Removed => {
                self.end();
                Ok(Processed::SelfRemoved)
            }
        }
    }

    /// Seals with this epoch from now on; older ones open frames for
    /// [`RETIRED_MS`](crate::RETIRED_MS) more. Repeating it, or naming an epoch
    /// older than the active one, changes nothing.
    ///
    /// # Errors
    /// [`Misuse::UnknownEpoch`] for an epoch not reached yet; any, while we are
    /// [behind](Self::resync).
    pub fn activate(&mut self, epoch: u64, now_ms: u64) -> Result<(), Error> {
        if let Phase::Behind(_) = self.phase {
            return Err(Misuse::UnknownEpoch.into());
        }
        self.epochs.tick(now_ms);
        Ok(self.epochs.activate(epoch, now_ms)?)
    }

    /// Seals with an epoch that nobody activated for
    /// [`SWITCH_MS`](crate::SWITCH_MS), and wipes keys whose time is over.
    /// [`next_timeout`](Self::next_timeout) says when to call it.
    pub fn tick(&mut self, now_ms: u64) {
        self.epochs.tick(now_ms);
    }

    /// When [`tick`](Self::tick) has something to do, in milliseconds of the caller's clock.
    pub fn next_timeout(&self) -> Option<u64> {
        self.epochs.next_timeout()
    }

    /// The newest epoch we can open frames of: what to report as *ready*.
    pub fn ready_epoch(&self) -> Option<u64> {
        self.epochs.ready()
    }

    /// The epoch we seal with; `None` before the first activation.
    pub fn send_epoch(&self) -> Option<u64> {
        self.epochs.sending()
    }

    /// Seals one media frame of ours into `out`, replacing its content.
    ///
    /// # Errors
    /// [`Misuse::NoSendEpoch`], [`Misuse::CounterExhausted`].
    pub fn seal(
        &mut self,
        context: Context,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.epochs.seal(context, payload, out)
    }

    /// Opens one received media frame into `out`, replacing its content, and
    /// says who sealed it. A frame that is dropped leaves `out` empty and
    /// changes nothing, however often it happens.
    ///
    /// # Errors
    /// Every [`FrameDrop`] is to be counted and the frame never rendered.
    pub fn open(
        &mut self,
        frame: &[u8],
        now_ms: u64,
        out: &mut Vec<u8>,
    ) -> Result<Opened<'_>, FrameDrop> {
        self.epochs.open(frame, now_ms, out)
    }

    /// Begins to open a received frame with AES-GCM that is not ours, such as a
    /// browser's: `header` is the frame, or its first 17 bytes. Nothing changes
    /// until [`conclude`](Self::conclude); whatever it yields before is not to
    /// be used.
    ///
    /// # Errors
    /// Every [`FrameDrop`] is to be counted and the frame never rendered.
    pub fn opening(&mut self, header: &[u8], now_ms: u64) -> Result<Opening, FrameDrop> {
        self.epochs.opening(header, now_ms)
    }

    /// The AES key of a frame that is being opened, 16 or 32 bytes. It must be
    /// used to open only, and be gone when [`holds`](Self::holds) is not true
    /// of its epoch any more.
    ///
    /// # Errors
    /// [`FrameDrop::UnknownEpoch`] when it was wiped meanwhile.
    pub fn opening_key(&self, opening: &Opening) -> Result<Zeroizing<Vec<u8>>, FrameDrop> {
        let secret = self.epochs.opening_key(opening)?;
        Ok(Zeroizing::new(secret.key().to_vec()))
    }

    /// Ends what [`opening`](Self::opening) began, `authentic` if the frame's
    /// tag verified, and says who sealed it.
    ///
    /// # Errors
    /// As [`open`](Self::open): also of a frame that was opened meanwhile, or
    /// whose sender was removed.
    pub fn conclude(
        &mut self,
        opening: &Opening,
        authentic: bool,
        now_ms: u64,
    ) -> Result<Opened<'_>, FrameDrop> {
        self.epochs.conclude(opening, authentic, now_ms)
    }

    /// Whether the media keys of an epoch are held.
    pub fn holds(&self, epoch: u64) -> bool {
        self.epochs.holds(epoch)
    }

    /// Members whose frames reach us and have not opened for so long that
    /// their keys are not ours any more: the server gave them other commits
    /// than us, or changes what they send. A member is taken off as soon as a
    /// frame of theirs opens, or when they are removed.
    pub fn apart(&self) -> &[ParticipantId] {
        self.epochs.apart()
    }

    /// The members by ascending leaf, from the ratchet tree; those of our last
    /// epoch while we come back, nobody outside a group.
    pub fn members(&self) -> &[Member] {
        match &self.phase {
            Phase::Inside(inside) => &inside.roster,
            Phase::Behind(behind) => &behind.roster,
            Phase::Outside(_) | Phase::Ended => &[],
        }
    }

    /// Our own leaf, in a group.
    pub fn own_leaf(&self) -> Option<Leaf> {
        match &self.phase {
            Phase::Inside(inside) => inside.leaf_of(self.own.identity.participant),
            _ => None,
        }
    }

    /// Who we are.
    pub fn participant(&self) -> ParticipantId {
        self.own.identity.participant
    }

    /// The name we go by.
    pub fn name(&self) -> &Name {
        &self.own.identity.name
    }

    /// The MLS epoch the group is in.
    ///
    /// # Errors
    /// [`Misuse::NotInGroup`], [`Misuse::Ended`].
    pub fn epoch(&self) -> Result<u64, Error> {
        Ok(self.inside()?.group.epoch())
    }

    /// The code all members of this epoch have, for machines to compare; what
    /// people compare is [`comparison`](Self::comparison).
    ///
    /// # Errors
    /// [`Misuse::NotInGroup`], [`Misuse::Ended`].
    pub fn call_code(&self) -> Result<CallCode, Error> {
        let secret = self.export(CallCode::LABEL, &[], CallCode::EXPORT_LEN)?;
        CallCode::from_export(&secret).ok_or(Error::Internal)
    }

    /// MLS-Exporter of the current epoch, 1 to 255 bytes (RFC 9420 section 8.5).
    ///
    /// # Errors
    /// [`Misuse::ExportLength`], [`Misuse::NotInGroup`], [`Misuse::Ended`].
    pub fn export(
        &self,
        label: &str,
        context: &[u8],
        len: usize,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        if len == 0 || len > MAX_EXPORT {
            return Err(Misuse::ExportLength.into());
        }
        self.inside()?
            .group
            .export(&self.provider, label, context, len)
    }

    fn outside(&self) -> Result<(), Misuse> {
        match &self.phase {
            Phase::Outside(_) => Ok(()),
            Phase::Inside(_) | Phase::Behind(_) => Err(Misuse::AlreadyInGroup),
            Phase::Ended => Err(Misuse::Ended),
        }
    }

    fn inside(&self) -> Result<&Inside, Misuse> {
        match &self.phase {
            Phase::Inside(inside) => Ok(inside),
            Phase::Outside(_) | Phase::Behind(_) => Err(Misuse::NotInGroup),
            Phase::Ended => Err(Misuse::Ended),
        }
    }

    fn leaf_to_remove(&self, participant: ParticipantId) -> Result<Leaf, Error> {
        let leaf = self
            .inside()?
            .leaf_of(participant)
            .ok_or(Misuse::UnknownParticipant)?;
        if participant == self.own.identity.participant {
            return Err(Misuse::RemoveSelf.into());
        }
        Ok(leaf)
    }

    fn commit_adds(
        &mut self,
        knocks: &[VerifiedKnock],
        remove: Vec<Leaf>,
    ) -> Result<Pending, Error> {
        if knocks.is_empty() {
            return Err(Misuse::NothingToCommit.into());
        }
        if self.inside()?.roster.len() - remove.len() + knocks.len() > MAX_LEAVES {
            return Err(Misuse::GroupFull.into());
        }
        let add = knocks
            .iter()
            .map(|knock| knock.key_package.clone())
            .collect();
        self.commit(Change {
            add,
            remove,
            renew: false,
        })
    }

    fn commit(&mut self, change: Change) -> Result<Pending, Error> {
        self.inside()?;
        match &mut self.phase {
            Phase::Inside(inside) => inside.group.commit(&self.provider, &self.own, change),
            _ => Err(Error::Internal),
        }
    }

    /// Takes a group just created or joined.
    fn enter(&mut self, group: Group) -> Result<(), Error> {
        let (roster, epoch) = (group.roster()?, group.epoch());
        let before = self.members().to_vec();
        let certified = certified::of(&group, &roster, &self.own);
        self.phase = Phase::Inside(Box::new(Inside {
            group,
            roster,
            certified,
        }));
        self.prepare_epoch(None)?;
        // Whoever was removed while we were behind.
        for member in &before {
            if self.inside()?.leaf_of(member.participant).is_none() {
                self.epochs.forget(member.participant, epoch);
            }
        }
        Ok(())
    }

    /// Follows the group into its next epoch.
    fn advance(&mut self, effect: Effect, now_ms: u64) -> Result<Processed, Error> {
        let Phase::Inside(inside) = &mut self.phase else {
            return Err(Error::Internal);
        };
        inside.roster = inside.group.roster()?;
        let epoch = inside.group.epoch();
        inside.certified = certified::of(&inside.group, &inside.roster, &self.own);
        let was_removed = |who| effect.removed.iter().any(|old| old.participant == who);
        let (returned, added): (Vec<Member>, Vec<Member>) = inside
            .roster
            .iter()
            .filter(|member| {
                effect
                    .added
                    .iter()
                    .any(|new| new.participant == member.participant)
            })
            .cloned()
            .partition(|member| was_removed(member.participant));
        self.epochs.tick(now_ms);
        self.prepare_epoch(Some(now_ms))?;
        for member in &effect.removed {
            self.epochs.forget(member.participant, epoch);
        }
        let mut removed = effect.removed;
        removed.retain(|old| {
            returned
                .iter()
                .all(|new| new.participant != old.participant)
        });
        let active = !removed.is_empty();
        if active {
            self.epochs.activate(epoch, now_ms)?;
        }
        Ok(Processed::Advanced(Advance {
            epoch,
            active,
            added,
            removed,
            returned,
        }))
    }

    fn prepare_epoch(&mut self, since_ms: Option<u64>) -> Result<(), Error> {
        self.comparing.end_round();
        let inside = self.inside()?;
        let keys = EpochKeys {
            epoch: inside.group.epoch(),
            base_key: inside.group.export(
                &self.provider,
                BASE_KEY_LABEL,
                &[],
                self.own.suite.media().key_len(),
            )?,
            own_leaf: inside.group.own_leaf()?,
            roster: inside.roster.clone(),
        };
        self.epochs.prepare(keys, since_ms);
        Ok(())
    }

    fn end(&mut self) {
        self.phase = Phase::Ended;
        self.comparing = comparing::Comparing::default();
        self.epochs.wipe();
        self.provider.wipe();
    }
}

/// The knock that carries a key package.
fn tagged(own: &Own, link: &LinkKeys, bundle: &KeyPackageBundle) -> Result<Knock, Error> {
    let key_package = bundle
        .key_package()
        .tls_serialize_detached()
        .map_err(|_| Error::Internal)?;
    let tag = link.knock_tag(own.room, own.identity.participant, &key_package)?;
    Ok(Knock { key_package, tag })
}

impl Inside {
    fn leaf_of(&self, participant: ParticipantId) -> Option<Leaf> {
        self.roster
            .iter()
            .find(|m| m.participant == participant)
            .map(|m| m.leaf)
    }
}
