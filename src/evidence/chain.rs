//! A hash chain over a recording. In: its bytes. Out: a link a segment, and where another copy differs.
//!
//! Link i is SHA-256(link i−1 ‖ SHA-256(segment i)), and the link before the first is 32 zero bytes. So one link fixes
//! everything before it, and with all links at hand every segment of a copy can be judged alone, altered or not.

use std::io::{self, Read};
use std::ops::Range;

use sha2::{Digest, Sha256};

use super::key::unhex;
use crate::infer::hex;

/// One link, or any SHA-256.
pub type Hash = [u8; 32];

/// Smallest segment: as near as an alteration of a recording up to 64 MiB can be told.
const SEGMENT_BYTES: u64 = 4 << 10;

/// Most segments (1 MB of links); segments of larger recordings double until they fit.
const MAX_SEGMENTS: u64 = 1 << 14;

/// What is read at once (64 KiB): segments may be larger than memory, by size or by a hostile manifest.
const READ_BYTES: usize = 64 << 10;

/// The links of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Size of the recording.
    pub bytes: u64,
    /// Size of each segment but the last, which may be shorter.
    pub segment_bytes: u64,
    /// One a segment.
    pub links: Vec<Hash>,
}

/// A copy held against a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Size of the recording that the chain is of.
    pub bytes: u64,
    /// Size of the copy.
    pub found: u64,
    /// Segments that differ, as ranges of bytes; neighbours are one range.
    pub altered: Vec<Range<u64>>,
    /// Bytes at the end of a shorter copy that lie in a segment whose end is missing: they cannot be judged.
    pub unjudged: Range<u64>,
}

impl Comparison {
    /// Not a byte differs.
    pub fn is_same(&self) -> bool {
        self.altered.is_empty() && self.found == self.bytes
    }

    /// Where the first difference is, to within a segment; none for the same.
    pub fn differs_from(&self) -> Option<u64> {
        let first = self.altered.first().map(|range| range.start);
        let length = (self.found != self.bytes).then(|| self.found.min(self.bytes));
        first.or(length)
    }
}

/// Size of the segments of a recording of this size.
pub fn segment_bytes(bytes: u64) -> u64 {
    let mut size = SEGMENT_BYTES;
    while bytes.div_ceil(size) > MAX_SEGMENTS {
        size *= 2;
    }
    size
}

fn link(before: &Hash, segment: &Hash) -> Hash {
    Sha256::new().chain_update(before).chain_update(segment).finalize().into()
}

/// Reads up to so many bytes; returns how many there were and their SHA-256.
fn segment(from: &mut impl Read, bytes: u64, buffer: &mut [u8], all: &mut Option<Sha256>) -> io::Result<(u64, Hash)> {
    let (mut hash, mut found) = (Sha256::new(), 0);
    while found < bytes {
        let wanted = buffer.len().min(usize::try_from(bytes - found).unwrap_or(usize::MAX));
        let n = fill(from, &mut buffer[..wanted])?;
        hash.update(&buffer[..n]);
        all.iter_mut().for_each(|all| all.update(&buffer[..n]));
        found += n as u64;
        if n < wanted {
            break;
        }
    }
    Ok((found, hash.finalize().into()))
}

/// Reads until `buffer` is full or nothing more comes.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

impl Chain {
    /// Reads a recording once; returns its chain, and the SHA-256 of all of it.
    pub fn of(mut from: impl Read, segment_bytes: u64) -> io::Result<(Self, Hash)> {
        let (mut buffer, mut all) = (vec![0; READ_BYTES], Some(Sha256::new()));
        let mut chain = Self { bytes: 0, segment_bytes, links: Vec::new() };
        loop {
            let (n, hash) = segment(&mut from, segment_bytes, &mut buffer, &mut all)?;
            if n == 0 {
                return Ok((chain, all.unwrap_or_default().finalize().into()));
            }
            chain.bytes += n;
            chain.links.push(link(&chain.head(), &hash));
        }
    }

    /// The last link, which fixes the whole recording.
    pub fn head(&self) -> Hash {
        self.links.last().copied().unwrap_or_default()
    }

    /// A line of hexadecimal digits a link.
    pub fn text(&self) -> String {
        self.links.iter().map(|link| hex(link) + "\n").collect()
    }

    /// Reads what [`Chain::text`] wrote; none when it does not belong to a recording of this size.
    pub fn parse(text: &str, bytes: u64, segment_bytes: u64) -> Option<Self> {
        if segment_bytes != self::segment_bytes(bytes) {
            return None;
        }
        let links: Option<Vec<Hash>> = text.lines().map(unhex).collect();
        links.filter(|l| l.len() as u64 == bytes.div_ceil(segment_bytes)).map(|links| Self {
            bytes,
            segment_bytes,
            links,
        })
    }

    /// Holds a copy against the chain.
    pub fn compare(&self, mut copy: impl Read) -> io::Result<Comparison> {
        let mut result = Comparison { bytes: self.bytes, found: 0, altered: Vec::new(), unjudged: 0..0 };
        let (mut buffer, mut before) = (vec![0; READ_BYTES], Hash::default());
        for expected in &self.links {
            let start = result.found;
            let length = self.segment_bytes.min(self.bytes.saturating_sub(start));
            let (n, hash) = segment(&mut copy, length, &mut buffer, &mut None)?;
            result.found += n;
            if n < length {
                result.unjudged = start..result.found;
                return Ok(result);
            }
            if link(&before, &hash) != *expected {
                match result.altered.last_mut() {
                    Some(last) if last.end == start => last.end = result.found,
                    _ => result.altered.push(start..result.found),
                }
            }
            before = *expected;
        }
        result.found += io::copy(&mut copy, &mut io::sink())?;
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chain(bytes: &[u8]) -> Chain {
        Chain::of(bytes, 16).unwrap().0
    }

    #[test]
    fn segments_grow_with_the_recording() {
        assert_eq!(segment_bytes(0), 4 << 10);
        assert_eq!(segment_bytes(64 << 20), 4 << 10);
        assert_eq!(segment_bytes((64 << 20) + 1), 8 << 10);
        assert_eq!(segment_bytes(1 << 30), 64 << 10);
        assert!((64u64 << 30).div_ceil(segment_bytes(64 << 30)) <= MAX_SEGMENTS);
    }

    #[test]
    fn a_link_is_what_the_documentation_says() {
        let one = chain(b"0123456789abcdef0");
        let first: Hash = Sha256::digest([[0; 32], Sha256::digest(b"0123456789abcdef").into()].concat()).into();
        let second: Hash = Sha256::digest([first, Sha256::digest(b"0").into()].concat()).into();
        assert_eq!(one.links, [first, second]);
        assert_eq!(Chain::of(&b"0123"[..], 16).unwrap().1, <Hash>::from(Sha256::digest(b"0123")));
    }

    #[test]
    fn segments_larger_than_memory_are_compared() {
        let bytes = u64::MAX;
        let links = vec![[7; 32]; MAX_SEGMENTS as usize];
        let found = Chain { bytes, segment_bytes: segment_bytes(bytes), links }.compare(&b"short"[..]).unwrap();
        assert_eq!((found.found, found.unjudged), (5, 0..5));
        let large = vec![3; 3 * READ_BYTES + 5];
        let chain = Chain::of(&*large, 2 * READ_BYTES as u64).unwrap().0;
        assert!(chain.links.len() == 2 && chain.compare(&*large).unwrap().is_same());
    }

    proptest! {
        #[test]
        fn any_change_is_located(bytes in proptest::collection::vec(any::<u8>(), 1..200), at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let chain = chain(&bytes);
            prop_assert!(chain.compare(&*bytes).unwrap().is_same());
            let mut altered = bytes.clone();
            let at = at.index(bytes.len());
            altered[at] ^= 1 << bit;
            let found = chain.compare(&*altered).unwrap();
            let start = (at / 16 * 16) as u64;
            prop_assert_eq!(found.altered, vec![start..(start + 16).min(bytes.len() as u64)]);
        }

        #[test]
        fn a_cut_copy_is_told_from_an_altered_one(bytes in proptest::collection::vec(any::<u8>(), 1..200), at in any::<prop::sample::Index>()) {
            let cut = at.index(bytes.len());
            let found = chain(&bytes).compare(&bytes[..cut]).unwrap();
            prop_assert!(found.altered.is_empty() && !found.is_same());
            prop_assert_eq!(found.differs_from(), Some(cut as u64));
            prop_assert!(found.unjudged.end - found.unjudged.start < 16);
            let longer = [&bytes[..], b"x"].concat();
            let found = chain(&bytes).compare(&*longer).unwrap();
            prop_assert_eq!((found.differs_from(), found.found), (Some(bytes.len() as u64), longer.len() as u64));
        }

        #[test]
        fn text_is_read_back(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let chain = Chain::of(&*bytes, segment_bytes(bytes.len() as u64)).unwrap().0;
            prop_assert_eq!(Chain::parse(&chain.text(), chain.bytes, chain.segment_bytes), Some(chain.clone()));
            prop_assert_eq!(Chain::parse(&chain.text(), chain.bytes + (1 << 20), chain.segment_bytes), None);
            prop_assert_eq!(Chain::parse(&chain.text(), chain.bytes, 0), None);
        }
    }
}
