//! R's order: numbers separated by dots or hyphens; a longer list sorts after its own beginning.
//!
//! Source: R's `package_version`. The builds of Windows (`10.0.20348.2849`) are such lists too.

use super::packed::{END, Packed, is_number, number, text};

/// Appends the sort key.
pub fn pack(version: &str, out: &mut Packed) {
    for component in version.trim().split(['.', '-']) {
        out.part("number", component, |bytes| {
            if is_number(component) {
                bytes.push(0x20);
                number(bytes, component);
            } else {
                bytes.push(0x10);
                text(bytes, component.as_bytes());
            }
        });
    }
    out.mark(END);
}
