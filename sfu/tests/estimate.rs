//! What receivers are sent is numbered, their reports are read, and probes
//! find out what their paths carry.
#![allow(clippy::unwrap_used, clippy::panic)]

mod kit;

use conclave_sfu::drop::DropReason;
use conclave_sfu::metrics::Counter;
use conclave_wire::control::Source;
use kit::{Packet, Slot, World};
use std::time::Duration;

#[test]
fn receivers_report_what_arrives_and_padding_is_none_of_their_media() {
    let mut world = World::pair();
    for round in 0..100u8 {
        // More than is sent before anything is known of the path.
        for frame in 0..3 {
            let begins = round == 0 && frame == 0;
            world.send(0, Source::Camera, Packet::frame(begins, &[round; 900]));
        }
        world.send(0, Source::Microphone, Packet::sound(&[round; 80]));
        world.run(Duration::from_millis(20));
    }
    let metrics = world.metrics();
    let reports = metrics.count_of(Counter::TransportFeedbackReceived);
    assert!(reports >= 10, "{reports} reports in two seconds");
    assert!(metrics.count_of(Counter::PaddingSent) >= 10);
    assert_eq!(metrics.drops_of(DropReason::RtcpMalformed), 0);
    assert_eq!(world.take(1, Slot::Video(0)).len(), 300);
    assert_eq!(world.take(1, Slot::Audio(0)).len(), 100);
}
