//! The same person under several names. In: a face print a call, each with the candidate's name, all with consent.
//! Out: groups of calls that likely show one person under different names, and calls under one name that likely show
//! different people. Only prints of one store are ever compared; a link is a question to ask, not an answer.
//!
//! Calls are put together by complete linkage (T. Sørensen, 1948): a group holds only calls of which each is near every
//! other, so that one middling print does not chain two people together.
//!
//! Worked example: prints a, b, c with distances ab 0.3, bc 0.4, ac 0.6 and `same_at` 0.45: {a, b} is a group, c is
//! not in it, since it is too far from a.

mod config;
mod print;
mod seal;

pub use config::LinkConfig;
pub use print::{Print, SealedPrint};
pub use seal::{Sealed, Vault, VaultError};

use crate::face::distance;

/// Calls that likely show one person.
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

/// Two calls under one name that likely show different people.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Mismatch {
    /// The name.
    pub candidate: String,
    /// The calls.
    pub calls: [String; 2],
    /// Their distance.
    pub distance: f32,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Links {
    /// One person, several names.
    pub groups: Vec<Group>,
    /// One name, several people.
    pub mismatches: Vec<Mismatch>,
    /// Calls without a print that carries a comparison.
    pub not_compared: Vec<String>,
}

/// Compares every call with every other. The order of `prints` does not matter.
pub fn link(prints: &[Print], config: &LinkConfig) -> Links {
    let (mut clear, unclear): (Vec<&Print>, Vec<&Print>) = prints.iter().partition(|p| p.views >= config.min_views);
    clear.sort_by(|a, b| a.call.cmp(&b.call));
    let mut not_compared: Vec<String> = unclear.into_iter().map(|p| p.call.clone()).collect();
    not_compared.sort();
    let apart = |i: usize, j: usize| distance(&clear[i].embedding, &clear[j].embedding);
    let mut groups: Vec<Group> = Vec::new();
    for cluster in clusters(clear.len(), &apart, config.same_at) {
        let member = |i: &usize| Member { call: clear[*i].call.clone(), candidate: clear[*i].candidate.clone() };
        let calls: Vec<Member> = cluster.iter().map(member).collect();
        let several = calls.iter().any(|m| m.candidate != calls[0].candidate);
        if several {
            let farthest = pairs(&cluster).map(|(i, j)| apart(i, j)).fold(0.0, f32::max);
            groups.push(Group { calls, farthest });
        }
    }
    let all: Vec<usize> = (0..clear.len()).collect();
    let of_one_name = pairs(&all).filter(|(i, j)| clear[*i].candidate == clear[*j].candidate);
    let mismatches = of_one_name.filter(|(i, j)| apart(*i, *j) >= config.different_at).map(|(i, j)| Mismatch {
        candidate: clear[i].candidate.clone(),
        calls: [clear[i].call.clone(), clear[j].call.clone()],
        distance: apart(i, j),
    });
    Links { groups, mismatches: mismatches.collect(), not_compared }
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
        Print { call: call.into(), candidate: candidate.into(), views: 20, embedding: at.to_vec(), portrait: vec![] }
    }

    fn config() -> LinkConfig {
        LinkConfig { same_at: 0.45, different_at: 0.7, min_views: 8 }
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
        let links = link(&prints, &config());
        assert_eq!(links.groups.len(), 1, "one name twice is no finding: {links:?}");
        let calls: Vec<&str> = links.groups[0].calls.iter().map(|m| m.call.as_str()).collect();
        assert_eq!(calls, ["a", "b"]);
        assert!(links.mismatches.is_empty());
    }

    #[test]
    fn two_people_under_one_name_are_named_and_poor_views_are_left_out() {
        let mut poor = print("z", "Ada", &[0.0, 0.0]);
        poor.views = 2;
        let links = link(&[print("a", "Ada", &[0.0, 0.0]), print("b", "Ada", &[0.9, 0.0]), poor], &config());
        assert_eq!(links.mismatches.len(), 1);
        assert_eq!(links.mismatches[0].calls, ["a", "b"]);
        assert_eq!(links.not_compared, ["z"]);
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
            prop_assert!(links.groups.iter().all(|g| g.farthest <= 0.45 && g.calls.len() > 1));
            let n = prints.len().max(1);
            prints.rotate_left(turn % n);
            prop_assert_eq!(links, link(&prints, &config()));
        }
    }
}
