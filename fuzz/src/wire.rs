//! Messages between clients and the service, and what stands in a link.

use conclave_e2ee::{LinkSecret, Password};
use conclave_wire::client::{ClientFrame, ServerFrame};
use conclave_wire::control::{Command, Event};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// A text frame as each of the messages: what is read is written back and read
/// again as the same.
pub fn frames(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    survives::<ClientFrame>(text);
    survives::<ServerFrame>(text);
    survives::<Command>(text);
    survives::<Event>(text);
}

fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(text: &str) {
    let Ok(read) = serde_json::from_str::<T>(text) else {
        return;
    };
    let written = serde_json::to_string(&read).expect("is written");
    // What is left out is written out: at most how a slot is shown.
    assert!(written.len() <= 4 * text.len() + 256);
    assert_eq!(serde_json::from_str::<T>(&written).expect("is read"), read);
}

/// The part of a link behind its `#`: there is one way to write a secret. And
/// what is typed as its password.
pub fn link(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(secret) = LinkSecret::from_fragment(text) {
        assert_eq!(*secret.fragment(), text);
    }
    // A password has many; what is read is written in the one way.
    if let Ok(password) = Password::parse(text) {
        let written = password.grouped();
        let again = Password::parse(&written).expect("is read");
        assert_eq!(*again.grouped(), *written);
    }
}
