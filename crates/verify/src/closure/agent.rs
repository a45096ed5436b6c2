//! What a client calls itself.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::text::OUTER;
use super::words::short_number;
use super::{Broken, Context, Residue, blanks};
use crate::verifier::Verifier;

impl Verifier {
    /// Families with versions and comments for an own actor, bare families for anybody else.
    pub(crate) fn agent(&self, text: &str, at: Context) -> Result<Residue, Broken> {
        let mut residue = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let end = self.family(rest).or_else(|| {
                let chunk = rest.split(' ').next()?;
                at.own_actor
                    .then(|| self.product(chunk).then_some(chunk.len()))
                    .flatten()
            });
            let end = if let Some(end) = end {
                residue.extend(blanks(rest.get(..end).unwrap_or_default()));
                end
            } else if at.own_actor {
                let chunk = rest.split(' ').next().unwrap_or(rest);
                let core = chunk.trim_matches(OUTER);
                if self.product(core) || self.profile.vocabulary.agents.contains(core) {
                    residue.extend(blanks(chunk));
                } else {
                    residue.push_str(&self.chunk(chunk, at).ok_or("closure.agent")?.residue);
                }
                chunk.len()
            } else {
                return Err("closure.agent.foreign");
            };
            rest = match rest.get(end..) {
                None | Some("") => "",
                Some(tail) => {
                    residue.push(' ');
                    tail.strip_prefix(' ')
                        .filter(|tail| !tail.is_empty())
                        .ok_or("closure.agent")?
                }
            };
        }
        Ok(Residue::text(residue))
    }

    /// Where a product family that stands here alone ends; the longest one.
    fn family(&self, rest: &str) -> Option<usize> {
        family(&self.profile.vocabulary.agents, rest)
    }

    /// `Family/1.2.3`.
    fn product(&self, chunk: &str) -> bool {
        chunk.split_once('/').is_some_and(|(family, version)| {
            self.profile.vocabulary.agents.contains(family)
                && version.split('.').count() <= 3
                && version.split('.').all(|part| short_number(part, 6))
        })
    }
}

/// Of the families that begin with the first word, the longest that ends at the end or before a space; before
/// one of the first three.
fn family(families: &BTreeSet<Box<str>>, rest: &str) -> Option<usize> {
    let word = rest.split(' ').next()?;
    let alike = families
        .range::<str, _>((Bound::Included(word), Bound::Unbounded))
        .map(AsRef::as_ref)
        .take_while(|family: &&str| family.starts_with(word));
    let stands = |family: &&str| match rest.strip_prefix(*family) {
        Some("") => true,
        Some(tail) => tail.starts_with(' ') && family.matches(' ').count() < 3,
        None => false,
    };
    alike.filter(stands).map(str::len).max()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The obvious way asks for each of the texts.
        #[test]
        fn families_are_found_by_their_first_word(
            families in proptest::collection::btree_set("[ab]{0,2}( [ab]{0,1}){0,4}", 0..12),
            rest in "[ab]{0,2}( [ab]{0,1}){0,5}",
        ) {
            let families: BTreeSet<Box<str>> = families.into_iter().map(Into::into).collect();
            let spaces = rest.match_indices(' ').map(|(at, _)| at).take(3);
            let ends = spaces.chain(std::iter::once(rest.len()));
            let expected = ends.filter(|end| families.contains(&rest[..*end])).max();
            prop_assert_eq!(family(&families, &rest), expected);
        }
    }
}
