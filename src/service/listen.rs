//! Connections. In: a socket, a certificate. Out: requests for the router, each with who asks; bounded in number, and
//! those that say nothing are closed.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};
use tower_service::Service;

use super::ServiceError;
use super::problem::Problem;

/// Most connections at the same time; each holds some 100 kB at most.
const CONNECTIONS: usize = 512;

/// How long a client may take to say what it wants.
const HEAD: Duration = Duration::from_secs(30);

/// How long it may take to agree on keys.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Largest head of a request.
const MAX_HEAD: usize = 64 << 10;

/// After accepting has failed, as it does when there are no more files.
const AGAIN: Duration = Duration::from_millis(200);

/// Who asks, as the network says.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// Reads a certificate with its chain and its key, both PEM.
pub fn tls(cert: &Path, key: &Path) -> Result<TlsAcceptor, ServiceError> {
    let bad = |path: &Path, reason: String| ServiceError::Tls { path: path.to_owned(), reason };
    let chain = CertificateDer::pem_file_iter(cert).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|e| bad(cert, e.to_string()))?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|e| bad(key, e.to_string()))?;
    let config = || -> Result<ServerConfig, rustls::Error> {
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions()?.with_no_client_auth();
        builder.with_single_cert(chain, secret)
    };
    let mut config = config().map_err(|e| bad(cert, e.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Serves until `ended` says so, and then until those who are being answered are.
pub async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, router: Router, mut ended: watch::Receiver<bool>) {
    let (graceful, places) = (GracefulShutdown::new(), Arc::new(Semaphore::new(CONNECTIONS)));
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            _ = ended.wait_for(|ended| *ended) => break,
            next = next => next,
        };
        let (Ok((stream, peer)), Ok(place)) = (accepted, place) else {
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        // Else the last part of a long answer waits for the other side's delayed acknowledgement (RFC 896, 1122): 40 ms.
        let _ = stream.set_nodelay(true);
        let (tls, router, watcher) = (tls.clone(), router.clone(), graceful.watcher());
        tokio::spawn(async move {
            connection(stream, peer, tls, router, watcher).await;
            drop(place);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

async fn connection(stream: TcpStream, peer: SocketAddr, tls: Option<TlsAcceptor>, router: Router, watcher: Watcher) {
    let Some(tls) = tls else { return http(stream, peer, router, watcher).await };
    match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok(stream)) => http(stream, peer, router, watcher).await,
        Ok(Err(error)) => tracing::debug!(%error, peer = %peer.ip(), "no TLS"),
        Err(_) => tracing::debug!(peer = %peer.ip(), "TLS took too long"),
    }
}

async fn ended(answer: JoinHandle<Result<Response<Body>, Infallible>>) -> Result<Response<Body>, Infallible> {
    answer.await.unwrap_or_else(|_| Ok(Problem::bug().into_response()))
}

async fn http<S>(stream: S, peer: SocketAddr, router: Router, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer.ip()));
        let mut router = router.clone();
        async move {
            let looks = request.method().is_safe();
            let answer = router.call(request.map(Body::new));
            // A change that has begun is ended, logged and audited, whether or not its client waits for the answer.
            if looks { answer.await } else { ended(tokio::spawn(answer)).await }
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(MAX_HEAD);
    // A WebSocket goes on after its connection was served; its place is one of those who wait for events.
    let served =
        watcher.watch(builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned()).await;
    if let Err(error) = served {
        tracing::debug!(%error, peer = %peer.ip(), "a connection broke off");
    }
}
