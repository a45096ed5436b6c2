//! Parameters: every shape in which logs write them, as dotted keys with scalar values.

use std::borrow::Cow;

use crate::record::Json;

/// Depth below which parameters are not followed; what lies deeper is unlisted.
const MAX_DEPTH: usize = 16;

/// Calls `each` with the dotted key and value of every scalar in a parameter value: objects,
/// `{key,value}` lists, and lists of scalars (which repeat their key). A scalar without any key has
/// the key `""`.
pub(crate) fn each_param<'j>(value: &'j Json<'_>, each: &mut dyn FnMut(&str, &'j Json<'_>)) {
    walk("", value, 0, each);
}

fn walk<'j>(key: &str, value: &'j Json<'_>, depth: usize, each: &mut dyn FnMut(&str, &'j Json<'_>)) {
    if depth > MAX_DEPTH {
        return each("[deep]", &Json::Null);
    }
    match value {
        Json::Object(entries) => {
            for (name, value) in entries {
                walk(&join(key, name), value, depth + 1, each);
            }
        }
        Json::Array(items) => {
            for item in items {
                match pair(item) {
                    Some((name, value)) => walk(&join(key, name), value, depth + 1, each),
                    None => walk(key, item, depth + 1, each),
                }
            }
        }
        scalar => each(key, scalar),
    }
}

/// An item of a `{key,value}` list.
fn pair<'j, 'a>(item: &'j Json<'a>) -> Option<(&'j str, &'j Json<'a>)> {
    let Json::Object(entries) = item else { return None };
    match entries.as_slice() {
        [(k, Json::String(name)), (v, value)] if k == "key" && v == "value" => Some((name, value)),
        [(v, value), (k, Json::String(name))] if k == "key" && v == "value" => Some((name, value)),
        _ => None,
    }
}

fn join<'k>(outer: &str, name: &'k str) -> Cow<'k, str> {
    if outer.is_empty() {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(format!("{outer}.{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Json<'_> {
        Json::String(text.into())
    }

    #[test]
    fn every_shape_becomes_dotted_keys() {
        let value = Json::Array(vec![
            Json::Object(vec![("key".into(), text("a")), ("value".into(), text("1"))]),
            Json::Object(vec![
                ("key".into(), text("user")),
                (
                    "value".into(),
                    Json::Object(vec![
                        ("name".into(), text("2")),
                        ("roles".into(), Json::Array(vec![text("3"), text("4")])),
                    ]),
                ),
            ]),
            Json::Object(vec![
                ("key".into(), text("odd")),
                ("value".into(), text("5")),
                ("extra".into(), text("6")),
            ]),
            text("7"),
        ]);
        let mut seen = Vec::new();
        each_param(&value, &mut |key, value| {
            seen.push(format!("{key}={}", value.as_str().unwrap_or("?")));
        });
        assert_eq!(
            seen,
            [
                "a=1",
                "user.name=2",
                "user.roles=3",
                "user.roles=4",
                "key=odd",
                "value=5",
                "extra=6",
                "=7"
            ]
        );
    }
}
