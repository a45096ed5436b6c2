use decostop_profile::Profile;

use super::*;

fn record(time: &str, status: u32, more: &str) -> String {
    format!(
        r#"{{"time":"{time}","source":"production_json","event":"token.created","actor":"user-{}","project":"acme/api","status":{status}{more}}}"#,
        "a".repeat(21)
    )
}

fn counted(records: &[String]) -> Residual {
    let profile = Profile::gitlab();
    let lens = Lens::new(&profile);
    let mut counter = Counter::default();
    for record in records {
        counter.add(lens.features(record.as_bytes()));
    }
    counter.finish(&profile, &Ledger::default())
}

#[test]
fn a_record_alone_is_found_and_what_makes_it_rare() {
    let mut records: Vec<String> = (0..6)
        .map(|hour| record(&format!("2026-11-01T0{hour}:00:00Z"), 200, ""))
        .collect();
    records.push(record("2026-11-01T00:30:00Z", 403, ""));
    let residual = counted(&records);
    assert_eq!((residual.records, residual.k), (7, 5));
    assert_eq!((residual.by_day.classes, residual.by_day.alone), (2, 1));
    assert_eq!(residual.by_day.records_below_k, 1);
    assert_eq!((residual.by_hour.classes, residual.by_hour.alone), (7, 7));
    assert_eq!(residual.rarest.len(), 1);
    assert_eq!((residual.rarest[0].record, residual.rarest[0].class_size), (7, 1));
    assert_eq!(residual.rarest[0].rare_values, ["status"]);
    assert!(
        residual
            .rare_values
            .iter()
            .any(|values| values.field == "status" && values.distinct == 2 && values.rare == 1)
    );
    assert!(!residual.by_day.capped);
}

#[test]
fn actors_make_no_classes_and_routes_count_by_their_shape() {
    let path = |who: &str, number: u32| {
        let more = format!(r#","path":"/user-{}/-/issues/{number}?x=1""#, who.repeat(21));
        record("2026-11-01T00:00:00Z", 200, &more)
    };
    let same = counted(&[path("a", 1), path("b", 2)]);
    assert_eq!(same.by_day.classes, 1);
    let other = r#","path":"/acme/-/merge_requests""#;
    let other = counted(&[path("a", 1), record("2026-11-01T00:00:00Z", 200, other)]);
    assert_eq!(other.by_day.classes, 2);
}

#[test]
fn words_that_look_like_names_are_told_where_they_first_stand() {
    let text = |text: &str| {
        record(
            "2026-11-01T00:00:00Z",
            200,
            &format!(r#","exception.message":"{text}""#),
        )
    };
    let residual = counted(&[
        text("Could not open [text] for Will. Failed"),
        text("asked Will, twice"),
        text("[text]"),
    ]);
    assert_eq!(residual.text.texts, 2);
    assert_eq!(residual.text.marks, 2);
    assert_eq!(residual.text.name_like, 2);
    let token = &residual.text.tokens[0];
    assert_eq!((token.token.as_str(), token.count, token.record), ("Will", 2, 1));
    assert_eq!(token.field, "exception.message");
}

#[test]
fn bounds_hold_and_are_told() {
    let profile = Profile::gitlab();
    let lens = Lens::new(&profile);
    let mut features = lens.features(record("2026-11-01T00:00:00Z", 200, "").as_bytes());
    let mut counter = Counter::default();
    for n in 0..MAX_CLASSES as u64 + 3 {
        features.values[4] = n;
        counter.add(features.clone());
    }
    let residual = counter.finish(&profile, &Ledger::default());
    assert_eq!(residual.by_day.classes, MAX_CLASSES as u64);
    assert!(residual.by_day.capped && residual.by_day.uncounted_records == 3);
    assert!(residual.rare_values.iter().any(|values| values.capped));
    assert_eq!(residual.rarest.len(), 100);
}
