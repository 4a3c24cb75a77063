//! How an item changes what earlier files said: define, append, override, toggle.

use limits::yaml::{Node, Yaml};
use model::Level;

use super::exceptions::Exception;
use super::keys::{APPENDABLE, REPLACEABLE};
use super::text::{File, Located};
use super::{Collected, List, Macro, RuleText};
use crate::{EventSource, Priority};

/// Which keys an `override` appends to and replaces.
#[derive(Debug, Default)]
struct Override {
    append: Vec<String>,
    replace: Vec<String>,
}

impl Override {
    const fn is_empty(&self) -> bool {
        self.append.is_empty() && self.replace.is_empty()
    }

    fn touches(&self, key: &str) -> bool {
        self.append.iter().chain(&self.replace).any(|other| other == key)
    }
}

impl Collected {
    pub(super) fn list(&mut self, node: &Node, file: &File) {
        let Some((name, _)) = self.required(node, "list", file) else { return };
        if name.contains(|c: char| c.is_whitespace() || "()\"'=,".contains(c)) {
            let message = format!("no condition can name the list `{name}`");
            let fix = "use no blanks, quotes, parentheses, commas or equal signs";
            self.report(node, file, "rule/list-name", Level::Warning, message, fix);
        }
        let Some(items) = self.texts(node, "items", file) else {
            if node.get("items").is_none() {
                self.report(node, file, "rule/missing-key", Level::Error, "the key `items` is missing".into(), "");
            }
            return;
        };
        let Some(append) = self.appends(node, file, "items") else { return };
        let clock = self.tick();
        let spot = file.spot(node);
        match (append, self.lists.get_mut(&name)) {
            (true, Some(list)) => {
                list.items.extend(items);
                list.visibility = clock;
            }
            (true, None) => self.no_previous(node, file, "list", &name),
            (false, Some(list)) => *list = List { items, index: list.index, visibility: clock, spot },
            (false, None) => {
                self.lists.insert(name, List { items, index: clock, visibility: clock, spot });
            }
        }
    }

    pub(super) fn macro_(&mut self, node: &Node, file: &File) {
        let Some((name, _)) = self.required(node, "macro", file) else { return };
        let Some((_, condition)) = self.required(node, "condition", file) else { return };
        let Some(append) = self.appends(node, file, "condition") else { return };
        let clock = self.tick();
        let spot = file.spot(node);
        match (append, self.macros.get_mut(&name)) {
            (true, Some(found)) => {
                found.condition.append(&condition);
                found.visibility = clock;
            }
            (true, None) => self.no_previous(node, file, "macro", &name),
            (false, Some(found)) => *found = Macro { condition, index: found.index, visibility: clock, spot },
            (false, None) => {
                self.macros.insert(name, Macro { condition, index: clock, visibility: clock, spot });
            }
        }
    }

    fn no_previous(&mut self, node: &Node, file: &File, what: &str, name: &str) {
        let message = format!("there is no earlier {what} `{name}` to change");
        let fix = format!("load the file that defines `{name}` before this one");
        self.report(node, file, "rule/no-previous", Level::Error, message, &fix);
    }

    /// Whether a list or macro is appended to; `None` after a report when that makes no sense.
    fn appends(&mut self, node: &Node, file: &File, key: &str) -> Option<bool> {
        let flag = self.append_flag(node, file);
        let overrides = self.overrides(node, file, &[key], &[key])?;
        if flag && !overrides.is_empty() {
            let message = "`append` and `override` cannot be used together".into();
            self.report(node, file, "rule/append-and-override", Level::Error, message, "keep only `override`");
            return None;
        }
        Some(flag || !overrides.append.is_empty())
    }

    fn append_flag(&mut self, node: &Node, file: &File) -> bool {
        let flag = self.flag(node, "append", file, false);
        if flag && let Some(at) = node.get("append") {
            let at = at.clone();
            let message = "`append` is deprecated".into();
            self.report(
                &at,
                file,
                "rule/deprecated",
                Level::Warning,
                message,
                "use `override` with `append` for each key",
            );
        }
        flag
    }

    fn overrides(&mut self, node: &Node, file: &File, append: &[&str], replace: &[&str]) -> Option<Override> {
        let mut found = Override::default();
        let Some(mapping) = node.get("override") else { return Some(found) };
        if !matches!(mapping.value, Yaml::Mapping(_)) {
            let message = format!("`override` is a mapping, not {}", mapping.kind());
            self.report(mapping, file, "rule/override", Level::Error, message, "write `override: {items: append}`");
            return None;
        }
        for (key, value) in mapping.entries() {
            let name = key.scalar_text().unwrap_or_default();
            let how = value.scalar_text().unwrap_or_default();
            let (allowed, list) = match how.as_str() {
                "append" => (append, &mut found.append),
                "replace" => (replace, &mut found.replace),
                _ => {
                    let message = format!("`{how}` is no way to override `{name}`");
                    self.report(value, file, "rule/override", Level::Error, message, "use `append` or `replace`");
                    return None;
                }
            };
            if !allowed.contains(&name.as_str()) {
                let message = format!("the key `{name}` cannot be overridden with `{how}`");
                self.report(
                    key,
                    file,
                    "rule/override",
                    Level::Error,
                    message,
                    &format!("possible are {}", allowed.join(", ")),
                );
                return None;
            }
            if node.get(&name).is_none() {
                let message = format!("`override` names `{name}`, but the item has no `{name}`");
                self.report(key, file, "rule/override", Level::Error, message, "");
                return None;
            }
            list.push(name);
        }
        Some(found)
    }

    pub(super) fn rule(&mut self, node: &Node, file: &File, builtin: bool) {
        let Some((name, _)) = self.required(node, "rule", file) else { return };
        let flag = self.append_flag(node, file);
        let Some(mut overrides) = self.overrides(node, file, APPENDABLE, REPLACEABLE) else { return };
        if flag && !overrides.is_empty() {
            let message = "`append` and `override` cannot be used together".into();
            self.report(node, file, "rule/append-and-override", Level::Error, message, "keep only `override`");
            return;
        }
        if flag {
            let keys = ["condition", "exceptions"].into_iter().filter(|key| node.get(key).is_some());
            overrides.append = keys.map(str::to_owned).collect();
            if overrides.is_empty() {
                let message = format!("there is nothing to append to `{name}`");
                self.report(node, file, "rule/missing-key", Level::Error, message, "give a condition or exceptions");
                return;
            }
        }
        self.tick();
        if flag || !overrides.is_empty() {
            self.change_rule(&name, node, file, &overrides, flag);
        } else if ["condition", "output", "desc", "priority"].iter().all(|key| node.get(key).is_none()) {
            self.toggle_rule(&name, node, file);
        } else if let Some(rule) = self.whole_rule(node, file, builtin) {
            self.define_rule(name, rule, node, file);
        }
    }

    fn define_rule(&mut self, name: String, rule: RuleText, node: &Node, file: &File) {
        match self.rules.get_mut(&name) {
            Some(old) if old.source != rule.source => {
                let before = old.source.clone();
                self.other_source(&name, &before, node, file);
            }
            Some(old) => *old = rule,
            None => {
                self.rules.insert(name, rule);
            }
        }
    }

    fn other_source(&mut self, name: &str, before: &EventSource, node: &Node, file: &File) {
        let message = format!("`{name}` was defined for the source {before} before");
        self.report(node, file, "rule/other-source", Level::Error, message, "give it another name");
    }

    fn whole_rule(&mut self, node: &Node, file: &File, builtin: bool) -> Option<RuleText> {
        let condition = self.required(node, "condition", file);
        let output = self.required(node, "output", file);
        let description = self.required(node, "desc", file);
        let priority = self.priority(node, file);
        let source = match node.get("source") {
            None => "syscall".into(),
            Some(_) => self.required(node, "source", file)?.0,
        };
        self.flag(node, "capture", file, false);
        Some(RuleText {
            condition: condition?.1,
            output: output?.1,
            description: description?.0,
            priority: priority?,
            source: EventSource::from_name(&source),
            enabled: self.flag(node, "enabled", file, true),
            tags: self.tags(node, file),
            exceptions: self.exceptions(node, file, false),
            warn_event_types: self.flag(node, "warn_evttypes", file, true),
            skip_unknown: self.flag(node, "skip-if-unknown-filter", file, false),
            builtin,
            spot: file.spot(node),
        })
    }

    /// The tags, each once.
    fn tags(&mut self, node: &Node, file: &File) -> Vec<String> {
        let mut tags = Vec::new();
        add_tags(&mut tags, self.texts(node, "tags", file).unwrap_or_default());
        tags
    }

    fn priority(&mut self, node: &Node, file: &File) -> Option<Priority> {
        let (word, _) = self.required(node, "priority", file)?;
        let priority = Priority::from_word(&word);
        if priority.is_none()
            && let Some(at) = node.get("priority")
        {
            let known: Vec<&str> = Priority::ALL.iter().map(|level| level.as_str()).collect();
            let at = at.clone();
            let fix = format!("use one of {}", known.join(", "));
            self.report(&at, file, "rule/priority", Level::Error, format!("`{word}` is no priority"), &fix);
        }
        priority
    }

    fn toggle_rule(&mut self, name: &str, node: &Node, file: &File) {
        if node.get("enabled").is_none() {
            let message = format!("`{name}` has neither a condition nor `enabled`");
            self.report(node, file, "rule/missing-key", Level::Error, message, "");
            return;
        }
        let enabled = self.flag(node, "enabled", file, true);
        let message = "a rule with only `enabled` is deprecated".into();
        self.report(node, file, "rule/deprecated", Level::Warning, message, "add `override: {enabled: replace}`");
        match self.rules.get_mut(name) {
            Some(rule) => rule.enabled = enabled,
            None => self.no_previous(node, file, "rule", name),
        }
    }

    fn change_rule(&mut self, name: &str, node: &Node, file: &File, overrides: &Override, flag: bool) {
        let Some(mut rule) = self.rules.get(name).cloned() else {
            self.no_previous(node, file, "rule", name);
            return;
        };
        if flag || overrides.touches("condition") {
            let source = node.get("source").and_then(Node::scalar_text).filter(|source| !source.is_empty());
            if source.is_some_and(|source| EventSource::from_name(&source) != rule.source) {
                self.other_source(name, &rule.source, node, file);
                return;
            }
        }
        for key in REPLACEABLE {
            if !flag && node.get(key).is_some() && !overrides.touches(key) {
                let message = format!("`{key}` is given, but `override` does not say what to do with it");
                self.report(node, file, "rule/override", Level::Error, message, "");
                return;
            }
        }
        for key in &overrides.append {
            if !self.append_key(&mut rule, key, node, file) {
                return;
            }
        }
        for key in &overrides.replace {
            if !self.replace_key(&mut rule, key, node, file) {
                return;
            }
        }
        self.rules.insert(name.to_owned(), rule);
    }

    fn append_key(&mut self, rule: &mut RuleText, key: &str, node: &Node, file: &File) -> bool {
        if key == "exceptions" {
            let found = self.exceptions(node, file, true);
            return found.into_iter().all(|exception| self.append_exception(rule, exception));
        }
        if key == "tags" {
            add_tags(&mut rule.tags, self.tags(node, file));
            return true;
        }
        let Some((text, located)) = self.required(node, key, file) else { return false };
        match key {
            "condition" => rule.condition.append(&located),
            "output" => rule.output.append(&located),
            _ => rule.description = format!("{} {text}", rule.description),
        }
        true
    }

    fn append_exception(&mut self, rule: &mut RuleText, exception: Exception) -> bool {
        let refuse = |exception: &Exception, message: &str| {
            exception.place.node.diagnostic("rule/exception", Level::Error, exception.place.file.name(), message)
        };
        match rule.exceptions.iter_mut().find(|known| known.name == exception.name) {
            Some(_) if exception.fields.is_some() || exception.comps.is_some() => {
                let message = "only values can be appended to an exception that is there";
                self.diagnostics.push(refuse(&exception, message).with_fix("remove `fields` and `comps`"));
                false
            }
            Some(known) => {
                known.values.extend(exception.values);
                true
            }
            None if exception.values.is_empty() => {
                self.diagnostics.push(refuse(&exception, "a new exception needs `values`"));
                false
            }
            None => match exception.complete() {
                Ok(exception) => {
                    rule.exceptions.push(exception);
                    true
                }
                Err(diagnostic) => {
                    self.diagnostics.push(*diagnostic);
                    false
                }
            },
        }
    }

    fn replace_key(&mut self, rule: &mut RuleText, key: &str, node: &Node, file: &File) -> bool {
        match key {
            "condition" | "output" | "desc" => {
                let Some((text, located)) = self.required(node, key, file) else { return false };
                let target: &mut Located = match key {
                    "condition" => &mut rule.condition,
                    "output" => &mut rule.output,
                    _ => {
                        rule.description = text;
                        return true;
                    }
                };
                *target = located;
            }
            "priority" => match self.priority(node, file) {
                Some(priority) => rule.priority = priority,
                None => return false,
            },
            "tags" => rule.tags = self.tags(node, file),
            "exceptions" => rule.exceptions = self.exceptions(node, file, false),
            "enabled" => rule.enabled = self.flag(node, key, file, rule.enabled),
            "warn_evttypes" => rule.warn_event_types = self.flag(node, key, file, rule.warn_event_types),
            "skip-if-unknown-filter" => rule.skip_unknown = self.flag(node, key, file, rule.skip_unknown),
            // Recordings of Falco (`capture`) have no counterpart here; evidence is kept always.
            _ => {}
        }
        true
    }
}

/// Adds tags that are not there yet: they are a set.
fn add_tags(tags: &mut Vec<String>, more: Vec<String>) {
    for tag in more {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
}
