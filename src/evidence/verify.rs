//! Checks a bundle. In: its bytes, which may be anything. Out: for every part and every byte around the parts, whether
//! it is as it was signed; nothing is unpacked, and memory is bounded by the largest manifest.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Take};

use sha2::{Digest, Sha256};

use super::container::{BLOCK, END, declared, header, padding};
use super::manifest::{MANIFEST, MAX_MANIFEST, SIGNATURE, signature_bytes};
use super::{EvidenceError, Manifest, PartInfo, PublicKey, Signature};
use crate::infer::hex;

/// What was found of one part, or of the container around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// A part's name, or `container header of <part>`, `container padding behind <part>`, `container end`.
    pub name: String,
    /// How it is.
    pub state: State,
}

/// How a part is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// As it was signed.
    Ok,
    /// Not as it was signed; how one knows.
    Altered(&'static str),
    /// What would tell was altered itself.
    Unknown,
}

/// A checked bundle.
#[derive(Debug, Clone)]
pub struct Verification {
    /// Every part; of the container only what was altered.
    pub checks: Vec<Check>,
    /// What is in the bundle; none when that cannot be read. Trust it only when nothing was altered.
    pub manifest: Option<Manifest>,
    /// Whose signature it is, when it fits the manifest.
    pub key: Option<PublicKey>,
    /// Size of the manifest as it was found.
    manifest_bytes: u64,
}

impl Verification {
    /// What was altered; empty for a bundle in order.
    pub fn altered(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| matches!(check.state, State::Altered(_)))
    }

    /// The names of what was altered, for messages; none for a bundle in order.
    pub fn altered_names(&self) -> Option<String> {
        let names: Vec<&str> = self.altered().map(|check| check.name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// A part, to be read from the bundle that was checked; none when it holds no such part.
    pub fn open_part(&self, mut bundle: File, name: &str) -> io::Result<Option<Take<File>>> {
        let whole = |bytes: u64| BLOCK + bytes + padding(bytes);
        let mut at = whole(self.manifest_bytes) + whole(signature_bytes());
        for part in self.manifest.iter().flat_map(|manifest| &manifest.parts) {
            if part.name == name {
                bundle.seek(SeekFrom::Start(at + BLOCK))?;
                return Ok(Some(bundle.take(part.bytes)));
            }
            at += whole(part.bytes);
        }
        Ok(None)
    }
}

/// Checks a bundle; `name` is for messages.
pub fn verify(bundle: impl Read, name: &str) -> Result<Verification, EvidenceError> {
    let read = |source| EvidenceError::Read { name: name.into(), source };
    let mut reader = Reader { from: BufReader::with_capacity(1 << 16, bundle), checks: Vec::new() };
    let Some(text) = reader.manifest().map_err(read)? else {
        let reason = "it does not begin with a manifest".into();
        return Err(EvidenceError::NotABundle { name: name.into(), reason });
    };
    let judged = reader.signature(&text).map_err(read)?;
    let manifest = match Manifest::parse(&text) {
        // Signed, yet such as no bundle of ours has: made by somebody to do harm.
        Err(reason) if judged.vouched => return Err(EvidenceError::Refused { name: name.into(), reason }),
        parsed => parsed.ok(),
    };
    match (&manifest, &judged.parts_are) {
        (Some(manifest), Some(fitting)) => reader.parts(manifest, fitting).map_err(read)?,
        (Some(manifest), None) => {
            let unknown = |part: &PartInfo| Check { name: part.name.clone(), state: State::Unknown };
            reader.checks.extend(manifest.parts.iter().map(unknown));
        }
        (None, _) => {}
    }
    Ok(Verification { checks: reader.checks, manifest, key: judged.key, manifest_bytes: text.len() as u64 })
}

/// What manifest and signature say of each other.
struct Judged {
    /// Whose signature it is, when it fits the manifest.
    key: Option<PublicKey>,
    /// The manifest is as it was signed.
    vouched: bool,
    /// How parts are that fit the manifest; none when it cannot be used at all.
    parts_are: Option<State>,
}

struct Reader<R> {
    from: R,
    checks: Vec<Check>,
}

impl<R: Read> Reader<R> {
    fn check(&mut self, name: impl Into<String>, state: State) {
        self.checks.push(Check { name: name.into(), state });
    }

    fn altered(&mut self, name: impl Into<String>, how: &'static str) {
        self.check(name, State::Altered(how));
    }

    /// Up to so many bytes; fewer at the end.
    fn take(&mut self, bytes: u64) -> io::Result<Vec<u8>> {
        let mut taken = Vec::new();
        self.from.by_ref().take(bytes).read_to_end(&mut taken)?;
        Ok(taken)
    }

    /// The manifest with its header and padding, and the signature's header; none when there is no manifest.
    fn manifest(&mut self) -> io::Result<Option<Vec<u8>>> {
        let first = self.take(BLOCK)?;
        let size = declared(&first, MANIFEST).filter(|size| (1..=MAX_MANIFEST).contains(size));
        if let Some(size) = size {
            let text = self.take(size)?;
            self.padding(MANIFEST, size)?;
            self.header(SIGNATURE, signature_bytes())?;
            return Ok(Some(text));
        }
        // The header was altered: the manifest ends where the signature's header is, and JSON does not end in zeros.
        let (mut text, next) = (Vec::new(), header(SIGNATURE, signature_bytes()));
        while (text.len() as u64) < MAX_MANIFEST {
            let block = self.take(BLOCK)?;
            if block == next {
                let size = text.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
                text.truncate(size);
                self.altered(format!("container header of {MANIFEST}"), "not the header of such a part");
                return Ok(Some(text));
            }
            if (block.len() as u64) < BLOCK {
                break;
            }
            text.extend(block);
        }
        Ok(None)
    }

    /// Judges manifest and signature.
    fn signature(&mut self, manifest: &[u8]) -> io::Result<Judged> {
        let text = self.take(signature_bytes())?;
        let signature = Signature::parse(&text);
        let found = hex(&Sha256::digest(manifest));
        let altered = State::Altered;
        let (of_manifest, of_signature, parts_are) = match &signature {
            Some(s) if s.fits(&found) && s.manifest_sha256 == found => (State::Ok, State::Ok, Some(State::Ok)),
            Some(s) if s.fits(&found) => (State::Ok, altered("names another manifest than it signs"), Some(State::Ok)),
            Some(s) if s.fits(&s.manifest_sha256) => (altered("not what was signed"), State::Ok, None),
            Some(s) if s.manifest_sha256 == found => {
                (State::Unknown, altered("does not fit its key"), Some(State::Unknown))
            }
            Some(_) => {
                let how = "manifest and signature do not fit each other";
                (altered(how), altered(how), None)
            }
            None => (State::Unknown, altered("not as signatures are written"), Some(State::Unknown)),
        };
        let vouched = of_manifest == State::Ok;
        self.check(MANIFEST, of_manifest);
        self.check(SIGNATURE, of_signature);
        self.padding(SIGNATURE, signature_bytes())?;
        Ok(Judged { key: signature.filter(|_| vouched).and_then(|s| s.key()), vouched, parts_are })
    }

    /// Every other part; those that fit the manifest are as `fitting` says.
    fn parts(&mut self, manifest: &Manifest, fitting: &State) -> io::Result<()> {
        for part in &manifest.parts {
            self.header(&part.name, part.bytes)?;
            let mut hash = Sha256::new();
            let size = io::copy(&mut self.from.by_ref().take(part.bytes), &mut hash)?;
            if size < part.bytes {
                self.altered(&part.name, "cut off");
                continue;
            }
            let same = hex(&hash.finalize()) == part.sha256;
            self.check(&part.name, if same { fitting.clone() } else { State::Altered("its SHA-256 is another") });
            self.padding(&part.name, part.bytes)?;
        }
        if !self.zeros(END)? {
            self.altered("container end", "not the zeros that end an archive");
        }
        if !self.take(1)?.is_empty() {
            self.altered("container end", "something was put behind it");
        }
        Ok(())
    }

    fn header(&mut self, name: &str, bytes: u64) -> io::Result<()> {
        if self.take(BLOCK)? != header(name, bytes) {
            self.altered(format!("container header of {name}"), "not the header of such a part");
        }
        Ok(())
    }

    fn padding(&mut self, name: &str, bytes: u64) -> io::Result<()> {
        if !self.zeros(padding(bytes))? {
            self.altered(format!("container padding behind {name}"), "not zeros");
        }
        Ok(())
    }

    fn zeros(&mut self, bytes: u64) -> io::Result<bool> {
        let found = self.take(bytes)?;
        Ok(found.len() as u64 == bytes && found.iter().all(|&byte| byte == 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::evidence::{Content, SecretKey, Signature, make};
    use crate::report::test_records::records;
    use crate::report::{Moment, Still};
    use crate::types::record::Record;
    use proptest::prelude::*;
    use std::time::UNIX_EPOCH;

    fn key() -> SecretKey {
        SecretKey::from_seed(&[7; 32])
    }

    /// A small bundle: a recording of two segments, a few records, two stills.
    fn bundle() -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let (input, lines, out) = (dir.path().join("a.mp4"), dir.path().join("a.jsonl"), dir.path().join("a.evidence"));
        std::fs::write(&input, vec![5; 70_000]).unwrap();
        std::fs::write(&lines, "{}\n").unwrap();
        let Some(Record::Start(mut start)) = records(1.0).into_iter().next() else { panic!() };
        start.source.sha256 = Some(hex(&Sha256::digest(vec![5; 70_000])));
        let still = |moment, jpeg: &[u8]| Still {
            event: 2,
            moment,
            pts_s: 1.0,
            width: 8,
            height: 8,
            jpeg: jpeg.to_vec(),
            faces: Vec::new(),
        };
        let stills = [still(Moment::Before, b"a jpeg"), still(Moment::During, &[9; 512])];
        let config = Config::default();
        let (html, input) = (&b"<!doctype html>"[..], Some(input.as_path()));
        let content = Content { start: &start, config: &config, records: &lines, html, stills: &stills, input };
        make(&content, &key(), UNIX_EPOCH, &out).unwrap();
        let first = std::fs::read(&out).unwrap();
        make(&content, &key(), UNIX_EPOCH, &out).unwrap();
        assert_eq!(std::fs::read(&out).unwrap(), first, "equal content gives equal bytes");
        first
    }

    /// What each byte of a bundle belongs to.
    fn owners(bytes: &[u8]) -> Vec<String> {
        let manifest = verify(bytes, "x").unwrap().manifest.unwrap();
        let text = manifest.text().unwrap().len() as u64;
        let mut parts = vec![(MANIFEST.to_owned(), text), (SIGNATURE.to_owned(), signature_bytes())];
        parts.extend(manifest.parts.iter().map(|part| (part.name.clone(), part.bytes)));
        let mut owners = Vec::new();
        for (name, size) in parts {
            owners.extend(vec![format!("container header of {name}"); BLOCK as usize]);
            owners.extend(vec![name.clone(); size as usize]);
            owners.extend(vec![format!("container padding behind {name}"); padding(size) as usize]);
        }
        owners.extend(vec!["container end".to_owned(); END as usize]);
        owners
    }

    #[test]
    fn a_bundle_in_order_is_in_order() {
        let bytes = bundle();
        let found = verify(&*bytes, "x").unwrap();
        assert_eq!(found.altered_names(), None);
        assert_eq!(found.key, Some(key().public()));
        assert!(found.checks.iter().all(|check| check.state == State::Ok));
        let names: Vec<&str> = found.checks.iter().map(|check| check.name.as_str()).collect();
        let stills = ["stills/3-before.jpg", "stills/3-during.jpg"];
        let others = ["config.json", "records.jsonl", "report.html", "input-chain.txt"];
        assert_eq!(names, [&[MANIFEST, SIGNATURE], &others[..], &stills].concat());
        let mut archive = tar::Archive::new(&*bytes);
        assert_eq!(archive.entries().unwrap().count(), names.len(), "any tar opens it");
    }

    #[test]
    fn every_flipped_bit_is_found_and_named() {
        let bytes = bundle();
        let owners = owners(&bytes);
        assert_eq!(owners.len(), bytes.len());
        let halves = [0..bytes.len() / 2, bytes.len() / 2..bytes.len()];
        std::thread::scope(|scope| {
            for range in halves {
                let (mut altered, owners) = (bytes.clone(), &owners);
                scope.spawn(move || {
                    for at in range {
                        for bit in 0..8 {
                            altered[at] ^= 1 << bit;
                            let names = verify(&*altered, "x").unwrap().altered_names();
                            assert_eq!(names.as_ref(), Some(&owners[at]), "bit {bit} of byte {at}");
                            altered[at] ^= 1 << bit;
                        }
                    }
                });
            }
        });
    }

    #[test]
    fn what_is_cut_off_or_put_behind_is_named() {
        let bytes = bundle();
        for end in (600..bytes.len()).step_by(97) {
            match verify(&bytes[..end], "x") {
                Ok(found) => assert!(found.altered().count() > 0, "{end}"),
                Err(error) => assert!(matches!(error, EvidenceError::NotABundle { .. }), "{end}: {error}"),
            }
        }
        let longer = [&bytes[..], b"\0"].concat();
        assert_eq!(verify(&*longer, "x").unwrap().altered_names().as_deref(), Some("container end"));
        let doubled = [&bytes[..], &bytes[..]].concat();
        assert_eq!(verify(&*doubled, "x").unwrap().altered_names().as_deref(), Some("container end"));
    }

    /// A bundle of this manifest alone, signed.
    fn signed(manifest: &[u8]) -> Vec<u8> {
        let signature = Signature::of(manifest, &key()).text().unwrap();
        let mut out = Vec::new();
        for (name, text) in [(MANIFEST, manifest), (SIGNATURE, &signature)] {
            out.extend(header(name, text.len() as u64));
            out.extend(text);
            out.resize(out.len() + padding(text.len() as u64) as usize, 0);
        }
        out
    }

    #[test]
    fn what_is_signed_to_do_harm_is_refused() {
        let manifest = verify(&*bundle(), "x").unwrap().manifest.unwrap();
        let refused = |change: &dyn Fn(&mut Manifest), reason: &str| {
            let mut manifest = manifest.clone();
            change(&mut manifest);
            let error = verify(&*signed(&manifest.text().unwrap()), "x").unwrap_err().to_string();
            assert!(error.contains("refused") && error.contains(reason), "{error}");
        };
        refused(&|m| m.parts[1].name = "../../etc/passwd".into(), "no name for a part");
        refused(&|m| m.parts[1].name = "/records.jsonl".into(), "no name for a part");
        refused(&|m| m.parts[1].name = "config.json".into(), "twice");
        refused(&|m| m.parts[1].name = MANIFEST.into(), "twice");
        refused(&|m| m.parts[1].bytes = u64::MAX, "bytes, more than");
        refused(&|m| m.parts = vec![m.parts[0].clone(); 5000], "more than 3100 parts");
        refused(&|m| m.schema = "unmask-evidence/2".into(), "schema");
        assert!(matches!(verify(&b"hello"[..], "x"), Err(EvidenceError::NotABundle { .. })));
        assert!(matches!(verify(io::repeat(0), "x"), Err(EvidenceError::NotABundle { .. })), "endless zeros end");
    }

    #[test]
    fn another_key_signs_but_is_another_key() {
        let bytes = bundle();
        let found = verify(&*bytes, "x").unwrap();
        let mut manifest = found.manifest.unwrap();
        manifest.parts.clear();
        manifest.input.uri = "another.mp4".into();
        let mut forged = signed(&manifest.text().unwrap());
        forged.resize(forged.len() + END as usize, 0);
        let found = verify(&*forged, "x").unwrap();
        assert_eq!((found.altered_names(), found.key), (None, Some(key().public())));
        // The same manifest under the old signature is not vouched for.
        let old = Signature::of(b"other", &SecretKey::from_seed(&[8; 32]));
        let mut text = manifest.text().unwrap();
        text.insert(text.len() - 1, b' ');
        let mut forged = signed(&text);
        let at = forged.len() - (signature_bytes() + padding(signature_bytes())) as usize;
        forged[at..at + signature_bytes() as usize].copy_from_slice(&old.text().unwrap());
        assert_eq!(verify(&*forged, "x").unwrap().altered_names().as_deref(), Some(MANIFEST));
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(mut bytes in proptest::collection::vec(any::<u8>(), 0..3000), size in 0u64..3000) {
            let _either = verify(&*bytes, "x");
            bytes.splice(0..0, header(MANIFEST, size));
            let _either = verify(&*bytes, "x");
        }
    }
}
