//! Rules as a dive leaves them in its evidence: JSON, with a digest.

use crate::error::Error;
use crate::rules::RuleSet;

impl RuleSet {
    /// All rules as one JSON document, the same for the same rules; [`Self::recorded`] reads it.
    pub fn record(&self) -> String {
        serde_json::to_string(self).expect("strings, numbers and lists can be written")
    }

    /// BLAKE3 digest of [`Self::record`], in hexadecimal.
    pub fn digest(&self) -> String {
        blake3::hash(self.record().as_bytes()).to_hex().to_string()
    }

    /// Reads what [`Self::record`] wrote.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Syntax`] when the text is not such a document, and
    /// [`crate::ErrorKind::Inconsistent`] when a rule breaks a bound.
    pub fn recorded(text: &str) -> Result<Self, Error> {
        let stated: Self = serde_json::from_str(text).map_err(|cause| {
            let place = format!("line {}, column {}", cause.line(), cause.column());
            Error::syntax(place, "is not as a dive records rules").of_rules()
        })?;
        Self::default().join(stated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_back_as_it_was() {
        let rules = RuleSet::builtin();
        let text = rules.record();
        assert!(RuleSet::recorded(&text).expect("its own record") == *rules);
        assert_eq!(rules.digest(), blake3::hash(text.as_bytes()).to_hex().as_str());
        let mut other = RuleSet::clone(&rules);
        other.rules[0].pattern.push('x');
        assert_ne!(other.digest(), rules.digest());
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let text = RuleSet::builtin().record();
        let cut = text.get(..text.len() / 2).unwrap_or_default();
        let unsound = text.replacen("\"longest\":", "\"longest\":0", 1);
        for (text, kind) in [
            ("", crate::ErrorKind::Syntax),
            ("{}", crate::ErrorKind::Syntax),
            (cut, crate::ErrorKind::Syntax),
            (&unsound, crate::ErrorKind::Syntax),
        ] {
            let fault = RuleSet::recorded(text).expect_err("no record");
            assert_eq!(fault.kind(), kind, "{fault}");
            assert!(fault.to_string().starts_with("rules: "), "{fault}");
        }
        let unsound = text.replacen("\"examples\":[", "\"examples\":[],\"x\":[", 1);
        assert!(RuleSet::recorded(&unsound).is_err());
    }
}
