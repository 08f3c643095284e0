//! The same person under several names. In: a face and a voice print a call, each with the candidate's name, all with
//! consent. Out: groups of calls that likely have one person under different names, and calls under one name that likely
//! have different people, once by face and once by voice. Only prints of one store are ever compared; a link is a
//! question to ask, not an answer.
//!
//! The two are kept apart: a mask changes the face and leaves the voice, a changer the other way round, and that one
//! agrees where the other does not is what a reviewer should see. A call's voice is the one heard most in it, which is
//! the interviewer's where the candidate says little: then the interviewer's calls are what voices put together.
//!
//! Calls are put together by complete linkage (T. Sørensen, 1948): a group holds only calls of which each is near every
//! other, so that one middling print does not chain two people together.
//!
//! Worked example: faces a, b, c with distances ab 0.3, bc 0.4, ac 0.6 and `same_face_at` 0.45: {a, b} is a group, c is
//! not in it, since it is too far from a.

mod config;
mod print;
mod seal;

pub use config::{Limits, LinkConfig};
pub use print::{FacePrint, Print, VoicePrint};
pub use seal::{Sealed, Vault, VaultError};

use crate::face::distance;
use crate::voice::cosine;

/// Calls that likely have one person.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Group {
    /// Calls, in order of name.
    pub calls: Vec<Member>,
    /// Largest distance between two of them.
    pub farthest: f32,
}

/// A call of a group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Member {
    /// Name of the call's results.
    pub call: String,
    /// The candidate's name, as given.
    pub candidate: String,
}

/// Two calls under one name that likely have different people.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Mismatch {
    /// The name.
    pub candidate: String,
    /// The calls.
    pub calls: [String; 2],
    /// Their distance.
    pub distance: f32,
}

/// What was found by one kind of print.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Found {
    /// One person, several names.
    pub groups: Vec<Group>,
    /// One name, several people.
    pub mismatches: Vec<Mismatch>,
    /// Calls without a print that carries a comparison.
    pub not_compared: Vec<String>,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Links {
    /// By face.
    pub face: Found,
    /// By voice.
    pub voice: Found,
}

/// One of a call's two prints.
struct Sample<'a> {
    print: &'a Print,
    count: u32,
    embedding: &'a [f32],
}

impl<'a> Sample<'a> {
    fn face(print: &'a Print) -> Option<Self> {
        let FacePrint { views, embedding, .. } = print.face.as_ref()?;
        Some(Self { print, count: *views, embedding })
    }

    fn voice(print: &'a Print) -> Option<Self> {
        let VoicePrint { windows, embedding } = print.voice.as_ref()?;
        Some(Self { print, count: *windows, embedding })
    }
}

/// Compares every call with every other. The order of `prints` does not matter.
pub fn link(prints: &[Print], config: &LinkConfig) -> Links {
    let apart = |a: &[f32], b: &[f32]| 1.0 - cosine(a, b);
    Links {
        face: compare(prints, Sample::face, distance, config.face()),
        voice: compare(prints, Sample::voice, apart, config.voice()),
    }
}

fn compare<'a>(
    prints: &'a [Print],
    sample: impl Fn(&'a Print) -> Option<Sample<'a>>,
    distance: impl Fn(&[f32], &[f32]) -> f32,
    limits: Limits,
) -> Found {
    let mut prints: Vec<&Print> = prints.iter().collect();
    prints.sort_by(|a, b| a.call.cmp(&b.call));
    let (mut clear, mut not_compared) = (Vec::new(), Vec::new());
    for print in prints {
        match sample(print).filter(|s| s.count >= limits.needs) {
            Some(sample) => clear.push(sample),
            None => not_compared.push(print.call.clone()),
        }
    }
    let apart = |i: usize, j: usize| distance(clear[i].embedding, clear[j].embedding);
    let mut groups: Vec<Group> = Vec::new();
    for cluster in clusters(clear.len(), &apart, limits.same_at) {
        let member = |i: &usize| {
            let Print { call, candidate, .. } = clear[*i].print;
            Member { call: call.clone(), candidate: candidate.clone() }
        };
        let calls: Vec<Member> = cluster.iter().map(member).collect();
        if calls.iter().any(|m| m.candidate != calls[0].candidate) {
            let farthest = pairs(&cluster).map(|(i, j)| apart(i, j)).fold(0.0, f32::max);
            groups.push(Group { calls, farthest });
        }
    }
    let all: Vec<usize> = (0..clear.len()).collect();
    let of_one_name = pairs(&all).filter(|(i, j)| clear[*i].print.candidate == clear[*j].print.candidate);
    let mismatches = of_one_name.filter(|(i, j)| apart(*i, *j) >= limits.different_at).map(|(i, j)| Mismatch {
        candidate: clear[i].print.candidate.clone(),
        calls: [clear[i].print.call.clone(), clear[j].print.call.clone()],
        distance: apart(i, j),
    });
    Found { groups, mismatches: mismatches.collect(), not_compared }
}

/// Complete linkage: joins the nearest two clusters as long as no two of their members are further apart than
/// `limit`. Clusters of one are left out; ties go to the lower numbers.
fn clusters(n: usize, apart: &dyn Fn(usize, usize) -> f32, limit: f32) -> Vec<Vec<usize>> {
    let mut clusters: Vec<Vec<usize>> = (0..n).map(|i| vec![i]).collect();
    let mut near: Vec<(f32, usize, usize)> = Vec::new();
    for i in 0..n {
        for j in i + 1..n {
            let d = apart(i, j);
            if d <= limit {
                near.push((d, i, j));
            }
        }
    }
    near.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    for (_, i, j) in near {
        let of = |k: usize, clusters: &[Vec<usize>]| clusters.iter().position(|c| c.contains(&k));
        let (Some(a), Some(b)) = (of(i, &clusters), of(j, &clusters)) else { continue };
        let joins = a != b && clusters[a].iter().all(|x| clusters[b].iter().all(|y| apart(*x, *y) <= limit));
        if joins {
            let moved = std::mem::take(&mut clusters[b]);
            clusters[a].extend(moved);
            clusters[a].sort_unstable();
        }
    }
    clusters.retain(|c| c.len() > 1);
    clusters.sort();
    clusters
}

fn pairs(items: &[usize]) -> impl Iterator<Item = (usize, usize)> + '_ {
    items.iter().enumerate().flat_map(move |(k, i)| items[k + 1..].iter().map(move |j| (*i, *j)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn print(call: &str, candidate: &str, at: &[f32]) -> Print {
        let face = Some(FacePrint { views: 20, embedding: at.to_vec(), portrait: String::new() });
        Print { call: call.into(), candidate: candidate.into(), face, voice: None }
    }

    fn speaking(mut print: Print, at: [f32; 2]) -> Print {
        print.voice = Some(VoicePrint { windows: 20, embedding: at.to_vec() });
        print
    }

    fn config() -> LinkConfig {
        LinkConfig { same_face_at: 0.45, different_face_at: 0.7, min_views: 8, ..LinkConfig::default() }
    }

    fn calls(group: &Group) -> Vec<&str> {
        group.calls.iter().map(|m| m.call.as_str()).collect()
    }

    #[test]
    fn one_person_under_two_names_is_a_group() {
        let prints = [
            print("a", "Ada", &[0.0, 0.0]),
            print("b", "Bob", &[0.3, 0.0]),
            print("c", "Cy", &[0.6, 0.0]),
            print("d", "Dee", &[5.0, 0.0]),
            print("e", "Dee", &[5.1, 0.0]),
        ];
        let links = link(&prints, &config()).face;
        assert_eq!(links.groups.len(), 1, "one name twice is no finding: {links:?}");
        assert_eq!(calls(&links.groups[0]), ["a", "b"]);
        assert!(links.mismatches.is_empty());
    }

    #[test]
    fn one_voice_behind_two_faces_is_a_group_of_its_own() {
        let prints = [
            speaking(print("a", "Ada", &[0.0, 0.0]), [1.0, 0.0]),
            speaking(print("b", "Bob", &[5.0, 0.0]), [0.9, 0.1]),
            speaking(print("c", "Bob", &[5.1, 0.0]), [0.0, 1.0]),
        ];
        let Links { face, voice } = link(&prints, &config());
        assert!(face.groups.is_empty() && face.mismatches.is_empty());
        assert_eq!(voice.groups.iter().map(calls).collect::<Vec<_>>(), [["a", "b"]]);
        assert_eq!(voice.mismatches.iter().map(|m| &m.candidate).collect::<Vec<_>>(), ["Bob"]);
    }

    #[test]
    fn two_people_under_one_name_are_named_and_poor_views_are_left_out() {
        let mut poor = print("z", "Ada", &[0.0, 0.0]);
        poor.face.as_mut().unwrap().views = 2;
        let unseen = Print { face: None, ..print("y", "Ada", &[]) };
        let links = link(&[print("a", "Ada", &[0.0, 0.0]), poor, unseen, print("b", "Ada", &[0.9, 0.0])], &config());
        assert_eq!(links.face.mismatches.len(), 1);
        assert_eq!(links.face.mismatches[0].calls, ["a", "b"]);
        assert_eq!(links.face.not_compared, ["y", "z"]);
        assert_eq!(links.voice.not_compared, ["a", "b", "y", "z"]);
    }

    proptest! {
        #[test]
        fn groups_are_tight_and_do_not_depend_on_the_order(
            at in prop::collection::vec((0.0f32..2.0, 0.0f32..2.0), 0..24), turn in 0usize..24
        ) {
            let mut prints: Vec<Print> = at
                .iter()
                .enumerate()
                .map(|(i, (x, y))| print(&format!("c{i:02}"), &format!("n{i:02}"), &[*x, *y]))
                .collect();
            let links = link(&prints, &config());
            prop_assert!(links.face.groups.iter().all(|g| g.farthest <= 0.45 && g.calls.len() > 1));
            let n = prints.len().max(1);
            prints.rotate_left(turn % n);
            prop_assert_eq!(links, link(&prints, &config()));
        }
    }
}
