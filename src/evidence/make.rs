//! Makes a bundle. In: a scanned call and a key. Out: one file, whole or not there.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::chain::{Chain, segment_bytes};
use super::manifest::{MANIFEST, SIGNATURE};
use super::{ChainInfo, EvidenceError, InputInfo, Manifest, PartInfo, SCHEMA, SecretKey, Signature, container};
use crate::config::Config;
use crate::infer::hex;
use crate::report::{Still, as_usual};
use crate::types::record::{SCOPE, Start};
use crate::types::utc_text;

/// What a bundle is made of.
#[derive(Debug)]
pub struct Content<'a> {
    /// The first record.
    pub start: &'a Start,
    /// What the run was configured with.
    pub config: &'a Config,
    /// The record stream's file.
    pub records: &'a Path,
    /// The page for reviewers.
    pub html: &'a [u8],
    /// Pictures of the events.
    pub stills: &'a [Still],
    /// The recording, when it is a file.
    pub input: Option<&'a Path>,
}

/// Where a part's bytes are.
enum Bytes<'a> {
    Here(Vec<u8>),
    Lent(&'a [u8]),
    File(&'a Path),
}

struct Part<'a> {
    info: PartInfo,
    bytes: Bytes<'a>,
}

/// Makes the bundle `out`, signed, with `made` as its time.
pub fn make(content: &Content<'_>, key: &SecretKey, made: SystemTime, out: &Path) -> Result<(), EvidenceError> {
    let chain = content.input.map(|path| chain_of(path, content.start)).transpose()?;
    let parts = parts(content, chain.as_ref())?;
    let manifest = manifest(content, chain.as_ref(), &parts, made).text()?;
    let signature = Signature::of(&manifest, key).text()?;
    let dir = out.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".unmask-").permissions(as_usual()).tempfile_in(dir)?;
        put(&mut file, MANIFEST, manifest.len() as u64, &mut manifest.as_slice())?;
        put(&mut file, SIGNATURE, signature.len() as u64, &mut signature.as_slice())?;
        for part in &parts {
            put(&mut file, &part.info.name, part.info.bytes, &mut *part.bytes.open()?)?;
        }
        file.write_all(&[0; container::END as usize])?;
        file.as_file().sync_all()?;
        file.persist(out).map_err(|e| e.error)?;
        Ok(())
    };
    write().map_err(|source| EvidenceError::Write { name: out.display().to_string(), source })
}

fn put(to: &mut impl Write, name: &str, bytes: u64, from: &mut dyn Read) -> io::Result<()> {
    to.write_all(&container::header(name, bytes))?;
    let copied = io::copy(&mut from.take(bytes), to)?;
    if copied != bytes {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("{name} became shorter meanwhile")));
    }
    to.write_all(&vec![0; container::padding(bytes) as usize])
}

impl Bytes<'_> {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(match self {
            Self::Here(bytes) => Box::new(bytes.as_slice()),
            Self::Lent(bytes) => Box::new(*bytes),
            Self::File(path) => Box::new(File::open(path)?),
        })
    }
}

fn part<'a>(name: String, bytes: Bytes<'a>) -> Result<Part<'a>, EvidenceError> {
    let mut hash = Sha256::new();
    let size = bytes.open().and_then(|mut from| io::copy(&mut from, &mut hash));
    let size = size.map_err(|source| EvidenceError::Read { name: name.clone(), source })?;
    Ok(Part { info: PartInfo { name, bytes: size, sha256: hex(&hash.finalize()) }, bytes })
}

fn parts<'a>(content: &Content<'a>, chain: Option<&Chain>) -> Result<Vec<Part<'a>>, EvidenceError> {
    let mut parts = vec![
        part("config.json".into(), Bytes::Here(content.config.json().into_bytes()))?,
        part("records.jsonl".into(), Bytes::File(content.records))?,
        part("report.html".into(), Bytes::Lent(content.html))?,
    ];
    if let Some(chain) = chain {
        parts.push(part("input-chain.txt".into(), Bytes::Here(chain.text().into_bytes()))?);
    }
    for still in content.stills {
        // Events count from 1, as people do.
        let name = format!("stills/{}-{}.jpg", still.event + 1, still.moment.name());
        parts.push(part(name, Bytes::Lent(&still.jpeg))?);
    }
    Ok(parts)
}

/// The recording's chain; it must still be the recording that was analysed.
fn chain_of(path: &Path, start: &Start) -> Result<Chain, EvidenceError> {
    let name = || path.display().to_string();
    let read = || {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        Chain::of(file, segment_bytes(size))
    };
    let (chain, sha256) = read().map_err(|source| EvidenceError::Read { name: name(), source })?;
    if start.source.sha256.as_deref() != Some(hex(&sha256).as_str()) {
        return Err(EvidenceError::InputChanged { input: name() });
    }
    Ok(chain)
}

fn manifest(content: &Content<'_>, chain: Option<&Chain>, parts: &[Part<'_>], made: SystemTime) -> Manifest {
    let Start { tool_version, source, models, runtime, config_sha256, .. } = content.start.clone();
    let chain = chain.map(|chain| ChainInfo {
        rule: "link = sha256(link before, sha256(segment)), the first after 32 zero bytes".into(),
        segment_bytes: chain.segment_bytes,
        segments: chain.links.len() as u64,
        head: hex(&chain.head()),
    });
    Manifest {
        schema: SCHEMA.into(),
        made_utc: utc_text(made),
        made_utc_from: "system clock of the machine, not a trusted time stamp".into(),
        tool_version,
        input: InputInfo {
            uri: source.uri,
            sha256: source.sha256,
            bytes: source.bytes,
            duration_s: source.duration_s,
            c2pa: source.c2pa,
            chain,
        },
        models,
        runtime,
        config_sha256,
        parts: parts.iter().map(|part| part.info.clone()).collect(),
        signature_means: "the holder of the key signed this manifest; not which person that is, nor when".into(),
        scope: SCOPE.into(),
    }
}
