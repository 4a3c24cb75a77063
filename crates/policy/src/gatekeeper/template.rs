//! `ConstraintTemplate`: what a policy is, apart from where it applies.
//!
//! Format: `templates.gatekeeper.sh` v1, v1beta1, v1alpha1, with the code in `rego` and `libs` or in `code`.

use serde_json::Value;

use crate::rego::{CompileError, Dialect, Module, Program};

/// The only target that Gatekeeper has.
const TARGET: &str = "admission.k8s.gatekeeper.sh";

/// A template that compiles.
#[derive(Debug, Clone)]
pub struct Template {
    /// `metadata.name`.
    pub name: String,
    /// The kind of its constraints.
    pub kind: String,
    /// OpenAPI schema of the constraints' parameters.
    pub(super) schema: Value,
    pub(super) program: Program,
}

/// Why a template cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The object is something else.
    #[error("a {0} is no ConstraintTemplate of templates.gatekeeper.sh")]
    NotATemplate(String),
    /// A field is missing or has the wrong type.
    #[error("{path}: {reason}")]
    Field {
        /// JSON pointer.
        path: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The template has code only for engines that are not here.
    #[error("no Rego in it: its engines are {0}")]
    Engine(String),
    /// The code does not compile.
    #[error("its Rego cannot be used")]
    Rego(#[from] CompileError),
}

fn field(path: &'static str, reason: impl Into<String>) -> TemplateError {
    TemplateError::Field { path, reason: reason.into() }
}

impl Template {
    /// Reads and compiles a template.
    pub fn parse(object: &Value) -> Result<Self, TemplateError> {
        let kind = object["kind"].as_str().unwrap_or("object without a kind");
        let group = object["apiVersion"].as_str().unwrap_or("").starts_with("templates.gatekeeper.sh/");
        if kind != "ConstraintTemplate" || !group {
            return Err(TemplateError::NotATemplate(kind.to_owned()));
        }
        let name = object["metadata"]["name"].as_str().ok_or_else(|| field("/metadata/name", "missing"))?;
        let crd = &object["spec"]["crd"]["spec"];
        let kind = crd["names"]["kind"].as_str().ok_or_else(|| field("/spec/crd/spec/names/kind", "missing"))?;
        if name != kind.to_lowercase() {
            let reason = format!("{name:?} must be the kind in lower case, {:?}", kind.to_lowercase());
            return Err(field("/metadata/name", reason));
        }
        let target = match object["spec"]["targets"].as_array().map_or(&[][..], Vec::as_slice) {
            [target] => target,
            targets => {
                return Err(field("/spec/targets", format!("exactly one is needed, {} are there", targets.len())));
            }
        };
        if target["target"] != TARGET {
            return Err(field("/spec/targets/0/target", format!("{} is not {TARGET:?}", target["target"])));
        }
        let (source, dialect) = source(target)?;
        let entry = source["rego"].as_str().ok_or_else(|| field("/spec/targets/0/rego", "missing"))?;
        let libs = libraries(source)?;
        let names: Vec<String> = (0..libs.len()).map(|index| format!("{name}/lib{index}.rego")).collect();
        let libs: Vec<Module<'_>> = names.iter().zip(libs).map(|(name, text)| Module { name, text }).collect();
        let entry_name = format!("{name}.rego");
        let program = Program::compile(Module { name: &entry_name, text: entry }, &libs, "violation", dialect)?;
        let schema = crd["validation"]["openAPIV3Schema"].clone();
        Ok(Self { name: name.to_owned(), kind: kind.to_owned(), schema, program })
    }
}

/// Where the Rego is, and its dialect.
fn source(target: &Value) -> Result<(&Value, Dialect), TemplateError> {
    let Some(code) = target["code"].as_array().filter(|code| !code.is_empty()) else {
        return Ok((target, Dialect::V0));
    };
    let Some(rego) = code.iter().find(|code| code["engine"] == "Rego") else {
        let engines: Vec<&str> = code.iter().filter_map(|code| code["engine"].as_str()).collect();
        return Err(TemplateError::Engine(engines.join(", ")));
    };
    let source = &rego["source"];
    // Any other version is the old language, as in Gatekeeper.
    Ok((source, if source["version"] == "v1" { Dialect::V1 } else { Dialect::V0 }))
}

fn libraries(source: &Value) -> Result<Vec<&str>, TemplateError> {
    match &source["libs"] {
        Value::Null => Ok(Vec::new()),
        Value::Array(libs) => libs
            .iter()
            .map(|lib| lib.as_str().ok_or_else(|| field("/spec/targets/0/libs", "a library is no text")))
            .collect(),
        _ => Err(field("/spec/targets/0/libs", "not a list")),
    }
}
