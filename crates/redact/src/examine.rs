//! What must not stand in a text, found before anything is built up from it: the findings of the rules
//! and the foreign identities in the text and in its views, as spans of the text.

use std::net::IpAddr;

use decostop_profile::RuleKind;

use crate::plan::ProfilePlan;
use crate::rules::{Found, Ground, Work};
use crate::scope::folded;
use crate::text::{BLANK, TextContext};
use crate::views::{self, View};

/// Rule of what is foreign in a view.
const FOREIGN: &str = "identity.foreign";
/// Words in the longest display name that is looked for in a view.
const MAX_NAME_WORDS: usize = 5;

/// A part of a text that must go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) kind: RuleKind,
    pub(crate) rule: &'static str,
    /// Whether it was found as it stands, rather than in a view.
    pub(crate) plain: bool,
}

/// The text was too long or too deeply encoded to say what it holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Undecidable;

/// Spans of a text that must go, ordered and apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans(Vec<Span>);

impl Spans {
    /// Unites what overlaps under the name of the strongest kind.
    pub(crate) fn union(mut spans: Vec<Span>) -> Self {
        spans.sort_unstable_by_key(|span| (span.start, span.end, span.kind, span.rule));
        let mut united: Vec<Span> = Vec::new();
        for span in spans {
            match united.last_mut() {
                Some(last) if span.start < last.end => {
                    if span.kind < last.kind {
                        (last.kind, last.rule) = (span.kind, span.rule);
                    }
                    last.end = last.end.max(span.end);
                    last.plain &= span.plain;
                }
                _ => united.push(span),
            }
        }
        Self(united)
    }

    /// Whether nothing must go.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The spans that overlap a part of the text.
    pub(crate) fn over(&self, start: usize, end: usize) -> impl Iterator<Item = &Span> {
        let first = self.0.partition_point(|span| span.end <= start);
        let spans = self.0.get(first..).unwrap_or_default();
        spans.iter().take_while(move |span| span.start < end)
    }
}

impl Ground for ProfilePlan {
    fn is_internal(&self, address: IpAddr) -> bool {
        Self::is_internal(self, address)
    }

    fn names_host(&self, text: &[u8]) -> bool {
        crate::detect::names_host(text, &self.profile.internal_domains)
    }
}

impl TextContext<'_> {
    /// Everything in a text that must go, in itself and in its views.
    pub(crate) fn examine(&self, text: &str) -> Result<Spans, Undecidable> {
        let mut work = Work::of(text.len());
        self.examine_within(text, &mut work).ok_or(Undecidable)
    }

    pub(crate) fn examine_within(&self, text: &str, work: &mut Work) -> Option<Spans> {
        let bytes = text.as_bytes();
        let mut found = Vec::new();
        self.plan.detectors.find(bytes, self.plan, work, &mut found)?;
        let mut spans = Vec::new();
        for found in found.drain(..) {
            spans.push(span_of(&found, (found.start, whole(&found, bytes)), true));
        }
        views::each(bytes, work, &mut |view, work| {
            self.plan
                .detectors
                .find(&view.text, self.plan, work, &mut found)?;
            for found in found.drain(..) {
                let (start, _) = view.source(found.start, found.end);
                let known = |span: &Span| span.plain && span.rule == found.rule && span.start == start;
                let mut end = whole(&found, &view.text);
                // Where lines are joined, a statement has no end, and the next word seems a part of an
                // address. One that stands in the text as it is has an end there.
                if (found.kind == RuleKind::Personal || end != found.end) && spans.iter().any(known) {
                    if found.kind == RuleKind::Personal {
                        continue;
                    }
                    end = found.end;
                }
                // What was not decoded stands in the text as well.
                let plain = is_as_written(view, bytes, found.start, end);
                spans.push(span_of(&found, view.source(found.start, end), plain));
            }
            self.foreign_in(view, work, &mut |start, end| {
                // Names as written are judged with the words around them.
                if is_as_written(view, bytes, start, end) {
                    return;
                }
                let (start, end) = view.source(start, end);
                spans.push(Span {
                    start,
                    end,
                    kind: RuleKind::Personal,
                    rule: FOREIGN,
                    plain: false,
                });
            })
        })?;
        Some(Spans::union(spans))
    }

    /// Whether a text that was built up holds what a rule finds, beside the marks that stand for what
    /// went. What cannot be told counts.
    pub(crate) fn holds_finding(&self, text: &str) -> bool {
        let mut found = Vec::new();
        let bytes = text.as_bytes();
        let done = self
            .plan
            .detectors
            .find(bytes, self.plan, &mut Work::of(text.len()), &mut found);
        done.is_none()
            || found
                .iter()
                .any(|found| !self.is_allowed(text, found.start, found.end, found.kind))
    }

    /// Whether a found part of a built text is nothing but marks, or personal data that may be shown.
    fn is_allowed(&self, text: &str, start: usize, end: usize, kind: RuleKind) -> bool {
        let Some(part) = text.get(start..end) else {
            return false;
        };
        let mark = |word: &str| {
            let word = word
                .trim_matches(|c: char| c == BLANK || c.is_ascii_punctuation() && !matches!(c, '[' | ']'));
            word.is_empty() || matches!(word, "[text]" | "[secret]" | "[key]" | "[event]")
        };
        if part.split_whitespace().all(mark) {
            return true;
        }
        let before = text.get(..start).unwrap_or_default();
        let behind = text.get(end..).unwrap_or_default();
        let first = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let last = end + behind.find(char::is_whitespace).unwrap_or(behind.len());
        kind == RuleKind::Personal && text.get(first..last).is_some_and(|chunk| self.is_exempt(chunk))
    }

    /// Foreign identities in a view. Words of the vocabulary by themselves are none.
    fn foreign_in(&self, view: &View, work: &mut Work, each: &mut dyn FnMut(usize, usize)) -> Option<()> {
        work.spend(view.text.len())?;
        let mut at = 0;
        for chunk in view.text.utf8_chunks() {
            self.foreign_in_text(chunk.valid(), at, each);
            at += chunk.valid().len() + chunk.invalid().len();
        }
        Some(())
    }

    fn foreign_in_text(&self, text: &str, offset: usize, each: &mut dyn FnMut(usize, usize)) {
        let words = &self.plan.profile.vocabulary.words;
        let joins = |c: char| c.is_alphanumeric() || "_-/.:=#@+%".contains(c) || is_combining(c);
        // The words before this one that may begin a display name.
        let mut before: Vec<(usize, String)> = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.find(joins) {
            let tail = rest.get(first..).unwrap_or_default();
            let length = tail.find(|c| !joins(c)).unwrap_or(tail.len());
            let piece = tail.get(..length).unwrap_or_default();
            let at = offset + text.len() - tail.len();
            rest = tail.get(length..).unwrap_or_default();
            let core = piece.trim_matches(|c: char| c.is_ascii_punctuation());
            let name = folded(core);
            let is_somebody = |word: &str| self.facts.is_foreign_token(word) && !words.contains(word);
            let mut parts = name.split(['_', '-', '/', '.', ':', '=', '#', '@', '+', '%']);
            let is_foreign = is_somebody(&name)
                || self.names_somebody(&folded(piece.trim_start_matches('@')))
                || parts.any(|part| part != name && is_somebody(part));
            if is_foreign && !self.is_exempt(core) {
                each(at, at + piece.len());
            }
            before.push((at, name.into_owned()));
            if before.len() > MAX_NAME_WORDS {
                before.remove(0);
            }
            for (nth, (start, head)) in before.iter().enumerate() {
                if !self.facts.begins_name(head) || nth + 1 == before.len() {
                    continue;
                }
                let run = before.get(nth..).unwrap_or_default();
                let phrase: Vec<&str> = run.iter().map(|(_, word)| word.as_str()).collect();
                if self.facts.is_foreign_phrase(&phrase.join(" ")) {
                    each(*start, at + piece.len());
                }
            }
        }
    }
}

/// Whether a part of a view is the text itself.
fn is_as_written(view: &View, text: &[u8], start: usize, end: usize) -> bool {
    let (first, last) = view.source(start, end);
    view.text.get(start..end) == text.get(first..last)
}

fn is_combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// Where a finding ends that says more than itself: a statement or a stack frame goes to the end of its
/// line.
fn whole(found: &Found, text: &[u8]) -> usize {
    let part = text.get(found.start..found.end).unwrap_or_default();
    let behind = text.get(found.end..).unwrap_or_default();
    if found.kind != RuleKind::System || !part.iter().any(u8::is_ascii_whitespace) {
        return found.end;
    }
    let line = behind.iter().position(|byte| *byte == b'\n');
    found.end + line.unwrap_or(behind.len())
}

fn span_of(found: &Found, (start, end): (usize, usize), plain: bool) -> Span {
    Span {
        start,
        end,
        kind: found.kind,
        rule: found.rule,
        plain,
    }
}

#[cfg(test)]
mod tests;
