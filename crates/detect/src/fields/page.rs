//! The fields as a page of the documentation.

use std::fmt::Write as _;

use super::{Kinds, Spec, Takes, Type, all, unavailable};
use crate::EventSource;

/// Markdown: the fields of each source, and those of Falco that nothing feeds.
pub fn page() -> String {
    let mut out = String::from(
        "# Fields of conditions and outputs\n\nGenerated; `SEAWALL_BLESS=1 cargo test -p detect` writes it. Names and meaning \
         are Falco's where Falco has the field; `dns.*`, `exec.*`, `fpu.*`, `capability.*`, `evt.provider`, `proc.exe_origin`, \
         `proc.entered`, `container.serves`, `container.builds`, `container.on_node`, \
         `ka.pod.*`, `ka.role.*`, `ka.service.*` and `k8s.workload.*` are ours.\n\nA field without a value makes its check false, whatever the operator.\n",
    );
    for source in [EventSource::Syscall, EventSource::K8sAudit] {
        table(&mut out, &source);
    }
    out.push_str("\n## Not fed\n\nThese load, their checks never hold, and the rules that need them are reported as degraded:\n\n");
    let names: Vec<String> = unavailable::fields().map(|field| format!("`{field}`")).collect();
    out.push_str(&names.join(", "));
    out.push('\n');
    out
}

fn table(out: &mut String, source: &EventSource) {
    let _ = write!(out, "\n## Source `{source}`\n\n| field | type | argument | events |\n|---|---|---|---|\n");
    for spec in all(source) {
        // Writing to a string cannot fail.
        let _ =
            writeln!(out, "| `{}` | {} | {} | {} |", spec.name, type_name(spec.ty), argument(spec.takes), events(spec));
    }
}

const fn type_name(ty: Type) -> &'static str {
    match ty {
        Type::Text => "text",
        Type::List => "list of texts",
        Type::Int => "number",
        Type::Bool => "true or false",
        Type::Ip => "address",
        Type::EventType => "event type",
    }
}

const fn argument(takes: Takes) -> &'static str {
    match takes {
        Takes::Nothing => "",
        Takes::Index => "number, optional",
        Takes::IndexAlways => "number",
        Takes::Key => "text, optional",
        Takes::KeyAlways => "text",
    }
}

fn events(spec: &Spec) -> String {
    if spec.depends != super::Depends::Event {
        return "all (of the process)".to_owned();
    }
    match spec.kinds {
        Kinds::ALL | Kinds::SENSOR | Kinds::AUDIT => "all".to_owned(),
        kinds => kinds.names().collect::<Vec<_>>().join(", "),
    }
}
