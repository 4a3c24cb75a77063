//! JSON schemas of everything that leaves a program, generated from the types (`cargo xtask gen` writes them to
//! `docs/reference/schema`; CI diffs them).

use schemars::{JsonSchema, Schema, generate::SchemaSettings};

use crate::{
    Alert, Assessment, BatchAnswer, BatchHeader, ControlResult, Coverage, Diagnostic, Event, Exemption, Incident,
    Inventory, NodeFacts, Process, Scope, Verdict, image::ScanReport,
};

fn of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>()
}

/// Every contract value by its file name, sorted.
pub fn all() -> Vec<(&'static str, Schema)> {
    vec![
        ("alert", of::<Alert>()),
        ("assessment", of::<Assessment>()),
        ("batch-answer", of::<BatchAnswer>()),
        ("batch-header", of::<BatchHeader>()),
        ("control-result", of::<ControlResult>()),
        ("coverage", of::<Coverage>()),
        ("diagnostic", of::<Diagnostic>()),
        ("event", of::<Event>()),
        ("exemption", of::<Exemption>()),
        ("incident", of::<Incident>()),
        ("inventory", of::<Inventory>()),
        ("node-facts", of::<NodeFacts>()),
        ("process", of::<Process>()),
        ("scan-report", of::<ScanReport>()),
        ("scope", of::<Scope>()),
        ("verdict", of::<Verdict>()),
    ]
}
