//! The archive's own bytes. In: a part's name and size. Out: the only header, padding and end that a bundle may have.

/// Parts begin at multiples of this.
pub const BLOCK: u64 = 512;

/// Zeros that end an archive.
pub const END: u64 = 2 * BLOCK;

/// Longest name of a part; ustar has room for 100.
const MAX_NAME: usize = 100;

/// A name that means the same everywhere: small letters, digits, `.`, `-` and `_`, at most one folder deep, and no
/// dot in front.
pub fn is_valid_name(name: &str) -> bool {
    let sound = |part: &str| {
        let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ['.', '-', '_'].contains(&c);
        !part.is_empty() && !part.starts_with('.') && part.chars().all(known)
    };
    name.len() <= MAX_NAME && name.split('/').count() <= 2 && name.split('/').all(sound)
}

/// The header of a part whose name [`is_valid_name`]; no owner, no time.
pub fn header(name: &str, bytes: u64) -> [u8; BLOCK as usize] {
    let mut header = tar::Header::new_ustar();
    header.set_path(name).expect("BUG: a valid name fits a header");
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(bytes);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    *header.as_bytes()
}

/// The size that a header declares, when it is the very header of a part with this name.
pub fn declared(block: &[u8], name: &str) -> Option<u64> {
    let found = tar::Header::from_byte_slice(block.get(..BLOCK as usize)?).size().ok()?;
    (block == header(name, found)).then_some(found)
}

/// Zeros behind so many bytes.
pub fn padding(bytes: u64) -> u64 {
    bytes.next_multiple_of(BLOCK) - bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Read;

    #[test]
    fn names_that_lead_elsewhere_are_no_names() {
        for name in ["records.jsonl", "stills/3-during.jpg", "a"] {
            assert!(is_valid_name(name), "{name}");
        }
        for name in ["", "/a", "../a", "a/../b", "a/b/c", ".a", "a/.b", "a//b", "A", "a\\b", "a b", "a\u{1b}[2J", "ä"]
        {
            assert!(!is_valid_name(name), "{name}");
        }
        assert!(!is_valid_name(&"a".repeat(101)));
    }

    proptest! {
        #[test]
        fn any_tar_reads_what_is_written(name in "[a-z0-9_-]{1,40}(/[a-z0-9_-]{1,40})?", content in proptest::collection::vec(any::<u8>(), 0..1500)) {
            let mut archive = header(&name, content.len() as u64).to_vec();
            prop_assert_eq!(declared(&archive, &name), Some(content.len() as u64));
            archive.extend(&content);
            archive.resize(archive.len() + (padding(content.len() as u64) + END) as usize, 0);
            let mut archive = tar::Archive::new(archive.as_slice());
            let mut entries = archive.entries().unwrap();
            let mut entry = entries.next().unwrap().unwrap();
            prop_assert_eq!(entry.path_bytes(), name.as_bytes());
            let mut read = Vec::new();
            entry.read_to_end(&mut read).unwrap();
            prop_assert_eq!(read, content);
            prop_assert!(entries.next().is_none());
        }

        #[test]
        fn sizes_up_to_a_terabyte_are_declared(bytes in 0u64..1 << 40) {
            prop_assert_eq!(declared(&header("a", bytes), "a"), Some(bytes));
            prop_assert_eq!((bytes + padding(bytes)) % BLOCK, 0);
        }
    }
}
