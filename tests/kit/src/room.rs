//! A room as its creator has it: host key and link secret.

use crate::door::Door;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use conclave_e2ee::{LinkSecret, RoomId as MlsRoom};
use conclave_wire::http::RoomCreated;
use conclave_wire::id::{Blob, RoomId};
use hkdf::Hkdf;
use sha2::Sha256;

/// A room and the secrets of its links. They are kept in the open here,
/// because tests look for them where they must not be.
#[derive(Clone)]
pub struct Room {
    /// The room.
    pub id: RoomId,
    /// What makes a host.
    pub host_key: Blob,
    /// What the fragment of every link of the room carries.
    pub secret: [u8; 32],
}

impl Room {
    /// The room the server made, with a link secret made here.
    ///
    /// # Panics
    /// When the system gives no randomness.
    pub fn new(created: RoomCreated) -> Self {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).expect("randomness");
        Self {
            id: created.room,
            host_key: created.host_key,
            secret,
        }
    }

    /// The guests' link, through that door.
    pub fn link(&self, door: &Door) -> String {
        format!(
            "{}/r/{}#{}",
            door.url(),
            self.id,
            URL_SAFE_NO_PAD.encode(self.secret)
        )
    }

    /// The hosts' link, through that door.
    pub fn host_link(&self, door: &Door) -> String {
        format!(
            "{}.{}",
            self.link(door),
            URL_SAFE_NO_PAD.encode(&self.host_key.0)
        )
    }

    /// The same room under another link secret, as somebody has it who made
    /// one up.
    #[must_use]
    pub fn with_wrong_secret(&self) -> Self {
        Self {
            secret: self.secret.map(|byte| !byte),
            ..self.clone()
        }
    }

    /// The link secret as the sessions take it.
    pub fn link_secret(&self) -> LinkSecret {
        LinkSecret::from_bytes(self.secret)
    }

    /// The room as the sessions name it.
    pub fn mls(&self) -> MlsRoom {
        MlsRoom(self.id.0)
    }

    /// HKDF-SHA256 with salt = room id over the link secret: what section 4
    /// of the protocol derives from it, written down a second time.
    ///
    /// # Panics
    /// Never: 32 bytes can always be expanded.
    pub fn derived(&self, info: &str) -> [u8; 32] {
        let mut key = [0; 32];
        Hkdf::<Sha256>::new(Some(&self.id.0), &self.secret)
            .expand(info.as_bytes(), &mut key)
            .expect("32 bytes");
        key
    }
}
