//! Content Credentials. In: a file. Out: whether it carries a C2PA manifest, which is not verified.
//!
//! Looks where the C2PA specification (2.x, annex A, embedding manifests) puts one. The `c2pa` crate would verify it,
//! but brings 167 more crates to the 183 of this program (0.90.22, smallest features with a cryptography), and whether
//! its trust lists know the signer says nothing of masks. A recording without a manifest is no sign of anything: hardly
//! any call recorder writes one.

use std::io::{self, Read, Seek, SeekFrom};

/// Type of the BMFF box that holds a C2PA manifest.
const BMFF_UUID: [u8; 16] =
    [0xd8, 0xfe, 0xc3, 0xd6, 0x1b, 0x0e, 0x48, 0x3c, 0x92, 0x97, 0x58, 0x28, 0x87, 0x7e, 0xc4, 0x81];

/// Media types of an ID3 object that is a C2PA manifest: the present one, and the one before.
const ID3_TYPES: [&[u8]; 2] = [b"application/c2pa\0", b"application/x-c2pa-manifest-store\0"];

/// First bytes of the first packet of an Ogg stream that is a C2PA manifest.
const OGG_PACKET: &[u8] = b"\0c2pa";

/// Most boxes, chunks, frames or pages that are walked; files of honest recorders have a few hundred, fragmented ones
/// two a second.
const MAX_STEPS: usize = 100_000;

/// True when there is a manifest; none for a container in which one has no place.
pub fn manifest_in(file: &mut (impl Read + Seek)) -> io::Result<Option<bool>> {
    let bytes = file.seek(SeekFrom::End(0))?;
    let mut at = File { file, bytes };
    let head: [u8; 12] = at.read(0)?.unwrap_or_default();
    Ok(match &head {
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some(at.bmff()?),
        [b'R', b'I', b'F', b'F', ..] => Some(at.riff()?),
        [b'I', b'D', b'3', ..] => Some(at.id3()?),
        [b'O', b'g', b'g', b'S', ..] => Some(at.ogg()?),
        [b'G', b'I', b'F', b'8', ..] => Some(at.gif()?),
        [b'f', b'L', b'a', b'C', ..] | [0xff, 0xe0..=0xff, ..] => Some(false),
        _ => None,
    })
}

struct File<'a, F> {
    file: &'a mut F,
    bytes: u64,
}

impl<F: Read + Seek> File<'_, F> {
    /// `N` bytes at this place; none beyond the end.
    fn read<const N: usize>(&mut self, at: u64) -> io::Result<Option<[u8; N]>> {
        if at.checked_add(N as u64).is_none_or(|end| end > self.bytes) {
            return Ok(None);
        }
        let mut bytes = [0; N];
        self.file.seek(SeekFrom::Start(at))?;
        self.file.read_exact(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Top-level boxes (ISO/IEC 14496-12).
    fn bmff(&mut self) -> io::Result<bool> {
        let mut at = 0u64;
        for _ in 0..MAX_STEPS {
            let Some([a, b, c, d, kind @ ..]) = self.read::<8>(at)? else { break };
            let (mut size, mut head) = (u64::from(u32::from_be_bytes([a, b, c, d])), 8);
            if size == 1 {
                let Some(long) = self.read::<8>(at.saturating_add(8))? else { break };
                (size, head) = (u64::from_be_bytes(long), 16);
            }
            if &kind == b"uuid" && self.read::<16>(at.saturating_add(head))? == Some(BMFF_UUID) {
                return Ok(true);
            }
            if size < head {
                break;
            }
            at = at.saturating_add(size);
        }
        Ok(false)
    }

    /// Chunks of WAV and AVI.
    fn riff(&mut self) -> io::Result<bool> {
        let mut at = 12u64;
        for _ in 0..MAX_STEPS {
            let Some([kind @ .., a, b, c, d]) = self.read::<8>(at)? else { break };
            if &kind == b"C2PA" {
                return Ok(true);
            }
            let size = u64::from(u32::from_le_bytes([a, b, c, d]));
            at = at.saturating_add(8 + size + size % 2);
        }
        Ok(false)
    }

    /// Frames of an ID3v2.3 or 2.4 tag before MP3 or FLAC; encapsulated objects (`GEOB`) begin with an encoding byte
    /// and a media type.
    fn id3(&mut self) -> io::Result<bool> {
        let Some([_, _, _, version, _, flags, a, b, c, d]) = self.read::<10>(0)? else { return Ok(false) };
        let end = 10 + synchsafe([a, b, c, d]);
        let mut at = 10;
        if flags & 0x40 != 0 {
            let size = self.read::<4>(at)?.unwrap_or_default();
            at += if version == 4 { synchsafe(size) } else { 4 + u64::from(u32::from_be_bytes(size)) };
        }
        for _ in 0..MAX_STEPS {
            let Some([kind @ .., a, b, c, d, _, _]) = self.read::<10>(at)? else { break };
            if at >= end || kind == [0; 4] {
                break;
            }
            let size = [a, b, c, d];
            if &kind == b"GEOB" {
                for media in ID3_TYPES {
                    let mut found = [0; 40];
                    let start = found.get_mut(..media.len()).expect("BUG: a media type is shorter than 40 bytes");
                    self.file.seek(SeekFrom::Start(at + 11))?;
                    if self.file.read_exact(start).is_ok() && start == media {
                        return Ok(true);
                    }
                }
            }
            at += 10 + if version == 4 { synchsafe(size) } else { u64::from(u32::from_be_bytes(size)) };
        }
        Ok(false)
    }

    /// The first pages of an Ogg file (RFC 3533), which begin one stream each.
    fn ogg(&mut self) -> io::Result<bool> {
        let mut at = 0u64;
        for _ in 0..MAX_STEPS {
            let Some(head) = self.read::<27>(at)? else { break };
            let begins_a_stream = head.starts_with(b"OggS") && head[5] & 2 != 0;
            if !begins_a_stream {
                break;
            }
            let body = at + 27 + u64::from(head[26]);
            if self.read::<5>(body)?.is_some_and(|packet| packet == OGG_PACKET) {
                return Ok(true);
            }
            let mut size = 0;
            for segment in 0..u64::from(head[26]) {
                size += self.read::<1>(at + 27 + segment)?.map_or(0, |[size]| u64::from(size));
            }
            at = body + size;
        }
        Ok(false)
    }

    /// Extensions before the first picture of a GIF.
    fn gif(&mut self) -> io::Result<bool> {
        let Some(head) = self.read::<13>(0)? else { return Ok(false) };
        let colours = if head[10] & 0x80 != 0 { 3u64 << ((head[10] & 7) + 1) } else { 0 };
        let (mut at, mut steps) = (13 + colours, 0..MAX_STEPS);
        while steps.next().is_some() {
            let Some([0x21, label]) = self.read::<2>(at)? else { break };
            if label == 0xff && self.read::<9>(at + 2)?.is_some_and(|id| &id == b"\x0bC2PA_GIF") {
                return Ok(true);
            }
            at += 2;
            while let Some([size @ 1..=255]) = self.read::<1>(at)? {
                at += 1 + u64::from(size);
                if steps.next().is_none() {
                    return Ok(false);
                }
            }
            at += 1;
        }
        Ok(false)
    }
}

/// A number of 28 bits in four bytes.
fn synchsafe(bytes: [u8; 4]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 7 | u64::from(byte & 0x7f))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    fn found(bytes: &[u8]) -> Option<bool> {
        manifest_in(&mut Cursor::new(bytes)).unwrap()
    }

    fn bmff(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&(8 + body.len() as u32).to_be_bytes(), &kind[..], body].concat()
    }

    fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&kind[..], &(body.len() as u32).to_le_bytes(), body, if body.len() % 2 == 1 { &[0] } else { &[] }].concat()
    }

    fn id3(version: u8, media: &[u8]) -> Vec<u8> {
        let frame = |kind: &[u8; 4], body: &[u8]| [kind, &[0, 0, 0, body.len() as u8][..], &[0, 0], body].concat();
        let frames = [frame(b"TIT2", b"\0call"), frame(b"GEOB", &[b"\0", media, b"c2pa\0\0x"].concat())].concat();
        [b"ID3", &[version, 0, 0, 0, 0, 0, frames.len() as u8][..], &frames, &[0xff, 0xfb, 0, 0]].concat()
    }

    fn page(flags: u8, body: &[u8]) -> Vec<u8> {
        [b"OggS\0", &[flags][..], &[0; 20], &[1, body.len() as u8], body].concat()
    }

    #[test]
    fn each_container_has_its_place() {
        let uuid = [&BMFF_UUID[..], b"manifest"].concat();
        let mp4 = [bmff(b"ftyp", b"isom"), bmff(b"mdat", &[0; 99]), bmff(b"uuid", &uuid)].concat();
        let wide = [&1u32.to_be_bytes(), &b"mdat"[..], &20u64.to_be_bytes(), &[0; 4]].concat();
        let long = [bmff(b"ftyp", b"isom"), wide, bmff(b"uuid", &uuid)].concat();
        let wav = [b"RIFF\0\0\0\0WAVE", &chunk(b"fmt ", &[0; 17])[..], &chunk(b"C2PA", b"x")].concat();
        let ogg = [page(2, b"\x7fOpus"), page(2, b"\0c2pa..")].concat();
        let gif = [b"GIF89a", &[0; 4][..], &[0x80, 0, 0], &[0; 6], b"\x21\xf9\x01\0\0\x21\xff\x0bC2PA_GIF\x01\0\0\0"]
            .concat();
        let mp3 = [id3(3, ID3_TYPES[0]), id3(4, ID3_TYPES[1])];
        for file in [&mp4, &long, &wav, &ogg, &gif, &mp3[0], &mp3[1]] {
            assert_eq!(found(file), Some(true), "{}", String::from_utf8_lossy(&file[..12]));
            for end in 0..file.len() {
                let _either = found(&file[..end]);
            }
        }
    }

    #[test]
    fn what_has_none_has_none() {
        let mp4 = [bmff(b"ftyp", b"isom"), bmff(b"uuid", &[7; 30])].concat();
        let wav = [b"RIFF\0\0\0\0WAVE", &chunk(b"data", b"C2PA")[..]].concat();
        let ogg = [page(2, b"\x7fOpus"), page(0, b"\0c2pa..")].concat();
        for file in [&mp4, &wav, &ogg, &id3(3, b"image/png\0"), &b"fLaC".to_vec().into_iter().chain([0; 20]).collect()]
        {
            assert_eq!(found(file), Some(false));
        }
        assert_eq!(found(b"\x1a\x45\xdf\xa3 matroska"), None);
        assert_eq!(found(b""), None);
    }

    #[test]
    fn a_file_of_many_small_parts_is_given_up() {
        let head = [b"GIF89a", &[0; 7][..], b"\x21\xfe"].concat();
        let end = b"\0\x21\xff\x0bC2PA_GIF\x01\0\0\0";
        let many = |n: usize| [&head[..], &[1, 7].repeat(n), end].concat();
        assert_eq!((found(&many(9)), found(&many(MAX_STEPS))), (Some(true), Some(false)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(head in prop::sample::select(vec![&b"\0\0\0\x08ftyp"[..], b"RIFF\0\0\0\0AVI ", b"ID3\x04\0\x40", b"ID3\x03\0\0", b"OggS\0\x02", b"GIF89a"]), tail in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _either = found(&[head, &tail].concat());
        }
    }
}
