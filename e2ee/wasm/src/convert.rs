//! Between Rust values and plain JavaScript objects.

use conclave_e2ee::{
    Advance, Comparison, Devices, Error, FrameDrop, Knock, Member, Misuse, Pending, Processed,
    Session, Word,
};
use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::JsValue;

/// An `Error` with a stable `code`.
pub(crate) fn error(error: Error) -> JsValue {
    coded(error.code(), &error.to_string())
}

/// As [`error`], for a frame that was dropped.
pub(crate) fn frame_drop(drop: FrameDrop) -> JsValue {
    coded(drop.code(), &drop.to_string())
}

fn coded(code: &str, message: &str) -> JsValue {
    let error = js_sys::Error::new(message);
    set(&error, "code", code);
    error.into()
}

/// A fixed number of bytes, or `error`.
pub(crate) fn array<const N: usize>(bytes: &[u8], misuse: Misuse) -> Result<[u8; N], JsValue> {
    bytes.try_into().map_err(|_| error(misuse.into()))
}

/// Milliseconds as JavaScript counts them; whatever is no time counts as 0.
pub(crate) fn millis(now: f64) -> u64 {
    now as u64
}

/// Epochs stay far below 2^53, one per commit.
pub(crate) fn number(value: u64) -> f64 {
    value as f64
}

pub(crate) fn bytes(bytes: &[u8]) -> Uint8Array {
    Uint8Array::from(bytes)
}

pub(crate) fn proof(key: &[u8], proof: &[u8]) -> Object {
    object(&[("key", bytes(key).into()), ("proof", bytes(proof).into())])
}

pub(crate) fn knock(knock: &Knock) -> Object {
    object(&[
        ("keyPackage", bytes(&knock.key_package).into()),
        ("tag", bytes(&knock.tag).into()),
    ])
}

pub(crate) fn told(word: &Word) -> Object {
    let (said, text) = match word {
        Word::Seen => ("seen", JsValue::NULL),
        Word::Phrase(phrase) => (phrase.code(), JsValue::NULL),
        Word::Text(text) => ("text", text.as_str().into()),
    };
    object(&[("said", said.into()), ("text", text)])
}

pub(crate) fn devices(devices: &Devices) -> Object {
    object(&[
        ("microphone", devices.microphone.into()),
        ("camera", devices.camera.into()),
    ])
}

pub(crate) fn pending(pending: &Pending) -> Object {
    let welcome = pending
        .welcome
        .as_deref()
        .map_or(JsValue::NULL, |welcome| bytes(welcome).into());
    object(&[
        ("commit", bytes(&pending.commit).into()),
        ("welcome", welcome),
        ("epoch", number(pending.epoch).into()),
    ])
}

pub(crate) fn processed(processed: &Processed) -> Object {
    match processed {
        Processed::SelfRemoved => object(&[("kind", "selfRemoved".into())]),
        Processed::Advanced(Advance {
            epoch,
            active,
            added,
            removed,
            returned,
        }) => object(&[
            ("kind", "advanced".into()),
            ("epoch", number(*epoch).into()),
            ("active", (*active).into()),
            ("added", members(added).into()),
            ("removed", members(removed).into()),
            ("returned", members(returned).into()),
        ]),
    }
}

pub(crate) fn members(members: &[Member]) -> Array {
    members.iter().map(member).collect()
}

fn member(member: &Member) -> Object {
    object(&[
        ("leaf", member.leaf.index().into()),
        ("participant", bytes(&member.participant.0).into()),
        ("name", member.name.as_str().into()),
        ("rawVideo", member.raw_video.into()),
    ])
}

/// The members of the group, each with what is known of them.
pub(crate) fn group(session: &Session) -> Array {
    let known = |known: &Member| {
        let object = member(known);
        set(&object, "trust", session.trust(known).code());
        let organisation = session.certified(known).map(|known| &known.organisation);
        let organisation = organisation.map_or(JsValue::NULL, |name| name.as_str().into());
        set(&object, "organisation", organisation);
        object
    };
    session.members().iter().map(known).collect()
}

/// What we posted and how far the comparison is.
pub(crate) fn comparison(session: &Session, said: &[Vec<u8>], now_ms: u64) -> Object {
    let state = match session.comparison(now_ms) {
        Comparison::Idle => object(&[("kind", "idle".into())]),
        Comparison::Waiting { missing, overdue } => {
            let missing: Array = missing
                .iter()
                .map(|leaf| JsValue::from(leaf.index()))
                .collect();
            object(&[
                ("kind", "waiting".into()),
                ("missing", missing.into()),
                ("overdue", overdue.into()),
            ])
        }
        Comparison::Held => object(&[("kind", "held".into())]),
        Comparison::Agreed(code) => {
            object(&[("kind", "agreed".into()), ("code", code.to_string().into())])
        }
        Comparison::Broken { leaf, wrong } => object(&[
            ("kind", "broken".into()),
            ("leaf", leaf.index().into()),
            ("wrong", wrong.code().into()),
        ]),
    };
    let said: Array = said.iter().map(|message| bytes(message)).collect();
    object(&[("said", said.into()), ("state", state.into())])
}

fn object(entries: &[(&str, JsValue)]) -> Object {
    let object = Object::new();
    for (key, value) in entries {
        set(&object, key, value.clone());
    }
    object
}

/// Sets a property of an object we have just made, which cannot fail.
fn set(target: &JsValue, key: &str, value: impl Into<JsValue>) {
    let _ = Reflect::set(target, &key.into(), &value.into());
}
