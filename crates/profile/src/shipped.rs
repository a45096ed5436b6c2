//! The built-in profiles, put in place at a process's start rather than read from their TOML.

use std::sync::{Arc, OnceLock};

use crate::{Profile, RuleSet, builtin};

/// The built-in profiles as `build.rs` wrote them, by name.
const WRITTEN: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/profiles.rs"));

impl Profile {
    /// The built-in profile of GitLab's logs, read once.
    pub fn gitlab() -> Arc<Self> {
        static GITLAB: OnceLock<Arc<Profile>> = OnceLock::new();
        let load = || Arc::new(read("gitlab").expect("there is a profile of this name"));
        Arc::clone(GITLAB.get_or_init(load))
    }

    /// A built-in profile by name; there are [`Profile::builtin_names`].
    pub fn builtin(name: &str) -> Option<Arc<Self>> {
        if name == "gitlab" {
            return Some(Self::gitlab());
        }
        read(name).map(Arc::new)
    }

    /// The text of a built-in profile, to start one's own from.
    pub fn builtin_text(name: &str) -> Option<&'static str> {
        builtin::profile(name)
    }

    /// The names of the built-in profiles.
    pub fn builtin_names() -> impl Iterator<Item = &'static str> {
        builtin::profiles()
    }
}

/// The built-in rules as `build.rs` wrote them.
const RULES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/rules.postcard"));

impl RuleSet {
    /// The built-in rules, read once.
    pub fn builtin() -> Arc<Self> {
        static BUILT_IN: OnceLock<Arc<RuleSet>> = OnceLock::new();
        let load = || Arc::new(postcard::from_bytes(RULES).expect("the built-in rules are tested"));
        Arc::clone(BUILT_IN.get_or_init(load))
    }

    /// The texts of the built-in rule files, to start one's own from.
    pub fn builtin_texts() -> impl Iterator<Item = &'static str> {
        builtin::RULES.iter().copied()
    }
}

fn read(name: &str) -> Option<Profile> {
    let (_, bytes) = WRITTEN.iter().find(|(known, _)| *known == name)?;
    let profile = postcard::from_bytes(bytes);
    Some(profile.expect("the built-in profiles are tested"))
}

#[cfg(test)]
mod tests {
    use super::{WRITTEN, builtin};
    use crate::{Class, Profile};

    #[test]
    fn built_in_profiles_are_what_their_texts_say() {
        assert!(builtin::profiles().eq(WRITTEN.iter().map(|(name, _)| *name)));
        for name in builtin::profiles() {
            let text = builtin::profile(name).expect("named");
            let stated = Profile::parse(text).unwrap_or_else(|error| panic!("{error}"));
            let shipped = Profile::builtin(name).expect("named");
            assert!(*shipped == stated, "{name}");
        }
    }

    #[test]
    fn all_of_a_written_profile_is_read() {
        for (name, bytes) in WRITTEN {
            let (profile, rest) = postcard::take_from_bytes::<Profile>(bytes).expect("whole");
            let again = postcard::to_allocvec(&profile).expect("all of it can be written");
            assert!(rest.is_empty() && again == *bytes, "{name}");
            let cut = bytes.get(..bytes.len() - 1).unwrap_or_default();
            assert!(postcard::from_bytes::<Profile>(cut).is_err(), "{name}");
        }
    }

    #[test]
    fn built_in_profile_loads() {
        let gitlab = Profile::gitlab();
        let source = gitlab.source("production_json");
        let class = source.and_then(|source| source.class_of("db_count"));
        assert_eq!(class, Some(Class::Metric));
    }
}
