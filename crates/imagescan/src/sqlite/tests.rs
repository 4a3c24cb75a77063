//! Cases of `sqlite`: inputs and what must come of them.

use super::*;
use crate::testing::held;

const PAGE: usize = 512;

/// A file of pages, the first of which has the file's header.
fn file(pages: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = [MAGIC, &[2, 0], &[0; 82]].concat();
    bytes[59] = 1;
    for (index, page) in pages.iter().enumerate() {
        bytes.extend(page);
        bytes.resize((index + 1) * PAGE, 0);
    }
    bytes
}

/// A page of a tree that has one child, its last.
fn interior(child: u32) -> Vec<u8> {
    [&[5, 0, 0, 0, 0, 0, 0, 0][..], &child.to_be_bytes()].concat()
}

/// Reads from the first page on; gives the damage.
fn damage(bytes: &[u8]) -> Vec<(u64, &'static str)> {
    let mut database = Database::open(held(bytes)).unwrap();
    database.rows(1, &mut |_, _| panic!("there are no rows"));
    database.damage().to_vec()
}

#[test]
fn trees_end_by_their_depth() {
    let pages: Vec<Vec<u8>> = (2..=60).map(interior).collect();
    let deepest = (MAX_DEPTH + 1) * PAGE;
    assert_eq!(damage(&file(&pages)), [(deepest as u64, "a tree that is too deep")]);
}

#[test]
fn circles_and_pages_that_are_not_there_are_damage() {
    assert_eq!(damage(&file(&[interior(2), interior(1)])), [(0, "a page that is used twice")]);
    assert_eq!(damage(&file(&[interior(9)])), [(8 * PAGE as u64, "a page beyond the end of the file")]);
    assert_eq!(damage(&file(&[vec![7]])), [(0, "a page that is not part of a table")]);
    let broken = file(&[interior(2), vec![0x0d, 0, 0, 0, 1]]);
    assert_eq!(damage(&broken[..PAGE + 100]), [(PAGE as u64, "a page that is cut off")]);
}

#[test]
fn damage_does_not_grow_without_end() {
    // A leaf that claims as many rows as its field can say, each at a place that is none.
    let leaf = vec![0x0d, 0, 0, 0xff, 0xff];
    assert_eq!(damage(&file(&[leaf])).len(), MAX_DAMAGE);
}

#[test]
fn headers_that_make_no_sense_are_refused() {
    let good = file(&[interior(2)]);
    for (at, value, expected) in [
        (0, b'X', "not an SQLite file"),
        (16, 3, "an SQLite file with a page size that is none"),
        (59, 2, "an SQLite file that is not in UTF-8"),
        (20, 255, "an SQLite file with pages that hold nothing"),
    ] {
        let mut bytes = good.clone();
        bytes[at] = value;
        assert_eq!(Database::open(held(&bytes)).err().unwrap(), expected);
    }
}

#[test]
fn records_have_values_of_every_type() {
    let payload = [&[10, 0, 1, 2, 8, 9, 7, 14, 15, 11][..], &[0xff], &[0x01, 0x00], &[0; 8], &[7], b"t"].concat();
    assert!(Row::parse(&payload).is_none(), "11 is a type of no value");
    let mut payload = payload;
    payload[9] = 0;
    let row = Row::parse(&payload).unwrap();
    let expected = [
        Value::Null,
        Value::Integer(-1),
        Value::Integer(256),
        Value::Integer(0),
        Value::Integer(1),
        Value::Null,
        Value::Blob(&[7]),
        Value::Text(b"t"),
        Value::Null,
    ];
    assert_eq!(row.values, expected);
    assert_eq!(row.column(9), None);
}

#[test]
fn a_row_has_so_many_columns() {
    let count = MAX_COLUMNS + 10;
    let payload = [vec![u8::try_from(count + 1).unwrap()], vec![8; count]].concat();
    assert_eq!(Row::parse(&payload).unwrap().values.len(), MAX_COLUMNS);
}

#[test]
fn variable_length_numbers() {
    for (bytes, expected) in [
        (&[0x7f][..], Some((127, 1))),
        (&[0x81, 0x00], Some((128, 2))),
        (&[0xff; 9], Some((u64::MAX, 9))),
        (&[0x81], None),
        (&[], None),
    ] {
        assert_eq!(varint(bytes, 0), expected, "{bytes:?}");
    }
}
