//! Lists and sessions that lead elsewhere. In: the first bytes of a file. Out: what it is, when it is no recording but
//! names others. Whoever sends one could make the decoder ask addresses for it.

/// How much of a file is looked at.
pub const HEAD: usize = 1024;

/// How each begins, in lower case, behind blanks; the ones that are XML all begin alike.
const BEGINS: [(&[u8], &str); 9] = [
    (b"#extm3u", "an HLS playlist"),
    (b"<", "an XML document (a DASH or Smooth Streaming manifest is one)"),
    (b"v=0", "a session description (SDP)"),
    (b"[playlist]", "a playlist"),
    (b"[reference]", "a playlist"),
    (b"ffconcat", "a playlist"),
    (b"rtsptext", "an RTSP link"),
    (b"http://", "a list of addresses"),
    (b"rtsp://", "a list of addresses"),
];

/// What these first bytes of a file say that it is, when it is no recording but leads to others.
pub fn playlist(head: &[u8]) -> Option<&'static str> {
    let head = head.get(..HEAD).unwrap_or(head);
    // UTF-16 is read by some as well; without its zeros and its mark it looks like plain text.
    let text: Vec<u8> = head.iter().filter(|b| !matches!(b, 0 | 0xef | 0xbb | 0xbf | 0xfe | 0xff)).copied().collect();
    let text = text.trim_ascii_start().to_ascii_lowercase();
    BEGINS.iter().find(|(begin, _)| text.starts_with(begin)).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_elsewhere_is_named() {
        for list in [
            "#EXTM3U\n#EXT-X-VERSION:3",
            "\u{feff} \r\n#extm3u",
            "<?xml version=\"1.0\"?><MPD>",
            "<SmoothStreamingMedia>",
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1",
            "[playlist]\nFile1=http://",
            "ffconcat version 1.0",
            "RTSPtext\nrtsp://h/",
        ] {
            assert!(playlist(list.as_bytes()).is_some(), "{list}");
        }
        let wide: Vec<u8> = "\u{feff}#EXTM3U".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(playlist(&wide).is_some());
    }

    #[test]
    fn recordings_are_none() {
        for head in
            [&b"\0\0\0\x20ftypisom"[..], b"\x1aE\xdf\xa3", b"RIFF\x24\0\0\0WAVE", b"OggS", b"fLaC", b"GIF89a", b""]
        {
            assert_eq!(playlist(head), None);
        }
    }
}
