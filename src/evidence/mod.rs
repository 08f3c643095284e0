//! Evidence bundles. In: a scanned call and a signing key. Out: one file that holds everything that was found, and
//! from which one sees later whether it, or the recording, was altered, and whether a new run finds the same.
//!
//! A bundle is a POSIX tar archive (ustar, IEEE Std 1003.1) that any tar opens. Its parts, in this order:
//!
//! | part | what it holds |
//! | --- | --- |
//! | `manifest.json` | [`Manifest`]: recording, networks, versions, time, and the SHA-256 of each part below |
//! | `signature.json` | [`Signature`]: Ed25519 (RFC 8032) over the SHA-256 of `manifest.json` |
//! | `config.json` | the resolved configuration; its SHA-256 is `start.config_sha256` of the records |
//! | `records.jsonl` | the record stream `unmask/1` |
//! | `report.html` | the page for reviewers |
//! | `input-chain.txt` | [`Chain`]: the recording's segments, when it was a file |
//! | `stills/<event>-<moment>.jpg` | pictures of the events |
//!
//! All else in the file (headers, padding, end) follows from the manifest, and [`verify`] compares it with what is
//! there, so that no bit of a bundle is without a check. Nothing is ever unpacked to disk.
//!
//! Without this program a bundle is checked with `tar`, `sha256sum` and OpenSSL 3, with jq and xxd:
//!
//! ```text
//! tar xf call.evidence && jq -r '.parts[] | "\(.sha256)  \(.name)"' manifest.json | sha256sum -c
//! printf 'unmask-evidence/1 manifest sha256 %s\n' $(sha256sum < manifest.json | cut -c-64) > message
//! jq -r .signature signature.json | xxd -r -p > signature
//! (echo 302a300506032b6570032100; jq -r .public_key signature.json) | xxd -r -p > key
//! openssl pkeyutl -verify -rawin -pubin -keyform DER -inkey key -in message -sigfile signature
//! ```
//!
//! What the signature shows: that whoever held the key signed these bytes. It does not show which person that was,
//! nor when: the time is the maker's system clock. Whoever holds the key can sign something else, too.

mod bundle;
mod chain;
mod compare;
mod container;
mod error;
mod key;
mod make;
mod manifest;
mod verify;

pub use bundle::{Bundle, Copy};
pub use chain::{Chain, Comparison};
pub use compare::{Difference, Found, SCORE_TOLERANCE, TIME_TOLERANCE_S, compare};
pub use error::EvidenceError;
pub use key::{PublicKey, SecretKey};
pub use make::{Content, make};
pub use manifest::{ChainInfo, InputInfo, Manifest, PartInfo, SCHEMA, Signature};
pub use verify::{Check, State, Verification, verify};
