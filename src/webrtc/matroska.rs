//! Matroska (RFC 9559), as much of it as a pipe needs. In: tracks, frames with their times. Out: bytes: a head, then each
//! frame as a block of its own. Segment and clusters have no declared size, as nobody knows when they end.
//!
//! H.264 is written as it comes, with start codes (ITU-T H.264, annex B) and without the header that Matroska asks for;
//! GStreamer's demuxer takes that for what it is, and nothing else reads it.

/// What a track carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    Vp8,
    H264,
    Opus,
}

/// Longest cluster, in milliseconds; a block's time within it has 16 bits.
const CLUSTER_MS: i64 = 30_000;

/// Opus always runs at this rate.
const OPUS_HZ: u32 = 48_000;

/// Two channels, no samples to skip, no gain (RFC 7845, 5.1); what comes by RTP (RFC 7587) says the rest itself.
const OPUS_HEAD: [u8; 19] = *b"OpusHead\x01\x02\x00\x00\x80\xbb\x00\x00\x00\x00\x00";

/// A size that is not known.
const UNKNOWN: [u8; 8] = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

/// An element: identifier, size in eight bytes, content.
fn element(id: &[u8], content: &[u8]) -> Vec<u8> {
    let size = (content.len() as u64 | 1 << 56).to_be_bytes();
    [id, &size, content].concat()
}

fn number(id: &[u8], value: u64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

/// All that comes before the first frame; tracks are numbered from 1.
pub fn head(tracks: &[Codec]) -> Vec<u8> {
    let ebml = [element(&[0x42, 0x82], b"matroska"), number(&[0x42, 0x87], 4), number(&[0x42, 0x85], 2)].concat();
    // Times are in milliseconds.
    let scale = number(&[0x2a, 0xd7, 0xb1], 1_000_000);
    let info = [scale, element(&[0x4d, 0x80], b"unmask"), element(&[0x57, 0x41], b"unmask")].concat();
    let entries: Vec<u8> = (1..).zip(tracks).flat_map(|(number, codec)| entry(number, *codec)).collect();
    [
        element(&[0x1a, 0x45, 0xdf, 0xa3], &ebml),
        [&[0x18, 0x53, 0x80, 0x67][..], &UNKNOWN].concat(),
        element(&[0x15, 0x49, 0xa9, 0x66], &info),
        element(&[0x16, 0x54, 0xae, 0x6b], &entries),
    ]
    .concat()
}

fn entry(track: u64, codec: Codec) -> Vec<u8> {
    let (kind, name): (u64, &[u8]) = match codec {
        Codec::Vp8 => (1, b"V_VP8"),
        Codec::H264 => (1, b"V_MPEG4/ISO/AVC"),
        Codec::Opus => (2, b"A_OPUS"),
    };
    let mut content = [number(&[0xd7], track), number(&[0x73, 0xc5], track), number(&[0x83], kind)].concat();
    content.extend([number(&[0x9c], 0), element(&[0x86], name)].concat());
    if codec == Codec::Opus {
        let rate = element(&[0xb5], &f64::from(OPUS_HZ).to_be_bytes());
        content.extend(element(&[0x63, 0xa2], &OPUS_HEAD));
        content.extend(element(&[0xe1], &[rate, number(&[0x9f], 2)].concat()));
    }
    element(&[0xae], &content)
}

/// Blocks, in clusters as they are needed.
#[derive(Debug, Default)]
pub struct Blocks {
    /// When the open cluster begins.
    cluster_ms: Option<i64>,
}

impl Blocks {
    /// A frame of a track, at a time that is not negative.
    pub fn block(&mut self, track: u8, at_ms: i64, key: bool, data: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(data.len() + 40);
        let fits = |begin: &i64| (-1000..CLUSTER_MS).contains(&(at_ms - begin));
        let begin = self.cluster_ms.filter(fits).unwrap_or_else(|| {
            out.extend([&[0x1f, 0x43, 0xb6, 0x75][..], &UNKNOWN].concat());
            out.extend(number(&[0xe7], at_ms.max(0).unsigned_abs()));
            at_ms.max(0)
        });
        self.cluster_ms = Some(begin);
        let [high, low] = i16::try_from(at_ms - begin).unwrap_or(0).to_be_bytes();
        let head = [0x80 | track, high, low, if key { 0x80 } else { 0 }];
        out.extend(element(&[0xa3], &[&head[..], data].concat()));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_element_says_its_size() {
        assert_eq!(element(&[0xa3], b"ab"), [0xa3, 1, 0, 0, 0, 0, 0, 0, 2, b'a', b'b']);
        assert_eq!(OPUS_HEAD[12..16], OPUS_HZ.to_le_bytes());
    }

    proptest! {
        #[test]
        fn each_block_lies_in_a_cluster_that_its_time_fits(times in proptest::collection::vec(0i64..200_000, 1..60)) {
            let (mut blocks, mut begin) = (Blocks::default(), None);
            for at in times {
                let bytes = blocks.block(1, at, false, b"x");
                let opens = bytes.starts_with(&[0x1f, 0x43, 0xb6, 0x75]);
                if opens {
                    begin = Some(at);
                }
                let relative = i16::from_be_bytes([bytes[bytes.len() - 4], bytes[bytes.len() - 3]]);
                prop_assert_eq!(begin.map(|b| b + i64::from(relative)), Some(at));
            }
        }
    }
}
