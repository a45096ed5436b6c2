//! The published schemas say what the reader does.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::request::{parse, schema, scope};

fn keys(table: &Value) -> BTreeSet<&str> {
    table["properties"]
        .as_object()
        .expect("a table")
        .keys()
        .map(String::as_str)
        .collect()
}

fn set<'a>(keys: &[&'a str]) -> BTreeSet<&'a str> {
    keys.iter().copied().collect()
}

/// The alternative that is a table.
fn entry(list: &Value) -> &Value {
    list["items"]["anyOf"]
        .as_array()
        .expect("alternatives")
        .last()
        .expect("a table")
}

#[test]
fn keys_are_those_of_the_reader() {
    let schema = schema::request();
    let at = |key: &str| &schema["properties"][key];
    assert_eq!(keys(&schema), set(parse::REQUEST_KEYS));
    assert_eq!(keys(at("customer")), set(parse::CUSTOMER_KEYS));
    assert_eq!(keys(at("window")), set(parse::WINDOW_KEYS));
    assert_eq!(keys(at("disclosure")), set(parse::DISCLOSURE_KEYS));
    assert_eq!(keys(&at("select")["items"]), set(parse::SELECT_KEYS));
    assert_eq!(
        keys(&at("select")["items"]["properties"]["exclude"]),
        set(parse::EXCLUDE_KEYS)
    );
    assert_eq!(keys(&at("exception")["items"]), set(parse::EXCEPTION_KEYS));
    let owned = at("scope");
    assert_eq!(keys(owned), set(scope::SCOPE_KEYS));
    assert_eq!(
        keys(entry(&owned["properties"]["namespaces"])),
        set(scope::PATH_KEYS)
    );
    assert_eq!(
        keys(entry(&owned["properties"]["projects"])),
        set(scope::PATH_KEYS)
    );
    assert_eq!(keys(entry(&owned["properties"]["users"])), set(scope::USER_KEYS));
}

#[test]
fn every_table_is_closed_and_described() {
    fn walk(value: &Value, path: &str) {
        if let Value::Object(object) = value {
            if object.get("type") == Some(&"object".into()) {
                assert!(object.contains_key("additionalProperties"), "{path}");
                assert!(object.contains_key("description"), "{path}");
            }
            for (key, inner) in object {
                walk(inner, &format!("{path}/{key}"));
            }
        } else if let Value::Array(items) = value {
            for (place, inner) in items.iter().enumerate() {
                walk(inner, &format!("{path}/{place}"));
            }
        }
    }
    walk(&schema::request(), "request");
    walk(&schema::manifest(), "manifest");
}
