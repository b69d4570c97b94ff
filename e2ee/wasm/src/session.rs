//! `Session` as JavaScript sees it.

use crate::convert;
use conclave_e2ee as e2ee;
use conclave_e2ee::{
    Config, Context, Devices, Error, LinkKeys, LinkSecret, Marking, Misuse, ParticipantId,
    Password, Phrase, RoomId, Session, Suite, Text, Word,
};
use js_sys::{Object, Uint8Array};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

/// Shapes of the plain objects below, for TypeScript.
#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** A member as its authenticated leaf says. */
export interface Member { leaf: number; participant: Uint8Array; name: string; rawVideo: boolean }
/** A member, what is known of them, and which organisation vouches for their name, if one does. */
export interface KnownMember extends Member { trust: "guest" | "certified" | "compared"; organisation: string | null }
/** That we hold the key of our leaf. */
export interface Proof { key: Uint8Array; proof: Uint8Array }
/** How far this epoch's comparison is; members by their leaves. */
export type Comparison =
  | { kind: "idle" }
  | { kind: "waiting"; missing: number[]; overdue: boolean }
  | { kind: "held" }
  | { kind: "agreed"; code: string }
  | { kind: "broken"; leaf: number; wrong: "malformed" | "twice" | "other_nonce" };
/** What is to be posted to all members, and where that leaves the comparison. */
export interface Compared { said: Uint8Array[]; state: Comparison }
/** What a newcomer sends to the members. */
export interface Knock { keyPackage: Uint8Array; tag: Uint8Array }
/** What a member says to one who waits: `seen`, a prepared text's code, or `text` with a text. */
export interface Told { said: string; text: string | null }
/** Which devices of one who waits are ready. */
export interface Devices { microphone: boolean; camera: boolean }
/** A commit of ours that waits for the delivery service. */
export interface Pending { commit: Uint8Array; welcome: Uint8Array | null; epoch: number }
/** What a commit changed. */
export type Processed =
  | { kind: "advanced"; epoch: number; active: boolean; added: Member[]; removed: Member[]; returned: Member[] }
  | { kind: "selfRemoved" };
/** What every method throws. */
export interface E2eeError extends Error { code: string }
"#;

#[wasm_bindgen]
extern "C" {
    /// `KnownMember[]`
    #[wasm_bindgen(typescript_type = "KnownMember[]")]
    pub type Members;
    /// `Compared`
    #[wasm_bindgen(typescript_type = "Compared")]
    pub type ComparedObject;
    /// `Proof`
    #[wasm_bindgen(typescript_type = "Proof")]
    pub type ProofObject;
    /// `Knock`
    #[wasm_bindgen(typescript_type = "Knock")]
    pub type KnockObject;
    /// `Told`
    #[wasm_bindgen(typescript_type = "Told")]
    pub type ToldObject;
    /// `Devices`
    #[wasm_bindgen(typescript_type = "Devices")]
    pub type DevicesObject;
    /// `Pending`
    #[wasm_bindgen(typescript_type = "Pending")]
    pub type PendingObject;
    /// `Processed`
    #[wasm_bindgen(typescript_type = "Processed")]
    pub type ProcessedObject;
}

/// Draws a link secret; returns the text behind `#` in a link.
#[wasm_bindgen(js_name = generateLinkSecret)]
pub fn generate_link_secret() -> Result<String, JsValue> {
    Ok(LinkSecret::generate()
        .map_err(convert::error)?
        .fragment()
        .to_string())
}

/// What a link, and its password if it has one, open; see
/// `conclave_e2ee::LinkKeys`. Call `free()` to wipe it.
#[wasm_bindgen(js_name = LinkKeys)]
pub struct WasmLinkKeys(LinkKeys);

#[wasm_bindgen(js_class = LinkKeys)]
impl WasmLinkKeys {
    /// `room` has 16 bytes; `fragment` is the secret in the link, 43 characters;
    /// `password` is what was typed. With it this takes up to a second, and the
    /// memory of the module grows by 64 MiB once.
    #[wasm_bindgen(constructor)]
    pub fn new(room: &[u8], fragment: &str, password: Option<String>) -> Result<Self, JsValue> {
        let room = RoomId(convert::array(room, Misuse::UnknownParticipant)?);
        let password = password.map(Zeroizing::new);
        let password = password.as_ref().map(|typed| Password::parse(typed));
        let password = password.transpose().map_err(convert::error)?;
        LinkSecret::from_fragment(fragment)
            .and_then(|secret| secret.keys(room, password.as_ref()))
            .map(Self)
            .map_err(convert::error)
    }

    /// Proves the password to the server, 32 bytes; nothing without a password.
    #[wasm_bindgen(getter)]
    pub fn proof(&self) -> Option<Uint8Array> {
        self.0.proof().map(|proof| convert::bytes(proof))
    }
}

/// A knock that was verified, and so may be admitted.
#[wasm_bindgen]
pub struct VerifiedKnock(e2ee::VerifiedKnock);

#[wasm_bindgen]
impl VerifiedKnock {
    /// Who knocks, 16 bytes.
    #[wasm_bindgen(getter)]
    pub fn participant(&self) -> Uint8Array {
        convert::bytes(&self.0.participant().0)
    }

    /// The name to show.
    #[wasm_bindgen(getter)]
    pub fn name(&self) -> String {
        self.0.name().as_str().to_owned()
    }

    /// Which organisation vouches for it, if one does.
    #[wasm_bindgen(getter)]
    pub fn organisation(&self) -> Option<String> {
        let certified = self.0.certified();
        certified.map(|certified| certified.organisation.as_str().to_owned())
    }
}

/// A frame that was opened.
#[wasm_bindgen(getter_with_clone)]
pub struct Opened {
    /// What was in it; nothing where JavaScript decrypted it.
    pub payload: Option<Uint8Array>,
    /// The sender's leaf.
    pub leaf: u16,
    /// The sender, 16 bytes.
    pub participant: Uint8Array,
    /// The sender's name.
    pub name: String,
    /// Number of the stream: source + 4 * layer; 0 microphone, 1 camera, 2 screen, 3 screen audio.
    pub context: u8,
    /// In which epoch it was sealed.
    pub epoch: f64,
    /// Its place in the stream.
    pub counter: f64,
}

/// A frame that JavaScript decrypts: AES-GCM, with the header as associated
/// data and a tag of 16 bytes at the end.
#[wasm_bindgen]
pub struct Opening(e2ee::Opening);

#[wasm_bindgen]
impl Opening {
    /// The epoch of the key.
    #[wasm_bindgen(getter)]
    pub fn epoch(&self) -> f64 {
        convert::number(self.0.epoch())
    }

    /// The key id; with the epoch, what names the key.
    #[wasm_bindgen(getter)]
    pub fn kid(&self) -> f64 {
        convert::number(self.0.kid().0)
    }

    /// Bytes of the header.
    #[wasm_bindgen(getter, js_name = headerLength)]
    pub fn header_length(&self) -> usize {
        self.0.header_len()
    }

    /// The nonce, 12 bytes.
    #[wasm_bindgen(getter)]
    pub fn nonce(&self) -> Uint8Array {
        convert::bytes(self.0.nonce())
    }
}

/// One participant in one call; see `conclave_e2ee::Session`. Call `free()` to wipe it.
#[wasm_bindgen(js_name = Session)]
pub struct WasmSession {
    inner: Session,
    /// Reused by every frame.
    buffer: Vec<u8>,
}

#[wasm_bindgen(js_class = Session)]
impl WasmSession {
    /// `suite` is 0x004E or 0x0001; `participant` has 16 bytes; `keys` stay
    /// usable; `rawVideo` is whether we take video frames in packets without a
    /// payload descriptor.
    #[wasm_bindgen(constructor)]
    pub fn new(
        suite: u16,
        participant: &[u8],
        name: &str,
        keys: &WasmLinkKeys,
        #[wasm_bindgen(js_name = rawVideo)] raw_video: bool,
    ) -> Result<Self, JsValue> {
        let suite = Suite::from_id(suite)
            .ok_or_else(|| convert::error(e2ee::PeerIncompatible::Suite.into()))?;
        let participant = participant_id(participant)?;
        let config = Config { suite, raw_video };
        let inner = Session::with_keys(config, participant, name, &keys.0);
        let inner = inner.map_err(convert::error)?;
        Ok(Self {
            inner,
            buffer: Vec::new(),
        })
    }

    /// Says what time it is by the calendar, in milliseconds since the Unix
    /// epoch; whether certificates of members have run out, or are good again.
    #[wasm_bindgen(js_name = tellTime)]
    pub fn tell_time(&mut self, unix_ms: f64) -> bool {
        self.inner.tell_time(convert::millis(unix_ms) / 1000)
    }

    /// Proves to our organisation's server that this device of that account, of
    /// 16 bytes each, holds the key of our leaf.
    pub fn proof(&self, account: &[u8], device: &[u8]) -> Result<ProofObject, JsValue> {
        let account = convert::array(account, Misuse::UnknownParticipant)?;
        let device = convert::array(device, Misuse::UnknownParticipant)?;
        let proof = self.inner.proof(&account, &device);
        object(proof.map(|(key, proof)| convert::proof(&key, &proof)))
    }

    /// Takes a certificate, and the root that signed it, before we found a group
    /// or knock; the name in it, by which we go from now on.
    pub fn certify(&mut self, certificate: &[u8], root: &[u8]) -> Result<String, JsValue> {
        self.inner
            .certify(certificate, root)
            .map_err(convert::error)?;
        Ok(self.inner.name().as_str().to_owned())
    }

    /// Makes the commit that puts a later certificate in the place of ours.
    pub fn renew(&mut self, certificate: &[u8], root: &[u8]) -> Result<PendingObject, JsValue> {
        pending(self.inner.renew(certificate, root))
    }

    /// Founds the call's group, of a marked call if there is a marking.
    #[wasm_bindgen(js_name = createGroup)]
    pub fn create_group(&mut self, now: f64, marking: Option<String>) -> Result<(), JsValue> {
        let now_ms = convert::millis(now);
        match marking {
            None => self.inner.create_group(now_ms),
            Some(marking) => Marking::new(&marking)
                .map_err(Error::from)
                .and_then(|marking| self.inner.create_marked_group(marking, now_ms)),
        }
        .map_err(convert::error)
    }

    /// How the call is marked, if it is.
    #[wasm_bindgen(getter)]
    pub fn marking(&self) -> Option<String> {
        let marking = self.inner.marking();
        marking.map(|marking| marking.as_str().to_owned())
    }

    /// The knock to send to the members.
    pub fn knock(&mut self) -> Result<KnockObject, JsValue> {
        object(self.inner.knock().map(|knock| convert::knock(&knock)))
    }

    /// Checks a knock.
    #[wasm_bindgen(js_name = verifyKnock)]
    pub fn verify_knock(
        &self,
        participant: &[u8],
        key_package: &[u8],
        tag: &[u8],
    ) -> Result<VerifiedKnock, JsValue> {
        self.inner
            .verify_knock(participant_id(participant)?, key_package, tag)
            .map(VerifiedKnock)
            .map_err(convert::error)
    }

    /// Seals a word for one who waits: `seen`, the code of a prepared text, or
    /// `text` with a text.
    pub fn answer(
        &self,
        knock: &VerifiedKnock,
        said: &str,
        text: Option<String>,
    ) -> Result<Uint8Array, JsValue> {
        let invalid = || convert::error(Misuse::InvalidText.into());
        let word = match (said, text) {
            ("seen", None) => Word::Seen,
            ("text", Some(text)) => Word::Text(Text::new(&text).map_err(convert::error)?),
            (code, None) => Word::Phrase(Phrase::from_code(code).ok_or_else(invalid)?),
            _ => return Err(invalid()),
        };
        let sealed = self.inner.answer(&knock.0, &word).map_err(convert::error)?;
        Ok(convert::bytes(&sealed))
    }

    /// Opens a word that was said to us while we wait.
    pub fn told(&mut self, sealed: &[u8]) -> Result<ToldObject, JsValue> {
        object(self.inner.told(sealed).map(|word| convert::told(&word)))
    }

    /// Seals which of our devices are ready, for those who see our knock.
    #[wasm_bindgen(js_name = showDevices)]
    pub fn show_devices(&mut self, microphone: bool, camera: bool) -> Result<Uint8Array, JsValue> {
        let sealed = self.inner.show_devices(Devices { microphone, camera });
        Ok(convert::bytes(&sealed.map_err(convert::error)?))
    }

    /// Opens which devices of one who waits are ready.
    pub fn devices(&self, knock: &VerifiedKnock, sealed: &[u8]) -> Result<DevicesObject, JsValue> {
        let devices = self.inner.devices(&knock.0, sealed);
        object(devices.map(|devices| convert::devices(&devices)))
    }

    /// Joins by a Welcome.
    pub fn join(&mut self, welcome: &[u8]) -> Result<(), JsValue> {
        self.inner.join(welcome).map_err(convert::error)
    }

    /// Makes the commit that adds participants, each once. Uses the knocks up.
    pub fn admit(&mut self, knocks: Vec<VerifiedKnock>) -> Result<PendingObject, JsValue> {
        let knocks: Vec<_> = knocks.into_iter().map(|knock| knock.0).collect();
        pending(self.inner.admit(&knocks))
    }

    /// Gives the group up, whose log cannot be followed any more; the knock to
    /// come back with.
    pub fn resync(&mut self, now: f64) -> Result<KnockObject, JsValue> {
        let knock = self.inner.resync(convert::millis(now));
        object(knock.map(|knock| convert::knock(&knock)))
    }

    /// Makes the commit that brings a member back that knocked again, if its
    /// knock verifies.
    pub fn readmit(
        &mut self,
        participant: &[u8],
        key_package: &[u8],
        tag: &[u8],
    ) -> Result<PendingObject, JsValue> {
        let participant = participant_id(participant)?;
        let returning = self.inner.verify_return(participant, key_package, tag);
        pending(returning.and_then(|returning| self.inner.readmit(&returning)))
    }

    /// Checks the knock of a member that fell behind.
    #[wasm_bindgen(js_name = verifyReturn)]
    pub fn verify_return(
        &mut self,
        participant: &[u8],
        key_package: &[u8],
        tag: &[u8],
    ) -> Result<(), JsValue> {
        let participant = participant_id(participant)?;
        let returning = self.inner.verify_return(participant, key_package, tag);
        returning.map(drop).map_err(convert::error)
    }

    /// Makes the commit that removes members, each named by 16 bytes.
    pub fn remove(&mut self, participants: Vec<Uint8Array>) -> Result<PendingObject, JsValue> {
        let participants = participants
            .iter()
            .map(|participant| participant_id(&participant.to_vec()))
            .collect::<Result<Vec<_>, _>>()?;
        pending(self.inner.remove(&participants))
    }

    /// Makes a commit that only renews our keys.
    pub fn update(&mut self) -> Result<PendingObject, JsValue> {
        pending(self.inner.update())
    }

    /// The delivery service accepted our commit.
    #[wasm_bindgen(js_name = confirmPending)]
    pub fn confirm_pending(&mut self, now: f64) -> Result<ProcessedObject, JsValue> {
        let processed = self.inner.confirm_pending(convert::millis(now));
        object(processed.map(|processed| convert::processed(&processed)))
    }

    /// The delivery service refused our commit.
    #[wasm_bindgen(js_name = discardPending)]
    pub fn discard_pending(&mut self) -> Result<(), JsValue> {
        self.inner.discard_pending().map_err(convert::error)
    }

    /// Takes the next commit of the delivery log.
    pub fn process(&mut self, commit: &[u8], now: f64) -> Result<ProcessedObject, JsValue> {
        let processed = self.inner.process(commit, convert::millis(now));
        object(processed.map(|processed| convert::processed(&processed)))
    }

    /// Seals with this epoch from now on.
    pub fn activate(&mut self, epoch: f64, now: f64) -> Result<(), JsValue> {
        self.inner
            .activate(epoch as u64, convert::millis(now))
            .map_err(convert::error)
    }

    /// Wipes keys whose time is over.
    pub fn tick(&mut self, now: f64) {
        self.inner.tick(convert::millis(now));
    }

    /// When `tick` has something to do.
    #[wasm_bindgen(getter, js_name = nextTimeout)]
    pub fn next_timeout(&self) -> Option<f64> {
        self.inner.next_timeout().map(convert::number)
    }

    /// The newest epoch whose frames we can open.
    #[wasm_bindgen(getter, js_name = readyEpoch)]
    pub fn ready_epoch(&self) -> Option<f64> {
        self.inner.ready_epoch().map(convert::number)
    }

    /// The epoch we seal with.
    #[wasm_bindgen(getter, js_name = sendEpoch)]
    pub fn send_epoch(&self) -> Option<f64> {
        self.inner.send_epoch().map(convert::number)
    }

    /// The MLS epoch the group is in.
    #[wasm_bindgen(getter)]
    pub fn epoch(&self) -> Option<f64> {
        self.inner.epoch().ok().map(convert::number)
    }

    /// Seals one media frame. The context is source + 4 * layer.
    pub fn seal(&mut self, context: u8, payload: &[u8]) -> Result<Uint8Array, JsValue> {
        let context = Context::from_number(context.into());
        let context = context.map_err(|misuse| convert::error(misuse.into()))?;
        self.inner
            .seal(context, payload, &mut self.buffer)
            .map_err(convert::error)?;
        Ok(convert::bytes(&self.buffer))
    }

    /// Opens one received media frame, or throws and the frame is never rendered.
    pub fn open(&mut self, frame: &[u8], now: f64) -> Result<Opened, JsValue> {
        let opened = self
            .inner
            .open(frame, convert::millis(now), &mut self.buffer)
            .map_err(convert::frame_drop)?;
        let payload = Some(convert::bytes(&self.buffer));
        Ok(opened_frame(&opened, payload))
    }

    /// Begins to open a frame that JavaScript decrypts: its first 17 bytes.
    pub fn opening(&mut self, header: &[u8], now: f64) -> Result<Opening, JsValue> {
        self.inner
            .opening(header, convert::millis(now))
            .map(Opening)
            .map_err(convert::frame_drop)
    }

    /// The AES key of that frame, for `decrypt` alone.
    #[wasm_bindgen(js_name = openingKey)]
    pub fn opening_key(&self, opening: &Opening) -> Result<Uint8Array, JsValue> {
        let key = self.inner.opening_key(&opening.0);
        Ok(convert::bytes(&key.map_err(convert::frame_drop)?))
    }

    /// The frame's tag verified or did not; whose it is, or throws and the
    /// frame is never rendered.
    pub fn conclude(
        &mut self,
        opening: &Opening,
        authentic: bool,
        now: f64,
    ) -> Result<Opened, JsValue> {
        let opened = self
            .inner
            .conclude(&opening.0, authentic, convert::millis(now));
        let opened = opened.map_err(convert::frame_drop)?;
        Ok(opened_frame(&opened, None))
    }

    /// Whether the media keys of an epoch are held.
    pub fn holds(&self, epoch: f64) -> bool {
        self.inner.holds(epoch as u64)
    }

    /// The members whose frames come and do not open, 16 bytes each.
    pub fn apart(&self) -> Vec<Uint8Array> {
        let apart = self.inner.apart().iter();
        apart.map(|who| convert::bytes(&who.0)).collect()
    }

    /// The members, by ascending leaf, with what is known of them.
    pub fn members(&self) -> Members {
        JsValue::from(convert::group(&self.inner)).into()
    }

    /// Our own leaf.
    #[wasm_bindgen(getter, js_name = ownLeaf)]
    pub fn own_leaf(&self) -> Option<u16> {
        self.inner.own_leaf().map(|leaf| leaf.index())
    }

    /// Takes part in this epoch's comparison, or asks how far it is.
    pub fn compare(&mut self, now: f64) -> Result<ComparedObject, JsValue> {
        let now_ms = convert::millis(now);
        let said = self.inner.compare(now_ms).map_err(convert::error)?;
        Ok(compared(&self.inner, &said, now_ms))
    }

    /// Takes what another member's device posted.
    pub fn hear(&mut self, message: &[u8], now: f64) -> Result<ComparedObject, JsValue> {
        let now_ms = convert::millis(now);
        let said = self.inner.hear(message, now_ms).map_err(convert::error)?;
        Ok(compared(&self.inner, &said, now_ms))
    }

    /// What we posted in this epoch, to be posted again after a lost connection.
    pub fn said(&self, now: f64) -> ComparedObject {
        compared(&self.inner, self.inner.said(), convert::millis(now))
    }

    /// The person heard the same code from the others: they are compared.
    #[wasm_bindgen(js_name = confirmComparison)]
    pub fn confirm_comparison(&mut self, epoch: f64, now: f64) -> Result<(), JsValue> {
        self.inner
            .confirm_comparison(epoch as u64, convert::millis(now))
            .map_err(convert::error)
    }

    /// MLS-Exporter of the current epoch.
    #[wasm_bindgen(js_name = exportSecret)]
    pub fn export_secret(
        &self,
        label: &str,
        context: &[u8],
        len: usize,
    ) -> Result<Uint8Array, JsValue> {
        let secret = self
            .inner
            .export(label, context, len)
            .map_err(convert::error)?;
        Ok(convert::bytes(&secret))
    }
}

fn opened_frame(opened: &e2ee::Opened<'_>, payload: Option<Uint8Array>) -> Opened {
    Opened {
        payload,
        leaf: opened.sender.leaf.index(),
        participant: convert::bytes(&opened.sender.participant.0),
        name: opened.sender.name.as_str().to_owned(),
        context: opened.context.number(),
        epoch: convert::number(opened.epoch),
        counter: convert::number(opened.counter),
    }
}

fn participant_id(bytes: &[u8]) -> Result<ParticipantId, JsValue> {
    convert::array(bytes, Misuse::UnknownParticipant).map(ParticipantId)
}

fn compared(session: &Session, said: &[Vec<u8>], now_ms: u64) -> ComparedObject {
    JsValue::from(convert::comparison(session, said, now_ms)).into()
}

fn pending(pending: Result<e2ee::Pending, Error>) -> Result<PendingObject, JsValue> {
    object(pending.map(|pending| convert::pending(&pending)))
}

/// A plain object under its TypeScript name, or the error.
fn object<T: From<JsValue>>(result: Result<Object, Error>) -> Result<T, JsValue> {
    result
        .map(|object| JsValue::from(object).into())
        .map_err(convert::error)
}
