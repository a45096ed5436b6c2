//! Rows go in, and the same rows come out.

use std::path::{Path, PathBuf};

use decostop::artefact::ProvenanceWriter;
use decostop::sink::Provenance;
use decostop::{ErrorKind, Origin};

use super::*;

fn provenance(n: u64) -> Provenance {
    let mut provenance = Provenance::default();
    provenance.origin = Origin {
        path: PathBuf::from(if n < 3 { "a.log" } else { "b \"ü\".log" }),
        offset: n.checked_sub(1).map(|n| n * 1_000_000_007),
    };
    provenance.line_digest = [u8::try_from(n % 251).unwrap_or_default(); 32];
    provenance.source = "production_json".to_owned();
    provenance.event = format!("event.{}", n % 5);
    provenance.time_ns = i64::try_from(n).unwrap_or_default() * 1_500 - 1_000_000;
    provenance
}

fn write(path: &Path, rows: u64, max_rows: usize, max_bytes: usize) {
    let mut writer = Box::new(ParquetProvenance::with_groups(path, max_rows, max_bytes).expect("a file"));
    for n in 0..rows {
        writer.row(n, &provenance(n)).expect("a row");
    }
    writer.finish().expect("the end");
}

fn groups(path: &Path) -> Vec<i64> {
    use parquet::file::reader::FileReader;
    let file = std::fs::File::open(path).expect("a file");
    let reader = parquet::file::reader::SerializedFileReader::new(file).expect("Parquet");
    reader
        .metadata()
        .row_groups()
        .iter()
        .map(parquet::file::metadata::RowGroupMetaData::num_rows)
        .collect()
}

#[test]
fn rows_come_back_for_any_size_of_group() {
    let dir = tempfile::tempdir().expect("a directory");
    for (case, (rows, max_rows, max_bytes)) in [
        (0, 10, 1 << 20),
        (1, 10, 1 << 20),
        (10, 10, 1 << 20),
        (25, 10, 1 << 20),
        (25, 1_000, 1),
    ]
    .into_iter()
    .enumerate()
    {
        let path = dir.path().join(format!("{case}.parquet"));
        write(&path, rows, max_rows, max_bytes);
        let read: Vec<Row> = read_provenance(&path)
            .expect("Parquet")
            .map(|row| row.expect("a row"))
            .collect();
        assert_eq!(read.len() as u64, rows);
        for (n, row) in (0..).zip(&read) {
            let want = provenance(n);
            assert_eq!(row.ordinal, n);
            assert_eq!(row.input, want.origin.path.to_str().expect("text"));
            assert_eq!(row.offset, want.origin.offset);
            assert_eq!(row.line_digest, want.line_digest);
            assert_eq!((&row.source, &row.event), (&want.source, &want.event));
            assert_eq!(row.time_us, want.time_ns.div_euclid(1_000));
            assert_eq!(row.removals, "[]");
        }
        let most = if max_bytes == 1 { 1 } else { 10 };
        assert!(groups(&path).iter().all(|rows| *rows <= most));
    }
}

#[test]
fn groups_before_a_row_are_left_out() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("x.parquet");
    write(&path, 25, 10, 1 << 20);
    for (wanted, first) in [
        (0, Some(0)),
        (9, Some(0)),
        (10, Some(10)),
        (24, Some(20)),
        (25, None),
    ] {
        let mut rows = read_provenance(&path).expect("Parquet");
        rows.skip_groups_before(wanted).expect("sound groups");
        let row = rows.next().map(|row| row.expect("a row").ordinal);
        assert_eq!(row, first, "{wanted}");
    }
}

#[test]
fn the_same_rows_give_the_same_bytes() {
    let dir = tempfile::tempdir().expect("a directory");
    let (one, two) = (dir.path().join("1.parquet"), dir.path().join("2.parquet"));
    write(&one, 3_000, 1_000, 1 << 20);
    write(&two, 3_000, 1_000, 1 << 20);
    assert_eq!(
        std::fs::read(one).expect("a file"),
        std::fs::read(two).expect("a file")
    );
}

#[cfg(unix)]
#[test]
fn the_file_is_private_and_never_replaces_another() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("provenance.parquet");
    write(&path, 1, 10, 10);
    assert_eq!(
        std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        ParquetProvenance::create(&path).err().map(|error| error.kind()),
        Some(ErrorKind::Sink)
    );
    assert_eq!(read_provenance(&path).expect("untouched").count(), 1);
}

#[test]
fn what_is_not_provenance_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("x");
    assert_eq!(
        read_provenance(&path).err().map(|error| error.kind()),
        Some(ErrorKind::Source)
    );
    std::fs::write(&path, "PAR1 not really PAR1").expect("a file");
    assert_eq!(
        read_provenance(&path).err().map(|error| error.kind()),
        Some(ErrorKind::Source)
    );
}

#[test]
fn a_number_too_large_for_parquet_is_an_error() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut writer = ParquetProvenance::create_in(dir.path()).expect("a file");
    let mut huge = provenance(0);
    huge.origin.offset = Some(u64::MAX);
    assert_eq!(
        writer.row(0, &huge).err().map(|error| error.kind()),
        Some(ErrorKind::Limit)
    );
}
