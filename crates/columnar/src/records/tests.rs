//! Rows and records are the same, to the byte.

#![expect(
    clippy::redundant_closure_for_method_calls,
    clippy::format_push_string,
    reason = "two builders have a `build`; short texts, written once"
)]

use std::borrow::Cow;
use std::io::Write;

use proptest::prelude::*;

use super::csv::{CsvLines, is_risky};
use super::row::{Cells, join, split, time_text};
use super::*;

/// Records with everything that a cell cannot say by itself.
const RECORDS: [&str; 12] = [
    r#"{"time":"2026-11-01T00:00:00Z","source":"gitaly"}"#,
    r#"{"time":"2026-11-01T00:00:00.120Z","source":"gitaly","method":"GET"}"#,
    r#"{"time":"2026-11-01T00:00:00.000Z","source":"gitaly","status":200,"method":"GET"}"#,
    r#"{"time":"2026-11-01T00:00:00.12Z","source":"gitaly","status":"200"}"#,
    r#"{"time":"2026-11-01T00:00:00.123456789Z","source":"gitaly","status":"-7","x":1}"#,
    r#"{"time":"2026-11-01T00:00:00.123456Z","source":"gitaly","actor":1001,"status":-7}"#,
    r#"{"time":"2026-11-01T23:59:60Z","source":"gitaly","actor":null,"status":"error"}"#,
    r#"{"time":"2026-11-02T00:00:00.5Z","source":"gitaly","event":"","actor":"\u0061\"\\","project":"a\/b"}"#,
    r#"{"time":"2026-11-02T00:00:01Z","source":"gitaly","actor":"=1+1","namespace":"@x","project":"'y","ip":"-1","correlation_id":"＝2"}"#,
    r#"{"time":"2026-11-02T00:00:02Z","source":"gitaly","namespace":"a,b\n\t\"c\"","t":"one; two","n":null,"b":true}"#,
    r#"{"time":"2026-11-02T00:00:03Z","source":"gitaly","namespace":" =1","e":"","f":"{\"a\":[1,2]}","time#2":"x"}"#,
    r#"{"time":"2026-11-02T00:00:04.001Z","source":"gitaly","actor":"ü 😀","status":"007","g":"\ud83d\ude00"}"#,
];

fn written<S>(
    start: impl FnOnce(Vec<u8>) -> std::io::Result<S>,
    mut push: impl FnMut(&mut S, &[u8]) -> std::io::Result<()>,
    end: impl FnOnce(S) -> std::io::Result<Vec<u8>>,
    rows: usize,
) -> Vec<u8> {
    let mut sink = start(Vec::new()).expect("memory");
    for record in RECORDS.iter().cycle().take(rows) {
        push(&mut sink, record.as_bytes()).expect("a record");
    }
    end(sink).expect("a file")
}

fn parquet(rows: usize) -> Vec<u8> {
    let start = |to| ParquetSink::with_groups(to, 10_000);
    written(start, ParquetSink::push_text, ParquetSink::into_inner, rows)
}

fn csv_file(rows: usize) -> Vec<u8> {
    written(CsvSink::new, CsvSink::push_text, CsvSink::into_inner, rows)
}

fn wanted(rows: usize) -> Vec<&'static str> {
    RECORDS.into_iter().cycle().take(rows).collect()
}

#[test]
fn a_row_is_its_record_to_the_byte() {
    for form in [Cells::Typed, Cells::Text] {
        for record in RECORDS {
            let row = split(record, form).expect("a record");
            let mut cells = row.cells;
            if form == Cells::Typed {
                cells[0] = time_text(row.time_us).map(Cow::Owned);
            } else {
                // An empty cell is an absent one.
                for cell in &mut cells {
                    *cell = cell.take().filter(|cell| !cell.is_empty());
                }
            }
            assert_eq!(join(&cells, &row.fields).expect("a row"), record);
        }
    }
}

#[test]
fn what_cells_can_say_stands_in_no_second_place() {
    for (record, typed) in [
        (RECORDS[1], r#"{"method":"GET"}"#),
        (
            RECORDS[2],
            r#"{"time":"2026-11-01T00:00:00.000Z","method":"GET"}"#,
        ),
        (RECORDS[5], r#"{"actor":1001}"#),
    ] {
        assert_eq!(split(record, Cells::Typed).expect("a record").fields, typed);
    }
}

#[test]
fn records_come_back_from_every_format() {
    for rows in [0, 1, 12, 25_000] {
        let file = parquet(rows);
        let reader =
            ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(bytes_of(&file))
                .and_then(|builder| builder.build())
                .expect("Parquet");
        let read: Vec<String> = reader
            .flat_map(|batch| lines(&batch.expect("a batch")).expect("rows"))
            .collect();
        assert_eq!(read, wanted(rows));

        let file = written(ArrowSink::new, ArrowSink::push_text, ArrowSink::into_inner, rows);
        let reader = arrow_ipc::reader::FileReader::try_new(std::io::Cursor::new(file), None).expect("Arrow");
        let read: Vec<String> = reader
            .flat_map(|batch| lines(&batch.expect("a batch")).expect("rows"))
            .collect();
        assert_eq!(read, wanted(rows));

        let file = csv_file(rows);
        let read: Vec<String> = CsvLines::new(file.as_slice())
            .expect("CSV")
            .map(|line| line.expect("a row"))
            .collect();
        assert_eq!(read, wanted(rows));
    }
}

fn bytes_of(file: &[u8]) -> std::fs::File {
    let mut copy = tempfile::tempfile().expect("a file");
    copy.write_all(file).expect("a file");
    copy
}

#[test]
fn parquet_has_what_readers_skip_by_and_nothing_more() {
    use ::parquet::file::metadata::{PageIndexPolicy, ParquetMetaDataReader};
    let file = bytes_of(&parquet(25_000));
    let metadata = ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Required)
        .parse_and_finish(&file)
        .expect("metadata");
    assert_eq!(metadata.num_row_groups(), 3);
    assert!(metadata.file_metadata().key_value_metadata().is_none());
    assert_eq!(
        metadata.file_metadata().created_by(),
        Some(concat!("decostop ", env!("CARGO_PKG_VERSION")))
    );
    for group in metadata.row_groups() {
        assert!(
            group
                .sorting_columns()
                .is_some_and(|columns| columns[0].column_idx == 0)
        );
        for column in group.columns() {
            let name = column.column_path().string();
            let filtered = ["event", "actor", "namespace"].contains(&name.as_str());
            assert_eq!(column.bloom_filter_offset().is_some(), filtered, "{name}");
            assert!(column.offset_index_offset().is_some(), "{name}");
            assert_eq!(column.statistics().is_some(), name != "fields", "{name}");
        }
    }
}

#[test]
fn the_same_records_give_the_same_bytes() {
    assert_eq!(parquet(25_000), parquet(25_000));
    let arrow = || written(ArrowSink::new, ArrowSink::push_text, ArrowSink::into_inner, 9_000);
    assert_eq!(arrow(), arrow());
}

#[test]
fn no_cell_of_csv_begins_like_a_formula() {
    let file = csv_file(12);
    let mut reader = ::csv::Reader::from_reader(file.as_slice());
    for row in reader.records() {
        for cell in &row.expect("a row") {
            let guarded = cell.strip_prefix('\'');
            assert_eq!(guarded.is_some(), is_risky(guarded.unwrap_or(cell)), "{cell}");
        }
    }
    let text = String::from_utf8(file).expect("text");
    assert!(text.contains(",'=1+1,'@x,''y,'-1,,'＝2,"));
    assert!(text.contains(",' =1,") && text.contains(r"one\u003b two") && !text.contains(';'));
    assert!(
        text.starts_with("time,source,event,actor,namespace,project,ip,status,correlation_id,fields\r\n")
    );
}

#[test]
fn what_is_no_record_is_refused() {
    for wrong in [
        "",
        "{}",
        "[]",
        r#"{"source":"gitaly"}"#,
        r#"{"time":"2026-11-01T00:00:00Z"}"#,
        r#"{"time":"yesterday","source":"gitaly"}"#,
        r#"{"time":7,"source":"gitaly""#,
        r#"{"time":"2026-11-01T00:00:00Z","source":"gitaly","#,
    ] {
        assert!(split(wrong, Cells::Typed).is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn any_record_comes_back(
        time in 0i64..4_000_000_000_000_000, digits in 0usize..=9,
        status in prop_oneof![any::<i32>().prop_map(|n| n.to_string()), Just("\"200\"".to_owned()), "[a-z]{1,6}".prop_map(|word| format!("\"{word}\""))],
        texts in proptest::collection::vec(proptest::option::of("\\PC{0,12}"), 6),
        rest in proptest::collection::vec("\\PC{0,20}", 0..4),
    ) {
        let plain = time_text(time).expect("an instant");
        let second = plain.get(..19).expect("seconds");
        let fraction = format!("{:09}", time % 1_000_000 * 1000 + 7);
        let mut record = if digits == 0 { format!("{{\"time\":\"{second}Z\"") } else {
            format!("{{\"time\":\"{second}.{}Z\"", &fraction[..digits])
        };
        record.push_str(",\"source\":\"gitaly\"");
        for (name, text) in ["event", "actor", "namespace", "project", "ip"].iter().zip(&texts) {
            if let Some(text) = text {
                record.push_str(&format!(",\"{name}\":{}", serde_json::Value::from(text.as_str())));
            }
        }
        record.push_str(&format!(",\"status\":{status}"));
        for (nth, text) in rest.iter().enumerate() {
            record.push_str(&format!(",\"k{nth}\":{}", serde_json::Value::from(text.as_str())));
        }
        record.push('}');
        let mut sink = CsvSink::new(Vec::new()).expect("memory");
        sink.push_text(record.as_bytes()).expect("a record");
        let file = sink.into_inner().expect("memory");
        let read: Vec<String> = CsvLines::new(file.as_slice()).expect("CSV").map(|line| line.expect("a row")).collect();
        prop_assert_eq!(&read, std::slice::from_ref(&record));
        let mut batches = RecordBatches::default();
        prop_assert!(batches.push_text(record.as_bytes()).expect("a record").is_none());
        let batch = batches.finish().expect("a batch").expect("a row");
        prop_assert_eq!(lines(&batch).expect("rows"), [record]);
    }
}
