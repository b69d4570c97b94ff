//! The media connection of a participant: offered after admission, and again
//! whenever it is lost.

use super::silence::{Counts, Silence};
use crate::receive::Notice;
use crate::slots::Slots;
use crate::stay::Tag;
use crate::transport::{Config, Event, Offer, Outgoing, Transport, TransportError};
use conclave_wire::client::Member;
use conclave_wire::control::{SlotAssignment, Source};
use conclave_wire::id::ParticipantId;
use std::time::Duration;
use tokio::sync::mpsc;

/// Packets and states that may queue; more are dropped by the stack below.
const QUEUE: usize = 2048;

/// How long to wait before a media connection that was refused for the moment
/// is offered again.
const AGAIN: Duration = Duration::from_secs(1);

/// How long UDP may take to get through, until TCP is tried, too. Longer waits
/// for networks that are slow or dark for a moment, shorter spares those that
/// block UDP some silence: they shall hear within five seconds.
const UDP_ALONE: Duration = Duration::from_secs(2);

/// The same for what was connected before and was silent for most of a second already:
/// an outage of three seconds costs no connection.
const UDP_AGAIN: Duration = Duration::from_millis(2_500);

/// The media connection and what it needs to be made.
pub(super) struct Media {
    config: Config,
    connection: Option<Connection>,
    /// When to offer again, on the participant's clock.
    again: Option<Duration>,
    made: u64,
    packets_sent: u64,
}

struct Connection {
    transport: Transport,
    events: mpsc::Receiver<Event>,
    slots: Slots,
    /// The offer's request, until it is answered.
    offered: Option<Tag>,
    /// Whether another path is looked for, for what was connected before.
    restarting: bool,
    connected: bool,
    silence: Silence,
    /// When TCP is tried, too, if nothing got through until then.
    tcp_from: Option<Duration>,
}

impl Media {
    pub(super) fn new(config: Config) -> Self {
        Self {
            config,
            connection: None,
            again: None,
            made: 0,
            packets_sent: 0,
        }
    }

    /// Closes what there is and makes a new offer.
    pub(super) async fn open(&mut self) -> Result<Offer, TransportError> {
        self.close().await;
        self.again = None;
        let (events_tx, events) = mpsc::channel(QUEUE);
        let (transport, offer) = Transport::open(&self.config, events_tx).await?;
        self.connection = Some(Connection {
            transport,
            events,
            slots: Slots::new(offer.slots.clone()),
            offered: None,
            restarting: false,
            connected: false,
            silence: Silence::default(),
            tcp_from: None,
        });
        Ok(offer)
    }

    /// A new offer for what was connected and is not any more; none where that
    /// is under way or there is nothing to go on with.
    pub(super) async fn restart(&mut self) -> Result<Option<Offer>, TransportError> {
        let connection = self.connection.as_mut();
        let Some(connection) = connection.filter(|c| c.may_restart()) else {
            return Ok(None);
        };
        connection.restarting = true;
        connection.transport.restart().await.map(Some)
    }

    /// From the next connection on, TCP is tried, too.
    pub(super) fn use_tcp(&mut self) {
        self.config.tcp = true;
    }

    /// When that is due.
    pub(super) fn tcp_from(&self) -> Option<Duration> {
        self.connection.as_ref()?.tcp_from
    }

    /// Remembers which request carried the offer.
    pub(super) fn offered(&mut self, tag: Tag) {
        if let Some(connection) = &mut self.connection {
            connection.offered = Some(tag);
        }
    }

    /// Whether the offer of a new connection waits for its answer.
    pub(super) fn is_offering(&self) -> bool {
        self.connection
            .as_ref()
            .is_some_and(|c| c.offered.is_some() && !c.restarting)
    }

    /// Whether this request carried the present offer.
    pub(super) fn is_offer(&self, tag: Tag) -> bool {
        self.connection
            .as_ref()
            .is_some_and(|c| c.offered == Some(tag))
    }

    /// Takes the answer to the present offer.
    pub(super) async fn accept(&mut self, sdp: &str, now: Duration) -> Result<(), TransportError> {
        if let Some(connection) = &mut self.connection {
            connection.offered = None;
            let alone = match connection.restarting {
                true => UDP_AGAIN,
                false => UDP_ALONE,
            };
            let takes_tcp = connection.transport.accept(sdp).await?;
            let try_it = takes_tcp && !self.config.tcp;
            connection.tcp_from = try_it.then_some(now + alone);
        }
        Ok(())
    }

    /// The offer was refused for the moment.
    pub(super) async fn refused(&mut self, now: Duration) {
        self.close().await;
        self.again = Some(now + AGAIN);
    }

    /// When to offer again.
    pub(super) fn again(&self) -> Option<Duration> {
        self.again
    }

    /// ICE and DTLS are up, for the first time or again.
    pub(super) fn connected(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.tcp_from = None;
            connection.restarting = false;
            connection.silence = Silence::default();
            let again = std::mem::replace(&mut connection.connected, true);
            self.made += u64::from(!again);
        }
    }

    /// Whether the path has become dead.
    pub(super) fn fell_silent(&mut self, now: Duration) -> bool {
        let sent = self.packets_sent;
        let Some(connection) = self.connection.as_mut().filter(|c| c.may_restart()) else {
            return false;
        };
        let received = connection.transport.packets_received();
        connection.silence.look(Counts { sent, received }, now)
    }

    /// When to ask for that.
    pub(super) fn look_at(&self) -> Option<Duration> {
        let connection = self.connection.as_ref().filter(|c| c.may_restart())?;
        Some(connection.silence.due())
    }

    /// Whether packets can be sent.
    pub(super) fn is_connected(&self) -> bool {
        self.connection.as_ref().is_some_and(|c| c.connected)
    }

    /// How often a media connection was made.
    pub(super) fn made(&self) -> u64 {
        self.made
    }

    /// How many packets were sent.
    pub(super) fn packets_sent(&self) -> u64 {
        self.packets_sent
    }

    /// Fits the slots to the roster. Nothing before the answer: the SFU does
    /// not know the slots yet.
    pub(super) fn fit(&mut self, roster: &[Member], me: ParticipantId) -> Vec<SlotAssignment> {
        match &mut self.connection {
            Some(connection) if connection.offered.is_none() => connection.slots.fit(roster, me),
            _ => Vec::new(),
        }
    }

    /// The next event; never, while there is no connection.
    pub(super) async fn next(&mut self) -> Event {
        match &mut self.connection {
            Some(connection) => match connection.events.recv().await {
                Some(event) => event,
                None => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }

    /// Sends packets.
    pub(super) async fn send(
        &mut self,
        packets: Vec<(Source, Outgoing)>,
    ) -> Result<(), TransportError> {
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        for (source, packet) in packets {
            connection.transport.send(source, packet).await?;
            self.packets_sent += 1;
        }
        Ok(())
    }

    /// Does what the receiver wants of the connection.
    pub(super) async fn act_on(&self, notice: &Notice) {
        if let (Notice::WantKeyframe(slot), Some(connection)) = (notice, &self.connection)
            && let Err(error) = connection.transport.request_keyframe(slot).await
        {
            tracing::debug!(%error, "a keyframe cannot be asked for");
        }
    }

    /// The last round trip to the SFU.
    pub(super) async fn round_trip(&self) -> Option<Duration> {
        self.connection.as_ref()?.transport.round_trip().await
    }

    /// Closes the connection.
    pub(super) async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.transport.close().await;
        }
    }
}

impl Connection {
    fn may_restart(&self) -> bool {
        self.connected && !self.restarting && self.offered.is_none()
    }
}
