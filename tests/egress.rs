//! The server goes nowhere by itself: a call on its own settings, where every
//! packet for elsewhere is counted (row G2 of what customers ask for). Where it
//! is sent by an organisation's settings, it goes itself.

use conclave_kit::namespace::Alone;
use conclave_kit::{Native, PATIENCE, Server, within};
use std::net::{Ipv4Addr, UdpSocket};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

const PROGRAM: &str = env!("CARGO_BIN_EXE_conclave");

#[test]
fn a_server_on_its_own_settings_sends_nothing_to_elsewhere() {
    let Some(alone) = Alone::from("a_server_on_its_own_settings_sends_nothing_to_elsewhere") else {
        return;
    };
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(a_call());
    assert_eq!(alone.left(), 0, "packets for elsewhere");
    // One such packet is seen: the count is the right one.
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a socket");
    let sent = socket.send_to(b"hello", ("192.0.2.1", 53));
    sent.expect("there is a way");
    assert!(alone.left() > 0, "nothing is counted");
}

async fn a_call() {
    let mut server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let mut anna = Native::host(&door, &room.host_link(&door), "Anna", 440.0);
    anna.admitted().await;
    let mut ben = Native::guest(&door, &room.link(&door), "Ben", 660.0);
    ben.admitted().await;
    let ids = (anna.id().await, ben.id().await);
    anna.gets(PATIENCE, 20, &[ids.1]).await;
    ben.gets(PATIENCE, 20, &[ids.0]).await;
    anna.inner.end_call().await;
    // Another start does what only a start does.
    server.kill();
    server.start_again().await;
}

#[tokio::test]
async fn a_provider_is_asked_directly_whatever_proxy_the_environment_names() {
    let listener = async || {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        (listener, url)
    };
    let ((provider, issuer), (proxy, through)) = (listener().await, listener().await);
    let server = Server::start_with(
        PROGRAM,
        &[("HTTP_PROXY", &through), ("NO_PROXY", ""), ("no_proxy", "")],
    )
    .await;
    let asked = serde_json::json!({
        "name": "Login of the practice",
        "issuer": issuer,
        "clientId": "conclave",
        "clientSecret": "a secret",
    });
    let set = "PUT /api/v1/tenants/default/oidc";
    let door = server.door();
    let body = asked.to_string();
    let set = door.request(set, &server.operator(), body.as_bytes()).await;
    let set = set.expect("a reply");
    assert!((200..300).contains(&set.status), "{set:?}");
    tokio::spawn(async move { door.get("/oidc/login/default").await });
    let directly = within(PATIENCE, "somebody is asked", async {
        tokio::select! {
            asked = provider.accept() => asked.is_ok(),
            _ = proxy.accept() => false,
        }
    });
    assert!(directly.await, "the proxy was asked");
}
