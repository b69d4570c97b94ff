//! Stands where the server would, with its certificate: takes the connections
//! that are meant for it, and does with each what its owner wants.

use crate::door::Door;
use crate::server::Server;
use conclave_wire::client::SUBPROTOCOL;
use std::error::Error;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use tokio::io::{
    AsyncReadExt, AsyncWriteExt, Chain, Join, ReadHalf, WriteHalf, copy_bidirectional,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::{client, server};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{
    ErrorResponse, Request as Upgrade, Response,
};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async, client_async};

/// Why a connection came to its end.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

type Tls = server::TlsStream<TcpStream>;
type Read = Chain<io::Cursor<Vec<u8>>, ReadHalf<Tls>>;

/// The victim's socket.
pub(crate) type Near = WebSocketStream<Join<Read, WriteHalf<Tls>>>;
/// Its continuation to the service.
pub(crate) type Far = WebSocketStream<client::TlsStream<TcpStream>>;

/// A listening port, while it lives.
pub(crate) struct Front {
    door: Door,
    task: JoinHandle<()>,
}

/// One connection, of which the head of the first request is read.
pub(crate) struct Visit {
    /// The connection.
    pub(crate) near: Tls,
    /// The service behind.
    pub(crate) service: Door,
    head: Vec<u8>,
}

impl Front {
    /// A front before the server.
    ///
    /// # Panics
    /// When there is no port, or the certificate cannot be read.
    pub(crate) async fn before<F>(
        server: &Server,
        serve: impl Fn(Visit) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let (service, acceptor) = (server.door(), server.acceptor());
        let door = service.at(port);
        let serve = Arc::new(serve);
        let task = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, service, serve) = (acceptor.clone(), service.clone(), serve.clone());
                tokio::spawn(async move {
                    let work = async {
                        let near = acceptor.accept(tcp).await?;
                        serve(Visit::begin(near, service).await?).await
                    };
                    if let Err(error) = work.await {
                        println!("in front of the server: {error}");
                    }
                });
            }
        });
        Self { door, task }
    }

    /// Where its victims connect.
    pub(crate) fn door(&self) -> &Door {
        &self.door
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Visit {
    async fn begin(mut near: Tls, service: Door) -> io::Result<Self> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(near.read_u8().await?);
        }
        Ok(Self {
            near,
            service,
            head,
        })
    }

    /// The path of the first request.
    pub(crate) fn path(&self) -> String {
        let head = String::from_utf8_lossy(&self.head);
        head.split(' ').nth(1).unwrap_or_default().to_owned()
    }

    /// Whether it wants a WebSocket.
    pub(crate) fn is_socket(&self) -> bool {
        let head = String::from_utf8_lossy(&self.head).to_lowercase();
        head.contains("upgrade: websocket")
    }

    /// Passes everything on, either way.
    pub(crate) async fn pass(mut self) -> Result<(), Failure> {
        let mut far = self.service.connect().await?;
        far.write_all(&self.head).await?;
        copy_bidirectional(&mut self.near, &mut far).await?;
        Ok(())
    }

    /// Takes the victim's socket, and opens one like it at the service.
    pub(crate) async fn sockets(self) -> Result<(Near, Far), Failure> {
        let path = self.path();
        self.sockets_at(&path).await
    }

    /// As [`sockets`](Self::sockets), with another path at the service.
    pub(crate) async fn sockets_at(self, path: &str) -> Result<(Near, Far), Failure> {
        let (near_in, near_out) = tokio::io::split(self.near);
        let near = tokio::io::join(io::Cursor::new(self.head).chain(near_in), near_out);
        let protocol = HeaderValue::from_static(SUBPROTOCOL);
        #[allow(
            clippy::result_large_err,
            reason = "the callback's type is tungstenite's"
        )]
        let agree = |_: &Upgrade, mut response: Response| -> Result<Response, ErrorResponse> {
            let headers = response.headers_mut();
            headers.insert("Sec-WebSocket-Protocol", protocol.clone());
            Ok(response)
        };
        let near = accept_hdr_async(near, agree).await?;
        let url = format!(
            "wss{}{path}",
            self.service.url().trim_start_matches("https")
        );
        let mut request = url.into_client_request()?;
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", protocol);
        let (far, _) = client_async(request, self.service.connect().await?).await?;
        Ok((near, far))
    }
}
