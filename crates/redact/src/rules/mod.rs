//! Detectors: what the rules of a [`RuleSet`] describe, found in bytes.
//!
//! One automaton holds the keywords of all rules; a rule's pattern runs only in windows around its
//! own keywords, so that thousands of rules cost a text without keywords no more than ten do. The
//! few rules without keywords are asked all at once whether any of them matches. Patterns are
//! compiled when their first text comes.
//!
//! Nothing here decides what becomes of a text: findings are spans, [`crate::examine`] unites them.

mod check;
mod validate;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use aho_corasick::automaton::OverlappingState;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use decostop_profile::{Rule, RuleKind, RuleSet, Validator};
use foldhash::fast::RandomState;
use regex_automata::meta::{Config, Regex};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, PatternSet};

pub use check::{RuleFault, check_rules};
pub(crate) use validate::Ground;

use crate::Error;

/// Most bytes of one compiled pattern.
const MAX_COMPILED: usize = 4 << 20;
/// Most bytes of the patterns without keywords, compiled together.
const MAX_TOGETHER: usize = 16 << 20;
/// Keywords up to which the automaton is a table of all transitions: fastest, and some hundred bytes a
/// letter.
const MAX_TABLE: usize = 8_000;
/// Occurrences of a keyword that stand closer are one window.
const NEAR: usize = 256;
/// Matches within what is found already after which a pattern goes on behind it.
const MAX_INNER: usize = 32;
/// What one start of a pattern counts, in bytes looked at.
const START: usize = 64;

/// What may still be looked at for one value: keeps hostile values from taking long.
#[derive(Debug)]
pub(crate) struct Work {
    left: usize,
}

impl Work {
    /// For a value of so many bytes.
    pub(crate) fn of(length: usize) -> Self {
        Self {
            left: length.saturating_mul(64).saturating_add(256 << 10),
        }
    }

    /// Takes `steps`; nothing if they are not left.
    pub(crate) fn spend(&mut self, steps: usize) -> Option<()> {
        self.left = self.left.checked_sub(steps)?;
        Some(())
    }

    #[cfg(test)]
    pub(crate) fn left(&self) -> usize {
        self.left
    }
}

/// A found part of a text.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Found {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) kind: RuleKind,
    pub(crate) rule: &'static str,
}

/// Rules, compiled as far as they were needed.
#[derive(Default)]
pub(crate) struct Detectors {
    /// The built-in ones where none are given: they are read with the first text.
    rules: OnceLock<Arc<RuleSet>>,
    engine: OnceLock<Engine>,
}

impl fmt::Debug for Detectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Detectors(<{} rules>)", self.rules().rules.len())
    }
}

struct Engine {
    rules: Vec<Compiled>,
    anchors: Option<Anchors>,
    /// Rules without keywords.
    loose: Vec<usize>,
    /// Whether any of them matches, and which; `None` if they are too large together.
    together: Option<Regex>,
}

#[derive(Default)]
struct Compiled {
    regex: OnceLock<Option<Regex>>,
    name: OnceLock<&'static str>,
}

struct Anchors {
    automaton: AhoCorasick,
    /// The rules of each keyword.
    rules: Vec<Vec<usize>>,
}

fn syntax_config() -> syntax::Config {
    syntax::Config::new().unicode(false).utf8(false)
}

fn compile(pattern: &str) -> Option<Regex> {
    // A keyword has told already where to look: searching for literals of the pattern's own would not pay
    // for finding them.
    let config = Config::new()
        .utf8_empty(false)
        .auto_prefilter(false)
        .nfa_size_limit(Some(MAX_COMPILED));
    let mut builder = Regex::builder();
    builder.syntax(syntax_config()).configure(config);
    builder.build(pattern).ok()
}

/// A name that lives as long as the process, the same for equal texts: rule ids stand in every removal,
/// and there are as many as rules were ever loaded. For names of a small closed kind, never for values.
pub fn intern(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return known;
    }
    let kept: &'static str = Box::leak(name.into());
    names.insert(kept);
    kept
}

impl Detectors {
    /// Detectors of these rules. Their patterns are read, not yet compiled.
    ///
    /// # Errors
    /// A pattern is no regular expression over bytes.
    pub(crate) fn new(rules: Arc<RuleSet>) -> Result<Arc<Self>, Error> {
        // The built-in ones are tested, and compiled once for all dives of a process.
        if Arc::ptr_eq(&rules, &RuleSet::builtin()) {
            return Ok(Self::built_in());
        }
        for rule in &rules.rules {
            syntax::parse_with(&rule.pattern, &syntax_config()).map_err(|_| Error::rule(&rule.id))?;
        }
        Ok(Arc::new(Self {
            rules: OnceLock::from(rules),
            engine: OnceLock::new(),
        }))
    }

    /// Those of the built-in rules, the same for all who ask.
    pub(crate) fn built_in() -> Arc<Self> {
        static BUILT_IN: OnceLock<Arc<Detectors>> = OnceLock::new();
        Arc::clone(BUILT_IN.get_or_init(Arc::default))
    }

    fn rules(&self) -> &RuleSet {
        self.rules.get_or_init(RuleSet::builtin)
    }

    fn engine(&self) -> &Engine {
        self.engine.get_or_init(|| Engine::new(&self.rules().rules))
    }

    /// Adds what the rules find in a text to `found`, in no order. Nothing if it takes too long or a
    /// pattern is too large: then what the text holds is not known.
    pub(crate) fn find(
        &self,
        text: &[u8],
        ground: &dyn Ground,
        work: &mut Work,
        found: &mut Vec<Found>,
    ) -> Option<()> {
        let engine = self.engine();
        work.spend(text.len())?;
        let finder = Finder {
            engine,
            rules: &self.rules().rules,
            text,
            ground,
        };
        finder.anchored(work, found)?;
        finder.loose(work, found)
    }
}

impl Engine {
    fn new(rules: &[Rule]) -> Self {
        let mut places: HashMap<String, usize, RandomState> = HashMap::default();
        let mut of_keyword: Vec<Vec<usize>> = Vec::new();
        for (at, rule) in rules.iter().enumerate() {
            for keyword in &rule.keywords {
                let place = *places.entry(keyword.to_ascii_lowercase()).or_insert_with(|| {
                    of_keyword.push(Vec::new());
                    of_keyword.len() - 1
                });
                if let Some(of) = of_keyword.get_mut(place)
                    && of.last() != Some(&at)
                {
                    of.push(at);
                }
            }
        }
        let mut keywords: Vec<(usize, String)> = places.into_iter().map(|(word, at)| (at, word)).collect();
        keywords.sort_unstable();
        let kind = if keywords.len() <= MAX_TABLE {
            AhoCorasickKind::DFA
        } else {
            AhoCorasickKind::ContiguousNFA
        };
        let anchors = (!keywords.is_empty()).then(|| {
            AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .match_kind(MatchKind::Standard)
                .kind(Some(kind))
                .build(keywords.iter().map(|(_, word)| word))
        });
        let mut loose: Vec<usize> = (0..rules.len())
            .filter(|at| rules.get(*at).is_some_and(|rule| rule.keywords.is_empty()))
            .collect();
        let anchors = match anchors {
            None => None,
            Some(Ok(automaton)) => Some(Anchors {
                automaton,
                rules: of_keyword,
            }),
            // Too large for an automaton: all of them run everywhere.
            Some(Err(_)) => {
                loose = (0..rules.len()).collect();
                None
            }
        };
        let patterns: Vec<&str> = loose
            .iter()
            .filter_map(|at| rules.get(*at))
            .map(|rule| rule.pattern.as_str())
            .collect();
        let config = Config::new()
            .match_kind(regex_automata::MatchKind::All)
            .utf8_empty(false)
            .nfa_size_limit(Some(MAX_TOGETHER));
        let mut builder = Regex::builder();
        builder.syntax(syntax_config()).configure(config);
        let together = (!patterns.is_empty()).then(|| builder.build_many(&patterns).ok());
        Self {
            rules: rules.iter().map(|_| Compiled::default()).collect(),
            anchors,
            loose,
            together: together.flatten(),
        }
    }
}

/// One search.
struct Finder<'f> {
    engine: &'f Engine,
    rules: &'f [Rule],
    text: &'f [u8],
    ground: &'f dyn Ground,
}

impl Finder<'_> {
    /// Rules with keywords, around these.
    fn anchored(&self, work: &mut Work, found: &mut Vec<Found>) -> Option<()> {
        let Some(anchors) = &self.engine.anchors else {
            return Some(());
        };
        let input = aho_corasick::Input::new(self.text);
        let mut state = OverlappingState::start();
        // Where keywords stand, and of each keyword the last such place.
        let mut places: Vec<(usize, Range<usize>)> = Vec::new();
        let mut last: HashMap<usize, usize, RandomState> = HashMap::default();
        loop {
            anchors
                .automaton
                .try_find_overlapping(input.clone(), &mut state)
                .ok()?;
            let Some(hit) = state.get_match() else { break };
            work.spend(1)?;
            let keyword = hit.pattern().as_usize();
            let place = last.get(&keyword).and_then(|at| places.get_mut(*at));
            if let Some((_, place)) = place
                && hit.start() <= place.end.saturating_add(NEAR)
            {
                place.end = hit.end();
            } else {
                last.insert(keyword, places.len());
                places.push((keyword, hit.start()..hit.end()));
            }
        }
        if places.is_empty() {
            return Some(());
        }
        let mut windows: Vec<(usize, Range<usize>)> = Vec::new();
        for (keyword, place) in places {
            let rules = anchors.rules.get(keyword)?;
            work.spend(rules.len())?;
            for at in rules {
                let longest = self.rules.get(*at)?.longest;
                let start = place.start.saturating_sub(longest);
                let end = place.end.saturating_add(longest).min(self.text.len());
                windows.push((*at, start..end));
            }
        }
        windows.sort_unstable_by_key(|(at, window)| (*at, window.start));
        let mut windows = windows.into_iter().peekable();
        while let Some((at, mut window)) = windows.next() {
            while let Some((_, next)) =
                windows.next_if(|(other, next)| *other == at && next.start <= window.end)
            {
                window.end = window.end.max(next.end);
            }
            self.run(at, window, work, found)?;
        }
        Some(())
    }

    /// Rules without keywords, over the whole text.
    fn loose(&self, work: &mut Work, found: &mut Vec<Found>) -> Option<()> {
        let loose = &self.engine.loose;
        let Some(together) = &self.engine.together else {
            return loose
                .iter()
                .try_for_each(|at| self.run(*at, 0..self.text.len(), work, found));
        };
        let input = Input::new(self.text);
        if !together.is_match(input.clone()) {
            return Some(());
        }
        work.spend(self.text.len())?;
        let mut which = PatternSet::new(together.pattern_len());
        together.which_overlapping_matches(&input, &mut which);
        which.iter().try_for_each(|pattern| {
            let at = loose.get(pattern.as_usize())?;
            self.run(*at, 0..self.text.len(), work, found)
        })
    }

    /// All that one rule finds in a window. What stands around the window is seen, not matched.
    fn run(&self, at: usize, window: Range<usize>, work: &mut Work, found: &mut Vec<Found>) -> Option<()> {
        let rule = self.rules.get(at)?;
        let compiled = self.engine.rules.get(at)?;
        let regex = compiled.regex.get_or_init(|| compile(&rule.pattern)).as_ref()?;
        let mut captures = None;
        let (mut from, mut covered, mut inner) = (window.start, 0, 0);
        while from <= window.end {
            let Some(hit) = regex.search(&Input::new(self.text).range(from..window.end)) else {
                return work.spend(window.end - from);
            };
            work.spend(2 * (hit.end() - from) + START)?;
            let mut part = hit.range();
            if regex.captures_len() > 1 {
                let captures = captures.get_or_insert_with(|| regex.create_captures());
                let input = Input::new(self.text)
                    .range(hit.start()..window.end)
                    .anchored(Anchored::Yes);
                regex.search_captures(&input, captures);
                part = captures.get_group(1).map_or(part, |group| group.range());
            }
            // The next match may begin within this one, or share the byte between the two.
            from = hit.start() + 1;
            if rule.validators.contains(&Validator::InternalHost) {
                part = host_around(self.text, &part);
                work.spend(part.len())?;
                from = from.max(part.end);
            }
            self.stretch(&mut part, &window, work)?;
            let text = self.text.get(part.clone())?;
            let sound = |validator: &Validator| validate::holds(*validator, text, self.ground);
            if part.is_empty() || !rule.validators.iter().all(sound) {
                continue;
            }
            inner = if part.end <= covered { inner + 1 } else { 0 };
            covered = covered.max(part.end);
            if inner >= MAX_INNER {
                from = from.max(covered);
            }
            found.push(Found {
                start: part.start,
                end: part.end,
                kind: rule.kind,
                rule: compiled.name.get_or_init(|| intern(&rule.id)),
            });
        }
        Some(())
    }

    /// What was cut off by the window goes on to the ends of its token.
    fn stretch(&self, part: &mut Range<usize>, window: &Range<usize>, work: &mut Work) -> Option<()> {
        let in_token =
            |byte: &u8| byte.is_ascii_alphanumeric() || b"_-+/=.~%:@".contains(byte) || !byte.is_ascii();
        if part.end == window.end {
            let behind = self.text.get(part.end..)?;
            let more = behind.iter().take_while(|byte| in_token(byte)).count();
            work.spend(more)?;
            part.end += more;
        }
        if part.start == window.start {
            let before = self.text.get(..part.start)?;
            let more = before.iter().rev().take_while(|byte| in_token(byte)).count();
            work.spend(more)?;
            part.start -= more;
        }
        Some(())
    }
}

/// The name of a host around a part of it.
fn host_around(text: &[u8], part: &Range<usize>) -> Range<usize> {
    let label = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let before = text.get(..part.start).unwrap_or_default();
    let behind = text.get(part.end..).unwrap_or_default();
    let start = part.start - before.iter().rev().take_while(|byte| label(byte)).count();
    let end = part.end + behind.iter().take_while(|byte| label(byte)).count();
    start..end
}

#[cfg(test)]
mod tests;
