//! Lists of identities as plain data, small enough for millions of them.

use std::fmt;

use crate::Class;

/// A list of values with their classes, in one piece of memory: a value costs its text and nine bytes.
/// `Debug` tells how many there are.
#[derive(Clone, Default, Eq, Hash, PartialEq)]
pub struct Values {
    text: String,
    /// Where each text ends.
    ends: Vec<usize>,
    classes: Vec<Class>,
}

impl Values {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value.
    pub fn push(&mut self, class: Class, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
        self.classes.push(class);
    }

    /// Values in the list.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    fn text_at(&self, at: usize) -> &str {
        let edge = |at: Option<usize>| at.and_then(|at| self.ends.get(at)).copied().unwrap_or_default();
        self.text
            .get(edge(at.checked_sub(1))..edge(Some(at)))
            .unwrap_or_default()
    }

    /// The values in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Class, &str)> + Clone {
        let classes = self.classes.iter().enumerate();
        classes.map(|(at, class)| (*class, self.text_at(at)))
    }

    /// Orders the values by class and text.
    pub fn sort(&mut self) {
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_unstable_by_key(|at| (self.classes.get(*at), self.text_at(*at)));
        let mut sorted = Self {
            text: String::with_capacity(self.text.len()),
            ends: Vec::with_capacity(self.len()),
            classes: Vec::with_capacity(self.len()),
        };
        for at in order {
            if let Some(class) = self.classes.get(at) {
                sorted.push(*class, self.text_at(at));
            }
        }
        *self = sorted;
    }

    /// Gives back the room that was held for more.
    pub fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.classes.shrink_to_fit();
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Values(<{} values>)", self.len())
    }
}

impl<T: AsRef<str>> Extend<(Class, T)> for Values {
    fn extend<I: IntoIterator<Item = (Class, T)>>(&mut self, values: I) {
        for (class, text) in values {
            self.push(class, text.as_ref());
        }
    }
}

impl<T: AsRef<str>> FromIterator<(Class, T)> for Values {
    fn from_iter<I: IntoIterator<Item = (Class, T)>>(values: I) -> Self {
        let mut list = Self::default();
        list.extend(values);
        list
    }
}

impl<T: AsRef<str>> From<Vec<(Class, T)>> for Values {
    fn from(values: Vec<(Class, T)>) -> Self {
        values.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_went_in_and_sorted() {
        let pairs = vec![
            (Class::User, "zoë".to_owned()),
            (Class::Email, "a@b.example".to_owned()),
            (Class::User, String::new()),
            (Class::User, "adam".to_owned()),
        ];
        let mut values = Values::from(pairs.clone());
        let owned = |values: &Values| -> Vec<(Class, String)> {
            values
                .iter()
                .map(|(class, text)| (class, text.to_owned()))
                .collect()
        };
        assert_eq!(owned(&values), pairs);
        values.sort();
        let mut sorted = pairs;
        sorted.sort();
        assert_eq!(owned(&values), sorted);
        assert_eq!(format!("{values:?}"), "Values(<4 values>)");
    }
}
