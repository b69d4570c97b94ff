//! The emulator's sockets and its JSON, against a server that only echoes.

use conclave_kit::datagram::binding_request;
use conclave_kit::emulator::{Conditions, Direction, Emulator, Loss, Order, Outage, Who};
use conclave_kit::{Dice, PATIENCE};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Command, Stdio};

/// A server that is there, and an emulator before it.
fn network() -> (UdpSocket, Emulator) {
    let server = socket();
    let anywhere = (Ipv4Addr::LOCALHOST, 0).into();
    let target = server.local_addr().expect("its address");
    let emulator = Emulator::between(anywhere, target, Dice::seeded(1)).expect("an emulator");
    (server, emulator)
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket
}

fn client(emulator: &Emulator) -> UdpSocket {
    let client = socket();
    client.connect(emulator.address()).expect("connected");
    client
}

fn check(name: &str) -> Vec<u8> {
    binding_request([1; 12], &format!("server:{name}"), "password")
}

fn next(server: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 2_000];
    let (len, from) = server.recv_from(&mut buffer).expect("a datagram");
    (buffer[..len].to_vec(), from)
}

#[test]
fn each_client_reaches_the_server_from_an_address_of_its_own_and_is_answered() {
    let (server, emulator) = network();
    let (anna, ben) = (client(&emulator), client(&emulator));
    let mut seen = Vec::new();
    for (client, name) in [(&anna, "anna"), (&ben, "ben")] {
        client.send(&check(name)).expect("sent");
        let (datagram, from) = next(&server);
        assert_eq!(datagram, check(name));
        server.send_to(name.as_bytes(), from).expect("answered");
        assert_eq!(next(client).0, name.as_bytes());
        seen.push(from);
    }
    assert_ne!(seen[0], seen[1]);
    let names: Vec<_> = emulator.report().into_iter().map(|one| one.name).collect();
    assert_eq!(names, ["anna", "ben"]);
}

#[test]
fn after_a_rebind_the_server_sees_another_address_and_the_old_one_is_dead() {
    let (server, emulator) = network();
    let anna = client(&emulator);
    anna.send(&check("anna")).expect("sent");
    let (_, before) = next(&server);
    emulator.rebind(Who::Named("anna".into()));
    anna.send(b"again").expect("sent");
    let (datagram, after) = next(&server);
    assert_eq!(datagram, b"again");
    assert_ne!(before, after);
    let _ = server.send_to(b"to the old address", before);
    server.send_to(b"to the new address", after).expect("sent");
    assert_eq!(next(&anna).0, b"to the new address");
}

#[test]
fn one_direction_of_one_client_can_be_dead() {
    let (server, emulator) = network();
    let (anna, ben) = (client(&emulator), client(&emulator));
    let dead = Conditions {
        outages: vec![Outage::now(60_000)],
        ..Conditions::default()
    };
    emulator.set(Who::Named("anna".into()), Direction::Down, dead);
    for (client, name) in [(&anna, "anna"), (&ben, "ben")] {
        client.send(&check(name)).expect("sent");
        let (_, from) = next(&server);
        server.send_to(b"hello", from).expect("answered");
    }
    assert_eq!(next(&ben).0, b"hello");
    let anna = &emulator.report()[0];
    assert_eq!((anna.up.delivered, anna.down.cut_off), (1, 1));
}

#[test]
fn the_process_obeys_lines_of_json_and_says_what_is_wrong_with_others() {
    let server = socket();
    let target = server.local_addr().expect("its address").to_string();
    let mut process = Command::new(env!("CARGO_BIN_EXE_conclave-emulator"))
        .args(["127.0.0.1:0", &target, "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the process starts");
    let mut orders = process.stdin.take().expect("its input");
    let mut answers = BufReader::new(process.stdout.take().expect("its output")).lines();
    let mut answer = move || -> Value {
        let line = answers.next().expect("a line").expect("text");
        serde_json::from_str(&line).expect("JSON")
    };
    let listening = answer()["listening"]
        .as_str()
        .expect("an address")
        .to_owned();
    let mut ask = |order: &str| -> Value {
        writeln!(orders, "{order}").expect("asked");
        answer()
    };
    let set = Order::Set {
        who: Who::Everyone,
        toward: Some(Direction::Up),
        conditions: Conditions {
            loss: Loss::Random(1.0),
            ..Conditions::default()
        },
    };
    let line = r#"{"set":{"who":"everyone","toward":"up","conditions":{"loss":{"random":1.0}}}}"#;
    assert_eq!(serde_json::from_str::<Order>(line).expect("an order"), set);
    assert_eq!(ask(line), json!({ "clients": [] }));
    let wrong = ask(r#"{"set":{"who":"everyone","conditions":{"delay":5}}}"#);
    assert!(
        wrong["error"].as_str().expect("an error").contains("delay"),
        "{wrong}"
    );
    let clear = r#"{"set":{"who":"everyone","conditions":{}}}"#;
    assert_eq!(ask(clear), json!({ "clients": [] }));
    let anna = socket();
    anna.send_to(&check("anna"), &listening).expect("sent");
    assert_eq!(next(&server).0, check("anna"));
    let report = ask(r#""report""#);
    assert_eq!(report["clients"][0]["up"]["delivered"], 1, "{report}");
    drop(orders);
    assert!(process.wait().expect("it ends").success());
}
