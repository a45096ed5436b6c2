//! What a client calls itself.

use super::text::OUTER;
use super::words::short_number;
use super::{BLANK, Broken, Context, Residue};
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
                residue.push(BLANK);
                end
            } else if at.own_actor {
                let chunk = rest.split(' ').next().unwrap_or(rest);
                let core = chunk.trim_matches(OUTER);
                if self.product(core) || self.profile.vocabulary.agents.contains(core) {
                    residue.push(BLANK);
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
        let ends = rest
            .match_indices(' ')
            .map(|(at, _)| at)
            .take(3)
            .chain(std::iter::once(rest.len()));
        ends.filter(|&end| {
            rest.get(..end)
                .is_some_and(|name| self.profile.vocabulary.agents.contains(name))
        })
        .max()
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
