//! What is said through the closed door (`docs/protocol.md` section 3.8). What
//! does not open was not said by anybody with the link, and is dropped.

use super::{Call, Event};
use conclave_wire::id::ParticipantId;

impl Call {
    /// A word to us while we wait.
    pub(super) fn told(&mut self, sealed: &[u8]) {
        let session = self.session.as_mut();
        if let Some(word) = session.and_then(|session| session.told(sealed).ok()) {
            self.event(Event::Told { word });
        }
    }

    /// How the devices of somebody who knocks are.
    pub(super) fn shown(&mut self, participant: ParticipantId, sealed: &[u8]) {
        let knocker = self.knocks.get(&participant);
        let knock = knocker.and_then(|knocker| knocker.verified.as_ref());
        let session = self.session.as_ref();
        let opened = session.zip(knock);
        let opened = opened.and_then(|(session, knock)| session.devices(knock, sealed).ok());
        if let Some(devices) = opened {
            self.event(Event::Devices {
                participant,
                devices,
            });
        }
    }
}
