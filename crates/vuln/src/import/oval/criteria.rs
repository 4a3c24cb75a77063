//! The tree of criteria of a definition, flattened to groups of platforms and package tests.

/// A node.
#[derive(Debug, Default)]
pub(super) struct Criteria {
    any: bool,
    leaves: Vec<Leaf>,
    nested: Vec<Criteria>,
}

#[derive(Debug)]
struct Leaf {
    test: String,
    comment: String,
}

/// Package tests that hold on the same platforms and module stream.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// Platforms by their names; empty: the definition's.
    pub platforms: Vec<String>,
    /// Module stream; empty for none.
    pub module: String,
    /// Ids of tests, with what the criterion says of each.
    pub tests: Vec<(String, String)>,
}

impl Criteria {
    pub(super) fn new(any: bool) -> Self {
        Self { any, ..Self::default() }
    }

    pub(super) fn leaf(&mut self, test: String, comment: String) {
        self.leaves.push(Leaf { test, comment });
    }

    pub(super) fn nested(&mut self, criteria: Self) {
        self.nested.push(criteria);
    }

    /// The groups, outer conditions applied to inner tests.
    pub(super) fn groups(&self) -> Vec<Group> {
        let mut groups = Vec::new();
        self.collect(&Group::default(), &mut groups);
        groups
    }

    fn collect(&self, outer: &Group, groups: &mut Vec<Group>) {
        let mut here = Group { tests: Vec::new(), ..outer.clone() };
        for leaf in &self.leaves {
            if let Some(platform) = leaf.platform() {
                here.platforms.push(platform.to_owned());
            } else if let Some(module) = leaf.module() {
                module.clone_into(&mut here.module);
            } else {
                here.tests.push((leaf.test.clone(), leaf.comment.clone()));
            }
        }
        if !self.any {
            for nested in self.nested.iter().filter(|nested| nested.only_platforms()) {
                here.platforms.extend(nested.leaves.iter().filter_map(Leaf::platform).map(str::to_owned));
            }
        }
        let condition = Group { tests: Vec::new(), ..here.clone() };
        if !here.tests.is_empty() {
            groups.push(here);
        }
        for nested in self.nested.iter().filter(|nested| self.any || !nested.only_platforms()) {
            nested.collect(&condition, groups);
        }
    }

    fn only_platforms(&self) -> bool {
        self.nested.is_empty() && !self.leaves.is_empty() && self.leaves.iter().all(|leaf| leaf.platform().is_some())
    }
}

impl Leaf {
    /// `Oracle Linux 5 is installed`.
    fn platform(&self) -> Option<&str> {
        self.comment.strip_suffix(" is installed").filter(|name| name.contains(' '))
    }

    /// `Module nodejs:18 is enabled`.
    fn module(&self) -> Option<&str> {
        self.comment.strip_prefix("Module ").and_then(|rest| rest.strip_suffix(" is enabled"))
    }
}
