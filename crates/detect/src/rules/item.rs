//! One item of a rule file.

use limits::yaml::{Node, Yaml};
use model::Level;

use super::exceptions::Exception;
use super::keys::{EXCEPTION, LIST, MACRO, RULE};
use super::text::{File, Located};
use super::{Collected, ENGINE_VERSION};

const ITEM_KEYS: &str =
    "an item has one of the keys rule, macro, list, required_engine_version, required_plugin_versions";

impl Collected {
    pub(super) fn item(&mut self, node: &Node, file: &File, builtin: bool) {
        let node = &*self.first_of_each_key(node, file);
        if node.get("required_engine_version").is_some() {
            self.unknown_keys(node, file, &["required_engine_version"]);
            self.engine_version(node, file);
        } else if node.get("required_plugin_versions").is_some() {
            self.unknown_keys(node, file, &["required_plugin_versions"]);
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
        } else if matches!(node.value, Yaml::Mapping(_)) {
            self.report(node, file, "rule/unknown-item", Level::Warning, "this item is ignored".into(), ITEM_KEYS);
        } else if node.value != Yaml::Null {
            let message = format!("an item is a mapping, not {}", node.kind());
            self.report(node, file, "rule/wrong-type", Level::Error, message, ITEM_KEYS);
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
        for item in items {
            let alternatives = item.get("alternatives").and_then(Node::items).unwrap_or_default();
            let mut names = Vec::new();
            for one in std::iter::once(item).chain(alternatives) {
                self.plugin_version(one, &mut names, file);
            }
        }
    }

    fn plugin_version(&mut self, node: &Node, names: &mut Vec<String>, file: &File) {
        let version = node.get("version").and_then(Node::scalar_text);
        let name = node.get("name").and_then(Node::scalar_text);
        let message = match name {
            Some(name) if names.contains(&name) => format!("the plugin `{name}` is named twice"),
            Some(name) if version.as_deref().and_then(semver).is_some() => {
                names.push(name);
                return;
            }
            _ => "a required plugin has a `name` and a `version` such as 0.4.0".to_owned(),
        };
        self.report(node, file, "rule/plugin-version", Level::Error, message, "");
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
        truth(value).unwrap_or_else(|| {
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
        let Some(value) = node.get("exceptions").filter(|value| value.value != Yaml::Null) else { return Vec::new() };
        let Some(items) = value.items() else {
            let message = format!("`exceptions` is a list, not {}", value.kind());
            self.report(value, file, "rule/wrong-type", Level::Error, message, "");
            return Vec::new();
        };
        let mut found: Vec<Exception> = Vec::new();
        for item in items {
            let item = &*self.first_of_each_key(item, file);
            self.unknown_keys(item, file, EXCEPTION);
            let read = Exception::read(file, item).and_then(|read| if append { Ok(read) } else { read.complete() });
            match read {
                Ok(exception) => {
                    self.odd_exception(&exception, &found, item, file, append);
                    found.push(exception);
                }
                Err(diagnostic) => self.diagnostics.push(*diagnostic),
            }
        }
        found
    }

    fn odd_exception(&mut self, read: &Exception, others: &[Exception], item: &Node, file: &File, append: bool) {
        if others.iter().any(|other| other.name == read.name) {
            let message = format!("the exception `{}` is there twice", read.name);
            self.report(item, file, "rule/exception-twice", Level::Warning, message, "");
        }
        if append && item.get("values").is_none() {
            let message = format!("nothing is appended to the exception `{}`", read.name);
            self.report(item, file, "rule/append-no-values", Level::Warning, message, "give it `values`");
        }
    }
}

/// A boolean as yaml-cpp reads it, in quotes or not.
fn truth(node: &Node) -> Option<bool> {
    let text = node.scalar_text()?;
    let lower = text.to_ascii_lowercase();
    let mut chars = text.chars();
    let capitalised = chars.next().is_some_and(char::is_uppercase) && chars.as_str() == lower.get(1..)?;
    if text != lower && text != text.to_ascii_uppercase() && !capitalised {
        return None;
    }
    match lower.as_str() {
        "y" | "yes" | "true" | "on" => Some(true),
        "n" | "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

fn semver(text: &str) -> Option<(u64, u64, u64)> {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let mut parts = core.split('.').map(|part| part.parse::<u64>().ok());
    let version = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(version)
}
