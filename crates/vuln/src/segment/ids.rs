//! Advisory ids, packed: most are a well-known prefix and a number, and a database has millions of them.

use super::bytes::{Cursor, put_varint};

const TEXT: u8 = 0;
/// `PREFIX-YYYY-NNNN` with the least number of digits that the number is padded to.
const NUMBERED: [(u8, &str, usize); 5] =
    [(1, "CVE-", 4), (4, "UBUNTU-CVE-", 4), (5, "DEBIAN-CVE-", 4), (6, "ALPINE-CVE-", 4), (7, "MAL-", 1)];
/// Three groups of four symbols.
const GROUPED: [(u8, &str); 2] = [(2, "GHSA-"), (3, "CGA-")];
/// The symbols of grouped ids.
const SYMBOLS: &[u8; 20] = b"23456789cfghjmpqrvwx";
const FIRST_YEAR: u64 = 1980;

/// Appends an id. `intern` gives the offset of a text in the string pool.
pub fn put(out: &mut Vec<u8>, id: &str, intern: impl FnOnce(&str) -> u64) {
    for (tag, prefix, width) in NUMBERED {
        if let Some((year, number)) = id.strip_prefix(prefix).and_then(|rest| numbered(rest, width)) {
            out.push(tag);
            put_varint(out, year - FIRST_YEAR);
            put_varint(out, number);
            return;
        }
    }
    for (tag, prefix) in GROUPED {
        if let Some(value) = id.strip_prefix(prefix).and_then(grouped) {
            out.push(tag);
            out.extend_from_slice(&value.to_le_bytes()[..7]);
            return;
        }
    }
    out.push(TEXT);
    put_varint(out, intern(id));
}

/// Reads an id. `text` gives a string of the pool.
pub fn get<'a>(cursor: &mut Cursor<'a>, text: impl FnOnce(usize) -> Option<&'a str>) -> Option<String> {
    let tag = cursor.u8()?;
    if tag == TEXT {
        return text(cursor.size()?).map(str::to_owned);
    }
    if let Some((_, prefix, width)) = NUMBERED.iter().find(|(known, ..)| *known == tag) {
        let year = cursor.varint()?.checked_add(FIRST_YEAR)?;
        let number = cursor.varint()?;
        return Some(format!("{prefix}{year:04}-{number:0width$}"));
    }
    let (_, prefix) = GROUPED.iter().find(|(known, _)| *known == tag)?;
    let mut bytes = [0; 8];
    bytes[..7].copy_from_slice(cursor.take(7)?);
    let mut value = u64::from_le_bytes(bytes);
    let mut symbols = [0_u8; 12];
    for symbol in symbols.iter_mut().rev() {
        *symbol = SYMBOLS[usize::try_from(value % 20).ok()?];
        value /= 20;
    }
    let group = |range: std::ops::Range<usize>| std::str::from_utf8(&symbols[range]).ok();
    Some(format!("{prefix}{}-{}-{}", group(0..4)?, group(4..8)?, group(8..12)?))
}

/// A CVE as one number that sorts by year and number.
pub fn cve_number(id: &str) -> Option<u64> {
    let (year, number) = numbered(id.strip_prefix("CVE-")?, 4)?;
    (number >> 48 == 0).then_some(year << 48 | number)
}

/// The CVE of such a number.
pub fn cve_id(number: u64) -> String {
    format!("CVE-{:04}-{:04}", number >> 48, number & 0xffff_ffff_ffff)
}

/// Year and number, only where the text is exactly what they print as.
fn numbered(rest: &str, width: usize) -> Option<(u64, u64)> {
    let (year, number) = rest.split_once('-')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if year.len() != 4 || !digits(year) || !digits(number) || number.len() < width {
        return None;
    }
    if number.len() > width && number.starts_with('0') {
        return None;
    }
    let year: u64 = year.parse().ok()?;
    Some((year, number.parse().ok()?)).filter(|_| year >= FIRST_YEAR)
}

fn grouped(rest: &str) -> Option<u64> {
    let bytes = rest.as_bytes();
    if bytes.len() != 14 || bytes[4] != b'-' || bytes[9] != b'-' {
        return None;
    }
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().enumerate() {
        if at != 4 && at != 9 {
            value = value * 20 + u64::try_from(SYMBOLS.iter().position(|symbol| symbol == byte)?).ok()?;
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_as_they_were() {
        let ids = [
            "CVE-2021-44228",
            "CVE-1999-0001",
            "CVE-2024-00001",
            "CVE-1799-0001",
            "GHSA-xxcw-2q8h-4v7m",
            "GHSA-aaaa-bbbb-cccc",
            "CGA-224q-ccj5-2p53",
            "MAL-2024-7",
            "UBUNTU-CVE-2014-9913",
            "GO-2020-0036",
            "RHSA-2024:6163",
            "",
        ];
        for id in ids {
            let mut out = Vec::new();
            put(&mut out, id, |text| {
                assert_eq!(text, id);
                7
            });
            assert_eq!(get(&mut Cursor::new(&out, 0), |at| (at == 7).then_some(id)).as_deref(), Some(id));
        }
    }

    #[test]
    fn cves_sort_by_number() {
        assert!(cve_number("CVE-2020-9999") < cve_number("CVE-2020-10000"));
        assert_eq!(cve_number("GHSA-xxcw-2q8h-4v7m"), None);
        for id in ["CVE-1999-0001", "CVE-2024-12345"] {
            assert_eq!(cve_number(id).map(cve_id).as_deref(), Some(id));
        }
    }
}
