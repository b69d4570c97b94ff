//! A revoked device is out of every call, and stays out.

#![allow(clippy::panic, clippy::unwrap_used)]

mod common;

use common::client::{Client, session};
use common::database::change;
use common::device::{
    cannot_resume, certified, draw, is_thrown_out, on_device, on_new_device, refused, request,
};
use common::{Page, Server, commit};
use conclave_wire::account::{AccountMade, Role};
use conclave_wire::client::{LogEvent, Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::control::Command;
use conclave_wire::device::DeviceInfo;
use conclave_wire::http::RoomCreated;
use conclave_wire::id::{Blob, ParticipantId};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What is promised for a revoked device.
const PROMISE: Duration = Duration::from_secs(10);

/// A call of a host and one who is let in.
async fn call(server: &Server) -> (RoomCreated, Page, Page) {
    let room = server.create_room().await;
    let mut host = server.enter(&room, true).await;
    host.done(Request::StartCall {}).await;
    let mut guest = server.enter(&room, false).await;
    guest.knock().await;
    let first = commit(room.room, 0, &[guest.id()], &[], b"first");
    host.done(first).await;
    guest.entry().await;
    (room, host, guest)
}

async fn left(page: &mut Page, who: ParticipantId) {
    page.until(|frame| match frame {
        ServerFrame::Entry(entry) if entry.event == (LogEvent::Left { participant: who }) => {
            Some(())
        }
        _ => None,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_for_whoever_is_in_the_stay_and_for_one_device() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    operator.post("tenants", json!({ "name": "other" })).await;
    let made = operator.account("default", "anna", Role::Member).await;
    let (anna, info, device) = on_new_device(&server, "default", &made).await;
    let (again, _, second) = on_new_device(&server, "default", &made).await;
    let ben = operator.account("default", "ben", Role::Member).await;
    let (ben, bens, bens_device) = on_new_device(&server, "default", &ben).await;
    let eve = operator.account("other", "eve", Role::Member).await;
    let (eve, eves, eves_device) = on_new_device(&server, "other", &eve).await;
    let (room, elsewhere) = (server.create_room().await, server.create_room().await);
    let page = server.enter(&room, false).await;
    let other = server.enter(&room, false).await;
    let stay = (&room, &page);
    let right = request(&info, device.device, &draw(), stay);

    let mut wrong = Vec::new();
    for (field, value, code) in [
        ("room", json!(elsewhere.room), Code::Gone),
        ("room", json!(Blob(vec![9; 16])), Code::NoSuchRoom),
        ("token", json!(other.token), Code::Gone),
        ("token", json!(Blob(vec![9; 31])), Code::BadMessage),
        ("token", json!(null), Code::BadMessage),
    ] {
        let mut body = right.clone();
        body[field] = value;
        wrong.push((body, code));
    }
    let mut nobody = server.enter(&room, false).await;
    nobody.participant = Some(ParticipantId([9; 16]));
    let nobody = request(&info, device.device, &draw(), (&room, &nobody));
    wrong.push((nobody, Code::Gone));
    for (body, code) in wrong {
        refused(&anna.post("session/certificate", body).await, code);
    }
    let from_outside = request(&eves, eves_device.device, &draw(), stay);
    let answer = eve.post("session/certificate", from_outside).await;
    refused(&answer, Code::NoSuchRoom);

    assert_eq!(anna.post("session/certificate", right).await.status, 201);
    for _ in 0..2 {
        certified((&anna, &info, &device), stay).await;
        let others = request(&bens, bens_device.device, &draw(), stay);
        let answer = ben.post("session/certificate", others).await;
        refused(&answer, Code::OtherDevice);
        let others = request(&info, second.device, &draw(), stay);
        let answer = again.post("session/certificate", others).await;
        refused(&answer, Code::OtherDevice);
    }
    certified((&ben, &bens, &bens_device), (&room, &other)).await;
}

/// Anna is in two calls on the device that ends, and in one on another; Ben is
/// in one. `end` is what ends it, and whether Anna's other device ends as well,
/// and Ben's.
async fn ends_every_stay(
    end: impl AsyncFn(&Client<'_>, &AccountMade, &DeviceInfo) -> u16,
    (others, bens): (bool, bool),
) {
    let mut server = Server::start().await;
    let (room, second, cut_off);
    let (mut member, mut waits);
    {
        let operator = Client::operator(&server);
        let made = operator.account("default", "anna", Role::Member).await;
        let (anna, info, lost) = on_new_device(&server, "default", &made).await;
        let (desk, _, kept) = on_new_device(&server, "default", &made).await;
        let ben = operator.account("default", "ben", Role::Member).await;
        let (ben, of_ben, phone) = on_new_device(&server, "default", &ben).await;

        let mut host;
        (room, host, member) = call(&server).await;
        certified((&anna, &info, &lost), (&room, &member)).await;
        let mut beside = server.enter(&room, false).await;
        certified((&desk, &info, &kept), (&room, &beside)).await;
        let mut colleague = server.enter(&room, false).await;
        certified((&ben, &of_ben, &phone), (&room, &colleague)).await;
        let (third, _, mut nameless) = call(&server).await;
        second = third;
        waits = server.enter(&second, false).await;
        waits.knock().await;
        certified((&anna, &info, &lost), (&second, &waits)).await;

        let asked = Instant::now();
        assert_eq!(end(&operator, &made, &lost).await, 204);
        is_thrown_out(&mut member).await;
        is_thrown_out(&mut waits).await;
        if others {
            is_thrown_out(&mut beside).await;
        }
        if bens {
            is_thrown_out(&mut colleague).await;
        }
        let refusal = anna.ask("GET", "session", Value::Null).await;
        refused(&refusal, Code::Unauthorized);
        cannot_resume(&server, &room, &member).await;
        cannot_resume(&server, &second, &waits).await;
        left(&mut host, member.id()).await;
        assert!(asked.elapsed() < PROMISE, "{:?}", asked.elapsed());

        // The others remove them, and go on.
        let removal = commit(room.room, 1, &[], &[member.id()], b"removal");
        host.done(removal).await;
        nameless.done(Request::Ping {}).await;
        for (page, is_out) in [(&mut beside, others), (&mut colleague, bens)] {
            if !is_out {
                page.done(Request::Ping {}).await;
            }
        }
        // Nor does what was stolen get another certificate, by whatever stay.
        let fresh = server.enter(&room, false).await;
        let body = request(&info, lost.device, &draw(), (&room, &fresh));
        let answer = anna.post("session/certificate", body).await;
        refused(&answer, Code::Unauthorized);
        let named = json!({ "name": "Laptop", "device": lost.device });
        let answer = anna.ask("PUT", "session/device", named).await;
        refused(&answer, Code::Unauthorized);
        cut_off = member.id();
    }
    while !matches!(server.command().await, Command::Disconnect { participant } if participant == cut_off)
    {
    }
    let server = server.restart().await;
    cannot_resume(&server, &room, &member).await;
    cannot_resume(&server, &second, &waits).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_device_is_out_of_every_call_and_cannot_return() {
    let end = async |operator: &Client<'_>, _: &AccountMade, lost: &DeviceInfo| {
        let path = format!("devices/{}", lost.device);
        operator.ask("DELETE", &path, Value::Null).await.status
    };
    ends_every_stay(end, (false, false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_revoked_devices_of_an_account_are_out_of_every_call() {
    let end = async |operator: &Client<'_>, made: &AccountMade, _: &DeviceInfo| {
        let path = format!("accounts/{}/devices", made.account.account);
        operator.ask("DELETE", &path, Value::Null).await.status
    };
    ends_every_stay(end, (true, false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_revoked_devices_of_an_organisation_are_out_of_every_call() {
    let end = async |operator: &Client<'_>, _: &AccountMade, _: &DeviceInfo| {
        let path = "devices?tenant=default";
        operator.ask("DELETE", path, Value::Null).await.status
    };
    ends_every_stay(end, (true, true)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_accounts_devices_are_out_of_every_call() {
    let end = async |operator: &Client<'_>, made: &AccountMade, _: &DeviceInfo| {
        let path = format!("accounts/{}/disable", made.account.account);
        operator.post(&path, Value::Null).await.status
    };
    ends_every_stay(end, (true, false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_accounts_devices_are_out_of_every_call() {
    let end = async |operator: &Client<'_>, made: &AccountMade, _: &DeviceInfo| {
        let path = format!("accounts/{}", made.account.account);
        operator.ask("DELETE", &path, Value::Null).await.status
    };
    ends_every_stay(end, (true, false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certified_stay_outlives_a_restart_and_ends_with_its_device_then_too() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let made = operator.account("default", "anna", Role::Member).await;
    let (room, member, device);
    {
        let (anna, info, laptop) = on_new_device(&server, "default", &made).await;
        let (of, _, page) = call(&server).await;
        certified((&anna, &info, &laptop), (&of, &page)).await;
        (room, member, device) = (of, page, laptop);
    }
    let server = server.restart().await;
    let operator = Client::operator(&server);
    let mut back = server.page(room.room).await;
    let entered = back.resume(&member).await;
    assert!(
        matches!(entered, ServerFrame::Entered { .. }),
        "{entered:?}"
    );
    // Renewed there, on the same device in another session.
    let (anna, info) = session(&server, "default", &made).await;
    let named = json!({ "name": "Laptop", "device": device.device });
    assert_eq!(on_device(&anna, named).await.device, device.device);
    certified((&anna, &info, &device), (&room, &back)).await;
    let path = format!("devices/{}", device.device);
    let answer = operator.ask("DELETE", &path, Value::Null).await;
    assert_eq!(answer.status, 204);
    is_thrown_out(&mut back).await;
    cannot_resume(&server, &room, &back).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_ends_the_stays_of_devices_that_ended_before_a_crash() {
    let server = Server::start().await;
    let operator = Client::operator(&server);
    let made = operator.account("default", "anna", Role::Member).await;
    let (room, host, member);
    {
        let (anna, info, laptop) = on_new_device(&server, "default", &made).await;
        (room, host, member) = call(&server).await;
        certified((&anna, &info, &laptop), (&room, &member)).await;
    }
    let Server { serving, dir, .. } = server;
    serving.shutdown().await;
    // As far as a revocation came.
    let begun = ["DELETE FROM sessions", "DELETE FROM devices"].map(str::to_owned);
    change(dir.path(), &begun).await;
    let server = Server::start_in(dir).await;
    cannot_resume(&server, &room, &member).await;
    let mut back = server.page(room.room).await;
    back.resume(&host).await;
    left(&mut back, member.id()).await;
}
