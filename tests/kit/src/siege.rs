//! A call that goes on while something is done to the server.

use crate::deadline::PATIENCE;
use crate::door::Door;
use crate::member::Member;
use crate::native::Native;
use crate::room::Room;
use crate::server::Server;
use conclave_wire::id::ParticipantId;

/// What the server's memory may grow by under any of these attacks, bytes.
const GROWTH: u64 = 96 << 20;

/// Two natives in a call, and the server that serves it.
pub struct Call {
    /// The server.
    pub server: Server,
    /// Its door.
    pub door: Door,
    /// The call's room.
    pub room: Room,
    /// The two, and who they are.
    pub natives: [(Native, ParticipantId); 2],
    resident: u64,
}

impl Call {
    /// A server, and two in a call who see and hear each other.
    ///
    /// # Panics
    /// When there is no such call.
    pub async fn running(program: &str) -> Self {
        let server = Server::start(program).await;
        let (door, room) = (server.door(), server.room().await);
        let mut anna = Native::host(&door, &room.host_link(&door), "Anna", 440.0);
        anna.admitted().await;
        let mut ben = Native::guest(&door, &room.link(&door), "Ben", 660.0);
        ben.admitted().await;
        let (anna_id, ben_id) = (anna.id().await, ben.id().await);
        let resident = server.resident();
        let mut call = Self {
            server,
            door,
            room,
            natives: [(anna, anna_id), (ben, ben_id)],
            resident,
        };
        call.goes_on("before anything").await;
        call
    }

    /// A third member, who means no good.
    ///
    /// # Panics
    /// When she is not let in.
    pub async fn eve(&self) -> Member {
        let mut eve = Member::guest(&self.door, &self.room, "Eve").await;
        eve.until_epoch(2).await;
        eve
    }

    /// Both still see and hear each other, over the connections they had, and
    /// the server has neither died nor grown.
    ///
    /// # Panics
    /// When any of that does not hold.
    pub async fn goes_on(&mut self, after: &str) {
        assert!(
            self.server.lives(),
            "the server died {after}:\n{}",
            self.server.log()
        );
        let [(anna, anna_id), (ben, ben_id)] = &self.natives;
        anna.gets(PATIENCE, 8, &[*ben_id]).await;
        ben.gets(PATIENCE, 8, &[*anna_id]).await;
        for (native, _) in &mut self.natives {
            let own = native.report().await.own;
            native.from_now_on();
            assert_eq!(
                (own.reconnects, own.media_connections),
                (0, 1),
                "{} lost a connection {after}: {:?}",
                native.name,
                native.history
            );
        }
        let grown = self.server.resident().saturating_sub(self.resident);
        assert!(grown < GROWTH, "the server grew by {grown} bytes {after}");
    }

    /// Everything the media plane has dropped so far.
    ///
    /// # Panics
    /// When the metrics do not come.
    pub async fn drops(&self) -> f64 {
        self.server
            .metrics()
            .await
            .sum("conclave_media_drops_total")
    }
}
