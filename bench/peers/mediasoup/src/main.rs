//! `peer-mediasoup ADDRESS`: the least SFU that mediasoup makes, for comparison:
//! one worker, one port, a WebRtcTransport a client, and what is mediasoup's
//! default. It speaks as `sfu-server` does (a JSON object a line). A client
//! learns of a slot's stream by the mid that its packets carry.

mod sdp;

use mediasoup::data_structures::{DtlsFingerprint, DtlsRole};
use mediasoup::prelude::*;
use mediasoup::worker::WorkerLogLevel;
use sdp::Offer;
use serde::Deserialize;
use serde_json::json;
use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, Write};
use std::net::SocketAddr;

const SOCKET_BUFFER: u32 = 4 << 20;

/// The commands of the wire crate, as far as they are needed.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Command {
    Connect {
        room: String,
        participant: String,
        request: u64,
        offer: String,
        sending: Vec<serde_json::Value>,
    },
    Assign {
        participant: String,
        slots: Vec<Slot>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Slot {
    mid: String,
    carries: Option<SourceOf>,
}

#[derive(Deserialize)]
struct SourceOf {
    participant: String,
}

struct Client {
    transport: WebRtcTransport,
    /// What its room sends.
    capabilities: RtpCapabilities,
    producer: Option<Producer>,
    consumers: Vec<Consumer>,
}

struct Sfu {
    worker: Worker,
    server: WebRtcServer,
    rooms: HashMap<String, Router>,
    clients: HashMap<String, Client>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let address = address.ok_or("usage: peer-mediasoup ADDRESS")?.parse()?;
    futures_lite::future::block_on(run(address))
}

async fn run(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let mut settings = WorkerSettings::default();
    settings.log_level = WorkerLogLevel::Error;
    let worker = WorkerManager::new().create_worker(settings).await?;
    let listen = WebRtcServerListenInfos::new(ListenInfo {
        protocol: Protocol::Udp,
        ip: address.ip(),
        announced_address: None,
        port: Some(address.port()),
        port_range: None,
        flags: None,
        send_buffer_size: Some(SOCKET_BUFFER),
        recv_buffer_size: Some(SOCKET_BUFFER),
    });
    let server = worker
        .create_webrtc_server(WebRtcServerOptions::new(listen))
        .await?;
    let mut sfu = Sfu {
        worker,
        server,
        rooms: HashMap::new(),
        clients: HashMap::new(),
    };
    for line in std::io::stdin().lock().lines() {
        match serde_json::from_str(&line?) {
            Ok(Command::Connect {
                room,
                participant,
                request,
                offer,
                sending,
            }) => {
                let offer = Offer::read(&offer).ok_or("an offer that is not understood")?;
                let answer = sfu
                    .connect(room, &participant, &offer, !sending.is_empty())
                    .await?;
                let answer = json!({
                    "type": "answer", "participant": participant, "request": request, "answer": answer,
                });
                let mut out = std::io::stdout().lock();
                writeln!(out, "{answer}")?;
                out.flush()?;
            }
            Ok(Command::Assign { participant, slots }) => sfu.assign(&participant, slots).await?,
            Ok(Command::Other) | Err(_) => {}
        }
    }
    Ok(())
}

impl Sfu {
    async fn connect(
        &mut self,
        room: String,
        participant: &str,
        offer: &Offer,
        sends: bool,
    ) -> Result<String, Box<dyn Error>> {
        if !self.rooms.contains_key(&room) {
            let codecs = serde_json::from_value(json!([{
                "kind": "video", "mimeType": "video/VP9", "clockRate": 90000,
                "preferredPayloadType": offer.payload_type, "parameters": {}, "rtcpFeedback": [],
            }]))?;
            let router = self
                .worker
                .create_router(RouterOptions::new(codecs))
                .await?;
            self.rooms.insert(room.clone(), router);
        }
        let router = &self.rooms[&room];
        let transport = router
            .create_webrtc_transport(WebRtcTransportOptions::new_with_server(self.server.clone()))
            .await?;
        let remote = json!({ "algorithm": "sha-256", "value": offer.fingerprint });
        let fingerprint: DtlsFingerprint = serde_json::from_value(remote)?;
        transport
            .connect(WebRtcTransportRemoteParameters {
                dtls_parameters: DtlsParameters {
                    role: DtlsRole::Client,
                    fingerprints: vec![fingerprint],
                },
            })
            .await?;
        let mut producer = None;
        if let Some(section) = offer.sections.iter().find(|_| sends) {
            let parameters: RtpParameters = serde_json::from_value(json!({
                "mid": section.mid,
                "codecs": [{
                    "mimeType": "video/VP9", "payloadType": offer.payload_type, "clockRate": 90000,
                    "parameters": {}, "rtcpFeedback": sdp::feedback(),
                }],
                "headerExtensions": sdp::extensions()
                    .map(|(id, uri)| json!({ "id": id, "uri": uri, "encrypt": false }))
                    .collect::<Vec<_>>(),
                "encodings": [{ "ssrc": section.ssrc }],
                "rtcp": { "cname": "load", "reducedSize": true },
            }))?;
            let options = ProducerOptions::new(MediaKind::Video, parameters);
            producer = Some(transport.produce(options).await?);
        }
        let answer = sdp::answer(offer, &transport)?;
        let capabilities = serde_json::from_value(json!({
            "codecs": [{
                "kind": "video", "mimeType": "video/VP9", "clockRate": 90000,
                "preferredPayloadType": offer.payload_type, "parameters": {},
                "rtcpFeedback": sdp::feedback(),
            }],
            "headerExtensions": sdp::extensions()
                .map(|(id, uri)| json!({
                    "kind": "video", "uri": uri, "preferredId": id, "preferredEncrypt": false,
                    "direction": "sendrecv",
                }))
                .collect::<Vec<_>>(),
        }))?;
        let client = Client {
            transport,
            capabilities,
            producer,
            consumers: Vec::new(),
        };
        self.clients.insert(participant.to_owned(), client);
        Ok(answer)
    }

    async fn assign(&mut self, participant: &str, slots: Vec<Slot>) -> Result<(), Box<dyn Error>> {
        for slot in slots {
            let sender = slot
                .carries
                .and_then(|of| self.clients.get(&of.participant));
            let Some(producer) = sender.and_then(|sender| sender.producer.as_ref()) else {
                continue;
            };
            let producer = producer.id();
            let Some(client) = self.clients.get_mut(participant) else {
                continue;
            };
            let mut options = ConsumerOptions::new(producer, client.capabilities.clone());
            options.mid = Some(slot.mid);
            client
                .consumers
                .push(client.transport.consume(options).await?);
        }
        Ok(())
    }
}
