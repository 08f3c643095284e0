//! Files as answers. In: a file of a call, a `Range`. Out: all of it or a part (RFC 9110, 14).

use std::io::SeekFrom;
use std::path::Path;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::problem::Problem;
use crate::error::ErrorKind;

/// What of a file is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    All,
    /// First byte and length.
    Some(u64, u64),
    Nothing,
}

/// Sends a file, or the one range that is asked for.
pub async fn send(path: &Path, kind: &'static str, headers: &HeaderMap) -> Result<Response, Problem> {
    let failed = |error: std::io::Error| {
        tracing::error!(%error, path = %path.display(), "cannot read a result");
        Problem::of(ErrorKind::Environment, "the file cannot be read: the service's log says why")
    };
    let mut file = tokio::fs::File::open(path).await.map_err(failed)?;
    let all = file.metadata().await.map_err(failed)?.len();
    let asked = headers.get(header::RANGE).and_then(|v| v.to_str().ok());
    let (status, from, length) = match part(asked, all) {
        Part::All => (StatusCode::OK, 0, all),
        Part::Some(from, length) => (StatusCode::PARTIAL_CONTENT, from, length),
        Part::Nothing => {
            let problem = Problem::request(StatusCode::RANGE_NOT_SATISFIABLE, format!("the file has {all} bytes"));
            return Err(problem.with(header::CONTENT_RANGE, value(format!("bytes */{all}"))));
        }
    };
    file.seek(SeekFrom::Start(from)).await.map_err(failed)?;
    let body = Body::from_stream(ReaderStream::new(file.take(length)));
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if status == StatusCode::PARTIAL_CONTENT {
        headers.insert(header::CONTENT_RANGE, value(format!("bytes {from}-{}/{all}", from + length - 1)));
    }
    Ok(response)
}

/// A header of our own making.
pub fn value(text: String) -> HeaderValue {
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// One range; what is malformed, or asks for several, counts as not asked.
fn part(asked: Option<&str>, all: u64) -> Part {
    let Some((first, last)) = asked.and_then(|a| a.strip_prefix("bytes=")).and_then(|a| a.split_once('-')) else {
        return Part::All;
    };
    let (first, last) = (first.trim(), last.trim());
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    match (number(first), number(last)) {
        (None, Some(n)) if first.is_empty() => match n.min(all) {
            0 => Part::Nothing,
            n => Part::Some(all - n, n),
        },
        (Some(from), None) if last.is_empty() => match from < all {
            true => Part::Some(from, all - from),
            false => Part::Nothing,
        },
        (Some(from), Some(to)) if from <= to => match from < all {
            true => Part::Some(from, to.min(all - 1) - from + 1),
            false => Part::Nothing,
        },
        _ => Part::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_are_those_of_the_standard() {
        for (asked, is) in [
            ("bytes=0-9", Part::Some(0, 10)),
            ("bytes=90-", Part::Some(90, 10)),
            ("bytes=-5", Part::Some(95, 5)),
            ("bytes=-500", Part::Some(0, 100)),
            ("bytes=50-500", Part::Some(50, 50)),
            ("bytes=100-", Part::Nothing),
            ("bytes=-0", Part::Nothing),
            ("bytes=9-1", Part::All),
            ("bytes=0-1,5-6", Part::All),
            ("lines=0-1", Part::All),
            ("bytes=-", Part::All),
            ("bytes=+1-2", Part::All),
        ] {
            assert_eq!(part(Some(asked), 100), is, "{asked}");
        }
        assert_eq!(part(Some("bytes=0-0"), 0), Part::Nothing);
    }

    proptest! {
        #[test]
        fn no_range_leaves_the_file(asked in "bytes=[0-9]{0,20}-[0-9]{0,20}|\\PC{0,20}", all in 0u64..1000) {
            if let Part::Some(from, length) = part(Some(&asked), all) {
                prop_assert!(length > 0 && from + length <= all);
            }
        }
    }
}
