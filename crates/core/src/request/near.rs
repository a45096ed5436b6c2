//! Suggestions for a mistyped name.

/// The known names nearest to `word`, best first, at most three, only plausible ones.
pub(super) fn nearest<'n>(word: &str, known: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    let folded = word.to_lowercase();
    let mut found: Vec<(usize, &str)> = known
        .into_iter()
        .filter_map(|name| {
            let other = name.to_lowercase();
            let far = distance(&folded, &other);
            let allowed = (folded.chars().count().max(other.chars().count()) / 3).max(1);
            let extends = folded.len() >= 3 && (other.starts_with(&folded) || folded.starts_with(&other));
            (far <= allowed || extends).then_some((far, name))
        })
        .collect();
    found.sort_by_key(|&(far, _)| far);
    found.dedup();
    if let Some(&(best, _)) = found.first() {
        found.retain(|&(far, _)| far <= best.saturating_add(2));
    }
    found.into_iter().map(|(_, name)| name).take(3).collect()
}

/// `did you mean "a" or "b"?`, or nothing when no name is near.
pub(super) fn did_you_mean(names: &[&str]) -> Option<String> {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    match quoted.as_slice() {
        [] => None,
        [only] => Some(format!("did you mean {only}?")),
        [head @ .., last] => Some(format!("did you mean {} or {last}?", head.join(", "))),
    }
}

/// Edits between two texts: insertion, deletion, replacement, or a swap of neighbours each count 1.
fn distance(left: &str, right: &str) -> usize {
    // Long input is never a typing slip of a short name, and must not cost quadratic time.
    if left.len().abs_diff(right.len()) > 32 || left.len() > 256 {
        return usize::MAX;
    }
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    let mut previous = None;
    for (row, letter) in left.chars().enumerate() {
        let mut next = vec![row + 1];
        for (column, &other) in right.iter().enumerate() {
            let get = |line: &[usize], at: usize| line.get(at).copied().unwrap_or(usize::MAX / 2);
            let mut best = (get(&last, column + 1) + 1)
                .min(get(&next, column) + 1)
                .min(get(&last, column) + usize::from(letter != other));
            let swapped = column > 0 && previous == Some(other) && right.get(column - 1) == Some(&letter);
            if swapped {
                best = best.min(get(&before, column - 1) + 1);
            }
            next.push(best);
        }
        previous = Some(letter);
        before = std::mem::replace(&mut last, next);
    }
    last.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::{did_you_mean, distance, nearest};

    #[test]
    fn counts_edits() {
        for (left, right, want) in [
            ("", "", 0),
            ("a", "", 1),
            ("abc", "abd", 1),
            ("acb", "abc", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(left, right), want, "{left} {right}");
            assert_eq!(distance(right, left), want, "{right} {left}");
        }
    }

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["namespaces", "projects", "users", "events"];
        assert_eq!(nearest("namespace", known), ["namespaces"]);
        assert_eq!(nearest("Users", known), ["users"]);
        assert_eq!(nearest("user", known), ["users"]);
        assert_eq!(nearest("surprise", known), [] as [&str; 0]);
        assert_eq!(
            did_you_mean(&["a", "b", "c"]).as_deref(),
            Some("did you mean \"a\", \"b\" or \"c\"?")
        );
        assert_eq!(did_you_mean(&[]), None);
    }
}
