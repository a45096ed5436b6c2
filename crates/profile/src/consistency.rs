//! What the parts of a profile must say of each other before it may be used.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::model::{Class, ClassRule, FieldSpec, Format, Profile, Source};
use crate::syntax::Asked;
use crate::{Error, syntax};

pub(crate) fn check(profile: &Profile) -> Result<(), Error> {
    if profile.sources.is_empty() {
        return Err(Error::inconsistent(
            "source",
            "a profile needs at least one source",
        ));
    }
    unique(
        "source",
        profile.sources.iter().map(|source| source.name.as_str()),
    )?;
    unique("event", profile.events.iter().map(|event| event.name.as_str()))?;
    unique("paths.routes", profile.routes.iter().map(String::as_str))?;
    unique(
        "template",
        profile.templates.iter().map(|template| template.text.as_str()),
    )?;
    for source in &profile.sources {
        source_is_sound(source)?;
    }
    for event in &profile.events {
        let place = format!("event `{}`", event.name);
        if !syntax::is_public_event(&event.name) {
            return Err(Error::inconsistent(
                place,
                "a name is lower-case words joined by dots and underscores",
            ));
        }
        for name in event.raw.keys() {
            if profile.source(name).is_none() {
                return Err(Error::inconsistent(
                    format!("{place}.raw"),
                    format!("no source `{name}`"),
                ));
            }
        }
    }
    for (i, route) in profile.routes.iter().enumerate() {
        syntax::route(route)
            .map_err(|reason| Error::inconsistent(format!("paths.routes[{i}] `{route}`"), reason))?;
    }
    for (i, template) in profile.templates.iter().enumerate() {
        syntax::template(&template.text)
            .map_err(|reason| Error::inconsistent(format!("template[{i}] `{}`", template.text), reason))?;
        if template
            .event
            .as_deref()
            .is_some_and(|event| !syntax::is_coined(event))
        {
            return Err(Error::inconsistent(
                format!("template[{i}] `{}`.event", template.text),
                "a name is lower-case words joined by underscores",
            ));
        }
    }
    for (key, class) in &profile.params {
        if class.is_always_dropped() || *class == Class::Params {
            let reason = format!("`{}` has no value to show; leave the key out", class.as_str());
            return Err(Error::inconsistent(format!("params.{key}"), reason));
        }
    }
    for (i, range) in profile.internal_ranges.iter().enumerate() {
        if !is_cidr(range) {
            return Err(Error::inconsistent(
                format!("internal.ranges[{i}] `{range}`"),
                "not in CIDR notation",
            ));
        }
    }
    for (i, domain) in profile.internal_domains.iter().enumerate() {
        if !domain.starts_with('.')
            || domain
                .bytes()
                .any(|b| b.is_ascii_uppercase() || b.is_ascii_whitespace())
        {
            let place = format!("internal.domains[{i}] `{domain}`");
            return Err(Error::inconsistent(
                place,
                "a suffix starts with a dot and is lower case",
            ));
        }
    }
    let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'\'';
    for word in &profile.vocabulary.words {
        if word.is_empty() || !word.bytes().all(is_word) {
            return Err(Error::inconsistent(
                format!("vocabulary.words `{word}`"),
                "a word is lower-case ASCII letters",
            ));
        }
    }
    Ok(())
}

fn unique<'a>(place: &str, names: impl Iterator<Item = &'a str>) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    for name in names {
        if name.is_empty() {
            return Err(Error::inconsistent(place, "an empty name"));
        }
        if !seen.insert(name) {
            return Err(Error::inconsistent(place, format!("`{name}` occurs twice")));
        }
    }
    Ok(())
}

fn source_is_sound(source: &Source) -> Result<(), Error> {
    let place = |key: &str| format!("source `{}`.{key}", source.name);
    let catalogued = |key: &str, field: &str| match source.fields.get(field) {
        Some(spec) => Ok(spec),
        None => Err(Error::inconsistent(
            place(key),
            format!("`{field}` is not a field of this source"),
        )),
    };

    for (field, spec) in &source.fields {
        field_is_sound(source, field, spec)?;
    }
    for (pattern, spec) in &source.patterns {
        let dropped = matches!(spec.rule, ClassRule::Fixed(class) if class.is_always_dropped());
        if !dropped {
            let reason = "a pattern may only name fields that are dropped: system, metric or secret";
            return Err(Error::inconsistent(place(&format!("fields.{pattern}")), reason));
        }
    }

    if source.time.is_empty() {
        return Err(Error::inconsistent(
            place("time"),
            "a source needs a field for its time",
        ));
    }
    let sound = match source.format {
        Format::Json => source.lines.is_empty(),
        Format::Logfmt => true,
        Format::Text => !source.lines.is_empty(),
    };
    if !sound {
        return Err(Error::inconsistent(
            place("lines"),
            "a source of format text needs patterns of its lines, and one of format json has none",
        ));
    }
    for pattern in &source.lines {
        for field in pattern.fields() {
            if source.spec(field).is_none() {
                return Err(Error::inconsistent(
                    place("lines"),
                    format!("`{field}` is not a field of this source"),
                ));
            }
        }
    }
    for field in &source.time {
        if catalogued("time", field)?.rule != ClassRule::Fixed(Class::Time) {
            return Err(Error::inconsistent(
                place("time"),
                format!("`{field}` is not of class time"),
            ));
        }
    }
    for expression in &source.event {
        let parts =
            syntax::placeholders(expression).map_err(|reason| Error::inconsistent(place("event"), reason))?;
        for (field, asked) in parts {
            let spec = catalogued("event", field)?;
            let (class, reason) = match asked {
                Asked::Text => continue,
                Asked::Route => (Class::Resource, "is not of class resource and has no route"),
                Asked::Template => (Class::Text, "is not of class text and fits no template"),
            };
            if !spec.classes().all(|found| found == class) {
                return Err(Error::inconsistent(place("event"), format!("`{field}` {reason}")));
            }
        }
    }
    type Fits = fn(Class) -> bool;
    let columns: [(&str, &[String], Fits); 6] = [
        ("actor", &source.columns.actor, |c| {
            matches!(
                c,
                Class::User | Class::UserId | Class::Name | Class::Email | Class::Ip
            )
        }),
        ("namespace", &source.columns.namespace, |c| {
            matches!(c, Class::Namespace | Class::NamespaceId)
        }),
        ("project", &source.columns.project, |c| {
            matches!(c, Class::Project | Class::ProjectId)
        }),
        ("ip", &source.columns.ip, |c| c == Class::Ip),
        ("status", &source.columns.status, |c| {
            matches!(c, Class::Status | Class::Method)
        }),
        ("correlation_id", &source.columns.correlation_id, |c| {
            c == Class::Correlation
        }),
    ];
    for (column, fields, fits) in columns {
        for field in fields {
            let spec = catalogued(&format!("columns.{column}"), field)?;
            if !spec.classes().all(fits) {
                let reason = format!("the class of `{field}` does not always fit this column");
                return Err(Error::inconsistent(place(&format!("columns.{column}")), reason));
            }
        }
    }
    let mut in_tuple = BTreeSet::new();
    for tuple in &source.tuples {
        if tuple.fields.is_empty() {
            return Err(Error::inconsistent(place("tuple"), "without fields"));
        }
        for field in &tuple.fields {
            if !catalogued("tuple", field)?.classes().any(Class::is_identity) {
                return Err(Error::inconsistent(
                    place("tuple"),
                    format!("`{field}` does not name anybody"),
                ));
            }
            if !in_tuple.insert((field.as_str(), tuple.kind)) {
                return Err(Error::inconsistent(
                    place("tuple"),
                    format!("`{field}` is in two tuples"),
                ));
            }
        }
    }
    Ok(())
}

fn field_is_sound(source: &Source, field: &str, spec: &FieldSpec) -> Result<(), Error> {
    let place = || format!("source `{}`.fields.{field}", source.name);
    if let ClassRule::On { field: sibling, .. } = &spec.rule {
        if !source.fields.contains_key(sibling) {
            return Err(Error::inconsistent(
                place(),
                format!("its class depends on `{sibling}`, which is no field"),
            ));
        }
        if sibling == field {
            return Err(Error::inconsistent(place(), "its class depends on itself"));
        }
    }
    if !spec.values.is_empty()
        && !spec
            .classes()
            .all(|class| matches!(class, Class::Method | Class::Status))
    {
        return Err(Error::inconsistent(
            place(),
            "only method and status have `values`",
        ));
    }
    if spec.closed && !spec.classes().all(|class| class == Class::Event) {
        return Err(Error::inconsistent(place(), "only event can be `closed`"));
    }
    Ok(())
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let (Ok(address), Ok(bits)) = (address.parse::<IpAddr>(), bits.parse::<u8>()) else {
        return false;
    };
    bits <= if address.is_ipv4() { 32 } else { 128 }
}
