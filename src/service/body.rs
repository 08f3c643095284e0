//! The body of a request in parts. In: its pieces. Out: the same, until more has come than anything could be made of.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::Request;
use tokio_stream::Stream;

/// Bytes that may come before a part of them is handed out: the heads of parts, and as much of a file. A parser keeps
/// what it cannot hand out, so this bounds its memory.
const UNUSED: usize = 64 << 10;

/// Says that what came before was of use.
pub struct Used(Arc<AtomicUsize>);

impl Used {
    /// What came was handed out.
    pub fn all(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// Makes the body break off once more than [`UNUSED`] bytes have come since `Used::all`.
pub fn bounded(request: Request) -> (Request, Used) {
    let unused = Arc::new(AtomicUsize::new(0));
    let used = Used(unused.clone());
    let bounded =
        request.map(|body| Body::from_stream(Bounded { body: body.into_data_stream(), unused, waited: false }));
    (bounded, used)
}

struct Bounded {
    body: BodyDataStream,
    unused: Arc<AtomicUsize>,
    /// The parser was made to look at what it has.
    waited: bool,
}

impl Stream for Bounded {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.unused.load(Ordering::Relaxed) > UNUSED {
            if self.waited {
                return Poll::Ready(Some(Err(axum::Error::new("no part of it begins or ends"))));
            }
            // A parser takes what is there before it looks at any of it: now nothing is.
            self.waited = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.waited = false;
        let piece = ready!(Pin::new(&mut self.body).poll_next(context));
        if let Some(Ok(bytes)) = &piece {
            self.unused.fetch_add(bytes.len(), Ordering::Relaxed);
        }
        Poll::Ready(piece)
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::{FromRequest, Multipart};
    use tokio_stream::StreamExt;

    use super::*;

    fn request(pieces: Vec<Vec<u8>>) -> Request {
        let pieces = tokio_stream::iter(pieces.into_iter().map(Ok::<_, axum::Error>));
        let kind = "multipart/form-data; boundary=x";
        Request::builder().header("content-type", kind).body(Body::from_stream(pieces)).unwrap()
    }

    #[tokio::test]
    async fn a_long_part_passes_in_pieces() {
        let mut pieces = vec![b"--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n".to_vec()];
        pieces.extend(std::iter::repeat_n(vec![7; 16 << 10], 100));
        pieces.push(b"\r\n--x--\r\n".to_vec());
        let (request, used) = bounded(request(pieces));
        let mut parts = Multipart::from_request(request, &()).await.unwrap_or_else(|e| panic!("{}", e.body_text()));
        let mut field = parts.next_field().await.unwrap().unwrap();
        used.all();
        let (mut all, mut largest) = (0, 0);
        while let Some(chunk) = field.chunk().await.unwrap() {
            used.all();
            all += chunk.len();
            largest = largest.max(chunk.len());
        }
        assert_eq!(all, 100 * (16 << 10));
        assert!(largest <= 2 * (UNUSED + (16 << 10)), "a parser holds no more: {largest}");
    }

    #[tokio::test]
    async fn what_never_becomes_a_part_breaks_off() {
        for head in ["", "--x\r\nContent-Disposition: form-data; name=\"file\"; a=\""] {
            let mut pieces = vec![head.as_bytes().to_vec()];
            pieces.extend(std::iter::repeat_n(vec![b'a'; 16 << 10], 1000));
            let (request, _used) = bounded(request(pieces));
            let mut parts = Multipart::from_request(request, &()).await.unwrap();
            assert!(parts.next_field().await.is_err(), "{head:?}");
        }
    }

    #[tokio::test]
    async fn pieces_come_as_they_are() {
        let (request, used) = bounded(request(vec![vec![1; 100], vec![2; 200]]));
        let mut body = request.into_body().into_data_stream();
        let mut sizes = Vec::new();
        while let Some(piece) = body.next().await {
            used.all();
            sizes.push(piece.unwrap().len());
        }
        assert_eq!(sizes, [100, 200]);
    }
}
