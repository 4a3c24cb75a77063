//! Objects of the cluster that a policy may look up, in the shape of `data.inventory`:
//! `cluster.<apiVersion>.<kind>.<name>` and `namespace.<namespace>.<apiVersion>.<kind>.<name>`.

use serde_json::{Map, Value, json};

/// The objects.
#[derive(Debug, Clone)]
pub struct Inventory {
    data: Value,
    objects: usize,
}

/// Objects in one inventory. Azure's add-on allows 10,000 pods; ten times that is a gigabyte in the interpreter.
const MAX_OBJECTS: usize = 100_000;

/// Why an object cannot be in an inventory.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// A field that it is found by is missing.
    #[error("an object without {0} cannot be looked up")]
    Field(&'static str),
    /// There is no room.
    #[error("more than {MAX_OBJECTS} objects")]
    Full,
}

impl Default for Inventory {
    fn default() -> Self {
        Self { data: json!({ "cluster": {}, "namespace": {} }), objects: 0 }
    }
}

impl Inventory {
    /// Adds an object, or puts it in the place of an older one.
    pub fn add(&mut self, object: &Value) -> Result<(), InventoryError> {
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let version = text(&object["apiVersion"]).ok_or(InventoryError::Field("apiVersion"))?;
        let kind = text(&object["kind"]).ok_or(InventoryError::Field("kind"))?;
        let name = text(&object["metadata"]["name"]).ok_or(InventoryError::Field("metadata.name"))?;
        if self.objects == MAX_OBJECTS {
            return Err(InventoryError::Full);
        }
        let path = match text(&object["metadata"]["namespace"]) {
            Some(namespace) => vec!["namespace".to_owned(), namespace, version, kind, name],
            None => vec!["cluster".to_owned(), version, kind, name],
        };
        let mut here = &mut self.data;
        for key in path {
            if !here.is_object() {
                *here = Value::Object(Map::new());
            }
            here = &mut here[key];
        }
        self.objects += usize::from(here.is_null());
        *here = object.clone();
        Ok(())
    }

    pub(super) const fn as_data(&self) -> &Value {
        &self.data
    }

    pub(super) fn namespace(&self, name: &str) -> Option<&Value> {
        self.data.pointer("/cluster/v1/Namespace")?.get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_found_by_place_version_kind_and_name() {
        let mut inventory = Inventory::default();
        let object = |namespace: Value| json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "d", "namespace": namespace } });
        inventory.add(&object(json!("n"))).unwrap();
        inventory.add(&object(Value::Null)).unwrap();
        inventory.add(&object(Value::Null)).unwrap();
        assert_eq!(inventory.objects, 2);
        assert_eq!(inventory.data["namespace"]["n"]["apps/v1"]["Deployment"]["d"]["kind"], "Deployment");
        assert_eq!(inventory.data["cluster"]["apps/v1"]["Deployment"]["d"]["kind"], "Deployment");
        assert!(matches!(inventory.add(&json!({ "kind": "x" })), Err(InventoryError::Field("apiVersion"))));
    }

    #[test]
    fn there_is_a_limit() {
        let mut inventory = Inventory { objects: MAX_OBJECTS, ..Inventory::default() };
        let object = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" } });
        assert!(matches!(inventory.add(&object), Err(InventoryError::Full)));
    }
}
