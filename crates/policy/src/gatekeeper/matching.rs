//! `spec.match` of a constraint. All parts must hold; parts that are missing always do.

use serde_json::Value;

use super::constraint::ConstraintError;
use super::review::{Review, Source};
use super::selector::Selector;

/// The parts of a match block.
#[derive(Debug, Clone, Default)]
pub(super) struct Match {
    kinds: Vec<Kinds>,
    scope: Scope,
    namespaces: Vec<String>,
    excluded: Vec<String>,
    labels: Option<Selector>,
    namespace_labels: Option<Selector>,
    name: String,
    source: Option<Source>,
}

#[derive(Debug, Clone)]
struct Kinds {
    groups: Vec<String>,
    kinds: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Scope {
    #[default]
    Any,
    Cluster,
    Namespaced,
}

/// Why it cannot be told whether a constraint matches. It then counts as violated: not knowing is not passing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MatchError {
    /// A namespace selector needs the object's Namespace.
    #[error("the constraint selects namespaces by label, and the Namespace {0:?} is not known")]
    Namespace(String),
}

impl Match {
    pub fn parse(spec: &Value) -> Result<Self, ConstraintError> {
        if spec.is_null() {
            return Ok(Self::default());
        }
        if !spec.is_object() {
            return Err(ConstraintError::at("/spec/match", "not an object"));
        }
        let source = match spec["source"].as_str() {
            None | Some("" | "All") => None,
            Some("Original") => Some(Source::Original),
            Some("Generated") => Some(Source::Generated),
            Some(other) => {
                let reason = format!("{other:?} is none of All, Original, Generated");
                return Err(ConstraintError::at("/spec/match/source", reason));
            }
        };
        Ok(Self {
            kinds: kinds(&spec["kinds"])?,
            scope: match spec["scope"].as_str() {
                Some("Cluster") => Scope::Cluster,
                Some("Namespaced") => Scope::Namespaced,
                // Other texts, also misspelt ones, mean any scope to Gatekeeper.
                _ => Scope::Any,
            },
            namespaces: texts(&spec["namespaces"], "/spec/match/namespaces")?,
            excluded: texts(&spec["excludedNamespaces"], "/spec/match/excludedNamespaces")?,
            labels: Selector::parse(&spec["labelSelector"], "/spec/match/labelSelector")?,
            namespace_labels: Selector::parse(&spec["namespaceSelector"], "/spec/match/namespaceSelector")?,
            name: spec["name"].as_str().unwrap_or("").to_owned(),
            source,
        })
    }

    /// Whether it matches the object, or on an update what was there before.
    pub fn matches(&self, review: &Review, namespace: Option<&Value>) -> Result<bool, MatchError> {
        let mut failure = None;
        for object in review.objects() {
            match self.matches_object(object, review, namespace) {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(false), Err)
    }

    fn matches_object(&self, object: &Value, review: &Review, namespace: Option<&Value>) -> Result<bool, MatchError> {
        let metadata = &object["metadata"];
        let (group, kind) = group_and_kind(object);
        let is_namespace = group.is_empty() && kind == "Namespace";
        let own = metadata["namespace"].as_str().filter(|name| !name.is_empty());
        let known = namespace.and_then(|object| object["metadata"]["name"].as_str());
        let name = metadata["name"].as_str().unwrap_or("");
        let place = if is_namespace { Some(name) } else { known.or(own) };
        let scope = match self.scope {
            Scope::Any => true,
            Scope::Cluster => is_namespace || (own.is_none() && known.is_none()),
            Scope::Namespaced => !is_namespace && (own.is_some() || known.is_some()),
        };
        let generated = metadata["generateName"].as_str().unwrap_or("");
        let listed = |patterns: &[String], place: &str| patterns.iter().any(|pattern| glob(pattern, place));
        let plain = scope
            && self.matches_kind(group, kind)
            && (self.namespaces.is_empty() || place.is_none_or(|place| listed(&self.namespaces, place)))
            && place.is_none_or(|place| !listed(&self.excluded, place))
            && self.labels.as_ref().is_none_or(|selector| selector.selects(&metadata["labels"]))
            && (self.name.is_empty() || glob(&self.name, name) || glob_generated(&self.name, generated))
            && self.source.is_none_or(|source| source == review.source());
        if !plain {
            return Ok(false);
        }
        match &self.namespace_labels {
            None => Ok(true),
            Some(selector) if is_namespace => Ok(selector.selects(&metadata["labels"])),
            Some(selector) => match (namespace, own.or_else(|| review.namespace())) {
                (Some(namespace), _) => Ok(selector.selects(&namespace["metadata"]["labels"])),
                (None, Some(name)) => Err(MatchError::Namespace(name.to_owned())),
                // What belongs to no namespace is not selected away.
                (None, None) => Ok(true),
            },
        }
    }

    fn matches_kind(&self, group: &str, kind: &str) -> bool {
        let has = |list: &[String], text: &str| list.is_empty() || list.iter().any(|item| item == "*" || item == text);
        self.kinds.is_empty() || self.kinds.iter().any(|kinds| has(&kinds.groups, group) && has(&kinds.kinds, kind))
    }
}

/// API group and kind of an object.
pub(super) fn group_and_kind(object: &Value) -> (&str, &str) {
    let version = object["apiVersion"].as_str().unwrap_or("");
    (version.split_once('/').map_or("", |(group, _)| group), object["kind"].as_str().unwrap_or(""))
}

fn kinds(value: &Value) -> Result<Vec<Kinds>, ConstraintError> {
    let wrong = || ConstraintError::at("/spec/match/kinds", "not a list of objects");
    let items = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(items) => items,
        _ => return Err(wrong()),
    };
    let kinds = |item: &Value| {
        if !item.is_object() {
            return Err(wrong());
        }
        Ok(Kinds {
            groups: texts(&item["apiGroups"], "/spec/match/kinds/apiGroups")?,
            kinds: texts(&item["kinds"], "/spec/match/kinds/kinds")?,
        })
    };
    items.iter().map(kinds).collect()
}

pub(super) fn texts(value: &Value, path: &str) -> Result<Vec<String>, ConstraintError> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => items
            .iter()
            .map(|item| {
                item.as_str().map(str::to_owned).ok_or_else(|| ConstraintError::at(path, "not a list of texts"))
            })
            .collect(),
        _ => Err(ConstraintError::at(path, "not a list of texts")),
    }
}

/// A name, or a name with `*` at its start, its end, or both.
fn glob(pattern: &str, text: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(_), Some(_)) => text.contains(pattern.trim_matches('*')),
        (Some(end), None) => text.ends_with(end),
        (None, Some(start)) => text.starts_with(start),
        (None, None) => pattern == text,
    }
}

/// The same for a name that the API server will complete: only what a prefix can decide.
fn glob_generated(pattern: &str, prefix: &str) -> bool {
    if prefix.is_empty() {
        return false;
    }
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(_), Some(_)) => prefix.contains(pattern.trim_matches('*')),
        (None, Some(start)) => prefix.starts_with(start),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (pattern, text, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("kube-*", "kube-system", true),
            ("*-system", "kube-system", true),
            ("*be-sys*", "kube-system", true),
            ("*", "anything", true),
            ("a*c", "abc", false),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
        assert!(glob_generated("web-*", "web-"));
        assert!(!glob_generated("*-x", "web-x"));
        assert!(!glob_generated("web-", "web-"));
    }
}
