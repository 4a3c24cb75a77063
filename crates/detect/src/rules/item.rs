//! One item of a rule file.

use limits::yaml::Node;
use model::Level;

use super::exceptions::Exception;
use super::keys::{EXCEPTION, LIST, MACRO, RULE};
use super::text::{File, Located};
use super::{Collected, ENGINE_VERSION};

impl Collected {
    pub(super) fn item(&mut self, node: &Node, file: &File, builtin: bool) {
        if node.get("required_engine_version").is_some() {
            self.engine_version(node, file);
        } else if node.get("required_plugin_versions").is_some() {
            self.plugin_versions(node, file);
        } else if node.get("list").is_some() {
            self.unknown_keys(node, file, LIST);
            self.list(node, file);
        } else if node.get("macro").is_some() {
            self.unknown_keys(node, file, MACRO);
            self.macro_(node, file);
        } else if node.get("rule").is_some() {
            self.unknown_keys(node, file, RULE);
            self.rule(node, file, builtin);
        } else if node.value != limits::yaml::Yaml::Null {
            let fix =
                "an item has one of the keys rule, macro, list, required_engine_version, required_plugin_versions";
            self.report(node, file, "rule/unknown-item", Level::Warning, "this item is ignored".into(), fix);
        }
    }

    fn engine_version(&mut self, node: &Node, file: &File) {
        let Some(value) = node.get("required_engine_version") else { return };
        let text = value.scalar_text().unwrap_or_default();
        let parsed = text.parse::<u64>().map(|minor| (0, minor, 0)).ok().or_else(|| semver(&text));
        let Some(version) = parsed else {
            let fix = "write a number such as 26 or a version such as 0.57.0";
            self.report(
                value,
                file,
                "rule/engine-version",
                Level::Error,
                format!("`{text}` is no engine version"),
                fix,
            );
            return;
        };
        if version > ENGINE_VERSION {
            let (major, minor, patch) = ENGINE_VERSION;
            let message = format!("the file asks for engine {text}; this engine speaks {major}.{minor}.{patch}");
            let fix = "what is not understood is reported one by one; update Seawall for the rest";
            self.report(value, file, "rule/engine-version", Level::Warning, message, fix);
        }
    }

    fn plugin_versions(&mut self, node: &Node, file: &File) {
        let Some(value) = node.get("required_plugin_versions") else { return };
        let Some(items) = value.items() else {
            let message = format!("`required_plugin_versions` is a list, not {}", value.kind());
            self.report(value, file, "rule/wrong-type", Level::Error, message, "");
            return;
        };
        let alternatives = |item: &Node| item.get("alternatives").and_then(Node::items).unwrap_or_default().to_vec();
        for item in items.iter().cloned().chain(items.iter().flat_map(alternatives)) {
            let version = item.get("version").and_then(Node::scalar_text);
            if item.get("name").is_none() || version.as_deref().and_then(semver).is_none() {
                let message = "a required plugin has a `name` and a `version` such as 0.4.0".into();
                self.report(&item, file, "rule/plugin-version", Level::Warning, message, "");
            }
        }
    }

    /// The text of a scalar under a key, which must be there and not be empty.
    pub(super) fn required(&mut self, node: &Node, key: &str, file: &File) -> Option<(String, Located)> {
        let Some(value) = node.get(key) else {
            self.report(node, file, "rule/missing-key", Level::Error, format!("the key `{key}` is missing"), "");
            return None;
        };
        if let Some(text) = value.scalar_text().filter(|text| !text.is_empty()) {
            let located = Located::of(file, value, &text);
            return Some((text, located));
        }
        let message = format!("`{key}` is a text that is not empty, not {}", value.kind());
        self.report(value, file, "rule/wrong-type", Level::Error, message, "");
        None
    }

    /// A boolean under a key, with its default.
    pub(super) fn flag(&mut self, node: &Node, key: &str, file: &File, default: bool) -> bool {
        let Some(value) = node.get(key) else { return default };
        value.as_bool().unwrap_or_else(|| {
            let message = format!("`{key}` is true or false, not {}", value.kind());
            self.report(value, file, "rule/wrong-type", Level::Error, message, "");
            default
        })
    }

    /// Scalars of a sequence under a key; `None` after a report when they are something else.
    pub(super) fn texts(&mut self, node: &Node, key: &str, file: &File) -> Option<Vec<String>> {
        let value = node.get(key)?;
        let texts = value.items().and_then(|items| items.iter().map(Node::scalar_text).collect::<Option<Vec<_>>>());
        if texts.is_none() {
            let message = format!("`{key}` is a list of texts, not {}", value.kind());
            self.report(value, file, "rule/wrong-type", Level::Error, message, "");
        }
        texts
    }

    /// The exceptions of a rule, complete or (for appending) as they stand.
    pub(super) fn exceptions(&mut self, node: &Node, file: &File, append: bool) -> Vec<Exception> {
        let Some(items) = node.get("exceptions").map(|value| value.items().unwrap_or_default().to_vec()) else {
            return Vec::new();
        };
        let mut found: Vec<Exception> = Vec::new();
        for item in &items {
            self.unknown_keys(item, file, EXCEPTION);
            let read = Exception::read(file, item).and_then(|read| if append { Ok(read) } else { read.complete() });
            match read {
                Ok(exception) => {
                    if found.iter().any(|other| other.name == exception.name) {
                        let message = format!("the exception `{}` is there twice", exception.name);
                        self.report(item, file, "rule/exception-twice", Level::Warning, message, "");
                    }
                    found.push(exception);
                }
                Err(diagnostic) => self.diagnostics.push(*diagnostic),
            }
        }
        found
    }
}

fn semver(text: &str) -> Option<(u64, u64, u64)> {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let mut parts = core.split('.').map(|part| part.parse::<u64>().ok());
    let version = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(version)
}
