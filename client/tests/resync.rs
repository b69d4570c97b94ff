//! The call machine of a member that fell behind, and of those who bring it back.

mod service;

use conclave_client::call::{CallError, Event};
use conclave_client::stay::Heard;
use conclave_wire::client::{KnockNotice, LogEvent, Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::id::ParticipantId;
use service::*;

/// How much longer each next member waits, milliseconds.
const STEP_MS: u64 = 400;
/// How long one waits to be brought back, milliseconds.
const PATIENCE_MS: u64 = 30_000;

/// P3 is kept from an entry, and sees the next one.
fn loses_an_entry(service: &mut Service) {
    for kept_from in [Some(id(3)), None] {
        service.kept_from = kept_from;
        service.seat(id(1)).call.renew();
        service.seat(id(1)).drain();
        service.serve(1);
    }
    assert!(service.seat(id(3)).call.is_behind());
}

fn saw(service: &mut Service, n: u8, wanted: impl Fn(&Event) -> bool) -> usize {
    let events = &service.seat(id(n)).events;
    events.iter().filter(|event| wanted(event)).count()
}

fn code(service: &mut Service, n: u8) -> String {
    let session = service.seat(id(n)).call.session().expect("a session");
    session.call_code().expect("a code").to_string()
}

fn returns(service: &Service) -> Vec<ParticipantId> {
    let returns = service.log.iter().filter_map(|entry| match &entry.event {
        LogEvent::Commit {
            by, adds, removes, ..
        } if !adds.is_empty() && adds == removes => Some(*by),
        _ => None,
    });
    returns.collect()
}

#[test]
fn the_lowest_present_leaf_brings_back_who_missed_an_entry() {
    let mut service = three();
    loses_an_entry(&mut service);
    service.settle();
    service.pass(0);
    service.settle();
    assert_eq!(returns(&service), [id(1)]);
    assert_eq!(saw(&mut service, 3, |e| *e == Event::Behind), 1);
    let back = |e: &Event| matches!(e, Event::CaughtUp { .. });
    assert_eq!(saw(&mut service, 3, back), 1);
    assert!(!service.seat(id(3)).call.is_behind());
    for n in [1, 2] {
        assert_eq!(code(&mut service, n), code(&mut service, 3));
        assert_eq!(service.names(n), ["P1", "P2", "P3"]);
        let gone = |e: &Event| matches!(e, Event::Epoch { left, .. } if !left.is_empty());
        assert_eq!(saw(&mut service, n, gone), 0, "nobody left");
    }
    // Everything goes on, by it and by others.
    service.seat(id(3)).call.renew();
    service.seat(id(3)).drain();
    service.settle();
    service.pass(PATIENCE_MS);
    service.settle();
    assert_eq!(code(&mut service, 1), code(&mut service, 3));
    assert_eq!(returns(&service).len(), 1, "once");
}

#[test]
fn the_next_in_line_brings_back_if_the_first_does_not() {
    let mut service = three();
    loses_an_entry(&mut service);
    service.serve(3);
    service.pass(0);
    // P1 says nothing any more.
    service.pass(STEP_MS - 1);
    service.serve(2);
    assert_eq!(returns(&service), []);
    service.pass(1);
    service.serve(2);
    assert_eq!(returns(&service), [id(2)]);
    // What P1 wanted to do is done.
    service.settle();
    assert_eq!(returns(&service).len(), 1);
    assert_eq!(code(&mut service, 1), code(&mut service, 3));
}

#[test]
fn who_followed_another_history_is_named_and_not_brought_back() {
    let mut service = three();
    // P3's own commit is taken for P3, and P1's for the others.
    service.seat(id(3)).call.renew();
    service.seat(id(3)).drain();
    let (_, own) = service.seat(id(3)).asked.pop_back().expect("a commit");
    let Request::Commit { epoch, message, .. } = own else {
        panic!("{own:?}");
    };
    service.kept_from = Some(id(3));
    service.seat(id(1)).call.renew();
    service.seat(id(1)).drain();
    service.serve(1);
    service.kept_from = None;
    let mut entry = service.log.last().cloned().expect("an entry");
    entry.event = LogEvent::Commit {
        epoch,
        by: id(3),
        message,
        adds: vec![],
        removes: vec![],
        welcome: None,
    };
    service.say(id(3), Heard::Frame(ServerFrame::Entry(entry.clone())));
    // Then something is missing.
    entry.seq += 2;
    service.say(id(3), Heard::Frame(ServerFrame::Entry(entry)));
    service.settle();
    service.pass(0);
    service.pass(10 * STEP_MS);
    service.settle();
    assert_eq!(returns(&service), []);
    for n in [1, 2] {
        assert_eq!(saw(&mut service, n, |e| *e == split(3)), 1, "an alarm");
    }
    let now = service.now_ms;
    let call = &mut service.seat(id(3)).call;
    assert_eq!(call.tick(now + PATIENCE_MS - 10 * STEP_MS - 1), Ok(()));
    let ticked = call.tick(now + PATIENCE_MS);
    assert_eq!(ticked, Err(CallError::NotBroughtBack));
}

#[test]
fn who_falls_behind_once_too_often_leaves() {
    let mut service = three();
    for _ in 0..3 {
        loses_an_entry(&mut service);
        service.settle();
        service.pass(STEP_MS);
        service.settle();
        assert!(!service.seat(id(3)).call.is_behind());
    }
    let mut entry = service.log.last().cloned().expect("an entry");
    entry.seq += 2;
    let now = service.now_ms;
    let call = &mut service.seat(id(3)).call;
    let skipped = Heard::Frame(ServerFrame::Entry(without_welcome(entry)));
    assert_eq!(call.hear(skipped, now), Err(CallError::LogGap));
}

#[test]
fn who_is_not_allowed_to_knock_again_leaves() {
    let mut service = three();
    loses_an_entry(&mut service);
    let asked = &service.seat(id(3)).asked;
    let knock = asked.iter().find_map(|(tag, request)| match request {
        Request::Knock { .. } => Some(*tag),
        _ => None,
    });
    let tag = knock.expect("a knock");
    let refused = Heard::Answered(tag, refused(Code::TooMany));
    let call = &mut service.seat(id(3)).call;
    assert_eq!(
        call.hear(refused, 0),
        Err(CallError::Refused(Code::TooMany))
    );
}

#[test]
fn nobody_is_replaced_because_the_service_says_so() {
    let mut service = three();
    let mut entered = None;
    // All that a service can have of P3: the knock that let them in.
    let mut alone = Service::default();
    alone.enter(3, false, conclave_client::call::Admit::Nobody);
    while let Some((_, request)) = alone.seat(id(3)).asked.pop_front() {
        if let Request::Knock { key_package, tag } = request {
            entered = Some(KnockNotice {
                participant: id(3),
                key_package,
                tag,
                waiting_seconds: 0,
                devices: None,
            });
        }
    }
    let mut forged = entered.clone().expect("a knock");
    forged.tag.0[0] ^= 1;
    let mut stranger = forged.clone();
    stranger.participant = ParticipantId([0xEE; 16]);
    for knocks in [
        vec![entered.expect("a knock")],
        vec![forged],
        vec![stranger],
    ] {
        service.returning = knocks;
        service.resyncs();
        service.pass(5 * STEP_MS);
        service.settle();
    }
    assert_eq!(returns(&service), []);
    let told = Event::FalseKnock { participant: id(3) };
    assert_eq!(saw(&mut service, 1, |event| *event == told), 2);
    // And what must be done is done in turn.
    service.lose(id(3));
    service.pass(0);
    service.settle();
    assert_eq!(service.names(1), ["P1", "P2"]);
}
