//! Case folding, the same for scope, foreign set and records.

use std::borrow::Cow;

/// Lower case; borrows what is lower case already.
pub(crate) fn fold(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase()) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.to_lowercase())
    }
}
