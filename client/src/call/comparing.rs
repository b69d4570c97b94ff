//! A device's part in comparing aloud: it answers by itself, so that nobody
//! waits for it, and tells the code.

use super::{Call, Event};
use conclave_e2ee::{Comparison, Error, Session};
use conclave_wire::client::Request;
use conclave_wire::id::{Blob, ParticipantId};

impl Call {
    /// Asks all members' devices for this epoch's code.
    pub fn compare(&mut self, now_ms: u64) {
        self.take_part(now_ms, |session| session.compare(now_ms));
    }

    /// A member said something to all.
    pub(super) fn posted(&mut self, message: &[u8], now_ms: u64) {
        self.take_part(now_ms, |session| session.hear(message, now_ms));
    }

    /// The socket was lost, and the server with it, perhaps: what we said is
    /// said again.
    pub(super) fn post_again(&mut self) {
        let said = self.session.as_ref().map(|session| session.said().to_vec());
        self.post(said.unwrap_or_default());
    }

    /// When our part is due without anybody saying anything.
    pub(super) fn comparison_due(&self) -> Option<u64> {
        self.session.as_ref().and_then(Session::next_comparison)
    }

    fn take_part(
        &mut self,
        now_ms: u64,
        part: impl FnOnce(&mut Session) -> Result<Vec<Vec<u8>>, Error>,
    ) {
        let Some(session) = &mut self.session else {
            return;
        };
        match part(session) {
            Ok(said) => self.post(said),
            // It says nothing about any member: the server may have made it up.
            Err(error) => tracing::debug!(code = error.code(), "no part in a comparison"),
        }
        self.comparing_since(now_ms);
        self.tell_outcome(now_ms);
    }

    fn post(&mut self, said: Vec<Vec<u8>>) {
        // The log's epochs have 32 bits; a call does not live that long.
        let epoch = self.session_epoch().and_then(|epoch| epoch.try_into().ok());
        let Some(epoch) = epoch else { return };
        for message in said {
            let message = Blob(message);
            self.ask(Request::Post { epoch, message });
        }
    }

    /// Tells how the round of an epoch ended, once.
    fn tell_outcome(&mut self, now_ms: u64) {
        let (Some(session), Some(epoch)) = (&self.session, self.session_epoch()) else {
            return;
        };
        if self.compared == Some(epoch) {
            return;
        }
        let event = match session.comparison(now_ms) {
            Comparison::Agreed(code) => Event::SpokenCode {
                epoch,
                code: code.to_string(),
            },
            Comparison::Broken { leaf, wrong } => {
                let member = session.members().iter().find(|member| member.leaf == leaf);
                let Some(member) = member else { return };
                Event::NoSpokenCode {
                    epoch,
                    participant: ParticipantId(member.participant.0),
                    wrong: wrong.code(),
                }
            }
            Comparison::Idle | Comparison::Waiting { .. } | Comparison::Held => return,
        };
        self.compared = Some(epoch);
        self.event(event);
    }
}
