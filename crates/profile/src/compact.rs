//! A profile as a process reads it at its start: each part in the order of the model, ready to be put
//! into place. Reading the built-in profile's TOML costs six times as much.
//!
//! `build.rs` writes it from the TOML, a test holds the two against each other; nothing else makes one,
//! and no file of a user's is one. It is text, so that its strings need no second look: numbers are
//! digits to the base of 64, least first, a digit that others follow being greater by 64.

#![allow(dead_code, reason = "`build.rs` writes and the library reads")]

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::line::{LinePattern, LinePiece, Reach};
use crate::model::{
    Case, Class, ClassRule, Columns, Conditions, Discriminator, Event, Example, FieldSpec, Format, Kind,
    Profile, Role, SetAside, Source, Template, Tuple, Vocabulary, WordSet, Wrappers,
};

/// What is still to be read.
pub(crate) struct Rest(pub(crate) &'static str);

/// A part of a profile, written and read.
pub(crate) trait Compact: Sized {
    fn write(&self, to: &mut String);
    /// Nothing if the text was not written by [`Self::write`].
    fn read(from: &mut Rest) -> Option<Self>;
}

impl Compact for usize {
    fn write(&self, to: &mut String) {
        let digit = |value: usize| char::from((value % 64) as u8);
        let mut left = *self;
        while left >= 64 {
            to.push(char::from((left % 64) as u8 + 64));
            left /= 64;
        }
        to.push(digit(left));
    }

    fn read(from: &mut Rest) -> Option<Self> {
        let (mut value, mut shift) = (0_usize, 0);
        loop {
            let digit = *from.0.as_bytes().first()?;
            from.0 = from.0.get(1..)?;
            value |= usize::from(digit % 64).checked_shl(shift)?;
            if digit < 64 {
                return Some(value);
            }
            shift += 6;
        }
    }
}

/// Kinds of text.
macro_rules! texts {
    ($($type:ty),+) => { $(
        impl Compact for $type {
            fn write(&self, to: &mut String) {
                self.len().write(to);
                to.push_str(self);
            }

            fn read(from: &mut Rest) -> Option<Self> {
                let bytes = usize::read(from)?;
                let (text, rest) = from.0.split_at_checked(bytes)?;
                from.0 = rest;
                Some(text.into())
            }
        }
    )+ };
}

texts!(&'static str, Box<str>, Cow<'static, str>, String);

impl<T: Compact> Compact for Vec<T> {
    fn write(&self, to: &mut String) {
        self.len().write(to);
        for item in self {
            item.write(to);
        }
    }

    fn read(from: &mut Rest) -> Option<Self> {
        let length = usize::read(from)?;
        // Every part takes a byte at least.
        let mut items = Self::with_capacity(length.min(from.0.len()));
        for _ in 0..length {
            items.push(T::read(from)?);
        }
        Some(items)
    }
}

impl<K: Compact + Ord, V: Compact> Compact for BTreeMap<K, V> {
    fn write(&self, to: &mut String) {
        self.len().write(to);
        for (key, value) in self {
            key.write(to);
            value.write(to);
        }
    }

    fn read(from: &mut Rest) -> Option<Self> {
        Vec::<(K, V)>::read(from).map(Self::from_iter)
    }
}

impl<A: Compact, B: Compact> Compact for (A, B) {
    fn write(&self, to: &mut String) {
        self.0.write(to);
        self.1.write(to);
    }

    fn read(from: &mut Rest) -> Option<Self> {
        Some((A::read(from)?, B::read(from)?))
    }
}

impl<T: Compact> Compact for Option<T> {
    fn write(&self, to: &mut String) {
        self.is_some().write(to);
        if let Some(item) = self {
            item.write(to);
        }
    }

    fn read(from: &mut Rest) -> Option<Self> {
        Some(if bool::read(from)? {
            Some(T::read(from)?)
        } else {
            None
        })
    }
}

impl Compact for bool {
    fn write(&self, to: &mut String) {
        usize::from(*self).write(to);
    }

    fn read(from: &mut Rest) -> Option<Self> {
        [false, true].get(usize::read(from)?).copied()
    }
}

impl Compact for char {
    fn write(&self, to: &mut String) {
        (u32::from(*self) as usize).write(to);
    }

    fn read(from: &mut Rest) -> Option<Self> {
        Self::from_u32(u32::read(from)?)
    }
}

impl Compact for u32 {
    fn write(&self, to: &mut String) {
        (*self as usize).write(to);
    }

    fn read(from: &mut Rest) -> Option<Self> {
        usize::read(from)?.try_into().ok()
    }
}

impl Compact for BTreeSet<Box<str>> {
    fn write(&self, to: &mut String) {
        self.len().write(to);
        for item in self {
            item.write(to);
        }
    }

    fn read(from: &mut Rest) -> Option<Self> {
        Vec::read(from).map(Self::from_iter)
    }
}

impl Compact for WordSet {
    fn write(&self, to: &mut String) {
        // In order, so that one profile is written in one way.
        let words: BTreeSet<Box<str>> = self.iter().map(Box::from).collect();
        words.write(to);
    }

    fn read(from: &mut Rest) -> Option<Self> {
        Vec::<&'static str>::read(from).map(Self::from_iter)
    }
}

/// An enum without data: by its place among all.
macro_rules! named {
    ($type:ty, $all:expr) => {
        impl Compact for $type {
            fn write(&self, to: &mut String) {
                let at = $all.iter().position(|known| known == self);
                at.expect("all are listed").write(to);
            }

            fn read(from: &mut Rest) -> Option<Self> {
                $all.get(usize::read(from)?).copied()
            }
        }
    };
}

named!(Class, Class::ALL);
named!(Format, [Format::Json, Format::Logfmt, Format::Text]);
named!(Kind, [Kind::Namespace, Kind::Project, Kind::User]);
named!(
    Role,
    [Role::Actor, Role::Impersonator, Role::Resource, Role::Target]
);

/// A struct: its fields in this order. One that is left out does not compile.
macro_rules! fields {
    ($($type:ident { $($field:ident),+ $(,)? })+) => { $(
        impl Compact for $type {
            fn write(&self, to: &mut String) {
                let Self { $($field),+ } = self;
                $( $field.write(to); )+
            }

            fn read(from: &mut Rest) -> Option<Self> {
                $( let $field = Compact::read(from)?; )+
                Some(Self { $($field),+ })
            }
        }
    )+ };
}

fields! {
    Case { value, class }
    Columns { actor, namespace, project, ip, status, correlation_id }
    Conditions { plans, billing, max_resources, max_events, support_days }
    Discriminator { field, values }
    Event { name, about, raw }
    Example { line, event, time, unknown }
    FieldSpec { rule, values, closed }
    LinePattern { text, pieces }
    Profile {
        name, text, digest, conditions, wrappers, sources, set_aside, events, routes, templates, params, internal_domains,
        internal_ranges, vocabulary,
    }
    SetAside { files, reason }
    Source {
        name, about, files, format, lines, records, discriminators, access_log, time, event, columns, tuples, fields,
        patterns, examples,
    }
    Template { text, example, event }
    Tuple { kind, role, fields }
    Vocabulary { words, events, agents, methods, statuses }
    Wrappers { objects, strings, merged, time }
}

impl Compact for ClassRule {
    fn write(&self, to: &mut String) {
        match self {
            Self::Fixed(class) => {
                0_usize.write(to);
                class.write(to);
            }
            Self::On { field, cases } => {
                1_usize.write(to);
                field.write(to);
                cases.write(to);
            }
        }
    }

    fn read(from: &mut Rest) -> Option<Self> {
        Some(match usize::read(from)? {
            0 => Self::Fixed(Class::read(from)?),
            1 => Self::On {
                field: Compact::read(from)?,
                cases: Compact::read(from)?,
            },
            _ => return None,
        })
    }
}

impl Compact for LinePiece {
    fn write(&self, to: &mut String) {
        match self {
            Self::Text(text) => {
                0_usize.write(to);
                text.write(to);
            }
            Self::Field { name, reach } => {
                1_usize.write(to);
                name.write(to);
                reach.write(to);
            }
            Self::Group { open, pieces } => {
                2_usize.write(to);
                open.write(to);
                pieces.write(to);
            }
        }
    }

    fn read(from: &mut Rest) -> Option<Self> {
        Some(match usize::read(from)? {
            0 => Self::Text(Compact::read(from)?),
            1 => Self::Field {
                name: Compact::read(from)?,
                reach: Compact::read(from)?,
            },
            2 => Self::Group {
                open: Compact::read(from)?,
                pieces: Compact::read(from)?,
            },
            _ => return None,
        })
    }
}

impl Compact for Reach {
    fn write(&self, to: &mut String) {
        // No number of words is below two.
        let number = match self {
            Self::Short => 0,
            Self::Long => 1,
            Self::Words(words) => usize::from(*words),
            Self::Any => 64,
        };
        number.write(to);
    }

    fn read(from: &mut Rest) -> Option<Self> {
        Some(match usize::read(from)? {
            0 => Self::Short,
            1 => Self::Long,
            64 => Self::Any,
            words => Self::Words(words.try_into().ok()?),
        })
    }
}
