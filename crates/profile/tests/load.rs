//! A profile that cannot be used is refused with a message that names the key.

use decostop_profile::{Class, ErrorKind, Profile};

const HEAD: &str = "version = 1\nname = 'x'\n";
const SOURCE: &str =
    "[[source]]\nname = 's'\nabout = 'a'\ntime = ['t']\n[source.fields]\nt = 'time'\nu = 'user'\n";

/// The message of the error, and its kind.
fn refusal(text: &str) -> (ErrorKind, String) {
    match Profile::parse(text) {
        Ok(_) => panic!("this profile was accepted:\n{text}"),
        Err(error) => (error.kind(), error.to_string()),
    }
}

#[test]
fn the_smallest_profile_has_defaults() {
    let profile = Profile::parse(&format!("{HEAD}{SOURCE}")).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(profile.conditions.plans, ["premium", "ultimate"]);
    assert_eq!(profile.conditions.billing, ["paid"]);
    assert_eq!(
        (
            profile.conditions.max_resources,
            profile.conditions.max_events,
            profile.conditions.support_days
        ),
        (50, 25, 7)
    );
    assert!(profile.routes.is_empty() && profile.vocabulary.words.is_empty() && profile.params.is_empty());
    assert_eq!(profile.text, format!("{HEAD}{SOURCE}"));
}

#[test]
fn shape_errors_name_the_key() {
    for (rest, key) in [
        ("surprise = 1", "surprise"),
        ("[conditions]\nplanes = []", "planes"),
        ("[conditions]\nmax_events = 'many'", "conditions.max_events"),
        ("[wrappers]\nobject = []", "object"),
        ("[internal]\nrange = []", "range"),
        ("[paths]\nroute = []", "route"),
        ("[params]\nx = 'person'", "params.x"),
        ("[vocabulary]\nword = []", "word"),
        ("[[event]]\nname = 'a.b'", "about"),
        ("[[event]]\nname = 'a.b'\nabout = 'c'\nraw = 1", "event[0].raw"),
        ("[[template]]\ntext = 'a'", "example"),
        ("[[template]]\ntext = 'a'\nexample = 'a'\nextra = 1", "extra"),
        ("[fieldset.f.field]\na = 'user'", "field"),
        ("[fieldset.f.fields]\na = 'person'", "fieldset.f.fields.a"),
        ("[fieldset.f.fields]\na = 7", "fieldset.f.fields.a"),
        ("[fieldset.f.fields]\na = { class = 'user', kind = 1 }", "kind"),
        (
            "[fieldset.f.fields]\na = { class = 'user', on = 'b', cases = { X = 'user' } }",
            "fieldset.f.fields.a",
        ),
        ("[fieldset.f.fields]\na = { on = 'b' }", "fieldset.f.fields.a"),
        ("[fieldset.f.fields]\na = {}", "fieldset.f.fields.a"),
        (
            "[[fieldset.f.tuple]]\nkind = 'group'\nrole = 'actor'\nfields = []",
            "fieldset.f.tuple[0].kind",
        ),
        ("[[source]]\nname = 's'\nabout = 'a'", "time"),
        (
            "[[source]]\nname = 's'\nabout = 'a'\ntime = ['t']\ncolumns.colour = []",
            "colour",
        ),
        (
            "[[source]]\nname = 's'\nabout = 'a'\ntime = ['t']\ndiscriminators = [{ field = 'f' }]",
            "values",
        ),
        (
            "[[source]]\nname = 's'\nabout = 'a'\ntime = ['t']\n[[source.example]]\nlines = 'x'",
            "lines",
        ),
    ] {
        let (kind, message) = refusal(&format!("{HEAD}{rest}\n"));
        assert_eq!(kind, ErrorKind::Syntax, "{rest}: {message}");
        assert!(message.contains(key), "{rest}: {message}");
    }
    let (_, message) = refusal("version = 1\nname = 'x'\nname = 'y'\n");
    assert!(message.contains("line 3"), "{message}");
}

#[test]
fn contradictions_name_the_part() {
    let with = |lines: &str| format!("{HEAD}{SOURCE}{lines}\n");
    for (text, part) in [
        ("version = 2\nname = 'x'\n".to_owned(), "version"),
        (HEAD.to_owned(), "source"),
        (format!("{HEAD}{SOURCE}{SOURCE}"), "`s` occurs twice"),
        (with("z = { on = 'q', cases = { X = 'user' } }"), "fields.z"),
        (with("z = { on = 'z', cases = { X = 'user' } }"), "fields.z"),
        (with("z = { class = 'user', values = ['a'] }"), "fields.z"),
        (with("z = { class = 'user', closed = true }"), "fields.z"),
        (with("'z_*' = 'user'"), "fields.z_*"),
        (with("'z_*' = 'status'"), "fields.z_*"),
        (
            with("[[source.tuple]]\nkind = 'user'\nrole = 'actor'\nfields = []"),
            "tuple",
        ),
        (
            with("[[source.tuple]]\nkind = 'user'\nrole = 'actor'\nfields = ['q']"),
            "`q`",
        ),
        (
            with("[[source.tuple]]\nkind = 'user'\nrole = 'actor'\nfields = ['t']"),
            "`t`",
        ),
        (
            with("[[source.tuple]]\nkind = 'user'\nrole = 'actor'\nfields = ['u', 'u']"),
            "two tuples",
        ),
        (with("[source.columns]\nactor = ['q']"), "columns.actor"),
        (with("[source.columns]\nactor = ['t']"), "columns.actor"),
        (with("[source.columns]\nip = ['u']"), "columns.ip"),
        (
            with(
                "z = { on = 'u', cases = { A = 'project', B = 'namespace' } }\n[source.columns]\nproject = ['z']",
            ),
            "columns.project",
        ),
        (
            with("[[event]]\nname = 'a.b'\nabout = 'c'\nraw.q = ['x']"),
            "no source `q`",
        ),
        (with("[[event]]\nname = 'ab'\nabout = 'c'"), "event `ab`"),
        (
            with("[[event]]\nname = 'a.b'\nabout = 'c'\n[[event]]\nname = 'a.b'\nabout = 'c'"),
            "`a.b` occurs twice",
        ),
        (with("[paths]\nroutes = ['/:thing']"), "paths.routes[0]"),
        (with("[paths]\nroutes = ['/a', '/a']"), "`/a` occurs twice"),
        (
            with("[[template]]\ntext = 'at {host}'\nexample = 'at x'"),
            "template[0]",
        ),
        (
            with("[[template]]\ntext = 'a'\nexample = 'a'\nevent = 'So It Is'"),
            "template[0] `a`.event",
        ),
        (
            format!(
                "{HEAD}{}",
                SOURCE.replace("['t']", "['t']\nevent = ['{u|template}']")
            ),
            "not of class text",
        ),
        (with("[params]\nx = 'secret'"), "params.x"),
        (with("[internal]\nranges = ['10.0.0.0']"), "internal.ranges[0]"),
        (with("[internal]\nranges = ['10.0.0.0/33']"), "internal.ranges[0]"),
        (with("[internal]\ndomains = ['lan']"), "internal.domains[0]"),
        (with("[vocabulary]\nwords = ['Loud']"), "Loud"),
        (
            with("[vocabulary]\nbuiltin = ['klingon']"),
            "vocabulary.builtin[0]",
        ),
        (format!("{HEAD}{}", SOURCE.replace("['t']", "['u']")), "time"),
        (format!("{HEAD}{}", SOURCE.replace("['t']", "['q']")), "time"),
        (format!("{HEAD}{}", SOURCE.replace("['t']", "[]")), "time"),
        (
            format!("{HEAD}{}", SOURCE.replace("['t']", "['t']\nevent = ['{q}']")),
            "event",
        ),
        (
            format!("{HEAD}{}", SOURCE.replace("['t']", "['t']\nevent = ['{u']")),
            "event",
        ),
        (
            format!("{HEAD}{}", SOURCE.replace("['t']", "['t']\nuse = ['f']")),
            "no fieldset `f`",
        ),
    ] {
        let (kind, message) = refusal(&text);
        assert_eq!(kind, ErrorKind::Inconsistent, "{message}");
        assert!(message.contains(part), "{part} is not in: {message}");
    }
}

#[test]
fn fieldsets_are_shared_and_the_source_has_the_last_word() {
    let sets = "[fieldset.a.fields]\nx = 'user'\n'm_*' = 'metric'\n'm_s_*' = 'secret'\n[[fieldset.a.tuple]]\nkind = 'user'\nrole = 'actor'\nfields = ['x']\n[fieldset.b.fields]\nx = 'name'\n";
    let both = SOURCE.replace("['t']", "['t']\nuse = ['a', 'b']");
    let (_, message) = refusal(&format!("{HEAD}{sets}{both}"));
    assert!(message.contains("`x` another class"), "{message}");

    let text = format!("{HEAD}{sets}{both}x = 'email'\nm_size = 'status'\n");
    let profile = Profile::parse(&text).unwrap_or_else(|e| panic!("{e}"));
    let source = profile
        .source("s")
        .unwrap_or_else(|| panic!("the source is there"));
    assert_eq!(source.class_of("x"), Some(Class::Email));
    assert_eq!(
        source.class_of("m_size"),
        Some(Class::Status),
        "a name beats a pattern"
    );
    assert_eq!(source.class_of("m_count"), Some(Class::Metric));
    assert_eq!(
        source.class_of("m_s_count"),
        Some(Class::Secret),
        "a longer pattern beats a shorter one"
    );
    assert_eq!(source.class_of("am_count"), None);
    assert_eq!(source.tuple_of("x", Class::Email), Some(0));
    assert_eq!(source.tuple_of("x", Class::Project), None);
}

#[test]
fn the_digested_text_holds_the_lists() {
    let text = format!("{HEAD}{SOURCE}[vocabulary]\nbuiltin = ['english']\nwords = ['blorb']\n");
    let profile = Profile::parse(&text).unwrap_or_else(|e| panic!("{e}"));
    assert!(profile.text.starts_with(&text) && profile.text.len() > text.len() + 10_000);
    assert!(profile.vocabulary.words.contains("blorb") && profile.vocabulary.words.contains("please"));
    assert!(
        !profile.vocabulary.words.contains("kubernetes"),
        "only the lists that were asked for"
    );
}

#[test]
fn a_profile_cut_short_is_refused_or_sound() {
    let text = Profile::builtin_text("gitlab").unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    for end in (0..lines.len()).step_by(97) {
        let part = lines.iter().take(end).copied().collect::<Vec<_>>().join("\n");
        if let Ok(profile) = Profile::parse(&part) {
            assert_eq!(profile.check().sources, profile.sources.len());
        }
    }
}

#[test]
fn the_text_is_had_back_as_it_was_written() {
    let plain = format!("{HEAD}{SOURCE}");
    let lists = format!("{HEAD}[vocabulary]\nbuiltin = ['english']\n# built-in list english\n{SOURCE}");
    let built_in = Profile::builtin_names().filter_map(Profile::builtin_text);
    for text in built_in.map(str::to_owned).chain([plain.clone(), lists]) {
        let profile = Profile::parse(&text).unwrap_or_else(|e| panic!("{e}"));
        assert!(profile.original() == Some(&text));
    }
    let mut other = Profile::parse(&plain).unwrap_or_else(|e| panic!("{e}"));
    other.digest.push('0');
    assert_eq!(other.original(), None);
}
