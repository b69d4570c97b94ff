//! Keys over time: which epoch sends, which ones still open frames.
//!
//! ```text
//!   commit processed        activate(n)           activate(n+1)       10 s
//!  ─────────────────▶ Prepared ─────────▶ Active ───────────▶ Retired ────▶ gone
//!                     opens               opens, seals        opens
//! ```
//!
//! Who is never told to activate an epoch does so after [`SWITCH_MS`]: a server
//! that keeps it back must not keep anybody at old keys.
//!
//! Counters belong to the (epoch, context) they count for and live exactly as
//! long as the epoch's keys, so nothing a caller recreates can reset one.

use crate::error::{Error, FrameDrop, Misuse};
use crate::identity::{Leaf, Member, ParticipantId};
use crate::sframe::{Context, FrameCipher, FrameHeader, FrameSecret, Kid, NONCE_LEN, ReplayWindow};
use crate::split::{Failure, Split};
use crate::suite::MediaSuite;
use std::collections::HashMap;
use zeroize::Zeroizing;

/// How long an epoch opens frames after a newer one was activated, in
/// milliseconds. Longer would keep a removed key's reach longer; shorter would
/// drop what a slow path or jitter buffer still carries.
pub const RETIRED_MS: u64 = 10_000;

/// How long an epoch that a commit led to waits to be activated, in
/// milliseconds, until we seal with it unbidden. A longer wait would leave a
/// newcomer, or a renewed key, at a server's mercy for longer; a shorter one
/// would not wait for members that the service still waits for.
pub const SWITCH_MS: u64 = 2_000;

/// Frames one key may seal. Far below the 2^36 bytes-per-nonce and collision
/// bounds of AES-GCM, and two years of 60 Hz video.
const MAX_FRAMES: u64 = 1 << 32;

/// Everything needed to enter an epoch.
pub(crate) struct EpochKeys {
    pub(crate) epoch: u64,
    pub(crate) base_key: Zeroizing<Vec<u8>>,
    pub(crate) own_leaf: Leaf,
    /// Members by ascending leaf.
    pub(crate) roster: Vec<Member>,
}

/// A frame that was authenticated and decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened<'s> {
    /// Whose leaf sealed it.
    pub sender: &'s Member,
    /// Which of the sender's streams it belongs to.
    pub context: Context,
    /// In which epoch it was sealed.
    pub epoch: u64,
    /// Its place in the stream; gaps are lost frames.
    pub counter: u64,
}

/// A frame that is being opened by somebody else's AES-GCM; see
/// [`Session::opening`](crate::Session::opening).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    header: FrameHeader,
    epoch: u64,
    nonce: [u8; NONCE_LEN],
}

impl Opening {
    /// The epoch whose key it is.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The key id; with the epoch, what names the key.
    pub fn kid(&self) -> Kid {
        self.header.kid
    }

    /// Bytes of the header, which are the associated data; the ciphertext and
    /// a tag of 16 bytes follow.
    pub fn header_len(&self) -> usize {
        self.header.encoded_len()
    }

    /// The nonce.
    pub fn nonce(&self) -> &[u8; NONCE_LEN] {
        &self.nonce
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Is activated at this time in milliseconds, if there is one.
    Prepared(Option<u64>),
    Active,
    /// Opens frames until this time in milliseconds.
    Retired(u64),
}

struct Sender {
    cipher: FrameCipher,
    next: u64,
}

struct Receiver {
    cipher: FrameCipher,
    window: ReplayWindow,
    /// Of one whose frames are opened by somebody else.
    secret: Option<FrameSecret>,
}

/// Where a frame belongs: which of the held epochs, which of its members.
struct Place {
    held: usize,
    at: usize,
    context: Context,
}

struct Epoch {
    keys: EpochKeys,
    stage: Stage,
    senders: [Option<Box<Sender>>; Context::COUNT],
    /// Only key ids that have sealed an authentic frame.
    receivers: HashMap<Kid, Box<Receiver>>,
}

/// All epochs whose keys are held, oldest first.
pub(crate) struct Epochs {
    suite: MediaSuite,
    held: Vec<Epoch>,
    split: Split,
}

impl Epochs {
    pub(crate) fn new(suite: MediaSuite) -> Self {
        Self {
            suite,
            held: Vec::new(),
            split: Split::default(),
        }
    }

    /// A member signed another history than ours.
    pub(crate) fn forked(&mut self, participant: ParticipantId) {
        self.split.forked(participant);
    }

    /// Seals nothing any more: the group has gone on without us, and whom it
    /// removed meanwhile may hold these keys. They only open, for a while.
    pub(crate) fn suspend(&mut self, now_ms: u64) {
        for held in &mut self.held {
            if !matches!(held.stage, Stage::Retired(_)) {
                held.stage = Stage::Retired(now_ms.saturating_add(RETIRED_MS));
            }
        }
    }

    /// Members who are heard and not understood.
    pub(crate) fn apart(&self) -> &[ParticipantId] {
        self.split.apart()
    }

    /// Takes the keys of a newer epoch; frames of it can be opened from now on.
    /// A commit that was applied at `since_ms` led to it; nothing if we begin with it.
    ///
    /// The epoch that shares its low bits is dropped (RFC 9605 section 5.2).
    pub(crate) fn prepare(&mut self, keys: EpochKeys, since_ms: Option<u64>) {
        self.held.retain(|held| {
            held.keys.epoch < keys.epoch && !Kid::same_epoch(held.keys.epoch, keys.epoch)
        });
        self.split.keep(&keys.roster);
        self.held.push(Epoch {
            keys,
            stage: Stage::Prepared(since_ms.map(|since| since.saturating_add(SWITCH_MS))),
            senders: std::array::from_fn(|_| None),
            receivers: HashMap::new(),
        });
    }

    /// Seals with this epoch from now on and retires all older ones.
    ///
    /// An epoch that is active, or older than the active one, changes nothing.
    pub(crate) fn activate(&mut self, epoch: u64, now_ms: u64) -> Result<(), Misuse> {
        if self.sending().is_some_and(|active| epoch <= active) {
            return Ok(());
        }
        if !self.held.iter().any(|held| held.keys.epoch == epoch) {
            return Err(Misuse::UnknownEpoch);
        }
        self.switch(epoch, now_ms);
        Ok(())
    }

    fn switch(&mut self, epoch: u64, now_ms: u64) {
        for held in &mut self.held {
            if held.keys.epoch == epoch {
                held.stage = Stage::Active;
            } else if held.keys.epoch < epoch && !matches!(held.stage, Stage::Retired(_)) {
                held.stage = Stage::Retired(now_ms.saturating_add(RETIRED_MS));
            }
        }
    }

    /// Forgets a participant in all epochs before `epoch`: frames of a removed
    /// member that are still under way are not opened.
    pub(crate) fn forget(&mut self, participant: ParticipantId, epoch: u64) {
        for held in self.held.iter_mut().filter(|held| held.keys.epoch < epoch) {
            let roster = &mut held.keys.roster;
            if let Some(at) = roster
                .iter()
                .position(|member| member.participant == participant)
            {
                let leaf = roster.remove(at).leaf;
                held.receivers.retain(|kid, _| kid.leaf() != leaf);
            }
        }
    }

    /// Activates the newest epoch that has waited long enough, and drops, and
    /// so wipes, the keys of those whose time is over.
    pub(crate) fn tick(&mut self, now_ms: u64) {
        let due = |held: &&Epoch| matches!(held.stage, Stage::Prepared(Some(at)) if now_ms >= at);
        if let Some(epoch) = self.held.iter().rfind(due).map(|held| held.keys.epoch) {
            self.switch(epoch, now_ms);
        }
        self.held
            .retain(|held| !matches!(held.stage, Stage::Retired(until) if now_ms >= until));
    }

    /// When [`tick`](Self::tick) has something to do next, in milliseconds.
    pub(crate) fn next_timeout(&self) -> Option<u64> {
        self.held
            .iter()
            .filter_map(|held| match held.stage {
                Stage::Retired(at) => Some(at),
                Stage::Prepared(at) => at,
                Stage::Active => None,
            })
            .min()
    }

    /// Drops all keys.
    pub(crate) fn wipe(&mut self) {
        self.held.clear();
        self.split.keep(&[]);
    }

    /// The epoch frames are sealed with.
    pub(crate) fn sending(&self) -> Option<u64> {
        self.held
            .iter()
            .find(|held| held.stage == Stage::Active)
            .map(|held| held.keys.epoch)
    }

    /// The newest epoch whose frames can be opened.
    pub(crate) fn ready(&self) -> Option<u64> {
        self.held.last().map(|held| held.keys.epoch)
    }

    /// Seals a payload into `out` with the active epoch.
    pub(crate) fn seal(
        &mut self,
        context: Context,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let suite = self.suite;
        let epoch = self
            .held
            .iter_mut()
            .find(|held| held.stage == Stage::Active)
            .ok_or(Misuse::NoSendEpoch)?;
        let sender = epoch.sender(suite, context)?;
        // The counter is used up before anything can fail or be repeated.
        let counter = sender.take_counter()?;
        sender.cipher.seal(counter, &[], payload, out)
    }

    /// Opens a frame into `out`. Nothing changes unless its tag verifies.
    pub(crate) fn open(
        &mut self,
        frame: &[u8],
        now_ms: u64,
        out: &mut Vec<u8>,
    ) -> Result<Opened<'_>, FrameDrop> {
        out.clear();
        let header = FrameHeader::parse(frame)?;
        let place = self.place_of_new(header, now_ms)?;
        let suite = self.suite;
        let opened = self.held[place.held].open(suite, header, frame, out);
        self.outcome(header, place, opened, now_ms)
    }

    /// Begins to open a frame that somebody else decrypts. Nothing changes.
    pub(crate) fn opening(&mut self, frame: &[u8], now_ms: u64) -> Result<Opening, FrameDrop> {
        let header = FrameHeader::parse(frame)?;
        let place = self.place_of_new(header, now_ms)?;
        let epoch = &mut self.held[place.held];
        if !epoch.admits(header) {
            return Err(FrameDrop::Replayed);
        }
        Ok(Opening {
            header,
            epoch: epoch.keys.epoch,
            nonce: epoch.nonce(self.suite, header)?,
        })
    }

    /// The key that opens a frame.
    pub(crate) fn opening_key(&self, opening: &Opening) -> Result<FrameSecret, FrameDrop> {
        let mut held = self.held.iter();
        let epoch = held.find(|held| held.keys.epoch == opening.epoch);
        let epoch = epoch.ok_or(FrameDrop::UnknownEpoch)?;
        epoch.secret(self.suite, opening.header.kid)
    }

    /// Ends what [`opening`](Self::opening) began. The window is asked again:
    /// the same frame may have been opened meanwhile, or its sender removed.
    pub(crate) fn conclude(
        &mut self,
        opening: &Opening,
        authentic: bool,
        now_ms: u64,
    ) -> Result<Opened<'_>, FrameDrop> {
        let header = opening.header;
        let place = self.place(header, now_ms)?;
        let suite = self.suite;
        let epoch = &mut self.held[place.held];
        if epoch.keys.epoch != opening.epoch {
            return Err(FrameDrop::UnknownEpoch);
        }
        let opened = match authentic {
            true => epoch.record(suite, header),
            false => Err(FrameDrop::NotAuthentic),
        };
        self.outcome(header, place, opened, now_ms)
    }

    /// Whether the keys of an epoch are held.
    pub(crate) fn holds(&self, epoch: u64) -> bool {
        self.held.iter().any(|held| held.keys.epoch == epoch)
    }

    /// Where a frame that has just come belongs.
    fn place_of_new(&mut self, header: FrameHeader, now_ms: u64) -> Result<Place, FrameDrop> {
        let place = self.place(header, now_ms);
        if matches!(place, Err(FrameDrop::UnknownEpoch | FrameDrop::EarlyEpoch)) {
            self.out_of_step(header.kid.leaf(), now_ms);
        }
        place
    }

    fn place(&self, header: FrameHeader, now_ms: u64) -> Result<Place, FrameDrop> {
        let context = Context::from_number(header.kid.context_number())
            .map_err(|_| FrameDrop::UnknownContext)?;
        let held = self.held.iter().position(|held| {
            header.kid.epoch_low() == Kid::low(held.keys.epoch)
                && !matches!(held.stage, Stage::Retired(until) if now_ms >= until)
        });
        let newest = self.held.last().map(|held| held.keys.epoch);
        let ahead = newest.is_some_and(|newest| Kid::is_ahead(header.kid.epoch_low(), newest));
        let held = held.ok_or(match ahead {
            true => FrameDrop::EarlyEpoch,
            false => FrameDrop::UnknownEpoch,
        })?;
        let at = self.held[held].keys.position(header.kid.leaf());
        let at = at.ok_or(FrameDrop::UnknownLeaf)?;
        Ok(Place { held, at, context })
    }

    /// Notes what became of a frame, and says whose it is.
    fn outcome(
        &mut self,
        header: FrameHeader,
        Place { held, at, context }: Place,
        opened: Result<(), FrameDrop>,
        now_ms: u64,
    ) -> Result<Opened<'_>, FrameDrop> {
        let keys = &self.held[held].keys;
        let sender = &keys.roster[at];
        match opened {
            Ok(()) => self.split.opened(sender.participant),
            Err(drop) => {
                if drop == FrameDrop::NotAuthentic {
                    let who = sender.participant;
                    self.split.failed(who, Failure::Unverified, now_ms);
                }
                return Err(drop);
            }
        }
        Ok(Opened {
            sender,
            context,
            epoch: keys.epoch,
            counter: header.counter,
        })
    }

    /// A frame of an epoch whose keys are gone or did not come yet.
    fn out_of_step(&mut self, leaf: Leaf, now_ms: u64) {
        let newest = self.held.last().map(|held| &held.keys);
        let sender = newest.and_then(|keys| keys.roster.get(keys.position(leaf)?));
        if let Some(sender) = sender {
            self.split
                .failed(sender.participant, Failure::OutOfStep, now_ms);
        }
    }
}

impl EpochKeys {
    /// Where the roster names the leaf of another member.
    fn position(&self, leaf: Leaf) -> Option<usize> {
        if leaf == self.own_leaf {
            return None;
        }
        self.roster
            .binary_search_by_key(&leaf, |member| member.leaf)
            .ok()
    }
}

impl Epoch {
    fn sender(&mut self, suite: MediaSuite, context: Context) -> Result<&mut Sender, Error> {
        let slot = &mut self.senders[usize::from(context.number())];
        match slot {
            Some(sender) => Ok(sender),
            None => {
                let kid = Kid::new(context, self.keys.own_leaf, self.keys.epoch);
                let cipher = FrameCipher::derive(suite, &self.keys.base_key, kid)?;
                Ok(slot.insert(Box::new(Sender { cipher, next: 0 })))
            }
        }
    }

    fn open(
        &mut self,
        suite: MediaSuite,
        header: FrameHeader,
        frame: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), FrameDrop> {
        if let Some(receiver) = self.receivers.get_mut(&header.kid) {
            if !receiver.window.admits(header.counter) {
                return Err(FrameDrop::Replayed);
            }
            receiver.cipher.open(frame, &[], out)?;
            receiver.window.record(header.counter);
            return Ok(());
        }
        let mut window = ReplayWindow::new();
        if !window.admits(header.counter) {
            return Err(FrameDrop::Replayed);
        }
        let cipher = FrameCipher::derive(suite, &self.keys.base_key, header.kid)
            .map_err(|_| FrameDrop::NotAuthentic)?;
        cipher.open(frame, &[], out)?;
        window.record(header.counter);
        let receiver = Receiver {
            cipher,
            window,
            secret: None,
        };
        self.receivers.insert(header.kid, Box::new(receiver));
        Ok(())
    }

    /// Whether a frame may still be opened.
    fn admits(&self, header: FrameHeader) -> bool {
        match self.receivers.get(&header.kid) {
            Some(receiver) => receiver.window.admits(header.counter),
            None => ReplayWindow::new().admits(header.counter),
        }
    }

    fn secret(&self, suite: MediaSuite, kid: Kid) -> Result<FrameSecret, FrameDrop> {
        FrameSecret::derive(suite, &self.keys.base_key, kid).map_err(|_| FrameDrop::NotAuthentic)
    }

    /// A frame's nonce. What it takes is kept for who has sealed an authentic frame.
    fn nonce(
        &mut self,
        suite: MediaSuite,
        header: FrameHeader,
    ) -> Result<[u8; NONCE_LEN], FrameDrop> {
        if let Some(receiver) = self.receivers.get(&header.kid)
            && let Some(secret) = &receiver.secret
        {
            return Ok(secret.nonce(header.counter));
        }
        let secret = self.secret(suite, header.kid)?;
        let nonce = secret.nonce(header.counter);
        if let Some(receiver) = self.receivers.get_mut(&header.kid) {
            receiver.secret = Some(secret);
        }
        Ok(nonce)
    }

    /// Notes an authentic frame that somebody else has opened.
    fn record(&mut self, suite: MediaSuite, header: FrameHeader) -> Result<(), FrameDrop> {
        if !self.admits(header) {
            return Err(FrameDrop::Replayed);
        }
        if let Some(receiver) = self.receivers.get_mut(&header.kid) {
            receiver.window.record(header.counter);
            return Ok(());
        }
        let cipher = FrameCipher::derive(suite, &self.keys.base_key, header.kid)
            .map_err(|_| FrameDrop::NotAuthentic)?;
        let mut receiver = Receiver {
            cipher,
            window: ReplayWindow::new(),
            secret: None,
        };
        receiver.window.record(header.counter);
        self.receivers.insert(header.kid, Box::new(receiver));
        Ok(())
    }
}

impl Sender {
    fn take_counter(&mut self) -> Result<u64, Misuse> {
        if self.next >= MAX_FRAMES {
            return Err(Misuse::CounterExhausted);
        }
        let counter = self.next;
        self.next += 1;
        Ok(counter)
    }
}
