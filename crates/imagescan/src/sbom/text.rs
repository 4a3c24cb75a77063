//! The text of a document: its encoding, and what it is when it is no JSON.

use std::borrow::Cow;

/// What a document that is no JSON may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Nothing that we know.
    Other,
    /// CycloneDX or SPDX in XML.
    Xml,
    /// SPDX's lines of tags and values.
    TagValue,
}

impl Form {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let start = bytes.trim_ascii_start();
        match start {
            _ if start.starts_with(b"<") => Self::Xml,
            _ if start.starts_with(b"SPDXVersion:") => Self::TagValue,
            _ => Self::Other,
        }
    }
}

pub(super) const fn hint(form: Form) -> &'static str {
    match form {
        Form::Other => "",
        Form::Xml => "; this is XML, have the tool that made it write JSON",
        Form::TagValue => "; this is SPDX tag-value, have the tool that made it write JSON",
    }
}

/// The document in UTF-8. Windows PowerShell writes what is redirected into a file as UTF-16, other tools put a mark before
/// UTF-8; JSON itself has neither (RFC 8259 §8.1).
pub(super) fn utf8(bytes: &[u8]) -> Cow<'_, [u8]> {
    let wide = |rest: &[u8], number: fn([u8; 2]) -> u16| {
        let (pairs, _) = rest.as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().map(|pair| number(*pair)).collect();
        Cow::Owned(String::from_utf16_lossy(&units).into_bytes())
    };
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(rest),
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        _ => Cow::Borrowed(bytes),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use crate::sbom::read;

    const TEXT: &str = r#"{"bomFormat":"CycloneDX","specVersion":"1.5","components":[{"name":"a","version":"1","purl":"pkg:npm/a@1"}]}"#;

    #[test]
    fn a_document_is_read_in_each_of_its_wrappings() {
        let wide = |number: fn(u16) -> [u8; 2]| {
            "\u{feff}".encode_utf16().chain(TEXT.encode_utf16()).flat_map(number).collect()
        };
        let statement = format!(r#"{{"_type":"https://in-toto.io/Statement/v1","predicate":{TEXT}}}"#);
        let envelope =
            format!(r#"{{"payloadType":"application/vnd.in-toto+json","payload":"{}"}}"#, STANDARD.encode(&statement));
        for bytes in [
            TEXT.into(),
            format!("\u{feff}{TEXT}").into_bytes(),
            wide(u16::to_le_bytes),
            wide(u16::to_be_bytes),
            statement.into_bytes(),
            envelope.into_bytes(),
            format!(r#"{{"sbom":{TEXT}}}"#).into_bytes(),
        ] {
            let found = read(&bytes, "x").unwrap();
            assert_eq!(found.packages.len(), 1, "{}", String::from_utf8_lossy(&bytes));
        }
        for bytes in [&b"\xff\xfe{"[..], b"\xef\xbb\xbf", br#"{"payload":"?"}"#, br#"{"payload":"e30="}"#] {
            assert!(read(bytes, "x").is_err());
        }
    }
}
